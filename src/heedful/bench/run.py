"""Tasks put to a model, one after the other: what is known already is not asked, what comes is journalled at once.

    run_bench(bench, prepared, load, folder)      -> results.json, as a value

A task is whole when its samples/KEY.jsonl is there; results.json is written anew after each, so that a run that was
killed shows what it has. Marks of tasks that run code are journalled too: a program is not run twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from heedful.bench.asking import ask
from heedful.bench.checks import check_backend
from heedful.bench.clean import Training, flagged_items
from heedful.bench.facts import precision_of, run_facts, template_facts
from heedful.bench.folder import BenchFolder
from heedful.bench.harness import HarnessTask, run_harness
from heedful.bench.journal import Journal
from heedful.bench.outcomes import mark_of, outcome_of, sample_line
from heedful.bench.requests import Asked, How, requests_of
from heedful.bench.results import task_results
from heedful.bench.tasks import Prepared
from heedful.errors import DataError, HeedfulError
from heedful.store import read_json, write_json, write_jsonl, write_text
from heedful.tasks import Sample

SCHEMA = "heedful.bench/1"


class View(Protocol):
    """Who is told how the work goes: `heedful.cli.live` draws it."""

    def phase(self, name: str, title: str) -> None: ...
    def advance(self, done: int, total: int) -> None: ...


@dataclass(frozen=True)
class Bench:
    """What is asked for. `shots` and `limit` None: all, as the task has it. `training` has the rows that the model was
    trained on, to look for the items in."""

    model: str
    how: How = field(default_factory=How)
    seed: int = 0
    shots: int | None = None
    limit: int | None = None
    training: Training | None = None
    submission: bool = False
    harness: tuple[HarnessTask, ...] = ()  # of lm-evaluation-harness, after the others


def run_bench(
    bench: Bench, prepared: Sequence[Prepared], load: Callable[[], Any], folder: BenchFolder, view: View
) -> dict[str, Any]:
    """Put the tasks to the model and write the folder; the value of results.json.

    HeedfulError where nothing of a task could be scored; what was written stays, and `--resume` goes on with it.
    """
    _begun(folder)
    view.phase("load", f"Loading {bench.model}")
    began = time.monotonic()
    backend = load()
    loaded = time.monotonic() - began
    check_backend(backend, bench.model, prepared, bench.how)
    with folder.hold():
        facts = {"schema": SCHEMA, **run_facts(bench, backend), "load_seconds": round(loaded, 3), "seconds": 0.0}
        known = _begun(folder)
        results = facts | {name: known[name] for name in ("results", "tasks")}
        for one in prepared:
            view.phase(one.key, f"{one.key}: {len(one.items):,} item{'s' * (len(one.items) != 1)}")
            figures, about = _run_task(bench, one, backend, folder, view)
            _put(results, one.key, figures, about)
            write_json(folder.results, results)
        for task in bench.harness:
            view.phase(task.key, f"{task.key}: by lm-evaluation-harness")
            figures, about = _run_harness(bench, task, backend, folder, view)
            _put(results, task.key, figures, about)
            write_json(folder.results, results)
    dead = [p.key for p in prepared if results["tasks"][p.key]["failed"] == len(p.items)]
    if dead:
        why = results["tasks"][dead[0]]["first_error"]
        raise HeedfulError(f"no item of {dead[0]} could be asked (the first reason: {why}); mend that and add --resume")
    return results


def _begun(folder: BenchFolder) -> dict[str, Any]:
    """What results.json has of tasks that were done before."""
    if not folder.results.is_file():
        return {"results": {}, "tasks": {}}
    found = read_json(folder.results)
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise DataError(f"{folder.results}: not results of this version ({SCHEMA}); choose another --out")
    return found


def _put(results: dict[str, Any], key: str, figures: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """A task's figures and facts in place of earlier ones, and what all tasks took."""
    parts = results["tasks"].get(key, {}).get("parts", [])
    for name in (key, *(f"{key}:{part}" for part in parts)):
        results["results"].pop(name, None)
    results["results"] |= figures
    results["tasks"][key] = facts
    results["seconds"] = round(sum(t["seconds"] for t in results["tasks"].values()), 3)


def _run_task(
    bench: Bench, prepared: Prepared, backend: Any, folder: BenchFolder, view: View
) -> tuple[dict[str, Any], dict[str, Any]]:
    """One task: its figures by name, and its facts."""
    began = time.monotonic()
    asked, requests = requests_of(prepared, bench.how, getattr(backend, "render", None))
    with Journal(folder.journal(prepared.key), _head(bench, prepared, backend), began) as journal:
        found = ask(requests, backend, journal, view.advance)
        samples = [_sample(prepared, one, journal) for one in asked]
        seconds = journal.seconds
    flagged = flagged_items(bench.training, prepared.items)
    lines = [
        sample_line(s, a, requests, journal.answers, flagged.get(s.item.id))
        for s, a in zip(samples, asked, strict=True)
    ]
    write_jsonl(folder.samples(prepared.key), lines)
    if bench.submission and prepared.task.submission is not None:
        for name, text in prepared.task.submission(samples).items():
            write_text(folder.submission(prepared.key) / name, text)
    figures, facts = task_results(prepared, samples, asked, flagged, bench.training)
    answers = [journal.answers[k] for k in requests if k in journal.answers]
    facts |= {
        "requests": len(requests),
        "asked": found,
        "reused": len(requests) - found,
        "truncated": sum(bool(a.get("truncated")) for a in answers),
        "cut_off": sum(a.get("finish_reason") == "length" for a in answers),
        "seconds": round(seconds, 3),
        "items_per_second": round(len(samples) / seconds, 3) if seconds > 0 else None,
        "template": template_facts(bench.how, backend),
    }
    return figures, facts


def _run_harness(
    bench: Bench, task: HarnessTask, backend: Any, folder: BenchFolder, view: View
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A task of lm-evaluation-harness: its figures by name, and its facts."""
    head = _asked_of(bench, backend) | {"profile": task.key, "shots": bench.shots, "seed": bench.seed}
    with Journal(folder.journal(task.key), head) as journal:
        made = run_harness(task, backend, journal, bench.how, bench.shots, bench.limit, bench.seed, view.advance)
        seconds = journal.seconds
    for key, lines in made.samples.items():
        write_jsonl(folder.samples(key), lines)
    items = int(made.facts["items"])
    return dict(made.results), {
        **made.facts,
        "seconds": round(seconds, 3),
        "items_per_second": round(items / seconds, 3) if seconds > 0 else None,
        "template": template_facts(bench.how, backend),
    }


def _head(bench: Bench, prepared: Prepared, backend: Any) -> dict[str, Any]:
    """Who is asked, and how: what must be the same when a journal is gone on with."""
    return _asked_of(bench, backend) | {
        "profile": f"{prepared.task.name}@{prepared.task.profile}",
        "shots": prepared.shots,
        "split": prepared.plan.split or prepared.task.source.split,
        "seed": prepared.plan.seed,
    }


def _asked_of(bench: Bench, backend: Any) -> dict[str, Any]:
    about = getattr(backend, "about", None) or {}
    template = template_facts(bench.how, backend)
    return {
        "model": bench.model,
        "weights": about.get("sha256"),
        "precision": precision_of(backend),
        "template": template["name"] + (" (multiturn)" if template.get("multiturn") else ""),
    }


def _sample(prepared: Prepared, asked: Asked, journal: Journal) -> Sample:
    outcome = outcome_of(asked, journal.answers)
    return Sample(outcome, mark_of(prepared, outcome, journal))
