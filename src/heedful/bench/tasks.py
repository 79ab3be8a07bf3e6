"""Tasks by name with their items: all that can be wrong before a model is loaded is wrong here."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from heedful.bench.folder import file_name
from heedful.errors import DataError, HeedfulError, RequestError
from heedful.tasks import Item, Named, Places, Plan, Task, find_task


@dataclass(frozen=True)
class Prepared:
    """A task that was asked for, with its items in order and the places where they were found."""

    named: Named
    plan: Plan
    items: tuple[Item, ...]
    places: Places

    @property
    def key(self) -> str:
        return self.named.key

    @property
    def task(self) -> Task:
        return self.named.task

    @property
    def shots(self) -> int:
        """Examples before each question, as they really were."""
        return max((len(i.prompt.shots) for i in self.items), default=0)


def name_tasks(texts: Sequence[str]) -> list[Named]:
    """The tasks of ``--task A,B --task C``. RequestError for one that is not there, or is named twice."""
    names = [name.strip() for text in texts for name in text.split(",") if name.strip()]
    if not names:
        raise RequestError("--task: names no task; name one such as mmlu, and see heedful bench --list")
    found = [find_task(name) for name in names]
    for named in found:
        file_name(named.key)
    for key, count in Counter(n.key for n in found).items():
        if count > 1:
            raise RequestError(f"--task: {key} is named {count} times; keep one of them")
    return found


def check_data_dir(folder: Path | None) -> None:
    """RequestError where the user's folder is none."""
    if folder is not None and not folder.is_dir():
        what = "is a file" if folder.exists() else "no such folder"
        raise RequestError(f"--data-dir {folder}: {what}; name a folder with the benchmark's files")


def prepare(named: Named, plan: Plan, folder: Path | None) -> Prepared:
    """Read a task's items. RequestError or DataError where its data is not at hand or broken."""
    check_data_dir(folder)
    plan = replace(plan, subset=named.subset)
    places = Places(named.task.name, folder)
    try:
        items = tuple(named.task.items(places, plan))
    except (HeedfulError, OSError):
        raise
    except Exception as e:  # of a user's own task its error is what has to be told
        raise RequestError(
            f"task {named.key}: its items cannot be read ({type(e).__name__}: {e}); check its files and the task"
        ) from e
    if not items:
        raise RequestError(f"task {named.key} has no items; look at its files, or name another subset")
    for item_id, count in Counter(i.id for i in items).items():
        if count > 1:
            raise RequestError(f"task {named.key} has {count} items with the id '{item_id}'; give each its own")
    for item in items:
        try:
            item.prompt.text().encode()
        except UnicodeEncodeError:
            raise DataError(f"task {named.key}: item '{item.id}' has half a character in it; mend its file") from None
        if not item.choices and named.task.generation is None:
            raise RequestError(
                f"task {named.key}: item '{item.id}' has no choices, and the task no generation; add one of the two"
            )
    return Prepared(named, plan, items, places)


def task_sha256(task: Task) -> str | None:
    """The hash of the Python file that a task is written in; None where it stands in no file."""
    function: Any = task.items
    while hasattr(function, "func"):  # functools.partial
        function = function.func
    path = Path(getattr(getattr(function, "__code__", None), "co_filename", ""))
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
