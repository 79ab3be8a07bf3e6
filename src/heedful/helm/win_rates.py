"""The mean win rate: how often a model beats another one drawn at random, over scenarios.

Liang et al. 2022, section 8; crfm-helm's `compute_aggregate_row_win_rates`. In each column a model wins against those
with a worse value and half of a draw; models without a value do not take part, and a column with fewer than two, or
without an order, does not count.

The rate depends on who else is there: with another model in the table all rates change. So do its intervals, and two
of them that overlap do not mean that two models are alike; compare them on the same items for that.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from heedful.errors import RequestError
from heedful.stats import LEVEL
from heedful.stats.values import Floats

Aggregation = Literal["mean", "median"]
Order = Mapping[str, bool | None]
Table = Mapping[str, Mapping[str, float | None]]
"""By the name of a column (a scenario's metric) the value of each model; None, or no entry: there is none."""
Items = Mapping[str, Mapping[str, Sequence[float | None]]]
"""By column and model the values of the items, in the same order for all models of a column."""


@dataclass(frozen=True)
class WinRate:
    """A model's win rate. `rate` is None where it could be compared in no column.

    `columns` has its win rate in each column that counts. `low` and `high` bound it, NaN where it cannot be said.
    """

    model: str
    rate: float | None
    low: float
    high: float
    columns: dict[str, float]


def mean_win_rates(
    table: Table,
    *,
    lower_is_better: Order | None = None,
    aggregation: Aggregation = "mean",
    level: float = LEVEL,
    resamples: int = 2_000,
    seed: int = 0,
) -> dict[str, WinRate]:
    """Win rates by model, with bootstrap intervals over columns: what other scenarios of the kind would have said.

    A column that `lower_is_better` has with True is better where lower; with None it has no order and does not count.
    Columns are drawn with replacement for all models alike; below two columns there are no bounds.

    >>> found = mean_win_rates({"qa": {"a": 0.9, "b": 0.5, "c": 0.5}, "ece": {"a": 0.1, "b": 0.3}},
    ...                        lower_is_better={"ece": True})
    >>> {model: (of.rate, of.columns) for model, of in found.items()}
    {'a': (1.0, {'qa': 1.0, 'ece': 1.0}), 'b': (0.125, {'qa': 0.25, 'ece': 0.0}), 'c': (0.25, {'qa': 0.25})}
    """
    models, columns, values = _matrix(table, lower_is_better or {})
    rates = wins(values)
    drawn = np.random.default_rng(seed).integers(0, max(1, len(columns)), (resamples, len(columns)))
    found = {}
    for at, model in enumerate(models):
        mine = rates[at]
        kept = ~np.isnan(mine)
        low, high = np.nan, np.nan
        if kept.sum() > 1:
            low, high = _bounds(_aggregate(mine[drawn], aggregation), level)
        found[model] = WinRate(model, _one(mine[kept], aggregation), low, high, _named(columns, mine))
    return found


def win_rates_over_items(
    items: Items,
    *,
    lower_is_better: Order | None = None,
    aggregation: Aggregation = "mean",
    level: float = LEVEL,
    resamples: int = 2_000,
    seed: int = 0,
) -> dict[str, WinRate]:
    """Win rates where a column's value is a mean over items, with bootstrap intervals over those items.

    The columns stay; in each as many items are drawn as there are, the same for all models, and means and win rates are
    taken anew. An item that one model has no value for (None) is left out of that model's mean alone.
    """
    order = lower_is_better or {}
    for column, of_column in items.items():
        if len({len(values) for values in of_column.values()}) > 1:
            raise RequestError(f"column '{column}': the models have different numbers of items; give all the same ones")
    means = {column: {model: _mean(v) for model, v in of.items()} for column, of in items.items()}
    models, columns, values = _matrix(means, order)
    rates = wins(values)
    rng = np.random.default_rng(seed)
    drawn = np.full((len(columns), resamples, len(models)), np.nan)
    for c, column in enumerate(columns):
        sign = -1.0 if order.get(column) else 1.0
        drawn[c] = sign * _resampled([items[column].get(model) for model in models], resamples, rng)
    resampled = np.stack([wins(drawn[c].T) for c in range(len(columns))], 2) if columns else np.empty((len(models), 0))
    found = {}
    for at, model in enumerate(models):
        mine = rates[at]
        bounds = (np.nan, np.nan) if np.isnan(mine).all() else _bounds(_aggregate(resampled[at], aggregation), level)
        found[model] = WinRate(model, _one(mine[~np.isnan(mine)], aggregation), *bounds, _named(columns, mine))
    return found


def _matrix(table: Table, order: Order) -> tuple[list[str], list[str], Floats]:
    """Models, columns that have an order, and values (models, columns), turned so that more is better; NaN is none."""
    models = list(dict.fromkeys(model for of_column in table.values() for model in of_column))
    columns = [column for column in table if order.get(column, False) is not None]
    values = np.full((len(models), len(columns)), np.nan)
    for c, column in enumerate(columns):
        for m, model in enumerate(models):
            value = table[column].get(model)
            if value is None:
                continue
            if not np.isfinite(value):
                raise ValueError(f"the value of {model} in {column} is {value}; where there is none, give None")
            values[m, c] = -value if order.get(column) else value
    return models, columns, values


def wins(values: Floats) -> Floats:
    """Of each value in a column (models, columns), the share of the others in it that are worse, equal ones by half.

    >>> wins(np.array([[1.0], [2.0], [2.0], [np.nan]])).T
    array([[0.  , 0.75, 0.75,  nan]])
    """
    there = ~np.isnan(values)
    others = there.sum(axis=0) - 1
    with np.errstate(invalid="ignore", divide="ignore"):
        more = values[:, None, :] > values[None, :, :]  # (models, others, columns); with NaN never
        equal = values[:, None, :] == values[None, :, :]
        rates = (more.sum(axis=1) + (equal.sum(axis=1) - 1) / 2) / others
    return np.where(there & (others > 0), rates, np.nan)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if known else None


def _resampled(columns: Sequence[Sequence[float | None] | None], resamples: int, rng: np.random.Generator) -> Floats:
    """Means of drawn items (resamples, models); NaN where a model has none."""
    n = max((len(values) for values in columns if values is not None), default=0)
    if n == 0:
        return np.full((resamples, len(columns)), np.nan)
    x = np.array([[np.nan] * n if v is None else [np.nan if i is None else i for i in v] for v in columns], float)
    known, x = ~np.isnan(x), np.nan_to_num(x)
    means = np.empty((resamples, len(columns)))
    for at in range(resamples):
        times = np.bincount(rng.integers(0, n, n), minlength=n)
        with np.errstate(invalid="ignore"):
            means[at] = (x @ times) / (known @ times)
    return means


def _aggregate(rates: Floats, aggregation: Aggregation) -> Floats:
    """Over columns, those without a rate left out; resamples without any are dropped."""
    rates = rates[~np.isnan(rates).all(axis=1)]
    return np.nanmean(rates, axis=1) if aggregation == "mean" else np.nanmedian(rates, axis=1)


def _one(rates: Floats, aggregation: Aggregation) -> float | None:
    if len(rates) == 0:
        return None
    return float(statistics.fmean(rates) if aggregation == "mean" else statistics.median(rates))


def _bounds(drawn: Floats, level: float) -> tuple[float, float]:
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _named(columns: Sequence[str], rates: Floats) -> dict[str, float]:
    return {c: float(rate) for c, rate in zip(columns, rates, strict=True) if not np.isnan(rate)}
