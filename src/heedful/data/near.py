"""Near-duplicates among many texts: MinHash and banding find candidates, their exact similarity and words decide.

    with NearDuplicates() as near:
        for text in texts: near.add(text)
        near.clusters()     # [[0, 7, 12], ...]
        near.pairs()        # [Pair(first=0, second=7, similarity=0.93), ...]

Two texts are near-duplicates where the sets of their character 5-grams (`shingles`) have a Jaccard similarity of the
threshold or more and their differing words do not ask something else (`alike`). Candidates: A. Z. Broder, On the
resemblance and containment of documents, 1997; Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, 2014, chapter
3. With 16 bands of 6 minima a pair of similarity s is a candidate with probability 1 - (1 - s^6)^16: 0.957 at 0.75,
0.992 at 0.8, 0.9995 at 0.85, 1 - 2e-6 at 0.9. Every candidate is verified, so none is told that is not one.

Memory: 84 bytes a text while they are added and about 200 at the end. Texts lie in a temporary file that has no name,
and of a text of more than 131,072 characters only so many are compared.

Many texts of one template fall into one bucket of a band. In a bucket of more than `WHOLE` texts each is compared with
the next `WINDOW` in the order of the next band's hash, so that the work is linear: at most 16 times `WHOLE` comparisons
a text. Pairs that are joined already are left out.
"""

from __future__ import annotations

import tempfile
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from heedful.data.alike import Words, alike, numbers, read
from heedful.data.shingles import constants, grams, jaccard, normalise

THRESHOLD = 0.75
BANDS, ROWS = 16, 6
WHOLE, WINDOW = 8, 2
_LONGEST = 1 << 17  # characters of a text that are compared
_BLOCK = 1 << 18  # characters that are hashed at a time
_SLICE = 1 << 16  # grams under one permutation at a time, which fit in a processor's cache
_BATCH = 1 << 20  # characters that are compared at a time
_MOST_MATES = 16  # earlier texts of a cluster that a text is compared with, for `repeats`


@dataclass(frozen=True, slots=True)
class Pair:
    """A text that repeats an earlier one, by their numbers as `add` gave them; 1.0 where they are the same."""

    first: int
    second: int
    similarity: float


