"""Our numbers against those of statsmodels on the inputs of tests/oracles/statsmodels.json."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from heedful import stats

RECORD = json.loads(Path(__file__).with_name("statsmodels.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", RECORD["clustered"], ids=lambda c: f"n={len(c['values'])}")
def test_clustered_standard_errors_are_those_of_a_clustered_regression(case):
    values, clusters = case["values"], case["clusters"]
    assert stats.clustered_standard_error(values, clusters) == pytest.approx(case["corrected"], rel=1e-9)
    plain = stats.clustered_standard_error(values, clusters, correction=False)
    assert plain == pytest.approx(case["plain"], rel=1e-9)


@pytest.mark.parametrize("case", RECORD["mcnemar"], ids=lambda c: f"{c['lost']},{c['gained']}")
def test_mcnemar(case):
    assert stats.mcnemar_test(case["lost"], case["gained"]) == pytest.approx(case["p"], rel=1e-12)


def test_holm():
    assert stats.holm(RECORD["holm"]["p"]) == pytest.approx(RECORD["holm"]["adjusted"], rel=1e-12)


@pytest.mark.parametrize("case", RECORD["detectable"], ids=lambda c: f"n={len(c['differences'])}")
def test_the_detectable_mean_is_that_of_the_t_test(case):
    ours = stats.detectable_mean(case["differences"], level=case["level"], power=case["power"])
    assert ours == pytest.approx(case["detectable"], rel=1e-5)  # theirs counts the wrong direction, too: 1 in 10**6
