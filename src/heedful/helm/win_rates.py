"""The mean win rate: in what share of pairs with another model a model is the better, over scenarios.

Liang et al. 2022, section 8; crfm-helm's `compute_aggregate_row_win_rates`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from heedful.stats import LEVEL

Aggregation = Literal["mean", "median"]
Table = Mapping[str, Mapping[str, float | None]]
"""By the name of a column (a scenario's metric) the value of each model; None, or no entry: there is none."""


@dataclass(frozen=True)
class WinRate:
    """A model's win rate. `rate` is None where it could be compared in no column.

    `columns` has its win rate in each column that counts; `low` and `high` bound it, NaN where nothing can be drawn.
    """

    model: str
    rate: float | None
    low: float
    high: float
    columns: dict[str, float]


def mean_win_rates(
    table: Table,
    *,
    lower_is_better: Mapping[str, bool | None] | None = None,
    aggregation: Aggregation = "mean",
    level: float = LEVEL,
    resamples: int = 2_000,
    seed: int = 0,
) -> dict[str, WinRate]:
    """Win rates by model, with bootstrap intervals over columns.

    A column named in `lower_is_better` with True is better where lower; with None it has no order and is left out.
    """
    raise NotImplementedError


def win_rates_over_items(
    items: Mapping[str, Mapping[str, Sequence[float | None]]],
    *,
    lower_is_better: Mapping[str, bool | None] | None = None,
    aggregation: Aggregation = "mean",
    level: float = LEVEL,
    resamples: int = 2_000,
    seed: int = 0,
) -> dict[str, WinRate]:
    """The same of columns whose value is a mean over items: the same items are drawn for all models.

    `items` has by column and model the values of the items, in the same order for all models of a column.
    """
    raise NotImplementedError
