"""Rows from files: JSON, JSONL, CSV and Parquet, each row with the place it came from.

    read_rows("train.jsonl") -> Row({"instruction": ...}, "train.jsonl:17"), ...

The place is the line at which the row begins; Parquet has no lines, so ``train.parquet: row 17``. What cannot be
read is one DataError that names the file, the line and the mend. Texts are kept as they are: nothing is stripped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heedful.data.jsontext import BrokenJson, decode_at, rows_of, skip_space
from heedful.data.tables import csv_rows, parquet_rows
from heedful.data.textfiles import BOM, check_encoding, decode_text, kind_of, numbered_lines, open_file
from heedful.errors import DataError


@dataclass(frozen=True, slots=True)
class Row:
    """One row as the file has it: a JSON object, and its place (``train.jsonl:17``)."""

    value: dict[str, Any]
    source: str


def read_rows(path: str | Path, name: str | None = None) -> Iterator[Row]:
    """The rows of a file, in file order. `name` stands in their places (default: the file's name).

    Raises DataError at once where the file is missing, empty or of no known kind, and while reading where it is
    broken or has no rows.
    """
    path = Path(path)
    kind = kind_of(path)
    readers = {"json": _json_rows, "jsonl": _jsonl_rows, "csv": csv_rows, "parquet": parquet_rows}
    return _rows(readers[kind](path), path, name or path.name)


def _rows(values: Iterator[tuple[dict[str, Any], str]], path: Path, name: str) -> Iterator[Row]:
    place = None
    for value, place in values:
        yield Row(value, name + place)
    if place is None:
        raise DataError(f"{path}: no rows in it; name a file that has some")


def sha256_of(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with open_file(Path(path)) as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def _json_rows(path: Path) -> Iterator[tuple[dict[str, Any], str]]:
    with open_file(path) as f:
        data = f.read()
    check_encoding(data[:4096], path)
    bom = len(BOM) if data.startswith(BOM) else 0
    text = decode_text(data[bom:], path, 1, bom)
    del data
    line, counted = 1, 0  # the line of position `counted`; rows come in order, so each line break is counted once
    try:
        for pos, value in rows_of(text):
            line, counted = line + text.count("\n", counted, pos), pos
            yield _as_object(value, path, line), f":{line}"
    except BrokenJson as e:
        raise DataError(f"{path}:{1 + text.count(chr(10), 0, e.pos)}: {e.sentence}") from None


def _jsonl_rows(path: Path) -> Iterator[tuple[dict[str, Any], str]]:
    for number, line in numbered_lines(path):
        pos = skip_space(line, 0)
        if pos == len(line):
            continue
        try:
            value, end = decode_at(line, pos)
        except BrokenJson as e:
            mend = "" if number > 1 else "; one object a line is read here, so name the file .json if it is one array"
            raise DataError(f"{path}:{number}: {e.sentence}{mend}") from None
        if skip_space(line, end) < len(line):
            raise DataError(f"{path}:{number}: more than one value on the line; write one object a line")
        yield _as_object(value, path, number), f":{number}"


def _as_object(value: Any, path: Path, line: int) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    kinds = {list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}
    mend = "; name the file .json if it is one array" if isinstance(value, list) and line == 1 else ""
    kind = kinds.get(type(value), "null")
    raise DataError(f"{path}:{line}: a row must be an object with named fields, and this is {kind}{mend}")
