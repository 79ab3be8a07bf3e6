"""What an arena keeps: visitors, conversations with every answer, votes. Nothing is rewritten but a visitor's name.

    visitors       the hash of a browser's secret, and the name that somebody gave there
    conversations  whose, which two models (model_a stood left), hidden or named, which saved question
    takes          a turn's question with both answers; a turn that was answered again has a take more, the last counts
    votes          one a conversation at most, final; and imported ones, which have no conversation

`winner` is kept by its published word, model_a or model_b, never left or right.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass

from heedful.arena.journal import Form
from heedful.errors import RequestError
from heedful.ratings import Vote

FORM = Form(
    application=0x48656561,  # "Heea"
    version=1,
    what="votes",
    option="--votes",
    tables="""
CREATE TABLE visitors (id INTEGER PRIMARY KEY, secret TEXT NOT NULL UNIQUE, name TEXT, since REAL NOT NULL);
CREATE TABLE conversations (id TEXT PRIMARY KEY, visitor INTEGER NOT NULL REFERENCES visitors, hidden INTEGER NOT NULL,
  model_a TEXT NOT NULL, model_b TEXT NOT NULL, example TEXT, began REAL NOT NULL);
CREATE INDEX by_visitor ON conversations (visitor, began);
CREATE TABLE takes (conversation TEXT NOT NULL REFERENCES conversations, turn INTEGER NOT NULL, take INTEGER NOT NULL,
  question TEXT NOT NULL, answer_a TEXT NOT NULL, end_a TEXT NOT NULL, error_a TEXT, answer_b TEXT NOT NULL,
  end_b TEXT NOT NULL, error_b TEXT, at REAL NOT NULL, PRIMARY KEY (conversation, turn, take)) WITHOUT ROWID;
CREATE TABLE votes (id INTEGER PRIMARY KEY AUTOINCREMENT, conversation TEXT UNIQUE REFERENCES conversations, key TEXT,
  model_a TEXT NOT NULL, model_b TEXT NOT NULL, winner TEXT NOT NULL, judge TEXT, turn INTEGER, anony INTEGER NOT NULL,
  language TEXT, tstamp REAL, question_id TEXT, looks TEXT, gave_away TEXT, imported TEXT, digest TEXT UNIQUE);
CREATE TABLE imports (id INTEGER PRIMARY KEY, name TEXT NOT NULL, at REAL NOT NULL)""",
)
ENDS = ("stop", "length", "stopped", "error")
VISITOR = re.compile(r"visitor-\d+", re.IGNORECASE)


class Conflict(RequestError):
    """What was asked does not fit what is there: a second vote, say."""


class Missing(RequestError):
    """There is no such conversation, or it is somebody else's: which of the two is not told."""


@dataclass(frozen=True, slots=True)
class Said:
    """One side's answer: how it ended (stop, length, stopped by the visitor, error), and why where it failed."""

    text: str
    end: str
    error: str | None = None

    @property
    def can_be_judged(self) -> bool:
        """Whether there is an answer: an empty one counts where the model itself ended there."""
        return self.end in ("stop", "length") or (self.end == "stopped" and bool(self.text.strip()))


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and what both sides said."""

    question: str
    a: Said
    b: Said
    take: int = 0


@dataclass(frozen=True, slots=True)
class Cast:
    """A vote that was given in a conversation. `gave_away`: what a model said that named it, else None."""

    winner: str
    key: str
    gave_away: str | None


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation. `hidden`: the names were not shown while it went on."""

    id: str
    visitor: int
    hidden: bool
    model_a: str
    model_b: str
    example: str | None
    turns: tuple[Turn, ...] = ()
    vote: Cast | None = None


@dataclass(frozen=True, slots=True)
class Visitor:
    """A browser."""

    id: int
    name: str | None

    @property
    def judge(self) -> str:
        """What stands as the vote's judge."""
        return self.name or f"visitor-{self.id}"


