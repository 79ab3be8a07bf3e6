"""heedful review RUN|FILE [FILE]: a page to read answers on and mark them, blind."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heedful.cli.output import check_seed, print_json, show_address
from heedful.errors import RequestError

if TYPE_CHECKING:
    from heedful.review.items import ReviewSet
    from heedful.review.marks import Marks

PORT = 8707


def review(
    answers: Annotated[
        list[str], typer.Argument(metavar="RUN|FILE [FILE]", help="A run's folder, or one or two files of answers.")
    ],
    single: Annotated[
        bool, typer.Option("--single", help="Of a run the tuned answers alone: right, partly or wrong.")
    ] = False,
    marks: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The SQLite file with the marks; by default beside the answers.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where Scores and table go: the run's scores/, else beside the marks."),
    ] = None,
    export: Annotated[bool, typer.Option("--export", help="Write Scores and table, and end.")] = False,
    offline: Annotated[
        Path | None, typer.Option(metavar="PAGE.html", help="Write one file to send to a colleague, and end.")
    ] = None,
    import_: Annotated[
        Path | None,
        typer.Option("--import", metavar="MARKS.json", help="Add the marks that such a page saved, and end."),
    ] = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen; any but this machine's own needs a token.")
    ] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(metavar="N", min=0, max=65535, help=f"By default {PORT}, or a free one.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Draws the order of the questions and the sides.")] = 0,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Review so many questions, drawn by seed.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON document at the end.")] = False,
) -> None:
    """Read answers and mark them by hand, on a local page: two hidden ones side by side, or one at a time."""
    from heedful.review.items import read_set
    from heedful.review.marks import Marks

    check_seed(seed)
    _check_one_job(export, offline, import_)
    if len(answers) > 2:
        raise RequestError(f"{len(answers)} arguments: name a run, or one or two files of answers")
    found = read_set(answers, single=single, seed=seed, limit=limit)
    _tell_left_out(found)
    path = marks or marks_file(answers, found.mode)
    if (export or import_) and not path.exists():  # a new, empty file would only hide a wrong name
        raise RequestError(f"{path}: no marks are kept there; name the file with --marks, or mark some answers first")
    kept = Marks(path, found.mode)
    try:
        kept.check(found)
        if offline:
            _offline(found, kept, offline, as_json)
        elif import_:
            _import(found, kept, import_, as_json)
        else:
            folder = out or scores_folder(answers, kept.path)
            if not export:
                _serve(found, kept, host, port, as_json)
            _export(found, kept, folder, as_json)
    finally:
        kept.close()


def _check_one_job(export: bool, offline: Path | None, import_: Path | None) -> None:
    if export + (offline is not None) + (import_ is not None) > 1:
        raise RequestError("--export, --offline and --import are three jobs; ask for one at a time")
    if offline and offline.suffix.lower() not in (".html", ".htm"):
        raise RequestError(f"--offline {offline}: a page is written to a file that ends in .html; name one")


def marks_file(answers: list[str], mode: str) -> Path:
    """Where marks are kept unless told otherwise: in the run's folder, else beside the first file of answers."""
    from heedful.store import is_run

    first = Path(answers[0])
    if len(answers) == 1 and is_run(first):
        return first / ("review.sqlite" if mode == "pair" else "review-single.sqlite")
    stems = [(Path(a).resolve().name if is_run(a) else Path(a).stem) for a in answers]
    return (first if is_run(first) else first.parent) / f"{'-vs-'.join(stems)}.review.sqlite"


def scores_folder(answers: list[str], marks: Path) -> Path:
    """Where Scores go unless told otherwise."""
    from heedful.store import is_run

    return Path(answers[0]) / "scores" if len(answers) == 1 and is_run(answers[0]) else marks.parent


def _tell_left_out(found: ReviewSet) -> None:
    if found.left_out:
        typer.echo(f"{found.left_out:,} questions stand in one file only and are left out", err=True)
    if found.failed:
        first = found.failed[0]
        typer.echo(
            f"{len(found.failed):,} questions are not asked, since a request had failed "
            f"({first.example_id}: {first.failure})",
            err=True,
        )


def _serve(found: ReviewSet, kept: Marks, host: str, port: int | None, as_json: bool) -> None:
    """Serve the page until Ctrl-C. The address goes to stdout, or to stderr where a JSON document goes there."""
    from heedful.review.app import review_app
    from heedful.web.server import Address, choose_token, is_loopback, listen, rules_for, serve

    token = choose_token(host)
    ears = listen(host, PORT if port is None else port, fallback=port is None)
    with ears:
        address = Address(host, ears.getsockname()[1], token)

        def ready() -> None:
            what = "two answers each" if found.mode == "pair" else "one answer each"
            typer.echo(f"{len(found.items):,} questions, {what}; marks in {kept.path}", err=True)
            if not is_loopback(host):
                typer.echo("not encrypted: whoever can read this network's traffic can read the page", err=True)
            show_address(address.url, not is_loopback(host), err=as_json)

        serve(review_app(found, kept), ears, rules_for(address), ready)


def _export(found: ReviewSet, kept: Marks, folder: Path, as_json: bool) -> None:
    from heedful.review.export import write
    from heedful.review.result import result_of

    result = result_of(found, kept)
    paths = write(found, kept, folder) if result.marked else ()
    if as_json:
        print_json({"marks": str(kept.path), "written": [str(p) for p in paths], "result": _plain(result)})
        return
    for r in result.reviewers:
        typer.echo(f"{r.name}: {r.marked:,} of {result.asked:,} marked")
    typer.echo(f"written: {', '.join(map(str, paths))}" if paths else "nothing is marked yet")


def _offline(found: ReviewSet, kept: Marks, page: Path, as_json: bool) -> None:
    from heedful.review.offline import write_sheet

    sheet = write_sheet(found, kept, page)
    if as_json:
        print_json({"page": str(page), "sheet": sheet, "questions": len(found.items), "marks": str(kept.path)})
    else:
        typer.echo(f"{page}: {len(found.items):,} questions in one file; add what comes back with --import")


def _import(found: ReviewSet, kept: Marks, path: Path, as_json: bool) -> None:
    from heedful.review.offline import import_marks

    got = import_marks(found, kept, path)
    if as_json:
        print_json({"reviewer": got.reviewer, "new": got.new, "known": got.known, "marks": str(kept.path)})
    else:
        typer.echo(f"{got.reviewer}: {got.new:,} new marks, {got.known:,} known from before")


def _plain(value: Any) -> Any:
    """A result as JSON values; NaN, where nothing can be said, is null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and math.isnan(value) else value
