"""Standard errors of figures, by hand: of independent items, of items that share a passage, of a mean of parts."""

from __future__ import annotations

import math

import pytest

from heedful.tasks import Item, Mark, Outcome, Prompt, Sample, macro_figure, mean_figure


def samples(values, groups):
    items = [Item(str(n), Prompt("?"), group=group) for n, group in enumerate(groups)]
    return [Sample(Outcome(item), Mark(None, {"m": v})) for item, v in zip(items, values, strict=True)]


def test_items_of_a_passage_are_one_cluster():
    alone = mean_figure(samples([0.0, 0.0, 1.0, 1.0], [None] * 4), "m")
    assert (alone.value, alone.n) == (0.5, 4)
    assert alone.stderr == pytest.approx(math.sqrt(1 / 3 / 4))
    shared = mean_figure(samples([0.0, 0.0, 1.0, 1.0], ["a", "a", "b", "b"]), "m")
    assert shared.stderr == pytest.approx(0.5)  # as much as two values tell, 0 and 1
    assert mean_figure(samples([0.0, 1.0], ["a", "a"]), "m").stderr is None


def test_what_is_unscored_is_in_no_figure():
    found = mean_figure(samples([1.0, None, 0.0, None], [None] * 4), "m")
    assert (found.value, found.n, found.unscored) == (0.5, 2, 2)
    nothing = mean_figure(samples([None], [None]), "m")
    assert (nothing.value, nothing.stderr, nothing.n) == (None, None, 0)


def test_the_mean_of_parts_has_the_error_of_independent_parts():
    parts = [mean_figure(samples(v, [None] * len(v)), "m") for v in ([0.0, 1.0], [1.0, 1.0, 0.0, 0.0])]
    found = macro_figure(parts, "macro")
    assert found.value == 0.5
    assert found.stderr == pytest.approx(math.sqrt(0.5**2 + 1 / 12) / 2)