def clean_name(text: str) -> str | None:
    """A visitor's name as it is kept, None for an empty one; RequestError where it is no name."""
    name = " ".join(text.split())
    if not name:
        return None
    if len(name) > 40 or not name.isprintable():
        raise RequestError("a name has at most 40 letters, and no control characters")
    if VISITOR.fullmatch(name):
        raise RequestError("a name like visitor-7 is that of somebody without a name; choose another")
    return name


def hash_secret(secret: str) -> str:
    """What is kept of a browser's secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def find_visitor(db: sqlite3.Connection, secret: str) -> Visitor | None:
    """The visitor whose browser has this secret."""
    row = db.execute("SELECT id, name FROM visitors WHERE secret = ?", (hash_secret(secret),)).fetchone()
    return Visitor(*row) if row else None


def add_visitor(db: sqlite3.Connection, secret: str, name: str | None) -> Visitor:
    """A new one."""
    found = db.execute(
        "INSERT INTO visitors (secret, name, since) VALUES (?, ?, ?)", (hash_secret(secret), name, time.time())
    )
    return Visitor(int(found.lastrowid or 0), name)


def rename(db: sqlite3.Connection, visitor: Visitor, name: str | None) -> Visitor:
    """Another name from now on; votes that were given keep theirs."""
    db.execute("UPDATE visitors SET name = ? WHERE id = ?", (name, visitor.id))
    return Visitor(visitor.id, name)


def add_talk(db: sqlite3.Connection, talk: Talk) -> None:
    """Keep a new conversation, with the turns that it begins with."""
    values = (talk.id, talk.visitor, talk.hidden, talk.model_a, talk.model_b, talk.example, time.time())
    db.execute("INSERT INTO conversations VALUES (?, ?, ?, ?, ?, ?, ?)", values)
    for number, turn in enumerate(talk.turns, 1):
        add_take(db, talk.id, number, turn)


def add_take(db: sqlite3.Connection, talk: str, number: int, turn: Turn) -> None:
    """Keep what both sides said. Conflict where the conversation has a vote already."""
    if db.execute("SELECT 1 FROM votes WHERE conversation = ?", (talk,)).fetchone():
        raise Conflict("this conversation has a vote already; begin a new one")
    added = db.execute(
        "INSERT OR IGNORE INTO takes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (talk, number, turn.take, turn.question, *_said(turn.a), *_said(turn.b), time.time()),
    )
    if not added.rowcount:
        raise Conflict("the conversation went on meanwhile; load the page again")


def _said(said: Said) -> tuple[str, str, str | None]:
    return said.text, said.end, said.error


_TURNS = """SELECT turn, question, answer_a, end_a, error_a, answer_b, end_b, error_b, max(take) FROM takes
WHERE conversation = ? GROUP BY turn ORDER BY turn"""


def turns_of(db: sqlite3.Connection, talk: str) -> tuple[Turn, ...]:
    """The turns of a conversation, of each the last take (SQLite gives the row of the max)."""
    rows = db.execute(_TURNS, (talk,)).fetchall()
    return tuple(Turn(r[1], Said(*r[2:5]), Said(*r[5:8]), r[8]) for r in rows)


def find_talk(db: sqlite3.Connection, talk: str, visitor: Visitor | None) -> Talk:
    """A visitor's conversation; Missing where there is none of this id that is theirs."""
    row = db.execute(
        "SELECT c.id, c.visitor, c.hidden, c.model_a, c.model_b, c.example, v.winner, v.key, v.gave_away "
        "FROM conversations c LEFT JOIN votes v ON v.conversation = c.id WHERE c.id = ?",
        (talk,),
    ).fetchone()
    if row is None or visitor is None or row[1] != visitor.id:
        raise Missing("there is no such conversation of yours; begin a new one")
    cast = Cast(row[6], row[7], row[8]) if row[6] is not None else None
    return Talk(row[0], row[1], bool(row[2]), row[3], row[4], row[5], turns_of(db, talk), cast)


