"""Token rows to tensors: the only place that knows padding, the shift by one and -100.

    TokenExample(ids=(a, b, c, stop), loss_mask=(F, F, T, T))
      input_ids  a   b   c   pad        what the model reads
      labels    -100 c  stop -100       what it shall predict at each position: already shifted by one
      attention  1   1   1   0

`labels` are handed to our own loss, never to a transformers model, which would shift them again.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from heedful.errors import RequestError
from heedful.records import TokenExample

IGNORE_INDEX = -100
PadTo = Literal["longest"] | int


@dataclass(frozen=True)
class Batch:
    """Rows side by side. All tensors are (B, T), int64; `rows` are the examples' ids in order.

    `labels[b, t]` is the id to be predicted after reading ``input_ids[b, :t+1]``, or -100 where nothing is trained.
    """

    input_ids: Tensor
    labels: Tensor
    attention_mask: Tensor
    rows: tuple[str, ...]

    @property
    def tokens(self) -> int:
        """Tokens of rows, padding not counted."""
        return int(self.attention_mask.sum())

    @property
    def trained_tokens(self) -> int:
        """Positions that bear a label."""
        return int((self.labels != IGNORE_INDEX).sum())

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device."""
        return Batch(self.input_ids.to(device), self.labels.to(device), self.attention_mask.to(device), self.rows)


def collate(examples: Sequence[TokenExample], pad_id: int, pad_to: PadTo = "longest", multiple_of: int = 1) -> Batch:
    """Pad rows on the right, shift by one, and mask.

    The model reads ``ids[:-1]`` and predicts ``ids[1:]``, so a row of n tokens fills n - 1 positions.
    `pad_to`: the ``"longest"`` row, whose length `multiple_of` rounds up (some hardware likes that), or a number of
    positions, which is kept as it is: past a model's context length there are no positions.

    Raises RequestError if a row is longer than a fixed length: cutting it here would eat the answer in silence.

    >>> batch = collate([TokenExample("r", (5, 6, 7, 2), (False, False, True, True))], pad_id=0, multiple_of=4)
    >>> batch.input_ids.tolist(), batch.labels.tolist()
    ([[5, 6, 7, 0]], [[-100, 7, 2, -100]])
    """
    if not examples:
        raise RequestError("a batch needs at least one row")
    if multiple_of < 1:
        raise RequestError(f"multiple_of is {multiple_of}; it must be 1 or more")
    longest = max(len(e.ids) for e in examples) - 1
    width = max(1, -(-longest // multiple_of) * multiple_of)
    if pad_to != "longest":
        if longest > pad_to:
            row = max(examples, key=lambda e: len(e.ids))
            raise RequestError(
                f"row {row.id} fills {longest} positions, more than the {pad_to} asked for; raise pad_to"
            )
        width = max(1, pad_to)
    input_ids = torch.full((len(examples), width), pad_id, dtype=torch.long)
    labels = torch.full((len(examples), width), IGNORE_INDEX, dtype=torch.long)
    attention_mask = torch.zeros((len(examples), width), dtype=torch.long)
    for b, example in enumerate(examples):
        ids = torch.tensor(example.ids, dtype=torch.long)
        n = max(0, len(ids) - 1)
        input_ids[b, :n] = ids[:-1]
        labels[b, :n] = torch.where(torch.tensor(example.loss_mask[1:], dtype=torch.bool), ids[1:], IGNORE_INDEX)
        attention_mask[b, :n] = 1
    return Batch(input_ids, labels, attention_mask, tuple(e.id for e in examples))


class LengthBatches(Sampler[list[int]]):
    """Batches of rows of like length, in an order that depends on `seed` and `epoch` alone.

    Rows are shuffled, cut into windows of 32 batches, sorted by length inside a window, and the batches are
    shuffled again: little padding, and still another order each epoch. Every row comes once an epoch.
    Iterating twice gives the same order twice; `set_epoch` chooses another.
    """

    WINDOW = 32

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int, epoch: int = 0):
        self.lengths = list(lengths)
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = epoch

    def set_epoch(self, epoch: int) -> None:
        """Take the order of that epoch from the next iteration on."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.lengths) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        shuffle = random.Random(f"{self.seed}:{self.epoch}")
        order = list(range(len(self.lengths)))
        shuffle.shuffle(order)
        window = self.batch_size * self.WINDOW
        batches = []
        for start in range(0, len(order), window):
            rows = sorted(order[start : start + window], key=lambda i: self.lengths[i])
            batches += [rows[i : i + self.batch_size] for i in range(0, len(rows), self.batch_size)]
        shuffle.shuffle(batches)
        return iter(batches)


class _NextEpoch(LengthBatches):
    """`LengthBatches` that goes on to the next epoch with each iteration."""

    def __iter__(self) -> Iterator[list[int]]:
        batches = super().__iter__()
        self.epoch += 1
        return batches


def by_length(lengths: Sequence[int], batch_size: int) -> list[list[int]]:
    """Indices in batches of like length, longest first, so that the largest need of memory shows at once."""
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]


@dataclass(frozen=True)
class Loaders:
    """Data loaders of `Batch` for the three parts.

    `train` gives another order each time it is iterated, beginning with epoch 0; the others never change.
    """

    train: DataLoader[Batch]
    val: DataLoader[Batch]
    test: DataLoader[Batch]


def make_loader(
    examples: Sequence[TokenExample],
    batch_size: int,
    pad_id: int,
    shuffle_seed: int | None = None,
    epoch: int = 0,
    pad_to: PadTo = "longest",
    multiple_of: int = 1,
) -> DataLoader[Batch]:
    """A data loader over rows: shuffled in batches of like length if a seed is given, else longest rows first.

    The first iteration has the order of `epoch`, the next that of the epoch after it, and so on.
    """
    if batch_size < 1:
        raise RequestError(f"batch_size is {batch_size}; it must be 1 or more")
    lengths = [len(e.ids) for e in examples]
    batches = (
        by_length(lengths, batch_size) if shuffle_seed is None else _NextEpoch(lengths, batch_size, shuffle_seed, epoch)
    )
    return DataLoader(
        list(examples),  # type: ignore[arg-type]
        batch_sampler=batches,
        collate_fn=lambda rows: collate(rows, pad_id, pad_to, multiple_of),
    )


def make_loaders(
    train: Sequence[TokenExample],
    val: Sequence[TokenExample],
    test: Sequence[TokenExample],
    batch_size: int,
    pad_id: int,
    seed: int = 0,
    pad_to: PadTo = "longest",
    multiple_of: int = 1,
) -> Loaders:
    """Data loaders for training (shuffled by `seed`), validation and testing (in a fixed order)."""
    options = {"pad_to": pad_to, "multiple_of": multiple_of}
    return Loaders(
        make_loader(train, batch_size, pad_id, seed, **options),  # type: ignore[arg-type]
        make_loader(val, batch_size, pad_id, **options),  # type: ignore[arg-type]
        make_loader(test, batch_size, pad_id, **options),  # type: ignore[arg-type]
    )
