"""Attention within rows that lie end to end, and from each row to the prefix that all share.

Short rows are multiplied out, scores and all, rows side by side: on a CPU that is faster than a flash kernel. Long
ones go through torch's own kernel, which never holds the scores.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from heedful.train.engine.layout import LONGEST_MULTIPLIED, Layout


class _Pad(torch.autograd.Function):
    """From the layout to rows side by side. What fills a row up gets no gradient: nothing of it is read again."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layout: Layout) -> Tensor:
        ctx.layout, ctx.tokens = layout, x.shape[0]
        return x.index_select(0, layout.padded)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:  # type: ignore[override]
        layout = ctx.layout
        dx = dy.new_zeros(ctx.tokens, *dy.shape[1:])
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


class Masks:
    """What may be seen, as numbers that are added to scores; made once for a layout and each window."""

    def __init__(self, layout: Layout):
        self.layout = layout
        self._made: dict[tuple[bool, int], Tensor] = {}

    def rows(self, window: int) -> Tensor:
        """(S, P + S): a row's own tokens see the prefix and those before them, `window` at most (0: all)."""
        return self._of(False, window)

    def prefix(self, window: int) -> Tensor:
        """(P, P): the prefix's tokens see those before them."""
        return self._of(True, window)

    def _of(self, prefix: bool, window: int) -> Tensor:
        if (prefix, window) not in self._made:
            p, s = self.layout.prefix, self.layout.longest
            queries = torch.arange(p) if prefix else torch.arange(p, p + s)
            keys = torch.arange(p) if prefix else torch.arange(p + s)
            distance = queries[:, None] - keys
            seen = (distance >= 0) & (distance < window) if window else distance >= 0
            mask = torch.zeros(distance.shape).masked_fill_(~seen, float("-inf"))
            self._made[prefix, window] = mask.to(self.layout.ids.device)
        return self._made[prefix, window]


def attend(q: Tensor, k: Tensor, v: Tensor, layout: Layout, masks: Masks, scale: float, window: int) -> Tensor:
    """q (N, H, D), k and v (N, G, D) with G a divisor of H; returns (N, H * D)."""
    heads, width = q.shape[1:]
    groups, p = k.shape[1], layout.prefix
    b, s = layout.shape
    window = window if window and window < p + s else 0
    queries, keys, values = (_rows(x, layout) for x in (q, k, v))
    if p:
        keys = torch.cat([_first(k, p).expand(b, -1, -1, -1), keys], 2)  # (B, G, P + S, D)
        values = torch.cat([_first(v, p).expand(b, -1, -1, -1), values], 2)
    if p + s > LONGEST_MULTIPLIED:
        mask = masks.rows(window).to(q.dtype) if p or window else None
        more = heads // groups
        keys, values = (x.repeat_interleave(more, 1) if more > 1 else x for x in (keys, values))
        seen = F.scaled_dot_product_attention(queries, keys, values, mask, is_causal=mask is None, scale=scale)
    else:
        seen = _multiply(queries, keys, values, masks.rows(window), scale)
    out: Any = _Unpad.apply(seen.transpose(1, 2).reshape(b * s, heads * width), layout)
    if p:
        begin = _multiply(_first(q, p), _first(k, p), _first(v, p), masks.prefix(window), scale)
        out = torch.cat([begin.transpose(1, 2).reshape(p, heads * width), out])
    return out


def _rows(x: Tensor, layout: Layout) -> Tensor:
    """(N, H, D) as rows side by side: (B, H, S, D)."""
    padded: Any = _Pad.apply(x, layout)
    return padded.view(*layout.shape, *x.shape[1:]).transpose(1, 2)


def _first(x: Tensor, prefix: int) -> Tensor:
    """The prefix of (N, H, D) as one row: (1, H, P, D)."""
    return x[:prefix].transpose(0, 1)[None]


def _multiply(q: Tensor, k: Tensor, v: Tensor, mask: Tensor, scale: float) -> Tensor:
    """Scores, softmax, values: q (B, H, S, D), k and v (B, G, K, D), mask (S, K); returns (B, H, S, D)."""
    b, heads, s, width = q.shape
    groups, keys = k.shape[1:3]
    q = q.reshape(b * groups, heads // groups * s, width)  # the heads of a group one after another
    k, v = k.reshape(b * groups, keys, width), v.reshape(b * groups, keys, width)
    mask = mask.repeat(heads // groups, 1)
    # Scores reach 30 and more: rounded to bf16 they would be off by 0.1, and the weights made of them by a tenth.
    scores = torch.baddbmm(mask.expand(b * groups, -1, -1), q.float(), k.float().transpose(1, 2), alpha=scale)
    return torch.bmm(torch.softmax(scores, -1).to(v.dtype), v).view(b, heads, s, width)
