"""The Bradley-Terry model: strengths from wins, by maximum likelihood, with sandwich and bootstrap intervals.

- Bradley and Terry, "Rank analysis of incomplete block designs", Biometrika 39 (1952): model i beats model j with
  probability sigmoid(theta_i - theta_j). A tie counts as half a win for each.
- Ford, "Solution of a ranking problem from binary comparisons", American Mathematical Monthly 64 (1957): when there is
  a finite maximum (see `connections`).
- White, "Maximum likelihood estimation of misspecified models", Econometrica 50 (1982): the sandwich variance, which
  holds although a tie is no half win.

Strengths here are natural (differences of log odds); `scale` makes ratings of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.special import expit, log_expit

from heedful.errors import HeedfulError
from heedful.ratings.cells import Cells, Floats, Ints, Pairs, pair_matrix, pairs_of, sums

SCALE, BASE, INIT = 400.0, 10.0, 1000.0
POINTS = SCALE / math.log(BASE)  # rating points for each unit of log odds
_STEPS = 100
_FAR = 8.0  # log odds from the estimate at which a resample's fit has no finite maximum (1,390 points)
_CHUNK = 4_000_000  # numbers that a chunk of resamples may hold at a time


def fit(pairs: Pairs, ridge: float = 0.0) -> Floats:
    """(M,): the strengths with the highest likelihood less ridge/2 times the sum of their squares; their mean is 0.

    By Newton's method. Without a ridge every model must be tied to every other by wins both ways, see `connections`;
    HeedfulError where no maximum is found.
    """
    theta = np.zeros(pairs.models)
    if pairs.models < 2:
        return theta
    level = 1.0 / pairs.models  # all strengths may be shifted together: the direction is closed
    value = _objective(theta, pairs, ridge)
    for _ in range(_STEPS):
        p = expit(theta[pairs.i] - theta[pairs.j])
        slope = _gradient(pairs.won - pairs.total * p, pairs) - ridge * theta
        bend = pair_matrix(pairs.models, pairs.i, pairs.j, pairs.total * p * (1 - p))
        bend[np.diag_indices(pairs.models)] += ridge
        step = np.linalg.solve(bend + level * np.trace(bend) / pairs.models, slope)
        if np.abs(step).max() < 1e-10:
            return theta + step - (theta + step).mean()
        length = 1.0
        while (new := _objective(theta + length * step, pairs, ridge)) < value - 1e-9 * abs(value) and length > 1e-6:
            length /= 2
        theta, value = theta + length * step, new
    raise HeedfulError("the ratings did not settle in 100 steps; report this with the votes")


def _objective(theta: Floats, pairs: Pairs, ridge: float) -> float:
    d = theta[pairs.i] - theta[pairs.j]
    likelihood = pairs.won @ log_expit(d) + (pairs.total - pairs.won) @ log_expit(-d)
    return float(likelihood - ridge / 2 * theta @ theta)


def _gradient(residual: Floats, pairs: Pairs) -> Floats:
    return sums(pairs.i, residual, pairs.models) - sums(pairs.j, residual, pairs.models)


def sandwich(theta: Floats, cells: Cells, ridge: float | None = None) -> Floats:
    """(M,): standard errors of the strengths, by H^-1 G H^-1.

    H is minus the second derivative of the log likelihood, G the sum of the squared gradients of single votes. H is
    singular, since all strengths of a group may be shifted together: without `ridge` by its pseudo-inverse, which is
    about their mean; with it by adding that number to the diagonal, as arena-rank does.
    """
    p = expit(theta[cells.a] - theta[cells.b])
    bend = pair_matrix(cells.models, cells.a, cells.b, cells.count * p * (1 - p))
    squares = pair_matrix(cells.models, cells.a, cells.b, cells.count * (cells.outcome - p) ** 2)
    if ridge is None:
        inverse = np.linalg.pinv(bend, rcond=1e-12, hermitian=True)
    else:
        inverse = np.linalg.inv(bend + ridge * np.eye(cells.models))
    return np.sqrt(np.maximum(np.einsum("ij,jk,ki->i", inverse, squares, inverse, optimize=True), 0))


@dataclass(frozen=True, slots=True)
class Resampled:
    """Quantiles of the strengths over resamples; infinite where a resample had no finite maximum for a model."""

    low: Floats
    high: Floats
    unbounded: int  # resamples in which some model had none


def bootstrap(
    theta: Floats, cells: Cells, level: float, rounds: int, rng: np.random.Generator, ridge: float = 0.0
) -> Resampled:
    """Percentile intervals (Efron 1979): as many votes are drawn anew from the cells, and the model is fitted again.

    A draw of n votes with replacement is one multinomial draw over the cells (the votes of a cell are alike). Each
    refit starts at `theta`.
    """
    own = max(ridge, 1e-6)  # so that a resample without a finite maximum ends somewhere far off
    cells = _one_way_round(cells)  # half as many draws
    column, pairs = _pair_of_cell(cells)
    found = np.empty((rounds, cells.models))
    chance = cells.count / cells.count.sum()
    size = max(1, _CHUNK // max(cells.models**2, len(cells.count)))
    for start in range(0, rounds, size):
        drawn = rng.multinomial(round(cells.votes), chance, min(size, rounds - start)).astype(np.float64)
        won, total = _summed(drawn, cells, column, len(pairs.i))
        found[start : start + len(drawn)] = _fit_many(theta, pairs, won, total, own)
    far = np.abs(found - theta) > _FAR if ridge == 0 else np.zeros_like(found, dtype=bool)
    found[far] = np.copysign(np.inf, (found - theta)[far])
    tail = (1 - level) / 2
    low = _quantile(found, tail)
    high = -_quantile(-found, tail)
    return Resampled(low, high, int(far.any(axis=1).sum()))


def _quantile(values: Floats, share: float) -> Floats:
    """Column-wise, interpolated where both neighbours are finite, else the lower of them."""
    ordered = np.sort(values, axis=0)
    place = share * (len(values) - 1)
    below = ordered[math.floor(place)]
    above = ordered[math.ceil(place)]
    finite = np.isfinite(below) & np.isfinite(above)
    return np.where(finite, below + (place % 1) * np.where(finite, above - np.where(finite, below, 0), 0), below)


def _one_way_round(cells: Cells) -> Cells:
    """The same votes with the model of the lower number on the left."""
    turn = cells.a > cells.b
    outcome = np.where(turn, 1 - cells.outcome, cells.outcome)
    low, high = np.minimum(cells.a, cells.b), np.maximum(cells.a, cells.b)
    unique, place = np.unique((low * cells.models + high) * 3 + (2 * outcome).astype(int), return_inverse=True)
    first, second = np.divmod(unique // 3, cells.models)
    return Cells(cells.models, first, second, unique % 3 / 2, sums(place, cells.count, len(unique)))


def _pair_of_cell(cells: Cells) -> tuple[Ints, Pairs]:
    pairs = pairs_of(cells)
    number = np.zeros((cells.models, cells.models), dtype=np.intp)
    number[pairs.i, pairs.j] = np.arange(len(pairs.i))
    return number[np.minimum(cells.a, cells.b), np.maximum(cells.a, cells.b)], pairs


def _summed(drawn: Floats, cells: Cells, column: Ints, count: int) -> tuple[Floats, Floats]:
    """(B, P) twice: the wins of each pair's first model and the votes of the pair, of (B, C) drawn cells."""
    first = np.where(cells.a < cells.b, cells.outcome, 1 - cells.outcome)
    rows = np.arange(len(column))
    shape = (len(column), count)
    won, both = (csr_array((part, (rows, column)), shape) for part in (first, np.ones(len(rows))))
    return drawn @ won, drawn @ both


