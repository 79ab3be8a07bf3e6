"""heedful report RUN: the one page that says whether the model got better."""

from __future__ import annotations

from typing import Annotated

import typer

from heedful.store import RunFolder


def report(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder.")],
    without_texts: Annotated[
        bool,
        typer.Option("--without-texts", help="Write report-without-texts.html, too: no question or answer in it."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print report.json on stdout.")] = False,
) -> None:
    """Write report.html, report.json and report.md of a run, from its files, as often as you like."""
    from heedful.report import write_page_without_texts, write_report

    paths = write_report(RunFolder(run))
    if without_texts:
        typer.echo(f"written: {write_page_without_texts(RunFolder(run))}", err=True)
    if as_json:
        typer.echo(paths["json"].read_text(encoding="utf-8"), nl=False)
    else:
        typer.echo(verdict_line(RunFolder(run)))
        typer.echo(str(paths["html"]))


def verdict_line(run: RunFolder) -> str:
    """The report's verdict as one sentence."""
    from heedful.store import read_json

    return str(read_json(run.report("json"))["verdict"]["sentence"])
