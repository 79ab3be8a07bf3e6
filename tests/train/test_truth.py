"""That training computes what it says: each claim as a check, and beside it mutants of the code that the check catches.

Weights come from sines, not from torch's random numbers, so that the recorded curves outlive versions of torch. With
``HEEDFUL_RECORD=1`` the curves in ``curves.json`` are written anew.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from heedful.models import adapters
from heedful.models.adapters import add_lora
from heedful.records import TokenExample
from heedful.store import RunFolder, read_metrics
from heedful.train import loop, objective, training
from heedful.train.objective import Objective
from heedful.train.recipe import Recipe, make_recipe
from heedful.view import Silent

VOCABULARY = 61
CURVES = Path(__file__).with_name("curves.json")
ENGINES = ("plain", "auto") if "engine" in Recipe.model_fields else ("plain",)
# In the fast tests the one that a run takes by itself; the model's own pass is in the slow ones.
ENGINE = [*(pytest.param(e, marks=pytest.mark.slow) for e in ENGINES[:-1]), ENGINES[-1]]


def sines(model: Any) -> Any:
    """The same weights on every machine and with every version."""
    with torch.no_grad():
        for number, (name, parameter) in enumerate(model.named_parameters()):
            if "lora_B" in name or parameter.ndim < 2 or not parameter.requires_grad:
                continue
            places = torch.arange(parameter.numel(), dtype=torch.float64) * (0.7 + 0.01 * number) + number
            scale = 0.6 / math.sqrt(parameter.shape[1])
            parameter.copy_((scale * torch.sin(places * places.remainder(97))).view_as(parameter).float())
    return model


def model_of(tiny: Any, architecture: str = "llama", lora: bool = False) -> Any:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(tiny.config(architecture, VOCABULARY), dtype=torch.float32)
    sines(model)
    return sines(add_lora(model, 4, 8, 0.0, "all-linear")) if lora else model


def token_rows(count: int) -> list[TokenExample]:
    """Rows of 3 to 23 tokens, of which a first part of very unequal length is not trained."""
    out = []
    for k in range(count):
        n = 3 + (k * 7 + k * k) % 21
        ids = tuple(1 + (k * 11 + j * (1 + k % 4)) % (VOCABULARY - 1) for j in range(n))
        out.append(TokenExample(f"r{k}", ids, tuple(j >= 1 + (k * 5) % (n - 1) for j in range(n))))
    return out


def training_of(tiny: Any, folder: Path, model: Any = None, rows: Any = None, precision: str = "fp32", **changes: Any):
    settings = {"tuning": "full", "batch_size": 12, "learning_rate": 3e-3, "warmup_steps": 0, "eval_every": 1000}
    settings |= {"patience": 0, "device": "cpu", "epochs": 1, "schedule": "constant"}
    rows = rows or token_rows(12)
    return training.prepare_training(
        model if model is not None else model_of(tiny), rows, rows[:4], make_recipe(settings | changes),
        RunFolder(folder), precision=precision, device=torch.device("cpu"), pad_id=0, watcher=Silent(),
    )  # fmt: skip


def fit(t: training.Training) -> None:
    """Train to the end without writing checkpoints, which no check here reads; `test_resume.py` holds them to it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop.keeping, "save", lambda t: None)
        patch.setattr(loop.keeping, "load_best", lambda t: None)
        loop.fit(t)


def losses(t: training.Training) -> list[float]:
    return [m["train_loss"] for m in read_metrics(t.run.metrics) if "train_loss" in m]


def state_of(t: training.Training) -> dict[str, torch.Tensor]:
    return {n: p.detach().clone() for n, p in t.model.named_parameters() if p.requires_grad}


# ---- accumulation ---------------------------------------------------------------------------------------------------


def one_step(tiny: Any, folder: Path, micro: int | None, lora: bool, engine: dict[str, str]) -> tuple[Any, ...]:
    """Loss, gradient norm and gradients of a step of twelve unequal rows, and the weights after it."""
    tuning = "lora" if lora else "full"
    t = training_of(tiny, folder, model_of(tiny, lora=lora), micro_batch_size=micro, tuning=tuning, **engine)
    kept: dict[str, torch.Tensor] = {}
    clip = t.accelerator.clip_grad_norm_

    def spy(parameters: Any, norm: float) -> Any:
        kept.update({n: p.grad.clone() for n, p in t.model.named_parameters() if p.grad is not None})
        return clip(list(t.model.parameters()), norm)

    t.accelerator.clip_grad_norm_ = spy  # type: ignore[method-assign]
    loop._train_step(t, list(range(12)))
    (line,) = read_metrics(t.run.metrics)
    return line["train_loss"], line["grad_norm"], kept, state_of(t)


