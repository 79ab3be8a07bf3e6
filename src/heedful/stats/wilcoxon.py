"""Wilcoxon's signed-rank test, and the interval that belongs to it.

It asks whether the differences lie symmetrically around 0, by their ranks. A few huge differences cannot drown the
others, so it sees more than a test of the mean where values have heavy tails, and it says nothing about the mean.

Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1 (1945): differences of 0 are left out.
Ties take the mean of their ranks, and the exact p-value is that of these very ranks under all sign patterns (Pratt and
Gibbons, "Concepts of Nonparametric Theory", 1981, chapter 3), not that of a table for ranks without ties.
Hodges and Lehmann, "Estimates of location based on rank tests", Annals of Mathematical Statistics 34 (1963): the
pseudo-median, which is the median of the means of all pairs of differences, and its interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heedful.stats.values import LEVEL, Floats, Interval

EXACT_RANKS_UP_TO = 200  # the distribution of the sum of ranks then takes 10 ms


def wilcoxon_test(differences: Sequence[float] | Floats) -> tuple[float, bool]:
    """The two-sided p-value, and whether it is exact: up to 200 differences that are not 0, ties or not.

    Above that the normal approximation with the variance corrected for ties, without a continuity correction.
    No differences give p = 1.

    >>> wilcoxon_test([1.0, 2.0, 3.0, 4.0, 5.0])
    (0.0625, True)
    """
    d = changed(differences)
    n = len(d)
    if n == 0:
        return 1.0, True
    _, at, counts = np.unique(np.abs(d), return_inverse=True, return_counts=True)
    doubled = (2 * counts.cumsum() - counts + 1)[at]  # twice the mean rank of each difference: a whole number
    up = int(doubled[d > 0].sum())
    total = int(doubled.sum())
    smaller = min(up, total - up)
    if n <= EXACT_RANKS_UP_TO:
        return min(1.0, 2 * float(_rank_sums(doubled)[: smaller + 1].sum())), True
    from scipy.special import ndtr

    spread = math.sqrt(float((doubled.astype(np.float64) ** 2).sum())) / 2
    return min(1.0, 2 * float(ndtr((smaller - total / 2) / spread))), False


def changed(differences: Sequence[float] | Floats) -> Floats:
    """The differences that are not 0, to 12 digits of the largest, so that 0.3 - 0.2 and 0.2 - 0.1 are a tie."""
    d = np.asarray(differences, dtype=np.float64)
    largest = float(np.abs(d).max(initial=0.0))
    d = np.round(d / largest, 12) * largest if largest > 0 else d
    return d[d != 0]


def _rank_sums(ranks: NDArray[Any]) -> Floats:
    """The probability of each sum of ranks with a plus where each has one by the toss of a coin."""
    chance = np.zeros(int(ranks.sum()) + 1)
    chance[0] = 1.0
    for rank in ranks:
        moved = chance / 2
        chance = moved.copy()
        chance[int(rank) :] += moved[: len(moved) - int(rank)]
    return chance


def hodges_lehmann_interval(differences: Sequence[float] | Floats, *, level: float = LEVEL) -> Interval:
    """The pseudo-median of the differences and the values that the signed-rank test (without ties) does not refuse.

    The bounds are NaN where no number of differences so small can refuse anything (below 6 at 95%).

    >>> hodges_lehmann_interval([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    Interval(estimate=3.5, low=1.0, high=6.0, n=6, unscored=0)
    """
    d = np.sort(np.asarray(differences, dtype=np.float64))
    n = len(d)
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    means = n * (n + 1) // 2
    estimate = (_walsh(d, (means + 1) // 2) + _walsh(d, means // 2 + 1)) / 2
    place = _critical_place(n, level)
    if place < 1:
        return Interval(estimate, math.nan, math.nan, n)
    return Interval(estimate, _walsh(d, place), _walsh(d, means + 1 - place), n)


def _critical_place(n: int, level: float) -> int:
    """Which of the sorted means of pairs is the lower bound, from 1; 0 where none is."""
    if n <= EXACT_RANKS_UP_TO:
        below = _rank_sums(np.arange(1, n + 1)).cumsum()
        return int((below <= (1 - level) / 2 + 1e-15).sum())
    from scipy.special import ndtri

    return int(n * (n + 1) / 4 + ndtri((1 - level) / 2) * math.sqrt(n * (n + 1) * (2 * n + 1) / 24))


def _walsh(d: Floats, place: int) -> float:
    """The `place`-th smallest, from 1, of the means of all pairs of sorted values, each with itself too.

    Found without making all of them: how many lie at or below a value is counted in n log n.
    """
    low, high = float(d[0]), float(d[-1])
    n = np.arange(len(d))
    for _ in range(200):
        middle = (low + high) / 2
        if not low < middle < high:
            break
        counted = np.maximum(np.searchsorted(d, 2 * middle - d, side="right") - n, 0).sum()
        low, high = (low, middle) if counted >= place else (middle, high)
    # The mean itself, not the number that the halving came to: the one nearest to it.
    partner = np.searchsorted(d, 2 * high - d).clip(n, len(d) - 1)
    near = np.concatenate([(d + d[partner]) / 2, (d + d[(partner - 1).clip(n)]) / 2])
    return float(near[np.abs(near - high).argmin()])
