"""Benchmark items in training rows: an index of the items' 8-grams of words, and the share of them that a row holds.

    index = build_index(["mmlu/test/astronomy_test.csv"], name="mmlu")
    index.check("... the text of a row ...")      # [Hit("astronomy_test.csv:3 column 1", 0.92)]

An item stands in a row where at least 70% of its 8-grams do, the rule of PaLM (Chowdhery et al. 2022,
https://arxiv.org/abs/2204.02311, section 8). Words are levelled by NFKC and case; punctuation does not count. In
scripts that write no spaces (Chinese, Japanese, Thai, ...) each character is a word. A question of 5 to 7 words, one
that ends with a question mark, is one gram as a whole. Shorter texts, and answers as short ("the richest people in the
world"), stand in too many rows by chance: they are not looked for, and counted. A text that stands in more than 5
items is the benchmark's own wording ("Choose the correct answer."), not an item.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heedful.data.benchmark_items import benchmark_texts
from heedful.data.shingles import constants
from heedful.errors import DataError, RequestError
from heedful.store import write_bytes

N = 8  # words in a gram
SHORTEST, SHORTEST_CHARACTERS = 5, 12  # of an item
SHARE = 0.7
WORDING = 5  # a text in more items than this is wording
_SCHEMA = "heedful.index/1"
_MOST_BYTES = 4 << 30  # of an index when unpacked
# One character of a script without spaces between words, or a run of other word characters.
_WORD = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
    r"|[^\W\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    r"\U00020000-\U0003ffff]+"
)
_FACTORS = constants(0, "word", N)
_MIX = constants(0, "word mix", 1)[0]


@dataclass(frozen=True, slots=True)
class Hit:
    """An item that stands in a text, by its place in the benchmark's files, and the share of its grams found there."""

    item: str
    share: float


def words(text: str) -> list[str]:
    """The words of a text, levelled.

    >>> words("The Moon's phase -- 月食 (2024)?")
    ['the', 'moon', 's', 'phase', '月', '食', '2024']
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return _WORD.findall(text.casefold())


class _Hashes:
    """64-bit hashes of words, the same on every machine; those of the commonest are remembered."""

    MOST = 1 << 18

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def __call__(self, found: Sequence[str]) -> NDArray[np.uint64]:
        known = self._known
        out = []
        for word in found:
            value = known.get(word)
            if value is None:
                digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
                value = int.from_bytes(digest, "little")
                if len(known) < self.MOST:
                    known[word] = value
            out.append(value)
        return np.array(out, dtype=np.uint64)


def _grams(hashes: NDArray[np.uint64], n: int) -> NDArray[np.uint64]:
    """The different hashed n-grams of a text's words, sorted; (G,)."""
    windows = len(hashes) - n + 1
    if windows < 1:
        return np.empty(0, dtype=np.uint64)
    total = np.full(windows, n, dtype=np.uint64)
    for place in range(n):
        total += hashes[place : place + windows] * _FACTORS[place]
    total ^= total >> np.uint64(31)
    total *= _MIX
    return np.unique(total ^ (total >> np.uint64(29)))


class Index:
    """The grams of a benchmark's items. Make one with `build_index` or `Index.load`.

    Arrays: `grams` (G,) uint64, sorted and different; `starts` (G + 1,) and `owners` (E,): the items with gram g are
    ``owners[starts[g] : starts[g + 1]]``; `sizes` (I,): how many grams an item has.
    """

    def __init__(
        self, name: str, items: Sequence[str], arrays: dict[str, NDArray[Any]], lengths: Sequence[int], too_short: int
    ):
        self.name = name
        self.items = list(items)
        self.lengths = sorted(lengths)
        self.too_short = too_short
        self._arrays = arrays
        self._hashes = _Hashes()

    def __len__(self) -> int:
        return len(self.items)

    def check(self, text: str) -> list[Hit]:
        """The items that stand in a text, the largest share first."""
        hashes = self._hashes(words(text))
        counts: Counter[int] = Counter()
        for n in self.lengths:
            counts.update(self._owners(_grams(hashes, n)))
        sizes = self._arrays["sizes"]
        hits = [Hit(self.items[i], count / int(sizes[i])) for i, count in counts.items() if count >= SHARE * sizes[i]]
        return sorted(hits, key=lambda h: (-h.share, h.item))

    def _owners(self, grams: NDArray[np.uint64]) -> list[int]:
        """The items that have the grams, one entry for each gram and item."""
        known, starts, owners = (self._arrays[name] for name in ("grams", "starts", "owners"))
        if not len(grams) or not len(known):
            return []
        at = np.minimum(np.searchsorted(known, grams), len(known) - 1)
        out: list[int] = []
        for g in at[known[at] == grams].tolist():
            out += owners[starts[g] : starts[g + 1]].tolist()
        return out

    def save(self, path: str | Path) -> None:
        """Write the index whole or not at all: numpy arrays in a zip file, nothing in it that could be run."""
        facts = {
            "schema": _SCHEMA,
            "name": self.name,
            "n": N,
            "lengths": self.lengths,
            "too_short": self.too_short,
            "items": self.items,
        }
        packed = io.BytesIO()
        text = np.frombuffer(json.dumps(facts, ensure_ascii=False).encode(), dtype=np.uint8)
        named: dict[str, Any] = {"facts": text, **self._arrays}
        np.savez_compressed(packed, **named)
        write_bytes(path, packed.getvalue())

    @classmethod
    def load(cls, path: str | Path) -> Index:
        """Read an index that `save` wrote. Raises DataError where it is not one; nothing in it is run."""
        path = Path(path)
        damaged = f"{path}: not an index of a benchmark; make one with heedful data index FILE... --out {path.name}"
        if not path.is_file():
            raise DataError(f"{path}: no such index; make one with heedful data index FILE... --out {path.name}")
        try:
            with zipfile.ZipFile(path) as packed:
                if sum(part.file_size for part in packed.infolist()) > _MOST_BYTES:
                    raise DataError(f"{path}: more than {_MOST_BYTES >> 30} GiB when unpacked, which is no index")
            with np.load(path, allow_pickle=False) as found:
                arrays = {name: found[name] for name in ("grams", "starts", "owners", "sizes")}
                facts = json.loads(found["facts"].tobytes())
            if facts["schema"] != _SCHEMA or facts["n"] != N or not _fits(arrays, len(facts["items"])):
                raise DataError(damaged)
            return cls(
                str(facts["name"]), [str(i) for i in facts["items"]], arrays, facts["lengths"], facts["too_short"]
            )
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error, MemoryError):
            raise DataError(damaged) from None


