"""Files of answers, reviews of them, and the review's own server."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from heedful.review.app import review_app
from heedful.review.items import read_set
from heedful.review.marks import Mark, Marks

HOSTILE = '</script><img src=x onerror="window.hacked=1"> {{ 7*7 }} <!-- \x00 & "quotes"'


def _load(name: str, path: Path) -> Any:
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec
        assert spec.loader
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


local_site = _load("local_site", Path(__file__).parents[1] / "web" / "local_site.py")


def response(example_id: str, model: str, text: str, **changes: Any) -> dict[str, Any]:
    values = {
        "schema": "heedful.response/1",
        "id": f"{model}-{example_id}",
        "example_id": example_id,
        "model": model,
        "settings": "greedy",
        "messages": [{"role": "user", "content": f"Question {example_id}?"}],
        "reference": f"expected {example_id}",
        "text": text,
        "finish_reason": "stop",
        "prompt_tokens": 3,
        "tokens": 4,
        "seconds": 0.1,
        "error": None,
    }
    return values | changes


def write_lines(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(v) + "\n" for v in lines))
    return path


@pytest.fixture
def make_response():
    return response


@pytest.fixture
def lines():
    return write_lines


@pytest.fixture
def files(tmp_path) -> Callable[..., list[Path]]:
    """`files(n)`: two files with answers of the models `old` and `new` to n questions."""

    def make(count: int = 10, models: tuple[str, ...] = ("old", "new")) -> list[Path]:
        return [
            write_lines(tmp_path / f"{m}.jsonl", [response(f"e{k}", m, f"{m} says {k}") for k in range(count)])
            for m in models
        ]

    return make


@pytest.fixture
def review(files, tmp_path):
    """`review(n, single)`: a set and its marks, with `mark(name, {example: verdict})`."""
    opened = []

    class Review:
        def __init__(self, count: int = 10, single: bool = False, seed: int = 0):
            sources = files(count)[1:] if single else files(count)
            self.set = read_set(sources, seed=seed)
            self.marks = Marks(tmp_path / f"{self.set.mode}.sqlite", self.set.mode)
            opened.append(self.marks)

        def mark(self, name: str, verdicts: dict[str, str], **more: Any) -> None:
            who = self.marks.reviewer(name)
            items = {i.example_id: i for i in self.set.items}
            made = [
                (
                    items[e],
                    Mark(name, e, v, "first" if self.set.mode == "pair" else None, key=f"{e}{v}{len(opened)}", **more),
                )
                for e, v in verdicts.items()
            ]
            assert self.marks.add(who, made) == len(made)

    yield Review
    for marks in opened:
        marks.close()


class Person:
    """Somebody with a browser: keeps cookies."""

    def __init__(self, site: Any, name: str | None = None):
        self.site, self.cookie = site, ""
        if name:
            answer = self.site.post("/api/name", {"name": name, "again": True})
            assert answer.status == 200
            self.cookie = answer.headers["set-cookie"].split(";")[0]

    def get(self, path: str) -> Any:
        return self.site.get(path, cookie=self.cookie)

    def post(self, path: str, body: Any = None) -> Any:
        return self.site.post(path, body, cookie=self.cookie)

    @property
    def state(self) -> dict[str, Any]:
        return self.get("/api/state").json

    def mark(self, verdict: str, number: int | None = None, **more: Any) -> Any:
        state = self.get(f"/api/state?number={number}").json if number else self.state
        number = state["item"]["number"]
        sent = {"set": state["set"], "number": number, "verdict": verdict, "key": f"{number}-{verdict}-{more}"}
        return self.post("/api/mark", sent | more)


@pytest.fixture
def served():
    """`with served(review) as site`: the page of a review on loopback."""
    return lambda review: local_site.running(review_app(review.set, review.marks))


@pytest.fixture
def person():
    return Person
