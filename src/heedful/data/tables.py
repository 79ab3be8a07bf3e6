"""Rows from tables, CSV and Parquet: each as a dictionary and its place (``:17``, ``: row 17``)."""

from __future__ import annotations

import csv
import datetime
import decimal
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from heedful.data.textfiles import numbered_lines, open_file
from heedful.errors import DataError

_FIELD_LIMIT = 2**31 - 1  # the largest that the csv module takes on every platform


def csv_rows(path: Path) -> Iterator[tuple[dict[str, Any], str]]:
    if csv.field_size_limit() < _FIELD_LIMIT:  # one setting for the whole process: only ever raised
        csv.field_size_limit(_FIELD_LIMIT)
    reader = csv.reader((line for _, line in numbered_lines(path)), strict=True)
    header: list[str] | None = None
    while True:
        start = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as e:
            raise DataError(f"{path}:{start}: {_csv_mend(str(e), reader.line_num)}") from None
        if cells is None:
            return
        if not cells:  # a blank line
            continue
        if header is None:
            header = _header(cells, path, start)
        elif len(cells) != len(header):
            raise DataError(
                f"{path}:{start}: {len(cells)} cells where the header has {len(header)}; "
                "put text with commas or line breaks in double quotes"
            )
        else:
            yield dict(zip(header, cells, strict=True)), f":{start}"


def _csv_mend(error: str, last: int) -> str:
    if "unexpected end" in error:
        return f"a quote opens in this record and is not closed by line {last}, the last; close it"
    if "new-line character" in error:
        return "the lines end in bare carriage returns; convert the file with: tr '\\r' '\\n'"
    return f'broken CSV ({error}); a quote inside quoted text is written twice: ""'


def _header(cells: list[str], path: Path, line: int) -> list[str]:
    """The names of the columns. A first column without a name, as pandas writes its index, is let pass."""
    if len(cells) == 1 and re.search(r"[;\t|]", cells[0]):
        mark = re.findall(r"[;\t|]", cells[0])[0].replace("\t", "a tab")
        raise DataError(f"{path}:{line}: the columns are separated by '{mark}'; save the file with commas")
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


def parquet_rows(path: Path) -> Iterator[tuple[dict[str, Any], str]]:
    import pyarrow.parquet as pq

    open_file(path).close()
    number = 0
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            double = next((c for i, c in enumerate(names) if c in names[:i]), None)
            if double is not None:
                raise DataError(f"{path}: two columns are called {double!r}; rename one")
            for batch in file.iter_batches(batch_size=1024):
                for value in _microseconds(batch).to_pylist():
                    number += 1
                    where = f"{path}: row {number}"
                    yield {k: _json_value(v, where, k) for k, v in value.items()}, f": row {number}"
    except DataError:
        raise
    except Exception as e:  # pyarrow answers damaged bytes with OSError, ValueError, UnicodeDecodeError and others
        reason = re.sub(r"\s+", " ", str(e)).strip().rstrip(".")[:120]
        place = f" after row {number}" if number else ""
        raise DataError(f"{path}: not a readable Parquet file{place} ({reason}); copy or write it again") from None


def _microseconds(batch: Any) -> Any:
    """Timestamps in nanoseconds, as pandas writes them, in microseconds: Python's datetime has no more."""
    import pyarrow as pa

    for i, column in enumerate(batch.schema):
        if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
            micro = batch.column(i).cast(pa.timestamp("us", column.type.tz), safe=False)
            batch = batch.set_column(i, column.name, micro)
    return batch


def _json_value(value: Any, where: str, column: str) -> Any:
    """A Parquet value as JSON has it: times as ISO text, decimals as text, NaN (pandas' "missing") as null."""
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal | datetime.timedelta):
        return str(value)
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            raise DataError(f"{where}: column {column!r} holds bytes that are no text; leave the column out") from None
    if isinstance(value, dict):
        return {str(k): _json_value(v, where, column) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(v, where, column) for v in value]
    return value
