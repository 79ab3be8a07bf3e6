"""The arena with hostile answers, with Markdown, on a phone, in the dark, and under axe's eyes."""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

_spec = importlib.util.spec_from_file_location("arena_desk", Path(__file__).parent / "arena_desk.py")
assert _spec
assert _spec.loader
desk = sys.modules.setdefault("arena_desk", importlib.util.module_from_spec(_spec))
if not hasattr(desk, "at"):
    _spec.loader.exec_module(desk)
start, at, ask, Fake, sideways = desk.start, desk.at, desk.ask, desk.Fake, desk.sideways

HOSTILE = """<script>window.hacked=1</script><img src=x onerror="window.hacked=1"> <svg onload=window.hacked=1>
[click](javascript:window.hacked=1) ![i](http://evil.example/x.png) <javascript:window.hacked=1> http://evil.example
- **<b onclick="window.hacked=1">bold</b>** `</code><script>window.hacked=1</script>`
> <iframe src="javascript:parent.hacked=1"></iframe> {{ 7*7 }} &lt;b&gt; \x00 \u202e
```"><script>window.hacked=1</script>
</pre><style>*{display:none}</style><base href="http://evil.example/">
```
# <a href="data:text/html,x">x</a>"""
ALLOWED = {"P", "UL", "OL", "LI", "PRE", "CODE", "STRONG", "EM", "BLOCKQUOTE", "HR"}


def test_nothing_in_a_text_or_a_name_runs(start):
    hostile_name = '<img src=x onerror="window.hacked=1">'
    arena = start(
        Fake(hostile_name, [HOSTILE]), Fake("</option><script>window.hacked=1</script>", [HOSTILE[::2], HOSTILE])
    )
    page = arena.page()
    ask(page, HOSTILE.replace("\x00", ""))
    at(page, "open", 1)
    page.click("[data-verdict=a]")
    at(page, "voted")
    seen = page.evaluate("[...document.querySelectorAll('.said *')].map(e => [e.tagName, ...e.getAttributeNames()])")
    assert {tag for tag, *_ in seen} <= ALLOWED
    assert {name for _, *names in seen for name in names} <= {"class", "dir", "tabindex", "start"}
    text = page.locator(".said").first.inner_text() + page.locator(".said").last.inner_text()
    for letters in ("<script>window.hacked=1</script>", "javascript:window.hacked=1", "<style>*{display:none}</style>"):
        assert letters in text
    assert hostile_name in page.inner_text("#names")
    named = arena.page("/named")
    assert hostile_name in named.locator("#model-a option").all_inner_texts()
    board = arena.page("/board")
    board.wait_for_selector("#table tbody")
    for one in (page, named, board):
        assert one.evaluate("window.hacked") is None
        assert one.locator("main img, main script, main iframe, main a[href^='javascript']").count() == 0


MARKDOWN = """# Plan
Some *slanted*, **bold** and `code * here`,
2 * 3 * 4 and snake_case_name.

1. one
   - deeper
2. two

```python
if a < b:
    print("**not bold**")
```

> quoted
---
last **open"""


def test_a_little_markdown_is_drawn_and_loses_no_letter(start):
    arena = start()
    page = arena.page()
    drawn = page.evaluate(
        """text => { const box = document.createElement('div'); box.append(HeedfulMarkdown.render(text));
            const walk = (n) => n.nodeType === 3 ? n.data : [n.localName, ...[...n.childNodes].map(walk)];
            return [...box.childNodes].map(walk); }""",
        MARKDOWN,
    )
    assert drawn == [
        ["p", "Plan"],
        ["p", "Some ", ["em", "slanted"], ", ", ["strong", "bold"], " and ", ["code", "code * here"],
         ",\n2 * 3 * 4 and snake_case_name."],
        ["ol", ["li", "one", ["ul", ["li", "deeper"]]], ["li", "two"]],
        ["pre", ["code", 'if a < b:\n    print("**not bold**")']],
        ["blockquote", ["p", "quoted"]],
        ["hr"],
        ["p", "last **open"],
    ]  # fmt: skip
    for evil in (
        "**a" * 20_000,
        "`" * 50_000,
        "> " * 20_000,
        "- " * 20_000,
        "*_" * 30_000,
        "\n" * 50_000,
        "[" * 50_000,
    ):
        letters = page.evaluate(
            "text => { const f = HeedfulMarkdown.render(text); return f.textContent.replaceAll(/\\s/g, '').length; }",
            evil,
        )
        assert letters <= len(evil)


