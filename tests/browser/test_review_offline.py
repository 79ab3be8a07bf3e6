"""The page that is sent out, in a real Chromium without a network, and what comes back from it."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from heedful.review.items import read_set
from heedful.review.marks import Marks
from heedful.review.offline import import_marks, write_sheet

pytestmark = pytest.mark.browser

_spec = importlib.util.spec_from_file_location("review_desk", Path(__file__).parent / "review_desk.py")
assert _spec
assert _spec.loader
desk = sys.modules.setdefault("review_desk", importlib.util.module_from_spec(_spec))
if not hasattr(desk, "at"):
    _spec.loader.exec_module(desk)
folder, mode, at = desk.folder, desk.mode, desk.at


@pytest.fixture
def sheet(folder, tmp_path, mode):
    class Sheet:
        set = read_set([folder], single=mode == "single")
        marks = Marks(tmp_path / f"{mode}.sqlite", set.mode)
        page = tmp_path / "page.html"

    write_sheet(Sheet.set, Sheet.marks, Sheet.page)
    yield Sheet
    Sheet.marks.close()


@pytest.mark.slow
def test_a_colleague_marks_without_a_network_and_the_file_comes_back(sheet, mode, open_file, tmp_path):
    page = open_file(sheet.page, offline=True)
    page.fill("#name", "Zoë")
    page.press("#name", "Enter")
    keys = "1234" if mode == "pair" else "123"
    for place, key in enumerate(keys, 1):
        at(page, place)
        if mode == "single":
            page.keyboard.press("f")
        page.keyboard.press(key)
    at(page, len(keys) + 1)
    page.keyboard.press("u")
    at(page, len(keys))
    page.reload()  # the browser keeps the marks
    at(page, len(keys))
    assert page.inner_text("#count") == f"{len(keys) - 1} of 20 marked"
    with page.expect_download() as got:
        page.click("#save")
    assert got.value.suggested_filename == "marks-Zoë.json"
    got.value.save_as(tmp_path / "back.json")
    assert page.evaluate("window.hacked") is None
    back = import_marks(sheet.set, sheet.marks, tmp_path / "back.json")
    assert (back.reviewer, back.new) == ("Zoë", len(keys) - 1)
    made = {m.example_id: m for m in sheet.marks.current()}
    if mode == "single":
        verdicts = [made[i.example_id].verdict for i in sheet.set.items[:2]]
        assert verdicts == ["right", "partly"]
        assert all(m.tags == ("wrong_fact",) for m in made.values())
    else:
        first, second, third = (made[i.example_id] for i in sheet.set.items[:3])
        assert first.verdict == first.shown_left
        assert second.verdict != second.shown_left
        assert third.verdict == "tie"


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "width"), [("light", 360), ("dark", 1280)])
def test_axe_finds_nothing(sheet, open_file, scheme, width):
    view = {"width": width, "height": 800}
    page = open_file(sheet.page, offline=True, bypass_csp=True, color_scheme=scheme, viewport=view)
    desk.axe_finds_nothing(page, "welcome")
    page.fill("#name", "Ann")
    page.press("#name", "Enter")
    at(page, 1)
    page.keyboard.press("e")
    desk.axe_finds_nothing(page, "question")
    page.keyboard.press("?")
    desk.axe_finds_nothing(page, "help")
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    at(page, 2)
    page.keyboard.press("ArrowLeft")
    at(page, 1, ", marked")
    desk.axe_finds_nothing(page, "marked")


def test_a_browser_that_keeps_nothing_says_so(sheet, open_file, mode):
    if mode == "single":
        return
    page = open_file(sheet.page)
    page.evaluate("() => { Storage.prototype.setItem = () => { throw new Error('full'); }; }")
    page.fill("#name", "Ann")
    page.press("#name", "Enter")
    page.wait_for_selector("#alert:not([hidden])")
    assert "does not keep your marks" in page.inner_text("#alert")
    at(page, 1)
    page.keyboard.press("3")
    at(page, 2)
    with page.expect_download() as got:
        page.click("#save")
    assert len(json.loads(Path(got.value.path()).read_text())["marks"]) == 1
