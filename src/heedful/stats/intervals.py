"""Intervals of means and shares, of independent values and of values in clusters.

- Efron, "Better bootstrap confidence intervals", JASA 82 (1987): the BCa interval of a mean. With clusters, whole
  clusters are drawn, and the mean stays that over all values.
- Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927): the interval of a
  share. With clusters the number of values is the effective one (see `clusters`).
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from heedful.stats.clusters import cluster_sums, effective_number
from heedful.stats.values import (
    CHUNK,
    LEVEL,
    RESAMPLES,
    Clusters,
    Floats,
    Interval,
    Values,
    check_binary,
    scored_with,
    tolerance,
)


def mean_interval(
    values: Values,
    *,
    clusters: Clusters | None = None,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """The mean and its BCa bootstrap interval.

    Values that are all equal give an interval of width 0; for shares use `share_interval`, which does not.

    >>> mean_interval([1.0, 1.0, None])
    Interval(estimate=1.0, low=1.0, high=1.0, n=2, unscored=1)
    """
    x, kept, unscored = scored_with(values, clusters)
    n = len(x)
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, 0, unscored)
    mean = float(x.mean())
    sums, sizes = (x, None) if kept is None else cluster_sums(x, kept)
    if len(sums) == 1:
        return Interval(mean, math.nan, math.nan, n, unscored)
    away = x - mean if sizes is None else sums - mean * sizes
    if np.ptp(away) <= tolerance(sums):
        return Interval(mean, mean, mean, n, unscored)
    low, high = _bca(sums, sizes, mean, level, resamples, seed)
    return Interval(mean, low, high, n, unscored)


def _bca(
    sums: Floats, sizes: Floats | None, mean: float, level: float, resamples: int, seed: int
) -> tuple[float, float]:
    """`sums` are the values themselves where `sizes` is None, else those of clusters of these sizes."""
    from scipy.special import ndtr, ndtri

    units = len(sums)
    rng = np.random.default_rng(seed)
    means = np.empty(resamples)
    step = max(1, CHUNK // units)
    for start in range(0, resamples, step):
        drawn = rng.integers(0, units, (min(step, resamples - start), units))
        part = sums[drawn].mean(axis=1) if sizes is None else sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
        means[start : start + len(drawn)] = part
    tie = np.abs(means - mean) <= tolerance(sums)
    bias = ndtri(((means < mean) & ~tie).mean() + tie.mean() / 2)
    without = (sums.sum() - sums) / (units - 1 if sizes is None else sizes.sum() - sizes)  # the jackknife
    away = without.mean() - without
    if largest := float(np.abs(away).max()):
        away /= largest  # cubes of tiny values would be 0
    acceleration = (away**3).sum() / (6 * (away**2).sum() ** 1.5) if largest else 0.0
    z = ndtri(np.array([(1 - level) / 2, (1 + level) / 2]))
    quantiles = ndtr(bias + (bias + z) / (1 - acceleration * (bias + z)))
    low, high = np.quantile(means, quantiles)
    return float(low), float(high)


def share_interval(values: Values, *, clusters: Clusters | None = None, level: float = LEVEL) -> Interval:
    """The share of values that are 1 (each is 0, 1 or None) and its Wilson interval.

    >>> i = share_interval([1, 0, None])
    >>> i.estimate, i.n, i.unscored
    (0.5, 2, 1)
    """
    x, kept, unscored = scored_with(values, clusters)
    check_binary(x)
    if kept is None or len(x) == 0:
        return dataclasses.replace(wilson_interval(int(x.sum()), len(x), level=level), unscored=unscored)
    share, effective = float(x.mean()), effective_number(x, kept, level)
    low, high = wilson_bounds(share, effective, level) if effective else (math.nan, math.nan)
    return Interval(share, low, high, len(x), unscored)


def wilson_interval(successes: int, n: int, *, level: float = LEVEL) -> Interval:
    """Wilson's interval for `successes` out of `n`, without continuity correction; NaN for n = 0."""
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes out of {n}")
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    return Interval(successes / n, *wilson_bounds(successes / n, n, level), n)


def wilson_bounds(share: float, n: float, level: float) -> tuple[float, float]:
    """Both ends of Wilson's interval for a share of `n` values, which need not be a whole number."""
    from scipy.special import ndtri

    z = float(ndtri((1 + level) / 2))
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low = 0.0 if share == 0 else middle - half  # exactly so in algebra; keeps rounding out
    high = 1.0 if share == 1 else middle + half
    return low, high
