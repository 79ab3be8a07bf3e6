"""An arena of fake models on a real loopback server, and people with browsers that keep their cookies: for the tests
beside, and for those in a real browser."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from heedful.arena.app import arena_app
from heedful.arena.arena import Arena, Limits, Setup
from heedful.arena.entrants import Entrants
from heedful.arena.journal import Journal
from heedful.arena.ledger import FORM
from heedful.backends.base import Answer, GenerationSettings
from heedful.backends.speaking import Spoken
from heedful.errors import HeedfulError
from heedful.records import Message
from heedful.web.guard import Rules
from heedful.web.limits import Buckets


def _load(name: str, path: Path) -> Any:
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec
        assert spec.loader
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


local_site = _load("local_site", Path(__file__).parents[1] / "web" / "local_site.py")


class Fake:
    """A model that says `pieces`, each when `go` lets it; `asked` is what it was asked with."""

    places = None
    note = ""

    def __init__(self, name: str, pieces: Sequence[str] = ("An ", "answer."), fails: str = ""):
        self.name, self.pieces, self.fails = name, list(pieces), fails
        self.go = threading.Semaphore(1_000_000)
        self.asked: list[list[tuple[str, str]]] = []
        self.seeds: list[int] = []
        self.left = threading.Event()
        self.closed = False

    def hold(self) -> None:
        """From now on each piece waits for `go.release()`."""
        self.go = threading.Semaphore(0)

    def say(self, messages: Sequence[Message], settings: GenerationSettings) -> Iterator[Spoken]:
        self.asked.append([(m.role, m.content) for m in messages])
        self.seeds.append(settings.seed)
        try:
            if self.fails:
                raise HeedfulError(self.fails)
            for piece in self.pieces:
                assert self.go.acquire(timeout=300)
                yield Spoken(piece)
            text = "".join(self.pieces)
            yield Spoken("", Answer(0, text, "stop", 1, len(self.pieces), 0.0))
        finally:
            self.left.set()

    def count(self, messages: Sequence[Message]) -> int:
        return 0

    def close(self) -> None:
        self.closed = True


class Person:
    """Somebody with a browser."""

    def __init__(self, site: Any, cookie: str = ""):
        self.site, self.cookie = site, cookie

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        answer = self.site.post(path, body, cookie=self.cookie, **headers)
        if kept := answer.headers.get("set-cookie"):
            self.cookie = kept.split(";")[0]
        return answer

    def get(self, path: str, **headers: str) -> Any:
        return self.site.get(path, cookie=self.cookie, **headers)

    def begin(self, *models: str) -> dict[str, Any]:
        answer = self.post("/api/begin", {"hidden": not models} | ({"models": models} if models else {}))
        assert answer.status == 200, answer.body
        return answer.json["talk"]

    def ask(self, talk: str, question: str = "What is this?") -> list[dict[str, Any]]:
        return events(self.post("/api/ask", {"conversation": talk, "question": question}))

    def again(self, talk: str) -> list[dict[str, Any]]:
        return events(self.post("/api/again", {"conversation": talk}))

    def vote(self, talk: str, winner: str = "a", key: str = "k") -> Any:
        return self.post("/api/vote", {"conversation": talk, "winner": winner, "key": key})

    def battle(self, winner: str = "a", question: str = "What is this?", key: str = "k") -> dict[str, Any]:
        talk = self.begin()["id"]
        self.ask(talk, question)
        answer = self.vote(talk, winner, key)
        assert answer.status == 200, answer.body
        return answer.json["talk"]


def events(answer: Any) -> list[dict[str, Any]]:
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"].startswith("text/event-stream")
    return [json.loads(e.removeprefix("data: ")) for e in answer.body.decode().split("\n\n") if e]


class World:
    """An arena with its file, models and server."""

    def __init__(self, stack: contextlib.ExitStack, path: Path, fakes: Sequence[Fake], **setup: Any):
        self.fakes = {f.name: f for f in fakes}
        self.journal = Journal(path, FORM)
        stack.callback(self.journal.close)
        limits = setup.pop("limits", Limits(asked=Buckets(rate=1000, burst=1000)))
        source = setup.pop("source", None) or Entrants({f.name: lambda f=f: f for f in fakes}, setup.pop("keep", None))
        rules = setup.pop("rules", None) or Rules(requests=Buckets(rate=1000, burst=1000))
        self.arena = Arena(self.journal, source, Setup(seed=setup.pop("seed", 0), **setup), limits)
        stack.callback(self.arena.close)
        self.stop = contextlib.ExitStack()
        stack.push(self.stop)
        self.site = self.stop.enter_context(local_site.running(arena_app(self.arena), rules))

    def person(self, name: str | None = None) -> Person:
        somebody = Person(self.site)
        if name:
            assert somebody.post("/api/name", {"name": name}).status == 200
        return somebody

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.journal.reading() as db:
            return db.execute(sql, values).fetchall()


def two() -> tuple[Fake, Fake]:
    """The models of most tests."""
    return Fake("north", ["N1 ", "n2"]), Fake("south", ["S1"])


def until(condition: Any) -> None:
    """Wait for what always comes."""
    end = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)