def check_accumulation(tiny: Any, folder: Path, micro: int, lora: bool, engine: dict[str, str]) -> None:
    whole = one_step(tiny, folder / "whole", None, lora, engine)
    parts = one_step(tiny, folder / "parts", micro, lora, engine)
    assert parts[0] == pytest.approx(whole[0], rel=1e-5)
    assert parts[1] == pytest.approx(whole[1], rel=1e-4)
    assert whole[2].keys() == parts[2].keys()
    assert whole[2]
    for name, value in whole[2].items():
        scale = float(value.abs().max())
        torch.testing.assert_close(parts[2][name], value, rtol=1e-3, atol=1e-5 * scale + 1e-9, msg=name)
    for name, value in whole[3].items():
        # AdamW's first step is the gradient's sign times the rate: of a gradient of nearly 0 the sign is chance.
        sure = whole[2][name].abs() > 1e-4 * whole[2][name].abs().max()
        torch.testing.assert_close(parts[3][name][sure], value[sure], rtol=0, atol=3e-6, msg=name)


@pytest.mark.parametrize("engine", ENGINE)
@pytest.mark.parametrize(
    ("micro", "lora"),
    [
        *((1, False), (5, True), (6, False)),
        *(pytest.param(*other, marks=pytest.mark.slow) for other in ((1, True), (5, False), (6, True))),
    ],
)
def test_accumulated_batches_are_one_large_batch(tiny, tmp_path, micro, lora, engine):
    check_accumulation(tiny, tmp_path, micro, lora, {"engine": engine} if len(ENGINES) > 1 else {})


