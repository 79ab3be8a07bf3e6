"""The review page with hostile and long answers, on a phone, in the dark, on paper, and under axe's eyes."""

from __future__ import annotations

import functools
import importlib.util
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

_spec = importlib.util.spec_from_file_location("review_desk", Path(__file__).parent / "review_desk.py")
assert _spec
assert _spec.loader
desk = sys.modules.setdefault("review_desk", importlib.util.module_from_spec(_spec))
if not hasattr(desk, "at"):
    _spec.loader.exec_module(desk)
folder, mode, start, at = desk.folder, desk.mode, desk.start, desk.at


@pytest.mark.slow
def test_nothing_in_an_answer_runs_and_every_letter_is_there(start, mode):
    review = start(mode)
    page = review.page()
    for place, item in enumerate(review.set.items, 1):
        at(page, place)
        shown = page.evaluate("[...document.querySelectorAll('.answer .text')].map(e => e.textContent)")
        assert sorted(shown) == sorted(a.text.replace("\x00", "␀") for a in item.answers if a.text)
        assert page.inner_text(".ask .text").strip() == item.messages[0].content.replace("\x00", "␀").strip()
        page.keyboard.press("ArrowRight")
    assert page.evaluate("window.hacked") is None
    assert page.locator("main img, main svg, main script").count() == 0
    refused = page.evaluate(
        """() => { try { document.body.innerHTML = '<b>x</b>'; return 'done'; } catch (e) { return e.name; } }"""
    )
    assert refused == "TypeError"  # trusted types: even our own code could not
    assert any("TrustedHTML" in c for c in review.complaints)
    review.complaints.clear()


def test_right_to_left_answers_start_on_the_right(start):
    review = start()
    page = review.page()
    at(page, 1)
    page.evaluate("document.querySelector('.answer .text').textContent = 'שלום עולם'")
    assert page.evaluate("getComputedStyle(document.querySelector('.answer .text')).direction") == "rtl"


@pytest.mark.slow
@pytest.mark.parametrize("width", [320, 768])
def test_nothing_sticks_out_sideways(start, mode, width):
    review = start(mode)
    page = review.page(viewport={"width": width, "height": 740})
    sideways = "[document.documentElement.scrollWidth, innerWidth]"
    for place in range(1, 21):
        at(page, place)
        got, most = page.evaluate(sideways)
        assert got <= most
        page.keyboard.press("1" if place < 5 else "ArrowRight")
    page.keyboard.press("?")
    assert page.locator("#help").bounding_box()["width"] <= width
    page.keyboard.press("Escape")
    page.goto(review.site.origin + "/result")
    page.click("#unblind")
    page.wait_for_selector("table")
    got, most = page.evaluate(sideways)
    assert got <= most


@pytest.mark.slow
def test_on_a_phone_answers_are_stacked_and_the_verdicts_stay_in_reach(start):
    review = start()
    for width, stacked in ((360, True), (1280, False)):
        page = review.page(viewport={"width": width, "height": 640})
        at(page, 1)
        one, two = (page.locator(f".answer >> nth={k}").bounding_box() for k in (0, 1))
        assert (two["y"] > one["y"]) is stacked
        for button in page.locator(".vote button").all():
            box = button.bounding_box()
            assert box["y"] + box["height"] <= 640
            assert box["height"] >= 44


def test_on_paper_is_the_question_and_no_control(start):
    page = start().page(color_scheme="dark")
    at(page, 1)
    page.emulate_media(media="print")
    for selector in (".vote", ".tools", ".step", ".note", "#show-expected"):
        assert page.locator(selector).is_hidden(), selector
    assert page.locator(".answer").first.is_visible()


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "width"), [("light", 360), ("dark", 1280)])
def test_axe_finds_nothing(start, mode, scheme, width):
    review = start(mode)
    page = review.page(None, color_scheme=scheme, viewport={"width": width, "height": 800}, bypass_csp=True)
    clean = functools.partial(desk.axe_finds_nothing, page)
    clean("welcome")
    page.fill("#name", "Ann")
    page.press("#name", "Enter")
    at(page, 1)
    clean("question")
    page.keyboard.press("e")
    page.keyboard.press("?")
    clean("help")
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    at(page, 2)
    page.keyboard.press("ArrowLeft")
    at(page, 1, ", marked")
    clean("marked")
    page.goto(review.site.origin + "/result")
    clean("before unblinding")
    page.click("#unblind")
    page.wait_for_selector("table")
    clean("result")
