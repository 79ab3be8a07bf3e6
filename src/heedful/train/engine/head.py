"""Cross-entropy over the vocabulary at trained positions: what the backward pass needs is one matrix of probabilities.

With ``p`` the probabilities and ``g`` the gradient of each loss, the gradients are ``g (p E - E[target])`` for hidden
states and ``p' (g h)``, less ``g h`` at the target's row, for the embedding E: no further pass over (T, V).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

KEPT = 1 << 28  # bytes of probabilities that are kept; above this they are computed again in chunks
CACHED = 1 << 22  # bytes of float32 logits at once, so that what is done with them stays in the processor's cache


@dataclass
class Tied:
    """Where the head leaves the gradient of a matrix that is the embedding's too, which adds its own and hands it on.

    A tied matrix is the largest of a small model: so it is written once and not three times.
    """

    parts: list[Tensor] = field(default_factory=list)


class _HeadLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, matrix: Tensor, targets: Tensor, tied: Tied | None) -> Tensor:
        rows = max(1, KEPT // (matrix.shape[0] * 4))
        keep = len(targets) <= rows and (ctx.needs_input_grad[0] or ctx.needs_input_grad[1])
        losses, kept = [], None
        for h, y in zip(hidden.split(rows), targets.split(rows), strict=True):
            logits = torch.mm(h, matrix.t())
            losses.append(_losses(logits, y, keep))
            kept = logits if keep else None
        ctx.save_for_backward(hidden, matrix, targets, *([kept] if kept is not None else []))
        ctx.rows, ctx.tied, ctx.type = rows, tied, weight.dtype
        return torch.cat(losses)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:  # type: ignore[override]
        hidden, matrix, targets, *kept = ctx.saved_tensors
        dhidden = torch.empty_like(hidden)
        dweight = None
        for start in range(0, len(targets), ctx.rows):
            part = slice(start, start + ctx.rows)
            h, y, scale = hidden[part], targets[part], g[part, None].float()
            p = kept[0] if kept else torch.softmax(torch.mm(h, matrix.t()), -1)
            if ctx.needs_input_grad[0]:
                dh = torch.mm(p, matrix).float().sub_(matrix.index_select(0, y)).mul_(scale)
                dhidden[part].copy_(dh)
            if ctx.needs_input_grad[1]:
                scaled = (h.float() * scale).to(h.dtype)
                grad = torch.mm(p.t(), scaled).to(ctx.type)
                grad.index_add_(0, y, scaled.to(ctx.type), alpha=-1)
                dweight = grad if dweight is None else dweight.add_(grad)
        if ctx.tied is not None and dweight is not None:
            ctx.tied.parts.append(dweight)
            dweight = None
        return dhidden if ctx.needs_input_grad[0] else None, dweight, None, None, None


def _losses(logits: Tensor, targets: Tensor, keep: bool) -> Tensor:
    """The loss at each row of logits, float32; with `keep` the logits become probabilities, in place."""
    at_once = max(1, CACHED // (logits.shape[1] * 4))
    out = []
    for part, y in zip(logits.split(at_once), targets.split(at_once), strict=True):
        exact = part.float()
        total = torch.logsumexp(exact, -1, keepdim=True)
        out.append((total - exact.gather(1, y[:, None])).squeeze(1))
        if keep:
            part.copy_((exact - total).exp_())
    return torch.cat(out)


class _Embed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, ids: Tensor, scale: float, tied: Tied | None) -> Tensor:
        ctx.save_for_backward(ids)
        ctx.scale, ctx.tied, ctx.like = scale, tied, (weight.shape, weight.dtype)
        out = weight.index_select(0, ids).float()
        return out.mul_(scale) if scale != 1 else out

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:  # type: ignore[override]
        (ids,) = ctx.saved_tensors
        shape, dtype = ctx.like
        if not ctx.needs_input_grad[0]:
            return None, None, None, None
        grad = ctx.tied.parts.pop() if ctx.tied and ctx.tied.parts else dy.new_zeros(shape, dtype=dtype)
        grad.index_add_(0, ids, dy.to(dtype), alpha=ctx.scale)
        return grad, None, None, None


def head_losses(hidden: Tensor, weight: Tensor, matrix: Tensor, targets: Tensor, tied: Tied | None) -> Tensor:
    """-log p(target) at each of T positions, float32: hidden (T, D), weight (V, D), `matrix` its copy in hidden's type.

    With `tied` the weight's gradient goes to `embed`, whose backward pass must come later.
    """
    return _HeadLoss.apply(hidden, weight, matrix, targets, tied)  # type: ignore[return-value]


def embed(weight: Tensor, ids: Tensor, scale: float, tied: Tied | None) -> Tensor:
    """Rows of the embedding times `scale`, float32: (N, D)."""
    return _Embed.apply(weight, ids, scale, tied)  # type: ignore[return-value]
