"""Whether an engine may be used for a model: it is compared, losses and every gradient, with the model's own pass.

The comparison is on a small copy in float32 (`heedful.models.layers`). Its rows have a common beginning and unequal
lengths.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor

from heedful.batches import Batch, collate
from heedful.models.adapters import plain_model
from heedful.models.layers import VOCABULARY, small_copy
from heedful.records import TokenExample
from heedful.train.engine.decoder import Decoder
from heedful.train.engine.layout import Layout, make_layout
from heedful.train.engine.own_layers import OwnLayers

CLOSE = 1e-4  # largest difference in float32, as a share of the largest value
ROWS = ((5, 9, 11, 3, 7, 8, 6, 2), (5, 9, 11, 3, 17, 4), (5, 9, 11, 3, 12, 13, 14, 15, 1, 20))  # a common beginning


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


def _own_losses(model: Any, batch: Batch) -> Tensor:
    trained = batch.labels >= 0
    logits = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask, use_cache=False).logits
    return torch.nn.functional.cross_entropy(logits[trained].float(), batch.labels[trained], reduction="none")


def _gradient(parameter: Tensor) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad.detach().clone()


def _difference(a: Tensor, b: Tensor, least: float) -> float:
    return float((a - b).abs().max() / b.abs().max().clamp(min=max(least, 1e-12)))
