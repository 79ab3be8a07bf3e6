"""A folder of `heedful bench` as a side: each task is a metric, each line of samples/TASK.jsonl one of its examples.

    results.json            {"results": {"mmlu": {"accuracy": {"value": 0.4, ...}, "profile": ...}}, ...}
    samples/mmlu.jsonl      {"id": "astronomy/17", "subject": "astronomy", ..., "score": 1.0}

``score`` is a number or null, or an object of such by metric; then the metric is called ``TASK.NAME``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from heedful.compare.data import Rating, Side
from heedful.compare.lines import numbers_in, read_lines
from heedful.compare.ratings import by_metric
from heedful.errors import DataError, RequestError
from heedful.store import read_json


def read_bench(name: str, folder: Path) -> Side:
    """Read a bench folder. RequestError where it has no samples, DataError with file and line for a broken one."""
    files = sorted((folder / "samples").glob("*.jsonl"))
    if not files:
        raise RequestError(f"{name}: has no samples/TASK.jsonl; run heedful bench with --out {name}")
    ratings: list[Rating] = []
    fields: dict[str, dict[str, Any]] = {}
    told: tuple[str, ...] = ()
    for path in files:
        task = path.name.removesuffix(".jsonl")
        lines, cut = read_lines(path)
        told += cut
        for where, value in lines:
            if not {"id", "score"} <= set(value):
                raise DataError(f"{where}: a sample needs id and score; make it again with heedful bench")
            example_id = f"{task}:{value['id']}"
            fields[example_id] = value
            for part, number in numbers_in(value["score"], where, "score"):
                ratings.append(Rating(f"{task}.{part}" if part else task, example_id, example_id, number))
    return Side(name, "bench", by_metric(ratings), fields=fields, facts=_facts(folder / "results.json"), told=told)


def _facts(path: Path) -> dict[str, str]:
    """How each task was asked, where results.json says it: its profile, and its shots, template and limit."""
    if not path.is_file():
        return {}
    found = read_json(path)
    if not isinstance(found, dict):
        raise DataError(f"{path}: holds no object; make it again with heedful bench")
    results = found.get("results")
    out = {"profile": str(found["profile"])} if "profile" in found else {}
    for task, values in (results if isinstance(results, dict) else {}).items():
        if isinstance(values, dict) and "profile" in values:
            out[f"profile of {task}"] = str(values["profile"])
    tasks = found.get("tasks")
    for task, facts in (tasks if isinstance(tasks, dict) else {}).items():
        if isinstance(facts, dict):
            template = facts.get("template")
            asked = {"shots": facts.get("shots"), "limit": facts.get("limit")}
            asked |= {"template": template.get("name") if isinstance(template, dict) else None}
            out |= {f"{name} of {task}": "none" if value is None else str(value) for name, value in asked.items()}
    return out
