"""A few real steps of the loop through few layers of random weights: what a whole model's steps will take.

Nothing of the model is loaded. The layers are built from the configuration, with a small part of the vocabulary, and go
through `prepare_training` and the loop's own step, so whatever those do (engine, packing, LoRA, autocast) is in the
figure. One layer of each kind is tried, and one more of the commonest: the second less the first give a layer. A larger
vocabulary less a smaller one gives what a vocabulary entry costs.
"""

from __future__ import annotations

import copy
import math
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from heedful.models.adapters import add_lora
from heedful.models.machine import resident_mb
from heedful.models.packaged import describe, is_converted, packaged_folder
from heedful.models.quiet import quiet_transformers
from heedful.records import TokenExample
from heedful.store import RunFolder
from heedful.train import loop
from heedful.train.engine import Decoder
from heedful.train.engine.linear import Projections
from heedful.train.estimate import (
    Estimate,
    Shape,
    Work,
    activation_bytes,
    layers_to_try,
    load_config,
    memory_parts,
    padded,
    parts_of,
    peak,
    seconds_by_operations,
    shape_of,
    trainable_parameters,
    with_layers,
    work_of,
)
from heedful.train.recipe import Recipe
from heedful.train.training import prepare_training

TRIES = 3
LARGEST_LAYER = 120_000_000  # parameters; a larger layer is not tried but computed
SOME = (16_384, 65_536)  # entries of a vocabulary that is larger


@dataclass(frozen=True)
class Probe:
    """Seconds a step and bytes kept for the backward pass at `positions` positions: of a layer, and of the rest."""

    positions: int
    layer_seconds: float
    rest_seconds: float
    layer_bytes: float
    forward_share: float  # of a step's seconds
    base_mb: float  # resident before any layer was made, with everything imported
    layer_trainable: int  # parameters of a layer that are trained
    copies: float | None  # bytes of a layer's weights that the engine copies; None where it is not its own layers
    engine: str  # which pass was tried, and why


def estimate(
    recipe: Recipe, source: str, train: Sequence[TokenExample], val: Sequence[TokenExample], precision: str
) -> Estimate:
    """What a recipe needs here for a model whose folder or hub id is `source`, of which only the settings are read."""
    device = torch.device("cuda" if torch.cuda.is_available() and recipe.device in ("auto", "cuda") else "cpu")
    config = load_config(source, recipe.trust_remote_code)
    with quiet_transformers():
        shape = shape_of(config)
    work = work_of(recipe, train, val, device=device.type)
    made = probe(recipe, config, shape, train, precision, device) if shape.layer <= LARGEST_LAYER else None
    if made is None:
        per_position, base = activation_bytes(shape, recipe, precision), resident_mb() * 1e6
        seconds = seconds_by_operations(shape, recipe, work, matrix_rate(shape, work, precision, device))
        forward_share = 1 / 3
    else:
        per_position, base = made.layer_bytes * shape.layers / made.positions, made.base_mb * 1e6
        if recipe.gradient_checkpointing:
            per_position = activation_bytes(shape, recipe, precision)
        seconds = (made.layer_seconds * shape.layers) * work.positions / made.positions + made.rest_seconds
        forward_share = made.forward_share
    if device.type == "cuda":
        base = 0.6e9  # a context of CUDA
    files = sum(f.stat().st_size for f in Path(source).glob("*.safetensors")) if Path(source).is_dir() else 0
    trainable = trainable_parameters(shape, recipe)
    if made and recipe.tuning == "lora":
        trainable = made.layer_trainable * shape.layers
    parts = memory_parts(shape, recipe, work, precision, per_position, base, files, trainable)
    if made and made.copies is not None:
        head = 2.0 * shape.vocabulary * shape.width if precision == "bf16" and recipe.tuning == "full" else 0.0
        parts["copies"] = made.copies * shape.layers + head
    evaluating = forward_share * seconds * work.validation / max(1.0, work.positions) * work.evaluations
    return Estimate(
        shape.parameters, trainable, precision, round(peak(parts) / 1e9, 2),
        float(f"{seconds:.3g}"), float(f"{(seconds * work.steps + evaluating) / 60:.3g}"),
        "measured" if made else "arithmetic", {k: round(v / 1e9, 2) for k, v in parts.items()},
        made.engine if made else "not tried",
    )  # fmt: skip