class NearDuplicates:
    """Finds near-duplicates among the texts that are added; see the module's description."""

    def __init__(self, threshold: float = THRESHOLD, seed: int = 0):
        if not 0 < threshold <= 1:
            raise ValueError(f"a threshold of {threshold}; give a similarity above 0 and at most 1")
        self._threshold = threshold
        self._factors = (constants(seed, "minhash", BANDS * ROWS) >> np.uint64(32)).astype(np.uint32) | np.uint32(1)
        self._mixing = constants(seed, "band", ROWS + 1)
        self._waiting: list[str] = []
        self._characters = 0
        self._blocks: list[NDArray[np.uint32]] = []  # (BANDS, N of the block)
        self._digests = array("Q")
        self._ends = array("Q")  # of the texts in the file
        self._lengths = array("I")
        self._file = tempfile.TemporaryFile(prefix="heedful-near-")  # noqa: SIM115 (closed by `close`)
        self._labels: NDArray[np.int64] | None = None
        self._firsts = np.empty(0, dtype=np.int64)

    def __enter__(self) -> NearDuplicates:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._digests) + len(self._waiting)

    def close(self) -> None:
        """Give the temporary file back; nothing can be asked after it."""
        self._file.close()

    def add(self, text: str) -> int:
        """Add a text; its number, from 0 on."""
        if self._labels is not None:
            raise ValueError("the texts were compared already; add them all before")
        text = normalise(text)
        self._waiting.append(text)
        self._characters += len(text)
        number = len(self) - 1
        if self._characters >= _BLOCK or len(self._waiting) >= _BLOCK // 16:
            self._hash()
        return number

    def clusters(self) -> list[list[int]]:
        """Texts that are the same or near-duplicates, directly or through others: each of two or more, the earliest
        first."""
        labels = self._compared()
        order = np.argsort(labels, kind="stable")
        cuts = np.flatnonzero(np.diff(labels[order])) + 1
        sizes = np.diff(np.concatenate([[0], cuts, [len(order)]]))
        found = [part.tolist() for part, size in zip(np.split(order, cuts), sizes, strict=True) if size > 1]
        return sorted(found)

    def pairs(self) -> list[Pair]:
        """Each text that repeats an earlier one, with the earliest that is the same, or else the earliest that it is
        near to."""
        every = range(len(self))
        return self.repeats(every, every)

    def repeats(self, second: Iterable[int], first: Iterable[int]) -> list[Pair]:
        """Each text of `second` that repeats one of `first`, with the earliest that is the same, or else near to it;
        where a text stands in both, only texts before it count.

        In a cluster of more than `_MOST_MATES` different texts only so many of `first` are looked at.
        """
        labels, same = self._compared(), self._firsts
        earliest: dict[int, int] = {}  # a text's first occurrence -> the earliest row of `first` that has it
        mates: dict[int, list[int]] = {}  # label -> those rows
        shared = np.bincount(labels, minlength=1)[labels] > 1 if len(labels) else np.empty(0, dtype=bool)
        among = {i for i in first if shared[i]}  # few rows, so that the sets and lists below are small
        for i in sorted(among):
            if earliest.setdefault(int(same[i]), i) == i:
                mates.setdefault(int(labels[i]), []).append(i)
        found: dict[int, Pair] = {}
        open_: list[tuple[int, list[int]]] = []
        for i in sorted({i for i in second if shared[i]}):
            twin = earliest.get(int(same[i]), i)
            if twin != i and (twin < i or i not in among):
                found[i] = Pair(twin, i, 1.0)
            else:
                rows = [
                    r for r in mates.get(int(labels[i]), ())[: _MOST_MATES + 1] if r != i and (r < i or i not in among)
                ]
                open_.append((i, rows[:_MOST_MATES]))
        for turn in range(_MOST_MATES):
            open_ = [(i, rows) for i, rows in open_ if len(rows) > turn and i not in found]
            if not open_:
                break
            tried = np.array([(rows[turn], i) for i, rows in open_], dtype=np.int64)
            for (a, b), similarity in self._verified(tried[:, 0], tried[:, 1]):
                found[b] = Pair(a, b, similarity)
        return [found[i] for i in sorted(found)]

    # Adding

    def _hash(self) -> None:
        texts, self._waiting, self._characters = self._waiting, [], 0
        for text in texts:
            raw = text.encode("utf-8", "surrogatepass")
            self._digests.append(int.from_bytes(blake2b(raw, digest_size=8).digest(), "little"))
        texts = [t[:_LONGEST] for t in texts]
        at = self._ends[-1] if self._ends else 0
        for text in texts:
            raw = text.encode("utf-8", "surrogatepass")
            self._file.write(raw)
            at += len(raw)
            self._ends.append(at)
            self._lengths.append(len(text))
        marks = np.fromiter(
            (zlib.crc32(numbers(t).encode("utf-8", "surrogatepass")) for t in texts), dtype=np.uint64, count=len(texts)
        )
        self._blocks.append(self._bands(texts, marks))

    def _bands(self, texts: Sequence[str], marks: NDArray[np.uint64]) -> NDArray[np.uint32]:
        """The hash of each band of minima, and of the text's numbers: texts whose numbers differ never meet.

        Hashes of 32 bits suffice, since candidates are verified. Shape (BANDS, N).
        """
        hashed, bounds = grams(texts)
        hashed = (hashed >> np.uint64(32)).astype(np.uint32)
        minima = np.empty((BANDS * ROWS, len(texts)), dtype=np.uint32)
        for begin, end in _slices(bounds, _SLICE):
            part = hashed[bounds[begin] : bounds[end]]
            starts = bounds[begin:end] - bounds[begin]
            turned = np.empty_like(part)
            for k, factor in enumerate(self._factors):
                np.multiply(part, factor, out=turned)
                np.minimum.reduceat(turned, starts, out=minima[k, begin:end])
        keys = np.empty((BANDS, len(texts)), dtype=np.uint32)
        for band in range(BANDS):
            total = marks * self._mixing[ROWS]
            for row in range(ROWS):
                total += minima[band * ROWS + row].astype(np.uint64) * self._mixing[row]
                total ^= total >> np.uint64(31)
            keys[band] = (total * self._mixing[0] >> np.uint64(32)).astype(np.uint32)
        return keys

    # Comparing

    def _compared(self) -> NDArray[np.int64]:
        """The label of each text: the number of the earliest text of its cluster. Shape (N,)."""
        if self._labels is None:
            if self._waiting:
                self._hash()
            digests = np.frombuffer(self._digests, dtype=np.uint64) if self._digests else np.empty(0, dtype=np.uint64)
            _, first, inverse = np.unique(digests, return_index=True, return_inverse=True)
            self._firsts = first[inverse].astype(np.int64)
            different = np.sort(first).astype(np.int64)
            del first, inverse
            joined = _Joined(len(digests))
            self._join(different, joined)
            self._labels = joined.labels()[self._firsts]
            self._blocks.clear()
        return self._labels

    def _join(self, different: NDArray[np.int64], joined: _Joined) -> None:
        """Join the near-duplicates among texts that are different, band by band."""
        keys = [self._band(band, different) for band in range(BANDS)]
        self._blocks.clear()  # before the memory of candidates is needed
        windowed = np.zeros(len(different), dtype=np.uint16)  # a bit for each band: not all of its bucket was compared
        for band in range(BANDS):
            a, b = _candidates(keys[band], keys[(band + 1) % BANDS], windowed, band)
            seen = np.zeros(len(a), dtype=bool)
            for earlier in range(band):
                seen |= (keys[earlier][a] == keys[earlier][b]) & (windowed[a] >> np.uint16(earlier) & np.uint16(1) == 0)
            a, b = different[a[~seen]], different[b[~seen]]
            for begin in range(0, len(a), 1 << 14):
                x, y = a[begin : begin + (1 << 14)], b[begin : begin + (1 << 14)]
                labels = joined.labels()
                apart = labels[x] != labels[y]
                for (i, j), _ in self._verified(x[apart], y[apart]):
                    joined.join(i, j)

    def _band(self, band: int, different: NDArray[np.int64]) -> NDArray[np.uint32]:
        every = [block[band] for block in self._blocks]
        return np.concatenate(every)[different] if every else np.empty(0, dtype=np.uint32)

    def _verified(self, first: NDArray[np.int64], second: NDArray[np.int64]) -> Iterator[tuple[tuple[int, int], float]]:
        """The pairs that are near-duplicates, with their similarity."""
        lengths = np.frombuffer(self._lengths, dtype=np.uint32).astype(np.int64) if self._lengths else np.empty(0, int)
        bounds = np.concatenate([[0], np.cumsum(lengths[first] + lengths[second] + 8)])
        for begin, end in _slices(bounds, _BATCH):
            x, y = first[begin:end], second[begin:end]
            rows, places = np.unique(np.concatenate([x, y]), return_inverse=True)
            texts = [self._text(r) for r in rows.tolist()]
            a, b = places[: len(x)], places[len(x) :]
            similarities = jaccard(texts, a, b)
            known: dict[int, Words] = {}
            for k in np.flatnonzero(similarities >= self._threshold).tolist():
                i, j = int(a[k]), int(b[k])
                for number in (i, j):
                    if number not in known:
                        known[number] = read(texts[number])
                if alike(known[i], known[j]):
                    yield (int(x[k]), int(y[k])), float(similarities[k])

    def _text(self, number: int) -> str:
        begin = self._ends[number - 1] if number else 0
        self._file.seek(begin)
        return self._file.read(self._ends[number] - begin).decode("utf-8", "surrogatepass")


