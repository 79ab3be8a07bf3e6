"""heedful data check FILE... and heedful data split FILE --split SPEC --out DIR."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from heedful.data.load import Loaded, load, load_parts
from heedful.data.splits import OrderSplit, RatioSplit, Split, overlap_sentence, parse_split, refuse_overlap
from heedful.errors import HeedfulError, RequestError, RunError
from heedful.store import disk_errors, write_json, write_jsonl

app = typer.Typer(
    help="Look at data before a model sees it: the ledger, and splits that do not leak.", no_args_is_help=True
)

SplitOption = Annotated[
    str | None, typer.Option(help="85/5/10, order:train=935,test=110,val=55, or train=FILE,val=FILE,test=FILE.")
]
FormatOption = Annotated[str | None, typer.Option(help="Name the format (alpaca, messages) instead of recognising it.")]
LimitOption = Annotated[int | None, typer.Option(min=1, help="Read at most so many rows.")]
SeedOption = Annotated[int, typer.Option(help="Seed of a split by shares.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
OverlapOption = Annotated[
    bool, typer.Option("--allow-overlap", help="Let parts of the split ask the same question; it is still told.")
]


@app.command()
def check(
    files: Annotated[list[str] | None, typer.Argument(help="JSON, JSONL, CSV or Parquet.")] = None,
    split: SplitOption = None,
    allow_overlap: OverlapOption = False,
    format: FormatOption = None,
    limit: LimitOption = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Say what becomes of every row: kept, or dropped and why, and what the parts of a split share.

    Dropped rows are told and are no failure; parts that ask the same question are one, and then the exit status is 1.
    """
    if split:
        loaded, _ = load_parts(files or [], split, seed=seed, format=format, limit=limit)
    else:
        loaded = load(files or [], format, limit)
    ledger = loaded.builder.ledger()
    typer.echo(_document(ledger.to_json()) if as_json else "\n".join(ledger.lines()))
    found = loaded.builder.found_overlaps
    if found and not allow_overlap:
        raise HeedfulError(f"the check did not hold: {overlap_sentence(found)}")


@app.command("split")
def split_command(
    file: Annotated[str, typer.Argument(help="JSON, JSONL, CSV or Parquet.")],
    split: Annotated[str, typer.Option(help="85/5/10 or order:train=935,test=110,val=55.")],
    out: Annotated[Path, typer.Option(help="A new or empty folder for train.jsonl, val.jsonl, test.jsonl.")],
    allow_overlap: OverlapOption = False,
    format: FormatOption = None,
    limit: LimitOption = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Write the parts of a split as JSONL, the rows as they were and with an id, and ledger.json beside them."""
    spec = parse_split(split)
    if not isinstance(spec, RatioSplit | OrderSplit):
        raise RequestError("--split: the parts are files already; write 85/5/10 or order:train=935,test=110,val=55")
    _need_empty(out)
    loaded, parts = load_parts([file], spec, seed=seed, format=format, limit=limit)
    if not allow_overlap:
        refuse_overlap(loaded.builder.found_overlaps)
    ledger = loaded.builder.ledger()
    written = _write(loaded, parts, ledger.to_json(), out)
    if as_json:
        typer.echo(_document({"out": str(out), "written": written, "ledger": ledger.to_json()}))
    else:
        typer.echo(
            "\n".join([*ledger.lines(), "Written", *(f"  {path}: {rows:,} rows" for path, rows in written.items())])
        )


def _need_empty(out: Path) -> None:
    with disk_errors(out):
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise RunError(f"{out}: exists and is not an empty folder; choose another with --out")


def _write(loaded: Loaded, parts: Split, ledger: dict[str, Any], out: Path) -> dict[str, int]:
    """Write each part that has rows, the ledger last; the columns stay as they were, and each row gets its id here.

    Where it fails or is interrupted, what it wrote goes away again, so that the command can simply be run once more.
    """
    written: dict[str, int] = {}
    try:
        for part, examples in parts.parts().items():
            if examples:
                path = out / f"{part}.jsonl"
                write_jsonl(path, (_row(e.id, loaded.values[e.id]) for e in examples))
                written[str(path)] = len(examples)
        write_json(out / "ledger.json", ledger)
    except BaseException:
        for path in written:
            Path(path).unlink(missing_ok=True)
        raise
    return written


def _row(example_id: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"id": example_id, **{k: v for k, v in value.items() if k != "id"}}


def _document(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
