"""Files as bytes: opened or refused in one sentence, and unpacked (gzip, Zstandard) while they are read.

Memory does not grow with the file, nor with what it unpacks to.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import re
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import IO, Any

from heedful.errors import DataError, did_you_mean

KINDS = {
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
}
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
KNOWN = "JSON, JSONL, CSV, TSV, Parquet and Arrow are read, also as .gz and .zst"
BLOCK = 1 << 20  # bytes that are read at a time
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
# Beginnings of files that look like data and are not, and what to do about each.
_NOT_DATA = (
    (b"PK\x03\x04", "a zip archive or a spreadsheet", "unpack it, or save the sheet as CSV (UTF-8)"),
    (b"BZh", "bzip2-compressed", "unpack it with bunzip2 first"),
    (b"\xfd7zXZ", "xz-compressed", "unpack it with unxz first"),
    (b"\x04\x22\x4d\x18", "lz4-compressed", "unpack it with unlz4 first"),
    (b"FEA1", "a Feather file of the first version", "write it as Parquet"),
    (b"SQLite format 3", "an SQLite database", "export the table as CSV"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself", "fetch the file with git lfs pull"),
    (b"<!DOCTYPE", "a web page", "download the file itself (on a hub: the raw file)"),
    (b"<html", "a web page", "download the file itself (on a hub: the raw file)"),
)


def kind_by_ending(path: str | Path) -> str | None:
    """The kind that a name tells, the compression left out: ``jsonl`` for ``train.jsonl.gz``; None where it tells
    none."""
    path = Path(path)
    if path.suffix.lower() in COMPRESSIONS:
        path = path.with_suffix("")
    return KINDS.get(path.suffix.lower())


def open_file(path: Path) -> BufferedReader:
    """Open a file for reading its bytes as they lie, or say in one DataError why not."""
    if not str(path).isprintable() and any("\ud800" <= c <= "\udfff" for c in str(path)):
        raise DataError(f"{path}: the name is not UTF-8, so no place in it could be told; rename the file")
    try:
        if path.is_dir():
            inside = sorted(p.name for p in path.iterdir() if kind_by_ending(p))
            mend = f"name a file in it, such as '{path / inside[0]}'" if inside else f"name a file ({KNOWN})"
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


def open_stream(path: Path) -> BufferedReader:
    """Open a file for reading its bytes from the beginning on, unpacked where they are gzip or Zstandard.

    The bytes decide, not the name; but a name that ends in ``.gz`` over other bytes is refused. Several members or
    frames in a row are read as one. Raises DataError here where the file cannot be opened, and while it is read where
    it is damaged or cut short.
    """
    file = open_file(path)
    try:
        head = file.read(64)
        file.seek(0)
        packed = compression_of(head)
        named = COMPRESSIONS.get(path.suffix.lower())
        if named and head and packed != named:
            refuse_not_data(head, path)
            raise DataError(f"{path}: the name says {named} and the bytes do not; rename the file or download it again")
        return BufferedReader(_Unpacked(file, path, packed), BLOCK)
    except OSError as e:
        file.close()
        raise DataError(f"{path}: cannot be read ({e.strerror or e}); check the disk") from None
    except BaseException:
        file.close()
        raise


def compression_of(head: bytes) -> str | None:
    """``gzip`` or ``zstd`` by the first bytes of a file (RFC 1952, RFC 8878), else None."""
    if head.startswith(_GZIP):
        return "gzip"
    if head.startswith(_ZSTD) or (head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50):  # or a skippable frame
        return "zstd"
    return None


def refuse_not_data(head: bytes, path: Path) -> None:
    """Raise DataError where a file begins as no data file does."""
    for magic, what, mend in _NOT_DATA:
        if head.startswith(magic):
            raise DataError(f"{path}: this is {what}, which is not read; {mend}")
    if head[257:262] == b"ustar":
        raise DataError(f"{path}: this is a tar archive, which is not read; unpack it with tar xf first")


def refuse_damaged(path: Path) -> None:
    """Raise DataError where a packed file cannot be unpacked to its end. The checksums stand there, so damage may
    look like a mistake in the text before it is seen to be damage."""
    with open_file(path) as file:
        if not compression_of(file.read(64)):
            return
    with open_stream(path) as stream:
        while stream.read(BLOCK):
            pass


class _Unpacked(io.RawIOBase):
    """The unpacked bytes of a file; whatever goes wrong in reading them is a DataError that names the file."""

    def __init__(self, file: BufferedReader, path: Path, packed: str | None):
        self._file, self._path, self._packed = file, path, packed
        self._inner: Any = file
        if packed == "gzip":
            self._inner = gzip.GzipFile(fileobj=file, mode="rb")
        elif packed == "zstd":
            import pyarrow as pa

            self._inner = pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            return self._inner.readinto(buffer)
        except EOFError:
            raise DataError(self._cut_short()) from None
        except (OSError, ValueError, zlib.error) as e:  # pyarrow's errors are OSError and ValueError
            reason = re.sub(r"\s+", " ", str(e)).strip().rstrip(".")[:120]
            if "Truncated" in reason:
                raise DataError(self._cut_short()) from None
            what = f"the {self._packed} data is damaged" if self._packed else "cannot be read to its end"
            raise DataError(f"{self._path}: {what} ({reason}); copy the file again") from None

    def _cut_short(self) -> str:
        return f"{self._path}: the {self._packed} data is cut short; copy the file again"

    def close(self) -> None:
        if not self.closed:
            with contextlib.suppress(Exception):  # what is broken has been told while reading
                self._inner.close()
            self._file.close()
        super().close()


@contextlib.contextmanager
def seekable(path: Path) -> Iterator[IO[bytes]]:
    """The unpacked bytes of a file as a file in which one can go back, for kinds whose end must be read first.

    A packed file is unpacked into a temporary one, which may take half of what is free on that disk and no more, so
    that a small file which unpacks to terabytes ends in a sentence.
    """
    with open_file(path) as file:
        packed = compression_of(file.read(64))
        file.seek(0)
        if not packed:
            yield file
            return
    with open_stream(path) as stream, tempfile.TemporaryFile() as room:
        left = shutil.disk_usage(tempfile.gettempdir()).free // 2
        try:
            while data := stream.read(BLOCK):
                left -= len(data)
                if left < 0:
                    raise OSError("it would fill the disk")
                room.write(data)
            room.seek(0)
        except OSError as e:
            where = tempfile.gettempdir()
            raise DataError(
                f"{path}: cannot be unpacked into {where} ({e.strerror or e}); unpack it yourself"
            ) from None
        yield room
