"""Rows from files: JSON, JSONL, CSV, TSV, Parquet and Arrow, packed or not, each row with the place it came from.

    read_rows("train.jsonl") -> Row({"instruction": ...}, "train.jsonl:17"), ...

The place is the line at which the row begins, counted in the unpacked text; Parquet and Arrow have no lines, so
``train.parquet: row 17``. What cannot be read is one DataError that names the file, the line and the mend. Texts are
kept as they are: nothing is stripped. Memory does not grow with the file.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heedful.data.arrow import arrow_rows, parquet_rows
from heedful.data.files import refuse_damaged
from heedful.data.jsontext import BrokenJson, decode_at, rows_of, skip_space
from heedful.data.tables import csv_rows
from heedful.data.textfiles import kind_of, line_blocks, open_file, text_pieces
from heedful.errors import DataError


@dataclass(frozen=True, slots=True)
class Row:
    """One row as the file has it: a JSON object, and its place (``train.jsonl:17``)."""

    value: dict[str, Any]
    source: str


def read_rows(path: str | Path, name: str | None = None) -> Iterator[Row]:
    """The rows of a file, in file order. `name` stands in their places (default: the file's name).

    Raises DataError at once where the file is missing, empty or of no known kind, and while reading where it is
    broken or has no rows. The rows before a mistake may come before its DataError.
    """
    path = Path(path)
    kind, name = kind_of(path), name or path.name
    if kind == "tsv":
        return _rows(csv_rows(path, name, "\t"), path)
    readers = {"json": _json_rows, "jsonl": _jsonl_rows, "csv": csv_rows, "parquet": parquet_rows, "arrow": arrow_rows}
    return _rows(readers[kind](path, name), path)


def _rows(values: Iterator[tuple[dict[str, Any], str]], path: Path) -> Iterator[Row]:
    place = None
    try:
        for value, place in values:
            yield Row(value, place)
    except DataError:
        refuse_damaged(path)  # then that is the reason
        raise
    if place is None:
        raise DataError(f"{path}: no rows in it; name a file that has some")


def sha256_of(path: str | Path) -> str:
    """The SHA-256 of a file's bytes as they lie (packed, where it is), as 64 hexadecimal digits."""
    with open_file(Path(path)) as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def _json_rows(path: Path, name: str) -> Iterator[tuple[dict[str, Any], str]]:
    try:
        for line, value in rows_of(lambda: text_pieces(path)):
            yield _as_object(value, path, line), f"{name}:{line}"
    except BrokenJson as e:
        raise DataError(f"{path}:{e.line}: {e.sentence}") from None


def _jsonl_rows(path: Path, name: str) -> Iterator[tuple[dict[str, Any], str]]:
    with contextlib.closing(line_blocks(path)) as blocks:
        for first, text in blocks:
            for number, line in enumerate(text.split("\n"), first):
                if line.startswith("{") or skip_space(line, 0) < len(line):
                    yield _decoded(line, path, number), f"{name}:{number}"


def _decoded(line: str, path: Path, number: int) -> dict[str, Any]:
    try:
        value, end = decode_at(line, 0 if line[0] == "{" else skip_space(line, 0))
    except BrokenJson as e:
        mend = "" if number > 1 else "; one object a line is read here, so name the file .json if it is one array"
        raise DataError(f"{path}:{number}: {e.sentence}{mend}") from None
    if end < len(line) and skip_space(line, end) < len(line):
        raise DataError(f"{path}:{number}: more than one value on the line; write one object a line")
    return value if type(value) is dict else _as_object(value, path, number)


def _as_object(value: Any, path: Path, line: int) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    kinds = {list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}
    mend = "; name the file .json if it is one array" if isinstance(value, list) and line == 1 else ""
    kind = kinds.get(type(value), "null")
    raise DataError(f"{path}:{line}: a row must be an object with named fields, and this is {kind}{mend}")
