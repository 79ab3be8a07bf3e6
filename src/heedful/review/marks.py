"""Marks on disk: an SQLite file that is only ever added to.

A mark that `add` has returned from is on disk: SQLite's write-ahead log with synchronous=FULL. Nothing is rewritten:
a changed mind is a new mark, of which the last counts, and undo stamps the last one as undone. Tables:

    reviewers  name as first typed; folded is how two spellings of one name are known; when they unblinded
    items      example_id and the hash of its texts, for what has marks
    marks      verdict (by maker: first, second; never left or right), the side shown left, tags, note, seconds
    sheets     the pages that were sent out: their questions and sides

`key` comes from the page and makes a mark that is sent twice count once.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heedful.errors import DataError, HeedfulError, RequestError
from heedful.review.items import Item, Mode, ReviewSet
from heedful.store import disk_errors

APPLICATION = 0x48656564  # "Heed", in SQLite's own field for it
VERSION = 1
_TABLES = """
CREATE TABLE about (mode TEXT NOT NULL);
CREATE TABLE reviewers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, folded TEXT NOT NULL UNIQUE, since TEXT NOT NULL,
  unblinded TEXT);
CREATE TABLE items (example_id TEXT PRIMARY KEY, hash TEXT NOT NULL);
CREATE TABLE marks (id INTEGER PRIMARY KEY AUTOINCREMENT, reviewer INTEGER NOT NULL REFERENCES reviewers,
  example_id TEXT NOT NULL REFERENCES items, verdict TEXT NOT NULL, shown_left TEXT, tags TEXT NOT NULL,
  note TEXT NOT NULL, seconds REAL NOT NULL, at TEXT NOT NULL, blind INTEGER NOT NULL, origin TEXT NOT NULL,
  key TEXT NOT NULL, undone TEXT, UNIQUE (reviewer, key));
