"""Tasks by name: ``name[@profile][:subset]``, or a file of the user's own."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from heedful.errors import RequestError, did_you_mean
from heedful.tasks.base import Task

# The files of tasks, by the names of the tasks in them; each has a tuple TASKS, its owner's own profile first.
MODULES: dict[str, str] = {
    "mmlu": "mmlu",
    "glue": "glue",
    "superglue": "superglue",
    "squad": "squad",
    "squad2": "squad",
    "triviaqa": "triviaqa",
    "humaneval": "humaneval",
    "bigbench": "bigbench",
}


@dataclass(frozen=True)
class Named:
    """A task as it was asked for. `key` is its name in results: the profile stands in it only where it was named."""

    key: str
    task: Task
    subset: str


def find_task(text: str) -> Named:
    """The task of a name. RequestError, with what there is, for another.

    ``./mine.py`` is a file of the user's own that has a tuple TASKS, run as any Python is.
    """
    head, colon, subset = text.partition(":")
    name, at, profile = head.partition("@")
    if name.endswith(".py"):
        tasks = _own(Path(name))
    elif name in MODULES:
        module = importlib.import_module(f"heedful.tasks.{MODULES[name]}")
        tasks = tuple(t for t in module.TASKS if t.name == name)
    else:
        raise RequestError(f"task '{name}'{did_you_mean(name, MODULES)}: choose {', '.join(MODULES)}, or ./FILE.py")
    profiles = [t.profile for t in tasks]
    if at and profile not in profiles:
        raise RequestError(f"task '{text}': {name} has no profile '{profile}'; choose {' or '.join(profiles)}")
    task = tasks[profiles.index(profile)] if at else tasks[0]
    if colon and not subset:
        raise RequestError(f"task '{text}': no subset follows the colon; name one, or leave the colon out")
    key = task.name + (f"@{profile}" if at else "") + (f":{subset}" if subset else "")
    return Named(key, task, subset)


def _own(path: Path) -> tuple[Task, ...]:
    """The tasks of a user's file."""
    if not path.is_file():
        raise RequestError(f"task '{path}': no such file; name a Python file with a tuple TASKS")
    spec = importlib.util.spec_from_file_location(f"heedful_own_task_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise RequestError(f"task '{path}': cannot be read as Python; name a Python file with a tuple TASKS")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as e:  # the user's own code: its error is what has to be told
        raise RequestError(f"task '{path}': {type(e).__name__}: {e}; mend the file") from e
    tasks = getattr(module, "TASKS", None)
    if not isinstance(tasks, tuple) or not tasks or not all(isinstance(t, Task) for t in tasks):
        raise RequestError(f"task '{path}': has no tuple TASKS of heedful.tasks.Task; add one")
    return tasks
