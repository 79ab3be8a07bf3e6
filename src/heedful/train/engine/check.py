"""Whether an engine may be used for a model: it is compared, losses and every gradient, with the model's own pass.

The comparison is of the first layers, two at least and one of each kind, copied in float32 with a few entries of the
vocabulary: what is compared is the arithmetic of this very model, its hooks and adapters included, and no rounding
can hide a difference. Rows have a common beginning and unequal lengths; sliding windows are shortened to be felt.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from heedful.batches import Batch, collate
from heedful.models.adapters import plain_model
from heedful.records import TokenExample
from heedful.train.engine.decoder import Decoder
from heedful.train.engine.layout import Layout, make_layout
from heedful.train.engine.own_layers import OwnLayers

CLOSE = 1e-4  # largest difference in float32, as a share of the largest value
VOCABULARY = 24  # entries of the copy
WINDOW = 4  # of a copy whose layers have one
MOST_LAYERS = 8
LEAST_LAYERS = 2  # what a layer does wrongly at a row's first place, another must carry to the places that are trained
ROWS = ((5, 9, 11, 3, 7, 8, 6, 2), (5, 9, 11, 3, 17, 4), (5, 9, 11, 3, 12, 13, 14, 15, 1, 20))  # a common beginning
NUMBERS = {"layer_idx", "layer_id", "block_idx", "training"}  # attributes in which like layers may differ


class Engine(Protocol):
    """Another way to a model's losses; `share` says whether the common beginning of rows is computed once."""

    name: str
    share: bool

    def losses(self, layout: Layout, targets: Tensor) -> Tensor: ...


def make_engine(model: Any, dtype: torch.dtype) -> tuple[Decoder | OwnLayers | None, str]:
    """The fastest engine that is equal to a model (perhaps with peft's adapters), with a sentence on it.

    None where there is none, and the sentence says why.
    """
    inner: Any = plain_model(model)
    why = []
    for kind in (Decoder, OwnLayers):
        try:
            engine = kind(inner, dtype)
            found = largest_difference(inner, kind)
        except (TypeError, AttributeError, KeyError, IndexError, RuntimeError, ValueError, NotImplementedError) as e:
            why.append(str(e).splitlines()[0][:200] if str(e) else type(e).__name__)
            continue
        if found <= CLOSE:
            return engine, f"{engine.name}, compared with {type(inner).__name__}: equal"
        why.append(f"differs from the model's own pass by {found:.1e}")
    return None, f"{type(inner).__name__}: {'; '.join(dict.fromkeys(why))}"


def largest_difference(model: Any, kind: Callable[[Any, torch.dtype], Engine]) -> float:
    """The largest difference of losses and gradients, as a share of the largest value of each."""
    small = small_copy(model)
    engine = kind(small, torch.float32)
    table = small.get_input_embeddings().weight
    device, entries = table.device, min(VOCABULARY, len(table))
    rows = [
        TokenExample(str(n), tuple(i % entries for i in r), (False,) * 5 + (True,) * (len(r) - 5))
        for n, r in enumerate(ROWS)
    ]
    batch = collate(rows, 0).to(device)
    layout = make_layout(batch.input_ids, batch.attention_mask, batch.labels, None, engine.share)
    targets = batch.labels[batch.labels >= 0]
    weights = torch.linspace(0.5, 1.5, len(targets), device=device)
    results = []
    for losses in (lambda: engine.losses(layout, targets), lambda: _own_losses(small, batch)):
        small.zero_grad()
        with torch.enable_grad():
            made = losses()
            (made * weights).sum().backward()
        results.append([made.detach(), *(_gradient(p) for p in small.parameters() if p.requires_grad)])
    least = 1e-4 * max(float(b.abs().max()) for b in results[1][1:])  # below this a gradient is a sum that cancels out
    return max(_difference(a, b, least) for a, b in zip(*results, strict=True))


