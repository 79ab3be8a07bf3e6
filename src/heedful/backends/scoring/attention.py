"""Attention in two halves that are joined: what a token sees of the trunk, and what it sees of its own family.

Each half gives its result and the logarithm of the sum of its exponentials; the joined result is their mean weighted by
these sums (as in FlashAttention, Dao et al. 2022, https://arxiv.org/abs/2205.14135). No matrix of scores is kept where
torch has a fused kernel that tells the sum, which it does on a CPU.
"""

from __future__ import annotations

import torch
from torch import Tensor

BYTES = 256 << 20  # of scores at a time, where they are written out


def attend(
    q: Tensor, k: Tensor, v: Tensor, scale: float, mask: Tensor | None = None, causal: bool = False, cap: float = 0.0
) -> tuple[Tensor, Tensor]:
    """The result (B, H, n, D) and the log of the sum of exponentials (B, H, n), float32.

    q (B, H, n, D); k, v (B, H, T, D); mask (B or 1, 1, n, T) added to the scores; `causal` where n = T; scores are
    capped at `cap` by tanh (0: not). A query that sees nothing gets the logarithm -inf, and a result of zeros.
    """
    if not cap and q.device.type == "cpu" and _FUSED is not None and q.dtype in (torch.float32, torch.bfloat16):
        out, total = _FUSED(q, k, v, 0.0, causal, attn_mask=mask, scale=scale)
        if mask is not None:  # of a query that sees nothing the kernel says that the sum is 1
            total = total.masked_fill((mask == float("-inf")).all(-1), float("-inf"))
        return out, total
    return _written_out(q, k, v, scale, mask, causal, cap)


_FUSED = getattr(torch.ops.aten, "_scaled_dot_product_flash_attention_for_cpu", None)


def _written_out(
    q: Tensor, k: Tensor, v: Tensor, scale: float, mask: Tensor | None, causal: bool, cap: float
) -> tuple[Tensor, Tensor]:
    """`attend` with the scores written out, some queries at a time."""
    n, seen = q.shape[2], k.shape[2]
    step = max(1, BYTES // (4 * q.shape[0] * q.shape[1] * seen))
    out, totals = [], []
    for start in range(0, n, step):
        scores = torch.matmul(q[:, :, start : start + step], k.transpose(2, 3)).float() * scale
        if cap:
            scores = torch.tanh(scores / cap) * cap
        if mask is not None:
            scores = scores + (mask if mask.shape[2] == 1 else mask[:, :, start : start + step]).float()
        if causal:
            rows = torch.arange(start, min(n, start + step), device=q.device)[:, None]
            scores = scores.masked_fill(torch.arange(seen, device=q.device) > rows, float("-inf"))
        total = scores.logsumexp(-1)
        weights = torch.exp(scores - total.nan_to_num(neginf=0.0)[..., None])
        out.append(torch.matmul(weights.to(v.dtype), v))
        totals.append(total)
    return torch.cat(out, 2), torch.cat(totals, 2)


def join(a: Tensor, log_a: Tensor, b: Tensor, log_b: Tensor) -> Tensor:
    """Two halves of an attention as one: a, b (..., D) with the logs of their sums (...)."""
    share = torch.sigmoid(log_b - log_a)[..., None]  # -inf against a number gives 0 or 1, exactly
    return torch.lerp(a.float(), b.float(), share).to(a.dtype)
