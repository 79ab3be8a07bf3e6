"""The fits as FastChat and arena-rank make them, where they stop short of the maximum or add to the likelihood.

- FastChat's package, fschat 0.2.36, `compute_elo_mle_with_tie`: scikit-learn's logistic regression over every vote
  twice, with its default penalty (C = 1) and its default tolerance.
- FastChat's later code, never released as a package, `compute_bt` and `compute_style_control` of
  https://github.com/lm-sys/FastChat/blob/main/fastchat/serve/monitor/rating_systems.py: scipy's L-BFGS-B.
- arena-rank 0.1.1, https://github.com/lmarena/arena-rank: the maximum itself, to its tolerance of 1e-9.

A solver with a loose tolerance stops some hundredths or tenths of a point before the maximum. To print what they print,
the same function is given to the same solver with the same tolerance.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from heedful.ratings.bradley_terry import BASE
from heedful.ratings.cells import Cells, Floats, sums

LOG_BASE = math.log(BASE)
# fschat's penalty 1/2 |w|^2 beside each vote twice, w = theta / ln 10, as a ridge on theta beside each vote once.
FASTCHAT_RIDGE = 1 / (2 * LOG_BASE**2)
FASTCHAT_ANCHOR = ("llama-13b", 800.0)
FASTCHAT_MAIN_ANCHOR = ("mixtral-8x7b-instruct-v0.1", 1114.0)
ARENA_RANK_HESSIAN = 1e-5  # times the votes, on the diagonal of H


def fastchat(cells: Cells) -> Floats:
    """fschat's strengths (M,), where scikit-learn's solver stops: gradient of the mean loss below 1e-4."""
    twice = 2 * cells.votes

    def loss(w: Floats) -> tuple[float, Floats]:
        value, slope = _loss(w, cells)
        return float(2 * value / twice + w @ w / (2 * twice)), 2 * slope / twice + w / twice

    return _lbfgs(loss, cells.models, gtol=1e-4, ftol=64 * np.finfo(float).eps, maxls=50)


def fastchat_main(cells: Cells) -> Floats:
    """The strengths (M,) of FastChat's later code, where its solver stops."""
    return _lbfgs(lambda w: _loss(w, cells), cells.models, gtol=1e-6)


def _loss(w: Floats, cells: Cells) -> tuple[float, Floats]:
    """Minus the log likelihood of w = theta / ln 10, and its gradient."""
    d = LOG_BASE * (w[cells.a] - w[cells.b])
    value = -cells.count @ (cells.outcome * log_expit(d) + (1 - cells.outcome) * log_expit(-d))
    part = -LOG_BASE * cells.count * (cells.outcome - expit(d))
    return value, sums(cells.a, part, cells.models) - sums(cells.b, part, cells.models)


def _lbfgs(loss: Callable[[Floats], tuple[float, Floats]], size: int, **tolerance: float) -> Floats:
    options = {"maxiter": 100} | tolerance
    return minimize(loss, np.zeros(size), jac=True, method="L-BFGS-B", options=options)["x"] * LOG_BASE
