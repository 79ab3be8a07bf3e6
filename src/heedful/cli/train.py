"""heedful train: a recipe, a model and a file of instructions to a run."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from heedful.cli.output import print_json
from heedful.errors import RequestError

Setting = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any field of the recipe.")]


def train(
    recipe: Annotated[
        str | None, typer.Argument(metavar="RECIPE", help="A recipe in YAML; --print-recipe writes one.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="hf:ID-or-folder, gguf:FILE, pip:gemma3-270m, pip:smollm2-135m-instruct or run:DIR.",
        ),
    ] = None,
    data: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="A file with instructions and answers; may be given again.")
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option("--map", metavar="NAMES", help="Name the columns: instruction=question,output=answer."),
    ] = None,
    out: Annotated[
        str | None, typer.Option(metavar="DIR", help="The run's folder, new or (with --resume) begun.")
    ] = None,
    preset: Annotated[
        str | None, typer.Option(metavar="NAME", help="laptop-cpu, one-gpu-lora, one-gpu-full or multi-gpu-fsdp.")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="PARTS", help="85/5/10, order:train=935,test=110,val=55, or train=FILE,val=FILE,test=FILE."
        ),
    ] = None,
    template: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="alpaca, alpaca-stanford, phi3, phi3-plain, chatml, llama3, gemma, model, or a .jinja file.",
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option(metavar="N", help="Passes over the training rows.")] = None,
    tuning: Annotated[str | None, typer.Option(metavar="HOW", help="lora or full.")] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="For the split, the order of rows and the added matrices.")
    ] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", help="Read at most so many rows.")] = None,
    settings: Setting = None,
    allow_overlap: Annotated[
        bool, typer.Option("--allow-overlap", help="Go on although parts of the split share questions.")
    ] = False,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Let the model's repository run its own code.")
    ] = False,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the run in --out; with --epochs or --set max_steps=N, for longer."),
    ] = False,
    plan: Annotated[
        bool, typer.Option("--plan", "--dry-run", help="Check everything, say what would be done, and end.")
    ] = False,
    print_recipe: Annotated[
        bool, typer.Option("--print-recipe", help="Write the whole recipe on stdout and end.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document on stdout: the manifest, or the plan.")
    ] = False,
) -> None:
    """Fine-tune a model on instructions, answer the test set before and after, and write the report."""
    flags: dict[str, Any] = {
        "model": model, "data": data, "map": columns, "split": split, "template": template, "epochs": epochs,
        "tuning": tuning, "seed": seed, "limit": limit, "allow_overlap": allow_overlap or None,
        "trust_remote_code": trust_remote_code or None,
    }  # fmt: skip
    from heedful.train.recipe import parse_settings, read_recipe, recipe_yaml

    if resume:
        more = {**parse_settings(settings or []), **({} if epochs is None else {"epochs": epochs})}
        others = {**flags, "epochs": None, "preset": preset, "plan": plan or None, "print_recipe": print_recipe or None}
        also = [f"--{name.replace('_', '-')}" for name, given in others.items() if given is not None]
        _resume(out, [*([] if recipe is None else [f"the recipe {recipe}"]), *also], more, as_json)
        return
    made = read_recipe(recipe, preset, settings or [], flags)
    if out is not None and not out.strip():
        raise RequestError("--out '': the name is empty; name a folder for the run")
    if print_recipe:
        typer.echo(recipe_yaml(made), nl=False)
        return
    if plan:
        from heedful.cli.plan import show_plan

        show_plan(made, out, as_json)
        return
    if out is None:
        raise RequestError("name a folder for the run with --out RUN")
    _run(lambda view: _start(made, out, view, recipe), as_json)


def _start(made: Any, out: str, view: Any, recipe: str | None) -> Any:
    from heedful.train.provenance import earlier_run
    from heedful.workflow import start_run

    return start_run(made, out, view, command=command_line(), again_of=earlier_run(recipe))


def _resume(out: str | None, also: list[str], more: dict[str, Any], as_json: bool) -> None:
    if not out:
        raise RequestError("name the run to go on with: heedful train --resume --out RUN")
    if also:
        raise RequestError(
            f"--resume goes on with the run's own recipe, so leave {also[0]} away, or start a new run "
            "(only --epochs and --set max_steps=N may grow)"
        )

    def go_on(view: Any) -> Any:
        from heedful.workflow import continue_run, resume_run

        return continue_run(out, more, view) if more else resume_run(out, view)

    _run(go_on, as_json)


def _run(work: Any, as_json: bool) -> None:
    from heedful.cli.live import Live
    from heedful.cli.report import verdict_line

    view = Live()
    try:
        run = work(view)
    finally:
        view.close()
    if int(os.environ.get("RANK", "0")):  # of several processes the first one speaks
        return
    if as_json:
        print_json(run.read_manifest())
    else:
        typer.echo(verdict_line(run))
        typer.echo(str(run.report("html")))


def command_line() -> str:
    """The command as it was typed, for the manifest."""
    import shlex

    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
