"""Before against after on the same questions: an interval of the difference, a test, and one word.

compare_means     sign-flip test, and the interval that belongs to it
compare_shares    McNemar's exact test, Newcombe's interval; with clusters the sign-flip test of whole clusters
compare_ranks     Wilcoxon's signed-rank test, the Hodges-Lehmann interval of the pseudo-median difference
correct           Holm's correction of several comparisons that are read together, and their words with it
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from heedful.stats.clusters import cluster_sums, effective_number
from heedful.stats.holm import holm
from heedful.stats.intervals import mean_interval, share_interval
from heedful.stats.mcnemar import mcnemar_test, newcombe_interval
from heedful.stats.signflip import sign_flip_interval, sign_flip_test
from heedful.stats.values import LEVEL, RESAMPLES, Clusters, Interval, Values, Verdict, check_binary, pairs
from heedful.stats.wilcoxon import changed, hodges_lehmann_interval, wilcoxon_test


@dataclass(frozen=True, slots=True)
class PairedComparison:
    """Before against after on the same items; `difference` is after minus before.

    Only pairs scored on both sides count (`n`, in `clusters` where they have such); the rest are in `unscored`.
    `adjusted_p` is the p-value after Holm's correction, None before `correct` was called. The verdict is "better" or
    "worse" only where the p-value (the adjusted one once there is one) is below 1 - level and the interval of the
    difference leaves out 0: a reader never sees a claim whose interval says otherwise.
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
    clusters: int | None = None


def compare_means(
    before: Values,
    after: Values,
    *,
    clusters: Clusters | None = None,
    higher_is_better: bool = True,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> PairedComparison:
    """Compare the means of paired values: a sign-flip test and the interval that belongs to it.

    `before[i]` and `after[i]` belong to the same item, which belongs to `clusters[i]`. Fewer than two pairs (or
    clusters) are always inconclusive.
    """
    x, y, kept, unscored = pairs(before, after, clusters)
    options: dict[str, Any] = {"clusters": kept, "level": level, "resamples": resamples, "seed": seed}
    difference = sign_flip_interval(y - x, **options)
    p, exact = sign_flip_test(y - x, clusters=kept, resamples=resamples, seed=seed)
    sides = mean_interval(list(x), **options), mean_interval(list(y), **options)
    told = _Told(difference, p, _flip_name(exact, resamples, kept is not None), higher_is_better, level)
    return _comparison(sides, told, len(x), unscored, kept)


def compare_shares(
    before: Values,
    after: Values,
    *,
    clusters: Clusters | None = None,
    higher_is_better: bool = True,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> PairedComparison:
    """Compare paired shares: McNemar's exact test and Newcombe's interval of the difference (his method 10).

    With clusters: the sign-flip test of whole clusters (McNemar's is the same for clusters of one), and Newcombe's
    interval for the effective number of pairs. `resamples` and `seed` are for these flips alone.
    """
    x, y, kept, unscored = pairs(before, after, clusters)
    check_binary(x)
    check_binary(y)
    both, lost = int((x * y).sum()), int((x * (1 - y)).sum())
    gained = int(((1 - x) * y).sum())
    effective = None if kept is None or len(x) == 0 else effective_number(y - x, kept, level)
    difference = newcombe_interval(both, lost, gained, len(x) - both - lost - gained, effective=effective, level=level)
    if kept is None:
        p, test = mcnemar_test(lost, gained), "McNemar, exact"
    else:
        p, exact = sign_flip_test(y - x, clusters=kept, resamples=resamples, seed=seed)
        test = _flip_name(exact, resamples, True)
    first, second = (share_interval(list(values), clusters=kept, level=level) for values in (x, y))
    return _comparison((first, second), _Told(difference, p, test, higher_is_better, level), len(x), unscored, kept)


def paired_bootstrap(
    before: Values,
    after: Values,
    *,
    clusters: Clusters | None = None,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """The mean difference with its BCa interval over resampled pairs (or clusters of pairs).

    It asks for no symmetry, but it is too narrow for few pairs and for heavy tails (docs/statistics.md has by how
    much), so `compare_means` has the interval of its test.
    """
    x, y, kept, unscored = pairs(before, after, clusters)
    made = mean_interval(list(y - x), clusters=kept, level=level, resamples=resamples, seed=seed)
    return dataclasses.replace(made, unscored=unscored)


def compare_ranks(
    before: Values,
    after: Values,
    *,
    higher_is_better: bool = True,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> PairedComparison:
    """Compare by the ranks of the differences: Wilcoxon's signed-rank test and the Hodges-Lehmann interval.

    `before` and `after` are means with BCa intervals, `difference` is the pseudo-median of the differences that are
    not 0 (the test leaves the others out, too), so the three need not add up. There is no form for clusters.
    """
    x, y, _, unscored = pairs(before, after)
    options: dict[str, Any] = {"level": level, "resamples": resamples, "seed": seed}
    shifted = changed(y - x)
    difference = dataclasses.replace(hodges_lehmann_interval(shifted, level=level), n=len(x))
    if len(x) and not len(shifted):
        difference = Interval(0.0, 0.0, 0.0, len(x))
    p, exact = wilcoxon_test(y - x)
    sides = mean_interval(list(x), **options), mean_interval(list(y), **options)
    told = _Told(difference, p, "Wilcoxon, exact" if exact else "Wilcoxon, normal", higher_is_better, level)
    return _comparison(sides, told, len(x), unscored, None)


def correct(
    comparisons: Mapping[str, PairedComparison], *, lower_is_better: Sequence[str] = (), level: float = LEVEL
) -> dict[str, PairedComparison]:
    """Correct the p-values of comparisons that are read together by Holm's method, and their verdicts with them."""
    adjusted = holm([c.p_value for c in comparisons.values()])
    return {
        name: dataclasses.replace(
            c, adjusted_p=p, verdict=verdict_of(c.difference, p, name not in lower_is_better, level)
        )
        for (name, c), p in zip(comparisons.items(), adjusted, strict=True)
    }


def verdict_of(difference: Interval, p: float, higher_is_better: bool, level: float) -> Verdict:
    """The word: never more than inconclusive below two items, at a p-value not below 1 - level, or around 0."""
    apart = difference.low > 0 or difference.high < 0  # neither where they are NaN
    if difference.n < 2 or p >= round(1 - level, 12) or not apart:
        return "inconclusive"
    return "better" if (difference.low > 0) == higher_is_better else "worse"


@dataclass(frozen=True, slots=True)
class _Told:
    """What a test says of a difference, and how its word is found."""

    difference: Interval
    p: float
    test: str
    higher_is_better: bool
    level: float


def _comparison(
    sides: tuple[Interval, Interval], told: _Told, n: int, unscored: int, kept: Clusters | None
) -> PairedComparison:
    return PairedComparison(
        *sides, told.difference, told.p, n, verdict_of(told.difference, told.p, told.higher_is_better, told.level),
        told.test, unscored, clusters=_count(kept),
    )  # fmt: skip


def _count(clusters: Clusters | None) -> int | None:
    if clusters is None:
        return None
    import numpy as np

    return len(cluster_sums(np.zeros(len(clusters)), clusters)[0])


def _flip_name(exact: bool, resamples: int, clustered: bool) -> str:
    return f"sign-flip{' of clusters' if clustered else ''}, {'exact' if exact else f'{resamples:,} draws'}"
