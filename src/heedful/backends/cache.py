"""Answers of servers on disk, so that the same question is paid for once.

One SQLite file, ``answers.sqlite3`` in the cache folder (``$HEEDFUL_CACHE``, else ``~/.cache/heedful``), that only its
owner may read. A key is the SHA-256 of the server's address and the whole request (model, messages, tools, settings,
seed); a value is an answer that was whole. Questions and keys to servers are not stored. Several processes may use it
at once, and one that is killed leaves it whole: each answer is a transaction of its own. The journal is SQLite's
rollback journal, which unlike its write-ahead log also works on network file systems.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from heedful.errors import RequestError

FILE = "answers.sqlite3"
WAIT = 30.0  # seconds for another process to finish its write
_TABLE = "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, value TEXT NOT NULL, made REAL NOT NULL)"
_AT_ONCE = 500  # keys in one statement; SQLite takes 999 or more


def cache_key(url: str, body: Mapping[str, Any]) -> str:
    """The key of a request to a server."""
    text = json.dumps([url, body], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class AnswerCache:
    """Get and put answers by key, from any thread: each call has a connection of its own.

    RequestError, when one is made or later, where the file cannot be read or written.
    """

    def __init__(self, folder: Path):
        self.path = folder / FILE
        with self._told():
            folder.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        with self._open() as connection:
            connection.execute(_TABLE)

    def get(self, keys: Sequence[str]) -> dict[str, Any]:
        """The values under those of the keys that are known."""
        out: dict[str, Any] = {}
        with self._open() as connection:
            for start in range(0, len(keys), _AT_ONCE):
                some = keys[start : start + _AT_ONCE]
                marks = ",".join("?" * len(some))
                rows = connection.execute(f"SELECT key, value FROM answers WHERE key IN ({marks})", some)
                for key, text in rows:
                    try:
                        out[key] = json.loads(text)
                    except ValueError:
                        raise self._error("holds something else than answers") from None
        return out

    def put(self, key: str, value: Any) -> None:
        """Keep a value, whole or not at all; when this returns other processes can read it."""
        text = json.dumps(value, ensure_ascii=True)
        with self._open() as connection:
            connection.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", (key, text, time.time()))

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with self._told(), contextlib.closing(sqlite3.connect(self.path, timeout=WAIT, isolation_level=None)) as opened:
            opened.execute("PRAGMA synchronous=NORMAL")
            yield opened

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as e:
            why = e.strerror if isinstance(e, OSError) and e.strerror else str(e)
            raise self._error(f"cannot be used ({why})") from None

    def _error(self, what: str) -> RequestError:
        return RequestError(
            f"{self.path}: the cache of answers {what}; delete it, name another folder in HEEDFUL_CACHE, "
            "or add --no-cache"
        )
