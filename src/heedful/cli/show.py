"""heedful data show FILE...: rows as the model will see them, each token visible, and those that it will not see."""

from __future__ import annotations

import heapq
import json
import os
import random as randomness
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heedful.cli.output import FILES, check_page, check_tokens
from heedful.errors import RequestError, did_you_mean
from heedful.store import disk_errors

if TYPE_CHECKING:
    from heedful.chat import Chat
    from heedful.data.formats import Drop
    from heedful.records import Example
    from heedful.report.token_view import ShownDrop, ShownRow


@dataclass(frozen=True)
class Fit:
    """How rows are made to fit: the arguments of `fit_row`."""

    train_on: str
    max_length: int | None
    overlong: str


def show(
    files: Annotated[list[str], typer.Argument(help=FILES)],
    model: Annotated[str, typer.Option(help="The model whose tokenizer and template are used.")] = "pip:gemma3-270m",
    template: Annotated[str, typer.Option(help="A template; auto is the model's own, else alpaca.")] = "auto",
    train_on: Annotated[str, typer.Option(help="answers, last-answer or everything.")] = "answers",
    row: Annotated[
        list[str] | None,
        typer.Option(help="A row by its number, id or place (rows.jsonl:17); may be repeated."),
    ] = None,
    longest: Annotated[bool, typer.Option("--longest", help="The rows with most tokens.")] = False,
    random: Annotated[bool, typer.Option("--random", help="Rows by chance.")] = False,
    dropped: Annotated[bool, typer.Option("--dropped", help="Rows that will not be trained on, and why.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Rows to show.")] = 3,
    seed: Annotated[int, typer.Option(help="Seed of --random.")] = 0,
    max_length: Annotated[int | None, typer.Option(min=8, help="Longest row, in tokens; none by default.")] = None,
    overlong: Annotated[str, typer.Option(help="A longer row: drop, truncate, truncate-answer or error.")] = "drop",
    format: Annotated[str | None, typer.Option(help="Name the format instead of recognising it.")] = None,
    columns: Annotated[
        str | None, typer.Option("--map", metavar="NAMES", help="Name the columns: instruction=question,output=answer.")
    ] = None,
    ids: Annotated[
        bool, typer.Option("--ids", help="A line for each token: its id, text and whether it is trained.")
    ] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page, FILE.html, that shows the same.")] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Let the model's repository run its own code.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Show rows as the model will see them: every token, what is trained, where a row was cut, the stop token.

    Trained tokens stand between [[ and ]], and are underlined and green where there is colour.
    """
    fit = Fit(train_on, max_length, overlong)
    _check(fit, {"--row": bool(row), "--longest": longest, "--random": random, "--dropped": dropped}, html)
    from heedful.chat import Chat
    from heedful.data.formats import parse_map
    from heedful.data.load import load
    from heedful.data.reading import nothing_left
    from heedful.models.loading import load_tokenizer

    some = bool(row) or longest or random or dropped
    named = {} if columns is None else parse_map(columns)
    loaded = load(files, format, None if some else limit, columns=named, look=False, need_rows=False)
    examples, builder = loaded.examples, loaded.builder
    if not examples and not dropped:
        raise nothing_left(builder, files[0])
    chat = Chat.bind(template, load_tokenizer(model, trust_remote_code, lambda s: typer.echo(s, err=True)))
    note = None
    if dropped:
        drops = _all_drops(examples, builder.drops, chat, fit)
        shown = _with_raw_rows(drops[:limit], files)
        note = _drops_in_all(drops, len(shown))
    else:
        drops = builder.drops
        if row:
            picked = _named_rows(row, examples, drops)
        elif longest:
            picked = _longest(examples, chat, train_on, limit)
        elif random:
            places = sorted(randomness.Random(seed).sample(range(len(examples)), min(limit, len(examples))))
            picked = [examples[k] for k in places]
        else:
            picked = examples[:limit]
        shown = _shown(picked, chat, fit, files)
    if html is not None:
        _write_page(html, shown, files, model, chat, fit)
    if as_json:
        typer.echo(json.dumps([s.to_json() for s in shown], default=str))
    else:
        _print(shown, chat, ids, note)


def _check(fit: Fit, ways: dict[str, bool], html: Path | None) -> None:
    """RequestError for arguments that do not go together, before anything is read."""
    given = [name for name, wanted in ways.items() if wanted]
    if len(given) > 1:
        raise RequestError(f"{given[0]} and {given[1]} were both given; choose one of {', '.join(ways)}")
    check_tokens(fit.train_on, fit.overlong)
    if fit.overlong != "drop" and fit.max_length is None:
        raise RequestError(f"--overlong {fit.overlong} needs a limit; give --max-length too")
    check_page(html)
    if html is None:
        return
    if html.is_dir() or not html.parent.is_dir():
        why = "it is a folder" if html.is_dir() else f"there is no folder {html.parent}"
        raise RequestError(f"--html {html}: {why}; name another file")


def _named_rows(names: Sequence[str], examples: Sequence[Example], drops: Sequence[Drop]) -> list[Example | Drop]:
    """The rows with these numbers, ids or places; RequestError where there is none, or more than one."""
    from heedful.data.formats import Drop

    by_name: dict[str, list[Example | Drop]] = {}
    for found in (*examples, *drops):
        number = re.search(r"(\d+)$", found.source)
        own = () if isinstance(found, Drop) else (found.id,)
        for name in {found.source, *own, *((number[1],) if number else ())}:
            by_name.setdefault(name, []).append(found)
    out: list[Example | Drop] = []
    for name in names:
        fitting = by_name.get(name) or []
        if not fitting:
            near = did_you_mean(name, by_name) if len(by_name) < 10_000 and not name.lstrip("-").isdigit() else ""
            last = (examples or drops)[-1].source
            raise RequestError(
                f"--row {name}: there is no such row{near}; name one by its number, its id or its place, such as {last}"
            )
        if len(fitting) > 1:
            places = ", ".join(f.source for f in fitting[:3])
            raise RequestError(f"--row {name}: it fits {len(fitting):,} rows ({places}); name one by its place")
        out += [f for f in fitting if f not in out]
    return out


def _longest(examples: Sequence[Example], chat: Chat, train_on: str, count: int) -> list[Example]:
    """The rows with most tokens, longest first; rows that cannot be trained have none."""
    from heedful.train.truncation import Fitted, fit_row

    def tokens(example: Example) -> int:
        made = fit_row(example, chat, train_on)
        return len(made.row.ids) if isinstance(made, Fitted) else 0

    return heapq.nlargest(count, examples, key=tokens)


def _all_drops(examples: Iterable[Example], drops: Sequence[Drop], chat: Chat, fit: Fit) -> list[Drop]:
    """Rows that cannot be read, or that the template or the length limit drops: the first of each reason first."""
    from heedful.data.formats import Drop
    from heedful.train.truncation import fit_row

    made = (fit_row(e, chat, fit.train_on, fit.max_length, fit.overlong) for e in examples)
    seen = Counter[str]()
    ranked = []
    for drop in (*drops, *(m for m in made if isinstance(m, Drop))):
        ranked.append((seen[drop.reason], drop))
        seen[drop.reason] += 1
    return [drop for _, drop in sorted(ranked, key=lambda pair: pair[0])]


def _drops_in_all(drops: Sequence[Drop], shown: int) -> str:
    if not drops:
        return "no row is dropped"
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in Counter(d.reason for d in drops).most_common())
    more = f"; {shown:,} shown" if shown < len(drops) else ""
    return f"dropped rows: {len(drops):,} ({reasons}){more}"


def _shown(picked: Iterable[Example | Drop], chat: Chat, fit: Fit, files: Sequence[str]) -> list[ShownRow | ShownDrop]:
    from heedful.data.formats import Drop
    from heedful.report.token_view import shown_row
    from heedful.train.truncation import fit_row

    made = [p if isinstance(p, Drop) else fit_row(p, chat, fit.train_on, fit.max_length, fit.overlong) for p in picked]
    raw = iter(_with_raw_rows([m for m in made if isinstance(m, Drop)], files))
    return [next(raw) if isinstance(m, Drop) else shown_row(chat, m) for m in made]


def _with_raw_rows(drops: Sequence[Drop], files: Sequence[str]) -> list[ShownRow | ShownDrop]:
    """Dropped rows with what the files have at their places: read again, because they were not kept."""
    from heedful.data.collect import collect
    from heedful.report.token_view import ShownDrop

    wanted, found = {d.source for d in drops}, {}
    for source in collect(files) if wanted else ():
        for row in source.rows():
            if row.source in wanted:
                found[row.source] = row.value
            if len(found) == len(wanted):
                break
    return [ShownDrop(d.source, d.reason, d.sentence, found.get(d.source)) for d in drops]


def _print(shown: Sequence[ShownRow | ShownDrop], chat: Chat, ids: bool, note: str | None) -> None:
    from heedful.report.token_text import drop_lines, head_line, id_lines, legend, row_lines
    from heedful.report.token_view import ShownRow

    colour = _colour_wanted()
    for one in shown:
        if isinstance(one, ShownRow):
            lines = [head_line(one, chat.stop_token), *(id_lines(one) if ids else row_lines(one, colour=colour))]
        else:
            lines = drop_lines(one)
        # click takes colours out again where it finds no terminal, and NO_COLOR was asked for above.
        typer.echo("\n".join([*lines, ""]), color=colour or None)
    rows = [one for one in shown if isinstance(one, ShownRow)]
    if rows and not ids:
        typer.echo("\n".join(legend(rows)))
    if note:
        typer.echo(note)


def _colour_wanted() -> bool:
    """Whether stdout is a terminal, and nobody has asked for none (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _write_page(
    html: Path, shown: Sequence[ShownRow | ShownDrop], files: Sequence[str], model: str, chat: Chat, fit: Fit
) -> None:
    from heedful.report.token_page import token_page

    facts = {
        "files": ", ".join(files),
        "model": model,
        "template": chat.name,
        "stop token": chat.stop_token,
        "trained": fit.train_on,
        "length limit": "none" if fit.max_length is None else f"{fit.max_length:,} tokens, longer rows: {fit.overlong}",
    }
    with disk_errors(html):
        html.write_text(token_page(shown, facts), encoding="utf-8")
    typer.echo(f"written: {html}", err=True)
