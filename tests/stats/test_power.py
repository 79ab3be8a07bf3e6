"""The minimum detectable difference: by hand, and by doing what it promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from heedful import stats


def test_where_every_change_is_a_gain_it_is_a_binomial_by_hand():
    """Six of 20 must change: the share that gives 6 or more in 80 of 100 cases."""
    found = stats.detectable_share(0, 0, 20)
    assert scipy.stats.binom.sf(5, 20, found) == pytest.approx(0.8, abs=1e-6)


def test_the_power_at_the_detectable_share_is_counted_pattern_by_pattern():
    n, lost, gained = 30, 4, 5
    found = stats.detectable_share(lost, gained, n)
    changing = max((lost + gained) / n, found)
    up = (changing + found) / 2
    power = sum(
        scipy.stats.multinomial.pmf([g, k, n - g - k], n, [up, changing - up, 1 - changing])
        for g in range(n + 1)
        for k in range(n + 1 - g)
        if g > k and stats.mcnemar_test(k, g) < 0.05
    )
    assert power == pytest.approx(0.8, abs=1e-6)


def test_the_power_at_the_detectable_mean_by_simulation():
    rng = np.random.default_rng(1)
    spread = rng.normal(0, 1, 40)
    found = stats.detectable_mean(spread.tolist())
    draws = rng.normal(found, spread.std(ddof=1), (4000, 40))
    p = scipy.stats.ttest_1samp(draws, 0, axis=1).pvalue
    assert ((p < 0.05) & (draws.mean(axis=1) > 0)).mean() == pytest.approx(0.8, abs=0.02)


def test_four_times_the_questions_halve_it():
    d = np.random.default_rng(2).normal(0, 1, 100).tolist()
    assert stats.detectable_mean(d * 4) == pytest.approx(stats.detectable_mean(d) / 2, rel=0.03)
    assert stats.detectable_share(80, 90, 800) == pytest.approx(stats.detectable_share(20, 22, 200) / 2, rel=0.07)


def test_clusters_and_correction_make_it_larger():
    d = [v for v in np.random.default_rng(3).normal(0, 1, 20) for _ in range(5)]
    clusters = [i // 5 for i in range(100)]
    alone, grouped = stats.detectable_mean(d), stats.detectable_mean(d, clusters=clusters)
    assert grouped > 2 * alone
    assert grouped == pytest.approx(stats.detectable_mean(d[::5]))  # five copies are one question
    assert stats.detectable_mean(d, level=0.99) > alone
    assert stats.detectable_share(5, 5, 100, level=0.99) > stats.detectable_share(5, 5, 100)


def test_nothing_is_said_where_nothing_could_be_seen():
    assert math.isnan(stats.detectable_share(1, 1, 5))
    assert math.isnan(stats.detectable_share(0, 0, 0))
    assert math.isnan(stats.detectable_mean([0.1, 0.2, 0.3, 0.1, 0.2]))
    assert math.isnan(stats.detectable_mean([0.5] * 50))
    assert math.isnan(stats.detectable_mean([0.1, 0.2] * 50, clusters=[i % 5 for i in range(100)]))


def test_the_kind_of_values_decides():
    before, after = [0, 1] * 20, [1, 1] * 10 + [0, 0] * 10
    assert stats.detectable_difference(before, after) == stats.detectable_share(10, 10, 40)
    halves = [v / 2 for v in before]
    assert stats.detectable_difference(halves, [v / 2 for v in after]) < 0.5
    with_gaps = stats.detectable_difference([*before, None], [*after, 1])
    assert with_gaps == stats.detectable_difference(before, after)
