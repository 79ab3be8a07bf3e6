"""What goes into every number and comes out of it: values of which some are None, and an estimate with its interval."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Verdict = Literal["better", "worse", "inconclusive"]
Values = Sequence[float | None]
Clusters = Sequence[Hashable]
"""For each value what it belongs to (a passage, a subject, a conversation); None is a cluster of its own."""
Floats = NDArray[np.float64]

LEVEL = 0.95
RESAMPLES = 9_999
CHUNK = 2_000_000  # drawn numbers held at once: 16 MB


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its interval, in the unit of the values.

    `n` values went in and `unscored` were None. Where `n` is too small the numbers are NaN: the estimate
    below one value, the bounds of a mean below two.
    """

    estimate: float
    low: float
    high: float
    n: int
    unscored: int = 0


def scored(values: Values) -> tuple[Floats, int]:
    """The values that are not None, and how many were. ValueError where one is NaN or infinite."""
    kept = [float(v) for v in values if v is not None]
    x = np.array(kept, dtype=np.float64)
    if not np.isfinite(x).all():
        raise ValueError("a value is NaN or infinite; an unscored value is None")
    return x, len(values) - len(kept)


def scored_with(values: Values, clusters: Clusters | None) -> tuple[Floats, list[Hashable] | None, int]:
    """`scored`, with the clusters of the values that stay."""
    x, unscored = scored(values)
    if clusters is None:
        return x, None, unscored
    if len(clusters) != len(values):
        raise ValueError(f"{len(values)} values but {len(clusters)} clusters; there must be one for each")
    return x, [c for v, c in zip(values, clusters, strict=True) if v is not None], unscored


def pairs(
    before: Values, after: Values, clusters: Clusters | None = None
) -> tuple[Floats, Floats, list[Hashable] | None, int]:
    """The pairs scored on both sides, their clusters, and how many were not."""
    if len(before) != len(after):
        raise ValueError(f"{len(before)} values before but {len(after)} after; they must be the same items")
    both = [None if b is None or a is None else 1.0 for b, a in zip(before, after, strict=True)]
    _, kept, unscored = scored_with(both, clusters)
    x, _ = scored([b for b, k in zip(before, both, strict=True) if k])
    y, _ = scored([a for a, k in zip(after, both, strict=True) if k])
    return x, y, kept, unscored


def check_binary(x: Floats) -> None:
    """ValueError where a value is neither 0 nor 1."""
    if not np.isin(x, (0.0, 1.0)).all():
        raise ValueError("a share needs values that are 0, 1 or None")


def tolerance(x: Floats) -> float:
    """What rounding may add to sums of these values: differences below it are none."""
    return float(np.abs(x).max()) * 1e-12
