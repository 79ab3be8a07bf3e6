"""Votes in the published form, read and written one at a time.

The columns are those that LMSYS publishes with Chatbot Arena,
https://huggingface.co/datasets/lmsys/chatbot_arena_conversations:

    {"model_a": "vicuna-7b", "model_b": "koala-13b", "winner": "model_b", "judge": "arena_user_7", "turn": 1,
     "anony": true, "language": "English", "tstamp": 1682351591.1}

`winner` is model_a, model_b, tie or tie (bothbad). Only the first three columns must be there. Later data sets add
`question_id`, `conversation_a`, `conversation_b` and `conv_metadata` (counts of tokens and of markdown).
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from heedful.data.files import kind_by_ending
from heedful.data.sources import read_rows
from heedful.errors import DataError, RequestError, did_you_mean
from heedful.store import disk_errors

Winner = Literal["model_a", "model_b", "tie", "tie (bothbad)"]
WINNERS: tuple[Winner, ...] = ("model_a", "model_b", "tie", "tie (bothbad)")
_SAME = {name: name for name in WINNERS} | {"both_bad": "tie (bothbad)", "bothbad": "tie (bothbad)"}  # later data sets
_TRUE_FALSE = {True: True, False: False, "true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}
COLUMNS = ("question_id", "model_a", "model_b", "winner", "judge", "turn", "anony", "language", "tstamp")
LONG = ("conversation_a", "conversation_b", "conv_metadata")


@dataclass(frozen=True, slots=True)
class Vote:
    """What one judge said of two answers. `tstamp` is in seconds since 1970; `anony`: the names were hidden.

    `conversation_a` and `conversation_b` are the messages (role and content) with each model; `conv_metadata` counts
    of their tokens and markdown, where whoever wrote the file counted them.
    """

    model_a: str
    model_b: str
    winner: Winner
    judge: str | None = None
    turn: int | None = None
    anony: bool = True
    language: str | None = None
    tstamp: float | None = None
    question_id: str | None = None
    conversation_a: Sequence[Mapping[str, Any]] | None = None
    conversation_b: Sequence[Mapping[str, Any]] | None = None
    conv_metadata: Mapping[str, Any] | None = None


def read_votes(path: str | Path) -> Iterator[Vote]:
    """The votes of a file (JSON, JSONL, CSV, TSV, Parquet or Arrow, also packed), in file order.

    DataError with file and line where one cannot be read.
    """
    for row in read_rows(path, str(path)):
        yield vote_of(row.value, row.source)


def vote_of(row: Mapping[str, Any], where: str = "the vote") -> Vote:
    """A row as a vote; DataError naming `where` for what is missing or none. Other columns are let pass."""
    long = {name: _structure(row, name, where) for name in LONG}
    for name in ("conversation_a", "conversation_b"):
        if long[name] is not None and not _is_conversation(long[name]):
            raise DataError(f"{where}: {name} is no list of messages with role and content; write it as one")
    return Vote(
        model_a=_name(row, "model_a", where),
        model_b=_name(row, "model_b", where),
        winner=winner_of(row, where),
        judge=_text(row, "judge", where),
        turn=_turn(row, where),
        anony=anony_of(row, where),
        language=_text(row, "language", where),
        tstamp=tstamp_of(row, where),
        question_id=_text(row, "question_id", where),
        **long,
    )


def _name(row: Mapping[str, Any], column: str, where: str) -> str:
    value = row.get(column)
    if not isinstance(value, str) or not value.strip():
        near = did_you_mean(column, row) if column not in row else ""
        found = f"{column} is {value!r:.60}" if column in row else f"no {column}{near}"
        raise DataError(f"{where}: {found}; a vote names both models")
    return value


def winner_of(row: Mapping[str, Any], where: str) -> Winner:
    """Who won, by the four published words."""
    value = row.get("winner")
    found = _SAME.get(value) if isinstance(value, str) else None
    if found is None:
        what = f"winner is {value!r:.60}" if "winner" in row else f"no winner{did_you_mean('winner', row)}"
        raise DataError(f"{where}: {what}; write model_a, model_b, tie or tie (bothbad)")
    return found  # type: ignore[return-value]


def anony_of(row: Mapping[str, Any], where: str) -> bool:
    """Whether the names were hidden; yes where the file does not say."""
    value = row.get("anony")
    if value is None or value == "":
        return True
    found = _TRUE_FALSE.get(value.lower() if isinstance(value, str) else value) if not _nested(value) else None
    if found is None:
        raise DataError(f"{where}: anony is {value!r:.60}; write true or false")
    return found


def tstamp_of(row: Mapping[str, Any], where: str) -> float | None:
    """When the vote was given, in seconds; None where the file does not say."""
    value = row.get("tstamp")
    if value is None or value == "":
        return None
    if not isinstance(value, bool):
        try:
            seconds = float(value)
            if seconds - seconds == 0:  # finite
                return seconds
        except (TypeError, ValueError, OverflowError):
            pass
    raise DataError(f"{where}: tstamp is {value!r:.60}; write seconds since 1970, such as 1690000000.5")


def _turn(row: Mapping[str, Any], where: str) -> int | None:
    value = row.get("turn")
    if value is None or value == "":
        return None
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        if not isinstance(value, bool) and float(value) == int(float(value)) >= 0:
            return int(float(value))
    raise DataError(f"{where}: turn is {value!r:.60}; write a whole number")


def _text(row: Mapping[str, Any], column: str, where: str) -> str | None:
    value = row.get(column)
    if value is None or value == "":
        return None
    if _nested(value):
        raise DataError(f"{where}: {column} is a {type(value).__name__}; write a text")
    return str(value)


def _nested(value: Any) -> bool:
    return isinstance(value, list | dict)


def _structure(row: Mapping[str, Any], column: str, where: str) -> Any:
    """A list or an object; in a table it is JSON text in a cell."""
    value = row.get(column)
    if not isinstance(value, str) or not value:
        return value or None
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise DataError(f"{where}: {column} is not JSON; write it as JSON, or leave the column out") from None


def _is_conversation(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(
        isinstance(m, Mapping) and "role" in m and "content" in m for m in value
    )


def vote_row(vote: Vote) -> dict[str, Any]:
    """A vote as the published columns; what it does not have is left out."""
    row = {name: getattr(vote, name) for name in (*COLUMNS, *LONG)}
    return {name: value for name, value in row.items() if value is not None}


def write_votes(path: str | Path, votes: Iterable[Vote]) -> int:
    """Write votes as JSON, JSONL or CSV, by the name's ending, whole or not at all; how many there were.

    CSV has no place for conversations and counts, so they are left out of it. Memory does not grow with the votes.
    """
    path = Path(path)
    write = {"json": _write_json, "jsonl": _write_jsonl, "csv": _write_csv}.get(kind_by_ending(path) or "")
    if write is None or path.suffix.lower() in (".gz", ".zst"):
        raise RequestError(f"{path}: votes are written to a file that ends in .json, .jsonl or .csv; name one")
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                count = write(file, votes)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    return count


def _write_jsonl(file: io.TextIOBase, votes: Iterable[Vote]) -> int:
    count = 0
    for vote in votes:
        file.write(json.dumps(vote_row(vote), ensure_ascii=False) + "\n")
        count += 1
    return count


def _write_json(file: io.TextIOBase, votes: Iterable[Vote]) -> int:
    count = 0
    for vote in votes:
        file.write((",\n" if count else "[\n") + json.dumps(vote_row(vote), ensure_ascii=False))
        count += 1
    file.write("\n]\n" if count else "[]\n")
    return count


def _write_csv(file: io.TextIOBase, votes: Iterable[Vote]) -> int:
    writer: Any = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
    writer.writeheader()
    count = 0
    for vote in votes:
        writer.writerow(vote_row(vote))
        count += 1
    return count
