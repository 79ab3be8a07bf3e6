"""GLUE's tasks on saved predictions (`heedful score glue:TASK`).

Source: Wang et al. 2018, https://arxiv.org/abs/1804.07461; baselines https://github.com/nyu-mll/GLUE-baselines. The
leaderboard's own code is not public; the figures are those of scikit-learn and scipy, which the baselines call, under
the keys of the metric `glue` of Hugging Face's `evaluate`, from 0 to 1.

References are a task's dev.tsv: tabs, no quoting, a line of column names (CoLA's has none):

    index   sentence1               sentence2           label
    0       It rained all day.      It was sunny.       not_entailment

and predictions what the leaderboard takes: the columns ``index`` and ``prediction``. Where the references have neither
``index`` nor ``idx``, rows count from 0. Labels may be the hub's numbers as well: places in `Task.labels`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heedful.errors import DataError
from heedful.scorers.classes import accuracy, class_number, f1, matthews, no_class
from heedful.scorers.owners_files import column, join, note_of, one_each, read_table, shown

_BINARY = ("0", "1")
_ENTAILMENT = ("entailment", "not_entailment")
_THREE = ("entailment", "neutral", "contradiction")


@dataclass(frozen=True)
class Task:
    """`labels`: the classes, at the hub's numbers; None for a score. `gold`: the column of the owner's file, and the
    hub's. `figures`: what is computed. `headless`: the columns of a file without a line of names."""

    labels: tuple[str, ...] | None
    gold: tuple[str, ...]
    figures: tuple[str, ...]
    headless: tuple[str, ...] | None = None


TASKS: dict[str, Task] = {
    "ax": Task(_THREE, ("Label", "label"), ("matthews_correlation", "accuracy")),
    "cola": Task(_BINARY, ("label",), ("matthews_correlation",), ("source", "label", "mark", "sentence")),
    "mnli": Task(_THREE, ("gold_label", "label"), ("accuracy",)),
    "mrpc": Task(_BINARY, ("Quality", "label"), ("accuracy", "f1")),
    "qnli": Task(_ENTAILMENT, ("label",), ("accuracy",)),
    "qqp": Task(_BINARY, ("is_duplicate", "label"), ("accuracy", "f1")),
    "rte": Task(_ENTAILMENT, ("label",), ("accuracy",)),
    "sst2": Task(_BINARY, ("label",), ("accuracy",)),
    "stsb": Task(None, ("score", "label"), ("pearson", "spearmanr")),
    "wnli": Task(_BINARY, ("label",), ("accuracy",)),
}
INDEX = ("index", "idx")


def score(task: str, references: Path, predictions: Path | None) -> dict[str, Any]:
    """The task's figures and the number of rows. Raises DataError for a row without a prediction or with two."""
    assert predictions is not None, "the kind is declared with predictions"
    entry = TASKS[task]
    rows = list(_references(references, entry))
    wanted = one_each(((where, index) for where, index, _ in rows), references)
    found, extra = join(wanted, _predictions(predictions), predictions)
    gold = [value_of(text, entry, where) for where, _, text in rows]
    answers = [value_of(p.value, entry, p.where) for p in found.values()]
    figures = {name: _figure(name, gold, answers) for name in entry.figures}
    said = [f"{name} is not defined: a column of equal scores" for name, value in figures.items() if value is None]
    return {**figures, "n": len(gold), "extra": extra, "note": note_of({"extra": extra}, said)}


def _references(path: Path, task: Task) -> Iterator[tuple[str, int, str]]:
    for number, (where, row) in enumerate(read_table(path, task.headless)):
        index = next((row[name] for name in INDEX if name in row), str(number))
        yield where, index_of(index, where), column(row, task.gold, where)


def _predictions(path: Path) -> Iterator[tuple[int, str, str]]:
    for where, row in read_table(path):
        yield index_of(column(row, INDEX, where), where), where, column(row, ("prediction",), where)


def index_of(text: str, where: str) -> int:
    """The number of a row; DataError where it is none."""
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise DataError(f"{where}: {shown(text)} is no index; write a whole number from 0 on")
    return int(text)


def value_of(text: Any, task: Task, where: str) -> float:
    """The number of a class, given by its name or its number, or a score; DataError for what is neither."""
    if task.labels is not None:
        number = class_number(text, task.labels)
        if number is None:
            raise DataError(f"{where}: {no_class(text, task.labels)}")
        return number
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{where}: {shown(text)} is no score; write a number such as 3.2")
    return value


def _figure(name: str, gold: Sequence[Any], answers: Sequence[Any]) -> float | None:
    if name in _CORRELATIONS:
        return correlation(name, gold, answers)
    return {"accuracy": accuracy, "f1": f1, "matthews_correlation": matthews}[name](gold, answers)


_CORRELATIONS: Mapping[str, str] = {"pearson": "pearsonr", "spearmanr": "spearmanr"}


def correlation(name: str, gold: Sequence[float], answers: Sequence[float]) -> float | None:
    """None where there are fewer than two rows or a column holds one value only."""
    from scipy import stats

    if len(gold) < 2:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy warns where the answer is nan, which is said below
        value = float(getattr(stats, _CORRELATIONS[name])(gold, answers)[0])
    return value if math.isfinite(value) else None
