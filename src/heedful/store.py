"""A run's folder: where each file is, and how files are written whole or not at all.

    manifest.json  recipe.yaml  ledger.json  splits/{train,val,test}.jsonl
    metrics.jsonl  samples.jsonl
    checkpoints/   model/   adapter/
    responses/{base,tuned}.jsonl   scores/{base,tuned}.jsonl   bench/{base,tuned}/   report.{html,json,md}

JSONL files are append-only. A line that a kill cut short has no line break; readers leave it out and the next
writer takes it away before it appends.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from heedful.errors import DataError, HeedfulError, RunError

MANIFEST_SCHEMA = "heedful.run/1"
PARTS = ("train", "val", "test")


class RunFolder:
    """The paths of a run. Making one touches nothing on disk."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.manifest = self.path / "manifest.json"
        self.recipe = self.path / "recipe.yaml"
        self.ledger = self.path / "ledger.json"
        self.metrics = self.path / "metrics.jsonl"
        self.samples = self.path / "samples.jsonl"
        self.checkpoints = self.path / "checkpoints"
        self.model = self.path / "model"
        self.adapter = self.path / "adapter"

    def split(self, part: str) -> Path:
        return self.path / "splits" / f"{part}.jsonl"

    def responses(self, which: str) -> Path:
        return self.path / "responses" / f"{which}.jsonl"

    def scores(self, which: str) -> Path:
        return self.path / "scores" / f"{which}.jsonl"

    def bench(self, which: str) -> Path:
        return self.path / "bench" / which

    def report(self, kind: str) -> Path:
        return self.path / f"report.{kind}"

    def check_new(self) -> None:
        """RunError where no new run can be put: something is there already."""
        with disk_errors(self.path):
            if not self.path.exists() or (self.path.is_dir() and not any(self.path.iterdir())):
                return
            what = "exists and is not empty" if self.path.is_dir() else "is a file"
            resume = "go on with it by --resume, or " if self.manifest.is_file() else ""
            raise RunError(f"{self.path}: {what}; {resume}choose another --out")

    def read_manifest(self) -> dict[str, Any]:
        """The manifest; RunError where the folder is not a run of Heedful's."""
        if not self.manifest.is_file():
            raise RunError(
                f"{self.path}: not a run (it has no manifest.json); name a folder that `heedful train` wrote"
            )
        value = read_json(self.manifest)
        if not isinstance(value, dict) or value.get("schema") != MANIFEST_SCHEMA:
            raise RunError(f"{self.manifest}: not a manifest of this version ({MANIFEST_SCHEMA})")
        return value

    def update_manifest(self, **changes: Any) -> dict[str, Any]:
        """Change top-level keys of the manifest, whole or not at all; dictionaries are merged one level deep."""
        value: dict[str, Any] = self.read_manifest() if self.manifest.is_file() else {"schema": MANIFEST_SCHEMA}
        for key, change in changes.items():
            now = value.get(key)
            if isinstance(change, Mapping) and isinstance(now, dict):
                value[key] = {**now, **change}
            else:
                value[key] = change
        write_json(self.manifest, value)
        return value


