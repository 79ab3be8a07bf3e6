"""Wilcoxon's test and the Hodges-Lehmann interval: by hand, against scipy, against every sign pattern."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful import stats
from heedful.stats.wilcoxon import _walsh


def test_by_hand():
    # ranks 1 2 3 4 5, those above 0 sum to 14; patterns with a sum of at least 14: 2 of 32
    assert stats.wilcoxon_test([-1, 2, 3, 4, 5]) == (4 / 32, True)
    assert stats.wilcoxon_test([]) == (1.0, True)
    assert stats.wilcoxon_test([0.0, 0.0]) == (1.0, True)


@pytest.mark.parametrize("n", [8, 25, 50])
def test_equals_scipys_exact_test_without_ties(n):
    d = np.random.default_rng(n).normal(0.3, 1, n)
    assert stats.wilcoxon_test(d)[0] == pytest.approx(scipy.stats.wilcoxon(d, method="exact").pvalue, rel=1e-9)


def test_equals_scipys_normal_approximation_with_ties_and_zeros():
    d = np.random.default_rng(3).integers(-4, 6, 400)
    theirs = scipy.stats.wilcoxon(d, method="asymptotic", correction=False, zero_method="wilcox").pvalue
    assert stats.wilcoxon_test(d) == (pytest.approx(theirs, rel=1e-9), False)


@given(st.lists(st.integers(-4, 4), min_size=1, max_size=7))
@settings(deadline=None, max_examples=50)
def test_ties_are_those_of_all_sign_patterns(d):
    kept = [v for v in d if v]
    ranks = scipy.stats.rankdata(np.abs(kept)) if kept else []
    middle = sum(ranks) / 2
    seen = abs(sum(r for r, v in zip(ranks, kept, strict=True) if v > 0) - middle)
    patterns = itertools.product((0, 1), repeat=len(kept))
    far = [abs(sum(r * s for r, s in zip(ranks, p, strict=True)) - middle) >= seen - 1e-9 for p in patterns]
    assert stats.wilcoxon_test(d)[0] == pytest.approx(sum(far) / len(far))


def test_rounding_makes_no_ranks():
    d = [0.3 - 0.2, 0.2 - 0.1, -(0.5 - 0.4), 0.9 - 0.7]  # 0.1 three times, in three roundings
    assert stats.wilcoxon_test(d) == stats.wilcoxon_test([1, 1, -1, 2])


def test_of_shares_it_is_mcnemar():
    before, after = [0] * 12 + [1] * 8, [1] * 9 + [0] * 3 + [1] * 6 + [0] * 2
    d = np.subtract(after, before)
    assert stats.wilcoxon_test(d)[0] == pytest.approx(stats.mcnemar_test(2, 9))


@given(st.lists(st.integers(-9, 9).map(lambda v: v / 4), min_size=1, max_size=8))
@settings(deadline=None, max_examples=25)
def test_the_means_of_pairs_are_found_without_making_them(d):
    every = sorted((x + y) / 2 for x, y in itertools.combinations_with_replacement(d, 2))
    assert [_walsh(np.sort(d), k + 1) for k in range(len(every))] == pytest.approx(every)
    assert stats.hodges_lehmann_interval(d).estimate == pytest.approx(float(np.median(every)))


def test_the_interval_holds_what_the_test_does_not_refuse():
    d = np.random.default_rng(2).normal(0.5, 1, 15)
    i = stats.hodges_lehmann_interval(d)
    for bound, inside in ((i.low, 1), (i.high, -1)):
        assert stats.wilcoxon_test(d - bound - inside * 1e-6)[0] >= 0.05
        assert stats.wilcoxon_test(d - bound + inside * 1e-6)[0] < 0.05
    assert math.isnan(stats.hodges_lehmann_interval(d[:5]).low)


def test_huge_differences_do_not_drown_the_others():
    rng = np.random.default_rng(7)
    before = rng.normal(0, 1, 60)
    after = before + 0.5 + rng.normal(0, 0.3, 60)
    after[:2] = -1e6
    assert stats.compare_ranks(before.tolist(), after.tolist()).verdict == "better"
    assert stats.compare_means(before.tolist(), after.tolist(), resamples=999).verdict == "inconclusive"


def test_comparisons_without_a_change_or_without_pairs():
    same = stats.compare_ranks([1.0] * 9, [1.0] * 9)
    assert (same.difference.low, same.difference.high, same.p_value, same.verdict) == (0.0, 0.0, 1.0, "inconclusive")
    assert stats.compare_ranks([], []).verdict == "inconclusive"
    assert stats.compare_ranks([0.0], [1.0]).verdict == "inconclusive"
