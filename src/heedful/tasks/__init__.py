"""Benchmarks as tasks of `heedful bench`, one small file each.

    from heedful.tasks import Item, Mark, Outcome, Plan, Prompt, Source, Task

A task of one's own is a Python file with a tuple TASKS; see docs/tasks.md.
"""

from __future__ import annotations

from heedful.tasks.base import (
    Generation,
    Item,
    Mark,
    Outcome,
    Plan,
    Prompt,
    Sample,
    Source,
    Task,
    choose_likeliest,
)
from heedful.tasks.figures import Figure, bootstrap_figure, by_subset, macro_figure, mean_figure, means
from heedful.tasks.find import MODULES, Named, find_task
from heedful.tasks.places import Places

__all__ = [
    "MODULES",
    "Figure",
    "Generation",
    "Item",
    "Mark",
    "Named",
    "Outcome",
    "Places",
    "Plan",
    "Prompt",
    "Sample",
    "Source",
    "Task",
    "bootstrap_figure",
    "by_subset",
    "choose_likeliest",
    "find_task",
    "macro_figure",
    "mean_figure",
    "means",
]
