"""requests/KEY.jsonl: what the model made of each request, a line each, in the order in which it came.

    {"schema": "heedful.requests/1", "asked": {"model": ..., "precision": ..., ...}}     each session begins with one
    {"request": KEY, "log_likelihood": -1.5, "greedy": false, "tokens": 1, "at": 3.2}    `at`: seconds into the session
    {"request": KEY, "text": "Paris", "finish_reason": "stop", "prompt_tokens": 9, "tokens": 2, "at": 3.9}
    {"request": KEY, "error": "..."}                                                     asked again by --resume
    {"scored_by": "the scoring engine"}                      what computed the log-likelihoods that follow
    {"mark": ITEM, "answer": ..., "scores": {...}, "of": HASH}                           where to mark is dear

Each line is with the system when it is counted, so that a kill -9 loses none of it; the disk has it two seconds later,
or at the end.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from heedful.errors import DataError, RequestError
from heedful.records import hash_of
from heedful.store import disk_errors, drop_torn_line, json_line, read_jsonl

SCHEMA = "heedful.requests/1"
FLUSH = 2.0  # seconds


class Journal:
    """The journal of one task: `answers` by request key and `marks` by item id hold what is known already.

    `asked` says who was asked and how; RequestError where the file was begun with another. `began` is when the session
    did, by the monotonic clock. Use it in a `with`.
    """

    def __init__(self, path: Path, asked: Mapping[str, Any], began: float | None = None):
        self.path = path
        self.asked = dict(asked)
        self.answers: dict[str, Mapping[str, Any]] = {}
        self.marks: dict[str, Mapping[str, Any]] = {}
        self.scorers: list[str] = []  # what computed log-likelihoods, each once
        self.before = 0.0  # seconds of earlier sessions
        self._read()
        self._handle = -1
        self._flushed = time.monotonic()
        self._began = self._flushed if began is None else began

    @property
    def seconds(self) -> float:
        """Seconds of all sessions, this one included."""
        return self.before + time.monotonic() - self._began

    def __enter__(self) -> Journal:
        with disk_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            drop_torn_line(self.path)
            self._handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._append({"schema": SCHEMA, "asked": self.asked})
        return self

    def __exit__(self, *_: object) -> None:
        with disk_errors(self.path):
            os.fsync(self._handle)
            os.close(self._handle)
        self._handle = -1

    def answer(self, key: str, line: Mapping[str, Any]) -> None:
        """Keep what the model made of a request."""
        self.answers[key] = line
        self._append({"request": key, **line, "at": round(time.monotonic() - self._began, 3)})

    def scored(self, by: str | None) -> None:
        """Keep what computes log-likelihoods from here on, where that is known."""
        if by is not None and (not self.scorers or self.scorers[-1] != by):
            self._append({"scored_by": by})
            self.scorers = [*(s for s in self.scorers if s != by), by]

    def mark(self, item: str, answer: Any, scores: Mapping[str, float | None], of: Sequence[str]) -> None:
        """Keep the mark of an item, and of which texts it is."""
        line = {"mark": item, "answer": answer, "scores": dict(scores), "of": hash_of(list(of))}
        self.marks[item] = line
        self._append(line | {"at": round(time.monotonic() - self._began, 3)})

    def _append(self, line: Mapping[str, Any]) -> None:
        with disk_errors(self.path):
            text = memoryview(json_line(line).encode("utf-8", "surrogatepass"))
            while text:
                text = text[os.write(self._handle, text) :]
            if time.monotonic() - self._flushed > FLUSH:
                os.fsync(self._handle)
                self._flushed = time.monotonic()

    def _read(self) -> None:
        last = 0.0
        for number, line in enumerate(read_jsonl(self.path), 1):
            where = f"{self.path}:{number}"
            if not isinstance(line, dict) or (number == 1 and line.get("schema") != SCHEMA):
                raise DataError(f"{where}: not a journal of heedful bench; choose another --out")
            if "schema" in line:
                self._check(line.get("asked"))
                self.before, last = self.before + last, 0.0
                continue
            last = max(last, float(line.get("at") or 0.0))
            if by := line.get("scored_by"):
                self.scorers = [*(s for s in self.scorers if s != by), str(by)]
            if "request" in line:
                self.answers[str(line["request"])] = line
            elif "mark" in line:
                self.marks[str(line["mark"])] = line
        self.before += last

    def _check(self, asked: Any) -> None:
        """RequestError where the file was begun with something else."""
        known = asked if isinstance(asked, dict) else {}
        for name in [*self.asked, *(n for n in known if n not in self.asked)]:
            if known.get(name) != self.asked.get(name):
                raise RequestError(
                    f"{self.path}: was begun with {name} {_shown(known.get(name))}, and this is "
                    f"{_shown(self.asked.get(name))}; ask the same again, or choose another --out"
                )


def _shown(value: Any) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 80 else text[:77] + "..."
