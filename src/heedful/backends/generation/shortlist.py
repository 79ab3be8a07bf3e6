"""The likeliest token without the whole head in float32: a copy in half precision first, float32 for what is left.

A product of a few rows with a head of many entries is made by FBGEMM from weights of 16 bits in less than half the time
(SmolLM2, one core, 6 rows: 5 in place of 30 ms). Its logits are off by no more than

    |h . w - h . w'|  <=  |h| |w - w'|                       (Cauchy and Schwarz)

and what adding up D numbers in float32 may lose. Every entry that this leaves a chance to be the largest, seldom more
than three, is computed from the weights themselves. So the token is the one that float32 gives.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

LEAST_BYTES = 8 << 20  # of a head in float32; a smaller one is read fast enough
LARGEST_HALF = 65504.0
BLOCK = 64  # entries whose largest logit is taken first
UNIT = 2.0**-24  # float32 rounds by no more than this share
FEW = 8.0  # entries a row, on average: where more are left, the whole head is no slower


class Shortlist:
    """A head's weight (V, D) in half precision, packed, and how far that can be off."""

    def __init__(self, weight: Tensor, plain: Tensor):
        self.weight = weight.detach()
        self.made_of = _state(weight)
        largest, off = 0.0, 0.0
        for part in plain.split(8192):
            largest = max(largest, float(torch.linalg.vector_norm(part, dim=1).max()))
            off = max(off, float(torch.linalg.vector_norm(part - part.half().float(), dim=1).max()))
        width = plain.shape[1]
        # Two sums of D products, each off by D units at most, and a tenth more for the norms' own rounding.
        self.off = 1.1 * (off + 2 * width * UNIT * largest)
        self.packed: Any = torch.ops.quantized.linear_prepack_fp16(plain.contiguous(), None)

    def best(self, h: Tensor) -> Tensor | None:
        """The likeliest entry for each row of h (R, D): (R,); None where too many come into question, or the head has
        become another."""
        if self.made_of != _state(self.weight):
            return None
        near = torch.ops.quantized.linear_dynamic_fp16(h, self.packed)  # (R, V)
        rows, entries = near.shape
        whole = entries // BLOCK * BLOCK
        blocks = near[:, :whole].view(rows, -1, BLOCK).amax(-1)  # (R, V / BLOCK)
        if whole < entries:
            blocks = torch.cat([blocks, near[:, whole:].amax(-1, keepdim=True)], 1)
        least = blocks.amax(1) - 2 * self.off * torch.linalg.vector_norm(h, dim=1)
        found = (blocks >= least[:, None]).nonzero()  # (F, 2); nothing where a logit is not a number
        if not 0 < len(found) <= FEW * rows:
            return None
        row = found[:, :1].expand(-1, BLOCK).flatten()
        entry = (found[:, 1:] * BLOCK + torch.arange(BLOCK)).flatten()
        kept = (entry < entries).logical_and_(near[row, entry.clamp(max=entries - 1)] >= least[row]).nonzero()[:, 0]
        row, entry = row[kept], entry[kept]
        exact = torch.einsum("fd,fd->f", h[row], self.weight[entry])
        best = [(float("-inf"), -1)] * rows
        for r, e, value in zip(row.tolist(), entry.tolist(), exact.tolist(), strict=True):
            if value > best[r][0]:  # of equal ones the first stays, as with argmax
                best[r] = value, e
        return torch.tensor([e for _, e in best])


_made: WeakKeyDictionary[nn.Module, Shortlist] = WeakKeyDictionary()


def make_shortlist(head: Any, plain: Tensor | None = None) -> int:
    """Make a head's shortlist where it pays and FBGEMM is there; how many bytes it takes. `plain` is the weight as it
    was stored before, row by row, which is read faster."""
    weight = getattr(head, "weight", None)
    if type(head) is not nn.Linear or weight is None or head.bias is not None or head in _made:
        return 0
    if weight.dtype != torch.float32 or weight.device.type != "cpu" or weight.numel() * 4 < LEAST_BYTES:
        return 0
    rows: Tensor = weight.detach() if plain is None else plain
    if not float(rows.abs().max()) < LARGEST_HALF:
        return 0
    try:
        _made[head] = made = Shortlist(weight, rows)
        made.best(torch.zeros(1, weight.shape[1], dtype=torch.float32))
    except (RuntimeError, AttributeError, NotImplementedError):  # another processor, or torch without FBGEMM
        _made.pop(head, None)
        return 0
    return weight.numel() * 2


def shortlist_of(head: Any) -> Shortlist | None:
    """The shortlist that was made for a head."""
    return _made.get(head) if isinstance(head, nn.Module) else None


def _state(weight: Tensor) -> tuple[int, int]:
    return weight.data_ptr(), weight._version
