"""Whether a model can do what tasks ask: refused, with an alternative, before anything is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from heedful.bench.requests import How
from heedful.bench.tasks import Prepared
from heedful.errors import RequestError
from heedful.tasks import MODULES, Task, find_task


def check_code(tasks: Sequence[Task], allowed: bool) -> None:
    """RequestError for a task that runs what the model wrote, where the user has not said that it may."""
    for task in tasks:
        if task.runs_code and not allowed:
            raise RequestError(
                f"task {task.name} runs programs that the model writes, in a sandbox; add --allow-code-execution if "
                "they may run on this machine"
            )


def check_backend(backend: Any, model: str, prepared: Sequence[Prepared], how: How) -> None:
    """RequestError for a task that cannot be put to this model in this way."""
    choices = [p.task for p in prepared if any(i.choices for i in p.items)]
    written = [p.task for p in prepared if not all(i.choices for i in p.items)]
    if choices and not how.plain and getattr(backend, "render", None) is None:
        raise RequestError(
            f"task {choices[0].name} asks how likely its choices are after the chat template's text, and {model} does "
            f"not tell that text; use --template none, {_alternative(choices)}"
        )
    if choices:
        if getattr(backend, "log_likelihoods", None) is None:
            raise RequestError(
                f"task {choices[0].name} asks how likely its choices are, and {model} cannot tell; "
                f"{_alternative(choices)}"
            )
        if (probe := getattr(backend, "why_no_log_likelihoods", None)) is not None and (why := probe()):
            raise RequestError(
                f"task {choices[0].name} asks how likely its choices are, and {model} does not tell ({why}); "
                f"{_alternative(choices)}"
            )
    if written and how.plain and getattr(backend, "complete", None) is None:
        raise RequestError(
            f"task {written[0].name} has plain texts gone on with, and {model} takes only conversations; "
            "use --template auto"
        )


def _alternative(refused: Sequence[Task]) -> str:
    """What the user can do instead."""
    names = {(t.name, t.profile) for t in refused}
    known = {n: find_task(n).task for n in MODULES}
    written = [n for n, t in known.items() if (n, t.profile) not in names and t.generation is not None]
    task = f"choose a task whose answers are written ({', '.join(written)}), or " if written else ""
    return f"{task}name the model's weights (hf:FOLDER, gguf:FILE) to score it in this process"
