"""The sign-flip test that paired differences have mean 0, and the interval of the means that it does not refuse.

If before and after were the same, each difference could as well have had the other sign. With clusters the
differences of a cluster change their signs together, which is the same test on their sums.

Fisher, "The Design of Experiments" (1935), section 21. Phipson and Smyth, "Permutation p-values should never be
zero", SAGMB 9 (2010): the one that is added where flips are drawn. Hartigan, "Using subsample values as typical
values", JASA 64 (1969): the interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from heedful.stats.clusters import cluster_sums
from heedful.stats.values import CHUNK, LEVEL, RESAMPLES, Clusters, Floats, Interval

EXACT_UP_TO = 18  # 2**18 sign patterns take 3 ms and 2 MB


def sign_flip_test(
    differences: Sequence[float] | Floats,
    *,
    clusters: Clusters | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, bool]:
    """The two-sided p-value, and whether it is exact.

    p is the share of sign patterns whose sum is at least as far from 0 as the one seen: of all patterns where at most
    18 differences (or clusters' sums) are not 0, else of `resamples` drawn ones and the one seen. No differences give
    p = 1.

    >>> sign_flip_test([1.0, 2.0, 3.0])
    (0.25, True)
    >>> sign_flip_test([1.0, 2.0, 3.0], clusters=["a", "a", "b"])
    (0.5, True)
    """
    d = np.asarray(differences, dtype=np.float64)
    if clusters is not None:
        scale = np.abs(d).sum()
        d, _ = cluster_sums(d, clusters)
        d[np.abs(d) <= scale * 1e-15] = 0.0  # what rounding leaves of a sum that is 0
    d = d[d != 0]
    if len(d) == 0:
        return 1.0, True
    seen = abs(d.sum()) - np.abs(d).sum() * 1e-12
    if len(d) <= EXACT_UP_TO:
        sums = np.zeros(1)
        for value in d:
            sums = np.concatenate([sums + value, sums - value])
        return float((np.abs(sums) >= seen).mean()), True
    rng = np.random.default_rng(seed)
    step = max(1, CHUNK // len(d))
    as_far = 0
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        signs = rng.integers(0, 2, (rows, len(d)), dtype=np.int8) * 2 - 1
        as_far += int((np.abs(signs @ d) >= seen).sum())
    return (as_far + 1) / (resamples + 1), False


def sign_flip_interval(
    differences: Sequence[float] | Floats,
    *,
    clusters: Clusters | None = None,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """The mean difference, and every mean that the sign-flip test of this level does not refuse.

    A flipped pattern is as far out as the one seen where the mean of the differences whose sign changed lies on the
    other side of the mean tested. So the bounds are quantiles of the means of random subsets: of all subsets of up to
    18 differences (or clusters), else of `resamples` drawn ones. NaN where there are too few (below 6 at 95%).

    >>> sign_flip_interval([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    Interval(estimate=3.5, low=1.0, high=6.0, n=6, unscored=0)
    """
    d = np.asarray(differences, dtype=np.float64)
    n = len(d)
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    mean = float(d.mean())
    sums, sizes = (d, np.ones(n)) if clusters is None else cluster_sums(d, clusters)
    means = np.sort(_subset_means(sums, sizes, resamples, seed))
    place = int((len(means) + 1) * round(1 - level, 12) / 2 + 1e-9)
    if place == 0:
        return Interval(mean, math.nan, math.nan, n)
    return Interval(mean, min(mean, float(means[place - 1])), max(mean, float(means[-place])), n)


def _subset_means(sums: Floats, sizes: Floats, resamples: int, seed: int) -> Floats:
    """The means of all subsets but the empty one, or of drawn ones."""
    if len(sums) <= EXACT_UP_TO:
        total, count = np.zeros(1), np.zeros(1)
        for value, size in zip(sums, sizes, strict=True):
            total, count = np.concatenate([total, total + value]), np.concatenate([count, count + size])
        return total[1:] / count[1:]
    rng = np.random.default_rng(seed)
    step = max(1, CHUNK // len(sums))
    out = []
    for start in range(0, resamples, step):
        drawn = rng.integers(0, 2, (min(step, resamples - start), len(sums)), dtype=np.int8)
        drawn = drawn[drawn.any(axis=1)]
        out.append((drawn @ sums) / (drawn @ sizes))
    return np.concatenate(out)
