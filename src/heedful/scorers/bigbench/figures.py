"""The figures of a BIG-bench task from a model's outputs, as the owner's ``evaluate_model`` gives them.

Source: bigbench 1.0.0, api/json_task.py (evaluate_fixed_shot) and api/results.py (add_aggregate_scores). Each metric of
a task with subtasks is the mean over the subtasks that have it. The normalised score puts the preferred one between
what poor performance gives (0) and very good one (100), and is averaged likewise.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from heedful.errors import DataError, RequestError
from heedful.scorers.bigbench.choice_metrics import CHOICE_FUNCTIONS, Graded, log_likelihood, normalised
from heedful.scorers.bigbench.examples import Example
from heedful.scorers.bigbench.names import LITE
from heedful.scorers.bigbench.task import (
    CHOICE_METRICS,
    METRICS,
    TARGET_METRICS,
    TEXT_METRICS,
    BigBenchTask,
)
from heedful.scorers.bigbench.text_metrics import TEXT_FUNCTIONS, answer_in, rouge

NORMALISED = "normalized_aggregate_score"


@dataclass(frozen=True)
class Output:
    """What a model said to one example; None for what it was not asked.

    `text` is its whole text. `scores` and `target_log_probs` are the log-probabilities of the choices and of the
    targets, in the order of `Prompt.choices` and `Prompt.targets`.
    """

    text: str | None = None
    scores: tuple[float, ...] | None = None
    target_log_probs: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Figures:
    """A task's figures by the owner's keys; None for one that cannot be had. `n` counts examples.

    `score_dict`, `preferred_score`, `low_score`, `high_score` and the task's name are the owner's ScoreData.
    """

    subtask_description: str
    score_dict: dict[str, float | None]
    preferred_score: str
    low_score: float
    high_score: float
    n: int
    subtasks: tuple[Figures, ...] = ()


def metrics(task: BigBenchTask, outputs: Mapping[str, Mapping[int, Output]], rouge_seed: int = 0) -> Figures:
    """The figures of a task from outputs: a subtask's name (of `task.leaves`) -> an example's index -> what was said.

    Only the examples that have an output count, in the order in which they stand there: sums of floats are rounded by
    order, and the owner sums in the order of the prompts. A metric whose outputs no example of a task has is None.
    Raises DataError where some have them and others do not.
    """
    found = [_measure(leaf, outputs.get(leaf.name, {}), rouge_seed) for leaf in task.leaves]
    return _aggregate(task, found) if task.subtasks else found[0]


def lite(normalised_scores: Mapping[str, float]) -> float:
    """BIG-bench Lite's figure: the mean of the normalised scores of its 24 tasks. RequestError where one is wanting."""
    absent = [name for name in LITE if name not in normalised_scores]
    if absent:
        raise RequestError(
            f"BIG-bench Lite is the mean of {len(LITE)} tasks, and {', '.join(absent)} are wanting; add them"
        )
    return float(np.mean([normalised_scores[name] for name in LITE]))


def _measure(task: BigBenchTask, outputs: Mapping[int, Output], rouge_seed: int) -> Figures:
    known = {e.index: e for e in task.examples}
    rows = [(known[index], output) for index, output in outputs.items() if index in known]
    if not rows:
        raise DataError(f"{task.path}: no output belongs to an example of {task.name}; name the outputs of this task")
    score_dict: dict[str, float | None] = {}
    texts, choices, targets = (_complete(task, rows, field) for field in ("text", "scores", "target_log_probs"))
    if task.needs(CHOICE_METRICS) and choices:
        graded = [_graded(task, *row) for row in rows]
    for metric in task.metrics:
        if metric in TEXT_METRICS:
            values = _of_text(task, metric, rows, rouge_seed) if texts else {}
        elif metric in CHOICE_METRICS:
            values = {key: CHOICE_FUNCTIONS[key](graded) for key in CHOICE_METRICS[metric]} if choices else {}
        else:
            said = [_checked(task, e, o.target_log_probs or (), e.targets) for e, o in rows] if targets else []
            values = log_likelihood(said, [e.targets for e, _ in rows], str(task.path)) if targets else {}
        score_dict |= {key: _finite(values.get(key)) for key in (values or METRICS[metric])}
    preferred = score_dict[task.preferred_score]
    low, high = task.low_score, task.high_score
    score_dict[NORMALISED] = None if preferred is None else (preferred - low) / (high - low) * 100
    return Figures(task.name, score_dict, task.preferred_score, low, high, len(rows))


