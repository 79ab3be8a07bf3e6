"""Tasks put to a model, one after the other: what is known already is not asked, what comes is journalled at once.

    run_bench(bench, prepared, load, folder)      -> results.json, as a value

A task is whole when its samples/KEY.jsonl is there; results.json is written anew after each, so that a run that was
killed shows what it has. Marks of tasks that run code are journalled too: a program is not run twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from heedful.bench.asked_for import SCHEMA, Bench, View
from heedful.bench.checks import check_backend
from heedful.bench.facts import run_facts, template_facts
from heedful.bench.folder import BenchFolder
from heedful.bench.harness import HarnessTask, run_harness, write_own_files
from heedful.bench.journal import Journal
from heedful.bench.one_task import ask_task, asked_of, scored_by, write_task
from heedful.bench.tasks import Prepared
from heedful.errors import DataError, HeedfulError
from heedful.store import read_json, write_json, write_jsonl


def run_bench(
    bench: Bench, prepared: Sequence[Prepared], load: Callable[[], Any], folder: BenchFolder, view: View
) -> dict[str, Any]:
    """Put the tasks to the model and write the folder; the value of results.json.

    HeedfulError where nothing of a task could be scored; what was written stays, and `--resume` goes on with it.
    """
    begun(folder)
    view.phase("load", f"Loading {bench.model}")
    began = time.monotonic()
    backend = load()
    loaded = time.monotonic() - began
    check_backend(backend, bench.model, prepared, bench.how)
    with folder.hold():
        facts = {"schema": SCHEMA, **run_facts(bench, backend), "load_seconds": round(loaded, 3), "seconds": 0.0}
        known = begun(folder)
        results = facts | {name: known[name] for name in ("results", "tasks")}
        for one in prepared:
            view.phase(one.key, f"{one.key}: {len(one.items):,} item{'s' * (len(one.items) != 1)}")
            figures, about = write_task(bench, one, ask_task(bench, one, backend, folder, view), folder)
            put(results, one.key, figures, about)
            write_json(folder.results, results)
        for task in bench.harness:
            view.phase(task.key, f"{task.key}: by lm-evaluation-harness")
            figures, about = _run_harness(bench, task, backend, folder, view)
            put(results, task.key, figures, about)
            write_json(folder.results, results)
    dead = [p.key for p in prepared if results["tasks"][p.key]["failed"] == len(p.items)]
    if dead:
        why = results["tasks"][dead[0]]["first_error"]
        raise HeedfulError(f"no item of {dead[0]} could be asked (the first reason: {why}); mend that and add --resume")
    return results


def begun(folder: BenchFolder) -> dict[str, Any]:
    """What results.json has of tasks that were done before."""
    if not folder.results.is_file():
        return {"results": {}, "tasks": {}}
    found = read_json(folder.results)
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise DataError(f"{folder.results}: not results of this version ({SCHEMA}); choose another --out")
    return found


def put(results: dict[str, Any], key: str, figures: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """A task's figures and facts in place of earlier ones, and what all tasks took."""
    parts = results["tasks"].get(key, {}).get("parts", [])
    for name in (key, *(f"{key}:{part}" for part in parts)):
        results["results"].pop(name, None)
    results["results"] |= figures
    results["tasks"][key] = facts
    results["seconds"] = round(sum(t["seconds"] for t in results["tasks"].values()), 3)


def _run_harness(
    bench: Bench, task: HarnessTask, backend: Any, folder: BenchFolder, view: View
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A task of lm-evaluation-harness: its figures by name, and its facts."""
    head = asked_of(bench, backend) | {"profile": task.key, "shots": bench.shots, "seed": bench.seed}
    with Journal(folder.journal(task.key), head) as journal:
        made = run_harness(task, backend, journal, bench.how, bench.shots, bench.limit, bench.seed, view.advance)
        seconds, by = journal.seconds, scored_by(journal)
    if bench.harness_files:
        write_own_files(made, folder.path / "lm-eval", bench.model, bench.how, backend)
    for key, lines in made.samples.items():
        write_jsonl(folder.samples(key), lines)
    items = int(made.facts["items"])
    return dict(made.results), {
        **made.facts,
        "seconds": round(seconds, 3),
        "items_per_second": round(items / seconds, 3) if seconds > 0 else None,
        "template": template_facts(bench.how, backend),
        "scored_by": by,
    }
