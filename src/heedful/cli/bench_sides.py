"""A run's base and its tuned model, benched: held against each other, and the report made again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from heedful.cli.bench_plan import Target


def compare_sides(targets: Sequence[Target], as_json: bool) -> None:
    """Base against tuned, and the report made again."""
    from heedful.cli.compare_table import table
    from heedful.compare import compare
    from heedful.errors import printable
    from heedful.report import write_report
    from heedful.store import RunFolder

    base, tuned = (str(t.folder.path) for t in targets)
    if not as_json:
        typer.echo("\n" + printable(table(compare(base, tuned))))
    run = targets[0].run
    assert run is not None
    typer.echo(f"written: {write_report(RunFolder(run))['html']}", err=True)
