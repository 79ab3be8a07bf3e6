"""What is said of loss curves, on curves made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from heedful.train.verdict import Evaluation, compare, difference, judge_curves


def curve(losses, rows=40, noise=0.0, seed=0, own=0.3):
    """Evaluations with these mean losses; rows differ from one another by `own`, and from step to step by `noise`."""
    random = np.random.default_rng(seed)
    offsets = random.normal(0, own, rows)
    offsets -= offsets.mean()
    out = []
    for k, loss in enumerate(losses):
        values = loss + offsets + (random.normal(0, noise, rows) if noise else 0)
        out.append(Evaluation(10 * k, tuple(values * 10), (10,) * rows))
    return out


@pytest.mark.parametrize(
    ("losses", "kind", "step"),
    [
        ([3.0, 2.0, 1.5, 1.2], "improving", None),
        ([3.0, 2.0, 1.5, 1.5], "plateau", None),
        ([3.0, 1.5, 1.0, 1.2, 1.5], "overfitting", 20),
        ([3.0, 3.5, 4.0], "overfitting", 0),
        ([3.0, 3.0, 3.0], "inconclusive", None),
        ([3.0, 2.0], "inconclusive", None),
        ([], "inconclusive", None),
    ],
)
def test_curves_without_noise(losses, kind, step):
    verdict = judge_curves(curve(losses))
    assert (verdict.kind, verdict.step) == (kind, step)
    assert verdict.evidence
    assert "\n" not in verdict.evidence


def test_the_evidence_names_steps_and_losses():
    evidence = judge_curves(curve([3.0, 1.5, 1.0, 1.2, 1.5]), [(s, 3 - s / 20) for s in range(1, 41)]).evidence
    assert "lowest at step 20 (1.000) and rose to 1.500 by step 40" in evidence
    assert "the training loss went on falling" in evidence
    evidence = judge_curves(curve([3.0, 1.5, 1.0, 1.2, 1.5]), [(s, s / 20) for s in range(1, 41)]).evidence
    assert "the learning rate may be too high" in evidence


def test_noise_is_not_overfitting():
    """A flat end with noise from step to step is called overfitting no more often than twice the error allows."""
    kinds = [judge_curves(curve([3, 2, 1.5, 1.5, 1.5, 1.5], noise=0.3, seed=s)).kind for s in range(200)]
    assert kinds.count("overfitting") <= 20
    assert kinds.count("plateau") >= 150


def test_a_rise_that_stands_out_of_the_noise_is_overfitting():
    kinds = [judge_curves(curve([3, 2, 1.5, 1.7, 2.0], noise=0.3, seed=s)).kind for s in range(50)]
    assert kinds.count("overfitting") == 50


def test_few_rows_are_inconclusive():
    assert judge_curves(curve([3, 2, 1, 0.5], rows=1)).kind == "inconclusive"


def test_a_difference_and_its_error_worked_by_hand():
    a = Evaluation(0, (2.0, 4.0), (1, 3))
    b = Evaluation(1, (3.0, 4.0), (1, 3))
    mean, error = difference(a, b)
    # Differences 1 and 0 on 1 and 3 tokens: 1/4 a token; residuals 3/4 and -3/4; sqrt(2/1 * 9/8) / 4.
    assert (mean, error) == pytest.approx((0.25, (2 * 9 / 8) ** 0.5 / 4))
    assert compare(a, b) == 0


def test_a_change_under_half_a_percent_is_none():
    assert compare(*curve([1.0, 1.004], own=0.0)) == 0
    assert compare(*curve([1.0, 1.006], own=0.0)) == 1
    assert compare(*curve([1.0, 0.994], own=0.0)) == -1


def test_rows_without_trained_tokens_do_not_divide_by_nothing():
    rows = [Evaluation(k, (0.0, 0.0), (0, 0)) for k in range(3)]
    assert judge_curves(rows).kind == "inconclusive"
    assert rows[0].loss == 0


def test_json_round_trip():
    evaluation = curve([1.5])[0]
    assert Evaluation.from_json(evaluation.to_json()) == evaluation
