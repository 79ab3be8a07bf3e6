"""A folder that appears whole or not at all, and never in the place of another."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from heedful.errors import HeedfulError, RequestError, RunError
from heedful.store import disk_errors

MARGIN = 16 << 20  # bytes that must stay free beside the files themselves


def check_new(out: Path) -> None:
    """RequestError where something stands in the place of the export already."""
    with disk_errors(out):
        if out.is_symlink() or out.exists():
            what = "a folder" if out.is_dir() else "a file"
            raise RequestError(f"--out {out}: there is {what} already; choose another place, or take it away yourself")


def check_room(out: Path, needed: int) -> None:
    """HeedfulError where the disk has no room for so many bytes."""
    place = next(p for p in (out.absolute(), *out.absolute().parents) if p.is_dir())
    free = shutil.disk_usage(place).free
    if free < needed + MARGIN:
        raise HeedfulError(
            f"{out}: the disk has {free >> 20:,} MiB free and the export needs {(needed + MARGIN) >> 20:,}; "
            "free some room, or choose another --out"
        )


@contextlib.contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder beside `out` that takes its name when the block ends well, and goes away when it does not."""
    check_new(out)
    with _told(out), disk_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        _clear_away(out)
        temporary = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-{os.getpid()}-"))
        try:
            yield temporary
            temporary.chmod(0o755)
            check_new(out)
            temporary.rename(out)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def _told(out: Path) -> Iterator[None]:
    try:
        yield
    except HeedfulError as e:
        if isinstance(e.__cause__, OSError) and e.__cause__.errno in (errno.ENOSPC, errno.EDQUOT):
            raise HeedfulError(f"{out}: the disk is full; free some room and export again") from e.__cause__
        raise
    except OSError as e:
        if e.errno == errno.ENOTEMPTY:
            raise RunError(f"--out {out}: another process made it meanwhile; choose another place") from None
        raise


def _clear_away(out: Path) -> None:
    """Take away what exports to the same place left when they were killed."""
    for left in out.parent.glob(f".{out.name}-*-*"):
        number = left.name.removeprefix(f".{out.name}-").split("-")[0]
        if number.isdigit() and not Path(f"/proc/{number}").exists() and not _alive(int(number)):
            shutil.rmtree(left, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def copy_files(files: list[Path], folder: Path) -> None:
    """Copy files by their names; links are followed, so that the copy stands alone."""
    for file in files:
        shutil.copyfile(file, folder / file.name)