def _fit_many(start: Floats, pairs: Pairs, won: Floats, total: Floats, ridge: float) -> Floats:
    """(B, M): `fit` for B resamples at once. A step is at most 2, and those that have settled are left alone."""
    m, theta = pairs.models, np.tile(start, (len(won), 1))
    open_rows = np.arange(len(won))
    diagonal, one = np.arange(m), np.ones(len(pairs.i))
    rows = np.tile(np.arange(len(pairs.i)), 2)
    sides = csr_array((np.concatenate([one, -one]), (rows, np.concatenate([pairs.i, pairs.j]))), (len(one), m))
    for _ in range(_STEPS):
        here = theta[open_rows]
        p = expit(here[:, pairs.i] - here[:, pairs.j])
        residual, weight = won[open_rows] - total[open_rows] * p, total[open_rows] * p * (1 - p)
        slope = residual @ sides - ridge * here
        bend = np.zeros((len(open_rows), m, m))
        bend[:, pairs.i, pairs.j] = bend[:, pairs.j, pairs.i] = -weight
        bend[:, diagonal, diagonal] = ridge - bend.sum(axis=2)
        shift = np.trace(bend, axis1=1, axis2=2) / m**2
        step = np.linalg.solve(bend + shift[:, None, None], slope[:, :, None])[:, :, 0]
        largest = np.abs(step).max(axis=1)
        theta[open_rows] = here + step * np.minimum(1, 2 / np.maximum(largest, 1e-300))[:, None]
        open_rows = open_rows[largest > 1e-4]  # the error left is about its square
        if not len(open_rows):
            break
    return theta - theta.mean(axis=1, keepdims=True)
