"""`heedful bench --list`: every task and profile, what it needs, where that was looked for, and whether it is there."""

from __future__ import annotations

import importlib
import importlib.util
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from heedful.bench.tasks import check_data_dir, prepare
from heedful.errors import HeedfulError
from heedful.tasks import MODULES, Named, Plan, Task

_WIDTH = 80
_SUBSETS = 8  # shown


def list_tasks(folder: Path | None) -> list[dict[str, Any]]:
    """The tasks with their facts. With a folder each is tried on its first items; without one the hub is not asked."""
    check_data_dir(folder)
    return [_entry(task, folder) for name in MODULES for task in _profiles(name)]


def _profiles(name: str) -> list[Task]:
    module = importlib.import_module(f"heedful.tasks.{MODULES[name]}")
    return [task for task in module.TASKS if task.name == name]


def _entry(task: Task, folder: Path | None) -> dict[str, Any]:
    source = task.source
    out: dict[str, Any] = {
        "task": task.name,
        "profile": task.profile,
        "summary": task.summary,
        "asks": "a text" if task.generation is not None else "choices",
        "shots": task.shots,
        "subsets": list(task.subsets),
        "runs_code": task.runs_code,
        "submission": task.submission is not None,
        "needs": source.files,
        "hub": f"{source.hub}@{source.revision}" if source.hub else None,
        "paper": source.paper,
        "licence": source.licence,
    }
    if folder is None:
        return out | {"found": None, "looked": [], "why": None}
    try:
        prepared = prepare(Named(task.name, task, ""), Plan(limit=1), folder)
    except HeedfulError as e:
        return out | {"found": False, "looked": [str(folder)], "why": str(e)}
    if out["asks"] == "a text" and any(i.choices for i in prepared.items):
        out["asks"] = "choices or a text"
    parts = list(dict.fromkeys(i.subset for i in prepared.items if i.subset))
    used = [str(p) for p in prepared.places.used]
    return out | {"found": True, "looked": used, "why": None, "parts": parts}


def listing_lines(tasks: Sequence[Mapping[str, Any]], folder: Path | None) -> Iterator[str]:
    """The list for a terminal; a task's first profile is the one that its name alone means."""
    for name in dict.fromkeys(t["task"] for t in tasks):
        profiles = [t for t in tasks if t["task"] == name]
        first = profiles[0]
        names = [f"{name} (@{first['profile']})", *(f"{name}@{t['profile']}" for t in profiles[1:])]
        yield from textwrap.wrap(f"{', '.join(names)}: {first['summary']}", _WIDTH)
        for label, text in _facts(first, folder):
            yield from textwrap.wrap(text, _WIDTH, initial_indent=f"  {label:<8}", subsequent_indent=" " * 10)
    hub = "is installed" if importlib.util.find_spec("datasets") else "is missing: pip install 'heedful[hub]'"
    yield ""
    yield "A task of your own is one file: --task ./mine.py. The package for the hub"
    yield f"(datasets) {hub}."


def _facts(task: Mapping[str, Any], folder: Path | None) -> Iterator[tuple[str, str]]:
    code = "; runs what the model wrote (--allow-code-execution)" if task["runs_code"] else ""
    files = "; --submission writes the leaderboard's files" if task["submission"] else ""
    yield "asks", f"{task['asks']}, {task['shots']} shots{code}{files}"
    if task["subsets"]:
        more = len(task["subsets"]) - _SUBSETS
        shown = ", ".join(task["subsets"][:_SUBSETS]) + (f" and {more} more" if more > 0 else "")
        yield "parts", shown
    yield "needs", f"{task['needs']} ({task['licence']})"
    if task["hub"]:
        yield "hub", task["hub"]
    if task["found"] is None:
        yield "found", "name a folder with --data-dir to look there; else the hub is asked when the task is run"
    elif task["found"]:
        parts = f" ({len(task['parts'])} parts)" if len(task["parts"]) > 1 else ""
        yield "found", f"yes, in {folder}: {', '.join(_inside(p, folder) for p in task['looked'][:3])}{parts}"
    else:
        yield "found", f"no: {task['why']}"


def _inside(path: str, folder: Path | None) -> str:
    return str(Path(path).relative_to(folder)) if folder is not None and Path(path).is_relative_to(folder) else path
