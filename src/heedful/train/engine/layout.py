"""Where each token stands when rows lie end to end, without padding and with their common beginning once.

    rows       a b c d      a b e f g         as the batch has them
    layout     a b | c d | e f g              prefix of 2, then the rest of each row
    padded     c d .                          attention alone sees rows side by side: (B, S)
               e f g

A row's tokens see the prefix and the earlier tokens of their own row, so each has the value that it has in its own row,
and the prefix's keys and values gather the gradients of all rows: the sum is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from heedful.batches import IGNORE_INDEX

SHORTEST_PREFIX = 4  # below this sharing costs more than it saves


@dataclass(frozen=True)
class Layout:
    """N tokens: P of the common prefix, then those of B rows, of which the longest has S more.

    `ids`, `positions`: (N,). `padded`: (B * S,) places in the layout, any of the same row where it has no token.
    `unpadded`: (N - P,) places in the padded rows. `wanted`: (T,) places whose hidden states are asked for.
    """

    ids: Tensor
    positions: Tensor
    padded: Tensor
    unpadded: Tensor
    wanted: Tensor
    prefix: int
    rows: int
    longest: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows side by side: (B, S)."""
        return self.rows, self.longest


class Masks:
    """What may be seen, as numbers that are added to scores; each made once for a forward pass."""

    def __init__(self, device: torch.device):
        self.device = device
        self._made: dict[tuple[int, ...], Tensor] = {}

    def seen(self, queries: slice, keys: slice, window: int) -> Tensor:
        """(queries, keys), by position: a query sees its own position and earlier ones, `window` at most (0: all)."""
        name = (queries.start, queries.stop, keys.start, keys.stop, window)
        if name not in self._made:
            distance = torch.arange(queries.start, queries.stop)[:, None] - torch.arange(keys.start, keys.stop)
            seen = (distance >= 0) & (distance < window) if window else distance >= 0
            mask = torch.zeros(distance.shape).masked_fill_(~seen, float("-inf"))
            self._made[name] = mask.to(self.device)
        return self._made[name]


def make_layout(
    input_ids: Tensor, attention_mask: Tensor, labels: Tensor, row_of: Tensor | None, share: bool = True
) -> Layout:
    """Lay out a batch, all (B, T) as in `heedful.batches.Batch`; `wanted` are the labelled places in their order.

    Nothing in the prefix bears a label, so that each label has a hidden state of its own. Rows must be padded on the
    right or packed.
    """
    device, width = input_ids.device, input_ids.shape[1]
    if row_of is None:
        lengths = attention_mask.sum(1).cpu()  # (B,)
        starts = torch.arange(len(lengths)) * width
    else:
        flat = row_of.reshape(-1).cpu()
        count = int(flat.max()) + 1
        lengths = torch.bincount(flat[flat >= 0], minlength=count)
        starts = torch.stack([(flat == r).int().argmax() for r in range(count)])
    keep = lengths > 0
    lengths, starts = lengths[keep], starts[keep]
    flat_ids, trained = input_ids.reshape(-1).cpu(), (labels.reshape(-1) != IGNORE_INDEX).cpu()
    rows = [slice(s, s + n) for s, n in zip(starts.tolist(), lengths.tolist(), strict=True)]
    prefix = _common(flat_ids, trained, rows) if share and len(rows) > 1 else 0
    own = lengths - prefix
    longest = int(own.max())
    first = prefix + torch.cumsum(own, 0) - own  # place of each row's first own token
    steps = torch.arange(longest)
    real = steps < own[:, None]  # (B, S)
    padded = torch.where(real, first[:, None] + steps, first[:, None])
    source = torch.cat([torch.arange(rows[0].start, rows[0].start + prefix), *_own(rows, prefix)])
    positions = torch.cat([torch.arange(prefix), *(torch.arange(prefix, r.stop - r.start) for r in rows)])
    place = torch.zeros(flat_ids.shape, dtype=torch.long)
    place[source] = torch.arange(len(source))
    return Layout(
        flat_ids[source].to(device), positions.to(device), padded.reshape(-1).to(device),
        torch.nonzero(real.reshape(-1)).squeeze(1).to(device), place[trained].to(device), prefix, len(rows), longest,
    )  # fmt: skip


def _own(rows: list[slice], prefix: int) -> list[Tensor]:
    return [torch.arange(r.start + prefix, r.stop) for r in rows]


def _common(ids: Tensor, trained: Tensor, rows: list[slice]) -> int:
    """How many tokens all rows begin with, before any label, and leaving each row a token of its own."""
    shortest = min(r.stop - r.start for r in rows)
    first = ids[rows[0]][:shortest]
    same = torch.stack([ids[r.start : r.start + shortest] == first for r in rows]).all(0)  # (shortest,)
    common = int(same.int().cumprod(0).sum())
    for r in rows:
        labelled = torch.nonzero(trained[r])
        common = min(common, r.stop - r.start - 1, int(labelled[0]) if len(labelled) else common)
    return common if common >= SHORTEST_PREFIX else 0
