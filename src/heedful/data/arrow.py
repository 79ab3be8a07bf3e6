"""Rows from Parquet and Arrow files, by batches: each as a dictionary and its place (``: row 17``).

Arrow files are those of the IPC format, the file (``ARROW1``) and the stream, which Hugging Face datasets writes as
``.arrow`` (https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc).
Memory holds one batch of an Arrow file, and some pages of each column of a Parquet file.
"""

from __future__ import annotations

import datetime
import decimal
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from heedful.data.files import open_stream, seekable
from heedful.errors import DataError

BATCH = 1024  # rows that are turned into Python values at a time


def parquet_rows(path: Path, name: str) -> Iterator[tuple[dict[str, Any], str]]:
    """The rows of a Parquet file, with the place of each after `name`."""
    return _rows(_parquet_batches(path), path, name, "Parquet")


def arrow_rows(path: Path, name: str) -> Iterator[tuple[dict[str, Any], str]]:
    """The rows of an Arrow file or stream, with the place of each after `name`."""
    return _rows(_arrow_batches(path), path, name, "Arrow")


def _parquet_batches(path: Path) -> Iterator[Any]:
    import pyarrow.parquet as pq

    # Pages are read as they are needed: by default a column of a row group, often the whole file, is read at once.
    with seekable(path) as file, pq.ParquetFile(file, buffer_size=1 << 20, pre_buffer=False) as table:
        _refuse_double(table.schema_arrow.names, path)
        yield from table.iter_batches(batch_size=BATCH, use_threads=False)


def _arrow_batches(path: Path) -> Iterator[Any]:
    import pyarrow as pa

    with open_stream(path) as file:
        is_file = file.peek(6).startswith(b"ARROW1")
        if not is_file:
            with pa.ipc.open_stream(file) as reader:
                _refuse_double(reader.schema.names, path)
                yield from _sliced(reader)
            return
    with seekable(path) as file, pa.ipc.open_file(file) as reader:
        _refuse_double(reader.schema.names, path)
        yield from _sliced(reader.get_batch(i) for i in range(reader.num_record_batches))


def _sliced(batches: Any) -> Iterator[Any]:
    for batch in batches:
        for start in range(0, batch.num_rows, BATCH):
            yield batch.slice(start, BATCH)


def _refuse_double(names: list[str], path: Path) -> None:
    double = next((c for i, c in enumerate(names) if c in names[:i]), None)
    if double is not None:
        raise DataError(f"{path}: two columns are called {double!r}; rename one")


def _rows(batches: Iterator[Any], path: Path, name: str, kind: str) -> Iterator[tuple[dict[str, Any], str]]:
    number = 0
    try:
        for batch in batches:
            names = batch.schema.names
            columns = [_values(batch.column(i), f"{path}", number, c) for i, c in enumerate(names)]
            for cells in zip(*columns, strict=True):
                number += 1
                yield dict(zip(names, cells, strict=True)), f"{name}: row {number}"
    except DataError:
        raise
    except Exception as e:  # pyarrow answers damaged bytes with OSError, ValueError, UnicodeDecodeError and others
        reason = re.sub(r"\s+", " ", str(e)).strip().rstrip(".")[:120]
        place = f" after row {number}" if number else ""
        raise DataError(f"{path}: not a readable {kind} file{place} ({reason}); copy or write it again") from None


def _values(column: Any, path: str, before: int, name: str) -> list[Any]:
    """A column of a batch as values that JSON has; `before` rows of the file stand before it."""
    import pyarrow as pa

    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        # Timestamps in nanoseconds, as pandas writes them: Python's datetime has no more than microseconds.
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    values = column.to_pylist()
    if _is_json(column.type):
        return values
    return [json_value(v, f"{path}: row {before + i}", name) for i, v in enumerate(values, 1)]


def _is_json(kind: Any) -> bool:
    """Whether all values of an Arrow type are values of JSON already. A fraction may be NaN, so it is not."""
    import pyarrow as pa

    is_one: list[Callable[[Any], bool]] = [
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
        pa.types.is_integer,
        pa.types.is_boolean,
        pa.types.is_null,
    ]
    if pa.types.is_struct(kind):
        return all(_is_json(kind.field(i).type) for i in range(kind.num_fields))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _is_json(kind.value_type)
    if pa.types.is_dictionary(kind):
        return _is_json(kind.value_type)
    return any(test(kind) for test in is_one)


def json_value(value: Any, where: str, column: str) -> Any:
    """A Parquet or Arrow value as JSON has it: times as ISO text, decimals as text, NaN (pandas' "missing") as null.

    Raises DataError, with the place `where` and the name of the column, for what is neither.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else value
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
        return {str(k): json_value(v, where, column) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(v, where, column) for v in value]
    kind = type(value).__name__
    raise DataError(f"{where}: column {column!r} holds a value that JSON has not ({kind}); leave the column out")
