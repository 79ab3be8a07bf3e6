from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful import stats

scores = st.lists(st.floats(0, 1, width=32), min_size=2, max_size=30)
bits = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=2, max_size=40)


def test_mean_interval_by_hand():
    i = stats.mean_interval([0.0, 1.0, 2.0, 3.0])
    assert i.estimate == 1.5
    assert i.n == 4
    assert 0 <= i.low < 1.5 < i.high <= 3


def test_none_is_left_out_and_counted():
    i = stats.mean_interval([0.2, None, 0.4, None])
    assert (i.estimate, i.n, i.unscored) == (pytest.approx(0.3), 2, 2)
    j = stats.share_interval([1, None, 0])
    assert (j.estimate, j.n, j.unscored) == (0.5, 2, 1)
    c = stats.compare_means([0.1, None, 0.3, 0.4], [0.2, 0.2, None, 0.5])
    assert (c.n, c.unscored) == (2, 2)
    assert c.before.estimate == pytest.approx(0.25)


def test_too_few_values_have_no_numbers():
    empty, one = stats.mean_interval([None]), stats.mean_interval([0.5])
    assert math.isnan(empty.estimate)
    assert empty.n == 0
    assert one.estimate == 0.5
    assert math.isnan(one.low)
    assert math.isnan(stats.share_interval([]).estimate)
    for compare in (stats.compare_means, stats.compare_shares):
        assert compare([], []).verdict == "inconclusive"
        assert compare([0.0], [1.0]).verdict == "inconclusive"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_bca_equals_scipy(seed):
    x = np.random.default_rng(seed).exponential(size=25)
    ours = stats.mean_interval(list(x), resamples=20_000)
    theirs = scipy.stats.bootstrap((x,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(9))
    width = theirs.confidence_interval.high - theirs.confidence_interval.low
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.05 * width)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=0.05 * width)


@pytest.mark.parametrize(("k", "n"), [(0, 5), (1, 10), (5, 10), (10, 10), (81, 263)])
def test_wilson_equals_scipy(k, n):
    ours = stats.wilson_interval(k, n)
    theirs = scipy.stats.binomtest(k, n).proportion_ci(method="wilson")
    assert (ours.low, ours.high) == (pytest.approx(theirs.low, abs=1e-12), pytest.approx(theirs.high))


def test_wilson_by_hand():
    # Newcombe, Statistics in Medicine 17 (1998) 857-872, table I: 81 of 263 is 0.2553 to 0.3662.
    i = stats.wilson_interval(81, 263)
    assert (round(i.low, 4), round(i.high, 4)) == (0.2553, 0.3662)


@pytest.mark.parametrize(("lost", "gained"), [(0, 0), (0, 5), (3, 3), (2, 11), (40, 21)])
def test_mcnemar_is_the_binomial_test(lost, gained):
    expected = scipy.stats.binomtest(lost, lost + gained).pvalue if lost + gained else 1.0
    assert stats.mcnemar_test(lost, gained) == pytest.approx(expected)


def test_sign_flip_equals_all_patterns_by_hand():
    d = [0.3, -0.1, 0.25, 0.4, 0.05, 0.0]
    seen = abs(sum(d))
    far = [
        abs(sum(s * v for s, v in zip(signs, d, strict=True))) >= seen - 1e-12
        for signs in itertools.product((1, -1), repeat=6)
    ]
    p, exact = stats.sign_flip_test(d)
    assert exact
    assert p == pytest.approx(sum(far) / len(far))


def test_sign_flip_equals_scipy():
    d = np.random.default_rng(4).normal(0.3, 1, 12)
    theirs = scipy.stats.permutation_test((d,), np.sum, permutation_type="samples", n_resamples=np.inf)
    assert stats.sign_flip_test(d)[0] == pytest.approx(theirs.pvalue)


def test_drawn_flips_are_near_the_exact_p_and_never_zero(monkeypatch):
    d = np.random.default_rng(5).normal(0.4, 1, 16)
    exact, _ = stats.sign_flip_test(d)
    monkeypatch.setattr("heedful.stats.signflip.EXACT_UP_TO", 4)
    drawn, was_exact = stats.sign_flip_test(d, resamples=20_000)
    assert not was_exact
    assert drawn == pytest.approx(exact, abs=0.01)
    assert stats.sign_flip_test(np.ones(200), resamples=999) == (pytest.approx(1 / 1000), False)


def test_holm_by_hand_and_in_any_order():
    assert stats.holm([]) == []
    assert stats.holm([0.01, 0.02, 0.03, 0.6]) == pytest.approx([0.04, 0.06, 0.06, 0.6])
    assert stats.holm([0.6, 0.03, 0.01, 0.02]) == pytest.approx([0.6, 0.06, 0.04, 0.06])


