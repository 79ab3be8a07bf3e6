"""Pearson's, Spearman's and Kendall's correlation with intervals.

Sources: Fisher (1921) for the interval of Pearson's; Bonett and Wright, "Sample size requirements for estimating
Pearson, Kendall and Spearman correlations", Psychometrika 65 (2000), for the other two. Kendall's is tau-b.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from heedful.stats import LEVEL, Interval

Correlation = Interval
"""`estimate` is NaN where one side is constant or there are fewer than two pairs; the bounds need five pairs."""


@dataclass(frozen=True)
class Correlations:
    """The three together, over the same pairs."""

    pearson: Correlation
    spearman: Correlation
    kendall: Correlation


def correlations(first: Sequence[float], second: Sequence[float]) -> Correlations:
    """All three.

    >>> c = correlations([1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 2.0, 4.0])
    >>> round(c.pearson.estimate, 3), round(c.spearman.estimate, 3), round(c.kendall.estimate, 3)
    (0.8, 0.8, 0.667)
    """
    return Correlations(pearson(first, second), spearman(first, second), kendall(first, second))


def pearson(first: Sequence[float], second: Sequence[float]) -> Correlation:
    """Pearson's r with Fisher's interval."""
    r = _r(np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64))
    return _fisher(r, len(first), 1.0, 3)


def spearman(first: Sequence[float], second: Sequence[float]) -> Correlation:
    """Spearman's rho: Pearson's r of the ranks, equal values sharing theirs."""
    r = _r(_ranks(first), _ranks(second))
    return _fisher(r, len(first), 1.0 if math.isnan(r) else 1 + r * r / 2, 3)


def kendall(first: Sequence[float], second: Sequence[float]) -> Correlation:
    """Kendall's tau-b."""
    n = len(first)
    if n < 2 or len(set(first)) < 2 or len(set(second)) < 2:
        return Interval(math.nan, math.nan, math.nan, n)
    from scipy.stats import kendalltau

    found: Any = kendalltau(first, second)
    return _fisher(float(found.statistic), n, 0.437, 4)


def _r(x: np.ndarray, y: np.ndarray) -> float:
    if len(x) != len(y):
        raise ValueError(f"{len(x)} values but {len(y)} others; they must be pairs")
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return math.nan
    x, y = x - x.mean(), y - y.mean()
    return float(np.clip((x @ y) / math.sqrt((x @ x) * (y @ y)), -1, 1))


def _ranks(values: Sequence[float]) -> np.ndarray:
    _, inverse, counts = np.unique(np.asarray(values, dtype=np.float64), return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[inverse.reshape(-1)]  # the middle of the places that equal values take


def _fisher(r: float, n: int, factor: float, lost: int) -> Correlation:
    """The interval by Fisher's z, whose variance is factor / (n - lost)."""
    if math.isnan(r) or n - lost < 2:
        return Interval(r, math.nan, math.nan, n)
    if abs(r) >= 1:
        return Interval(r, r, r, n)
    from scipy.special import ndtri

    half = float(ndtri((1 + LEVEL) / 2)) * math.sqrt(factor / (n - lost))
    z = math.atanh(r)
    return Interval(r, math.tanh(z - half), math.tanh(z + half), n)
