"""What a run will need, told before any weights are loaded: memory, seconds a step, minutes.

    parameters   counted on torch's meta device from the configuration alone
    memory       what this process holds already + weights + gradients + AdamW's moments + activations + logits
    time         `probe.py`: real steps of the same loop on the run's own rows, through one and two random layers

Where a layer is too large to be tried here the time is operations over the rate of a matrix product of its shape
(`seconds_by_operations`), and activations come from a formula: then `basis` says ``arithmetic``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from heedful.batches import LengthBatches, by_length, micro_batches, pack
from heedful.records import TokenExample
from heedful.train.limits import positions_at_once
from heedful.train.recipe import Recipe

LOGIT_COPIES = 3  # logits, their float32 copy, their gradient
CHUNK = 1 << 26  # logits at once, as in objective.py


@dataclass(frozen=True)
class Shape:
    """A model as its configuration describes it. Counts are of parameters; `layer` is one decoder layer."""

    parameters: int
    embeddings: int
    layers: int
    layer: int
    width: int
    inner: int
    vocabulary: int
    tied: bool

    @property
    def linear(self) -> int:
        """Parameters that take part in the matrix products of every position: all but embeddings and the head."""
        return self.parameters - self.embeddings


@dataclass(frozen=True)
class Work:
    """The steps of a run, micro-batch by micro-batch: positions with padding, trained positions, longest row."""

    steps: int
    positions: float  # a step, on average
    trained: float
    most_positions: int  # of a micro-batch
    most_trained: int
    longest: int
    validation: int  # positions of one evaluation
    evaluations: int


@dataclass(frozen=True)
class Estimate:
    """`memory_gb` is the highest resident memory (of the device, where it is a GPU), in units of 1e9 bytes.

    `minutes` is of training with its evaluations; answering the test questions comes on top. `basis` is ``measured``
    or ``arithmetic``; `parts_gb` are the parts that memory was summed from; `engine` says which pass was tried and why.
    """

    parameters: int
    trainable: int
    precision: str
    memory_gb: float
    seconds_per_step: float
    minutes: float
    basis: str
    parts_gb: dict[str, float]
    engine: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def load_config(source: str, trust_remote_code: bool = False) -> Any:
    """The text model's configuration from a folder or hub id; no weights are read."""
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(source, trust_remote_code=trust_remote_code).get_text_config()


def shape_of(config: Any) -> Shape:
    """Count a model's parameters from its configuration, with no memory for them."""
    import copy

    import torch
    from transformers import AutoModelForCausalLM

    auto: Any = AutoModelForCausalLM

    def count(layers: int) -> tuple[int, int, Any]:
        small = with_layers(copy.deepcopy(config), range(layers))
        with torch.device("meta"):
            model = auto.from_config(small)
        tables = {id(m.weight): m.weight.numel() for m in (model.get_input_embeddings(), model.get_output_embeddings())}
        return sum(p.numel() for p in {id(p): p for p in model.parameters()}.values()), sum(tables.values()), model

    one, _, _ = count(1)
    two, embeddings, model = count(2)
    layers = int(config.num_hidden_layers)
    table = model.get_input_embeddings().weight
    head = model.get_output_embeddings()
    products = [m for m in model.modules() if m is not head and not isinstance(m, torch.nn.Embedding)]
    inner = max(max(m.weight.shape) for m in products if getattr(getattr(m, "weight", None), "ndim", 0) == 2)
    tied = embeddings == table.numel()
    return Shape(
        one + (layers - 1) * (two - one), embeddings, layers, two - one, table.shape[1], inner, len(table), tied
    )


LISTS = ("layer_types", "no_rope_layers", "mlp_layer_types")  # what a configuration lists layer by layer


def with_layers(config: Any, numbers: Sequence[int]) -> Any:
    """Change a configuration to the layers of these numbers."""
    for name in LISTS:
        if isinstance(listed := getattr(config, name, None), list):
            setattr(config, name, [listed[n] for n in numbers])
    config.num_hidden_layers = len(numbers)
    return config


def layers_to_try(config: Any) -> tuple[list[int], list[int]]:
    """The first layer of each kind that a configuration lists, and the same with one more of the commonest kind.

    An engine is refused for a model if it is for any of its kinds, so a trial must have them all.
    """
    count = int(config.num_hidden_layers)
    listed = [v for name in LISTS if isinstance(v := getattr(config, name, None), list) and len(v) >= count]
    kinds = list(zip(*listed, strict=False))[:count] or [()] * count
    firsts = sorted({kind: n for n, kind in reversed(list(enumerate(kinds)))}.values())
    commonest = max(set(kinds), key=kinds.count)
    return firsts, sorted([*firsts, kinds.index(commonest)])


