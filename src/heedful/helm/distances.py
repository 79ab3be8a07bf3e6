"""Intervals of figures that are distances: calibration error, bias.

A distance cannot be below 0, so chance alone makes it greater: shares that are truly equal are a little apart in any
sample, and the estimate is too high, by most where the truth is 0. A bootstrap does not see this, since each resample
is too high by its own chance again. So two things are drawn: resamples, for how far the estimate scatters, and samples
in which the distance is truly 0, for how much of it chance makes. docs/helm.md has the formula and how often the
interval held the truth in a simulation.
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


def relabelled_sums(rows: Floats, resamples: int, seed: int = 1) -> Floats:
    """Sums over rows (n, ..., groups) in each of which the groups moved on by a number drawn: none is preferred."""
    n, groups, rng = len(rows), rows.shape[-1], np.random.default_rng(seed)
    moved = [np.roll(rows, shift, axis=-1).reshape(n, -1) for shift in range(groups)]
    found, step = np.empty((resamples, moved[0].shape[1])), max(1, CHUNK // max(1, n))
    for start in range(0, resamples, step):
        shift = rng.integers(0, groups, (min(step, resamples - start), n))
        found[start : start + len(shift)] = sum((shift == s).astype(float) @ moved[s] for s in range(groups))
    return found.reshape(resamples, *rows.shape[1:])


def interval_of_distance(
    estimate: float, drawn: Floats, equal: Floats, n: int, level: float, most: float, unscored: int = 0
) -> Interval:
    """The interval of an estimate by resamples (`drawn`) and by samples without any distance (`equal`).

    NaN in either is not defined there. The bounds are NaN where nothing could be drawn. The lower one is 0 where
    equality gives as much often enough, else chance's mean is taken off.
    """
    drawn, equal = drawn[~np.isnan(drawn)], equal[~np.isnan(equal)]
    if np.isnan(estimate) or n < 2 or len(drawn) == 0 or len(equal) == 0:
        return Interval(estimate, np.nan, np.nan, n, unscored)
    upper = (1 + level) / 2
    reach = max(0.0, float(np.quantile(drawn, upper) - drawn.mean()))
    by_chance = estimate <= float(np.quantile(equal, upper)) + 1e-12
    low = 0.0 if by_chance else max(0.0, estimate - float(equal.mean()) - reach)
    return Interval(estimate, low, min(most, estimate + reach), n, unscored)
