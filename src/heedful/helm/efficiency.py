"""Time, tokens and an estimate of the energy that answers took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from heedful.stats import Interval

ASSUMED_WATTS = 65.0
POWERCAP = Path("/sys/class/powercap")
WattsFrom = Literal["measured", "limit", "assumed", "given"]


@dataclass(frozen=True)
class Watts:
    """The power of the processor and where the figure comes from."""

    watts: float
    source: WattsFrom


@dataclass(frozen=True)
class Efficiency:
    """What answers took. `energy_kwh` is seconds times watts; None for a model that ran elsewhere, `co2_kg` without a
    factor. `seconds_each` is the mean of an answer's seconds with its interval."""

    answers: int
    failed: int
    seconds: float
    seconds_each: Interval
    prompt_tokens: int
    tokens: int
    tokens_per_second: float | None
    watts: Watts | None
    energy_kwh: float | None
    co2_kg: float | None


class EnergyMeter:
    """Reads the processor's energy counters (RAPL) when it is entered and left: `joules` is None where they cannot be
    read."""

    joules: float | None
    seconds: float

    def __init__(self, folder: Path = POWERCAP): ...
    def __enter__(self) -> EnergyMeter: ...
    def __exit__(self, *error: object) -> None: ...


def processor_watts(folder: Path = POWERCAP, assumed: float = ASSUMED_WATTS) -> Watts:
    """The processor's power: the limit that it is run under where that can be read, else the assumption."""
    raise NotImplementedError


@dataclass(frozen=True)
class Took:
    """What one answer took; any record with these fields will do, a Response too."""

    seconds: float
    prompt_tokens: int
    tokens: int
    error: str | None = None


def efficiency(
    answers: Sequence[object],
    *,
    watts: float | Watts | None = None,
    local: bool = True,
    seconds: float | None = None,
    co2_per_kwh: float | None = None,
) -> Efficiency:
    """The figures of answers (Responses, or anything with `seconds`, `prompt_tokens`, `tokens` and `error`).

    `seconds` is the time of the whole work, where the caller took it; else the sum of the answers' own. `watts` is the
    caller's, or measured; left out, `processor_watts` says. A model that is not `local` has no energy estimate.
    """
    raise NotImplementedError
