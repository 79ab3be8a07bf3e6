"""How far raters agree beyond chance: Cohen's kappa, Fleiss' kappa, Krippendorff's alpha.

    two raters' labels          -> cohen_kappa
    items x categories, counts  -> fleiss_kappa
    units x raters, with holes  -> krippendorff_alpha

All are 1 for full agreement and 0 for as much as chance would give; below 0 raters contradict each other. Where
chance alone would give full agreement (one category was used) nothing can be said, and the result is NaN.

Sources:
- Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20 (1960);
  "Weighted kappa", Psychological Bulletin 70 (1968).
- Fleiss, "Measuring nominal scale agreement among many raters", Psychological Bulletin 76 (1971).
- Krippendorff, "Computing Krippendorff's alpha-reliability" (2011), https://repository.upenn.edu/asc_papers/43.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Literal

Level = Literal["nominal", "ordinal", "interval", "ratio"]
Weights = Literal["linear", "quadratic"]


def cohen_kappa(
    first: Sequence[Hashable | None],
    second: Sequence[Hashable | None],
    *,
    weights: Weights | None = None,
    categories: Sequence[Hashable] | None = None,
) -> float:
    """Cohen's kappa of two raters' labels; a pair with None on either side is left out.

    With `weights` the distance of two labels in `categories` (their order; by default sorted) counts, or its square.

    >>> cohen_kappa(["y", "y", "n", "n"], ["y", "n", "n", "n"])
    0.5
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} labels by one rater but {len(second)} by the other")
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    if not pairs:
        return math.nan
    used: set[Any] = {label for pair in pairs for label in pair}
    order = list(categories) if categories is not None else sorted(used)
    if missing := used - set(order):
        raise ValueError(f"labels that are no category: {sorted(map(str, missing))}")
    place = {label: number for number, label in enumerate(order)}

    def apart(a: Hashable, b: Hashable) -> float:
        if weights is None:
            return float(a != b)
        return float(abs(place[a] - place[b]) ** (1 if weights == "linear" else 2))

    seen = sum(apart(a, b) for a, b in pairs) / len(pairs)
    left, right = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    chance = sum(n * m * apart(a, b) for a, n in left.items() for b, m in right.items()) / len(pairs) ** 2
    return 1 - seen / chance if chance else math.nan


def fleiss_kappa(table: Sequence[Sequence[int]]) -> float:
    """Fleiss' kappa: `table[i][c]` raters put item i into category c, as many raters for every item.

    >>> round(fleiss_kappa([[2, 0], [0, 2], [1, 1]]), 4)
    0.3333
    """
    if not table:
        return math.nan
    raters = sum(table[0])
    if any(sum(row) != raters for row in table):
        raise ValueError("Fleiss' kappa needs the same number of ratings for every item")
    if raters < 2:
        return math.nan
    seen = sum(n * (n - 1) for row in table for n in row) / (len(table) * raters * (raters - 1))
    total = len(table) * raters
    chance = sum((sum(column) / total) ** 2 for column in zip(*table, strict=True))
    return (seen - chance) / (1 - chance) if not math.isclose(chance, 1) else math.nan


def fleiss_table(units: Sequence[Sequence[Hashable]], categories: Sequence[Hashable]) -> list[list[int]]:
    """Labels by item as the counts that `fleiss_kappa` takes.

    >>> fleiss_table([["a", "a", "b"]], ["a", "b", "c"])
    [[2, 1, 0]]
    """
    return [[sum(label == c for label in unit) for c in categories] for unit in units]


def krippendorff_alpha(units: Sequence[Sequence[Any]], level: Level = "nominal") -> float:
    """Krippendorff's alpha: `units[u]` has the values that raters gave unit u, None where one gave none.

    Units with fewer than two values say nothing about agreement and are left out. For every level but nominal the
    values are numbers.

    >>> krippendorff_alpha([["a", "a"], ["b", "b", None], ["b"]])
    1.0
    """
    rated = [[v for v in unit if v is not None] for unit in units]
    rated = [unit for unit in rated if len(unit) > 1]
    totals = Counter(v for unit in rated for v in unit)
    apart = _distance(level, totals)
    n = sum(totals.values())
    if not n:
        return math.nan
    seen = 0.0
    for unit in rated:
        counts = Counter(unit)
        seen += sum(c * k * apart(a, b) for a, c in counts.items() for b, k in counts.items()) / (len(unit) - 1)
    chance = sum(c * k * apart(a, b) for a, c in totals.items() for b, k in totals.items()) / (n - 1)
    return 1 - seen / chance if chance else math.nan


def _distance(level: Level, totals: Counter[Any]) -> Callable[[Any, Any], float]:
    """The squared difference of two values (section D of the paper)."""
    if level == "nominal":
        return lambda a, b: float(a != b)
    if level == "interval":
        return lambda a, b: float((a - b) ** 2)
    if level == "ratio":
        return lambda a, b: ((a - b) / (a + b)) ** 2 if a + b else 0.0
    order = sorted(totals)
    before: dict[Any, float] = {}  # how many values are smaller, and half of those that are equal
    smaller = 0
    for value in order:
        before[value] = smaller + totals[value] / 2
        smaller += totals[value]
    return lambda a, b: float((before[a] - before[b]) ** 2)
