"""Intervals for means and shares, and paired tests of before against after.

    values (some None) -> Interval            mean_interval, share_interval
    before, after      -> PairedComparison    compare_means, compare_shares
    several p-values   -> corrected ones      holm, correct

A value of None is unscored: it is left out of every number and counted in ``unscored``. All functions are
deterministic: the same values and seed give the same interval on every machine.

Sources:
- Efron, "Better bootstrap confidence intervals", JASA 82 (1987): the BCa interval.
- Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
- Newcombe, "Improved confidence intervals for the difference between binomial proportions based on paired data",
  Statistics in Medicine 17 (1998), method 10: the interval of a difference of paired shares.
- Fisher, "The Design of Experiments" (1935), section 21: the sign-flip test. Phipson and Smyth, "Permutation
  p-values should never be zero", SAGMB 9 (2010): the one that is added where flips are drawn.
- McNemar, Psychometrika 12 (1947), in the exact binomial form.
- Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Stat. 6 (1979).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Verdict = Literal["better", "worse", "inconclusive"]
Values = Sequence[float | None]

LEVEL = 0.95
RESAMPLES = 9_999
EXACT_UP_TO = 18  # 2**18 sign patterns take 3 ms and 2 MB
_CHUNK = 2_000_000  # drawn numbers held at once: 16 MB


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its interval, in the unit of the values.

    `n` values went in and `unscored` were None. Where `n` is too small the numbers are NaN: the estimate
    below one value, the bounds of a mean below two.
    """

    estimate: float
    low: float
    high: float
    n: int
    unscored: int = 0


@dataclass(frozen=True, slots=True)
class PairedComparison:
    """Before against after on the same items; `difference` is after minus before.

    Only pairs scored on both sides count (`n`); the rest are in `unscored`. `adjusted_p` is the p-value after
    Holm's correction, None before `correct` was called. The verdict is "better" or "worse" only where the
    p-value (the adjusted one once there is one) is below 1 - level and the interval of the difference leaves
    out 0: a reader never sees a claim whose interval says otherwise.
    """

    before: Interval
    after: Interval
    difference: Interval
    p_value: float
    n: int
    verdict: Verdict
    test: str
    unscored: int = 0
    adjusted_p: float | None = None


def mean_interval(values: Values, *, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """The mean and its BCa bootstrap interval.

    Values that are all equal give an interval of width 0; for shares use `share_interval`, which does not.

    >>> mean_interval([1.0, 1.0, None])
    Interval(estimate=1.0, low=1.0, high=1.0, n=2, unscored=1)
    """
    x, unscored = _scored(values)
    n = len(x)
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, 0, unscored)
    mean = float(x.mean())
    if n == 1:
        return Interval(mean, math.nan, math.nan, 1, unscored)
    if np.ptp(x) <= _tolerance(x):
        return Interval(mean, mean, mean, n, unscored)
    low, high = _bca(x, mean, level, resamples, seed)
    return Interval(mean, low, high, n, unscored)


