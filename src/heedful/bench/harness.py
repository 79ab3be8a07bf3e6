"""Tasks of an installed lm-evaluation-harness, with Heedful's engine as the model that they ask: ``lm-eval:NAME``.

The harness reads its own task files, chooses the examples, filters the answers and computes the metrics
(https://github.com/EleutherAI/lm-evaluation-harness, 0.4.9 or later); Heedful answers its requests, journals them so
that a run that was killed goes on, and keeps results and samples in its own files beside the harness's figures.
"""

from __future__ import annotations

import functools
import importlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heedful.bench.harness_model import make_lm
from heedful.bench.journal import Journal
from heedful.bench.requests import How
from heedful.errors import HeedfulError, RequestError, did_you_mean

PREFIX = "lm-eval:"
_PASSED_OVER = ("alias", "name", "sample_len", "sample_count")


@dataclass(frozen=True)
class HarnessTask:
    """A task or a group of the harness. `include` is a folder with task files of the user's own."""

    name: str
    include: Path | None = None

    @property
    def key(self) -> str:
        return f"{PREFIX}{self.name}"

    def part_key(self, name: str) -> str:
        """The key of a task that a group is made of."""
        return self.key if name == self.name else f"{self.key}:{name}"


@dataclass(frozen=True)
class HarnessRun:
    """What the harness `made` of a task, and of that: `results` by key and metric, `samples` by key, and what is worth
    knowing."""

    results: Mapping[str, Mapping[str, Any]]
    samples: Mapping[str, Sequence[Mapping[str, Any]]]
    facts: Mapping[str, Any]
    made: Mapping[str, Any]


def harness_tasks(texts: Sequence[str], folder: Path | None) -> tuple[list[HarnessTask], list[str]]:
    """The harness's tasks among the names of ``--task A,B --task C``, and the other names.

    `folder` is what the user named with ``--data-dir``: task files (YAML) in it are made known to the harness.
    """
    names = [name.strip() for text in texts for name in text.split(",") if name.strip()]
    own = [n for n in names if n.startswith(PREFIX)]
    if not own:
        return [], list(texts)
    include = folder if folder is not None and any(folder.glob("*.yaml")) else None
    twice = next((n for n in own if own.count(n) > 1), None)
    if twice is not None:
        raise RequestError(f"--task: {twice} is named {own.count(twice)} times; keep one of them")
    return [find_harness_task(n, include) for n in own], [n for n in names if not n.startswith(PREFIX)]


def find_harness_task(text: str, include: Path | None = None) -> HarnessTask:
    """The task of a name. RequestError where the harness is not installed, or has none such."""
    name = text.removeprefix(PREFIX)
    manager = _manager(include)
    if name not in manager.all_tasks:
        near = did_you_mean(name, manager.all_tasks)
        raise RequestError(
            f"task '{text}'{near}: the installed lm-evaluation-harness has no task or group of this name; "
            "list its tasks with: lm-eval ls tasks"
        )
    return HarnessTask(name, include)


@functools.cache
def _manager(include: Path | None) -> Any:
    """The harness's index of task files, which takes seconds to make."""
    try:
        tasks: Any = importlib.import_module("lm_eval.tasks")
    except ImportError:
        raise RequestError(
            "tasks lm-eval:NAME need lm-evaluation-harness, which is not installed; "
            "pip install 'heedful[lm-eval]', or name a task of heedful bench --list"
        ) from None
    return tasks.TaskManager(include_path=None if include is None else str(include))


def run_harness(
    task: HarnessTask,
    backend: Any,
    journal: Journal,
    how: How,
    shots: int | None,
    limit: int | None,
    seed: int,
    progress: Callable[[int, int], None],
) -> HarnessRun:
    """Run a task of the harness. HeedfulError where the harness itself fails, with its reason."""
    harness: Any = importlib.import_module("lm_eval")
    model = make_lm(backend, journal, how, progress)
    try:
        made: Any = harness.simple_evaluate(
            model=model, tasks=[task.name], num_fewshot=shots, limit=limit, task_manager=_manager(task.include),
            apply_chat_template=not how.plain, fewshot_as_multiturn=not how.plain and how.multiturn,
            random_seed=seed, numpy_random_seed=seed, torch_random_seed=seed, fewshot_random_seed=seed,
            bootstrap_iters=1000, log_samples=True,
        )  # fmt: skip
    except HeedfulError:
        raise
    except Exception as e:  # whatever a task file of the harness does wrongly
        raise HeedfulError(
            f"task {task.key}: lm-evaluation-harness stopped with {type(e).__name__}: {_short(e)}; look whether its "
            "data can be loaded here, and go on with --resume"
        ) from e
    counts = made.get("n-samples", {})
    names = [*made["results"], *(n for n in made.get("groups", {}) if n not in made["results"])]
    profile = f"lm-evaluation-harness {getattr(harness, '__version__', 'unknown')}"
    results: dict[str, dict[str, Any]] = {task.key: {"profile": profile}}
    for name in names:
        figures = _metrics(made["results"].get(name) or made["groups"][name], counts.get(name))
        main = {"main": next(iter(figures))} if figures else {}
        if figures or name == task.name:
            results[task.part_key(name)] = {"profile": profile, **figures, **main}
    found = made.get("samples", {})
    samples = {task.part_key(n): [_sample(n, line, how) for line in lines] for n, lines in found.items()}
    facts = {
        "task": task.name, "profile": profile, "subset": None, "split": None,
        "versions": {task.part_key(n): v for n, v in made.get("versions", {}).items()},
        "shots": max([int(v or 0) for v in made.get("n-shot", {}).values()], default=0),
        "items": sum(len(v) for v in samples.values()), "limit": limit, "seed": seed,
        "parts": [k.removeprefix(f"{task.key}:") for k in results if k != task.key],
        "failed": model.failed, "first_error": model.first_error, "truncated": model.truncated, "trained_on": None,
        "requests": model.requests, "asked": model.asked, "reused": model.requests - model.asked,
    }  # fmt: skip
    return HarnessRun(results, samples, facts, made)


