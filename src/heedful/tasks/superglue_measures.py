"""The metrics of SuperGLUE's tasks over their samples: those of the owner, and those of lm-evaluation-harness.

Numbers in the total: CB's is the mean of accuracy and macro F1, MultiRC's of exact match by question and F1 over all
answers (the macro F1 by question, which the toolkit gives besides, is shown and not counted), ReCoRD's of exact match
and F1, as on the leaderboard.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from heedful.scorers.classes import macro_f1
from heedful.scorers.superglue import TASKS, multirc_figures
from heedful.tasks.base import Sample
from heedful.tasks.figures import Figure
from heedful.tasks.measures import Measure, Measured, Rows, class_measure, class_rows, measure


def measured(task: str, samples: Sequence[Sample]) -> Measured:
    """The owner's metrics of a task."""
    count = len(TASKS[task].labels)
    rows = partial(class_rows, count=count)
    if task == "multirc":
        figures, score = measure(samples, _multirc_measures(), _question_rows, task)
        return [*figures, *_macro_by_question(samples, figures[0])], score
    if task == "record":
        return measure(samples, _RECORD, _record_rows, task)
    if task == "axg":
        return measure(samples, [class_measure("accuracy", count), _PARITY], _pair_rows, task)
    if task == "cb":
        return measure(samples, [class_measure("accuracy", 3), class_measure("macro_f1", 3, "f1")], rows, task)
    return measure(samples, [class_measure(name, count) for name in TASKS[task].figures], rows, task)


def measured_lm_eval(task: str, samples: Sequence[Sample]) -> Measured:
    """lm-evaluation-harness's metrics of a task: CB's F1 is over its three classes, seen or not."""
    if task == "record":
        return measure(samples, _RECORD, _record_rows, task)
    if task == "cb":
        rows = partial(class_rows, count=3)
        return measure(samples, [class_measure("accuracy", 3), class_measure("f1_of_all", 3, "f1")], rows, task)
    return measure(samples, [class_measure("accuracy", 2)], partial(class_rows, count=2), task)


def _questions(samples: Sequence[Sample]) -> dict[tuple[int, int], list[Sample]]:
    found: dict[tuple[int, int], list[Sample]] = defaultdict(list)
    for sample in samples:
        passage, question, _ = sample.item.fields["index"]
        found[passage, question].append(sample)
    return dict(found)


def _pairs(samples: Sequence[Sample]) -> list[list[tuple[int, int]]]:
    """(gold, predicted) of the answers of each question."""
    return [[(s.item.gold, s.mark.answer) for s in of] for of in _questions(samples).values()]


def _question_rows(samples: Sequence[Sample]) -> tuple[Rows, list[str | None]]:
    """For each question the four cells of its answers, whether all are right, its macro F1, and 1."""
    rows, groups = [], []
    for of in _questions(samples).values():
        cells, _ = class_rows(of, 2)
        gold, said = [s.item.gold for s in of], [s.mark.answer for s in of]
        rows.append([*cells.sum(0), gold == said, macro_f1(gold, said), 1])
        groups.append(of[0].item.group)
    return np.array(rows, dtype=float), groups


def _multirc_measures() -> list[Measure]:
    return [
        Measure("f1_a", lambda s: multirc_figures(_pairs(s))["f1_a"], class_measure("f1", 2).of),
        Measure("exact_match", lambda s: multirc_figures(_pairs(s))["exact_match"], lambda x: x[..., 4] / x[..., 6]),
    ]


def _macro_by_question(samples: Sequence[Sample], like: Figure) -> list[Figure]:
    """``f1_m``; it is no part of the task's number."""
    by_question = Measure("f1_m", lambda s: multirc_figures(_pairs(s))["f1_m"], lambda x: x[..., 5] / x[..., 6])
    figures, _ = measure(samples, [by_question], _question_rows, like.part)
    return [replace(figures[0], part=like.part)]


def _pair_rows(samples: Sequence[Sample]) -> tuple[Rows, list[str | None]]:
    """For each pair of AX-g the four cells, whether both have one answer, and 1; a row without its other counts as
    none."""
    rows: dict[int, np.ndarray] = {}
    for pair, of in _by_pair(samples).items():
        cells, _ = class_rows(of, 2)
        same = len(of) == 2 and of[0].mark.answer == of[1].mark.answer
        rows[pair] = np.array([*cells.sum(0), same, len(of) == 2], dtype=float)
    return np.array(list(rows.values())), [None] * len(rows)


def _by_pair(samples: Sequence[Sample]) -> dict[int, list[Sample]]:
    found: dict[int, list[Sample]] = defaultdict(list)
    for sample in samples:
        found[sample.item.fields["index"] // 2].append(sample)
    return dict(found)


def _parity(samples: Sequence[Sample]) -> float:
    pairs = [of for of in _by_pair(samples).values() if len(of) == 2]
    return sum(a.mark.answer == b.mark.answer for a, b in pairs) / len(pairs) if pairs else float("nan")


def _record_rows(samples: Sequence[Sample]) -> tuple[Rows, list[str | None]]:
    """For each query its exact match, its F1, and 1."""
    rows = [[s.mark.scores["exact_match"], s.mark.scores["f1"], 1] for s in samples]
    return np.array(rows, dtype=float), [s.item.group for s in samples]


def _mean_of(samples: Sequence[Sample], metric: str) -> float:
    return sum(s.mark.scores[metric] or 0.0 for s in samples) / len(samples)


_PARITY = Measure("gender_parity", _parity, lambda x: x[..., 4] / np.where(x[..., 5] > 0, x[..., 5], np.nan))
_RECORD = [
    Measure("exact_match", partial(_mean_of, metric="exact_match"), lambda x: x[..., 0] / x[..., 2]),
    Measure("f1", partial(_mean_of, metric="f1"), lambda x: x[..., 1] / x[..., 2]),
]
