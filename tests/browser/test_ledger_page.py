"""The ledger in a real Chromium: nothing runs or loads, it fits a phone, colours can be read, paper has it all."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from heedful.report.ledger_page import ledger_page

pytestmark = pytest.mark.browser


def neighbour(path: str) -> ModuleType:
    """Another test file as a module: pages and helpers that are theirs."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, Path(__file__).parents[1] / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ledgers = neighbour("report/test_ledger_page.py")
reports = neighbour("browser/test_report_page.py")


@pytest.fixture
def open_page(open_file, tmp_path):
    """Opens the page of a ledger."""

    def open_it(document: dict[str, Any], **options: Any) -> Any:
        path = tmp_path / "ledger.html"
        path.write_text(ledger_page(document, ledgers.HOSTILE), encoding="utf-8")
        return open_file(path, **options)

    return open_it


WIDE = [pytest.param(w, marks=pytest.mark.slow) for w in (768, 1280)]


@pytest.mark.parametrize("width", [360, *WIDE])
def test_a_hostile_ledger_neither_runs_nor_sticks_out(open_page, width):
    document = ledgers.hostile(ledgers.FULL)
    document["files"][0]["path"] += "/a-very-long-path" * 20
    page = open_page(document, viewport={"width": width, "height": 740})
    assert page.evaluate("window.hacked") is None
    assert page.locator("img").count() == 0
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", [pytest.param("light", marks=pytest.mark.slow), "dark"])
def test_colours_are_readable(open_page, scheme):
    page = open_page(ledgers.FULL, color_scheme=scheme)
    for selector in (
        "h1",
        ".run",
        ".share",
        ".group.error h3",
        ".group.warning h3",
        ".group.note h3",
        ".what",
        ".bars td",
    ):
        assert reports.contrast(page, selector) >= 4.5, selector


def test_places_open_by_keyboard_and_the_structure_is_told(open_page):
    page = open_page(ledgers.FULL)
    assert not page.get_by_text("a.jsonl:9 is like a.jsonl:1").is_visible()
    page.locator(".found summary").first.focus()
    page.keyboard.press("Enter")
    assert page.get_by_text("a.jsonl:9 is like a.jsonl:1").is_visible()
    assert page.get_by_role("heading", level=1).count() == 1
    assert page.get_by_role("img", name="20 rows read: 10 kept, 4 truncated, 6 dropped").count() == 1
    assert page.locator("table:not(:has(caption))").count() == 0


@pytest.mark.slow  # its numbers are tests/report/test_ledger_page.py's
def test_the_bar_is_drawn_to_scale(open_page):
    page = open_page(ledgers.FULL)
    whole = page.locator(".sums svg").bounding_box()["width"]
    for name, share in (("kept", 0.5), ("truncated", 0.2), ("dropped", 0.3)):
        width = page.evaluate(f"document.querySelector('.sums rect.{name}').getBoundingClientRect().width")
        assert abs(width / whole - share) < 0.01


def test_on_paper_all_places_are_there(open_page):
    page = open_page(ledgers.FULL, color_scheme="dark")
    page.emulate_media(media="print")
    assert page.get_by_text("a.jsonl:8 has mmlu:1").is_visible()
    assert page.locator("nav").is_hidden()
    assert reports.luminance(page.evaluate("getComputedStyle(document.body).color")) < 0.1
