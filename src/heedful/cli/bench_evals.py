"""`heedful bench M --task evals:NAME --registry DIR`: evals of a registry of OpenAI Evals, by heedful.evals."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from heedful.cli.bench_plan import CHARACTERS_A_TOKEN, WIDTH, Target
from heedful.cli.output import print_json
from heedful.errors import Interrupted, RequestError, printable

if TYPE_CHECKING:
    from heedful.evals import Prepared

PREFIX = "evals:"
Load = Callable[..., Callable[[], Any]]


@dataclass(frozen=True)
class Asked:
    """The part of the command line that is about evals."""

    registry: Path | None
    judge: str | None
    completion_fn: str | None
    data_dir: Path | None
    template: str
    batch_size: int
    shots: int | None
    seed: int
    limit: int | None
    dry_run: bool
    as_json: bool


def evals_named(tasks: Sequence[str], registry: Path | None, judge: str | None, completion_fn: str | None) -> list[str]:
    """The names after `evals:`; none where no task has it. RequestError where they stand beside other tasks."""
    names = [name.strip() for text in tasks for name in text.split(",") if name.strip()]
    found = [name.removeprefix(PREFIX) for name in names if name.startswith(PREFIX)]
    if not found:
        options = (("--registry", registry), ("--judge", judge), ("--completion-fn", completion_fn))
        for option, given in options:
            if given is not None:
                raise RequestError(f"{option}: is for tasks evals:NAME; name one with --task, or leave it out")
        return []
    if len(found) < len(names):
        other = next(n for n in names if not n.startswith(PREFIX))
        raise RequestError(
            f"--task: {other} and evals:{found[0]} are asked in different ways; name them in two commands, the second "
            "with --resume into the same folder"
        )
    if registry is None:
        raise RequestError(
            f"task evals:{found[0]}: stands in a registry of OpenAI Evals; name its folder with --registry, such as "
            "evals/registry of its package"
        )
    return found


def refuse_others(given: Mapping[str, Any]) -> None:
    """RequestError for an option that says nothing to an eval."""
    for option, value in given.items():
        if value:
            raise RequestError(f"{option}: is not for tasks evals:NAME; leave it out")


def bench_evals(names: Sequence[str], asked: Asked, targets: Sequence[Target], load: Load) -> None:
    """Read the evals, put them to each model, and tell what came of it."""
    from heedful.bench import How
    from heedful.evals import DIRECT, EvalsBench, Registry, completion_fn, prepare

    assert asked.registry is not None
    registry = Registry(asked.registry)
    fn = completion_fn(registry, asked.completion_fn) if asked.completion_fn is not None else DIRECT
    specs = {spec.key: spec for name in names for spec in registry.named(name)}
    prepared = [
        prepare(registry, spec, asked.limit, asked.seed, asked.shots, asked.data_dir) for spec in specs.values()
    ]
    how = How(asked.template, False, asked.batch_size)
    if asked.dry_run:
        _tell_plan(prepared, how, fn, targets, asked.judge, asked.as_json)
        return
    graded = [p.key for p in prepared if p.grading is not None]
    if asked.judge is not None and not graded:
        raise RequestError(f"--judge: {prepared[0].key} is graded by rules, not by a model; leave --judge out")
    if graded and asked.judge is None:
        typer.echo(f"note: {graded[0]} is graded by a model; without --judge each model grades itself", err=True)
    if fn.models:
        typer.echo(f"note: {fn.name} names {fn.models[0]}; in its place {targets[0].model} is asked", err=True)
    plans = [EvalsBench(t.model, asked.registry, asked.judge, how, asked.seed, asked.limit, fn) for t in targets]
    done = _run(plans, prepared, load, targets)
    _tell(done, prepared, targets, asked.as_json)


def _run(plans: Sequence[Any], prepared: list[Prepared], load: Load, targets: Sequence[Target]) -> list[dict[str, Any]]:
    """One model after the other; all names are checked before the first is loaded."""
    from heedful.cli.live import Live
    from heedful.evals import run_evals

    view = Live(thing="request")
    kept: list[Any] = []

    def keep(backend: Any) -> Any:
        kept.append(backend)
        return backend

    try:
        loads = [load(plan.model, view.say) for plan in plans]
        judge = plans[0].judge
        load_judge = load(judge, view.say, "auto") if judge is not None else None
        out = []
        for plan, open_model, target in zip(plans, loads, targets, strict=True):
            opened = (lambda o=open_model: keep(o())), (None if load_judge is None else lambda: keep(load_judge()))
            out.append(run_evals(plan, prepared, *opened, target.folder, view))
            del kept[:-1]
        return out
    except KeyboardInterrupt:
        raise Interrupted("stopped; every answer so far is kept: add --resume to go on") from None
    finally:
        view.close()
        for spent in (found for b in kept if (found := getattr(b, "spent", None)) is not None):
            typer.echo(str(spent), err=True)


def _tell(
    done: Sequence[dict[str, Any]], prepared: Sequence[Prepared], targets: Sequence[Target], as_json: bool
) -> None:
    """The tables, and of a run's two sides the comparison."""
    from heedful.cli.bench_table import bench_lines

    keys = [p.key for p in prepared]
    if as_json:
        print_json(done[0] if len(done) == 1 else {t.which: results for t, results in zip(targets, done, strict=True)})
    else:
        for number, (results, target) in enumerate(zip(done, targets, strict=True)):
            for line in [
                *([""] if number else []),
                *bench_lines(results, keys, target.folder),
                *_reports(results, keys),
            ]:
                typer.echo(line)
    if len(targets) == 2:
        from heedful.cli.bench_sides import compare_sides

        compare_sides(targets, as_json)