def mean_of_means(patch: pytest.MonkeyPatch) -> None:
    """What transformers#34191 was: each micro-batch's mean loss, averaged."""
    real = loop._row_losses

    def wrong(t: Any, batch: Any) -> torch.Tensor:
        total, parts = sum(e.trained_tokens for e in t.train), -(-len(t.train) // len(batch.rows))
        return real(t, batch) * (total / (parts * max(1, batch.trained_tokens)))

    patch.setattr(loop, "_row_losses", wrong)


def last_part_alone(patch: pytest.MonkeyPatch) -> None:
    """Gradients of the earlier micro-batches are forgotten."""
    real = loop._micro_batches
    patch.setattr(loop, "_micro_batches", lambda t, examples: real(t, examples)[-1:])


# ---- chunks of the head ---------------------------------------------------------------------------------------------


def check_chunks(tiny: Any) -> None:
    made = Objective(model_of(tiny).train())
    assert made.check_head()
    batch = loop.collate(token_rows(12), 0)
    out = []
    for size in (1 << 26, VOCABULARY * 5):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(objective, "LOGITS_AT_ONCE", size)
            made.zero_grad()
            values = made(batch.input_ids, batch.attention_mask, batch.labels)
            (values * torch.arange(1, 13)).sum().backward()
            out.append((values.detach(), {n: p.grad.clone() for n, p in made.named_parameters() if p.grad is not None}))
    torch.testing.assert_close(out[1][0], out[0][0], rtol=1e-5, atol=1e-6)
    for name, value in out[0][1].items():
        torch.testing.assert_close(out[1][1][name], value, rtol=1e-4, atol=1e-5, msg=name)


def test_the_loss_in_chunks_is_the_plain_loss(tiny):
    check_chunks(tiny)


def rounded_chunks(patch: pytest.MonkeyPatch) -> None:
    real = objective._cross_entropy
    patch.setattr(objective, "_cross_entropy", lambda head, h, y: real(head, h.bfloat16().float(), y))
    whole = Objective._head_losses

    def mixed(self: Any, hidden: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        if objective.LOGITS_AT_ONCE > 1000:
            return real(self.model.get_output_embeddings(), hidden, targets)
        return whole(self, hidden, targets)

    patch.setattr(Objective, "_head_losses", mixed)


def chunks_in_another_order(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(objective.torch, "cat", lambda parts, real=torch.cat: real(list(reversed(parts))))


# ---- four rows, a recorded curve ------------------------------------------------------------------------------------


def check_four_rows(tiny: Any, folder: Path, engine: dict[str, str]) -> None:
    four = token_rows(4)
    t = training_of(tiny, folder, rows=four, batch_size=4, epochs=80, learning_rate=1e-2, eval_every=80, **engine)
    fit(t)
    first, last = (t.progress.evaluations[i].loss for i in (0, -1))
    assert first > 3
    assert last < 0.01


@pytest.mark.parametrize("engine", ENGINE)
def test_four_rows_are_learned_by_heart(tiny, tmp_path, engine):
    check_four_rows(tiny, tmp_path, {"engine": engine} if len(ENGINES) > 1 else {})


def labels_a_step_late(patch: pytest.MonkeyPatch) -> None:
    real = loop.collate

    def wrong(*arguments: Any, **options: Any) -> Any:
        batch = real(*arguments, **options)
        batch.input_ids.copy_(batch.input_ids.roll(1, -1) * 0 + 1)  # the model sees nothing of the row
        return batch

    patch.setattr(loop, "collate", wrong)


def curve(
    tiny: Any, folder: Path, architecture: str, lora: bool, precision: str = "fp32", **engine: str
) -> list[float]:
    """The training losses of 30 steps, a list of numbers."""
    model = model_of(tiny, architecture, lora)
    changes = {"tuning": "lora" if lora else "full", "batch_size": 6, "epochs": 5, "schedule": "cosine"}
    t = training_of(tiny, folder, model, token_rows(36), precision, **changes, **engine)
    fit(t)
    assert len(losses(t)) == 30
    return losses(t)


# Other processors and versions of torch add in another order. Over the 30 steps the engine and the plain pass differed
# by 1e-5 at most; a rate wrong by a tenth moves a loss by more than 0.01.
TOLERANCE = 1e-3


def check_curve(tiny: Any, folder: Path, name: str, engine: dict[str, str]) -> None:
    architecture, tuning = name.split("-")
    got = curve(tiny, folder, architecture, tuning == "lora", **engine)
    if os.environ.get("HEEDFUL_RECORD"):
        known = json.loads(CURVES.read_text()) if CURVES.is_file() else {}
        CURVES.write_text(json.dumps({**known, name: [round(v, 5) for v in got]}, indent=1) + "\n")
    assert got == pytest.approx(json.loads(CURVES.read_text())[name], abs=TOLERANCE)
    assert got[-1] < got[0] - 0.05


@pytest.mark.parametrize("engine", ENGINE)
@pytest.mark.parametrize("name", ["llama-full", "llama-lora", "gemma3-full", "gpt2-lora"])
def test_losses_are_the_recorded_ones(tiny, tmp_path, name, engine):
    check_curve(tiny, tmp_path, name, {"engine": engine} if len(ENGINES) > 1 else {})


def a_rate_a_tenth_too_high(patch: pytest.MonkeyPatch) -> None:
    real = loop.learning_rate_at
    patch.setattr(loop, "learning_rate_at", lambda *a: 1.1 * real(*a))


def no_clipping(patch: pytest.MonkeyPatch) -> None:
    real = Recipe.model_fields["max_grad_norm"].default
    assert real == 1.0
    patch.setattr(torch.nn.utils, "clip_grad_norm_", lambda parameters, norm, **_: torch.zeros(()))


# ---- adapters -------------------------------------------------------------------------------------------------------


def check_adapter(tiny: Any, folder: Path, architecture: str, dtype: torch.dtype, close: float) -> None:
    """A trained adapter changes the logits, and merged gives what it gave apart, by `close` of the logits' spread."""
    torch.manual_seed(0)
    base = AutoModelForCausalLM.from_config(tiny.config(architecture, VOCABULARY), dtype=dtype)
    sines(base)
    ids = torch.arange(1, 25)[None]
    with torch.no_grad():
        before = base.eval()(ids).logits.float()
        model = sines(add_lora(base, 4, 8, 0.0, "all-linear"))
        precision = "fp32" if dtype == torch.float32 else "bf16"
        t = training_of(tiny, folder, model, precision=precision, tuning="lora", epochs=20, learning_rate=2e-2)
    fit(t)
    with torch.no_grad():
        apart = t.model.eval()(ids).logits.float()
        merged = adapters.merge(t.model).eval()(ids).logits.float()
    spread = float(apart.std())
    assert (apart - before).abs().max() > 0.3 * spread
    assert (merged - apart).abs().max() < close * spread


# Merging rounds each weight once more: to 24 bits of fp32, or to the 8 bits of bf16.
@pytest.mark.parametrize(
    ("dtype", "close"), [(torch.float32, 1e-4), pytest.param(torch.bfloat16, 0.15, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize(
    "architecture", ["llama", "gpt2", *(pytest.param(a, marks=pytest.mark.slow) for a in ("qwen3", "gemma3"))]
)
def test_an_adapter_changes_logits_and_merges(tiny, tmp_path, architecture, dtype, close):
    check_adapter(tiny, tmp_path, architecture, dtype, close)


def merged_without_its_scale(patch: pytest.MonkeyPatch) -> None:
    real = adapters.merge

    def wrong(model: Any) -> Any:
        for module in model.modules():
            if isinstance(getattr(module, "scaling", None), dict):
                for name in module.scaling:
                    module.scaling[name] = 1.0
        return real(model)

    patch.setattr(adapters, "merge", wrong)


def an_adapter_without_effect(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(torch.optim.AdamW, "step", lambda self, closure=None: None)


# ---- bf16 -----------------------------------------------------------------------------------------------------------


def check_bf16(tiny: Any, folder: Path, lora: bool, engine: dict[str, str]) -> None:
    """The losses of 30 steps stay within 1.5% of those in fp32, and the fall from first to last within 5%."""
    plain = curve(tiny, folder / "fp32", "llama", lora, **engine)
    half = curve(tiny, folder / "bf16", "llama", lora, "bf16", **engine)
    assert half != plain
    assert half == pytest.approx(plain, rel=0.015)
    assert half[0] - half[-1] == pytest.approx(plain[0] - plain[-1], rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINE)
@pytest.mark.parametrize("lora", [False, True])
def test_bf16_follows_fp32_for_thirty_steps(tiny, tmp_path, lora, engine):
    check_bf16(tiny, tmp_path, lora, {"engine": engine} if len(ENGINES) > 1 else {})


def small_updates_lost(patch: pytest.MonkeyPatch) -> None:
    """What plain bf16 weights do: an update of less than a 256th of a weight is rounded away."""
    real = torch.optim.AdamW.step

    def wrong(self: Any, closure: Any = None) -> None:
        real(self)
        with torch.no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    # Only where autocast is on would the mutant be another run: fp32 keeps its weights.
                    if HALF:
                        p.copy_(p.bfloat16().float())

    original = loop._row_losses

    def watched(t: Any, batch: Any) -> torch.Tensor:
        HALF[:] = [True] if t.precision == "bf16" else []
        return original(t, batch)

    patch.setattr(loop, "_row_losses", watched)
    patch.setattr(torch.optim.AdamW, "step", wrong)


HALF: list[bool] = []


# ---- the checks can fail --------------------------------------------------------------------------------------------

PLAIN = {"engine": "plain"} if len(ENGINES) > 1 else {}
MUTANTS: list[tuple[Callable[[pytest.MonkeyPatch], None], Callable[[Any, Path], None]]] = [
    (mean_of_means, lambda tiny, folder: check_accumulation(tiny, folder, 5, False, PLAIN)),
    (last_part_alone, lambda tiny, folder: check_accumulation(tiny, folder, 5, False, PLAIN)),
    (rounded_chunks, lambda tiny, folder: check_chunks(tiny)),
    (chunks_in_another_order, lambda tiny, folder: check_chunks(tiny)),
    (labels_a_step_late, lambda tiny, folder: check_four_rows(tiny, folder, PLAIN)),
    (a_rate_a_tenth_too_high, lambda tiny, folder: check_curve(tiny, folder, "llama-full", PLAIN)),
    (no_clipping, lambda tiny, folder: check_curve(tiny, folder, "llama-full", PLAIN)),
    (merged_without_its_scale, lambda tiny, folder: check_adapter(tiny, folder, "llama", torch.float32, 1e-4)),
    (merged_without_its_scale, lambda tiny, folder: check_adapter(tiny, folder, "llama", torch.bfloat16, 0.15)),
    (an_adapter_without_effect, lambda tiny, folder: check_adapter(tiny, folder, "llama", torch.float32, 1e-4)),
    (small_updates_lost, lambda tiny, folder: check_bf16(tiny, folder, False, PLAIN)),
]


@contextlib.contextmanager
def mutated(mutant: Callable[[pytest.MonkeyPatch], None]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        mutant(patch)
        yield


@pytest.mark.slow
@pytest.mark.parametrize(("mutant", "check"), MUTANTS, ids=[f"{m.__name__}-{k}" for k, (m, _) in enumerate(MUTANTS)])
def test_each_check_catches_its_mutants(tiny, tmp_path, mutant, check, monkeypatch):
    monkeypatch.delenv("HEEDFUL_RECORD", raising=False)
    with mutated(mutant), pytest.raises(AssertionError):
        check(tiny, tmp_path)
