"""The folder of a benchmarked model: where each file is, and that one process at a time works on it.

results.json            figures, hashes, facts; see docs/commands/bench.md
samples/KEY.jsonl       each item with its prompt, what the model made of it, and its score
requests/KEY.jsonl      the journal: each answer of the model as it came
submission/KEY/         the files for a leaderboard, where they were asked for
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from heedful.errors import RequestError
from heedful.store import disk_errors

_LONGEST = 200  # bytes of a file's name; systems take 255, and temporary files add to it


class BenchFolder:
    """The paths of a bench folder. Making one touches nothing on disk."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.results = self.path / "results.json"

    def samples(self, key: str) -> Path:
        return self.path / "samples" / f"{file_name(key)}.jsonl"

    def journal(self, key: str) -> Path:
        return self.path / "requests" / f"{file_name(key)}.jsonl"

    def submission(self, key: str) -> Path:
        return self.path / "submission" / file_name(key)

    def check(self, resume: bool) -> None:
        """RequestError where the folder cannot be begun or gone on with."""
        if self.path.is_file():
            raise RequestError(f"{self.path}: is a file; name a folder with --out")
        begun = self.path.is_dir() and any(self.path.iterdir())
        if begun and not any((self.path / n).exists() for n in ("requests", "results.json")):
            raise RequestError(f"{self.path}: holds something else than results of heedful bench; choose another --out")
        if begun and not resume:
            raise RequestError(f"{self.path}: exists; add --resume to go on with it, or choose another --out")

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Keep other processes from working in the folder; the system lets go of it if this one dies."""
        import fcntl

        with disk_errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_RDONLY)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RequestError(f"{self.path}: another process benchmarks into this folder; wait for it") from None
            except OSError:  # a file system without locks
                pass
            for left in (*self.path.glob(".results.json.????????"), *self.path.glob("samples/.*.jsonl.????????")):
                left.unlink(missing_ok=True)  # what a killed process had begun to write
            yield
        finally:
            os.close(handle)


def file_name(key: str) -> str:
    """A task's key as the name of a file; RequestError for one that would lead elsewhere.

    >>> file_name("mmlu@lm-eval:astronomy")
    'mmlu@lm-eval:astronomy'
    """
    wrong = "/" in key or "\\" in key or key.startswith(".") or not key.isprintable() or not key.strip()
    if wrong or len(key.encode("utf-8", "replace")) > _LONGEST:
        raise RequestError(
            f"task '{key}': its name becomes the name of a file; use letters, digits, '-', '_' and '.', at most "
            f"{_LONGEST} bytes, and no path"
        )
    return key
