"""Attention within rows that lie end to end, and from each row to the prefix that all share.

Short rows are multiplied out, scores and all, rows side by side; long ones go in blocks. On a CPU both are faster than
torch's flash kernel (docs/performance.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from heedful.train.engine.blocks import attend_in_blocks
from heedful.train.engine.layout import Layout, Masks
from heedful.train.engine.memory import Memory

LONGEST_MULTIPLIED = 160  # keys of a row whose scores are all kept; above this blocks are faster


@dataclass(frozen=True)
class Around:
    """What the attention of all layers shares in a forward pass."""

    layout: Layout
    masks: Masks
    memory: Memory


class _Pad(torch.autograd.Function):
    """From the layout to rows side by side. What fills a row up gets no gradient: nothing of it is read again."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layout: Layout) -> Tensor:
        ctx.layout, ctx.tokens = layout, x.shape[0]
        return x.index_select(0, layout.padded)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:  # type: ignore[override]
        layout = ctx.layout
        dx = dy.new_empty(ctx.tokens, *dy.shape[1:])
        dx[: layout.prefix].zero_()
        torch.index_select(dy.contiguous(), 0, layout.unpadded, out=dx[layout.prefix :])
        return dx, None


class _Unpad(torch.autograd.Function):
    """From rows side by side back to the layout without its prefix."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layout: Layout) -> Tensor:
        ctx.layout, ctx.shape = layout, x.shape
        return x.index_select(0, layout.unpadded)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:  # type: ignore[override]
        dx = dy.new_zeros(ctx.shape)
        dx.index_copy_(0, ctx.layout.unpadded, dy)
        return dx, None


def attend(q: Tensor, k: Tensor, v: Tensor, around: Around, scale: float, window: int, dropout: float = 0.0) -> Tensor:
    """q (N, H, D), k and v (N, G, D) with G a divisor of H; returns (N, H * D). `dropout` is of attention weights."""
    layout = around.layout
    heads, width = q.shape[1:]
    p = layout.prefix
    b, s = layout.shape
    window = window if window and window < p + s else 0
    queries, keys, values = (_rows(x, layout) for x in (q, k, v))
    if p:
        keys = torch.cat([_first(k, p).expand(b, -1, -1, -1), keys], 2)  # (B, G, P + S, D)
        values = torch.cat([_first(v, p).expand(b, -1, -1, -1), values], 2)
    seen = _attend(queries, keys, values, around, scale, window, dropout)
    out: Any = _Unpad.apply(seen.transpose(1, 2).reshape(b * s, heads * width), layout)
    if p:
        begin = _attend(_first(q, p), _first(k, p), _first(v, p), around, scale, window, dropout)
        out = torch.cat([begin.transpose(1, 2).reshape(p, heads * width), out])
    return out


def _attend(q: Tensor, k: Tensor, v: Tensor, around: Around, scale: float, window: int, dropout: float) -> Tensor:
    """q (B, H, S, D), k and v (B, G, K, D), whose last positions are the queries' own; returns (B, H, S, D)."""
    queries, keys = q.shape[2], k.shape[2]
    if keys > LONGEST_MULTIPLIED and not dropout:
        return attend_in_blocks(q, k, v, scale, window, around.masks, around.memory)
    return _multiply(q, k, v, around.masks.seen(slice(keys - queries, keys), slice(0, keys), window), scale, dropout)


def _rows(x: Tensor, layout: Layout) -> Tensor:
    """(N, H, D) as rows side by side: (B, H, S, D)."""
    padded: Any = _Pad.apply(x, layout)
    return padded.view(*layout.shape, *x.shape[1:]).transpose(1, 2)


def _first(x: Tensor, prefix: int) -> Tensor:
    """The prefix of (N, H, D) as one row: (1, H, P, D)."""
    return x[:prefix].transpose(0, 1)[None]


def _multiply(q: Tensor, k: Tensor, v: Tensor, mask: Tensor, scale: float, dropout: float) -> Tensor:
    """Scores, softmax, values: q (B, H, S, D), k and v (B, G, K, D), mask (S, K); returns (B, H, S, D)."""
    b, heads, s, width = q.shape
    groups, keys = k.shape[1:3]
    q = q.reshape(b * groups, heads // groups * s, width)  # the heads of a group one after another
    k, v = k.reshape(b * groups, keys, width), v.reshape(b * groups, keys, width)
    mask = mask.repeat(heads // groups, 1)
    # Scores reach 30 and more: rounded to bf16 they would be off by 0.1, and the weights made of them by a tenth.
    scores = torch.baddbmm(mask.expand(b * groups, -1, -1), q.float(), k.float().transpose(1, 2), alpha=scale)
    weights = torch.softmax(scores, -1).to(v.dtype)
    if dropout:
        weights = torch.nn.functional.dropout(weights, dropout)
    return torch.bmm(weights, v).view(b, heads, s, width)