def source_of(name: str) -> str | None:
    """The folder or hub id whose config.json describes a model; None where there is none to be read beforehand."""
    from heedful.models.names import parse_model_name

    parsed = parse_model_name(name)
    if parsed.kind == "pip":
        describe(parsed.target)
        return str(packaged_folder(parsed.target)) if is_converted(parsed.target) else None
    if parsed.kind == "run":
        return str(RunFolder(parsed.target).model) if RunFolder(parsed.target).model.is_dir() else None
    return parsed.target if parsed.kind == "hf" else None


def probe(
    recipe: Recipe, config: Any, shape: Shape, train: Sequence[TokenExample], precision: str, device: torch.device
) -> Probe | None:
    """Time steps on the rows of a step of average size; None where such a small model cannot be made."""
    rows = _average_step(recipe, train, device.type)
    small, large = (min(shape.vocabulary, n) for n in SOME)
    fewer, more_layers = layers_to_try(config)
    with tempfile.TemporaryDirectory(prefix="heedful-plan-") as folder:
        try:
            one = _Trial(folder, recipe, config, fewer, small, rows, precision, device)
        except (AttributeError, TypeError, ValueError, KeyError, IndexError):  # an architecture of another kind
            return None
        two = _Trial(folder, recipe, config, more_layers, small, rows, precision, device)
        more = _Trial(folder, recipe, config, fewer, large, rows, precision, device) if large > small else one
        for _ in range(TRIES):  # in turn, so that a machine that grows busy slows them all
            for trial in {id(t): t for t in (one, two, more)}.values():
                trial.step()
    layer = max(1e-9, two.seconds - one.seconds)
    entry = (more.seconds - one.seconds) / (large - small) if large > small else 0.0
    rest = max(0.0, one.seconds - layer * len(fewer)) + max(0.0, entry) * (shape.vocabulary - small)
    forward_share = min(0.6, two.forward_seconds / two.seconds)
    saved, trainable = max(0.0, two.saved - one.saved), two.trainable - one.trainable
    copies = None if one.copies is None or two.copies is None else two.copies - one.copies
    return Probe(
        one.positions, layer, rest, saved, forward_share, one.base_mb, trainable, copies, two.engine
    )  # fmt: skip


def _average_step(recipe: Recipe, train: Sequence[TokenExample], device: str) -> list[TokenExample]:
    """The rows of the step, in the order of epoch 0, whose positions are nearest to the average."""
    from heedful.batches import LengthBatches

    batches = list(LengthBatches([len(e.ids) for e in train], recipe.batch_size, recipe.seed))
    size = [_positions([train[r] for r in batch], recipe, device) for batch in batches]
    mean = sum(size) / len(size)
    best = min(range(len(batches)), key=lambda b: abs(size[b] - mean))
    return [train[r] for r in batches[best]]


def _positions(rows: Sequence[TokenExample], recipe: Recipe, device: str) -> int:
    lengths = [max(0, len(e.ids) - 1) for e in rows]
    parts = parts_of(range(len(rows)), lengths, recipe, device=device)
    return sum(padded([lengths[r] for r in some], recipe) for some in parts)


class _Nobody:
    """A watcher that is told and does nothing."""

    def step(self, line: dict[str, Any], total_steps: int) -> None: ...
    def evaluating(self, step: int) -> None: ...
    def evaluated(self, line: dict[str, Any]) -> None: ...


