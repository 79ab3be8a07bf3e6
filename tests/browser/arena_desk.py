"""An arena on loopback, opened in Chromium under watch: fixtures and waits of the tests beside."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest


def load(name: str, path: Path) -> Any:
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec
        assert spec.loader
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


TESTS = Path(__file__).parents[1]
arena_world = load("arena_world", TESTS / "arena" / "arena_world.py")
Fake = arena_world.Fake


@pytest.fixture
def start(tmp_path, windows):
    """`start(*fakes, **setup)`: an arena with `page(path, **options)`; nothing may complain."""
    stack = contextlib.ExitStack()
    complaints: list[str] = []

    class Desk(arena_world.World):
        def __init__(self, *fakes: Any, **setup: Any):
            super().__init__(stack, tmp_path / "arena.sqlite", fakes or arena_world.two(), **setup)

        def page(self, path: str = "/", **options: Any) -> Any:
            def requested(url: str) -> None:
                if not url.startswith((self.site.origin, "data:")):
                    complaints.append(url)

            page = windows.take(complaints, requested, **options)
            stack.callback(windows.give_back, page)
            page.goto(self.site.origin + path)
            at(page, "empty")
            return page

    Desk.complaints = complaints
    yield Desk
    stack.close()
    assert complaints == []


def at(page: Any, state: str, turns: int | None = None) -> None:
    """Wait until the page is empty, streaming, open or voted, with nothing under way; the board until it is drawn."""
    shown = """([state, turns]) => document.body.dataset.version
        || (document.body.dataset.state === state
            && (state === 'streaming' || !document.body.classList.contains('working'))
            && (turns === null || document.querySelectorAll('.turn').length === turns))"""
    page.wait_for_function(shown, arg=[state, turns])


def ask(page: Any, question: str = "What is it?") -> None:
    """Write a question and send it by Enter."""
    page.fill("#question", question)
    page.press("#question", "Enter")


def sideways(page: Any) -> bool:
    """Whether something sticks out of the window."""
    return page.evaluate("document.documentElement.scrollWidth > innerWidth")


def axe_finds_nothing(page: Any, what: str) -> None:
    """What axe has to say of the page as it is now; the page's context must have been made with `bypass_csp`."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    found = axe.Axe().run(page).response["violations"]
    assert [f"{v['id']} ({v['impact']}): {v['nodes'][0]['html'][:150]}" for v in found] == [], what
