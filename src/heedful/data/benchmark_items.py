"""The texts of a benchmark's items, read from its owners' files whatever their layout, each with its place.

Every text in a file is taken: the leaves of JSON and JSONL at any depth, the cells of CSV and TSV with a header or
without one (MMLU has none), the lines of plain text. `contamination` decides which are long enough to be looked for.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from heedful.data.files import kind_by_ending
from heedful.data.textfiles import numbered_lines
from heedful.errors import DataError


def benchmark_texts(path: str | Path) -> Iterator[tuple[str, str]]:
    """Each text of a benchmark's file, and its place: ``test.csv:17 column 1``, ``dev.json data[3].paragraphs[0]...``.

    Raises DataError where the file cannot be read; a file of a kind that is not known is read as text, line by line.
    """
    path = Path(path)
    kind = kind_by_ending(path)
    readers = {"json": _json, "jsonl": _jsonl, "csv": _cells, "tsv": _tabs, "parquet": _table, "arrow": _table}
    return readers.get(kind or "", _lines)(path)


def _json(path: Path) -> Iterator[tuple[str, str]]:
    text = "".join(line for _, line in numbered_lines(path))
    try:
        value = json.loads(text)
    except json.JSONDecodeError as e:
        if e.msg != "Extra data":
            raise DataError(f"{path}:{e.lineno}: broken JSON ({e.msg}); mend the line or download it again") from None
        yield from _jsonl(path)  # one object a line under the name .json, as some owners have it
        return
    except RecursionError:
        raise DataError(f"{path}: lists and objects are nested too deeply to be a benchmark's items") from None
    for text, place in _leaves(value, ""):
        yield text, f"{path.name} {place}".strip()


def _jsonl(path: Path) -> Iterator[tuple[str, str]]:
    for number, line in numbered_lines(path):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as e:
            reason = getattr(e, "msg", "nested too deeply")
            raise DataError(f"{path}:{number}: broken JSON ({reason}); mend the line or download it again") from None
        for text, place in _leaves(value, ""):
            yield text, f"{path.name}:{number} {place}".strip()


def _leaves(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """The texts inside a JSON value, each with its path."""
    if isinstance(value, str):
        yield value, place
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _leaves(inner, f"{place}[{i}]")


def _cells(path: Path) -> Iterator[tuple[str, str]]:
    reader = csv.reader(line for _, line in numbered_lines(path))
    begin = 1
    try:
        for row in reader:
            for column, cell in enumerate(row, 1):
                yield cell, f"{path.name}:{begin} column {column}"
            begin = reader.line_num + 1
    except csv.Error as e:
        raise DataError(f"{path}:{begin}: broken CSV ({e}); mend the line or download it again") from None


def _tabs(path: Path) -> Iterator[tuple[str, str]]:
    """Cells between tabs; quotes are text, as in GLUE's files."""
    for number, line in numbered_lines(path):
        for column, cell in enumerate(line.rstrip("\r\n").split("\t"), 1):
            yield cell, f"{path.name}:{number} column {column}"


def _table(path: Path) -> Iterator[tuple[str, str]]:
    from heedful.data.sources import read_rows

    for row in read_rows(path):
        for text, place in _leaves(row.value, ""):
            yield text, f"{row.source} {place}"


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    for number, line in numbered_lines(path):
        yield line.strip(), f"{path.name}:{number}"