def _bca(x: NDArray[np.float64], mean: float, level: float, resamples: int, seed: int) -> tuple[float, float]:
    from scipy.special import ndtr, ndtri

    n = len(x)
    rng = np.random.default_rng(seed)
    means = np.empty(resamples)
    step = max(1, _CHUNK // n)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        means[start : start + rows] = x[rng.integers(0, n, (rows, n))].mean(axis=1)
    tie = np.abs(means - mean) <= _tolerance(x)
    bias = ndtri(((means < mean) & ~tie).mean() + tie.mean() / 2)
    away = x - mean  # the jackknife's deviations, but for a factor that cancels
    acceleration = (away**3).sum() / (6 * (away**2).sum() ** 1.5)
    z = ndtri(np.array([(1 - level) / 2, (1 + level) / 2]))
    quantiles = ndtr(bias + (bias + z) / (1 - acceleration * (bias + z)))
    low, high = np.quantile(means, quantiles)
    return float(low), float(high)


def share_interval(values: Values, *, level: float = LEVEL) -> Interval:
    """The share of values that are 1 (each is 0, 1 or None) and its Wilson interval.

    >>> i = share_interval([1, 0, None])
    >>> i.estimate, i.n, i.unscored
    (0.5, 2, 1)
    """
    x, unscored = _scored(values)
    _check_binary(x)
    return dataclasses.replace(wilson_interval(int(x.sum()), len(x), level=level), unscored=unscored)


def wilson_interval(successes: int, n: int, *, level: float = LEVEL) -> Interval:
    """Wilson's interval for `successes` out of `n`, without continuity correction; NaN for n = 0."""
    from scipy.special import ndtri

    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes out of {n}")
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    z = float(ndtri((1 + level) / 2))
    share = successes / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low = 0.0 if successes == 0 else middle - half  # exactly so in algebra; keeps rounding out
    high = 1.0 if successes == n else middle + half
    return Interval(share, low, high, n)


def compare_means(
    before: Values,
    after: Values,
    *,
    higher_is_better: bool = True,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> PairedComparison:
    """Compare the means of paired values: a sign-flip test and a BCa interval of the mean difference.

    `before[i]` and `after[i]` belong to the same item. Fewer than two pairs are always inconclusive.
    """
    x, y, unscored = _pairs(before, after)
    options = {"level": level, "resamples": resamples, "seed": seed}
    difference = mean_interval(list(y - x), **options)
    p, exact = sign_flip_test(y - x, resamples=resamples, seed=seed)
    return PairedComparison(
        before=mean_interval(list(x), **options),
        after=mean_interval(list(y), **options),
        difference=difference,
        p_value=p,
        n=len(x),
        verdict=_verdict(difference, p, higher_is_better, level),
        test="sign-flip, exact" if exact else f"sign-flip, {resamples:,} draws",
        unscored=unscored,
    )


def compare_shares(
    before: Values, after: Values, *, higher_is_better: bool = True, level: float = LEVEL
) -> PairedComparison:
    """Compare paired shares: McNemar's exact test and Newcombe's interval of the difference (his method 10)."""
    x, y, unscored = _pairs(before, after)
    _check_binary(x)
    _check_binary(y)
    both, lost = int((x * y).sum()), int((x * (1 - y)).sum())
    gained = int(((1 - x) * y).sum())
    difference = newcombe_interval(both, lost, gained, len(x) - both - lost - gained, level=level)
    p = mcnemar_test(lost, gained)
    return PairedComparison(
        before=wilson_interval(both + lost, len(x), level=level),
        after=wilson_interval(both + gained, len(x), level=level),
        difference=difference,
        p_value=p,
        n=len(x),
        verdict=_verdict(difference, p, higher_is_better, level),
        test="McNemar, exact",
        unscored=unscored,
    )


def newcombe_interval(both: int, lost: int, gained: int, neither: int, *, level: float = LEVEL) -> Interval:
    """The difference of paired shares, after minus before, from the four counts of a paired table.

    The paper's example: of 50 pairs 36 both, 12 one way, 2 the other gives 0.20 (0.0569 to 0.3404).

    >>> i = newcombe_interval(36, 2, 12, 0)
    >>> round(i.estimate, 4), round(i.low, 4), round(i.high, 4)
    (0.2, 0.0569, 0.3404)
    """
    n = both + lost + gained + neither
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    a = wilson_interval(both + gained, n, level=level)  # after
    b = wilson_interval(both + lost, n, level=level)  # before
    product = both * neither - lost * gained
    if product > 0:
        product = max(product - n / 2, 0)
    spread = math.sqrt((both + lost) * (gained + neither) * (both + gained) * (lost + neither))
    phi = product / spread if spread else 0.0
    down, up = (a.estimate - a.low, b.high - b.estimate), (a.high - a.estimate, b.estimate - b.low)
    delta, epsilon = (math.sqrt(max(0.0, u * u - 2 * phi * u * v + v * v)) for u, v in (down, up))
    estimate = (gained - lost) / n
    return Interval(estimate, max(-1.0, estimate - delta), min(1.0, estimate + epsilon), n)


def sign_flip_test(differences: Sequence[float] | NDArray[np.float64], *, resamples: int = RESAMPLES, seed: int = 0):
    """The two-sided sign-flip test that the differences have mean 0: ``(p, exact)``.

    If before and after were the same, each difference could as well have had the other sign. p is the share of
    sign patterns whose sum is at least as far from 0 as the one seen: of all patterns where at most 18 differences
    are not 0, else of `resamples` drawn ones and the one seen. No differences give p = 1.

    >>> sign_flip_test([1.0, 2.0, 3.0])
    (0.25, True)
    """
    d = np.asarray(differences, dtype=np.float64)
    d = d[d != 0]
    if len(d) == 0:
        return 1.0, True
    seen = abs(d.sum()) - np.abs(d).sum() * 1e-12
    if len(d) <= EXACT_UP_TO:
        sums = np.zeros(1)
        for value in d:
            sums = np.concatenate([sums + value, sums - value])
        return float((np.abs(sums) >= seen).mean()), True
    rng = np.random.default_rng(seed)
    step = max(1, _CHUNK // len(d))
    as_far = 0
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        signs = rng.integers(0, 2, (rows, len(d)), dtype=np.int8) * 2 - 1
        as_far += int((np.abs(signs @ d) >= seen).sum())
    return (as_far + 1) / (resamples + 1), False


def mcnemar_test(lost: int, gained: int) -> float:
    """The exact two-sided p-value that a pair that changed was as likely lost as gained.

    >>> mcnemar_test(0, 5)
    0.0625
    """
    from scipy.special import bdtr

    changed = lost + gained
    if changed == 0:
        return 1.0
    return min(1.0, 2 * float(bdtr(min(lost, gained), changed, 0.5)))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number by Holm's step-down procedure, in the order given.

    >>> [round(p, 6) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    out, highest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        out[i] = highest
    return out


def correct(
    comparisons: Mapping[str, PairedComparison], *, lower_is_better: Sequence[str] = (), level: float = LEVEL
) -> dict[str, PairedComparison]:
    """Correct the p-values of comparisons that are read together by Holm's method, and their verdicts with them."""
    adjusted = holm([c.p_value for c in comparisons.values()])
    return {
        name: dataclasses.replace(
            c, adjusted_p=p, verdict=_verdict(c.difference, p, name not in lower_is_better, level)
        )
        for (name, c), p in zip(comparisons.items(), adjusted, strict=True)
    }


def _verdict(difference: Interval, p: float, higher_is_better: bool, level: float) -> Verdict:
    if difference.n < 2 or p >= round(1 - level, 12) or difference.low <= 0 <= difference.high:
        return "inconclusive"
    return "better" if (difference.estimate > 0) == higher_is_better else "worse"


def _scored(values: Values) -> tuple[NDArray[np.float64], int]:
    kept = [float(v) for v in values if v is not None]
    x = np.array(kept, dtype=np.float64)
    if not np.isfinite(x).all():
        raise ValueError("a value is NaN or infinite; an unscored value is None")
    return x, len(values) - len(kept)


def _pairs(before: Values, after: Values) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    if len(before) != len(after):
        raise ValueError(f"{len(before)} values before but {len(after)} after; they must be the same items")
    kept = [(b, a) for b, a in zip(before, after, strict=True) if b is not None and a is not None]
    x, _ = _scored([b for b, _ in kept])
    y, _ = _scored([a for _, a in kept])
    return x, y, len(before) - len(kept)


def _check_binary(x: NDArray[np.float64]) -> None:
    if not np.isin(x, (0.0, 1.0)).all():
        raise ValueError("a share needs values that are 0, 1 or None")


def _tolerance(x: NDArray[np.float64]) -> float:
    return float(np.abs(x).max()) * 1e-12
