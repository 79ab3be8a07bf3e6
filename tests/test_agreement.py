"""Agreement beyond chance: published examples, other libraries' numbers, and what must hold for any ratings."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.agreement import cohen_kappa, fleiss_kappa, fleiss_table, krippendorff_alpha

RECORD = json.loads((Path(__file__).parent / "oracles" / "agreement.json").read_text())


def from_square(table: list[list[int]]) -> tuple[list[int], list[int]]:
    cells = [(i, j) for i, row in enumerate(table) for j, n in enumerate(row) for _ in range(n)]
    return [i for i, _ in cells], [j for _, j in cells]


def test_cohen_as_in_fleiss_levin_and_paik():
    """Statistical Methods for Rates and Proportions, table 18.1: 100 patients, psychotic, neurotic, organic."""
    kappa = cohen_kappa(*from_square([[75, 1, 4], [5, 4, 1], [0, 0, 10]]))
    assert kappa == pytest.approx((0.89 - 0.66) / (1 - 0.66))
    assert round(kappa, 2) == 0.68


def test_fleiss_as_in_the_worked_example_of_fourteen_raters():
    """https://en.wikipedia.org/wiki/Fleiss%27_kappa: ten items, five categories, 0.210."""
    table = [[0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1], [7, 7, 0, 0, 0]]
    table += [[3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7]]
    assert round(fleiss_kappa(table), 3) == 0.210


X = None
# Krippendorff (2011), section C: four observers, twelve units.
OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, X, X, X],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, X, 3],
    [X, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, X],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, X],
]


@pytest.mark.parametrize(
    ("level", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)]
)
def test_krippendorff_as_in_his_paper(level, alpha):
    assert round(krippendorff_alpha(list(zip(*OBSERVERS, strict=True)), level), 3) == alpha


@pytest.mark.parametrize("case", RECORD["cases"], ids=range(len(RECORD["cases"])))
def test_as_statsmodels_scikit_learn_and_krippendorff_say(case):
    says, full, categories = case["says"], case["full"], case["categories"]
    first, second = [u[0] for u in full], [u[1] for u in full]
    ours = {
        "cohen": cohen_kappa(first, second),
        "cohen_linear": cohen_kappa(first, second, weights="linear", categories=categories),
        "cohen_quadratic": cohen_kappa(first, second, weights="quadratic", categories=categories),
        "fleiss": fleiss_kappa(fleiss_table(full, categories)),
    }
    levels = ("nominal", "ordinal", "interval", "ratio")
    ours |= {f"alpha_{level}": krippendorff_alpha(case["holed"], level) for level in levels}
    assert set(ours) == set(says)
    for name, value in says.items():
        assert math.isnan(ours[name]) if value is None else ours[name] == pytest.approx(value, abs=1e-9), name


def test_nothing_can_be_said_of_one_category_or_no_pair():
    assert math.isnan(cohen_kappa(["a", "a"], ["a", "a"]))
    assert math.isnan(cohen_kappa([None, "a"], ["a", None]))
    assert math.isnan(fleiss_kappa([[2, 0], [2, 0]]))
    assert math.isnan(fleiss_kappa([]))
    assert math.isnan(fleiss_kappa([[1, 0]]))
    assert math.isnan(krippendorff_alpha([["a", "a"], ["b"]]))
    assert math.isnan(krippendorff_alpha([]))


def test_wrong_tables_are_refused():
    with pytest.raises(ValueError, match="2 labels by one rater but 1"):
        cohen_kappa(["a", "b"], ["a"])
    with pytest.raises(ValueError, match="no category"):
        cohen_kappa(["a"], ["b"], categories=["a"])
    with pytest.raises(ValueError, match="same number"):
        fleiss_kappa([[1, 1], [1, 0]])


labels = st.lists(st.tuples(*[st.sampled_from([1, 2, 3])] * 3), min_size=2, max_size=20)


@settings(max_examples=60, deadline=None)
@given(labels)
def test_raters_and_names_of_labels_do_not_matter(units):
    """Swapping raters or renaming labels changes nothing; full agreement is 1; nothing is above 1."""
    a, b = [u[0] for u in units], [u[1] for u in units]
    renamed = {1: "x", 2: "z", 3: "y"}
    same = [(cohen_kappa(a, b), cohen_kappa(b, a))]
    same += [(cohen_kappa(a, b), cohen_kappa([renamed[v] for v in a], [renamed[v] for v in b]))]
    same += [(krippendorff_alpha(units), krippendorff_alpha([u[::-1] for u in units]))]
    table = fleiss_table(units, [1, 2, 3])
    same += [(fleiss_kappa(table), fleiss_kappa([row[::-1] for row in table]))]
    for x, y in same:
        assert (math.isnan(x) and math.isnan(y)) or x == pytest.approx(y, abs=1e-9)
        assert math.isnan(x) or x <= 1 + 1e-12
    if len(set(a)) > 1:
        assert cohen_kappa(a, a) == krippendorff_alpha([(v, v) for v in a]) == 1
