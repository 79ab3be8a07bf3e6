"""Weights stored [in, out] in memory, so that a step of one token reads them faster; shapes and values stay.

A product of one row with a weight stored [out, in] is made of dot products. Stored the other way it is a sum of rows,
which a processor reads ahead of better: 18.6 in place of 10.5 GB/s for SmolLM2's head in float32 on AVX2. Products of
many rows take as long either way.

Weights that are multiplied with the same numbers (queries, keys and values; a gated layer's two) stand side by side in
one matrix [in, out + out], of which each layer's weight is a view: one product for all of them, and no copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from heedful.backends.generation.shortlist import make_shortlist

SIDE_BY_SIDE = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))


def lay_out_for_reading(model: Any) -> int:
    """Store the weights of a model's linear layers [in, out], a few at a time and in place; how many bytes were moved.

    Float32 on a CPU alone. A large head gets a shortlist as well. For models that only answer: training has its own way
    with layouts, and transformers' `save_pretrained` cannot save weights that are stored so.
    """
    moved = 0
    seen: set[int] = set()
    for module in model.modules():
        for names in SIDE_BY_SIDE:
            layers: list[Any] = [getattr(module, name, None) for name in names]
            if all(_movable(layer, seen) for layer in layers) and _alike(layers):
                seen |= {id(layer.weight) for layer in layers}
                moved += _store_side_by_side(layers)
    head = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    for module in model.modules():
        if _movable(module, seen):
            seen.add(id(module.weight))
            plain = module.weight.data
            module.weight.data = plain.t().contiguous().t()
            moved += plain.numel() * plain.element_size()
            if module is head:
                make_shortlist(head, plain)
    return moved


def _movable(layer: Any, seen: set[int]) -> bool:
    weight = getattr(layer, "weight", None)
    return (
        type(layer) is nn.Linear and weight is not None and id(weight) not in seen and weight.dtype == torch.float32
        and weight.device.type == "cpu" and weight.is_contiguous()
    )  # fmt: skip


def _alike(layers: Sequence[Any]) -> bool:
    """Whether layers have weights of their own, read the same width, and all or none a bias."""
    return (
        len({layer.weight.shape[1] for layer in layers}) == 1
        and len({layer.bias is None for layer in layers}) == 1
        and len({id(layer.weight) for layer in layers}) == len(layers)
    )


def _store_side_by_side(layers: Sequence[Any]) -> int:
    """Make the weights of linear layers (out, in), and their biases, parts of one matrix [in, out + out]."""
    sizes = [len(layer.weight) for layer in layers]
    whole = torch.cat([layer.weight.data.t() for layer in layers], 1)
    for layer, part in zip(layers, whole.split(sizes, 1), strict=True):
        layer.weight.data = part.t()
    if layers[0].bias is not None:
        bias = torch.cat([layer.bias.data for layer in layers])
        for layer, part in zip(layers, bias.split(sizes), strict=True):
            layer.bias.data = part
    return whole.numel() * whole.element_size()


def side_by_side(layers: Sequence[Any]) -> tuple[Tensor, Tensor | None] | None:
    """The one weight (out + out, in) and bias of layers that were stored so, None where they were not or hooks and
    adapters must be heard."""
    if not all(type(layer) is nn.Linear and not _heard(layer) for layer in layers):
        return None
    whole = _joined([layer.weight.detach() for layer in layers])
    biases = [layer.bias.detach() for layer in layers if layer.bias is not None]
    bias = _joined(biases) if len(biases) == len(layers) else None
    return None if whole is None or (biases and bias is None) else (whole, bias)


def _heard(layer: Any) -> bool:
    return bool(layer._forward_hooks or layer._forward_pre_hooks)


def _joined(parts: Sequence[Tensor]) -> Tensor | None:
    """One tensor over parts that follow one another in the same memory along their first dimension."""
    first, total = parts[0], sum(map(len, parts))
    if first.ndim > 1 and first.stride() != (1, total):
        return None
    at = first.storage_offset()
    for part in parts:
        if part.untyped_storage().data_ptr() != first.untyped_storage().data_ptr() or part.storage_offset() != at:
            return None
        if part.stride() != first.stride() or part.shape[1:] != first.shape[1:]:
            return None
        at += len(part)
    return first.as_strided((total, *first.shape[1:]), first.stride())


def is_laid_out(model: Any) -> bool:
    """Whether a model's layers were stored so."""
    return any(
        type(m) is nn.Linear and m.weight.ndim == 2 and m.weight.stride()[0] == 1 and min(m.weight.shape) > 1
        for m in model.modules()
    )
