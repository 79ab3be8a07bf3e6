"""The layers of a transformers causal model, and a small copy of it to compare another way of computing it with.

The copy has the first layers, two at least and one of each kind, in float32, with a few entries of the vocabulary: what
is compared is the arithmetic of this very model, its hooks and adapters included, and no rounding can hide a
difference. Sliding windows are shortened to be felt.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

VOCABULARY = 24  # entries of the copy
WINDOW = 4  # of a copy whose layers have one
MOST_LAYERS = 8
LEAST_LAYERS = 2  # what a layer does wrongly at a row's first place, another must carry to the places that are compared
NUMBERS = {"layer_idx", "layer_id", "block_idx", "training"}  # attributes in which like layers may differ


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


def windows_of(config: Any, layers: int) -> list[int]:
    """How far back each layer sees, 0 for all; transformers says it in the configuration alone."""
    window = int(getattr(config, "sliding_window", None) or 0)
    kinds = getattr(config, "layer_types", None) or ["sliding_attention" if window else "full_attention"] * layers
    if other := set(kinds) - {"sliding_attention", "full_attention"}:
        raise TypeError(f"layers of kind {', '.join(sorted(other))}")
    return [window if kind == "sliding_attention" else 0 for kind in kinds]