def write_own_files(run: HarnessRun, where: Path, model: str, how: How, backend: Any) -> None:
    """The harness's own files, by its own code: ``MODEL/results_TIME.json`` and ``MODEL/samples_TASK_TIME.jsonl``."""
    trackers: Any = importlib.import_module("lm_eval.loggers")
    tracker = trackers.EvaluationTracker(output_path=str(where))
    template = None if how.plain else str(backend.chat.text)
    multiturn = not how.plain and how.multiturn
    tracker.general_config_tracker.log_experiment_args("heedful", f"pretrained={model}", None, template, multiturn)
    samples = {name: [dict(line) for line in lines] for name, lines in run.made.get("samples", {}).items()}
    tracker.save_results_aggregated({k: v for k, v in run.made.items() if k != "samples"}, samples)
    for name, lines in samples.items():
        tracker.save_results_samples(name, lines)
    folder = where / str(tracker.general_config_tracker.model_name_sanitized)
    wanted = [f"results_{tracker.date_id}.json", *(f"samples_{name}_{tracker.date_id}.jsonl" for name in samples)]
    if missing := next((n for n in wanted if not (folder / n).is_file()), None):  # it only logs what went wrong
        raise HeedfulError(
            f"{folder / missing}: lm-evaluation-harness could not write it; look at the disk, then --resume"
        )


def _metrics(values: Mapping[str, Any], counts: Mapping[str, int] | None) -> dict[str, Any]:
    """``acc,none`` and ``acc_stderr,none`` as one entry ``acc``; a filter is named unless it is the only one."""
    found: dict[str, Any] = {}
    filters = {key.partition(",")[2] for key in values if "," in key}
    for key, value in values.items():
        metric, _, chosen = key.partition(",")
        if key in _PASSED_OVER or metric.endswith("_stderr") or not isinstance(value, int | float):
            continue
        error = values.get(f"{metric}_stderr,{chosen}")
        known = isinstance(error, int | float) and math.isfinite(error)
        name = metric if len(filters) < 2 or chosen == "none" else f"{metric},{chosen}"
        found[name] = {
            "value": float(value) if math.isfinite(value) else None,
            "stderr": float(error) if known and error is not None else None,
            "n": int((counts or {}).get("effective", 0)),
        }
    return found


def _sample(name: str, line: Mapping[str, Any], how: How) -> dict[str, Any]:
    """A document of the harness as a line of samples/KEY.jsonl."""
    arguments = line.get("arguments") or [("",)]
    if isinstance(arguments, dict):
        arguments = [tuple(a.values()) for a in arguments.values()]
    responses = line.get("resps") or []
    scores = {m: _score(line[m]) for m in line.get("metrics", ()) if m in line}
    made: dict[str, Any] = {"id": f"{name}/{line['doc_id']}", "prompt": str(arguments[0][0])}
    choices = [
        {"text": str(a[1]), "log_likelihood": float(r[0][0]), "greedy": bool(r[0][1])}
        for a, r in zip(arguments, responses, strict=False)
        if len(a) > 1 and isinstance(a[1], str) and isinstance(r[0], tuple | list) and len(r[0]) == 2
    ]
    if choices:
        made["choices"] = choices
    else:
        made["texts"] = [str(r[0]) for r in responses]
    known = {m: v for m, v in scores.items() if v is not None}
    return made | {"gold": str(line.get("target")), "score": known, "template": how.template}


def _score(value: Any) -> float | None:
    return float(value) if isinstance(value, bool | int | float) and math.isfinite(value) else None


def _short(e: BaseException) -> str:
    return " ".join(str(e).split())[:200] or "no reason given"
