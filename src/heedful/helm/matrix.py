"""Models against each other: mean win rates by column, and differences item by item with a word for each.

measured[model][scenario]  ->  mean_win_rates[column][model], comparisons
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from heedful.helm.columns import COLUMNS, PAIRED, finite
from heedful.helm.measure import Measured
from heedful.helm.win_rates import WinRate, mean_win_rates, win_rates_over_items
from heedful.stats import PairedComparison, compare_means, compare_shares, correct

Table = Mapping[str, Mapping[str, Measured]]  # by model and scenario
ALL_PAIRS_UP_TO = 3  # models; of more each is compared with the first
FEWEST_COLUMNS = 5  # that a bootstrap over columns says something of: of two that agree it would say "certain"


@dataclass(frozen=True)
class Compared:
    """Model `b` against model `a` in a column of a scenario."""

    a: str
    b: str
    scenario: str
    column: str
    found: PairedComparison

    def as_json(self) -> dict[str, Any]:
        c = self.found
        return {
            "a": self.a,
            "b": self.b,
            "scenario": self.scenario,
            "column": self.column,
            "before": finite(c.before.estimate),
            "after": finite(c.after.estimate),
            "difference": finite(c.difference.estimate),
            "low": finite(c.difference.low),
            "high": finite(c.difference.high),
            "p": finite(c.p_value),
            "adjusted_p": finite(c.adjusted_p),
            "n": c.n,
            "unscored": c.unscored,
            "test": c.test,
            "verdict": c.verdict,
        }


def win_rates(table: Table) -> dict[str, dict[str, WinRate]]:
    """By column the win rate of each model; a column that fewer than two models have has none."""
    found = {}
    for name, column in COLUMNS.items():
        scenarios = _scenarios(table)
        if name in PAIRED:
            items = {s: _item_values(table, s, name) for s in scenarios}
            items = {s: of for s, of in items.items() if len(of) > 1}
            made = win_rates_over_items(items, lower_is_better=dict.fromkeys(items, column.lower_is_better))
        else:
            values = {k: of for k, of in _values(table, scenarios, name) if sum(v is not None for v in of.values()) > 1}
            made = mean_win_rates(values, lower_is_better=dict.fromkeys(values, column.lower_is_better))
            made = {m: r if len(r.columns) >= FEWEST_COLUMNS else _without_bounds(r) for m, r in made.items()}
        found[name] = {model: rate for model, rate in made.items() if rate.rate is not None}
    return found


def _without_bounds(rate: WinRate) -> WinRate:
    return replace(rate, low=math.nan, high=math.nan)


def _scenarios(table: Table) -> list[str]:
    return list(dict.fromkeys(s for of in table.values() for s in of))


def _item_values(table: Table, scenario: str, column: str) -> dict[str, list[float | None]]:
    """The items' values by model; a model whose cell has no value takes no part."""
    of = {m: found[scenario] for m, found in table.items() if scenario in found}
    return {m: list(x.values[column].values()) for m, x in of.items() if x.cells[column].value is not None}


def _values(table: Table, scenarios: Sequence[str], column: str) -> Iterator[tuple[str, dict[str, float | None]]]:
    """The cells of a column by scenario; of bias each figure is a column by itself, as in HELM."""
    for scenario in scenarios:
        of = {m: found[scenario] for m, found in table.items() if scenario in found}
        if column == "bias":
            for name in dict.fromkeys(n for x in of.values() for n in x.bias):
                yield f"{scenario} {name}", {m: x.bias.get(name) for m, x in of.items()}
        else:
            yield scenario, {m: x.cells[column].value for m, x in of.items()}


def pairs(models: Sequence[str]) -> list[tuple[str, str]]:
    """Who is compared with whom."""
    if len(models) <= ALL_PAIRS_UP_TO:
        return [(a, b) for n, a in enumerate(models) for b in models[n + 1 :]]
    return [(models[0], b) for b in models[1:]]


def comparisons(table: Table, seed: int) -> list[Compared]:
    """All comparisons, their p-values corrected together by Holm's method."""
    keyed: dict[str, tuple[str, str, str, str]] = {}
    found: dict[str, PairedComparison] = {}
    for a, b in pairs(list(table)):
        for scenario in (s for s in table[a] if s in table[b]):
            for column in PAIRED:
                made = _compared(table[a][scenario], table[b][scenario], column, seed)
                if made is not None:
                    key = str(len(keyed))
                    keyed[key], found[key] = (a, b, scenario, column), made
    lower = [key for key, (_, _, _, column) in keyed.items() if COLUMNS[column].lower_is_better]
    corrected = correct(found, lower_is_better=lower) if found else {}
    return [Compared(*keyed[key], of) for key, of in corrected.items()]


def _compared(a: Measured, b: Measured, column: str, seed: int) -> PairedComparison | None:
    """None where one of the two has no value."""
    if a.cells[column].value is None or b.cells[column].value is None:
        return None
    ids = [i for i in a.values[column] if i in b.values[column]]
    before, after = ([m.values[column][i] for i in ids] for m in (a, b))
    clusters = [a.groups[i] for i in ids] if a.groups is not None else None
    higher = not COLUMNS[column].lower_is_better
    if all(v is None or v in (0, 1) for v in (*before, *after)):
        return compare_shares(before, after, clusters=clusters, higher_is_better=higher, seed=seed)
    return compare_means(before, after, clusters=clusters, higher_is_better=higher, seed=seed)
