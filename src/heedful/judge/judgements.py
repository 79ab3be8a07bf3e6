"""What a judge wrote, one line for each request, and the file that keeps it.

A Judgement holds the judge's own words beside what was read in them. The file only grows; after a kill the same
command asks only what has no line yet. A line with an error (the request failed) is asked again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from heedful.errors import DataError, RequestError
from heedful.store import append_jsonl, drop_torn_line, read_jsonl

Order = Literal["one", "ab", "ba"]
SCHEMA = "heedful.judgement/1"
_BEGIN = b'{"id": "'  # of every line of both files that the judge writes


@dataclass(frozen=True)
class Judgement:
    """The answer to one request. `order` is ``ab`` where the first of `responses` was shown first, ``ba`` where the
    second was, ``one`` for a single answer. `value`, `choice` and the like are `verdicts.Reading`'s.
    """

    id: str
    example_id: str
    responses: tuple[str, ...]
    order: Order
    asked: Mapping[str, Any]
    text: str
    value: float | None
    by: str | None
    why: str | None
    choice: str | None
    reason: str | None
    mass: float | None
    scores: Mapping[str, float | None]
    reasons: Mapping[str, str]
    prompt_tokens: int
    tokens: int
    seconds: float
    error: str | None = None
    schema: str = field(default=SCHEMA)


_NAMES = {f.name for f in dataclasses.fields(Judgement)}


def append_judgement(path: Path, judgement: Judgement) -> None:
    """Add a line, on the disk when this returns."""
    append_jsonl(path, dataclasses.asdict(judgement))


def read_judgements(path: Path, asked: Mapping[str, Any]) -> dict[str, Judgement]:
    """The judgements of a file by id, of one asked twice the last. `asked` says how this command asks.

    DataError where the file is none, or was asked otherwise: then nothing is added to it.
    """
    check_own(path)
    out: dict[str, Judgement] = {}
    for number, value in enumerate(read_jsonl(path), 1):
        sound = isinstance(value, dict) and value.get("schema") == SCHEMA and set(value) == _NAMES
        if not sound or not isinstance(value["asked"], dict) or not isinstance(value["responses"], list):
            raise DataError(f"{path}:{number}: is not a judgement ({SCHEMA}); choose another --out")
        for key, now in asked.items():
            if value["asked"].get(key) != now:
                raise DataError(
                    f"{path}:{number}: was asked with {_said(key)} {value['asked'].get(key)}, not {now}; verdicts of "
                    "two kinds are not mixed: choose another --out"
                )
        out[value["id"]] = Judgement(**{**value, "responses": tuple(value["responses"])})
    return out


_SAID = {
    "judge": "the judge",
    "prompt_hash": "the prompt",
    "rubric_hash": "the rubric",
    "settings": "the settings (length, temperature, seed)",
    "from_text": "verdicts from text:",
}


def _said(key: str) -> str:
    return _SAID.get(key, key)


def check_own(path: Path) -> None:
    """DataError where a file on one line is not the beginning of one of ours: a torn line is taken away before the
    next one is added, and of another file on one line that would be everything.
    """
    if not path.is_file() or b"\n" in (text := path.read_bytes()):
        return
    if text[: len(_BEGIN)] != _BEGIN[: len(text)]:
        raise DataError(f"{path}: is not a file of scores, so nothing is added to it; choose another --out")


@contextlib.contextmanager
def hold(path: Path) -> Iterator[None]:
    """Keep a second judge from writing the same file; the system lets go of it if this process dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    drop_torn_line(path)
    with path.open("ab") as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RequestError(f"{path}: another process is judging into this file; wait for it or stop it") from None
        except OSError:  # a file system without locks
            pass
        try:
            yield
        finally:
            if path.stat().st_size == 0:  # nothing was asked: leave nothing that stands in the way of another try
                path.unlink()


def totals(judgements: Iterable[Judgement]) -> dict[str, Any]:
    """Requests, tokens and seconds, for the summary."""
    known = list(judgements)
    return {
        "requests": len(known),
        "prompt_tokens": sum(j.prompt_tokens for j in known),
        "tokens": sum(j.tokens for j in known),
        "seconds": round(sum(j.seconds for j in known), 3),
    }
