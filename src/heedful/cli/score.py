"""heedful score KIND: a benchmark's own figures on saved outputs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from heedful.cli.output import print_json
from heedful.scorers.official import Execution, score_files


def score(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="Whose figures: see the list on this command's page.")],
    references: Annotated[
        Path, typer.Option(metavar="FILE", help="The benchmark's own file: questions, answers or annotations.")
    ],
    predictions: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What was answered, in the form of the benchmark's own script.")
    ] = None,
    tables: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="More files of the benchmark's owner, for the kinds that have a use for them."
        ),
    ] = None,
    allow_code_execution: Annotated[
        bool,
        typer.Option(
            "--allow-code-execution", help="Run the predictions, which are programs, in a sandbox (humaneval)."
        ),
    ] = False,
    timeout: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="What a program may take (humaneval; its owner's 3 without it)."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(metavar="N", help="Programs that run at once (humaneval; as many as there are cores without it)."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything, verdicts too, as one document.")] = False,
) -> None:
    """Compute the figures of a benchmark's own script on saved outputs, no model needed."""
    execution = Execution(allow_code_execution, timeout, workers, _watch)
    found = score_files(kind, references, predictions, tables, execution)
    if as_json:
        print_json(found)
        return
    note = found.pop("note", None)
    figures = {k: v for k, v in found.items() if v is None or isinstance(v, bool | int | float | str)}
    width = max(map(len, figures), default=0)
    for name, value in figures.items():
        typer.echo(f"{name:<{width}}  {'none' if value is None else value}")
    if note:
        typer.echo(f"note: {note}", err=True)


def _watch(progress: Any) -> None:
    """How many programs are done, on one line of a terminal; nothing elsewhere."""
    if sys.stderr.isatty():
        typer.echo(f"\r{progress.done:,} of {progress.total:,} programs", err=True, nl=progress.done == progress.total)
