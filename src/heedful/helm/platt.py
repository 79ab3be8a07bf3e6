"""Platt's scaling: the logistic curve that turns a model's confidence into how often it is right.

p' = 1 / (1 + exp(-(coef * logit(p) + intercept))), fitted by maximum likelihood (Platt, "Probabilistic outputs for
support vector machines", 1999). crfm-helm takes scikit-learn's LogisticRegression(C=1e10) with its usual tolerance,
which stops on the way, and with confidence that parts right from wrong wherever it happens to be. Here Newton's method
goes to the maximum, and where there is none there is no curve.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heedful.stats.values import Floats

EDGE = 1e-12  # as near as a probability is taken to 0 and 1, as in the uncertainty-calibration package
STEPS = 200


@dataclass(frozen=True)
class Curve:
    """A fitted curve, to be called with probabilities."""

    coef: float
    intercept: float

    def __call__(self, p: Floats) -> Floats:
        return _logistic(self.coef * logit(p) + self.intercept)


def logit(p: Floats) -> Floats:
    """ln(p / (1 - p)), with p kept `EDGE` away from 0 and 1."""
    p = np.clip(p, EDGE, 1 - EDGE)
    return np.log(p / (1 - p))


def _logistic(x: Floats) -> Floats:
    with np.errstate(over="ignore"):  # exp of much is infinite, and 1 / infinite the right 0
        return 1 / (1 + np.exp(-x))


def platt(p: Floats, right: Floats) -> Curve | None:
    """The curve, or None where the likelihood has no maximum: all right, all wrong, or parted by confidence.

    Where all probabilities are equal nothing can be told of a slope: it is 0, and the intercept the logit of the share
    that was right.
    """
    x, share = logit(p), float(right.mean())
    if share in (0.0, 1.0):
        return None
    if np.ptp(x) == 0:
        return Curve(0.0, float(np.log(share / (1 - share))))
    good, bad = x[right == 1], x[right == 0]
    if good.min() >= bad.max() or bad.min() >= good.max():
        return None
    return _newton(x, right)


def _newton(x: Floats, right: Floats) -> Curve:
    """Newton's method on standardised x, each step halved until the likelihood grows; the function is concave."""
    middle, spread = float(x.mean()), float(x.std())
    z = np.stack([(x - middle) / spread, np.ones(len(x))])  # (2, n)
    at = np.zeros(2)
    best = _log_likelihood(at, z, right)
    for _ in range(STEPS):
        fitted = _logistic(at @ z)
        slope = z @ (right - fitted)
        step = np.linalg.lstsq((z * (fitted * (1 - fitted))) @ z.T, slope, rcond=None)[0]
        size = 1.0
        while (found := _log_likelihood(at + size * step, z, right)) < best and size > 1e-12:
            size /= 2
        if size <= 1e-12:
            break
        at, best = at + size * step, found
        if np.abs(size * step).max() < 1e-13 * (1 + np.abs(at).max()):
            break
    coef = at[0] / spread
    return Curve(float(coef), float(at[1] - coef * middle))


def _log_likelihood(at: Floats, z: Floats, right: Floats) -> float:
    return -float(np.logaddexp(0, np.where(right == 1, -1, 1) * (at @ z)).sum())