def cache_folder() -> Path:
    """Where converted models and servers' answers are kept: ``$HEEDFUL_CACHE``, else under the user's cache folder."""
    if own := os.environ.get("HEEDFUL_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "heedful"


@contextlib.contextmanager
def hold_run(run: RunFolder) -> Iterator[None]:
    """Keep other processes from working on a run at the same time; the system lets go of it if this one dies."""
    import fcntl

    handle = os.open(run.path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(f"{run.path}: another process is working on this run; wait for it or stop it") from None
        except OSError:  # a file system without locks
            pass
        for folder in (run.path, *(run.path / name for name in ("splits", "responses", "scores"))):
            for left in folder.glob(".*.*.????????"):  # what `write_bytes` had begun when a process was killed
                left.unlink(missing_ok=True)
        yield
    finally:
        os.close(handle)


def is_run(path: str | Path) -> bool:
    """Whether a folder is a run: it holds a manifest.json."""
    return (Path(path) / "manifest.json").is_file()


@contextlib.contextmanager
def disk_errors(path: str | Path) -> Iterator[None]:
    """Turn a full disk or a forbidden write into one sentence."""
    full = f"{path}: the disk is full; free some room and run the command again with --resume"
    try:
        yield
    except OSError as e:
        if e.errno in (errno.ENOSPC, errno.EDQUOT):
            raise HeedfulError(full) from e
        if e.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise RunError(f"{path}: cannot be written ({e.strerror}); choose another folder with --out") from e
        if e.errno in (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOENT, errno.ENAMETOOLONG, errno.ELOOP):
            raise RunError(f"{path}: cannot be written ({str(e.strerror).lower()}); choose another path") from e
        raise
    except Exception as e:  # safetensors has an error of its own, which bears the system's in its text alone
        if type(e).__name__ == "SafetensorError" and "os error 28" in str(e):
            raise HeedfulError(full) from e
        raise


def write_text(path: str | Path, text: str) -> None:
    """Write a file whole or not at all (a temporary file beside it, fsync, rename)."""
    write_bytes(path, text.encode())


def write_bytes(path: str | Path, data: bytes) -> None:
    """`write_text` for bytes."""
    path = Path(path)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as f:
                f.write(data)
                f.flush()
                os.fsync(f.fileno())
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise


def set_usual_modes(folder: Path) -> None:
    """Give a new folder and its files the modes that the user's umask asks for.

    `tempfile` and safetensors make theirs readable by their owner alone; then a class that shares a run's folder, or a
    colleague, would be refused the weights alone.
    """
    mask = _umask()
    for path in (folder, *folder.rglob("*")):
        path.chmod((0o777 if path.is_dir() else 0o666) & ~mask)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_json(path: str | Path, value: Any) -> None:
    """Write JSON, indented, whole or not at all; NaN is refused."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def read_json(path: str | Path) -> Any:
    """Read a JSON file that Heedful wrote; DataError with the line where it is broken."""
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except UnicodeDecodeError as e:
        raise DataError(f"{path}: not UTF-8 text at byte {e.start}; restore the file or make it again") from None
    except json.JSONDecodeError as e:
        raise DataError(f"{path}:{e.lineno}: broken JSON ({e.msg}); restore the file or make it again") from None


def write_jsonl(path: str | Path, lines: Iterable[Any]) -> None:
    """Write a JSONL file whole or not at all."""
    write_text(path, "".join(json_line(v) for v in lines))


def json_line(value: Any) -> str:
    """One line of JSONL, with its line break; NaN and infinities become null."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n"
    except ValueError:
        return json.dumps(_without_nan(value), ensure_ascii=False, allow_nan=False) + "\n"


def _without_nan(value: Any) -> Any:
    if isinstance(value, float) and not (float("-inf") < value < float("inf")):
        return None
    if isinstance(value, Mapping):
        return {k: _without_nan(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(v) for v in value]
    return value


def append_jsonl(path: str | Path, *values: Any) -> None:
    """Append lines in one write, flushed to the disk; a torn last line is taken away first."""
    path = Path(path)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        drop_torn_line(path)
        with path.open("ab") as f:
            f.write("".join(json_line(v) for v in values).encode())
            f.flush()
            os.fsync(f.fileno())


def drop_torn_line(path: str | Path) -> None:
    """Take away what follows the last line break of a file: the rest of a write that a kill cut short."""
    path = Path(path)
    if not path.is_file() or path.stat().st_size == 0:
        return
    with path.open("r+b") as f:
        f.seek(-1, os.SEEK_END)
        if f.read(1) == b"\n":
            return
        f.seek(0)
        f.truncate(f.read().rfind(b"\n") + 1)


def read_jsonl(path: str | Path) -> list[Any]:
    """The values of a JSONL file that Heedful wrote; a torn last line is left out, a missing file is empty."""
    path = Path(path)
    if not path.is_file():
        return []
    out = []
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], 1):
        try:
            out.append(json.loads(line))
        except ValueError as e:
            broken = e.msg if isinstance(e, json.JSONDecodeError) else "not UTF-8 text"
            raise DataError(f"{path}:{number}: broken JSON ({broken}); restore the file or make it again") from None
    return out


def read_metrics(path: str | Path) -> list[dict[str, Any]]:
    """`metrics.jsonl` as readers want it: of a step that was run twice (after a resume) only the last attempt.

    Lines of an attempt that lie past the step at which a later attempt began are dropped too: they were undone.
    """
    lines = read_jsonl(path)
    begins: dict[int, int] = {}
    for line in lines:
        attempt, step = int(line.get("attempt", 1)), int(line["step"])
        begins[attempt] = min(step, begins.get(attempt, step))
    out = []
    for line in lines:
        attempt, step = int(line.get("attempt", 1)), int(line["step"])
        if not any(later > attempt and step >= first for later, first in begins.items()):
            out.append(line)
    return out
