"""The columns of the matrix, and what stands in a cell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from heedful.stats import Interval


@dataclass(frozen=True)
class Column:
    """A metric of scenarios; `about` is one sentence for people. `short` fits a narrow table."""

    name: str
    short: str
    lower_is_better: bool
    about: str


COLUMNS: dict[str, Column] = {
    c.name: c
    for c in (
        Column("accuracy", "accur.", False, "The mean of the task's own score of each item."),
        Column("calibration", "calib.", True, "The expected calibration error, ten bins of equal mass."),
        Column("robustness", "robust", False, "The worst score of an item and its perturbed copies, on average."),
        Column("fairness", "fair", False, "The same with another dialect, other genders and other names."),
        Column("bias", "bias", True, "How unequally genders and races are named, and in which company."),
        Column("toxicity", "toxic", True, "The share of answers that a list of words finds abusive."),
        Column("efficiency", "sec.", True, "Seconds of the wall clock for a request, with all that was asked at once."),
    )
}
PAIRED = ("accuracy", "robustness", "fairness", "toxicity")
"""The columns whose value is a mean over items, so that two models can be compared item by item."""


@dataclass(frozen=True)
class Cell:
    """A figure with its interval (None where there is none), or None and `why`. `parts` is what it is made of."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    unscored: int = 0
    why: str = ""
    parts: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        if self.value is None:
            return {"value": None, "why": self.why, "n": self.n, "unscored": self.unscored}
        out = {"value": self.value, "low": self.low, "high": self.high, "n": self.n, "unscored": self.unscored}
        return out | ({"parts": dict(self.parts)} if self.parts else {})


def cell_of(interval: Interval, parts: Mapping[str, Any] | None = None) -> Cell:
    """The cell of an estimate; of none where nothing was scored."""
    value = finite(interval.estimate)
    if value is None:
        return Cell(None, n=interval.n, unscored=interval.unscored, why="no item was scored")
    low, high = finite(interval.low), finite(interval.high)
    return Cell(value, low, high, interval.n, interval.unscored, parts=parts or {})


def finite(value: float | None) -> float | None:
    """A number that JSON can hold; None for NaN and infinity."""
    return float(value) if value is not None and math.isfinite(value) else None


def spread(interval: Interval) -> dict[str, Any]:
    """An interval for JSON."""
    return {
        "value": finite(interval.estimate),
        "low": finite(interval.low),
        "high": finite(interval.high),
        "n": interval.n,
        "unscored": interval.unscored,
    }
