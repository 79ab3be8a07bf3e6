"""Metrics from sums: equal to those on lists, with the errors that a bootstrap must have."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from heedful.errors import RequestError
from heedful.tasks import Item, Mark, Outcome, Prompt, Sample
from heedful.tasks.correlations import _ranks, correlations, weighted_pearson
from heedful.tasks.measures import benchmark_figures, bootstrap_error, class_measure, class_rows, measure
from heedful.tasks.shots import examples

KINDS = ("accuracy", "f1", "macro_f1", "f1_of_all", "matthews_correlation")


def sample(gold: float | None, answer: float | None, group: str | None = None, subset: str = "") -> Sample:
    item = Item("", Prompt(""), (" a", " b", " c"), gold, subset, group)
    score = None if gold is None or answer is None else float(gold == answer)
    return Sample(Outcome(item), Mark(answer, {"accuracy": score}))


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=30))
def test_a_metric_is_the_same_from_the_cells_of_its_table(pairs: list[tuple[int, int]]) -> None:
    samples = [sample(*pair) for pair in pairs]
    sums = class_rows(samples, 3)[0].sum(0)
    for kind in KINDS:
        found = class_measure(kind, 3)
        assert found.of(sums) == pytest.approx(found.value(samples), abs=1e-12)
        assert np.allclose(found.of(np.stack([sums, 2 * sums])), found.value(samples))


def test_the_error_of_a_mean_and_of_one_over_clusters() -> None:
    """Of a mean it is s / sqrt(n); where ten items say the same, there are n / 10 to go by."""
    rows = np.array([[float(k % 3 == 0), 1.0] for k in range(300)])

    def mean(sums: np.ndarray) -> np.ndarray:
        return sums[..., 0] / sums[..., 1]

    alone = math.sqrt(1 / 3 * 2 / 3 / 300)
    assert bootstrap_error(rows, [None] * 300, mean) == pytest.approx(alone, rel=0.1)
    of_ten = np.repeat(rows, 10, axis=0)
    groups = [str(k // 10) for k in range(3000)]
    assert bootstrap_error(of_ten, groups, mean) == pytest.approx(alone, rel=0.1)
    assert bootstrap_error(rows[:1], [None], mean) is None
    assert bootstrap_error(of_ten[:10], groups[:10], mean) is None


def test_samples_without_gold_or_answer_are_counted_and_not_scored() -> None:
    samples = [sample(0, 0), sample(1, 0), sample(None, 1), sample(1, None)]
    figures, score = measure(samples, [class_measure("accuracy", 2)], lambda s: class_rows(s, 2), "x")
    assert [(f.value, f.n, f.unscored) for f in (*figures, score)] == [(0.5, 2, 2)] * 2
    figures, score = measure(samples[2:], [class_measure("f1", 2)], lambda s: class_rows(s, 2), "x")
    assert [(f.value, f.stderr, f.n, f.unscored) for f in (*figures, score)] == [(None, None, 0, 2)] * 2


def test_the_total_is_the_mean_over_tasks_of_their_metrics_means() -> None:
    def measured(part: str, of: list[Sample]):
        kinds = ["accuracy", "f1"] if part == "two" else ["accuracy"]
        return measure(of, [class_measure(k, 2) for k in kinds], lambda s: class_rows(s, 2), part)

    one = [sample(1, 1, subset="one"), sample(0, 1, subset="one")]  # accuracy 1/2
    two = [sample(1, 1, subset="two"), sample(1, 0, subset="two"), sample(0, 0, subset="two")]  # 2/3 and 2/3
    half = [sample(0, 0, subset="half")]  # 1
    apart = [sample(0, 1, subset="apart")]
    tasks = {"one": ("one",), "two": ("two",), "halves": ("half", "other half")}
    samples = [*one, *two, *half, *apart]
    total, *others = benchmark_figures(samples, measured, tasks)
    assert (total.metric, total.main, total.part) == ("total", True, "")
    assert total.value == pytest.approx((1 / 2 + 2 / 3 + 1) / 3)
    assert [(f.metric, f.part) for f in others] == [
        ("accuracy", "one"), ("accuracy", "two"), ("f1", "two"), ("accuracy", "half"), ("accuracy", "apart")
    ]  # fmt: skip
    assert benchmark_figures([*one, *half], measured, tasks)[0].metric == "average"
    (alone,) = benchmark_figures(apart, measured, tasks)
    assert (alone.metric, alone.value, alone.part, alone.main) == ("accuracy", 0.0, "", True)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=3, max_size=12), st.randoms())
def test_correlations_with_weights_are_scipys_on_the_drawn_rows(
    pairs: list[tuple[int, int]], rng: random.Random
) -> None:
    x, y = (np.array(v, dtype=float) for v in zip(*pairs, strict=True))
    chosen = [rng.randrange(len(pairs)) for _ in pairs]
    if len(set(x[chosen])) < 2 or len(set(y[chosen])) < 2:
        return
    weights = np.bincount(chosen, minlength=len(pairs))[None]
    assert weighted_pearson(x[None], y[None], weights)[0] == pytest.approx(stats.pearsonr(x[chosen], y[chosen])[0])
    ranked = weighted_pearson(_ranks(x, weights), _ranks(y, weights), weights)[0]
    assert ranked == pytest.approx(stats.spearmanr(x[chosen], y[chosen])[0])


def test_a_correlation_that_is_not_defined_has_no_value() -> None:
    figures, score = correlations([sample(1.0, 2.0), sample(2.0, 2.0)], "stsb")
    assert [f.value for f in (*figures, score)] == [None] * 3
    figures, score = correlations([sample(float(k), float(k * k)) for k in range(9)], "stsb")
    assert figures[1].value == pytest.approx(1)
    assert figures[1].stderr == pytest.approx(0)
    assert score.value == pytest.approx((1 + (figures[0].value or 0)) / 2)


def test_a_question_is_never_its_own_example() -> None:
    rng = random.Random(0)
    for _ in range(50):
        assert "own" not in examples(["a", "own", "b", "own"], 2, rng, lambda row: row == "own")
    with pytest.raises(RequestError, match="there are 2 examples that are not the question itself; choose --shots 2"):
        examples(["a", "own", "b", "own"], 3, rng, lambda row: row == "own")
    with pytest.raises(RequestError, match="there are 1 examples to draw from; choose --shots 1"):
        examples(["a"], 2, rng, lambda row: False)
    assert examples([], 0, rng, lambda row: False) == []
