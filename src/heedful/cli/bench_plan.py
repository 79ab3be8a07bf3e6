"""What `heedful bench` will do: which models into which folders, on which items; all mistakes are found here."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from heedful.bench import BenchFolder, How, Prepared, prepare
from heedful.bench.checks import check_code
from heedful.bench.clean import Training, read_training, run_training
from heedful.bench.requests import characters, requests_of
from heedful.cli.output import print_json
from heedful.errors import RequestError
from heedful.models.names import parse_model_name
from heedful.store import RunFolder
from heedful.tasks import MODULES, Named, Plan, find_task

WIDTH = 80
CHARACTERS_A_TOKEN = 4  # of English text, roughly


@dataclass(frozen=True)
class Target:
    """A model and its bench folder. Of a run's two sides `which` is base or tuned, else ''."""

    model: str
    folder: BenchFolder
    which: str = ""
    run: str | None = None


def targets_of(model: str, out: Path | None) -> list[Target]:
    """A run without --out is benchmarked before and after its tuning; any other model by itself.

    RequestError where there is no place for the results.
    """
    parsed = parse_model_name(model)
    run = parsed.target if parsed.kind == "run" else None
    if out is not None:
        if str(out) in ("", "."):
            raise RequestError(f"--out '{out}': name a folder of its own for the results, such as bench")
        return [Target(model, BenchFolder(out), "", run)]
    if run is None or parsed.detail:
        raise RequestError(
            "--out: name a folder for the results, such as --out bench (only a run has a place for them)"
        )
    folder = RunFolder(run)
    return [
        Target(f"run:{run}@base", BenchFolder(folder.bench("base")), "base", run),
        Target(f"run:{run}", BenchFolder(folder.bench("tuned")), "tuned", run),
    ]


def check_targets(targets: Sequence[Target], resume: bool) -> None:
    """RequestError where a folder cannot be begun or gone on with."""
    for target in targets:
        target.folder.check(resume)


def check_submission(prepared: Sequence[Prepared], harness: Sequence[str]) -> None:
    """RequestError where one of the tasks has no files for a leaderboard."""
    without = [*(p.key for p in prepared if p.task.submission is None), *harness]
    if without:
        known = [n for n in MODULES if find_task(n).task.submission is not None]
        raise RequestError(
            f"--submission: {without[0]} has no leaderboard that takes files; name only tasks that have "
            f"({', '.join(known)}), or leave --submission out"
        )


def read_tasks(
    named: Sequence[Named],
    data_dir: Path | None,
    split: str,
    shots: int | None,
    seed: int,
    limit: int | None,
    targets: Sequence[Target],
    training_data: Sequence[str],
    allow_code: bool,
) -> tuple[list[Prepared], Training | None]:
    """The items of all tasks, and the training rows to look for them in: those named, else of a run its own."""
    check_code([n.task for n in named], allow_code)
    plan = Plan(shots=shots, seed=seed, limit=limit, split=split)
    prepared = [prepare(n, plan, data_dir) for n in named]
    own = RunFolder(targets[0].run).split("train") if targets[0].run is not None else None
    if training_data:
        training = read_training(training_data)
        if training.dropped:
            rows = "1 training row" if training.dropped == 1 else f"{training.dropped:,} training rows"
            typer.echo(f"{rows} cannot be read: no item is looked for there", err=True)
        return prepared, training
    return prepared, run_training(own) if own is not None and own.is_file() else None


def tell_plan(prepared: Sequence[Prepared], how: How, targets: Sequence[Target], as_json: bool) -> None:
    """The size of the work. Templates are not known before a model is loaded, so texts are counted without them."""
    tasks = {}
    for one in prepared:
        _, requests = requests_of(one, how, None)
        about = round(characters(requests) / CHARACTERS_A_TOKEN)
        most = sum(r.settings.max_new_tokens for r in requests.values() if r.settings is not None)
        tasks[one.key] = {
            "profile": one.task.profile,
            "shots": one.shots,
            "items": len(one.items),
            "requests": len(requests),
            "prompt_tokens_about": about,
            "tokens_at_most": most,
        }
    if as_json:
        print_json({"models": [t.model for t in targets], "out": [str(t.folder.path) for t in targets], "tasks": tasks})
        return
    for line in _plan_lines(tasks, targets):
        for part in textwrap.wrap(line, WIDTH, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False):
            typer.echo(part)


def _plan_lines(tasks: Mapping[str, Mapping[str, Any]], targets: Sequence[Target]) -> Iterator[str]:
    for key, task in tasks.items():
        out = f", at most {task['tokens_at_most']:,} out" if task["tokens_at_most"] else ""
        yield (
            f"{key} ({task['profile']}, {task['shots']} shots): {task['items']:,} items, {task['requests']:,} requests"
            f", about {task['prompt_tokens_about']:,} tokens in{out}"
        )
    yield f"Tokens: {CHARACTERS_A_TOKEN} characters each, a prompt counted once for all its choices."
    yield f"Nothing was asked of {' and '.join(t.model for t in targets)}."