class _Trial:
    """A model of a few layers in a training of its own, whose steps are timed; the fastest counts."""

    def __init__(
        self, folder: str, recipe: Recipe, config: Any, layers: list[int], vocabulary: int, rows: list[TokenExample],
        precision: str, device: torch.device,
    ):  # fmt: skip
        import peft  # noqa: F401
        from transformers import AutoModelForCausalLM

        import heedful.models.adapters  # noqa: F401  what a run imports anyway belongs to the base

        self.base_mb = resident_mb()
        changed = with_layers(copy.deepcopy(config), layers)
        changed.vocab_size = vocabulary
        for name in ("pad_token_id", "bos_token_id", "eos_token_id"):
            setattr(changed, name, None)
        half = precision == "bf16" and recipe.tuning == "lora"
        auto: Any = AutoModelForCausalLM
        wanted = None if recipe.attention == "sdpa" else recipe.attention
        with quiet_transformers(), torch.random.fork_rng():
            model = auto.from_config(
                changed, dtype=torch.bfloat16 if half else torch.float32, attn_implementation=wanted
            ).to(device)
            if recipe.tuning == "lora":
                model = add_lora(model, recipe.lora_rank, recipe.lora_alpha, recipe.lora_dropout, recipe.lora_targets)
        rows = [replace(r, ids=tuple(i % vocabulary for i in r.ids)) for r in rows]
        self.trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
        alone = recipe.model_copy(update={"track": (), "max_steps": None, "epochs": 1000})
        with quiet_transformers(), torch.random.fork_rng():
            self.training = prepare_training(
                model, rows, rows, alone, RunFolder(folder), precision=precision, device=device, pad_id=0,
                watcher=_Nobody(),
            )  # fmt: skip
        unwrapped: Any = self.training.accelerator.unwrap_model(self.training.objective)
        self.engine, self.decoder = unwrapped.engine_note, unwrapped.engine
        self.rows = rows
        self.positions = _positions(rows, recipe, device.type)
        self.seconds = self.forward_seconds = math.inf
        self.saved = 0.0
        self.measure_saved()
        self.step()
        self.seconds = math.inf  # the first step makes moments and warms caches

    def step(self) -> None:
        """One more step of training, and one loss without gradients; the fastest of each is kept."""
        begin = time.perf_counter()
        with torch.random.fork_rng():
            loop._train_step(self.training, list(range(len(self.rows))))
        self.seconds = min(self.seconds, time.perf_counter() - begin)
        begin = time.perf_counter()
        with torch.no_grad():
            for batch in loop._micro_batches(self.training, self.rows):
                loop._row_losses(self.training, batch)
        self.forward_seconds = min(self.forward_seconds, time.perf_counter() - begin)

    @property
    def copies(self) -> float | None:
        """Bytes of weights that the engine has copied, after a step: fused ones, and those in another type."""
        if not isinstance(self.decoder, Decoder):
            return None
        parts = [v for layer in self.decoder.layers for v in vars(layer).values() if isinstance(v, Projections)]
        return float(sum(p.copied_bytes for p in parts))

    def measure_saved(self) -> None:
        """Bytes that autograd keeps of one forward pass, parameters not counted, each storage once."""
        own = {p.untyped_storage().data_ptr() for p in self.training.model.parameters()}
        kept: dict[int, int] = {}

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in own:
                kept[storage.data_ptr()] = storage.nbytes()
            return tensor

        self.training.objective.train()
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            # All micro-batches' graphs live on in this list, so that no storage is counted under a reused address.
            losses = [loop._row_losses(self.training, b) for b in loop._micro_batches(self.training, self.rows)]
        self.saved = float(sum(kept.values()))
        del losses


def matrix_rate(shape: Shape, work: Work, precision: str, device: torch.device) -> float:
    """Operations a second of the product of a layer's inner matrix with the positions of a micro-batch; about 0.3 s."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    rows = int(min(4096, max(16, work.most_positions)))
    a = torch.randn(rows, min(shape.width, 4096), device=device).to(dtype)
    b = torch.randn(min(shape.inner, 8192), a.shape[1], device=device).to(dtype)
    times, end = [], time.perf_counter() + 0.3
    while time.perf_counter() < end or len(times) < 3:
        begin = time.perf_counter()
        torch.mm(a, b.T)
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - begin)
    return 2 * a.shape[0] * a.shape[1] * b.shape[0] / sorted(times)[len(times) // 2]
