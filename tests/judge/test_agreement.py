"""Agreement with people: by hand, against scipy, and on real judges whose figures are known."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from heedful.errors import DataError, RequestError
from heedful.judge.agreement import (
    each_order,
    marks_of,
    pair_agreement,
    pair_mark,
    read_marks,
    score_agreement,
)
from heedful.judge.correlation import correlations
from heedful.records import Score, to_json
from heedful.store import append_jsonl

KNOWN = Path("/work/shared/data/judge")
needs_data = pytest.mark.skipif(not KNOWN.is_dir(), reason=f"{KNOWN} is not here: real judges' verdicts")


def load(name):
    return json.loads((KNOWN / name).read_text())


@needs_data
def test_the_book_s_means_and_correlations():
    gpt4 = [load(f"gpt4-model-{i}-response.json") for i in (1, 2)]
    llama = load("llama3-8b-model-1-response.json")
    assert [sum(x) / len(x) for x in gpt4] == [74.09, 56.57]
    found = correlations([float(v) for v in gpt4[0]], [float(v) for v in llama])
    assert found.pearson.estimate == pytest.approx(0.80489, abs=5e-6)
    assert found.spearman.estimate == pytest.approx(0.698406, abs=5e-7)
    assert found.kendall.estimate == pytest.approx(0.57292, abs=5e-6)


# LLMBar's own statistics.json for the Natural set, prompts Vanilla and CoT: shares of 100 pairs. The owner's kappa
# takes an unreadable verdict for a vote for the second answer; where there are some it is another figure.
LLMBAR = {
    "GPT-4/Vanilla": (95, 96, 95.5, 93, 95, 0.897708674304419),
    "ChatGPT/Vanilla": (80, 83, 81.5, 67, 71, 0.4286840031520883),
    "LLaMA2/Vanilla": (79, 82, 80.5, 70, 79, 0.5731707317073171),
    "PaLM2/Vanilla": (78, 88, 83.0, 73, 80, None),
    "ChatGPT/CoT": (70, 78, 74.0, 56, 64, None),
    "PaLM2/CoT": (69, 77, 73.0, 55, 64, None),
}


@needs_data
@pytest.mark.parametrize("judge", LLMBAR)
def test_llmbar_s_accuracy_and_agreement_of_orders(judge):
    name = {"1": "first", "2": "second", None: None}
    rows = load(f"llmbar-natural/evaluators/{judge}/result.json")
    orders = [tuple(name[r["results"][-1][f"swap = {s}"]["winner"]] for s in (False, True)) for r in rows]
    found = each_order([name[str(r["label"])] for r in rows], orders)
    first, second, average, both, same, kappa = LLMBAR[judge]
    shares = (found.first, found.second, found.average.estimate, found.both, found.same)
    assert [round(s * 100, 9) for s in shares] == [first, second, average, both, same]
    if kappa is not None:
        assert found.kappa == pytest.approx(kappa, abs=1e-12)


NUMBERS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=40)


@settings(deadline=None, max_examples=30)
@given(NUMBERS)
def test_correlations_are_scipy_s(pairs):
    a, b = ([float(p[i]) for p in pairs] for i in (0, 1))
    found = correlations(a, b)
    if len(set(a)) < 2 or len(set(b)) < 2:
        assert math.isnan(found.pearson.estimate)
        assert math.isnan(found.spearman.estimate)
        assert math.isnan(found.kendall.estimate)
        return
    assert found.pearson.estimate == pytest.approx(stats.pearsonr(a, b)[0], abs=1e-9)
    assert found.spearman.estimate == pytest.approx(stats.spearmanr(a, b)[0], abs=1e-9)
    assert found.kendall.estimate == pytest.approx(stats.kendalltau(a, b)[0], abs=1e-9)
    for c in (found.pearson, found.spearman, found.kendall):
        assert math.isnan(c.low) or -1 <= c.low <= c.estimate + 1e-12 <= c.high + 2e-12 <= 1 + 4e-12


def test_the_intervals_of_correlations_hold_what_they_should():
    rng = np.random.default_rng(4)
    hits = np.zeros(3)
    for _ in range(300):
        x = rng.normal(size=50)
        y = 0.6 * x + 0.8 * rng.normal(size=50)
        c = correlations(list(x), list(y))
        # For normal variables with correlation r: Spearman's 6/pi asin(r/2), Kendall's 2/pi asin(r).
        true = (0.6, 6 / math.pi * math.asin(0.3), 2 / math.pi * math.asin(0.6))
        hits += [i.low <= t <= i.high for i, t in zip((c.pearson, c.spearman, c.kendall), true, strict=True)]
    assert (hits / 300 >= 0.91).all()


def mark(value, *ids, rater="human:ann", key=""):
    return Score(f"{ids}{rater}{key}", "e", ids, "review", rater, value)


def test_marks_are_turned_to_the_pair_and_averaged():
    marks = marks_of(
        [
            mark(1.0, "a", "b"),
            mark(1.0, "b", "a", rater="human:bob"),  # bob saw them the other way round: he takes a
            mark(1.0, "c", "d"),
            mark(None, "e", "f"),
            mark(0.5, "x"),
            mark(1.0, "x", rater="human:bob"),
        ]
    )
    assert pair_mark(marks, ("a", "b")) == pair_mark(marks, ("b", "a")) == 0.5
    assert (pair_mark(marks, ("c", "d")), pair_mark(marks, ("d", "c"))) == (1.0, 0.0)
    assert pair_mark(marks, ("e", "f")) is None
    assert marks.singles == {"x": 0.75}
    assert marks.people == ("human:ann", "human:bob")


def test_pair_agreement_by_hand():
    people = ["first", "second", "tie", "second", None]
    judge = ["first", "tie", "tie", None, "first"]
    orders = [("first", "first"), ("second", "first"), ("tie", "tie"), ("second", None), ("first", "first")]
    found = pair_agreement(people, judge, orders)
    assert (found.marked, found.accuracy.n, found.accuracy.unscored) == (4, 3, 1)
    assert found.accuracy.estimate == pytest.approx(2 / 3)
    # Seen 2/3; by chance first 1/3 * 1/3, tie 1/3 * 2/3, second 1/3 * 0: 1/3.
    assert found.kappa == pytest.approx((2 / 3 - 1 / 3) / (1 - 1 / 3))
    assert found.each_order is not None
    assert (found.each_order.first, found.each_order.second) == (1.0, pytest.approx(1 / 3))


def test_score_agreement_counts_what_has_no_verdict():
    found = score_agreement([1.0, 0.5, 0.0, 1.0], [90.0, 60.0, 10.0, None])
    assert (found.n, found.unscored, found.marked) == (3, 1, 4)
    assert found.correlations.spearman.estimate == 1


def test_a_file_of_marks(tmp_path):
    path = tmp_path / "marks.jsonl"
    append_jsonl(path, to_json(mark(1.0, "a", "b")), to_json(mark(0.2, "a", rater="judge:x")))
    append_jsonl(path, to_json(mark(0.0, "a", "b")))  # the same mark again, changed: the last counts
    found = read_marks(path)
    assert found.pairs == {("a", "b"): 0.0}
    assert found.singles == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "no such file"),
        ("", "has no mark by a person"),
        ("{}", "holds no line of JSON with a line break"),
        ("{}\n", r"marks\.jsonl:1: not a Score"),
        ("x\n", r"marks\.jsonl:1: broken JSON"),
        (json.dumps(to_json(mark(1.0, "a", rater="judge:m"))) + "\n", "has no mark by a person"),
        (json.dumps(to_json(mark(3.0, "a", "b"))) + "\n", "of a pair is 3; it must lie between 0 and 1"),
    ],
)
def test_a_mistake_in_a_file_of_marks_is_one_sentence(tmp_path, text, said):
    path = tmp_path / "marks.jsonl"
    if text is not None:
        path.write_text(text)
    with pytest.raises((DataError, RequestError), match=said) as error:
        read_marks(path)
    assert "\n" not in str(error.value)