def _fits(arrays: dict[str, NDArray[Any]], items: int) -> bool:
    """Whether the arrays of an index belong together."""
    grams, starts, owners, sizes = (arrays[name] for name in ("grams", "starts", "owners", "sizes"))
    return bool(
        all(a.ndim == 1 for a in arrays.values())
        and grams.dtype == np.uint64
        and all(np.issubdtype(a.dtype, np.integer) for a in (starts, owners, sizes))
        and len(starts) == len(grams) + 1
        and len(sizes) == items
        and starts[0] == 0
        and starts[-1] == len(owners)
        and (np.diff(starts) >= 0).all()
        and (grams[1:] > grams[:-1]).all()
        and (not len(owners) or (owners.min() >= 0 and owners.max() < items))
        and (not items or sizes.min() > 0)
    )


def build_index(files: Sequence[str | Path], name: str | None = None) -> Index:
    """The index of the items in a benchmark's files. Raises DataError where a file cannot be read or none has an item
    that is long enough."""
    if not files:
        raise RequestError("no file was named; name the files with the benchmark's test items")
    index = index_of((found for file in files for found in benchmark_texts(file)), name or Path(files[0]).stem)
    if not len(index):
        raise DataError(
            f"{files[0]}: no question of {SHORTEST} words or text of {N}; name the files with the benchmark's items"
        )
    return index


def index_of(placed: Iterable[tuple[str, str]], name: str) -> Index:
    """The index of texts, each with its place; those that are too short to be told from chance are left out."""
    texts: dict[tuple[str, ...], list[Any]] = {}  # words -> [first place, how often]
    too_short = 0
    for text, place in placed:
        found = tuple(words(text))
        if not found:
            continue
        if _too_short(found, text.strip()):
            too_short += 1
        elif found in texts:
            texts[found][1] += 1
        else:
            texts[found] = [place, 1]
    items = [(found, place) for found, (place, count) in texts.items() if count <= WORDING]
    return Index(name, [place for _, place in items], *_arrays(f for f, _ in items), too_short)


def _too_short(found: Sequence[str], text: str) -> bool:
    """Whether a text is too short to be told from chance.

    Measured: in 3,079 rows of instruction data there were 36 hits on an answer of 5 to 7 words from SQuAD, MMLU or
    BIG-bench (the 14 that were read: all by chance), and none on a question.
    """
    if len(found) >= N:
        return False
    return len(found) < SHORTEST or len(text) < SHORTEST_CHARACTERS or not text.endswith(("?", "？", "؟"))


def _arrays(items: Iterable[Sequence[str]]) -> tuple[dict[str, NDArray[Any]], list[int]]:
    """The arrays of an index over the words of its items, and the lengths of grams that are in it."""
    hashes, lengths, sizes, parts = _Hashes(), set[int](), [], []
    for found in items:
        n = min(N, len(found))
        lengths.add(n)
        grams = _grams(hashes(found), n)
        parts.append(grams)
        sizes.append(len(grams))
    flat = np.concatenate(parts) if parts else np.empty(0, dtype=np.uint64)
    owners = np.repeat(np.arange(len(parts), dtype=np.uint32), sizes)
    order = np.argsort(flat, kind="stable")
    grams, first = np.unique(flat[order], return_index=True)
    arrays = {
        "grams": grams,
        "starts": np.append(first, len(flat)).astype(np.int64),
        "owners": owners[order],
        "sizes": np.array(sizes, dtype=np.uint32),
    }
    return arrays, sorted(lengths)
