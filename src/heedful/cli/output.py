"""What commands write besides lines of text: JSON on stdout, a page into a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer

from heedful.store import write_text

FILES = "Files (JSON, JSONL, CSV, TSV, Parquet, Arrow; .gz, .zst), folders, globs or hub:owner/name."


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def write_page(path: Path, page: str) -> None:
    """Write a page whole or not at all, and say where on stderr."""
    write_text(path, page)
    typer.echo(f"written: {path}", err=True)
