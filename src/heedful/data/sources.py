"""Rows from files: JSON, JSONL, CSV and Parquet, each row with the place it came from.

    read_rows("train.jsonl") -> Row({"instruction": ...}, "train.jsonl:17"), ...

The place is the line at which the row begins; Parquet has no lines, so ``train.parquet: row 17``. What cannot be
read is one DataError that names the file, the line and the mend. Texts are kept as they are: nothing is stripped.
"""

from __future__ import annotations

import csv
import datetime
import decimal
import hashlib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

from heedful.data.jsontext import BrokenJson, decode_at, rows_of, skip_space
from heedful.errors import DataError, did_you_mean

KINDS = {".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet", ".pq": "parquet"}
_KNOWN = "JSON, JSONL, CSV and Parquet are read"
_BOM = b"\xef\xbb\xbf"
_FIELD_LIMIT = 2**31 - 1  # the largest that the csv module takes on every platform
# Beginnings of files that look like data and are not, and what to do about each.
_NOT_DATA = (
    (b"\x1f\x8b", "gzip-compressed", "unpack it with gunzip first"),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed", "unpack it with unzstd first"),
    (b"PK\x03\x04", "a zip archive or a spreadsheet", "unpack it, or save the sheet as CSV (UTF-8)"),
    (b"ARROW1", "an Arrow file", "write it as Parquet"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself", "fetch the file with git lfs pull"),
    (b"<!DOCTYPE", "a web page", "download the file itself (on a hub: the raw file)"),
    (b"<html", "a web page", "download the file itself (on a hub: the raw file)"),
)


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
    readers = {"json": _json_rows, "jsonl": _jsonl_rows, "csv": _csv_rows, "parquet": _parquet_rows}
    return _some(readers[kind](path, name or path.name), path)


def _some(rows: Iterator[Row], path: Path) -> Iterator[Row]:
    row = None
    for row in rows:
        yield row
    if row is None:
        raise DataError(f"{path}: no rows in it; name a file that has some")


def sha256_of(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with _open(Path(path)) as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def kind_of(path: str | Path) -> str:
    """``json``, ``jsonl``, ``csv`` or ``parquet``: by the ending, and where that says nothing by the content.

    A ``.json`` file with one object a line is ``jsonl``. Raises DataError where the file cannot be data.
    """
    path = Path(path)
    with _open(path) as f:
        head = f.read(4096)
        f.seek(0)
        if not head.removeprefix(_BOM).strip():
            if not f.read().removeprefix(_BOM).strip():
                raise DataError(f"{path}: the file is empty; name a file with rows")
            f.seek(0)
        for magic, what, mend in _NOT_DATA:
            if head.startswith(magic):
                raise DataError(f"{path}: this is {what}, which is not read; {mend}")
        kind = KINDS.get(path.suffix.lower())
        if kind in ("jsonl", "csv", "parquet"):
            return kind
        if head.startswith(b"PAR1"):
            return "parquet"
        _check_encoding(head, path)
        start = head.removeprefix(_BOM).lstrip()[:1]
        if start == b"{" and _is_one_object_a_line(f):
            return "jsonl"
        if kind or start in (b"[", b"{"):
            return "json"
        header = head.removeprefix(_BOM).split(b"\n")[0].decode(errors="replace").strip()
        if "," in header and all(re.fullmatch(r'"?[\w .-]{1,60}"?', cell) for cell in header.split(",")):
            return "csv"
    raise DataError(f"{path}: cannot tell what kind of file this is; {_KNOWN}: name it .json, .jsonl, .csv or .parquet")


def _is_one_object_a_line(f: BufferedReader) -> bool:
    """Whether the first line that is not blank is a whole object and others follow it."""
    line = next((line for line in f if line.removeprefix(_BOM).strip()), b"")
    try:
        text = line.decode("utf-8-sig").strip()
        whole = decode_at(text, 0)[1] == len(text)
    except (UnicodeDecodeError, BrokenJson):
        return False
    return whole and any(rest.strip() for rest in f)


def _open(path: Path) -> BufferedReader:
    """Open a file for reading, or say in one sentence why not."""
    try:
        if path.is_dir():
            inside = sorted(p.name for p in path.iterdir() if p.suffix.lower() in KINDS)
            mend = f"name a file in it, such as '{path / inside[0]}'" if inside else f"name a file ({_KNOWN})"
            raise DataError(f"{path}: this is a folder, not a file; {mend}")
        if path.exists() and not path.is_file():
            raise DataError(f"{path}: not a regular file; write the rows to a file first")
        return path.open("rb")
    except FileNotFoundError:
        siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        hint = did_you_mean(path.name, siblings) or "; check the path"
        raise DataError(f"{path}: no such file{hint}") from None
    except PermissionError:
        raise DataError(f"{path}: may not be read; check its permissions (ls -l)") from None
    except (OSError, ValueError) as e:
        raise DataError(f"{path}: cannot be opened ({getattr(e, 'strerror', None) or e}); check the path") from None


def _check_encoding(head: bytes, path: Path) -> None:
    """Refuse UTF-16 and UTF-32 by their marks, or by their many NUL bytes."""
    marks = ((b"\xff\xfe\0\0", "UTF-32"), (b"\0\0\xfe\xff", "UTF-32"), (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"))
    found = next((name for mark, name in marks if head.startswith(mark)), None)
    if not found and head.count(0) > len(head) // 4:
        found = "UTF-16LE" if head[1:2] == b"\0" else "UTF-16BE"
    if found:
        mend = f"convert it with: iconv -f {found} -t UTF-8 '{path}' > utf8-{path.name}"
        raise DataError(f"{path}:1: the file is {found}, and UTF-8 is read; {mend}")


def _decode(data: bytes, path: Path, line: int, offset: int) -> str:
    """Bytes as text. `line` and `offset` (in bytes) say where in the file they begin."""
    nul = data.find(0)
    if nul >= 0:
        line += data.count(b"\n", 0, nul)
        raise DataError(
            f"{path}:{line}: a NUL byte at byte {offset + nul}; the file is damaged or no text: copy it again"
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as e:
        line += data.count(b"\n", 0, e.start)
        mend = f"if it is Windows-1252 (Latin-1): iconv -f WINDOWS-1252 -t UTF-8 '{path}' > utf8-{path.name}"
        raise DataError(
            f"{path}:{line}: byte {offset + e.start} (0x{data[e.start]:02x}) is not UTF-8; convert the file, {mend}"
        ) from None


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The numbered lines of a text file with their line breaks; only a line feed ends a line."""
    with _open(path) as f:
        _check_encoding(f.read(4096), path)
        f.seek(0)
        offset = 0
        for number, line in enumerate(f, 1):
            begin, offset = offset, offset + len(line)
            if number == 1 and line.startswith(_BOM):
                line, begin = line[len(_BOM) :], len(_BOM)
            yield number, _decode(line, path, number, begin)


def _json_rows(path: Path, name: str) -> Iterator[Row]:
    with _open(path) as f:
        data = f.read()
    _check_encoding(data[:4096], path)
    bom = len(_BOM) if data.startswith(_BOM) else 0
    text = _decode(data[bom:], path, 1, bom)
    del data
    line, counted = 1, 0  # the line of position `counted`; rows come in order, so each line break is counted once
    try:
        for pos, value in rows_of(text):
            line, counted = line + text.count("\n", counted, pos), pos
            yield Row(_as_object(value, path, line), f"{name}:{line}")
    except BrokenJson as e:
        raise DataError(f"{path}:{1 + text.count(chr(10), 0, e.pos)}: {e.sentence}") from None


def _jsonl_rows(path: Path, name: str) -> Iterator[Row]:
    for number, line in _lines(path):
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
        yield Row(_as_object(value, path, number), f"{name}:{number}")


def _as_object(value: Any, path: Path, line: int) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    kinds = {list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}
    mend = "; name the file .json if it is one array" if isinstance(value, list) and line == 1 else ""
    kind = kinds.get(type(value), "null")
    raise DataError(f"{path}:{line}: a row must be an object with named fields, and this is {kind}{mend}")


def _csv_rows(path: Path, name: str) -> Iterator[Row]:
    if csv.field_size_limit() < _FIELD_LIMIT:  # one setting for the whole process: only ever raised
        csv.field_size_limit(_FIELD_LIMIT)
    reader = csv.reader((line for _, line in _lines(path)), strict=True)
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
            yield Row(dict(zip(header, cells, strict=True)), f"{name}:{start}")


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
        raise DataError(f"{path}:{line}: two columns are called '{double}'; the first line must name each column once")
    for i, cell in enumerate(cells):
        if (not cell.strip() and i) or "\n" in cell or len(cell) > 100 or re.fullmatch(r"[-+\d.,]+", cell):
            shown = cell if len(cell) <= 40 else cell[:37] + "..."
            raise DataError(
                f"{path}:{line}: no header ({shown!r} is no column name); name the columns in the first line"
            )
    return cells


def _parquet_rows(path: Path, name: str) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    _open(path).close()
    number = 0
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            double = next((c for i, c in enumerate(names) if c in names[:i]), None)
            if double is not None:
                raise DataError(f"{path}: two columns are called '{double}'; rename one")
            for batch in file.iter_batches(batch_size=1024):
                for value in batch.to_pylist():
                    number += 1
                    where = f"{path}: row {number}"
                    yield Row({k: _json_value(v, where, k) for k, v in value.items()}, f"{name}: row {number}")
    except (pa.ArrowException, OSError) as e:
        reason = re.sub(r"\s+", " ", str(e)).strip().rstrip(".")[:120]
        place = f" after row {number}" if number else ""
        raise DataError(f"{path}: not a readable Parquet file{place} ({reason}); copy or write it again") from None


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
            raise DataError(f"{where}: column '{column}' holds bytes that are no text; leave the column out") from None
    if isinstance(value, dict):
        return {str(k): _json_value(v, where, column) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(v, where, column) for v in value]
    return value