def long_answers():
    wide = "| a | b |\n" + "W" * 300 + "\n\n```\n" + "x = " + "y" * 300 + "\n```\n" + "word " * 200
    return Fake("a-model-with-a-very-long-name-indeed-" * 3, [wide]), Fake("south", ["- one\n- two", " three"])


@pytest.mark.parametrize("width", [360, 768])
def test_a_phone_shows_all_and_nothing_sticks_out(start, width):
    arena = start(*long_answers())
    page = arena.page(viewport={"width": width, "height": 740})
    assert not sideways(page)
    ask(page, "Q" * 300)
    at(page, "open", 1)
    assert not sideways(page)
    one, two = (page.locator(".answer").nth(k).bounding_box() for k in (0, 1))
    assert (two["y"] > one["y"] + 10) is (width == 360)
    for button in page.locator("#vote button").all():
        box = button.bounding_box()
        assert box["y"] + box["height"] <= 740
        assert box["height"] >= 44
    page.click("[data-verdict=a]")
    at(page, "voted")
    assert not sideways(page)
    page.click("#who")
    assert page.locator("#naming").bounding_box()["width"] <= width
    page.keyboard.press("Escape")
    for path in ("/named", "/board"):
        other = arena.page(path, viewport={"width": width, "height": 740})
        assert not sideways(other), path


@pytest.mark.parametrize(("scheme", "width"), [("light", 360), ("dark", 1280)])
def test_axe_finds_nothing(start, scheme, width):
    arena = start(Fake("north", ["# Head\n- one\n```\ncode\n```\n> quote"]), Fake("south", ["S", "1"]))
    options = {"color_scheme": scheme, "viewport": {"width": width, "height": 800}, "bypass_csp": True}
    page = arena.page(**options)
    clean = functools.partial(desk.axe_finds_nothing, page)
    clean("welcome")
    arena.fakes["south"].hold()
    ask(page)
    at(page, "streaming")
    clean("streaming")
    arena.fakes["south"].go.release(100)
    at(page, "open", 1)
    clean("open")
    page.click("[data-verdict=tie]")
    at(page, "voted")
    clean("voted")
    page.click("#who")
    clean("name")
    page.goto(arena.site.origin + "/named")
    at(page, "empty")
    clean("named")
    page.goto(arena.site.origin + "/board")
    at(page, "board")
    clean("board")


@pytest.mark.skipif(not os.environ.get("HEEDFUL_PICTURES"), reason="HEEDFUL_PICTURES names no folder for pictures")
def test_pictures(start):
    """The pictures for the eye: two people, a battle under way, the leaderboard, a phone."""
    folder = Path(os.environ["HEEDFUL_PICTURES"])
    steps = (
        "Water boils when its vapour pressure reaches that of the air.\n\n1. Fill the pot.\n2. Heat it to **100 °C**.\n"
    )
    arena = start(
        Fake("tuned", [steps[:70], steps[70:], "\n```python\nboil(water)\n```"]),
        Fake("base", ["It is hot. ", "Then it is hotter."]),
        Fake("small", ["Heat it."]),
    )
    person = arena.person("Maria")
    for k, winner in enumerate("aabatbaab" * 5):
        person.battle({"t": "tie"}.get(winner, winner), key=str(k))
    ann = arena.page(viewport={"width": 1100, "height": 760})
    ann.screenshot(path=folder / "arena-welcome.png")
    for fake in arena.fakes.values():
        fake.hold()
    ask(ann, "How do I boil water?")
    at(ann, "streaming")
    for fake in arena.fakes.values():
        fake.go.release()
    ann.wait_for_function("() => [...document.querySelectorAll('.said')].every(e => e.textContent)")
    ann.screenshot(path=folder / "arena-streaming.png")
    for fake in arena.fakes.values():
        fake.go.release(1000)
    at(ann, "open", 1)
    ben = arena.page(viewport={"width": 360, "height": 740})
    ask(ben, "How do I boil water?")
    at(ben, "open", 1)
    ben.screenshot(path=folder / "arena-phone.png")
    ann.click("[data-verdict=a]")
    at(ann, "voted")
    ann.screenshot(path=folder / "arena-voted.png")
    board = arena.page("/board", viewport={"width": 1100, "height": 900})
    board.screenshot(path=folder / "arena-board.png")
    narrow = arena.page("/board", viewport={"width": 360, "height": 740}, color_scheme="dark")
    narrow.screenshot(path=folder / "arena-board-phone.png", full_page=True)
