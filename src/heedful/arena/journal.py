"""An SQLite file with one thread that writes: what is asked at the same time goes to the disk together.

A result is given when its transaction is on disk: write-ahead log, synchronous=FULL. One wait for the disk then serves
all who came during the last one ("group commit": DeWitt et al., "Implementation techniques for main memory database
systems", SIGMOD 1984). A job that fails is taken back by itself (a savepoint), the others stay.
"""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from heedful.errors import DataError, HeedfulError, RequestError
from heedful.store import disk_errors

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], Any]
TOGETHER = 256  # jobs in a transaction, at most


@dataclass(frozen=True)
class Form:
    """What a file holds: SQLite's application id, the version of the tables, the tables, and what to call it."""

    application: int
    version: int
    tables: str
    what: str
    option: str


class Journal:
    """The file. Safe to use from all threads, and by several processes at once."""

    def __init__(self, path: str | Path, form: Form):
        self.path, self.form = Path(path), form
        self._jobs: queue.SimpleQueue[tuple[Job, Future[Any]] | None] = queue.SimpleQueue()
        self._readers: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        with self._told():
            if self.path.is_dir():
                raise RequestError(f"{self.path}: is a folder; name a file with {form.option}")
            with disk_errors(self.path):
                self.path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = self._connect()
            try:
                self._open()
            except BaseException:
                self._writer.close()
                raise
        self._thread = threading.Thread(target=self._write, name="heedful-journal", daemon=True)
        self._thread.start()

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=20, check_same_thread=False, isolation_level=None)

    def _open(self) -> None:
        db, form = self._writer, self.form
        if db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            kind, version = (db.execute(f"PRAGMA {p}").fetchone()[0] for p in ("application_id", "user_version"))
            if kind != form.application:
                raise RequestError(f"{self.path}: not a file of {form.what}; name another with {form.option}")
            if version != form.version:
                raise RequestError(f"{self.path}: {form.what} of form {version}, which this version cannot read")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("BEGIN IMMEDIATE")
        if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            for statement in form.tables.split(";\n"):
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {form.application}")
            db.execute(f"PRAGMA user_version = {form.version}")
        db.execute("COMMIT")

    def submit(self, job: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Have a job done; the future has its result, or its error, once that is on disk."""
        future: Future[T] = Future()
        self._jobs.put((job, future))
        return future

    def write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """`submit`, and wait."""
        return self.submit(job).result()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees all that is on disk, for reading alone; readers do not wait for each other."""
        with self._told():
            try:
                db = self._readers.get_nowait()
            except queue.Empty:
                db = self._connect()
            try:
                yield db
            finally:
                self._readers.put(db)

    def close(self) -> None:
        """Do what was asked, then close the file."""
        self._jobs.put(None)
        self._thread.join()
        with contextlib.suppress(queue.Empty):
            while True:
                self._readers.get_nowait().close()
        self._writer.close()  # the write-ahead log goes into the file

    def _write(self) -> None:
        ended = False
        while not ended:
            batch = [self._jobs.get()]
            with contextlib.suppress(queue.Empty):
                while len(batch) < TOGETHER and batch[-1] is not None:
                    batch.append(self._jobs.get_nowait())
            ended = batch[-1] is None
            # A job whose asker has gone away before it was begun is not done.
            taken = [b for b in batch if b is not None and b[1].set_running_or_notify_cancel()]
            if taken:
                self._together(taken)

    def _together(self, taken: list[tuple[Job, Future[Any]]]) -> None:
        results: list[tuple[Future[Any], Any, BaseException | None]] = []
        try:
            with self._told():
                self._writer.execute("BEGIN IMMEDIATE")
                try:
                    results += [(future, *self._one(job)) for job, future in taken]
                    self._writer.execute("COMMIT")
                except BaseException:
                    if self._writer.in_transaction:
                        self._writer.execute("ROLLBACK")
                    raise
        except HeedfulError as e:  # nothing of it is on disk
            results = [(future, None, e) for _, future in taken]
        except Exception as e:
            problem = HeedfulError(f"{self.path}: the {self.form.what} cannot be written ({e}); try again")
            results = [(future, None, problem) for _, future in taken]
        for future, value, error in results:
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)

    def _one(self, job: Job) -> tuple[Any, BaseException | None]:
        db = self._writer
        db.execute("SAVEPOINT one")
        try:
            value = job(db)
        except sqlite3.OperationalError:  # the disk is full, say: all of it is taken back
            raise
        except Exception as e:
            db.execute("ROLLBACK TO one")
            db.execute("RELEASE one")
            return None, e
        db.execute("RELEASE one")
        return value, None

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """SQLite's errors as one sentence."""
        what, option = self.form.what, self.form.option
        try:
            yield
        except sqlite3.OperationalError as e:
            mend = "free some room" if "full" in str(e) else "check the path and its permissions"
            raise HeedfulError(f"{self.path}: the {what} cannot be written ({e}); {mend}") from None
        except sqlite3.DatabaseError as e:
            raise DataError(
                f"{self.path}: not a file of {what}, or a broken one ({e}); name another {option}"
            ) from None
