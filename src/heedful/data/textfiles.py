"""Files as text: what kind a file is, and its lines, with every way in which it is not text told in one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from heedful.data.jsontext import BrokenJson, decode_at
from heedful.errors import DataError, did_you_mean

KINDS = {".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet", ".pq": "parquet"}
_KNOWN = "JSON, JSONL, CSV and Parquet are read"
BOM = b"\xef\xbb\xbf"
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


def kind_of(path: str | Path) -> str:
    """``json``, ``jsonl``, ``csv`` or ``parquet``: by the ending, and where that says nothing by the content.

    A ``.json`` file with one object a line is ``jsonl``. Raises DataError where the file cannot be data.
    """
    path = Path(path)
    with open_file(path) as f:
        head = f.read(4096)
        f.seek(0)
        if not head.removeprefix(BOM).strip():
            if not f.read().removeprefix(BOM).strip():
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
        check_encoding(head, path)
        start = head.removeprefix(BOM).lstrip()[:1]
        if start == b"{" and _is_one_object_a_line(f):
            return "jsonl"
        if kind or start in (b"[", b"{"):
            return "json"
        header = head.removeprefix(BOM).split(b"\n")[0].decode(errors="replace").strip()
        if "," in header and all(re.fullmatch(r'"?[\w .-]{1,60}"?', cell) for cell in header.split(",")):
            return "csv"
    raise DataError(f"{path}: cannot tell what kind of file this is; {_KNOWN}: name it .json, .jsonl, .csv or .parquet")


def _is_one_object_a_line(f: BufferedReader) -> bool:
    """Whether the first line that is not blank is a whole object and others follow it."""
    line = next((line for line in f if line.removeprefix(BOM).strip()), b"")
    try:
        text = line.decode("utf-8-sig").strip()
        whole = decode_at(text, 0)[1] == len(text)
    except (UnicodeDecodeError, BrokenJson):
        return False
    return whole and any(rest.strip() for rest in f)


def open_file(path: Path) -> BufferedReader:
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


def check_encoding(head: bytes, path: Path) -> None:
    """Refuse UTF-16 and UTF-32 by their marks, or by their many NUL bytes."""
    marks = ((b"\xff\xfe\0\0", "UTF-32"), (b"\0\0\xfe\xff", "UTF-32"), (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"))
    found = next((name for mark, name in marks if head.startswith(mark)), None)
    if not found and head[:2].count(0) == 1 and head.count(0) > len(head) // 4:
        found = "UTF-16LE" if head[1:2] == b"\0" else "UTF-16BE"
    if found:
        mend = f"convert it with: iconv -f {found} -t UTF-8 '{path}' > utf8-{path.name}"
        raise DataError(f"{path}:1: the file is {found}, and UTF-8 is read; {mend}")


def decode_text(data: bytes, path: Path, line: int, offset: int) -> str:
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


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The numbered lines of a text file with their line breaks; only a line feed ends a line."""
    with open_file(path) as f:
        check_encoding(f.read(4096), path)
        f.seek(0)
        offset = 0
        for number, line in enumerate(f, 1):
            begin, offset = offset, offset + len(line)
            if number == 1 and line.startswith(BOM):
                line, begin = line[len(BOM) :], len(BOM)
            yield number, decode_text(line, path, number, begin)
