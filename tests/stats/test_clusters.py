"""Clustered standard errors, intervals and tests: truth by hand, and what must hold for any values."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful import stats
from heedful.stats.clusters import cluster_sums

values = st.lists(st.tuples(st.integers(-8, 8), st.sampled_from("abcdef")), min_size=2, max_size=24)


def test_clustered_standard_error_by_hand():
    # mean 3; deviations a: -2 -1 = -3, b: 1 + 2 = 3; without correction sqrt(9 + 9) / 4, with sqrt(2 * 18) / 4
    x, clusters = [1, 2, 4, 5], ["a", "a", "b", "b"]
    assert stats.clustered_standard_error(x, clusters, correction=False) == pytest.approx(math.sqrt(18) / 4)
    assert stats.clustered_standard_error(x, clusters) == pytest.approx(1.5)


def test_a_value_that_is_unscored_leaves_with_its_cluster():
    assert stats.clustered_standard_error([1, None, 3], ["a", "b", "c"]) == stats.standard_error([1, 3])
    assert math.isnan(stats.clustered_standard_error([1, 2], ["a", "a"]))


@given(st.lists(st.integers(-99, 99).map(lambda v: v / 100), min_size=2, max_size=16))
@settings(deadline=None, max_examples=30)
def test_clusters_of_one_are_no_clusters(x):
    for alone in (list(range(len(x))), [None] * len(x)):
        assert stats.clustered_standard_error(x, alone) == pytest.approx(stats.standard_error(x), abs=1e-12)
    assert stats.sign_flip_test(x, clusters=[None] * len(x)) == pytest.approx(stats.sign_flip_test(x))
    assert stats.mean_interval(x, clusters=[None] * len(x), resamples=99).low == pytest.approx(
        stats.mean_interval(x, resamples=99).low, abs=1e-9
    )


def test_questions_repeated_word_for_word_tell_nothing_new():
    """Each value ten times over in a cluster: the clustered error is that of the values once, the plain one shrinks."""
    x = np.random.default_rng(1).normal(size=12)
    repeated, clusters = np.repeat(x, 10).tolist(), np.repeat(np.arange(12), 10).tolist()
    once = stats.standard_error(x.tolist())
    assert stats.clustered_standard_error(repeated, clusters) == pytest.approx(once)
    assert stats.standard_error(repeated) < once / 3
    p, exact = stats.sign_flip_test(repeated, clusters=clusters)
    assert exact
    assert p == pytest.approx(stats.sign_flip_test(x)[0])
    there = stats.sign_flip_interval(repeated, clusters=clusters)
    here = stats.sign_flip_interval(x)
    assert (there.low, there.high) == (pytest.approx(here.low), pytest.approx(here.high))


def test_cluster_flips_equal_all_patterns_by_hand():
    d, clusters = [0.5, 0.25, -0.125, 0.75, 0.5, -0.25], ["a", "a", "b", "c", "c", "d"]
    sums = {"a": 0.75, "b": -0.125, "c": 1.25, "d": -0.25}
    seen = abs(sum(d))
    far = [
        abs(sum(s * v for s, v in zip(signs, sums.values(), strict=True))) >= seen - 1e-12
        for signs in itertools.product((1, -1), repeat=4)
    ]
    assert stats.sign_flip_test(d, clusters=clusters) == (sum(far) / 16, True)


@given(values)
def test_sums_and_sizes_are_all_there(pairs):
    x, clusters = np.array([v for v, _ in pairs], float), [c for _, c in pairs]
    sums, sizes = cluster_sums(x, clusters)
    assert sums.sum() == x.sum()
    assert sizes.sum() == len(x)
    assert len(sums) == len(set(clusters))


@given(values)
@settings(deadline=None, max_examples=30)
def test_the_effective_number_is_never_more_than_there_are(pairs):
    x, clusters = np.array([v for v, _ in pairs], float), [c for _, c in pairs]
    assert 0 <= stats.effective_number(x, clusters) <= len(x) + 1e-9


def test_shares_in_clusters_are_wider_and_say_so():
    before, after = [0] * 40, [1] * 25 + [0] * 15
    clusters = [i // 5 for i in range(40)]
    plain, clustered = stats.compare_shares(before, after), stats.compare_shares(before, after, clusters=clusters)
    assert clustered.difference.estimate == plain.difference.estimate == 0.625
    assert clustered.difference.low < plain.difference.low
    assert (plain.clusters, clustered.clusters) == (None, 8)
    assert clustered.test == "sign-flip of clusters, exact"
    assert clustered.p_value == 2 / 2**5  # five of eight passages changed, all one way
    assert clustered.verdict == "inconclusive"
    assert plain.verdict == "better"


@pytest.mark.parametrize("compare", [stats.compare_shares, stats.compare_means])
def test_five_clusters_are_never_enough(compare):
    clusters = [i % 5 for i in range(100)]
    c = compare([0] * 100, [1] * 100, clusters=clusters)
    assert c.p_value == 2 / 2**5
    assert c.verdict == "inconclusive"
    assert compare([0] * 100, [1] * 100, clusters=["one"] * 100).verdict == "inconclusive"


@given(values, values)
@settings(deadline=None, max_examples=20)
def test_turning_the_sides_around_turns_everything(one, two):
    n = min(len(one), len(two))
    x, y, clusters = [v for v, _ in one[:n]], [v for v, _ in two[:n]], [c for _, c in one[:n]]
    there = stats.compare_means(x, y, clusters=clusters, resamples=99)
    back = stats.compare_means(y, x, clusters=clusters, resamples=99)
    assert there.p_value == back.p_value
    assert {there.verdict, back.verdict} in ({"inconclusive"}, {"better", "worse"})
    if not math.isnan(there.difference.low):
        assert there.difference.low == pytest.approx(-back.difference.high)


def test_the_interval_of_the_flips_by_hand():
    """Six differences: 64 subsets, of which 64 * 0.025 = 1.6, so one mean is left out at each end."""
    d = [0.1, 0.4, -0.2, 0.3, 0.5, 0.25]
    means = sorted(sum(chosen) / len(chosen) for size in range(1, 7) for chosen in itertools.combinations(d, size))
    i = stats.sign_flip_interval(d)
    assert (i.low, i.high) == (pytest.approx(means[0]), pytest.approx(means[-1]))
    wide = stats.sign_flip_interval(d, level=0.8)  # 64 * 0.1 = 6.4
    assert (wide.low, wide.high) == (pytest.approx(means[5]), pytest.approx(means[-6]))


@given(st.lists(st.integers(-9, 9), min_size=6, max_size=9))
@settings(deadline=None, max_examples=50)
def test_the_interval_leaves_0_out_only_where_the_test_refuses_it(d):
    i, (p, _) = stats.sign_flip_interval(d), stats.sign_flip_test(d)
    assert i.low <= i.estimate <= i.high
    if i.low > 0 or i.high < 0:
        assert p <= 0.05
    if p < 0.045:
        assert i.low >= 0 or i.high <= 0


def test_drawn_subsets_come_near_the_exact_interval(monkeypatch):
    d = np.random.default_rng(5).normal(0.4, 1, 16)
    exact = stats.sign_flip_interval(d)
    monkeypatch.setattr("heedful.stats.signflip.EXACT_UP_TO", 4)
    drawn = stats.sign_flip_interval(d)
    width = exact.high - exact.low
    assert drawn.low == pytest.approx(exact.low, abs=0.03 * width)
    assert drawn.high == pytest.approx(exact.high, abs=0.03 * width)


def test_the_paired_bootstrap_is_the_bootstrap_of_the_differences():
    before, after = [0.1, None, 0.3, 0.4, 0.2], [0.2, 0.2, 0.5, 0.3, 0.9]
    i = stats.paired_bootstrap(before, after)
    d = stats.mean_interval([a - b for b, a in zip(before, after, strict=True) if b is not None])
    assert (i.low, i.high, i.n, i.unscored) == (d.low, d.high, 4, 1)
