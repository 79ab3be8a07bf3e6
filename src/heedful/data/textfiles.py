"""Files as text: what kind a file is, and its lines, with every way in which it is not text told in one sentence."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Generator
from io import BufferedReader
from pathlib import Path

from heedful.data.files import BLOCK, KNOWN, kind_by_ending, open_stream, refuse_not_data
from heedful.data.files import open_file as open_file
from heedful.data.jsontext import BrokenJson, decode_at
from heedful.errors import DataError

BOM = b"\xef\xbb\xbf"
LINE_LIMIT = 256 << 20  # bytes of the longest line, so that a file without line breaks cannot fill the memory
_FIRST_LINE = 4 << 20  # bytes of the first line by which a .json file is told from one object a line
_CELL = re.compile(r'"?[\w .-]{1,60}"?')


def kind_of(path: str | Path) -> str:
    """``json``, ``jsonl``, ``csv``, ``tsv``, ``parquet`` or ``arrow``: by the ending (``.gz`` and ``.zst`` left out),
    and where that says nothing by the unpacked content.

    A ``.json`` file with one object a line is ``jsonl``, and the marks at the head of Parquet and Arrow files go
    before any ending. Raises DataError where the file cannot be data.
    """
    path = Path(path)
    with open_stream(path) as f:
        head = _head(f, path)
    refuse_not_data(head, path)
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((b"ARROW1", b"\xff\xff\xff\xff")):  # a file, and a stream of messages
        return "arrow"
    kind = kind_by_ending(path)
    if kind and kind != "json":
        return kind
    check_encoding(head, path)
    head = head.removeprefix(BOM)
    start = head.lstrip()[:1]
    if start == b"{" and _is_one_object_a_line(path):
        return "jsonl"
    if kind or start in (b"[", b"{"):
        return "json"
    header = head.split(b"\n")[0].decode(errors="replace").strip()
    for mark, table in (("\t", "tsv"), (",", "csv")):
        if mark in header and all(_CELL.fullmatch(cell) for cell in header.split(mark)):
            return table
    raise DataError(
        f"{path}: cannot tell what kind of file this is; {KNOWN}: name it .json, .jsonl, .csv, .tsv, .parquet or .arrow"
    )


def _head(f: BufferedReader, path: Path) -> bytes:
    """The first 4,096 bytes; where they are blank, the first that are not."""
    head = f.read(4096)
    while head and not head.removeprefix(BOM).strip():
        head = f.read(BLOCK)
    if not head:
        raise DataError(f"{path}: the file is empty; name a file with rows")
    return head


def _is_one_object_a_line(path: Path) -> bool:
    """Whether the first line that is not blank is a whole object and others follow it."""
    with open_stream(path) as f:
        line = b""
        while not line.removeprefix(BOM).strip():
            line = f.readline(_FIRST_LINE)
            if not line:
                return False
        if not line.endswith(b"\n"):
            return False
        try:
            text = line.decode("utf-8-sig").strip()
            whole = decode_at(text, 0)[1] == len(text)
        except (UnicodeDecodeError, BrokenJson):
            return False
        return whole and any(block.strip() for block in iter(lambda: f.read(BLOCK), b""))


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
            f"{path}:{line}: byte {offset + e.start} (0x{data[e.start]:02x}) is not UTF-8; convert the file, {mend} "
            "(in a spreadsheet: save it as CSV UTF-8)"
        ) from None


def _blocks(f: BufferedReader, path: Path, lines: bool) -> Generator[tuple[int, int, bytes]]:
    """The bytes of a text file in blocks, each with its first line and its offset; a block ends with a line or, where
    `lines` is false, with a character. The byte order mark is left out."""
    number, offset, left = 1, 0, b""
    while data := f.read(BLOCK):
        if lines and not data.endswith(b"\n"):
            rest = f.readline(LINE_LIMIT)
            data += rest
            if len(rest) == LINE_LIMIT and not rest.endswith(b"\n"):
                line = number + data.count(b"\n")
                raise DataError(
                    f"{path}:{line}: a line of more than {LINE_LIMIT >> 20} MiB; write one row a line, "
                    "or name the file .json if it is one array"
                )
        data = left + data
        if not offset:
            check_encoding(data[:4096], path)
            if data.startswith(BOM):
                data, offset = data[len(BOM) :], len(BOM)
        left = b"" if lines else _unfinished(data)
        data = data[: len(data) - len(left)]
        yield number, offset, data
        number, offset = number + data.count(b"\n"), offset + len(data)
    if left:
        yield number, offset, left


def _unfinished(data: bytes) -> bytes:
    """The bytes at the end that begin a UTF-8 character and do not end it."""
    for length in (1, 2, 3):
        byte = data[-length] if len(data) >= length else 0
        if byte >= 0xC0:
            return data[-length:] if length < 2 + (byte >= 0xE0) + (byte >= 0xF0) else b""
    return b""


def text_pieces(path: Path) -> Generator[str]:
    """A text file in pieces of about 1 MiB, cut anywhere."""
    with open_stream(path) as f:
        for number, offset, data in _blocks(f, path, lines=False):
            yield decode_text(data, path, number, offset)


def line_blocks(path: Path) -> Generator[tuple[int, str]]:
    """A text file in pieces of about 1 MiB that end with a line, each with the number of its first line.

    Where a piece cannot be decoded, the lines before the mistake come first and DataError after them.
    """
    with open_stream(path) as f:
        for number, offset, data in _blocks(f, path, lines=True):
            try:
                text = decode_text(data, path, number, offset)
            except DataError:
                sound = data[: _first_fault(data)]
                yield number, data[: sound.rfind(b"\n") + 1].decode()
                raise
            yield number, text


def _first_fault(data: bytes) -> int:
    nul = data.find(0)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as e:
        return e.start if nul < 0 else min(nul, e.start)
    return nul


def numbered_lines(path: Path) -> Generator[tuple[int, str]]:
    """The numbered lines of a text file with their line breaks; only a line feed ends a line."""
    with contextlib.closing(line_blocks(path)) as blocks:
        for number, text in blocks:
            lines = text.split("\n")
            last = lines.pop()
            for line in lines:
                yield number, line + "\n"
                number += 1
            if last:
                yield number, last