class _Joined:
    """Sets of numbers that are joined, each named by its smallest member (union-find)."""

    def __init__(self, count: int):
        self._parents = np.arange(count, dtype=np.int64)

    def join(self, a: int, b: int) -> None:
        a, b = self._root(a), self._root(b)
        self._parents[max(a, b)] = min(a, b)

    def _root(self, number: int) -> int:
        while (parent := int(self._parents[number])) != number:
            self._parents[number] = number = int(self._parents[parent])
        return number

    def labels(self) -> NDArray[np.int64]:
        """The name of each number's set; (N,)."""
        while not np.array_equal(above := self._parents[self._parents], self._parents):
            self._parents = above
        return self._parents


def _slices(bounds: NDArray[np.int64], size: int) -> Iterator[tuple[int, int]]:
    """Cut items that begin at `bounds` (N + 1,) into runs of about `size`, at least one item each."""
    begin, count = 0, len(bounds) - 1
    while begin < count:
        end = max(begin + 1, int(np.searchsorted(bounds, bounds[begin] + size, side="right")) - 1)
        end = min(end, count)
        yield begin, end
        begin = end


def _candidates(
    keys: NDArray[np.uint32], tie: NDArray[np.uint32], windowed: NDArray[np.uint16], band: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The pairs to compare in one band, the earlier text first; marks the texts of large buckets in `windowed`."""
    order = np.argsort((keys.astype(np.uint64) << np.uint64(32)) | tie, kind="stable")
    ordered = keys[order]
    cuts = np.concatenate([[0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1, [len(ordered)]])
    sizes = np.repeat(np.diff(cuts), np.diff(cuts))
    large = sizes > WHOLE
    windowed[order[large]] |= np.uint16(1 << band)
    firsts, seconds = [], []
    for step in range(1, WHOLE):
        same = ordered[step:] == ordered[:-step]
        if step > WINDOW:
            same &= ~large[step:]
        at = np.flatnonzero(same)
        firsts.append(at)
        seconds.append(at + step)
    places = np.concatenate(firsts)
    together = np.argsort(places, kind="stable")  # a text's pairs side by side, so that it is read once for all
    a, b = order[places[together]], order[np.concatenate(seconds)[together]]
    return np.minimum(a, b), np.maximum(a, b)
