"""Texts as sets of character 5-grams, hashed in blocks of many rows, and their exact Jaccard similarity.

A 5-gram is five code points in a row of the normalised text, white space among them; a text of fewer is one gram as a
whole. Characters serve every script alike, also those that write no spaces. A. Z. Broder, On the resemblance and
containment of documents, 1997, names such grams shingles.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

GRAM = 5  # code points
_HASH_BITS = 44  # of a gram's hash, where it stands beside the number of its text in one 64-bit word
_MOST_TEXTS = 1 << (64 - _HASH_BITS)


def normalise(text: str) -> str:
    """A text with Unicode's compatibility forms (NFKC), case and white space levelled.

    >>> normalise("What  is\\nＦｒｅｅ?")
    'what is free?'
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.casefold().split())


def constants(seed: int, name: str, count: int) -> NDArray[np.uint64]:
    """Odd 64-bit multipliers, shape (count,), the same on every machine and with every version of numpy."""
    made = [hashlib.blake2b(f"{name}/{seed}/{i}".encode(), digest_size=8).digest() for i in range(count)]
    return np.frombuffer(b"".join(made), dtype="<u8").astype(np.uint64) | np.uint64(1)


def grams(texts: Sequence[str], seed: int = 0) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The hashed 5-grams of normalised texts in their order, repetitions among them: (G,), and where each text starts,
    (N + 1,).

    A hash is the sum of the code points times a multiplier for each place, mixed, modulo 2^64.
    """
    lengths = np.fromiter((len(t) for t in texts), dtype=np.int64, count=len(texts))
    gap = "\0" * GRAM  # so that no gram reaches into the next text, and a short or empty one is padded
    points = np.frombuffer((gap.join(texts) + gap).encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    windows = len(points) - GRAM + 1
    hashed = np.zeros(windows, dtype=np.uint64)
    for place, factor in enumerate(constants(seed, "gram", GRAM)):
        hashed += points[place : place + windows] * factor
    hashed ^= hashed >> np.uint64(29)
    hashed *= constants(seed, "mix", 1)[0]
    hashed ^= hashed >> np.uint64(32)
    counts = np.maximum(lengths - GRAM + 1, 1)
    bounds = np.concatenate([[0], np.cumsum(counts)])
    first = np.cumsum(lengths + GRAM) - (lengths + GRAM)
    return hashed[np.arange(bounds[-1]) + np.repeat(first - bounds[:-1], counts)], bounds


def jaccard(texts: Sequence[str], first: Any, second: Any) -> NDArray[np.float64]:
    """The share of their 5-grams that two texts have in common, for pairs given by index: (P,).

    Exact but for collisions of 44-bit hashes within one pair, which 10,000 different grams meet once in 170,000 pairs.
    """
    first, second = np.asarray(first, dtype=np.int64), np.asarray(second, dtype=np.int64)
    if len(texts) >= _MOST_TEXTS or len(first) >= _MOST_TEXTS:
        raise ValueError(f"{len(texts)} texts and {len(first)} pairs in one call; give fewer than {_MOST_TEXTS}")
    hashed, bounds = grams(texts)
    sets, sizes = _sets(hashed >> np.uint64(64 - _HASH_BITS), np.diff(bounds))
    starts = np.concatenate([[0], np.cumsum(sizes)])
    both = []
    for side in (first, second):
        counts = sizes[side]
        place = np.arange(counts.sum()) + np.repeat(starts[side] - (np.cumsum(counts) - counts), counts)
        both.append(_numbered(sets[place], counts))
    merged = np.sort(np.concatenate(both))
    same = merged[1:][merged[1:] == merged[:-1]] >> np.uint64(_HASH_BITS)
    common = np.bincount(same.astype(np.int64), minlength=len(first))
    return common / (sizes[first] + sizes[second] - common)


def _numbered(hashes: NDArray[np.uint64], counts: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Hashes with the number of their text, or pair, above them."""
    owner = np.repeat(np.arange(len(counts), dtype=np.uint64), counts)
    return (owner << np.uint64(_HASH_BITS)) | hashes


def _sets(hashes: NDArray[np.uint64], counts: NDArray[np.int64]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Each text's different hashes, and how many."""
    ordered = np.sort(_numbered(hashes, counts))
    ordered = ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])]
    sizes = np.bincount((ordered >> np.uint64(_HASH_BITS)).astype(np.int64), minlength=len(counts))
    return ordered & np.uint64((1 << _HASH_BITS) - 1), sizes