def test_verdicts():
    low, high = [0.1] * 10 + [0.2] * 10, [0.6] * 10 + [0.8] * 10
    assert stats.compare_means(low, high).verdict == "better"
    assert stats.compare_means(high, low).verdict == "worse"
    assert stats.compare_means(low, high, higher_is_better=False).verdict == "worse"
    assert stats.compare_means(low, low).verdict == "inconclusive"
    assert stats.compare_shares([0] * 20, [1] * 20).verdict == "better"
    assert stats.compare_shares([1] * 20, [0] * 20).verdict == "worse"
    assert stats.compare_shares([0, 1] * 10, [1, 0] * 10).verdict == "inconclusive"


def test_correction_can_take_a_verdict_back():
    sure = stats.compare_shares([0] * 6, [1] * 6)  # p = 2 / 64
    assert sure.verdict == "better"
    corrected = stats.correct({"a": sure, "b": stats.compare_shares([0, 1], [1, 0])})
    assert corrected["a"].adjusted_p == pytest.approx(4 / 64)
    assert corrected["a"].verdict == "inconclusive"


@pytest.mark.parametrize(
    "call",
    [
        lambda: stats.share_interval([0.5]),
        lambda: stats.compare_shares([0.5], [1]),
        lambda: stats.compare_means([1.0], [1.0, 2.0]),
        lambda: stats.mean_interval([math.nan]),
        lambda: stats.wilson_interval(3, 2),
    ],
)
def test_wrong_values_are_refused(call):
    with pytest.raises(ValueError):
        call()


@given(scores)
@settings(deadline=None, max_examples=50)
def test_an_interval_holds_its_estimate_and_lies_in_the_data(x):
    i = stats.mean_interval(x, resamples=500)
    assert min(x) - 1e-9 <= i.low <= i.high <= max(x) + 1e-9
    assert i == stats.mean_interval(x, resamples=500)


@given(bits)
@settings(deadline=None)
def test_sign_flips_of_bits_are_mcnemar(pairs):
    before, after = zip(*pairs, strict=True)
    d = np.subtract(after, before)
    p, exact = stats.sign_flip_test(d)
    if exact:
        assert p == pytest.approx(stats.mcnemar_test(int((d < 0).sum()), int((d > 0).sum())))
    c = stats.compare_shares(before, after)
    assert -1 <= c.difference.low <= c.difference.estimate <= c.difference.high <= 1


@given(bits)
@settings(deadline=None)
def test_swapping_before_and_after_mirrors_everything(pairs):
    before, after = zip(*pairs, strict=True)
    there, back = stats.compare_shares(before, after), stats.compare_shares(after, before)
    assert there.difference.estimate == pytest.approx(-back.difference.estimate)
    assert there.difference.low == pytest.approx(-back.difference.high, abs=1e-9)
    assert there.p_value == pytest.approx(back.p_value)


@given(st.lists(st.floats(0, 1), max_size=12), st.randoms(use_true_random=False))
def test_holm_raises_never_lowers_and_keeps_order(ps, rng: random.Random):
    adjusted = stats.holm(ps)
    assert all(p <= a <= 1 for p, a in zip(ps, adjusted, strict=True))
    assert [a for _, a in sorted(zip(ps, adjusted, strict=True))] == sorted(adjusted)
    order = list(range(len(ps)))
    rng.shuffle(order)
    assert stats.holm([ps[i] for i in order]) == [adjusted[i] for i in order]


def test_intervals_cover_as_often_as_they_say():
    rng = np.random.default_rng(11)
    mean = share = difference = 0
    runs = 300
    for _ in range(runs):
        x = rng.beta(1, 3, 40)
        i = stats.mean_interval(list(x), resamples=400)
        mean += i.low <= 0.25 <= i.high
        j = stats.share_interval(list((rng.random(40) < 0.3).astype(float)))
        share += j.low <= 0.3 <= j.high
        before = rng.random(40) < 0.3
        after = before | (rng.random(40) < 0.4)  # 0.3 + 0.7 * 0.4 = 0.58
        k = stats.compare_shares(list(before.astype(float)), list(after.astype(float))).difference
        difference += k.low <= 0.28 <= k.high
    assert [n / runs for n in (mean, share, difference)] == pytest.approx([0.95] * 3, abs=0.045)


def test_the_tests_cry_wolf_no_more_often_than_they_say():
    rng = np.random.default_rng(12)
    alarms = sum(
        stats.compare_means(list(rng.random(15)), list(rng.random(15)), resamples=200).p_value < 0.05
        for _ in range(300)
    )
    assert alarms / 300 < 0.085
