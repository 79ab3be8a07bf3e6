"""What commands write besides lines of text: JSON on stdout, a page into a file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import typer

from heedful.backends.base import SEED_MAX
from heedful.errors import RequestError, did_you_mean
from heedful.records import TRAIN_ON
from heedful.store import write_text

FILES = "Files (JSON, JSONL, CSV, TSV, Parquet, Arrow; .gz, .zst), folders, globs or hub:owner/name."


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def show_address(url: str, open_to_others: bool, err: bool) -> None:
    """What to open; for those who stand before a screen with a telephone, as a QR code too."""
    typer.echo(f"Open {url}   (Ctrl-C ends)", err=err)
    stream = sys.stderr if err else sys.stdout
    if not open_to_others or not stream.isatty() or (stream.encoding or "").lower().replace("-", "") != "utf8":
        return
    from heedful.web.qr import qr_lines, qr_matrix

    matrix = qr_matrix(url)
    if matrix is not None:
        typer.echo("\n".join(qr_lines(matrix)), err=err)


def check_page(html: Path | None) -> None:
    """RequestError where `--html` names no page: the data file beside it is not to be written over."""
    if html is not None and html.suffix.lower() not in (".html", ".htm"):
        raise RequestError(f"--html {html}: a page is written to a file that ends in .html; name one")


def check_seed(seed: int) -> None:
    """RequestError for a seed that torch's generators do not take."""
    if not 0 <= seed <= SEED_MAX:
        raise RequestError(f"--seed {seed}: name a whole number from 0 to {SEED_MAX}")


def check_tokens(train_on: str, overlong: str) -> None:
    """RequestError where `--train-on` or `--overlong` is none of those there are."""
    from heedful.train.truncation import OVERLONG

    for option, given, known in (("--train-on", train_on, TRAIN_ON), ("--overlong", overlong, OVERLONG)):
        if given not in known:
            raise RequestError(f"{option} '{given}'{did_you_mean(given, known)}: choose {', '.join(known)}")


def write_page(path: Path, page: str) -> None:
    """Write a page whole or not at all, and say where on stderr."""
    write_text(path, page)
    typer.echo(f"written: {path}", err=True)
