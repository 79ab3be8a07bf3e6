"""helm.json: everything that the table and the page show, as one document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from heedful.bench.facts import versions
from heedful.helm.columns import COLUMNS, finite
from heedful.helm.matrix import Table, comparisons, win_rates
from heedful.helm.perturbations import PERTURBATIONS
from heedful.helm.scenarios import Scenario

SCHEMA = "heedful.helm/1"


def document(
    scenarios: Sequence[Scenario],
    table: Table,
    facts: Mapping[str, Mapping[str, Any]],
    tasks: Mapping[str, Mapping[str, Any]],
    asked: Mapping[str, Any],
) -> dict[str, Any]:
    """The value of helm.json. `facts` are those of each model, `tasks` the entries of its results.json."""
    seed = int(asked["seed"])
    used = scenarios[0].perturbations if scenarios else ()
    return {
        "schema": SCHEMA,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "models": [{"name": model, **facts[model]} for model in table],
        "seed": seed,
        "asked": dict(asked),
        "columns": {c.name: {"lower_is_better": c.lower_is_better, "about": c.about} for c in COLUMNS.values()},
        "perturbations": {
            name: {"kind": PERTURBATIONS[name].kind, "about": PERTURBATIONS[name].about} for name in used
        },
        "scenarios": {s.key: _scenario(s, table, tasks) for s in scenarios},
        "cells": {
            model: {key: {name: cell.as_json() for name, cell in found.cells.items()} for key, found in of.items()}
            for model, of in table.items()
        },
        "mean_win_rates": {
            column: {
                model: {"value": r.rate, "low": finite(r.low), "high": finite(r.high), "scenarios": dict(r.columns)}
                for model, r in of.items()
            }
            for column, of in win_rates(table).items()
        },
        "comparisons": [c.as_json() for c in comparisons(table, seed)],
        "versions": versions(),
    }


def _scenario(scenario: Scenario, table: Table, tasks: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What is the same for all models, but for prompts in a template of their own."""
    prepared = scenario.prepared
    first = next(iter(tasks.values()))[scenario.key]
    return {
        "task": prepared.task.name,
        "profile": prepared.task.profile,
        "summary": prepared.task.summary,
        "shots": prepared.shots,
        "split": first["split"],
        "limit": prepared.plan.limit,
        "items": len(prepared.items),
        "requested": len(scenario.asked.items),
        "metric": next(iter(table.values()))[scenario.key].metric,
        "changed": scenario.changed(),
        "unplaced": sum(not i.inputs for i in prepared.items),
        "failed": {model: of[scenario.key]["failed"] for model, of in tasks.items()},
        "hashes": {"data": first["hashes"]["data"], "task": first["hashes"]["task"]}
        | {"prompts": {model: of[scenario.key]["hashes"]["prompts"] for model, of in tasks.items()}},
        "licence": prepared.task.source.licence,
    }


def why_not(results: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """By scenario the columns that no model has, or that one lacks, each with the reason."""
    found: dict[str, dict[str, str]] = {}
    for key in results["scenarios"]:
        for column in results["columns"]:
            cells = {m["name"]: results["cells"][m["name"]][key][column] for m in results["models"]}
            missing = {name: c["why"] for name, c in cells.items() if c["value"] is None}
            reasons = list(dict.fromkeys(missing.values()))
            if missing and len(missing) == len(cells) and len(reasons) == 1:
                found.setdefault(key, {})[column] = reasons[0]
            elif missing:
                told = "; ".join(f"{letter(results, name)}: {why}" for name, why in missing.items())
                found.setdefault(key, {})[column] = told
    return found


def letter(results: Mapping[str, Any], model: str) -> str:
    """The letter that stands for a model in tables."""
    return letter_of([m["name"] for m in results["models"]].index(model))


def letter_of(number: int) -> str:
    """A, B, ... Z, A2, B2, ...

    >>> letter_of(0), letter_of(27)
    ('A', 'B2')
    """
    again, at = divmod(number, 26)
    return chr(ord("A") + at) + (str(again + 1) if again else "")
