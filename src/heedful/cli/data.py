"""heedful data check, split and index: the ledger, splits that do not leak, and benchmarks to check rows against."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heedful.cli.output import FILES, check_page, check_tokens, print_json, write_page
from heedful.errors import HeedfulError, RequestError, RunError
from heedful.store import disk_errors, write_json, write_jsonl

if TYPE_CHECKING:
    from heedful.data.contamination import Index
    from heedful.data.load import Loaded
    from heedful.data.reading import ReadOptions
    from heedful.data.splits import Split

app = typer.Typer(
    help="Look at data before a model sees it: the ledger, and splits that do not leak.", no_args_is_help=True
)

FilesOption = Annotated[list[str] | None, typer.Argument(help=FILES)]
SplitOption = Annotated[
    str | None, typer.Option(help="85/5/10, order:train=935,test=110,val=55, or train=FILE,val=FILE,test=FILE.")
]
FormatOption = Annotated[str | None, typer.Option(help="Name the rows' format instead of recognising it.")]
MapOption = Annotated[
    str | None, typer.Option("--map", metavar="NAMES", help="Name the columns: instruction=question,output=answer.")
]
LimitOption = Annotated[int | None, typer.Option(min=1, help="Read at most so many rows.")]
SeedOption = Annotated[int, typer.Option(help="Seed of a split by shares, and of caps and weights.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
OverlapOption = Annotated[
    bool, typer.Option("--allow-overlap", help="Let parts of the split ask the same question; it is still told.")
]
GroupOption = Annotated[str | None, typer.Option(help="A column: rows with the same value stay in one part.")]
StratifyOption = Annotated[str | None, typer.Option(help="A column: each part gets its share of every value.")]


@app.command()
def check(
    files: FilesOption = None,
    split: SplitOption = None,
    allow_overlap: OverlapOption = False,
    group_by: GroupOption = None,
    stratify: StratifyOption = None,
    format: FormatOption = None,
    columns: MapOption = None,
    against: Annotated[
        list[str] | None, typer.Option(help="A benchmark's index (heedful data index); may be given again.")
    ] = None,
    near: Annotated[
        bool, typer.Option("--near/--no-near", help="Look for near-duplicates, which takes most of the time.")
    ] = True,
    model: Annotated[str | None, typer.Option(help="Count this model's tokens, as training would.")] = None,
    template: Annotated[str, typer.Option(help="With --model: a template; auto is the model's own.")] = "auto",
    train_on: Annotated[str, typer.Option(help="With --model: answers, last-answer or everything.")] = "answers",
    max_length: Annotated[int, typer.Option(min=8, help="With --model: the longest row, in tokens.")] = 1024,
    overlong: Annotated[str, typer.Option(help="With --model: drop, truncate, truncate-answer or error.")] = "drop",
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="With --model: let its repository run its own code.")
    ] = False,
    limit: LimitOption = None,
    seed: SeedOption = 0,
    html: Annotated[Path | None, typer.Option(help="Write the ledger as one page too.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what becomes of every row: kept, or dropped and why, what is odd, and what the parts of a split share.

    Dropped rows are told and are no failure. Parts that ask the same question are one, and rows that hold the items
    of a benchmark: then the exit status is 1.
    """
    how = _options(format, columns, limit, seed)
    if (group_by or stratify) and not split:
        raise RequestError("--group-by and --stratify say how a split is made; name one with --split")
    if split and not near:
        raise RequestError(
            "--no-near is for a check without --split: a split is made by near-duplicates; leave one out"
        )
    check_page(html)
    _check_counting(model, template, train_on, max_length, overlong, trust_remote_code)
    tokens = {"train_on": train_on, "max_length": max_length, "overlong": overlong}
    from heedful.data.load import load_indexes

    indexes = load_indexes(against or [])
    chat = functools.partial(_chat, model, template, trust_remote_code) if model else None
    if split:
        ledger = _check_split(files or [], (split, group_by, stratify), how, indexes, chat, tokens)
    else:
        ledger = _check_files(files or [], how, indexes, near, chat, tokens)
    if html:
        from heedful.report.ledger_page import ledger_page

        write_page(html, ledger_page(ledger, "Data: " + ", ".join(Path(f["path"]).name for f in ledger["files"])))
    if as_json:
        print_json(ledger)
    else:
        from heedful.data import ledger_lines

        typer.echo("\n".join(ledger_lines(ledger)))
    _judge(ledger, allow_overlap)


