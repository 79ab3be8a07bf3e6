"""What the recipes of several runs differ in, and how far luck alone spreads runs that differ in their seed.

A metric's interval in a comparison is over questions: it says how sure the difference is for these weights. The
standard deviation over seeds is over trainings: it says how far another seed would have come. A paper needs both.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from heedful.compare.data import Comparison, Side

ASKED_WITH = ("model", "template", "max_new_tokens", "max_length", "test_questions")
"""What of a recipe the answers before the tuning depend on."""


@dataclass(frozen=True)
class Spread:
    """A metric over runs that differ in their seed alone; the deviations are those of a sample (n - 1)."""

    metric: str
    main: bool
    n: int
    mean: float
    deviation: float
    difference: float
    difference_deviation: float


def recipe_of(manifest: Mapping[str, Any], which: str) -> dict[str, Any]:
    """A run's recipe, its data named by hash: the same file under another path is no difference."""
    recipe = manifest.get("recipe")
    if not isinstance(recipe, Mapping):
        return {}
    out = {key: value for key, value in recipe.items() if key != "track"}
    files = (manifest.get("data") or {}).get("files") or ()
    hashes = [f"sha256 {str(f['sha256'])[:12]}" for f in files if isinstance(f, Mapping) and f.get("sha256")]
    if hashes:
        out["data"] = hashes
    return out if which == "tuned" else {key: out[key] for key in ASKED_WITH if key in out}


def differing(sides: Sequence[Side]) -> dict[str, list[Any]]:
    """The fields that are not the same in the recipes of all sides, each with its values in order."""
    recipes = [side.recipe for side in sides]
    if not all(recipes):
        return {}
    shared = [key for key in recipes[0] if all(key in r for r in recipes)]
    return {key: [r[key] for r in recipes] for key in shared if any(r[key] != recipes[0][key] for r in recipes)}


def is_seed_alone(found: Sequence[Comparison]) -> bool:
    """Whether several runs are one recipe under other seeds, all answering the same questions."""
    fields = differing([c.b for c in found])
    return len(found) > 1 and list(fields) == ["seed"] and not any(c.only_a or c.only_b or c.other for c in found)


def spreads(found: Sequence[Comparison]) -> tuple[Spread, ...]:
    """The spread of each metric over the runs, where they differ in their seed alone, else none."""
    if not is_seed_alone(found):
        return ()
    out = []
    for m in found[0].metrics:
        mine = [next((x for x in c.metrics if x.name == m.name), None) for c in found]
        if any(x is None or not math.isfinite(x.comparison.after.estimate) for x in mine):
            continue
        values = [x.comparison.after.estimate for x in mine if x]
        differences = [after - x.comparison.before.estimate for after, x in zip(values, mine, strict=True) if x]
        out.append(
            Spread(
                m.name,
                m.role == "main",
                len(found),
                statistics.fmean(values),
                statistics.stdev(values),
                statistics.fmean(differences),
                statistics.stdev(differences),
            )
        )
    return tuple(out)


def differences_told(names: Sequence[str], sides: Sequence[Side]) -> str | None:
    """One sentence on what the recipes differ in; None where there is nothing to tell."""
    fields = differing(sides)
    if not fields:
        return None
    if list(fields) == ["seed"]:
        return f"{names[0]} to {names[-1]} differ in their seed alone ({_values(fields['seed'])})."
    told = "; ".join(f"{key} ({_values(values)})" for key, values in fields.items())
    return f"the recipes of {names[0]} to {names[-1]} differ in {told}."


def split_told(found: Sequence[Comparison]) -> str | None:
    """A warning where the seed has also divided the rows, so that runs answer other questions."""
    sides = [c.b for c in found]
    divided = [s for s in sides if "/" in str(s.recipe.get("split", "")) and "=" not in str(s.recipe["split"])]
    if len(divided) < len(sides) or "seed" not in differing(sides) or not any(c.only_a or c.only_b for c in found):
        return None
    return (
        f"the seed also divides the rows (split {sides[0].recipe['split']}), so these runs were tested on other "
        "questions and trained on some of each other's; divide once with heedful data split, and train with "
        "--split train=FILE,val=FILE,test=FILE under each seed."
    )


def _values(values: Sequence[Any]) -> str:
    return ", ".join(shown(v) for v in values)


def shown(value: Any) -> str:
    """A value of a recipe in a sentence."""
    if isinstance(value, list | tuple):
        return " + ".join(shown(v) for v in value) or "none"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
