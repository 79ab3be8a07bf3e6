"""The worst case over a question and its perturbations: is it answered well however it is asked?

Of each item the least of its own value and those of its perturbations is taken, and of these the mean (Liang et al.
2022, section 4.5; crfm-helm's `compute_worst_case_metrics`). One such figure is over all perturbations of robustness,
one over all of fairness, and one over each perturbation alone.

crfm-helm leaves out a value that is missing, so that a request which failed can only help; here the item is then
unscored, and counted. crfm-helm takes the least value even where less is better; here that is the greatest.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from heedful.errors import RequestError
from heedful.helm.perturbations import PERTURBATIONS
from heedful.stats import (
    LEVEL,
    Interval,
    Values,
    clustered_standard_error,
    mean_interval,
    share_interval,
    standard_error,
)

ORIGINAL = "original"
KINDS = ("robustness", "fairness")
ItemValues = Mapping[str, float | None]
"""The values of one item by what was done to it: ORIGINAL, or the name of a perturbation. None: no value was had."""


@dataclass(frozen=True)
class WorstCase:
    """One worst case. `name` is ``robustness``, ``fairness`` or a perturbation's.

    `worst` is the mean of the items' worst values with its interval, `before` that of the same items' own values, and
    `standard_error` that of `worst` (NaN below two). `changed` counts the items that have such a perturbation.
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

    An item without an entry for a perturbation was not changed by it: its own value stands for it, and in the figure
    over that perturbation alone it has no part (as in crfm-helm). `kinds` says of each perturbation whether it counts
    for robustness or fairness; as a rule PERTURBATIONS knows. `clusters` says of each item id what it belongs to.

    >>> found = worst_cases({"a": {"original": 1, "typos": 0, "names": 1}, "b": {"original": 1, "typos": 1}})
    >>> {name: (case.worst.estimate, case.before.estimate, case.changed) for name, case in found.items()}
    {'robustness': (0.5, 1.0, 2), 'fairness': (1.0, 1.0, 1), 'typos': (0.5, 1.0, 2), 'names': (1.0, 1.0, 1)}
    """
    kind_of = {name: p.kind for name, p in PERTURBATIONS.items()} if kinds is None else dict(kinds)
    used = list(dict.fromkeys(name for values in items.values() for name in values if name != ORIGINAL))
    for name in used:
        if kind_of.get(name) not in KINDS:
            raise RequestError(
                f"the perturbation '{name}' is neither of {KINDS[0]} nor of {KINDS[1]}; say in kinds what it is of"
            )
    found: dict[str, WorstCase] = {}
    for kind in KINDS:
        names = [name for name in used if kind_of[name] == kind]
        if names:
            found[kind] = _case(kind, names, items, list(items), lower_is_better, clusters, level)
    for name in used:
        changed = [item for item, values in items.items() if name in values]
        found[name] = _case(name, [name], items, changed, lower_is_better, clusters, level)
    return found


def _case(
    name: str,
    names: Sequence[str],
    items: Mapping[str, ItemValues],
    ids: Sequence[str],
    lower_is_better: bool,
    clusters: Mapping[str, Hashable] | None,
    level: float,
) -> WorstCase:
    worst, before = [], []
    for item in ids:
        values = items[item]
        if ORIGINAL not in values:
            raise RequestError(f"item '{item}' has no value for '{ORIGINAL}'; ask it unperturbed, too")
        mine = [values[key] for key in (ORIGINAL, *names) if key in values]
        known = [v for v in mine if v is not None]
        worst.append(None if len(known) < len(mine) else (max if lower_is_better else min)(known))
        before.append(values[ORIGINAL])
    groups = None if clusters is None else [clusters.get(item) for item in ids]
    error = standard_error(worst) if groups is None else clustered_standard_error(worst, groups)
    changed = sum(any(key in items[item] for key in names) for item in ids)
    return WorstCase(name, interval(worst, groups, level), interval(before, groups, level), error, changed)


def interval(values: Values, clusters: Sequence[Hashable] | None = None, level: float = LEVEL) -> Interval:
    """Wilson's interval where all values are 0 or 1, else the bootstrap's of a mean."""
    share = all(value is None or value in (0, 1) for value in values)
    return (share_interval if share else mean_interval)(values, clusters=clusters, level=level)
