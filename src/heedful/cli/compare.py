"""heedful compare A B [C ...]: is B better than A? And which of several are?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from heedful.cli.output import FILES, check_seed, print_json
from heedful.errors import RequestError, did_you_mean

FAIL_IF = ("worse", "not-better")


def compare(
    a: Annotated[
        str, typer.Argument(metavar="A", help="A run, run:DIR@base, a file of answers or scores, or a bench folder.")
    ],
    others: Annotated[
        list[str], typer.Argument(metavar="B [C ...]", help="What is held against it, each, on the same questions.")
    ],
    metric: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Compare and decide by these metrics alone.")
    ] = None,
    lower_is_better: Annotated[
        list[str] | None, typer.Option("--lower-is-better", metavar="NAME", help="A metric of which less is better.")
    ] = None,
    scores: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Ratings of the answers, by people or judges.")
    ] = None,
    cluster: Annotated[
        str,
        typer.Option(metavar="FIELD", help="What examples share: a field of theirs; auto takes their group; or none."),
    ] = "auto",
    data: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help=f"Where the fields of --cluster stand. {FILES}")
    ] = None,
    test: Annotated[str, typer.Option(metavar="NAME", help="auto or wilcoxon; choose before you look.")] = ("auto"),
    level: Annotated[float, typer.Option(metavar="SHARE", help="Of the intervals; 1 - level limits the p-values.")] = (
        0.95
    ),
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the bootstrap and the drawn sign flips.")] = 0,
    fail_if: Annotated[
        str | None, typer.Option(metavar="WORD", help="Exit status 1 if the verdict is worse (or not-better).")
    ] = None,
    table_file: Annotated[
        Path | None,
        typer.Option("--table", metavar="FILE", help="Write a table too: .csv (every number), .md or .tex."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print every number as one JSON document.")] = False,
) -> None:
    """Say whether B is better than A, worse, or whether nobody can tell, metric by metric and in one word."""
    from heedful.compare import TESTS, Options, compare_several
    from heedful.compare.as_json import comparison_json, several_json
    from heedful.compare.as_table import check_table, comparison_table
    from heedful.store import write_text

    check_seed(seed)
    if not 0.5 <= level < 1:
        raise RequestError(f"--level {level:g}: name a share from 0.5 to below 1, such as 0.95")
    for option, given, known in (("--test", test, TESTS), ("--fail-if", fail_if, FAIL_IF)):
        if given is not None and given not in known:
            raise RequestError(f"{option} '{given}'{did_you_mean(given, known)}: choose {' or '.join(known)}")
    options = Options(tuple(metric or ()), tuple(lower_is_better or ()), cluster, test, level, seed)
    _check_names([a, *others])
    if table_file is not None:
        check_table(table_file)
    found = compare_several(a, others, options, scores=scores or (), data=_fields(data or ()))
    if table_file is not None:
        write_text(table_file, comparison_table(found, table_file.suffix))
        typer.echo(f"written: {table_file}", err=True)
    if as_json:
        print_json(comparison_json(found[0]) if len(found) == 1 else several_json(found))
    else:
        from heedful.cli.compare_table import several_table, table
        from heedful.errors import printable

        typer.echo(printable(table(found[0]) if len(found) == 1 else several_table(found)))
    for one in found:
        if fail_if and (one.verdict == "worse" or (fail_if == "not-better" and one.verdict != "better")):
            which = "B" if len(found) == 1 else one.b.name
            typer.echo(f"heedful: {which} is {one.verdict} and --fail-if is {fail_if}", err=True)
            raise typer.Exit(1)


def _check_names(names: Sequence[str]) -> None:
    """RequestError where one stands twice among several: each comparison makes all others harder to win."""
    double = next((name for k, name in enumerate(names) if len(names) > 2 and name in names[:k]), None)
    if double is not None:
        raise RequestError(f"{double}: is named twice; name each once, the one that the others are held against first")


def _fields(files: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    """The fields and the group of each example in the files, by id."""
    if not files:
        return {}
    from heedful.data import load_examples

    examples, _ = load_examples(files, answers=False)
    return {e.id: dict(e.fields) | ({"group": e.group} if e.group else {}) for e in examples}
