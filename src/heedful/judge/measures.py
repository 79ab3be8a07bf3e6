"""What a judge said of pairs, and what it leans to: the win rate, ties, the place shown first, length.

    win rate            the mean of the pairs' values (1 the second answer is better, 0.5 a tie)
    consistency         the share of pairs with the same verdict in both orders
    first place         the share of verdicts for the answer shown first: half, for a judge who does not mind the order
    length              does the verdict follow the difference in length?

Only pairs that were asked count for the order; identical answers are ties that nobody was asked about.

Sources:
- Zheng et al., "Judging LLM-as-a-judge with MT-Bench and Chatbot Arena", NeurIPS 2023, section 3.3: position and
  verbosity bias; consistency.
- Wang et al., "Large language models are not fair evaluators", ACL 2024: both orders.
- Dubois et al., "Length-controlled AlpacaEval", COLM 2024: a logistic model with the tanh of the standardised length
  difference. Here it has no terms for the model's and the question's difficulty, so it is not that figure and bears
  another name: the win rate at equal length.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from heedful.judge.correlation import Correlation, spearman
from heedful.stats import LEVEL, Interval, mcnemar_test, newcombe_interval, share_interval
from heedful.stats.intervals import wilson_bounds


@dataclass(frozen=True)
class PairOutcome:
    """One judged pair. `lengths` are the answers' in characters, `ab` and `ba` the better answer by each order (first,
    second, tie, or None where it was unreadable), `value` the pair's. `asked` is False for identical answers.
    """

    lengths: tuple[int, int]
    ab: str | None
    ba: str | None
    value: float | None
    probability: float | None = None
    asked: bool = True


@dataclass(frozen=True)
class Position:
    """How far the order decides. `p_value`: could a judge who does not mind the order have turned so often one way?"""

    consistency: Interval
    first_place: Interval
    for_first: int
    for_second: int
    p_value: float


@dataclass(frozen=True)
class Length:
    """How far verdicts follow length: over pairs whose lengths differ."""

    correlation: Correlation
    longer_wins: Interval
    at_equal_length: Interval
    mean_difference: float


def half_interval(values: Sequence[float | None]) -> Interval:
    """The mean of values that are 0, 0.5 or 1 and Wilson's interval for it, which ties make wider than need be.

    A tie varies less than a win or a loss, so the interval of a share of as many pairs holds the mean at least as
    often. Unlike a bootstrap's it has a width where all values are alike.

    >>> half_interval([0.5, 0.5, None])
    Interval(estimate=0.5, low=0.09453120573423074, high=0.9054687942657693, n=2, unscored=1)
    """
    known = [v for v in values if v is not None]
    unscored = len(values) - len(known)
    if not known:
        return Interval(math.nan, math.nan, math.nan, 0, unscored)
    share = sum(known) / len(known)
    return Interval(share, *wilson_bounds(share, len(known), LEVEL), len(known), unscored)


def win_rate(outcomes: Sequence[PairOutcome]) -> Interval:
    """How often the second answer is better, ties counted half."""
    return half_interval([o.value for o in outcomes])


def position(outcomes: Sequence[PairOutcome]) -> Position:
    """Consistency over pairs readable in both orders, and the pull of the first place over those decided in both."""
    asked = [o for o in outcomes if o.asked]
    same = [None if o.ab is None or o.ba is None else float(o.ab == o.ba) for o in asked]
    # `ab` shows the first answer first: a verdict for "first" there and for "second" in `ba` are for the first place.
    decided = [(o.ab, o.ba) for o in asked if o.ab in ("first", "second") and o.ba in ("first", "second")]
    for_first, for_second = decided.count(("first", "second")), decided.count(("second", "first"))
    firsts, seconds = decided.count(("first", "first")), decided.count(("second", "second"))
    turned = newcombe_interval(firsts, for_second, for_first, seconds)  # the first answer: shown second, shown first
    n = len(decided)
    return Position(
        share_interval(same),
        Interval(0.5 + turned.estimate / 2, 0.5 + turned.low / 2, 0.5 + turned.high / 2, n, len(asked) - n),
        for_first,
        for_second,
        mcnemar_test(for_second, for_first),
    )


def longer_values(outcomes: Sequence[PairOutcome]) -> list[float | None]:
    """For each pair whose lengths differ: 1 where the longer answer won, 0 where the shorter did."""
    out: list[float | None] = []
    for o in outcomes:
        a, b = o.lengths
        if a != b:
            out.append(None if o.value is None else o.value if b > a else 1 - o.value)
    return out


def length(outcomes: Sequence[PairOutcome]) -> Length:
    """How far the verdicts follow length."""
    known = [(o.lengths[1] - o.lengths[0], o.value) for o in outcomes if o.value is not None]
    differences, values = [float(d) for d, _ in known], [v for _, v in known]
    return Length(
        spearman(differences, values),
        half_interval(longer_values(outcomes)),
        win_rate_at_equal_length(differences, values),
        sum(differences) / len(differences) if differences else math.nan,
    )


PRIOR_SD = 5.0


def win_rate_at_equal_length(differences: Sequence[float], values: Sequence[float]) -> Interval:
    """The win rate by a logistic model where both answers are equally long: sigmoid(a) of

        P(second is better) = sigmoid(a + b * tanh(difference / standard deviation of the differences))

    A tie is half a win. Both coefficients have a normal prior of mean 0 and standard deviation 5, so that there is an
    estimate where length decides every pair; the interval is that of a, by the curvature at the most likely point.
    """
    y = np.asarray(values, dtype=np.float64)  # (N,)
    d = np.asarray(differences, dtype=np.float64)
    n = len(y)
    if n < 2:
        return Interval(math.nan, math.nan, math.nan, n)
    spread = float(d.std())
    x = np.column_stack([np.ones(n), np.tanh(d / spread) if spread > 0 else np.zeros(n)])  # (N, 2)
    w, curvature = _logistic(x, y)
    sd = math.sqrt(np.linalg.inv(curvature)[0, 0])
    from scipy.special import expit, ndtri

    z = float(ndtri((1 + LEVEL) / 2))
    low, middle, high = (float(expit(v)) for v in (w[0] - z * sd, w[0], w[0] + z * sd))
    return Interval(middle, low, high, n)


def _logistic(x: Any, y: Any) -> tuple[Any, Any]:
    """The most likely coefficients (2,) under the prior and the curvature (2, 2) there, by Newton's method.

    A step is halved as long as it makes things worse; the function has one optimum, so it is reached.
    """
    prior = np.eye(x.shape[1]) / PRIOR_SD**2
    w = np.zeros(x.shape[1])

    def loss(v: Any) -> float:
        return float(np.logaddexp(0, x @ v).sum() - y @ (x @ v) + v @ prior @ v / 2)

    while True:
        p = 1 / (1 + np.exp(-(x @ w)))
        curvature = x.T @ (x * (p * (1 - p))[:, None]) + prior
        step = np.linalg.solve(curvature, x.T @ (y - p) - prior @ w)
        size = 1.0
        while size > 1e-6 and loss(w + size * step) > loss(w):
            size /= 2
        w = w + size * step
        if np.abs(size * step).max() < 1e-9 or size <= 1e-6:
            return w, curvature