CREATE TABLE sheets (id TEXT PRIMARY KEY, made TEXT NOT NULL, set_hash TEXT NOT NULL, items TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Mark:
    """One verdict of one reviewer. `shown_left` is None where a single answer was shown."""

    reviewer: str
    example_id: str
    verdict: str
    shown_left: str | None = None
    tags: tuple[str, ...] = ()
    note: str = ""
    seconds: float = 0.0
    at: str = ""
    blind: bool = True
    origin: str = "page"
    key: str = ""


@dataclass(frozen=True)
class Reviewer:
    """A person; `unblinded` is when they chose to see who wrote what."""

    id: int
    name: str
    unblinded: str | None


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def clean_name(text: str) -> str:
    """A reviewer's name as it is kept: spaces folded, 1 to 40 characters; RequestError where it is no name."""
    name = " ".join(text.split())
    if not name or len(name) > 40 or not name.isprintable():
        raise RequestError("a name has 1 to 40 letters, and no control characters")
    return name


def _mark(name: str, example_id: str, verdict: str, left: str | None, tags: str, *more: Any) -> Mark:
    """A row as `current` asks for it."""
    note, seconds, at, blind, origin, key = more
    return Mark(name, example_id, verdict, left, tuple(json.loads(tags)), note, seconds, at, bool(blind), origin, key)


class Marks:
    """The marks of one review. Safe to use from several threads, and by several processes at once."""

    def __init__(self, path: str | Path, mode: Mode):
        self.path = Path(path)
        self._lock = threading.Lock()
        with self._told():
            if self.path.is_dir():
                raise RequestError(f"{self.path}: is a folder; name a file for the marks")
            with disk_errors(self.path):
                self.path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self.path, timeout=20, check_same_thread=False, isolation_level=None)
            try:
                self._open(mode)
            except BaseException:
                self._db.close()
                raise

    def _open(self, mode: Mode) -> None:
        db = self._db
        if db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            kind, version = (db.execute(f"PRAGMA {p}").fetchone()[0] for p in ("application_id", "user_version"))
            if kind != APPLICATION:
                raise RequestError(f"{self.path}: not a file of marks; name another with --marks")
            if version != VERSION:
                raise RequestError(f"{self.path}: marks of form {version}, which this version cannot read")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        with self._writing():
            if not db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'marks'").fetchone()[0]:
                for statement in _TABLES.split(";\n"):
                    db.execute(statement)
                db.execute("INSERT INTO about VALUES (?)", (mode,))
                db.execute(f"PRAGMA application_id = {APPLICATION}")
                db.execute(f"PRAGMA user_version = {VERSION}")
        kept = db.execute("SELECT mode FROM about").fetchone()[0]
        if kept != mode:
            shown = {"pair": "two answers side by side", "single": "single answers"}
            raise RequestError(f"{self.path}: holds marks of {shown[kept]}; name another file with --marks")

    def close(self) -> None:
        """Close the file; the write-ahead log goes into it."""
        with self._lock:
            self._db.close()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """SQLite's errors as one sentence."""
        try:
            yield
        except sqlite3.OperationalError as e:
            mend = "free some room" if "full" in str(e) else "check the path and its permissions"
            raise HeedfulError(f"{self.path}: the marks cannot be written ({e}); {mend}") from None
        except sqlite3.DatabaseError as e:
            raise DataError(f"{self.path}: not a file of marks, or a broken one ({e}); name another --marks") from None

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is on disk when the block is left."""
        with self._told():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def check(self, review: ReviewSet) -> None:
        """DataError where a question that has marks has other answers now."""
        with self._lock, self._told():
            kept = dict(self._db.execute("SELECT example_id, hash FROM items").fetchall())
        changed = [i.example_id for i in (*review.items, *review.failed) if kept.get(i.example_id, i.hash) != i.hash]
        if changed:
            more = f" and {len(changed) - 1:,} more" if len(changed) > 1 else ""
            raise DataError(
                f"{self.path}: the answers to {changed[0]}{more} have changed since they were marked; "
                "restore the files, or begin anew with another --marks"
            )

    def reviewer(self, name: str) -> Reviewer:
        """The reviewer of a name; new ones are added, and `ann` goes on as `Ann`."""
        name = clean_name(name)
        with self._lock, self._writing() as db:
            db.execute(
                "INSERT OR IGNORE INTO reviewers (name, folded, since) VALUES (?, ?, ?)", (name, name.casefold(), now())
            )
            row = db.execute("SELECT id, name, unblinded FROM reviewers WHERE folded = ?", (name.casefold(),))
            return Reviewer(*row.fetchone())

    def find(self, name: str) -> Reviewer | None:
        """The reviewer of a name, None where there is none yet."""
        with self._lock, self._told():
            row = self._db.execute(
                "SELECT id, name, unblinded FROM reviewers WHERE folded = ?", (" ".join(name.split()).casefold(),)
            ).fetchone()
        return Reviewer(*row) if row else None

    def reviewers(self) -> list[Reviewer]:
        """All, in the order in which they came."""
        with self._lock, self._told():
            return [Reviewer(*r) for r in self._db.execute("SELECT id, name, unblinded FROM reviewers ORDER BY id")]

    def unblind(self, who: Reviewer) -> None:
        """Keep that a reviewer chose to see who wrote what: what they mark from now on is not blind."""
        with self._lock, self._writing() as db:
            db.execute("UPDATE reviewers SET unblinded = ? WHERE id = ? AND unblinded IS NULL", (now(), who.id))

    def add(self, who: Reviewer, marks: Iterable[tuple[Item, Mark]]) -> int:
        """Keep marks, all or none; how many were new."""
        new = 0
        with self._lock, self._writing() as db:
            seeing = db.execute("SELECT unblinded FROM reviewers WHERE id = ?", (who.id,)).fetchone()[0]
            for item, m in marks:
                db.execute("INSERT OR IGNORE INTO items VALUES (?, ?)", (item.example_id, item.hash))
                blind = m.blind and (seeing is None or m.origin == "file")
                values = (who.id, item.example_id, m.verdict, m.shown_left, json.dumps(m.tags), m.note, m.seconds)
                values += (m.at or now(), blind, m.origin, m.key)
                new += db.execute(
                    "INSERT OR IGNORE INTO marks (reviewer, example_id, verdict, shown_left, tags, note, seconds, at, "
                    "blind, origin, key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    values,
                ).rowcount
        return new

    def undo(self, who: Reviewer, among: Sequence[str]) -> str | None:
        """Take back the reviewer's last mark of these examples; which one that was, None where there is none."""
        wanted = set(among)
        with self._lock, self._writing() as db:
            rows = db.execute(
                "SELECT id, example_id FROM marks WHERE reviewer = ? AND undone IS NULL AND origin = 'page' "
                "ORDER BY id DESC",
                (who.id,),
            )
            for number, example_id in rows.fetchall():
                if example_id in wanted:
                    db.execute("UPDATE marks SET undone = ? WHERE id = ?", (now(), number))
                    return str(example_id)
        return None

    def current(self, who: Reviewer | None = None) -> list[Mark]:
        """The marks that count, in the order of their making: of each reviewer and example the last."""
        where, values = ("AND m.reviewer = ?", (who.id,)) if who else ("", ())
        with self._lock, self._told():
            rows = self._db.execute(
                "SELECT r.name, m.example_id, m.verdict, m.shown_left, m.tags, m.note, m.seconds, m.at, m.blind, "
                "m.origin, m.key FROM marks m JOIN reviewers r ON r.id = m.reviewer WHERE m.id IN (SELECT max(id) FROM "
                f"marks WHERE undone IS NULL GROUP BY reviewer, example_id) {where} ORDER BY m.id",
                values,
            ).fetchall()
        return [_mark(*row) for row in rows]

    def add_sheet(self, sheet: str, review: ReviewSet, items: Sequence[dict[str, Any]]) -> None:
        """Keep what a page that is sent out asks, and its sides."""
        with self._lock, self._writing() as db:
            db.execute(
                "INSERT OR IGNORE INTO sheets VALUES (?, ?, ?, ?)", (sheet, now(), review.hash, json.dumps(items))
            )

    def sheet(self, sheet: str) -> tuple[str, list[dict[str, Any]]] | None:
        """The set's hash and the questions of a page that was sent out."""
        with self._lock, self._told():
            row = self._db.execute("SELECT set_hash, items FROM sheets WHERE id = ?", (sheet,)).fetchone()
        return (row[0], json.loads(row[1])) if row else None
