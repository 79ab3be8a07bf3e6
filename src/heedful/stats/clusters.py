"""Standard errors where questions share a source: a passage, a subject, a conversation.

Questions about one passage are answered well or badly together, so a hundred of them tell less than a hundred about
a hundred passages. The clustered standard error counts that in: it sums the deviations inside a cluster before it
squares them.

Sources: Miller, "Adding error bars to evals" (2024), https://arxiv.org/abs/2411.00640, for the formula;
Cameron and Miller, "A practitioner's guide to cluster-robust inference", Journal of Human Resources 50 (2015),
for the factor G / (G - 1) and the t distribution with G - 1 degrees of freedom; Korn and
Graubard, "Confidence intervals for proportions with small expected number of positive counts estimated from survey
data", Survey Methodology 24 (1998), for the effective number.
"""

from __future__ import annotations

import math

import numpy as np

from heedful.stats.values import LEVEL, Clusters, Floats, Values, scored, scored_with


def cluster_sums(x: Floats, clusters: Clusters) -> tuple[Floats, Floats]:
    """The sum and the number of the values of each cluster, in the order of first appearance; None stands alone.

    >>> sums, sizes = cluster_sums(np.array([1.0, 2.0, 4.0, 8.0]), ["a", "b", "a", None])
    >>> sums.tolist(), sizes.tolist()
    ([5.0, 2.0, 8.0], [2.0, 1.0, 1.0])
    """
    places: dict[object, int] = {}
    at = [places.setdefault(("alone", i) if c is None else ("in", c), len(places)) for i, c in enumerate(clusters)]
    sums, sizes = np.zeros(len(places)), np.zeros(len(places))
    np.add.at(sums, at, x)
    np.add.at(sizes, at, 1.0)
    return sums, sizes


def standard_error(values: Values) -> float:
    """The standard error of a mean of independent values; NaN below two.

    >>> standard_error([0, 0, 1, 1])
    0.28867513459481287
    """
    x, _ = scored(values)
    return float(x.std(ddof=1) / math.sqrt(len(x))) if len(x) > 1 else math.nan


def clustered_standard_error(values: Values, clusters: Clusters, *, correction: bool = True) -> float:
    """The standard error of the mean over all questions where those of a cluster go together; NaN below two clusters.

    sqrt(sum over clusters of (sum of its deviations from the mean) ** 2) / n, times sqrt(G / (G - 1)) for G clusters.
    Miller's formula is the one without that correction.

    >>> clustered_standard_error([0, 0, 1, 1], ["a", "a", "b", "b"])     # as two values, 0 and 1
    0.5
    """
    x, kept, _ = scored_with(values, clusters)
    return _clustered(*cluster_sums(x, kept or []), correction)


def _clustered(sums: Floats, sizes: Floats, correction: bool = True) -> float:
    groups, n = len(sums), sizes.sum()
    if groups < 2:
        return math.nan
    away = sums - sums.sum() / n * sizes
    factor = groups / (groups - 1) if correction else 1.0
    return float(math.sqrt(factor * (away**2).sum()) / n)


def effective_number(x: Floats, clusters: Clusters, level: float = LEVEL) -> float:
    """How many independent values tell as much about the mean as these; never more than there are.

    n divided by the design effect (the clustered variance of the mean by that of independent values) and by the
    square of the ratio of the t quantiles with G - 1 and n - 1 degrees of freedom. Where all values are equal the
    clustering cannot be seen, and the number of clusters is taken. 0.0 with fewer than two clusters.
    """
    from scipy.special import stdtrit

    sums, sizes = cluster_sums(x, clusters)
    n, groups = len(x), len(sums)
    if groups < 2:
        return 0.0
    independent = standard_error(list(x))
    effect = (_clustered(sums, sizes) / independent) ** 2 if independent > 0 else n / groups
    wider = (stdtrit(groups - 1, (1 + level) / 2) / stdtrit(n - 1, (1 + level) / 2)) ** 2
    return float(n / (max(1.0, effect) * wider))
