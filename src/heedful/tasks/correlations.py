"""Pearson's and Spearman's correlation of predicted scores with gold ones (STS-B), with a bootstrap's standard errors.

The values are scipy's, by `heedful.scorers.glue`. For the errors every replicate is a row of weights, how often each
item was drawn, and both correlations are computed with weights, Spearman's on ranks made anew: as many rows as there
are replicates at once, where scipy would be called a thousand times.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np

from heedful.scorers.glue import correlation
from heedful.tasks.base import Sample
from heedful.tasks.figures import RESAMPLES, Figure
from heedful.tasks.measures import Measured, is_scored

NAMES = ("pearson", "spearmanr")


def correlations(samples: Sequence[Sample], part: str) -> Measured:
    """Both correlations and their mean; no value where there are fewer than two scores or all of them are equal."""
    kept = [s for s in samples if is_scored(s)]
    gold, said = [s.item.gold for s in kept], [s.mark.answer for s in kept]
    values = [correlation(name, gold, said) for name in NAMES]
    replicates = _replicates(np.array(gold, dtype=float), np.array(said, dtype=float))
    make = partial(Figure, n=len(kept), unscored=len(samples) - len(kept), part=part)
    known = [v for v in values if v is not None]
    mean = sum(known) / len(known) if len(known) == len(values) else None
    figures = [
        make(name, value, _error(of) if value is not None else None)
        for name, value, of in zip(NAMES, values, replicates, strict=True)
    ]
    return figures, make("score", mean, _error(replicates.mean(0)) if mean is not None else None)


def _replicates(gold: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Both correlations in every replicate, shape (2, RESAMPLES); NaN where one is not defined."""
    n = len(gold)
    if n < 2:
        return np.full((2, RESAMPLES), math.nan)
    weights = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)  # (RESAMPLES, n)
    pearson = weighted_pearson(gold[None], said[None], weights)
    return np.stack([pearson, weighted_pearson(_ranks(gold, weights), _ranks(said, weights), weights)])


def weighted_pearson(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Pearson's correlation of the columns of x and y, shape (1 or R, n), with weights of shape (R, n) -> (R,)."""
    share = weights / weights.sum(-1, keepdims=True)
    x = x - (share * x).sum(-1, keepdims=True)
    y = y - (share * y).sum(-1, keepdims=True)
    spread = np.sqrt((share * x * x).sum(-1) * (share * y * y).sum(-1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread > 0, (share * x * y).sum(-1) / spread, math.nan)


def _ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The ranks of n values in each row of weights, equal ones with the middle of theirs: (n,), (R, n) -> (R, n)."""
    order = np.argsort(values, kind="stable")
    _, first, place = np.unique(values[order], return_index=True, return_inverse=True)
    many = np.add.reduceat(weights[:, order], first, axis=1)  # how often each different value was drawn
    ranks = np.empty(weights.shape)
    ranks[:, order] = (np.cumsum(many, axis=1) - many / 2)[:, place]
    return ranks


def _error(replicates: np.ndarray) -> float | None:
    known = replicates[np.isfinite(replicates)]
    return float(np.std(known, ddof=1)) if len(known) > 1 else None