def _check_counting(
    model: str | None, template: str, train_on: str, max_length: int, overlong: str, trust_remote_code: bool
) -> None:
    """RequestError for settings of tokens that are wrong, or that without a model would change nothing."""
    check_tokens(train_on, overlong)
    given = {"--template": template, "--train-on": train_on, "--max-length": max_length, "--overlong": overlong,
             "--trust-remote-code": trust_remote_code}  # fmt: skip
    usual = ("auto", "answers", 1024, "drop", False)
    idle = next((n for (n, value), as_is in zip(given.items(), usual, strict=True) if value != as_is), None)
    if idle and not model:
        raise RequestError(f"{idle} is for counting tokens; give --model too")


def _options(format: str | None, columns: str | None, limit: int | None, seed: int) -> ReadOptions:
    from heedful.data.formats import parse_map
    from heedful.data.reading import ReadOptions

    return ReadOptions(format, {} if columns is None else parse_map(columns), limit, seed=seed)


def _check_files(
    files: list[str],
    how: ReadOptions,
    indexes: list[Index],
    near: bool,
    chat: Callable[[], Any] | None,
    tokens: dict[str, Any],
) -> dict[str, Any]:
    """The ledger of files, read row by row."""
    from heedful.data.stream import check_files

    tokenizing = None
    if chat is not None:
        from heedful.train.prepare import tokenizing_for

        tokenizing = tokenizing_for(chat(), **tokens)
    with _far() as tell:
        return check_files(files, how, indexes, near, tokenizing, tell).ledger().to_json()


@contextlib.contextmanager
def _far() -> Iterator[Callable[[str], None]]:
    """A line on stderr, drawn again and again, that says how far it is, where stderr is a terminal; gone at the end."""
    if not sys.stderr.isatty():
        yield lambda sentence: None
        return
    try:
        yield lambda sentence: typer.echo(f"\r\x1b[2K{sentence}", err=True, nl=False, color=True)
    finally:
        typer.echo("\r\x1b[2K", err=True, nl=False, color=True)


def _check_split(
    files: list[str],
    split: tuple[str, str | None, str | None],
    how: ReadOptions,
    indexes: list[Index],
    chat: Callable[[], Any] | None,
    tokens: dict[str, Any],
) -> dict[str, Any]:
    """The ledger of files that are divided, with the parts and what they share."""
    from heedful.data.load import Dividing, load_parts
    from heedful.data.splits import parse_split

    spec, group_by, stratify = split
    parts = load_parts(files, Dividing(parse_split(spec), how.seed, group_by, stratify), how, indexes)
    if chat is None:
        return parts[0].builder.ledger().to_json()
    from heedful.train.prepare import prepare_data
    from heedful.train.recipe import make_recipe

    return prepare_data(make_recipe({**tokens, "seed": how.seed}), chat(), parts).ledger or {}


def _chat(model: str, template: str, trust_remote_code: bool) -> Any:
    from heedful.chat import Chat
    from heedful.models.loading import load_tokenizer

    return Chat.bind(template, load_tokenizer(model, trust_remote_code, lambda s: typer.echo(s, err=True)))


def _judge(ledger: dict[str, Any], allow_overlap: bool) -> None:
    """HeedfulError (exit status 1) where parts overlap or rows hold a benchmark's items."""
    from heedful.data.splits import Overlap, overlap_sentence

    faults = []
    found = [Overlap(tuple(o["parts"]), o["count"], tuple(o["where"]), o["kind"]) for o in ledger["overlaps"]]
    if found and not allow_overlap:
        faults.append(overlap_sentence(found))
    faults += [
        f"rows that hold items of {c['index']}: {c['rows']:,} (the first: {c['where'][0]}); take them out of training"
        for c in ledger.get("contamination") or ()
        if c["rows"]
    ]
    if faults:
        raise HeedfulError(f"the check did not hold: {'; '.join(faults)}")