def work_of(
    recipe: Recipe,
    train: Sequence[TokenExample],
    val: Sequence[TokenExample],
    processes: int = 1,
    device: str = "cpu",
) -> Work:
    """The micro-batches that one of so many processes computes, from the real rows in the real order of epoch 0."""
    per_epoch = math.ceil(len(train) / recipe.batch_size)
    steps = min(per_epoch * recipe.epochs, recipe.max_steps or 10**12)
    lengths = [max(0, len(e.ids) - 1) for e in train]
    positions = trained = most = most_trained = 0
    batches = list(LengthBatches([len(e.ids) for e in train], recipe.batch_size, recipe.seed))[:steps]
    for batch in batches:
        for rows in parts_of(batch, lengths, recipe, processes, device):
            filled = padded([lengths[r] for r in rows], recipe)
            count = sum(train[r].trained_tokens for r in rows)
            positions, trained = positions + filled, trained + count
            most, most_trained = max(most, filled), max(most_trained, count)
    size = max(recipe.micro_batch_size or recipe.batch_size, 8)
    rows = [len(e.ids) for e in val]
    validation = sum(max(rows[i] for i in some) * len(some) for some in by_length(rows, size))
    every = recipe.eval_every if recipe.eval_every != "auto" else max(1, min(per_epoch, steps) // 4)
    ends = {*range(0, steps + 1, int(every)), *range(0, steps + 1, per_epoch), steps}
    return Work(
        steps, positions / len(batches), trained / len(batches), most, most_trained, max(lengths), validation, len(ends)
    )


def parts_of(
    batch: Sequence[int], lengths: Sequence[int], recipe: Recipe, processes: int = 1, device: str = "cpu"
) -> list[list[int]]:
    """The rows of a step that the first process computes, cut as the loop cuts them; `lengths` of all rows."""
    mine = list(batch)[::processes]
    positions = positions_at_once(device, processes)
    return [mine[part] for part in micro_batches([lengths[r] for r in mine], recipe.micro_batch_size, positions)]


def padded(lengths: Sequence[int], recipe: Recipe) -> int:
    """Positions that rows of these lengths fill side by side, or packed."""
    if not recipe.packing:
        return max(lengths) * len(lengths)
    sequences = pack(lengths, min(recipe.max_length, sum(lengths)))
    return max(sum(lengths[r] for r in rows) for rows in sequences) * len(sequences)


def trainable_parameters(shape: Shape, recipe: Recipe) -> int:
    """All of them, or about those of LoRA: of a matrix n by m, rank times (n + m), for seven matrices a layer."""
    if recipe.tuning == "full":
        return shape.parameters
    return round(recipe.lora_rank * shape.layers * (8 * shape.width + 3 * (shape.width + shape.inner)))


def operations(shape: Shape, recipe: Recipe, positions: float, trained: float, longest: int) -> float:
    """Multiplications and additions of a step in matrix products: the method's own, with attention's.

    Full fine-tuning: 6 for each parameter and position (forward, gradients of inputs and of weights). LoRA: 4, since
    frozen weights have no gradient, and 6 for its factors. The head at trained positions alone. Attention: the products
    of a causal row, 6 times its length and the width for each position and layer. Checkpointing: one more forward.
    """
    per_weight = 6 if recipe.tuning == "full" else 4
    again = 2 if recipe.gradient_checkpointing else 0
    factors = 0 if recipe.tuning == "full" else 6 * trainable_parameters(shape, recipe)
    head = per_weight * shape.vocabulary * shape.width * trained
    attention = (6 + again) * longest * shape.width * shape.layers * positions
    return ((per_weight + again) * shape.linear + factors) * positions + attention + head


def seconds_by_operations(shape: Shape, recipe: Recipe, work: Work, rate: float, share: float = 0.4) -> float:
    """A step at `share` of a matrix rate (operations a second): what eager code reaches, 0.4 on the machines known."""
    return operations(shape, recipe, work.positions, work.trained, work.longest) / (rate * share)


def activation_bytes(shape: Shape, recipe: Recipe, precision: str) -> float:
    """Bytes that one position keeps for the backward pass, by formula: eager code keeps some 14 vectors of the width
    and 5 of the inner width a layer; with checkpointing one of the width, and one layer whole."""
    item = 2 if precision == "bf16" else 4
    layer = item * (14 * shape.width + 5 * shape.inner)
    return layer * shape.layers if not recipe.gradient_checkpointing else item * shape.width * shape.layers + layer


def memory_parts(
    shape: Shape,
    recipe: Recipe,
    work: Work,
    precision: str,
    per_position: float,
    base: float,
    file_bytes: float,
    trainable: int | None = None,
) -> dict[str, float]:
    """What a run holds, in bytes, by kind. `base` is the process without the model, `per_position` activations;
    `trainable` parameters are counted by `trainable_parameters` where they are not known better."""
    item = 2 if precision == "bf16" and recipe.tuning == "lora" else 4
    trainable = trainable_parameters(shape, recipe) if trainable is None else trainable
    whole = shape.parameters * item
    # Weights of another type than the file's are converted one by one while the file's own lie in memory.
    converted = file_bytes if file_bytes and abs(file_bytes - whole) > 0.1 * whole else 0.0
    logits = LOGIT_COPIES * 4 * min(work.most_trained * shape.vocabulary, CHUNK)
    return {
        "base": base,
        "weights": float(whole),
        "conversion": converted,
        "gradients": 4.0 * trainable,
        "moments": (12.0 if recipe.averages else 8.0) * trainable,  # and the average of the weights
        "activations": work.most_positions * per_position,
        "logits": float(logits),
        "saving": max(
            (12.0 if recipe.averages else 8.0) * trainable, float(whole)
        ),  # safetensors copies a file's tensors into one buffer
    }


def peak(parts: dict[str, float]) -> float:
    """The highest sum of what is held at one time: while loading, at the end of a step, while saving."""
    base, weights = parts["base"] + parts.get("copies", 0.0), parts["weights"]
    loading = base + weights + parts["conversion"]
    # Gradients appear as activations go, so the two are never whole at one time, unless the engine keeps their memory.
    made = parts["activations"] + parts["logits"]
    kept = "copies" in parts
    step = base + weights + parts["moments"]
    step += parts["gradients"] + made if kept else max(parts["gradients"], made)
    saving = base + weights + parts["moments"] + parts["saving"]
    return max(loading, step, saving)