def last_talk(db: sqlite3.Connection, visitor: Visitor, hidden: bool) -> Talk | None:
    """The visitor's latest conversation of a kind, for a page that is loaded again."""
    row = db.execute(
        "SELECT id FROM conversations WHERE visitor = ? AND hidden = ? ORDER BY began DESC, rowid DESC LIMIT 1",
        (visitor.id, hidden),
    ).fetchone()
    return find_talk(db, row[0], visitor) if row else None


def seen_examples(db: sqlite3.Connection, visitor: Visitor, models: tuple[str, str]) -> set[str]:
    """The saved questions that a visitor was shown with two models, whichever stood left."""
    rows = db.execute(
        "SELECT example FROM conversations WHERE visitor = ? AND model_a IN (?, ?) AND model_b IN (?, ?)",
        (visitor.id, *models, *models),
    )
    return {r[0] for r in rows if r[0] is not None}


def add_vote(db: sqlite3.Connection, talk: Talk, key: str, vote: Vote, gave_away: str | None) -> Cast:
    """Keep a vote on `talk` as it was read. The same one sent again is the same vote.

    Conflict where the conversation has another, or has gone on since it was read.
    """
    kept = db.execute("SELECT winner, key, gave_away FROM votes WHERE conversation = ?", (talk.id,)).fetchone()
    if kept is not None:
        if kept[:2] != (vote.winner, key):
            raise Conflict("this conversation has a vote already, and a vote is final; begin a new one")
        return Cast(*kept)
    takes = db.execute("SELECT count(*) FROM takes WHERE conversation = ?", (talk.id,)).fetchone()[0]
    if takes != sum(t.take + 1 for t in talk.turns):
        raise Conflict("the conversation went on meanwhile; load the page again")
    db.execute(
        "INSERT INTO votes (conversation, key, model_a, model_b, winner, judge, turn, anony, language, tstamp, "
        "question_id, looks, gave_away) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (talk.id, key, vote.model_a, vote.model_b, vote.winner, vote.judge, vote.turn, vote.anony, vote.language,
         vote.tstamp, vote.question_id, json.dumps(vote.conv_metadata), gave_away),
    )  # fmt: skip
    return Cast(vote.winner, key, gave_away)


_COLUMNS = "model_a, model_b, winner, judge, turn, anony, language, tstamp, question_id"


def votes(db: sqlite3.Connection, everything: bool = False) -> Iterator[Vote]:
    """The votes in the order of their coming, without conversations. `everything`: those that do not count too."""
    where = "" if everything else "WHERE gave_away IS NULL"
    for *row, looks in db.execute(f"SELECT {_COLUMNS}, looks FROM votes {where} ORDER BY id"):
        row[5] = bool(row[5])
        yield Vote(*row, conv_metadata=json.loads(looks) if looks else None)


def outcomes(db: sqlite3.Connection, after: int) -> list[tuple[int, str, str, str]]:
    """Id, model_a, model_b and winner of the votes that count in ratings and came after vote `after`."""
    return db.execute(
        "SELECT id, model_a, model_b, winner FROM votes WHERE id > ? AND gave_away IS NULL AND anony ORDER BY id",
        (after,),
    ).fetchall()


@dataclass(frozen=True, slots=True)
class Counts:
    """How many votes there are: `hidden` ones that count, `gave_away`, `named`, imported ones among all; `last` id."""

    votes: int
    gave_away: int
    named: int
    imported: int
    judges: int
    last: int

    @property
    def hidden(self) -> int:
        return self.votes - self.gave_away - self.named


def counts(db: sqlite3.Connection) -> Counts:
    """The counts of all votes; one with names in which a model named itself is counted as named."""
    row = db.execute(
        "SELECT count(*), total(gave_away IS NOT NULL AND anony), total(NOT anony), total(conversation IS NULL), "
        "count(DISTINCT judge), max(id) FROM votes"
    ).fetchone()
    return Counts(*(int(v or 0) for v in row))
