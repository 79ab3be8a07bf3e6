"""Rows from CSV and TSV tables: each as a dictionary and its place (``:17``).

Where a comma is the decimal mark, spreadsheets write CSV with semicolons: a header that has them and no comma says so.
All are quoted in the same way, as the csv module's ``excel`` and ``excel-tab`` and pandas write them: a cell that
begins with a double quote ends with one, may hold separators and line breaks, and writes a quote twice.
"""

from __future__ import annotations

import contextlib
import csv
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from heedful.data.textfiles import LINE_LIMIT, numbered_lines
from heedful.errors import DataError


def csv_rows(path: Path, name: str, mark: str = ",") -> Iterator[tuple[dict[str, Any], str]]:
    """The rows of a table whose cells are separated by `mark`, each with its place after `name`."""
    if csv.field_size_limit() < LINE_LIMIT:  # one setting for the whole process: only ever raised
        csv.field_size_limit(LINE_LIMIT)
    with contextlib.closing(numbered_lines(path)) as lines:  # closed at once, also after a mistake
        texts = (line for _, line in lines)
        first: list[str] = []
        for line in texts:
            first.append(line)
            if line.strip():
                break
        if mark == "," and first and _has_semicolons(first[-1]):
            mark = ";"
        reader = csv.reader(itertools.chain(first, texts), strict=True, delimiter=mark)
        yield from _table(reader, path, name, mark)


def _has_semicolons(header: str) -> bool:
    """Whether a header's columns are separated by semicolons: no comma separates any."""
    try:
        by_comma, by_semicolon = (next(csv.reader([header], delimiter=mark)) for mark in ",;")
    except csv.Error:  # what is wrong is told when the table is read
        return False
    return len(by_comma) == 1 and len(by_semicolon) > 1


def _table(reader: Any, path: Path, name: str, mark: str) -> Iterator[tuple[dict[str, Any], str]]:
    header: list[str] | None = None
    while True:
        start = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as e:
            raise DataError(f"{path}:{start}: {_mend(str(e), reader.line_num, mark)}") from None
        if cells is None:
            return
        if not cells:  # a blank line
            continue
        if header is None:
            header = _header(cells, path, start, mark)
        elif len(cells) != len(header):
            mend = {",": "commas", ";": "semicolons", "\t": "tabs"}[mark]
            raise DataError(
                f"{path}:{start}: {len(cells)} cells where the header has {len(header)}; "
                f"put text with {mend} or line breaks in double quotes"
            )
        else:
            yield dict(zip(header, cells, strict=True)), f"{name}:{start}"


def _mend(error: str, last: int, mark: str) -> str:
    if "unexpected end" in error:
        return f"a quote opens in this record and is not closed by line {last}, the last; close it"
    if "field larger" in error:
        return f"a cell of more than {LINE_LIMIT >> 20} MiB by line {last}; a quote opens in this record, close it"
    if "new-line character" in error:
        return "the lines end in bare carriage returns; convert the file with: tr '\\r' '\\n'"
    kind = "TSV" if mark == "\t" else "CSV"
    return f'broken {kind} ({error}); a quote inside quoted text is written twice: ""'


def _header(cells: list[str], path: Path, line: int, mark: str) -> list[str]:
    """The names of the columns. A first column without a name, as pandas writes its index, is let pass."""
    other = re.search(r"[;,|]" if mark == "\t" else r"[\t|]", cells[0]) if len(cells) == 1 else None
    if other:
        found, mend = {
            "\t": ("a tab", "name the file .tsv"),
            ",": (",", "name the file .csv"),
        }.get(other[0], (other[0], "save the file with commas"))
        raise DataError(f"{path}:{line}: the columns are separated by '{found}'; {mend}")
    double = next((c for i, c in enumerate(cells) if c in cells[:i]), None)
    if double is not None:
        raise DataError(f"{path}:{line}: two columns are called {double!r}; the first line must name each column once")
    for i, cell in enumerate(cells):
        if (not cell.strip() and i) or "\n" in cell or len(cell) > 100 or re.fullmatch(r"[-+\d.,]+", cell):
            shown = cell if len(cell) <= 40 else cell[:37] + "..."
            raise DataError(
                f"{path}:{line}: no header ({shown!r} is no column name); name the columns in the first line"
            )
    return cells