def _reports(results: dict[str, Any], keys: Sequence[str]) -> list[str]:
    """What the owner's command would have reported, and who graded."""
    lines: list[str] = []
    for key in keys:
        task = results["tasks"][key]
        parts = [
            f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in task["report"].items()
        ]
        judge = (
            f"; graded by {task['judge']}" + (" itself" if task["judge"] == results["model"] else "")
            if task["judge"]
            else ""
        )
        through = f"; asked through {task['completion_fn']}" if task.get("completion_fn") else ""
        text = f"{key}: final report {', '.join(parts) or 'empty'}{through}{judge}"
        lines += textwrap.wrap(printable(text), WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    return lines


def _tell_plan(
    prepared: Sequence[Prepared], how: Any, fn: Any, targets: Sequence[Target], judge: str | None, as_json: bool
) -> None:
    """The size of the work; what a judge is asked is known only when the answers are, and so is what a completion
    function asks next: it is counted by its number alone."""
    from heedful.bench.requests import characters
    from heedful.evals.run import requests_of

    tasks = {}
    for one in prepared:
        requests = requests_of(one, how, fn)
        tasks[one.key] = {
            "class": one.spec.cls,
            "shots": one.shots,
            "items": len(one.questions),
            "completion_fn": fn.name or None,
            "requests": len(requests) * fn.asks,
            "judged": len(one.questions) if one.grading is not None else 0,
            "prompt_tokens_about": round(characters(requests) / CHARACTERS_A_TOKEN),
            "tokens_at_most": fn.asks
            * sum(r.settings.max_new_tokens for r in requests.values() if r.settings is not None),
        }
    models = [t.model for t in targets]
    if as_json:
        out = [str(t.folder.path) for t in targets]
        print_json({"models": models, "judge": judge, "out": out, "tasks": tasks})
        return
    for key, task in tasks.items():
        through = f" through {fn.name}" if fn.name else ""
        graded = f", {task['judged']:,} graded by {judge or 'the model itself'}" if task["judged"] else ""
        text = (
            f"{key} ({task['class'].rpartition(':')[2]}, {task['shots']} shots): {task['items']:,} samples, "
            f"{task['requests']:,} requests{through}{graded}, about {task['prompt_tokens_about']:,} tokens in, at most "
            f"{task['tokens_at_most']:,} out"
        )
        for line in textwrap.wrap(printable(text), WIDTH, subsequent_indent="  ", break_on_hyphens=False):
            typer.echo(line)
    typer.echo(printable(f"Nothing was asked of {' and '.join(models)}."))
