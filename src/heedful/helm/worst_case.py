"""The worst case over a question and its perturbations: is it answered well however it is asked?

Of each item the least of its own value and those of its perturbations is taken, and of these the mean (Liang et al.
2022, section 4.5; crfm-helm's `compute_worst_case_metrics`). One such figure is over all perturbations of robustness,
one over all of fairness, and one over each perturbation alone.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

from heedful.stats import LEVEL, Interval

ORIGINAL = "original"
ItemValues = Mapping[str, float | None]
"""The values of one item by what was done to it: ORIGINAL, or the name of a perturbation. None: no value was had."""


@dataclass(frozen=True)
class WorstCase:
    """One worst case. `name` is ``robustness``, ``fairness`` or a perturbation's.

    `worst` is the mean of the items' worst values with its interval, `before` that of the same items' own values, and
    `standard_error` that of `worst`. `changed` counts the items that had such a perturbation at all.
    """

    name: str
    worst: Interval
    before: Interval
    standard_error: float
    changed: int


def worst_cases(
    items: Mapping[str, ItemValues],
    *,
    kinds: Mapping[str, str] | None = None,
    lower_is_better: bool = False,
    clusters: Mapping[str, Hashable] | None = None,
    level: float = LEVEL,
) -> dict[str, WorstCase]:
    """Worst cases by name, of values by item id and perturbation.

    `kinds` says of each perturbation whether it counts for robustness or fairness; as a rule PERTURBATIONS knows.
    `clusters` says of each item id what it belongs to. Where `lower_is_better` the worst is the greatest value.
    """
    raise NotImplementedError
