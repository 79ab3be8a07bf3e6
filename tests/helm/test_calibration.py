"""Calibration by hand, and what is defined where little is to be computed."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.helm.calibration import KEYS, calibration, ece, ece_interval, selective
from heedful.helm.platt import logit, platt


def test_by_hand():
    # Equal-mass bins of five items in two parts: (0.2, 0.4, 0.6) and (0.8, 0.9).
    p, right = np.array([0.9, 0.2, 0.6, 0.8, 0.4]), np.array([1.0, 0, 1, 0, 0])
    assert ece(p, right, 2) == pytest.approx(abs(1.2 - 1) / 5 + abs(1.7 - 1) / 5)
    assert ece(p, right, 1) == pytest.approx(abs(2.9 - 2) / 5)
    assert ece(p, right, 10) == pytest.approx((0.1 + 0.2 + 0.4 + 0.8 + 0.4) / 5)  # as many bins as items
    area, tenth = selective(p, right)  # right, wrong, right, wrong, wrong from the surest on
    assert area == pytest.approx((1 + 1 / 2 + 2 / 3 + 2 / 4 + 2 / 5) / 5)
    assert tenth == 1


def test_equal_probabilities_share_a_bin_and_an_order():
    p, right = np.array([0.5, 0.5, 0.5, 0.9]), np.array([1.0, 0, 0, 0])
    assert ece(p, right, 4) == pytest.approx(abs(1.5 - 1) / 4 + 0.9 / 4)
    of_orders = []
    for order in itertools.permutations([1.0, 0, 0]):
        accuracy = np.cumsum([0, *order]) / np.arange(1, 5)
        of_orders.append([accuracy.mean(), accuracy[0]])
    assert selective(p, right) == pytest.approx(np.mean(of_orders, axis=0))


@pytest.mark.parametrize("verdict", [0, 1])
def test_all_alike_is_calibrated_by_saying_so(verdict):
    found = calibration([0.7, 0.8], [verdict, verdict])
    assert found["platt_coef"] is found["platt_intercept"] is None
    assert found["platt_ece_1_bin"] == found["platt_ece_10_bin"] == 0
    assert found["ece_1_bin"] == pytest.approx(abs(0.75 - verdict))
    assert found["selective_acc@10"] == verdict


def test_without_slope_the_intercept_is_the_share():
    found = calibration([0.7] * 4, [1, 1, 1, 0])
    assert found["platt_coef"] == 0
    assert found["platt_intercept"] == pytest.approx(math.log(3))
    assert found["platt_ece_10_bin"] == pytest.approx(0, abs=1e-12)


def test_what_is_missing_is_left_out_and_what_is_wrong_refused():
    assert calibration([], []) == dict.fromkeys(KEYS) == calibration([None, 0.5], [1, None])
    assert calibration([0.9, None, 0.6], [1, 0, 0]) == calibration([0.9, 0.6], [1, 0])
    assert calibration([0.9, 0.6], [1, 0.5]) == calibration([0.9, 0.6], [1, 0])  # two equal answers, one of them right
    for p, right, said in (([0.5], [], "1 probabilities but 0"), ([1.5], [1], "1.5"), ([math.nan], [1], "NaN")):
        with pytest.raises(ValueError, match=said):
            calibration(p, right)


pairs = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1)), min_size=1, max_size=40)


@settings(max_examples=100)
@given(pairs)
def test_the_curve_is_at_the_maximum_and_errors_are_within_bounds(rows):
    p, right = (np.array(x, float) for x in zip(*rows, strict=True))
    found = calibration(list(p), list(right))
    for key in ("ece_1_bin", "ece_10_bin", "platt_ece_10_bin", "selective_cov_acc_area"):
        assert 0 <= found[key] <= 1
    assert found["ece_1_bin"] <= found["ece_10_bin"] + 1e-12  # within a bin errors cancel, between bins they do not
    curve = platt(p, right)
    if curve is None:
        return
    away = right - curve(p)  # where the likelihood is greatest its slope is 0 in both directions
    assert abs(away.sum()) < 1e-6
    assert abs((away * logit(p)).sum()) < 1e-4
    assert found["platt_ece_1_bin"] < 1e-6


def test_the_interval_holds_the_estimate_and_grows_with_doubt():
    rng = np.random.default_rng(3)
    p = rng.uniform(0.3, 1, 400)
    right = (rng.random(400) < p).astype(float)
    found = ece_interval(list(p), list(right), resamples=200)
    assert found.low == 0  # what is calibrated is not proven wrong
    assert found.low <= found.estimate <= found.high < 0.15
    few = ece_interval(list(p[:40]), list(right[:40]), resamples=200)
    assert few.high - few.low > found.high - found.low
    sure = ece_interval([0.99] * 200, [0.0, 1.0] * 100, resamples=200)
    assert sure.low > 0.35
    assert math.isnan(ece_interval([0.5], [1]).low)
    assert ece_interval([None], [1]).unscored == 1
