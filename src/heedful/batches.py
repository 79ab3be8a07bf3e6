"""Token rows to tensors: the only place that knows padding, packing, the shift by one and -100.

    TokenExample(ids=(a, b, c, stop), loss_mask=(F, F, T, T))
      input_ids  a   b   c   pad        what the model reads
      labels    -100 c  stop -100       what it shall predict at each position: already shifted by one
      attention  1   1   1   0

The same row and (d, e, stop), of which all but d is trained, packed: laid end to end in one sequence.

      input_ids  a   b   c   d   e   pad
      labels    -100 c  stop e  stop -100   no row's last token predicts the next row's first
      position   0   1   2   0   1   0      each row begins anew
      row_of     0   0   0   1   1  -1      a position sees the earlier positions of its own row and no other

`labels` are handed to our own loss, never to a transformers model, which would shift them again.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
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
    """Rows side by side, or packed. All tensors are (B, T), int64; `rows` are the examples' ids in order.

    `labels[b, t]` is the id to be predicted after reading position t and what it sees before it, or -100 where nothing
    is trained. Packed batches alone have `position_ids`, each position's place in its own row, and `row_of`, the index
    in `rows` of the row that it belongs to (-1 at padding); else row b is ``rows[b]``.
    """

    input_ids: Tensor
    labels: Tensor
    attention_mask: Tensor
    rows: tuple[str, ...]
    position_ids: Tensor | None = None
    row_of: Tensor | None = None

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
        moved = {f.name: getattr(self, f.name) for f in fields(self) if isinstance(getattr(self, f.name), Tensor)}
        return replace(self, **{name: tensor.to(device) for name, tensor in moved.items()})


def collate(
    examples: Sequence[TokenExample],
    pad_id: int,
    pad_to: PadTo = "longest",
    multiple_of: int = 1,
    packed: bool = False,
    max_length: int | None = None,
) -> Batch:
    """Pad rows on the right (or pack them), shift by one, and mask.

    The model reads ``ids[:-1]`` and predicts ``ids[1:]``, so a row of n tokens fills n - 1 positions.
    `pad_to`: the ``"longest"`` row, whose length `multiple_of` rounds up (some hardware likes that), or a number of
    positions, which is kept as it is: past a model's context length there are no positions.
    `packed` lays rows end to end in as few sequences as can be, of at most `max_length` positions (None: `pad_to`, or
    all rows in one sequence); no row is cut in two.

    Raises RequestError if a row is longer than a fixed length: cutting it here would eat the answer in silence.

    >>> long = TokenExample("r", (5, 6, 7, 2), (False, False, True, True))
    >>> short = TokenExample("s", (8, 2), (False, True))
    >>> batch = collate([long], pad_id=0, multiple_of=4)
    >>> batch.input_ids.tolist(), batch.labels.tolist()
    ([[5, 6, 7, 0]], [[-100, 7, 2, -100]])
    >>> batch = collate([long, short], pad_id=0, packed=True)
    >>> batch.input_ids.tolist(), batch.labels.tolist()
    ([[5, 6, 7, 8]], [[-100, 7, 2, 2]])
    >>> batch.position_ids.tolist(), batch.row_of.tolist()
    ([[0, 1, 2, 0]], [[0, 0, 0, 1]])
    """
    if not examples:
        raise RequestError("a batch needs at least one row")
    if multiple_of < 1:
        raise RequestError(f"multiple_of is {multiple_of}; it must be 1 or more")
    lengths = [max(0, len(e.ids) - 1) for e in examples]
    limits = {"pad_to": None if pad_to == "longest" else pad_to, "max_length": max_length if packed else None}
    for name, limit in limits.items():
        if limit is not None and max(lengths) > limit:
            row = max(examples, key=lambda e: len(e.ids))
            raise RequestError(
                f"row {row.id} fills {max(lengths)} positions, more than the {limit} asked for; raise {name}"
            )
    limit = min((n for n in limits.values() if n is not None), default=sum(lengths))
    sequences = pack(lengths, limit) if packed else [[r] for r in range(len(examples))]
    longest = max(sum(lengths[r] for r in rows) for rows in sequences)
    width = max(1, -(-longest // multiple_of) * multiple_of if pad_to == "longest" else pad_to)
    return _lay_out(examples, sequences, width, pad_id, packed)


def _lay_out(
    examples: Sequence[TokenExample], sequences: Sequence[Sequence[int]], width: int, pad_id: int, packed: bool
) -> Batch:
    """Rows with these numbers, one after another in each sequence; what is left of `width` is padding."""
    shape = (len(sequences), width)
    input_ids = torch.full(shape, pad_id, dtype=torch.long)
    labels = torch.full(shape, IGNORE_INDEX, dtype=torch.long)
    attention_mask = torch.zeros(shape, dtype=torch.long)
    position_ids = torch.zeros(shape, dtype=torch.long)
    row_of = torch.full(shape, -1, dtype=torch.long)
    for b, rows in enumerate(sequences):
        end = 0
        for r in rows:
            ids = torch.tensor(examples[r].ids, dtype=torch.long)
            start, end = end, end + max(0, len(ids) - 1)
            trained = torch.tensor(examples[r].loss_mask[1:], dtype=torch.bool)
            input_ids[b, start:end] = ids[:-1]
            labels[b, start:end] = torch.where(trained, ids[1:], IGNORE_INDEX)
            attention_mask[b, start:end] = 1
            position_ids[b, start:end] = torch.arange(end - start)
            row_of[b, start:end] = r
        position_ids[b, end:] = torch.arange(width - end)  # padding is a row by itself, which no other sees
    names = tuple(e.id for e in examples)
    if not packed:
        return Batch(input_ids, labels, attention_mask, names)
    return Batch(input_ids, labels, attention_mask, names, position_ids, row_of)


def pack(lengths: Sequence[int], limit: int) -> list[list[int]]:
    """Numbers of rows in as few sequences of at most `limit` positions as are found, all of about the same length.

    Longest row first into the shortest sequence (Graham 1969, https://doi.org/10.1137/0117039), with one more sequence
    where that does not fit. No length may be more than `limit`.

    >>> pack([5, 4, 3, 3, 1], limit=8)
    [[0, 3], [1, 2, 4]]
    """
    order = sorted(range(len(lengths)), key=lambda r: -lengths[r])
    too_few = max(0, -(-sum(lengths) // max(1, limit)) - 1)
    step, found = 1, None
    while found is None:  # further up in larger and larger steps, then half-way back and forth
        count = max(1, min(too_few + step, len(lengths)))
        found = _spread(order, lengths, limit, count)
        too_few, step = (too_few if found else count), 2 * step
    enough = count
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        fewer = _spread(order, lengths, limit, middle)
        too_few, enough, found = (too_few, middle, fewer) if fewer else (middle, enough, found)
    return [sorted(rows) for rows in found if rows]


def _spread(order: Sequence[int], lengths: Sequence[int], limit: int, count: int) -> list[list[int]] | None:
    """The rows, in order, each in the shortest of `count` sequences; None where one becomes longer than `limit`."""
    sequences: list[list[int]] = [[] for _ in range(count)]
    fills = [(0, b) for b in range(count)]
    for r in order:
        fill, b = fills[0]
        if fill + lengths[r] > limit and count < len(lengths):
            return None
        heapq.heapreplace(fills, (fill + lengths[r], b))
        sequences[b].append(r)
    return sequences


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


def micro_batches(lengths: Sequence[int], size: int | None, positions: int | None = None) -> list[slice]:
    """Cut a step's rows into parts of `size` rows; where that is None, of at most so many `positions` with padding.

    A row longer than that is a part of its own. Without either all rows are one part.
    """
    if size or not positions:
        size = min(size or len(lengths), len(lengths))
        return [slice(i, i + size) for i in range(0, len(lengths), size)]
    parts, start, longest = [], 0, 0
    for i, length in enumerate(lengths):
        longest = max(longest, length)
        if i > start and longest * (i + 1 - start) > positions:
            parts.append(slice(start, i))
            start, longest = i, length
    return [*parts, slice(start, len(lengths))]


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
    packed: bool = False,
    max_length: int | None = None,
) -> DataLoader[Batch]:
    """A data loader over rows: shuffled in batches of like length if a seed is given, else longest rows first.

    The first iteration has the order of `epoch`, the next that of the epoch after it, and so on. What a batch looks
    like is said by the last four, as in `collate`; `batch_size` counts rows, packed or not.
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
        collate_fn=lambda rows: collate(rows, pad_id, pad_to, multiple_of, packed, max_length),
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
    packed: bool = False,
    max_length: int | None = None,
) -> Loaders:
    """Data loaders for training (shuffled by `seed`, perhaps packed), validation and testing (in a fixed order)."""
    options = {"pad_to": pad_to, "multiple_of": multiple_of}
    return Loaders(
        make_loader(train, batch_size, pad_id, seed, packed=packed, max_length=max_length, **options),  # type: ignore[arg-type]
        make_loader(val, batch_size, pad_id, **options),  # type: ignore[arg-type]
        make_loader(test, batch_size, pad_id, **options),  # type: ignore[arg-type]
    )
