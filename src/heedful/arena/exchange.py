"""Votes out of an arena's file and into it, in the published form (`heedful.ratings.votes`)."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heedful.arena import ledger
from heedful.arena.journal import Journal
from heedful.ratings import Vote, read_votes, write_votes
from heedful.ratings.style import looks
from heedful.ratings.votes import vote_row
from heedful.records import hash_of

COUNTED = ("sum_assistant_{}_tokens", "header_count_{}", "list_count_{}", "bold_count_{}")
BATCH = 2_000  # votes in a transaction


def export_votes(journal: Journal, path: Path, conversations: bool = False, everything: bool = False) -> int:
    """Write the votes that count (`everything`: all); how many there were."""
    with journal.reading() as db:
        db.execute("BEGIN")  # one view of the file, though votes are coming
        try:
            return write_votes(path, _votes(db, conversations, everything))
        finally:
            db.execute("ROLLBACK")


def _votes(db: sqlite3.Connection, conversations: bool, everything: bool) -> Iterator[Vote]:
    where = "" if everything else "WHERE gave_away IS NULL"
    keys = db.execute(f"SELECT conversation, imported FROM votes {where} ORDER BY id")
    for (talk, imported), vote in zip(keys, ledger.votes(db, everything), strict=True):
        if not conversations:
            yield vote
        elif talk is not None:
            yield dataclasses.replace(vote, **conversations_of(ledger.turns_of(db, talk)))
        elif imported is not None:
            yield dataclasses.replace(vote, **json.loads(imported))
        else:
            yield vote


def conversations_of(turns: tuple[ledger.Turn, ...]) -> dict[str, Any]:
    """Both sides' messages as the published columns."""
    out = {}
    for side in ("a", "b"):
        messages = []
        for turn in turns:
            messages.append({"role": "user", "content": turn.question})
            messages.append({"role": "assistant", "content": getattr(turn, side).text})
        out[f"conversation_{side}"] = messages
    return out


def looks_of(a: Any, b: Any) -> dict[str, int] | None:
    """The counts that style control needs, as `conv_metadata` has them, of two lists of messages."""
    if a is None or b is None:
        return None
    out = {}
    for side, messages in (("a", a), ("b", b)):
        text = "\n".join(str(m["content"]) for m in messages if m["role"] == "assistant")
        out |= dict(zip((name.format(side) for name in COUNTED), looks(text), strict=True))
    return out


@dataclass(frozen=True)
class Imported:
    """What an import did: votes that are new, and that were known."""

    new: int
    known: int


def import_votes(journal: Journal, path: Path) -> Imported:
    """Add the votes of a file; those that are there already add nothing. DataError with the line of a broken one: then
    nothing at all is added.

    Two votes of a file that are alike are two, unless the file is imported again: a vote is known by its columns and by
    how many like it came before it in its file.
    """
    for _ in read_votes(path):  # all is read before anything is written
        pass
    seen: Counter[str] = Counter()
    new = known = 0
    batch: list[tuple[Vote, str]] = []

    def put() -> int:
        return journal.write(lambda db: sum(_add(db, vote, digest) for vote, digest in batch))

    for vote in read_votes(path):
        own = hash_of({k: v for k, v in vote_row(vote).items() if k not in ("conversation_a", "conversation_b")})
        seen[own] += 1
        batch.append((vote, f"{own}-{seen[own]}"))
        if len(batch) == BATCH:
            new, known, batch = new + (got := put()), known + len(batch) - got, []
    if batch:
        new, known = new + (got := put()), known + len(batch) - got
    journal.write(lambda db: db.execute("INSERT INTO imports (name, at) VALUES (?, ?)", (path.name, time.time())))
    return Imported(new, known)


def _add(db: sqlite3.Connection, vote: Vote, digest: str) -> int:
    """1 where the vote is new; one that came from this very file's page is not."""
    if vote.question_id and db.execute("SELECT 1 FROM votes WHERE conversation = ?", (vote.question_id,)).fetchone():
        return 0
    looks = vote.conv_metadata or looks_of(vote.conversation_a, vote.conversation_b)
    long = {k: getattr(vote, k) for k in ("conversation_a", "conversation_b") if getattr(vote, k) is not None}
    return db.execute(
        "INSERT OR IGNORE INTO votes (model_a, model_b, winner, judge, turn, anony, language, tstamp, question_id, "
        "looks, imported, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (vote.model_a, vote.model_b, vote.winner, vote.judge, vote.turn, vote.anony, vote.language, vote.tstamp,
         vote.question_id, json.dumps(looks) if looks else None,
         json.dumps(long) if long else None, digest),
    ).rowcount  # fmt: skip
