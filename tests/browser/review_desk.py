"""A review of twenty questions, served on loopback and opened in Chromium under watch: fixtures of the tests beside."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from heedful.review.app import review_app
from heedful.review.items import read_set
from heedful.review.marks import Marks


def load(name: str, path: Path) -> Any:
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec
        assert spec.loader
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


TESTS = Path(__file__).parents[1]
report_run = load("report_run", TESTS / "report" / "report_run.py")
local_site = load("local_site", TESTS / "web" / "local_site.py")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return report_run.write_run(tmp_path_factory.mktemp("runs") / "run", *report_run.ALL)


@pytest.fixture(params=["pair", "single"])
def mode(request):
    return request.param


@pytest.fixture
def start(folder, tmp_path, windows):
    """`start(mode)`: a review of 20 questions on loopback, with `page(**options)`; nothing may complain."""
    stack = contextlib.ExitStack()
    complaints: list[str] = []

    class Review:
        def __init__(self, mode: str = "pair"):
            self.set = read_set([folder], single=mode == "single")
            self.marks = Marks(tmp_path / f"{mode}.sqlite", self.set.mode)
            stack.callback(self.marks.close)
            self.stop = contextlib.ExitStack()
            stack.push(self.stop)
            self.site = self.stop.enter_context(local_site.running(review_app(self.set, self.marks)))

        def page(self, name: str | None = "Ann", path: str = "/", **options: Any) -> Any:
            def requested(url: str) -> None:
                if not url.startswith((self.site.origin, "data:")):
                    complaints.append(url)

            page = windows.take(complaints, requested, **options)
            stack.callback(windows.give_back, page)
            page.goto(self.site.origin + path)
            if name:
                page.fill("#name", name)
                page.press("#name", "Enter")
                page.wait_for_selector("#review:not([hidden]), #name-why:text('once more')")
                if page.is_visible("#name-why"):  # somebody of that name has marked: it is the same person
                    page.press("#name", "Enter")
                page.wait_for_selector("#review:not([hidden])")
            return page

        @property
        def verdicts(self) -> dict[str, str]:
            return {m.example_id: m.verdict for m in self.marks.current()}

    Review.complaints = complaints
    yield Review
    stack.close()
    assert complaints == []


def at(page, place: int, more: str = "") -> None:
    """Wait until a question is on the screen and nothing is under way, and until a press of a key counts again.

    The place alone does not tell: behind the page that says 'all is marked' it still names the last question.
    """
    shown = """t => document.getElementById('place')?.textContent === t
        && !document.getElementById('review').hidden && !document.body.classList.contains('saving')"""
    page.wait_for_function(shown, arg=f"Question {place} of 20{more}")
    page.wait_for_timeout(270)


def axe_finds_nothing(page, what: str) -> None:
    """What axe has to say of the page as it is now; the page's context must have been made with `bypass_csp`."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    found = axe.Axe().run(page).response["violations"]
    told = [f"{v['id']} ({v['impact']}): {v['nodes'][0]['html'][:150]}" for v in found]
    assert told == [], f"{what}: {told}"
