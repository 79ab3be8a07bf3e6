"""The minimum detectable difference: how far apart two models must be for so many questions to show it.

It is the true difference that the test would call significant, in its own direction, in 80 of 100 such experiments.
It needs no hope and no second experiment: the spread of the differences seen is enough.

- Means: the power of the two-sided t test of the differences by the noncentral t distribution (Cohen, "Statistical
  power analysis for the behavioral sciences", 1988, chapter 2; Miller, "Adding error bars to evals", 2024, has the
  normal form). The standard error is the clustered one where there are clusters.
- Shares: the power of McNemar's exact test, averaged over all numbers of pairs that can change (as SAS/STAT's
  PROC POWER does for PAIREDFREQ with DIST=EXACT_COND). The share of pairs that change is the one seen, or the
  difference itself where that is more.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from heedful.stats.clusters import clustered_standard_error, standard_error
from heedful.stats.mcnemar import mcnemar_test
from heedful.stats.values import LEVEL, Clusters, Floats, Values, pairs

POWER = 0.8


def detectable_difference(
    before: Values,
    after: Values,
    *,
    clusters: Clusters | None = None,
    level: float = LEVEL,
    power: float = POWER,
) -> float:
    """The minimum detectable difference for the pairs scored on both sides, in the unit of the values.

    `detectable_share` where all of them are 0 or 1 and there are no clusters, else `detectable_mean` of the
    differences. NaN where nothing can be said.
    """
    x, y, kept, _ = pairs(before, after, clusters)
    if kept is None and np.isin([x, y], (0.0, 1.0)).all():
        return detectable_share(int((x > y).sum()), int((y > x).sum()), len(x), level=level, power=power)
    return detectable_mean(list(y - x), clusters=kept, level=level, power=power)


def detectable_mean(
    differences: Values, *, clusters: Clusters | None = None, level: float = LEVEL, power: float = POWER
) -> float:
    """The mean difference that would be found with this power, for differences that spread like these.

    NaN where they do not spread, and where there are so few (or so few clusters) that no sign-flip test of them can
    come below 1 - level: fewer than 6 at 95%.
    """
    from scipy.special import nctdtr, stdtrit

    if clusters is None:
        error, units = standard_error(differences), sum(d is not None for d in differences)
    else:
        error = clustered_standard_error(differences, clusters)
        kept = [(i, c) for i, (d, c) in enumerate(zip(differences, clusters, strict=True)) if d is not None]
        units = len({("in", c) if c is not None else ("alone", i) for i, c in kept})
    if not error > 0 or mcnemar_test(0, units) >= round(1 - level, 12):
        return math.nan
    freedom, critical = units - 1, float(stdtrit(units - 1, (1 + level) / 2))

    def reached(away: float) -> float:
        return float(1 - nctdtr(freedom, away, critical))

    return error * _first(reached, power, critical + 40)


def detectable_share(lost: int, gained: int, n: int, *, level: float = LEVEL, power: float = POWER) -> float:
    """The difference of shares that McNemar's exact test would find with this power among `n` pairs.

    `lost` and `gained` pairs changed. NaN below 6 pairs at 95%: not even all of them changing would do.

    >>> round(detectable_share(0, 0, 100), 3)        # where next to nothing changes, eight of a hundred must
    0.078
    """
    changing = (lost + gained) / n if n else 0.0
    if mcnemar_test(0, n) >= round(1 - level, 12):
        return math.nan
    most = _most_lost(n, level)
    return _first(lambda difference: _mcnemar_power(difference, max(changing, difference), n, most), power, 1.0)


def _most_lost(n: int, level: float) -> Floats:
    """For each number of changed pairs, 0 to n, how many lost ones are still significant; -1 where none is."""
    from scipy.special import bdtr

    changed = np.arange(n + 1)
    most = np.full(n + 1, -1)
    step = 1 << max(0, n.bit_length() - 1)
    while step:  # doubling back: the largest k whose two-sided p-value is below 1 - level
        tried = most + step
        fits = tried <= changed
        p = 2 * bdtr(np.where(fits, tried, 0).astype(float), changed, 0.5)
        most = np.where(fits & (p < round(1 - level, 12)), tried, most)
        step //= 2
    return most


def _mcnemar_power(difference: float, changing: float, n: int, most: Floats) -> float:
    """The chance that so few pairs are lost, where `changing` of them change and gained minus lost is `difference`."""
    from scipy.special import bdtr

    changed = np.arange(n + 1)
    upto = bdtr(changed.astype(float), n, changing)
    chance = np.diff(upto, prepend=0.0)
    lost = (changing - difference) / (2 * changing)
    found = np.where(most >= 0, bdtr(np.maximum(most, 0).astype(float), changed, lost), 0.0)
    return float((chance * found).sum())


def _first(reached: Callable[[float], float], power: float, high: float) -> float:
    """The smallest argument up to `high` at which a growing function reaches `power`, by halving."""
    low = 0.0
    if reached(high) < power:
        return math.nan
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if reached(middle) >= power else (middle, high)
    return high
