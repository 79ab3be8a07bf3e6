"""A sample of rows by weight and by cap, in file order, which depends on nothing but the seed, a name and the number.

A row's luck is a hash of the seed, the name of its source and its number (the first is 1), so that the same rows are
taken in every run, on every machine, whatever other sources there are; and of two weights or caps the smaller takes a
part of what the larger takes. A weight of 0.25 takes each row with a chance of a quarter, 2.5 takes each twice and
half of them a third time. A cap takes those with the smallest hashes, which needs a first pass over the rows and
memory for as many numbers as the cap says.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
_SPAN = 1 << 64


def choose(
    rows: Callable[[], Iterable[T]], *, cap: int | None = None, weight: float = 1.0, seed: int = 0, name: str = ""
) -> Iterator[T]:
    """The rows that are taken, in their order; a row of a weight above 1 stands several times in a row.

    `rows` gives all rows from the first on; with a cap it is called twice. The weight comes first, then the cap.
    """
    if cap is None and weight == 1:
        yield from rows()
        return
    luck = _luck(seed, name)
    taken = _smallest(rows(), cap, weight, luck) if cap is not None else None
    for number, row in enumerate(rows(), 1):
        for copy, _ in _copies(number, weight, luck):
            if taken is None or (number, copy) in taken:
                yield row


def _luck(seed: int, name: str) -> Callable[[int, int], tuple[int, int]]:
    """Two independent numbers below 2**64 for a row's number and copy: one for the weight, one for the cap."""
    begun = hashlib.blake2b(f"{seed}\0{name}\0".encode(), digest_size=16)

    def luck(number: int, copy: int) -> tuple[int, int]:
        mine = begun.copy()
        mine.update(f"{number}\0{copy}".encode())
        digest = mine.digest()
        return int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:], "big")

    return luck


def _copies(number: int, weight: float, luck: Callable[[int, int], tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The copies of a row that its weight gives it, each with its luck under a cap."""
    whole = int(weight)
    for copy in range(whole + (weight > whole)):
        first, second = luck(number, copy)
        if copy < whole or first < (weight - whole) * _SPAN:
            yield copy, second


def _smallest(
    rows: Iterable[object], cap: int, weight: float, luck: Callable[[int, int], tuple[int, int]]
) -> set[tuple[int, int]]:
    """The number and the copy of the `cap` with the smallest hashes."""
    heap: list[tuple[int, int, int]] = []  # the largest hash first
    for number, _ in enumerate(rows, 1):
        for copy, value in _copies(number, weight, luck):
            if len(heap) < cap:
                heapq.heappush(heap, (-value, number, copy))
            elif -value > heap[0][0]:
                heapq.heapreplace(heap, (-value, number, copy))
    return {(number, copy) for _, number, copy in heap}
