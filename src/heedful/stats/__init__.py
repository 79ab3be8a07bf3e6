"""Intervals for means and shares, and paired tests of before against after.

    values (some None) -> Interval            mean_interval, share_interval, wilson_interval
    values in clusters -> standard error      standard_error, clustered_standard_error
    before, after      -> PairedComparison    compare_means, compare_shares, compare_ranks
    before, after      -> Interval            paired_bootstrap
    differences        -> p-value             sign_flip_test, mcnemar_test, wilcoxon_test
    differences        -> Interval            sign_flip_interval, newcombe_interval, hodges_lehmann_interval
    several p-values   -> corrected ones      holm, correct
    before, after      -> what could be seen  detectable_difference, detectable_mean, detectable_share

A value of None is unscored: it is left out of every number and counted in ``unscored``. All functions are
deterministic: the same values and seed give the same interval on every machine. docs/statistics.md has every formula
with its source, and how often a verdict was wrong in a simulation.
"""

from __future__ import annotations

from heedful.stats.clusters import clustered_standard_error, effective_number, standard_error
from heedful.stats.holm import holm
from heedful.stats.intervals import mean_interval, share_interval, wilson_interval
from heedful.stats.mcnemar import mcnemar_test, newcombe_interval
from heedful.stats.paired import (
    PairedComparison,
    compare_means,
    compare_ranks,
    compare_shares,
    correct,
    paired_bootstrap,
)
from heedful.stats.power import POWER, detectable_difference, detectable_mean, detectable_share
from heedful.stats.signflip import EXACT_UP_TO, sign_flip_interval, sign_flip_test
from heedful.stats.values import LEVEL, RESAMPLES, Clusters, Interval, Values, Verdict
from heedful.stats.wilcoxon import hodges_lehmann_interval, wilcoxon_test

__all__ = [
    "EXACT_UP_TO",
    "LEVEL",
    "POWER",
    "RESAMPLES",
    "Clusters",
    "Interval",
    "PairedComparison",
    "Values",
    "Verdict",
    "clustered_standard_error",
    "compare_means",
    "compare_ranks",
    "compare_shares",
    "correct",
    "detectable_difference",
    "detectable_mean",
    "detectable_share",
    "effective_number",
    "hodges_lehmann_interval",
    "holm",
    "mcnemar_test",
    "mean_interval",
    "newcombe_interval",
    "paired_bootstrap",
    "share_interval",
    "sign_flip_interval",
    "sign_flip_test",
    "standard_error",
    "wilcoxon_test",
    "wilson_interval",
]
