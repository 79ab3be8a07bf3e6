"""Which precision a CPU is given."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import torch

from heedful.errors import RequestError
from heedful.models import machine

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _measured_anew() -> Iterator[None]:
    machine._measured_precision.cache_clear()
    yield
    machine._measured_precision.cache_clear()


@pytest.mark.parametrize(
    ("bf16", "asked", "taken"),
    [
        ((5.0, 5.0), 2, "fp32"),  # no matrix units: two products tell
        ((0.2, 0.2), 2, "bf16"),
        ((5.0, 0.2, 0.2), 3, "bf16"),  # another program had the core for a moment
        ((0.9, 0.9), 2, "fp32"),  # faster, but not by half
    ],
)
def test_bf16_is_taken_where_it_is_half_as_fast_again(
    monkeypatch: pytest.MonkeyPatch, bf16: tuple[float, ...], asked: int, taken: str
) -> None:
    seconds, looks = iter(bf16), []

    def timed(dtype: torch.dtype, width: int, times: int, warm_up: int = 0) -> float:
        looks.append(dtype)
        return 1.0 if dtype == torch.float32 else next(seconds)

    monkeypatch.setattr(machine, "_seconds", timed)
    assert machine.choose_precision("auto", CPU) == taken
    assert looks == [torch.float32, *[torch.bfloat16] * asked]
    assert machine.choose_precision("auto", CPU) == taken
    assert len(looks) == 1 + asked, "measured once a process"


def test_the_measurement_takes_real_products() -> None:
    assert machine.choose_precision("auto", CPU, width=32) in ("fp32", "bf16")
    assert machine._seconds(torch.float32, 16, 3, warm_up=1) > 0


def test_what_is_asked_for_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_seconds", None)
    assert machine.choose_precision("bf16", CPU) == "bf16"
    assert machine.choose_precision("auto", torch.device("mps")) == "fp32"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cud", "no such device (did you mean 'cuda'?); name auto, cpu, cuda, cuda:1 or mps"),
        ("meta", "no such device; name"),  # torch has it, but no numbers are in it
        ("", "no such device; name"),
        ("mps", "there is none here that torch can use; use device: auto"),
        ("cuda:7", "there is none here that torch can use (torch says why); use device: auto"),
    ],
)
def test_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch, name: str, said: str) -> None:
    def empty(*_: object, **__: object) -> None:
        raise RuntimeError("torch says why\nand much more")

    monkeypatch.setattr(machine.torch, "empty", empty)
    with pytest.raises(RequestError, match=re.escape(f"device '{name}': {said}")):
        machine.choose_device(name)
