"""Paired shares: McNemar's exact test and Newcombe's interval of the difference.

McNemar, Psychometrika 12 (1947), in the exact binomial form. Newcombe, "Improved confidence intervals for the
difference between binomial proportions based on paired data", Statistics in Medicine 17 (1998), method 10.
"""

from __future__ import annotations

import math

from heedful.stats.intervals import wilson_bounds
from heedful.stats.values import LEVEL, Interval


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


def newcombe_interval(
    both: int, lost: int, gained: int, neither: int, *, effective: float | None = None, level: float = LEVEL
) -> Interval:
    """The difference of paired shares, after minus before, from the four counts of a paired table.

    `effective` is the number of independent pairs that tell as much where the pairs are in clusters; the shares stay,
    the widths are those of that many. The paper's example: of 50 pairs 36 both, 12 one way, 2 the other gives 0.20
    (0.0569 to 0.3404).

    >>> i = newcombe_interval(36, 2, 12, 0)
    >>> round(i.estimate, 4), round(i.low, 4), round(i.high, 4)
    (0.2, 0.0569, 0.3404)
    """
    n = both + lost + gained + neither
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    estimate = (gained - lost) / n
    m = n if effective is None else effective
    if m == 0:
        return Interval(estimate, math.nan, math.nan, n)
    after, before = (both + gained) / n, (both + lost) / n
    (a_low, a_high), (b_low, b_high) = wilson_bounds(after, m, level), wilson_bounds(before, m, level)
    phi = _correlation(*(count * m / n for count in (both, lost, gained, neither)))
    down, up = (after - a_low, b_high - before), (a_high - after, before - b_low)
    delta, epsilon = (math.sqrt(max(0.0, u * u - 2 * phi * u * v + v * v)) for u, v in (down, up))
    return Interval(estimate, max(-1.0, estimate - delta), min(1.0, estimate + epsilon), n)


def _correlation(both: float, lost: float, gained: float, neither: float) -> float:
    """Phi, towards 0 by the paper's correction where it is positive."""
    product = both * neither - lost * gained
    if product > 0:
        product = max(product - (both + lost + gained + neither) / 2, 0)
    spread = math.sqrt((both + lost) * (gained + neither) * (both + gained) * (lost + neither))
    return product / spread if spread else 0.0
