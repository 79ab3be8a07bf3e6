"""The figures of a benchmark: a metric's value with its standard error and how many items it stands on.

A mean of scores has the usual standard error, clustered where items share a passage or a subject (`heedful.stats`);
what is no mean (F1, a correlation) has that of a bootstrap over items or clusters.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from heedful.stats import clustered_standard_error, standard_error

if TYPE_CHECKING:
    from heedful.tasks.base import Sample

RESAMPLES = 1000


@dataclass(frozen=True)
class Figure:
    """One number: `part` is '' for the whole task, else the subset or group of subsets it is of.

    `value` is None where nothing could be scored, `stderr` None where it cannot be known (fewer than two clusters).
    `main` marks the figure that stands for the task in tables. `guess` is what chance gives, where that is known.
    """

    metric: str
    value: float | None
    stderr: float | None
    n: int
    unscored: int = 0
    part: str = ""
    main: bool = False
    guess: float | None = None


def mean_figure(samples: Sequence[Sample], metric: str, part: str = "", main: bool = False) -> Figure:
    """The mean of one score over samples, its standard error clustered where items have groups."""
    values = [s.mark.scores.get(metric) for s in samples]
    scored = [v for v in values if v is not None]
    guess = chance(samples) if metric == "accuracy" else None
    if not scored:
        return Figure(metric, None, None, 0, len(values), part, main, guess)
    groups = [s.item.group for s in samples]
    error = clustered_standard_error(values, groups) if any(g is not None for g in groups) else standard_error(values)
    value = math.fsum(scored) / len(scored)
    return Figure(metric, value, _known(error), len(scored), len(values) - len(scored), part, main, guess)


def chance(samples: Sequence[Sample]) -> float | None:
    """The accuracy that guessing gives; None where items are not all choices that are right or wrong."""
    numbers = [len(s.item.choices) for s in samples]
    return math.fsum(1 / n for n in numbers) / len(numbers) if numbers and all(numbers) else None


def means(samples: Sequence[Sample]) -> list[Figure]:
    """The mean of every score, in the order in which the first sample has them; the first one stands for the task."""
    metrics = list(dict.fromkeys(m for s in samples for m in s.mark.scores))
    return [mean_figure(samples, metric, main=number == 0) for number, metric in enumerate(metrics)]


def by_subset(samples: Sequence[Sample]) -> dict[str, list[Sample]]:
    """The samples of each subset, in the order in which subsets first come."""
    found: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        found[sample.item.subset].append(sample)
    return dict(found)


def bootstrap_figure(
    samples: Sequence[Sample],
    metric: str,
    value_of: Callable[[Sequence[Sample]], float | None],
    part: str = "",
    main: bool = False,
    seed: int = 0,
) -> Figure:
    """A figure that is no mean, with the standard deviation of its bootstrap replicates as standard error.

    Items are drawn with replacement, whole clusters where they have groups. Samples whose mark has an ``error`` are
    the caller's to leave out: `value_of` sees those whose score under `metric` is there.
    """
    kept = [s for s in samples if s.mark.scores.get(metric) is not None]
    value = value_of(kept) if kept else None
    if value is None or not math.isfinite(value):
        return Figure(metric, None, None, len(kept), len(samples) - len(kept), part, main)
    clusters: dict[object, list[Sample]] = defaultdict(list)
    for number, sample in enumerate(kept):
        clusters[number if sample.item.group is None else ("in", sample.item.group)].append(sample)
    drawn, pools = np.random.default_rng(seed), list(clusters.values())
    replicates = []
    for _ in range(RESAMPLES if len(pools) > 1 else 0):
        chosen = [s for k in drawn.integers(len(pools), size=len(pools)) for s in pools[k]]
        replicate = value_of(chosen)
        if replicate is not None and math.isfinite(replicate):
            replicates.append(replicate)
    error = float(np.std(replicates, ddof=1)) if len(replicates) > 1 else math.nan
    return Figure(metric, float(value), _known(error), len(kept), len(samples) - len(kept), part, main)


def macro_figure(parts: Sequence[Figure], metric: str, main: bool = False, part: str = "") -> Figure:
    """The unweighted mean of the parts' values; its error follows from theirs, which are independent."""
    known = [p for p in parts if p.value is not None]
    if not known:
        return Figure(metric, None, None, 0, sum(p.unscored for p in parts), part, main)
    value = math.fsum(p.value or 0.0 for p in known) / len(known)
    errors = [p.stderr for p in known]
    error = None
    if all(e is not None for e in errors):
        error = math.sqrt(math.fsum((e or 0.0) ** 2 for e in errors)) / len(known)
    guesses = [p.guess for p in known if p.guess is not None]
    guess = math.fsum(guesses) / len(known) if len(guesses) == len(known) else None
    return Figure(metric, value, error, sum(p.n for p in known), sum(p.unscored for p in parts), part, main, guess)


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
