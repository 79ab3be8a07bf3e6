"""The page of `heedful data show` in a real Chromium: nothing runs; phone, dark, keyboard and paper."""

from __future__ import annotations

from pathlib import Path

import pytest

from heedful.report.token_page import token_page
from heedful.report.token_view import ShownDrop, ShownRow, ShownToken
from heedful.train.truncation import Cut

HOSTILE = "</span></div><script>window.hacked=1</script><img src=x onerror=window.hacked=1>\u202e"

pytestmark = pytest.mark.browser


def tokens() -> tuple[ShownToken, ...]:
    read = ["<s>", "Name", " a", " fruit", ".", "\n", "\n", "x" * 300, HOSTILE, "\t", "日本", ""]
    out = [ShownToken(k, t, "read", k == 0, False) for k, t in enumerate(read)]
    out += [ShownToken(20, "no", "masked", False, False), ShownToken(2, "</s>", "masked", True, True)]
    out += [ShownToken(21, "A", "trained", False, False), ShownToken(22, " lime", "trained", False, False)]
    return (*out, ShownToken(2, "</s>", "trained", True, True))


@pytest.fixture(scope="module")
def page_file(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("page") / "rows.html"
    row = ShownRow(HOSTILE, f"{HOSTILE}.jsonl:1", tokens(), (Cut("turns", 12, 1), Cut("input", 3, 8)), 15)
    drop = ShownDrop("rows.jsonl:2", "empty_answer", "an answer is empty", {"instruction": HOSTILE, "n": "y" * 900})
    file.write_text(token_page([row, drop], {"files": HOSTILE * 3, "model": "m"}), encoding="utf-8")
    return file


@pytest.fixture
def open_page(open_file, page_file):
    return lambda width=1280, scheme="light": open_file(
        page_file, viewport={"width": width, "height": 900}, color_scheme=scheme
    )


def test_nothing_in_a_row_runs(open_page):
    page = open_page()
    assert page.evaluate("window.hacked") is None
    assert page.locator("img, script").count() == 0
    assert page.locator(".tokens .t").count() == len(tokens())
    assert page.locator("h1").count() == 1


def test_the_style_is_allowed_and_marks_by_more_than_colour(open_page):
    page = open_page()
    style = """s => { const c = getComputedStyle(document.querySelector(s));
        return [c.borderBottomWidth, c.borderBottomStyle]; }"""
    assert page.evaluate(style, ".tokens mark .t") == ["2px", "solid"]
    assert page.evaluate(style, ".tokens .masked .t") == ["2px", "dotted"]
    assert page.evaluate(style, ".tokens > .t")[0] == "0px"
    content = "s => getComputedStyle(document.querySelector(s), '::before').content"
    assert page.evaluate(content, ".tokens mark .stop") == '"■\u00a0"'
    assert page.evaluate(content, ".tokens .masked .stop") == '"□\u00a0"'
    # What a screen reader is told.
    assert "trained: A lime</s> :end" in page.locator(".tokens mark").text_content()
    assert page.locator(".tokens .cut").all_text_contents() == [
        "✂ 12 tokens of the oldest turns were cut here",
        "✂ 3 tokens of the input were cut here",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_nothing_sticks_out_sideways(open_page, width):
    page = open_page(width)
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def luminance(colour: str) -> float:
    channels = [int(float(v)) / 255 for v in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [pytest.param("light", marks=pytest.mark.slow), "dark"])
def test_colours_follow_the_system_and_are_readable(open_page, scheme):
    page = open_page(scheme=scheme)
    read = (
        "h1, .numbers, .facts th, summary, .legend li, .tokens .t, .tokens mark .t, .tokens mark .special, "
        ".tokens .masked .t, .tokens .t i, .tokens .cut, .special, pre, footer p"
    )
    pairs = page.evaluate(
        """s => [...document.querySelectorAll(s)].map(e => { let b = e, c = 'rgba(0, 0, 0, 0)';
        while (b && c === 'rgba(0, 0, 0, 0)') { c = getComputedStyle(b).backgroundColor; b = b.parentElement; }
        return [getComputedStyle(e).color, c, e.outerHTML.slice(0, 60)]; })""",
        read,
    )
    assert (luminance(page.evaluate("getComputedStyle(document.body).backgroundColor")) > 0.5) is (scheme == "light")
    for text, back, what in pairs:
        light, dark = sorted((luminance(text), luminance(back)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, what


def test_by_keyboard_and_on_paper(open_page):
    page = open_page(scheme="dark")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the rows"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    table = page.locator("table.each")
    assert table.is_visible()
    assert table.locator("tbody tr").count() == len(tokens())
    assert table.locator("tr.yes").count() == 3
    page.emulate_media(media="print")
    assert luminance(page.evaluate("getComputedStyle(document.body).color")) < 0.1
    assert page.locator(".skip").is_hidden()
    assert page.locator(".tokens").is_visible()