@app.command("split")
def split_command(
    files: Annotated[list[str], typer.Argument(help=FILES)],
    split: Annotated[str, typer.Option(help="85/5/10 or order:train=935,test=110,val=55.")],
    out: Annotated[Path, typer.Option(help="A new or empty folder for train.jsonl, val.jsonl, test.jsonl.")],
    allow_overlap: OverlapOption = False,
    group_by: GroupOption = None,
    stratify: StratifyOption = None,
    format: FormatOption = None,
    columns: MapOption = None,
    limit: LimitOption = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Write the parts of a split as JSONL, the rows as they were and with an id, and ledger.json beside them.

    A row that holds several conversations is written as those, in Heedful's own form.
    """
    from heedful.data import ledger_lines
    from heedful.data.load import Dividing, load_parts
    from heedful.data.splits import OrderSplit, RatioSplit, parse_split, refuse_overlap

    spec = parse_split(split)
    if not isinstance(spec, RatioSplit | OrderSplit):
        raise RequestError("--split: the parts are files already; write 85/5/10 or order:train=935,test=110,val=55")
    _need_empty(out)
    how = _options(format, columns, limit, seed)
    loaded, parts = load_parts(files, Dividing(spec, seed, group_by, stratify), how)
    if any(weight > 1 for weight in loaded.weights.values()):
        loaded.builder.warn("a weight above 1 repeats rows in training only; the parts have each row once")
    if not allow_overlap:
        refuse_overlap(loaded.builder.found_overlaps)
    ledger = loaded.builder.ledger().to_json()
    written = _write(loaded, parts, ledger, out)
    if as_json:
        print_json({"out": str(out), "written": written, "ledger": ledger})
    else:
        lines = [*ledger_lines(ledger), "Written", *(f"  {path}: {rows:,} rows" for path, rows in written.items())]
        typer.echo("\n".join(lines))


def _need_empty(out: Path) -> None:
    with disk_errors(out):
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise RunError(f"{out}: exists and is not an empty folder; choose another with --out")


def _write(loaded: Loaded, parts: Split, ledger: dict[str, Any], out: Path) -> dict[str, int]:
    """Write each part that has rows, the ledger last; the columns stay as they were, and each row gets its id here.

    Where it fails or is interrupted, what it wrote goes away again, so that the command can simply be run once more.
    """
    from heedful.records import to_json

    written: dict[str, int] = {}
    try:
        for part, examples in parts.parts().items():
            if examples:
                path = out / f"{part}.jsonl"
                as_written = all(e.id in loaded.values for e in examples)
                rows = (_row(e.id, loaded.values[e.id]) if as_written else to_json(e) for e in examples)
                write_jsonl(path, rows)
                written[str(path)] = len(examples)
        write_json(out / "ledger.json", ledger)
    except BaseException:
        for path in written:
            Path(path).unlink(missing_ok=True)
        raise
    return written


def _row(example_id: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"id": example_id, **{k: v for k, v in value.items() if k != "id"}}


@app.command("index")
def index_command(
    files: Annotated[list[str], typer.Argument(help="A benchmark's test items: JSON, JSONL, CSV, TSV or text.")],
    out: Annotated[Path, typer.Option(help="The index, such as mmlu.npz.")],
    name: Annotated[str | None, typer.Option(help="What the benchmark is called; default: the index's name.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Make an index of a benchmark's items, for `heedful data check --against` and a recipe's `against`."""
    from heedful.data.contamination import build_index

    if out.exists():
        raise RunError(f"{out}: exists already; choose another with --out")
    index = build_index(files, name=name or out.stem)
    index.save(out)
    facts = {"out": str(out), "name": index.name, "items": len(index), "too_short": index.too_short}
    if as_json:
        print_json(facts)
    else:
        items = "1 item" if len(index) == 1 else f"{len(index):,} items"
        typer.echo(f"{out}: {items} of {index.name}; {index.too_short:,} too short to be looked for")