def small_copy(model: Any) -> Any:
    """The first layers of a model in float32, one of each kind and two at least, in eval mode; it shares nothing."""
    parent, name, layers = find_layers(model)
    count = _layers_of_each_kind(layers)
    memo: dict[int, Any] = {id(layer): nn.Identity() for layer in layers[count:]}
    for module in (model.get_input_embeddings(), model.get_output_embeddings()):
        if type(module) in (nn.Embedding, nn.Linear):
            for part in (p for p in module.parameters(recurse=False) if id(p) not in memo):
                memo[id(part)] = nn.Parameter(part.detach()[:VOCABULARY].float().clone(), part.requires_grad)
    known = {id(p) for p in model.parameters()}
    for buffer in (b for b in model.buffers() if id(b) not in known):
        memo[id(buffer)] = buffer.clone()
    kept = {id(p): p.grad for p in model.parameters()}
    for parameter in model.parameters():  # a gradient would be copied, too
        parameter.grad = None
    try:
        small = copy.deepcopy(model, memo).float().eval()
    finally:
        for parameter in model.parameters():
            parameter.grad = kept[id(parameter)]
    owner = small.get_submodule(parent)
    setattr(owner, name, nn.ModuleList(list(getattr(owner, name))[:count]))
    _shorten(small, count)
    with torch.no_grad():
        generator = torch.Generator().manual_seed(0)
        for where, parameter in small.named_parameters():
            if "lora_B" in where:  # it begins with zeros, which would hide the other factor
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.02)
    return small


def find_layers(model: Any) -> tuple[str, str, Any]:
    """Where the list of a model's layers stands: the name of the module that has it, its name in there, the list."""
    wanted = model.config.get_text_config().num_hidden_layers
    for name, module in model.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == wanted:
            parent, _, last = name.rpartition(".")
            return parent, last, module
    raise TypeError("it has no list of layers")


def _layers_of_each_kind(layers: Any) -> int:
    """How many of the first layers hold one of each kind that there is."""
    kinds = [_kind(layer) for layer in layers]
    count = max(min(LEAST_LAYERS, len(kinds)), *(kinds.index(kind) + 1 for kind in set(kinds)))
    if count > MOST_LAYERS:
        raise TypeError(f"its layers are of too many kinds ({len(set(kinds))})")
    return count


def _kind(layer: nn.Module) -> tuple[Any, ...]:
    """All that a layer is made of but its weights' values and its number."""
    found: list[Any] = []
    for name, module in layer.named_modules():
        plain = {
            k: v for k, v in vars(module).items()
            if k not in NUMBERS and (v is None or isinstance(v, bool | int | float | str))
        }  # fmt: skip
        shapes = [(n, tuple(p.shape), p.requires_grad) for n, p in module.named_parameters(recurse=False)]
        found.append((name, type(module), tuple(sorted(plain.items(), key=str)), tuple(shapes)))
    return tuple(found)


def _shorten(small: Any, layers: int) -> None:
    """Make a copy's settings fit its fewer layers, fewer words and shorter windows."""
    for config in {id(c): c for c in (small.config, small.config.get_text_config())}.values():
        config.num_hidden_layers = layers
        if getattr(config, "layer_types", None):
            config.layer_types = list(config.layer_types)[:layers]
        if getattr(config, "sliding_window", None):
            config.sliding_window = WINDOW
    for module in small.modules():
        if isinstance(getattr(module, "sliding_window", None), int):
            module.sliding_window = WINDOW
        if isinstance(module, nn.Embedding):
            module.padding_idx = None  # an entry that the copy may lack


def _own_losses(model: Any, batch: Batch) -> Tensor:
    trained = batch.labels >= 0
    logits = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask, use_cache=False).logits
    return torch.nn.functional.cross_entropy(logits[trained].float(), batch.labels[trained], reduction="none")


def _gradient(parameter: Tensor) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad.detach().clone()


def _difference(a: Tensor, b: Tensor, least: float) -> float:
    return float((a - b).abs().max() / b.abs().max().clamp(min=max(least, 1e-12)))
