"""Attention of long rows, a block of queries at a time: no score is kept, all are computed again in the backward pass.

The arithmetic of FlashAttention-2 (Dao 2023, https://arxiv.org/abs/2307.08691) in whole matrix products, whose results
stay in the processor's cache. A block multiplies with the keys that some query of it may see, and no others. Scores
and weights are float32; what goes into the next product is rounded to the type of the inputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from heedful.train.engine.layout import Masks
from heedful.train.engine.memory import Memory

QUERIES = 64  # of a block


@dataclass(frozen=True)
class _Block:
    """Queries a to b and the keys that they may see, as slices; `mask` (b - a, keys) is added to scores."""

    queries: slice
    keys: slice
    mask: Tensor


def _blocks(queries: int, keys: int, window: int, masks: Masks) -> Iterator[_Block]:
    """The last query has the position of the last key."""
    before = keys - queries
    for a in range(0, queries, QUERIES):
        b = min(queries, a + QUERIES)
        first = max(0, before + a - window + 1) if window else 0
        seen = slice(first, before + b)
        yield _Block(slice(a, b), seen, masks.seen(slice(before + a, before + b), seen, window))


class _Blocks(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, scale: float, window: int, masks: Masks, memory: Memory
    ) -> Tensor:
        ctx.more = scale, window, masks, memory
        (b, heads, length, width), groups = q.shape, k.shape[1]
        grouped, keys, values = _grouped(q, groups), k.flatten(0, 1), v.flatten(0, 1)
        exact = keys.float()
        out = torch.empty_like(grouped)  # (B * G, H / G, S, D)
        total = torch.empty(*out.shape[:3], 1, device=q.device)  # log of the sum of all exponentials
        for block in _blocks(length, k.shape[2], window, masks):
            scores = _scores(grouped, exact, block, scale, memory)
            most = scores.amax(-1, keepdim=True)
            weights = scores.sub_(most).exp_()
            mass = weights.sum(-1, keepdim=True)
            seen = torch.bmm(_rounded(weights, v.dtype, memory), values[:, block.keys])
            out[:, :, block.queries] = seen.mul_(mass.reciprocal()).view(out[:, :, block.queries].shape)
            total[:, :, block.queries] = mass.log_().add_(most).view(total[:, :, block.queries].shape)
        ctx.save_for_backward(q, k, v, out, total)
        return out.view(b, heads, length, width)

    @staticmethod
    def backward(ctx: Any, dout: Tensor) -> Any:  # type: ignore[override]
        q, k, v, out, total = ctx.saved_tensors
        scale, window, masks, memory = ctx.more
        groups = k.shape[1]
        grouped, keys, values, given = _grouped(q, groups), k.flatten(0, 1), v.flatten(0, 1), _grouped(dout, groups)
        exact = keys.float()
        inner = torch.mul(given, out).sum(-1, keepdim=True, dtype=torch.float32)
        dq, dk, dv = torch.empty_like(grouped), torch.zeros_like(exact), torch.zeros_like(exact)
        for block in _blocks(q.shape[2], k.shape[2], window, masks):
            some, dsome = (x[:, :, block.queries].flatten(1, 2) for x in (grouped, given))
            scores = _scores(grouped, exact, block, scale, memory)
            weights = scores.sub_(total[:, :, block.queries].flatten(1, 2)).exp_()
            rounded = _rounded(weights, v.dtype, memory)
            dv[:, block.keys] += torch.bmm(rounded.transpose(1, 2), dsome)
            room = memory.room("gradients", tuple(weights.shape), v.dtype, v.device)
            dweights = torch.bmm(dsome, values[:, block.keys].transpose(1, 2), out=room)
            dscores = weights.mul_(dweights.sub_(inner[:, :, block.queries].flatten(1, 2)))
            dscores = _rounded(dscores, q.dtype, memory)
            dq[:, :, block.queries] = torch.bmm(dscores, keys[:, block.keys]).view(dq[:, :, block.queries].shape)
            dk[:, block.keys] += torch.bmm(dscores.transpose(1, 2), some)
        dq, dk = dq.mul_(scale), dk.mul_(scale).to(k.dtype)
        return dq.view(q.shape), dk.view(k.shape), dv.to(v.dtype).view(v.shape), None, None, None, None


def _grouped(x: Tensor, groups: int) -> Tensor:
    """(B, H, S, D) as (B * G, H / G, S, D): the heads that share keys next to one another."""
    b, heads, length, width = x.shape
    return x.reshape(b * groups, heads // groups, length, width)


def _scores(grouped: Tensor, keys: Tensor, block: _Block, scale: float, memory: Memory) -> Tensor:
    """(B * G, H / G * queries, keys), float32, masked."""
    some = grouped[:, :, block.queries].flatten(1, 2).float()
    mask = block.mask.repeat(grouped.shape[1], 1)
    room = memory.room("scores", (len(keys), *mask.shape), torch.float32, keys.device)
    return torch.baddbmm(mask, some, keys[:, block.keys].transpose(1, 2), alpha=scale, out=room)


def _rounded(weights: Tensor, dtype: torch.dtype, memory: Memory) -> Tensor:
    if weights.dtype == dtype:
        return weights
    return memory.room("weights", tuple(weights.shape), dtype, weights.device).copy_(weights)


def attend_in_blocks(
    q: Tensor, k: Tensor, v: Tensor, scale: float, window: int, masks: Masks, memory: Memory
) -> Tensor:
    """q (B, H, S, D), k and v (B, G, K, D) with K >= S, whose last positions are the queries' own; (B, H, S, D).

    A query sees the keys at its own position and before, `window` of them at most (0: all).
    """
    return _Blocks.apply(q, k, v, scale, window, masks, memory)  # type: ignore[return-value]
