"""heedful rate VOTES: ratings with intervals from votes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from heedful.cli.output import check_seed, print_json
from heedful.errors import RequestError, did_you_mean


def rate(
    votes: Annotated[
        list[Path], typer.Argument(metavar="VOTES", help="Files of votes: CSV, JSONL or JSON; also .gz and .zst.")
    ],
    profile: Annotated[
        str, typer.Option(metavar="NAME", help="heedful, fastchat, fastchat-main, arena-rank or elo.")
    ] = "heedful",
    interval: Annotated[
        str | None, typer.Option(metavar="NAME", help="sandwich or bootstrap; each profile has its own.")
    ] = None,
    style_control: Annotated[
        bool, typer.Option("--style-control", help="Hold length, headers, lists and bold words equal.")
    ] = False,
    anchor: Annotated[
        list[str] | None,
        typer.Option(metavar="MODEL=RATING", help="Shift the scale to give this model this rating."),
    ] = None,
    filter_by: Annotated[
        list[str] | None,
        typer.Option("--filter", metavar="COLUMN=VALUE", help="Count only votes with this value."),
    ] = None,
    with_named: Annotated[
        bool | None,
        typer.Option("--with-named/--without-named", help="Whether votes with the models' names shown count."),
    ] = None,
    with_repeated: Annotated[
        bool | None,
        typer.Option("--with-repeated/--without-repeated", help="Whether votes given again count."),
    ] = None,
    level: Annotated[float, typer.Option(metavar="SHARE", help="Of the intervals.")] = 0.95,
    rounds: Annotated[int | None, typer.Option(metavar="N", help="Resamples of the bootstrap.")] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the bootstrap.")] = 0,
    matrix: Annotated[bool, typer.Option("--matrix", help="Show also who beats whom how often.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the JSON into this file too.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print every number as one JSON document.")] = False,
) -> None:
    """Turn votes on pairs of models into ratings with intervals and ranks."""
    from heedful.ratings import INTERVALS, PROFILES, Options, ratings_json, take_of, tally
    from heedful.ratings import rate as rated

    check_seed(seed)
    for option, given, known in (("--profile", profile, PROFILES), ("--interval", interval, INTERVALS)):
        if given is not None and given not in known:
            raise RequestError(f"{option} '{given}'{did_you_mean(given, known)}: choose {', '.join(known)}")
    if not 0.5 <= level < 1:
        raise RequestError(f"--level {level:g}: name a share from 0.5 to below 1, such as 0.95")
    if rounds is not None and not 20 <= rounds <= 100_000:
        raise RequestError(f"--rounds {rounds}: name a number from 20 to 100,000, such as 1000")
    if out is not None and out.suffix.lower() != ".json":
        raise RequestError(f"--out {out}: the numbers are written to a file that ends in .json; name one")
    options = Options(
        profile=profile,  # type: ignore[arg-type]
        interval=interval,
        level=level,
        rounds=rounds,
        seed=seed,
        anchors=tuple(_anchor(text) for text in anchor or ()),
        style=style_control,
        named=with_named,
        repeated=with_repeated,
    )
    where = [_equals(text, "--filter", "such as language=English") for text in filter_by or ()]
    found = rated(tally(votes, take_of(options, where)), options)
    if out is not None:
        from heedful.store import write_json

        write_json(out, ratings_json(found))
        typer.echo(f"written: {out}", err=True)
    if as_json:
        print_json(ratings_json(found))
        return
    from heedful.cli.rate_table import table
    from heedful.errors import printable

    typer.echo(printable(table(found, matrix)))


def _equals(text: str, option: str, example: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise RequestError(f"{option} '{text}': write NAME=VALUE, {example}")
    return name, value


def _anchor(text: str) -> tuple[str, float]:
    """The last equals sign parts: a model's name may hold one."""
    name, equals, value = text.rpartition("=")
    try:
        rating = float(value)
    except ValueError:
        rating = math.nan
    if not equals or not name.strip() or not math.isfinite(rating):
        raise RequestError(f"--anchor '{text}': write MODEL=RATING, such as llama-13b=800")
    return name, rating
