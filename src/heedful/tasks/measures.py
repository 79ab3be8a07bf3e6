"""The owners' metrics over the items of a task, each with a standard error, and the total of a benchmark.

The value is what the functions of `heedful.scorers` say. The error is a bootstrap's (Efron 1979,
https://doi.org/10.1214/aos/1176344552) over items, or over what they share (a passage): every metric here can be told
from sums over items (an F1 from the cells of its table), so a replicate is a weighted sum and no list is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from heedful.scorers import classes
from heedful.tasks.base import Sample
from heedful.tasks.figures import RESAMPLES, Figure, by_subset, macro_figure, mean_figure

Rows = np.ndarray  # (units, columns): what each unit (an item, or a question with several) adds to the sums
Measured = tuple[list[Figure], Figure]  # a task's metrics, and the one number that stands for it in a total


@dataclass(frozen=True)
class Measure:
    """A metric: its `value` on samples, and the same `of` sums, shape (..., columns) -> (...)."""

    name: str
    value: Callable[[Sequence[Sample]], float]
    of: Callable[[Rows], np.ndarray]


def bootstrap_error(rows: Rows, groups: Sequence[str | None], of: Callable[[Rows], np.ndarray]) -> float | None:
    """The standard deviation of `of` over resampled units, whole groups where there are any; None for fewer than 2.

    Drawing with replacement is drawing how often each unit comes, and equal units are drawn as one.
    """
    together: dict[object, np.ndarray] = {}
    for number, (row, group) in enumerate(zip(rows, groups, strict=True)):
        key = number if group is None else ("in", group)
        together[key] = together[key] + row if key in together else row
    if len(together) < 2:
        return None
    distinct, counts = np.unique(np.array(list(together.values()), dtype=float), axis=0, return_counts=True)
    drawn = np.random.default_rng(0).multinomial(len(together), counts / counts.sum(), size=RESAMPLES)
    found = of(drawn @ distinct)
    found = found[np.isfinite(found)]
    return float(np.std(found, ddof=1)) if len(found) > 1 else None


def measure(
    samples: Sequence[Sample],
    measures: Sequence[Measure],
    rows_of: Callable[[Sequence[Sample]], tuple[Rows, Sequence[str | None]]],
    part: str,
) -> Measured:
    """The figures of a task's samples. Its number in a total is the mean of its metrics, as the leaderboards take it.

    Samples without a score (no gold answer, or the model failed) are left out and counted.
    """
    kept = [s for s in samples if is_scored(s)]
    out = len(samples) - len(kept)
    if not kept:
        found = [Figure(m.name, None, None, 0, out, part) for m in measures]
        return found, Figure("score", None, None, 0, out, part)
    rows, groups = rows_of(kept)
    found = []
    for m in measures:
        if m.name in kept[0].mark.scores:  # a mean over items, whose error needs no bootstrap
            found.append(mean_figure(samples, m.name, part))
        else:
            found.append(Figure(m.name, m.value(kept), bootstrap_error(rows, groups, m.of), len(kept), out, part))
    if len(found) == 1:
        return found, replace(found[0], metric="score")
    value = sum(f.value or 0.0 for f in found) / len(found)
    error = bootstrap_error(rows, groups, lambda sums: np.mean([m.of(sums) for m in measures], axis=0))
    return found, Figure("score", value, error, len(kept), out, part)


def is_scored(sample: Sample) -> bool:
    """Whether there is a score: neither was there no gold answer, nor did the model fail."""
    return any(value is not None for value in sample.mark.scores.values())


def benchmark_figures(
    samples: Sequence[Sample],
    measured: Callable[[str, Sequence[Sample]], Measured],
    tasks: Mapping[str, Sequence[str]],
) -> list[Figure]:
    """The figures of every part, and ``total``, the mean over the tasks; ``average`` where not all of them were run.

    `tasks`: those that the total is of, each with its parts. Parts outside of it (diagnostics) have their own figures.
    """
    parts = by_subset(samples)
    if len(parts) == 1:
        name, only = next(iter(parts.items()))
        figures, _ = measured(name, only)
        return [replace(f, part="", main=k == 0) for k, f in enumerate(figures)]
    found = {name: measured(name, of) for name, of in parts.items()}
    scores = {
        task: macro_figure([found[p][1] for p in names if p in found], "score", part=task)
        for task, names in tasks.items()
        if any(p in found for p in names)
    }
    each = [f for figures, _ in found.values() for f in figures]
    if not scores:
        return [replace(each[0], main=True), *each[1:]]
    if len(scores) == 1 and len({f.metric for f in each}) == 1:  # MNLI: two halves of one task
        name = each[0].metric
    else:
        name = "total" if len(scores) == len(tasks) else "average"
    return [macro_figure(list(scores.values()), name, main=True), *each]


def class_rows(samples: Sequence[Sample], count: int) -> tuple[Rows, list[str | None]]:
    """For each sample the cell of its gold class and the predicted one, ``gold * count + predicted``, as a row."""
    rows = np.zeros((len(samples), count * count))
    rows[range(len(samples)), [s.item.gold * count + s.mark.answer for s in samples]] = 1
    return rows, [s.item.group for s in samples]


def class_measure(kind: str, count: int, name: str = "") -> Measure:
    """``accuracy``, ``f1`` (of class 1), ``macro_f1`` (over the classes that were seen), ``f1_of_all`` (over all of
    them) or ``matthews_correlation`` of `count` classes, under its own name or another."""
    function, of = _CLASS[kind] if kind != "f1_of_all" else (partial(_f1_of_all, count=count), _f1_mean)

    def value(samples: Sequence[Sample]) -> float:
        return function([s.item.gold for s in samples], [s.mark.answer for s in samples])

    return Measure(
        name or kind, value, lambda sums: of(sums[..., : count * count].reshape(*sums.shape[:-1], count, count))
    )


def _accuracy(table: np.ndarray) -> np.ndarray:
    return np.trace(table, axis1=-2, axis2=-1) / table.sum((-2, -1))


def _f1_each(table: np.ndarray) -> np.ndarray:
    """F1 of each class; NaN for one that neither stands there nor was predicted."""
    with np.errstate(invalid="ignore"):
        return 2 * np.diagonal(table, axis1=-2, axis2=-1) / (table.sum(-1) + table.sum(-2))


def _f1_of_all(gold: Sequence[int], said: Sequence[int], count: int) -> float:
    return sum(classes.f1(gold, said, k) for k in range(count)) / count


def _f1_mean(table: np.ndarray) -> np.ndarray:
    return np.nan_to_num(_f1_each(table)).mean(-1)


def _matthews(table: np.ndarray) -> np.ndarray:
    n, gold, said = table.sum((-2, -1)), table.sum(-1), table.sum(-2)
    both = np.trace(table, axis1=-2, axis2=-1) * n - (gold * said).sum(-1)
    spread = (n * n - (gold * gold).sum(-1)) * (n * n - (said * said).sum(-1))
    return np.where(spread > 0, both / np.sqrt(np.where(spread > 0, spread, 1.0)), 0.0)


_CLASS: dict[str, tuple[Callable[[Sequence[int], Sequence[int]], float], Callable[[np.ndarray], np.ndarray]]] = {
    "accuracy": (classes.accuracy, _accuracy),
    "f1": (classes.f1, lambda table: np.nan_to_num(_f1_each(table)[..., 1])),
    "macro_f1": (classes.macro_f1, lambda table: np.nanmean(_f1_each(table), axis=-1)),
    "matthews_correlation": (classes.matthews, _matthews),
}
