"""Intervals of figures that are distances: calibration error, bias.

A distance cannot be below 0, so chance alone makes it greater: shares that are truly equal are a little apart in any
sample. A resample adds its own chance to that of the sample and is too high by about twice as much, so the usual
quantiles would leave out the truth. The interval here goes as far down from the estimate as the upper quantile of the
resamples lies above it. docs/helm.md has how often it held the truth in a simulation.
"""

from __future__ import annotations

import numpy as np

from heedful.stats.values import CHUNK, Floats, Interval


def resampled_sums(rows: Floats, resamples: int, seed: int = 0) -> Floats:
    """Sums over as many rows (n, ...) as there are, drawn with replacement; (resamples, ...), the same for each n."""
    n, rng = len(rows), np.random.default_rng(seed)
    flat = rows.reshape(n, -1)
    found, step = np.empty((resamples, flat.shape[1])), max(1, CHUNK // max(1, n))
    for start in range(0, resamples, step):
        drawn = rng.integers(0, n, (min(step, resamples - start), n))
        times = np.stack([np.bincount(row, minlength=n) for row in drawn])
        found[start : start + len(drawn)] = times @ flat
    return found.reshape(resamples, *rows.shape[1:])


def interval_of_distance(
    estimate: float, drawn: Floats, n: int, level: float, most: float, unscored: int = 0
) -> Interval:
    """The interval of an estimate by its resamples (NaN: not defined there); NaN where there are none."""
    drawn = drawn[~np.isnan(drawn)]
    if np.isnan(estimate) or n < 2 or len(drawn) == 0:
        return Interval(estimate, np.nan, np.nan, n, unscored)
    high = max(estimate, float(np.quantile(drawn, (1 + level) / 2)))
    return Interval(estimate, max(0.0, 2 * estimate - high), min(most, high), n, unscored)
