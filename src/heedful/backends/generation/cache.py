"""Keys and values of the rows that are being answered, allocated once: nothing is joined or copied at a step.

Each layer has two tensors (S, G, T, D): S slots, one a row; G heads of keys; T places; D their width. The common
beginning of all rows is written into every slot once and stays there as rows come and go.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

BUDGET = 2 << 30  # bytes for all rows side by side; a single row has what it needs


class Cache:
    """Room for `slots` rows of `places` tokens each."""

    def __init__(
        self, layers: int, slots: int, groups: int, places: int, width: int, dtype: torch.dtype, device: torch.device
    ):
        shape = (slots, groups, places, width)
        # Zeros, because what a row has not reached is multiplied by a weight of 0: it must be a number.
        self.keys = [torch.zeros(shape, dtype=dtype, device=device) for _ in range(layers)]
        self.values = [torch.zeros(shape, dtype=dtype, device=device) for _ in range(layers)]
        self.slots, self.groups, self.places, self.width = shape
        self._heads = torch.arange(groups, device=device) * places

    def at(self, slots: Tensor, positions: Tensor) -> Tensor:
        """Where tokens stand in a layer's tensors taken as (S * G * T, D): (N * G,) of slots and positions (N,)."""
        return ((slots * self.groups * self.places + positions)[:, None] + self._heads).flatten()

    def write(self, layer: int, at: Tensor, keys: Tensor, values: Tensor) -> None:
        """Put keys and values (N, G, D) in their places."""
        self.keys[layer].view(-1, self.width).index_copy_(0, at, keys.reshape(-1, self.width))
        self.values[layer].view(-1, self.width).index_copy_(0, at, values.reshape(-1, self.width))

    def share(self, prefix: int) -> None:
        """Copy the first `prefix` places of slot 0 to all others."""
        for tensor in (*self.keys, *self.values):
            tensor[1:, :, :prefix] = tensor[:1, :, :prefix]

    def move(self, source: int, target: int, begin: int, end: int) -> None:
        """Copy places `begin` to `end` from one slot to another."""
        for tensor in (*self.keys, *self.values):
            tensor[target, :, begin:end] = tensor[source, :, begin:end]

    def resize(self, kept: Sequence[int], slots: int, places: int) -> None:
        """Become a cache of another size, in which slot number `i` holds what slot `kept[i]` held, as far as it fits.

        A layer at a time, so that only one is there twice.
        """
        both = min(places, self.places)
        which = torch.tensor(list(kept), dtype=torch.long, device=self._heads.device)
        for tensors in (self.keys, self.values):
            for number, old in enumerate(tensors):
                new = old.new_zeros((slots, self.groups, places, self.width))
                new[: len(which), :, :both] = old.index_select(0, which)[:, :, :both]
                tensors[number] = new
        self.slots, self.places = slots, places
        self._heads = torch.arange(self.groups, device=which.device) * places


def slots_for(wanted: int, places: int, layers: int, groups: int, width: int, dtype: torch.dtype, budget: int) -> int:
    """How many rows of `places` tokens may be answered side by side within a budget of bytes; one at least.

    >>> slots_for(64, 500, 30, 3, 64, torch.float32, 1 << 30)
    46
    """
    row = 2 * layers * groups * places * width * torch.empty(0, dtype=dtype).element_size()
    return max(1, min(wanted, budget // row))