def _complete(task: BigBenchTask, rows: Sequence[tuple[Example, Output]], field: str) -> bool:
    """Whether the examples have this kind of output. DataError where some have it and others have not."""
    has = [getattr(output, field) is not None for _, output in rows]
    wanted = {"text": TEXT_METRICS, "scores": CHOICE_METRICS, "target_log_probs": TARGET_METRICS}[field]
    if any(has) and not all(has) and task.needs(wanted):
        index = rows[has.index(False)][0].index
        raise DataError(f"{task.name}: example {index} has no {field}, which others have; give it to all or to none")
    return all(has)


def _of_text(task: BigBenchTask, metric: str, rows: Sequence[tuple[Example, Output]], seed: int) -> dict[str, Any]:
    if metric == "bleurt":
        return {}  # it needs a model of 2 GB that no package index serves
    targets = [example.targets for example, _ in rows]
    answers = [answer_in(output.text or "", task.output_regex, task.stop_string) for _, output in rows]
    return rouge(targets, answers, seed) if metric == "rouge" else {metric: TEXT_FUNCTIONS[metric](targets, answers)}


def _graded(task: BigBenchTask, example: Example, output: Output) -> Graded:
    absolute = _checked(task, example, output.scores or (), example.choices)
    if all(value == -math.inf for value in absolute):
        raise DataError(f"{task.name}: example {example.index} has no possible choice, all being -Infinity; ask again")
    scores = tuple(example.target_scores[choice] for choice in example.choices)
    graded = absolute if task.absolute_normalization else normalised(absolute)
    return Graded(f"{task.path}: examples[{example.index}]", example.choices, scores, absolute, graded)


def _checked(task: BigBenchTask, example: Example, values: Sequence[float], names: Sequence[str]) -> tuple[float, ...]:
    """As many log-probabilities as there are names. DataError for others, and for NaN, which the owner cannot grade."""
    if len(values) != len(names):
        raise DataError(f"{task.name}: example {example.index} has {len(values)} scores for {len(names)} texts")
    if any(math.isnan(v) or v == math.inf for v in values):
        raise DataError(
            f"{task.name}: example {example.index} has {[*values]}; a log-probability is a number or -Infinity"
        )
    return tuple(map(float, values))


def _finite(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _aggregate(task: BigBenchTask, found: Sequence[Figures]) -> Figures:
    """The mean of each metric over the subtasks that have it, and of their normalised scores."""
    keys = dict.fromkeys(key for figures in found for key in figures.score_dict if key != NORMALISED)
    score_dict = {key: _mean(f.score_dict[key] for f in found if key in f.score_dict) for key in keys}
    shares = (_share(figures) for figures in found)
    mean = _mean(shares)
    score_dict[NORMALISED] = None if mean is None else mean * 100
    n = sum(f.n for f in found)
    return Figures(task.name, score_dict, task.preferred_score, task.low_score, task.high_score, n, tuple(found))


def _share(figures: Figures) -> float | None:
    """The preferred score from 0 (poor) to 1 (very good)."""
    value = figures.score_dict[figures.preferred_score]
    return None if value is None else (value - figures.low_score) / (figures.high_score - figures.low_score)


def _mean(values: Iterator[float | None]) -> float | None:
    """The exact mean, as Python's statistics make it; None where one is wanting."""
    given = list(values)
    return None if None in given else float(statistics.mean(v for v in given if v is not None))
