"""A comparison as one JSON document, ``schema: "heedful.compare/1"``; what is unknown is null.

Several against one are ``schema: "heedful.compare-several/1"`` with a list of such documents.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from heedful.compare.data import Comparison, MetricResult, Side
from heedful.compare.recipes import Spread, differing, spreads
from heedful.stats import POWER, Interval

SCHEMA = "heedful.compare/1"
SEVERAL = "heedful.compare-several/1"


def comparison_json(c: Comparison) -> dict[str, Any]:
    """Every number of a comparison, without NaN."""
    return {
        "schema": SCHEMA,
        "verdict": c.verdict,
        "sentence": c.sentence,
        "rule": c.rule,
        "a": _side(c.a),
        "b": _side(c.b),
        "joined": c.joined,
        "only_a": c.only_a,
        "only_b": c.only_b,
        "other_question": c.other,
        "cluster": c.cluster,
        "level": c.options.level,
        "seed": c.options.seed,
        "power": POWER,
        "metrics": {m.name: _metric(m) for m in c.metrics},
        "caveats": list(c.caveats),
    }


def several_json(found: Sequence[Comparison]) -> dict[str, Any]:
    """Comparisons with the same A, whose p-values were corrected together."""
    return {
        "schema": SEVERAL,
        "a": _side(found[0].a),
        "verdicts": {c.b.name: c.verdict for c in found},
        "recipes_differ_in": differing([c.b for c in found]),
        "over_seeds": {s.metric: _spread(s) for s in spreads(found)},
        "comparisons": [comparison_json(c) for c in found],
    }


def _spread(s: Spread) -> dict[str, Any]:
    of_differences = {"mean": s.difference, "sd": s.difference_deviation}
    return {"n": s.n, "mean": s.mean, "sd": s.deviation, "difference": of_differences}


def _side(side: Side) -> dict[str, Any]:
    return {"name": side.name, "kind": side.kind, "examples": len(side.ids)}


def _metric(m: MetricResult) -> dict[str, Any]:
    c = m.comparison
    tested = m.role != "descriptive"
    return {
        "role": m.role,
        "higher_is_better": m.higher_is_better,
        "before": _interval(c.before),
        "after": _interval(c.after),
        "difference": _interval(c.difference),
        "test": c.test if tested else None,
        "p": c.p_value if tested else None,
        "p_adjusted": c.adjusted_p if tested else None,
        "minimum_detectable_difference": _number(m.detectable),
        "n": c.n,
        "unscored": c.unscored,
        "clusters": c.clusters,
        "verdict": c.verdict if tested else None,
    }


def _interval(i: Interval) -> dict[str, float | None]:
    return {"estimate": _number(i.estimate), "low": _number(i.low), "high": _number(i.high)}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
