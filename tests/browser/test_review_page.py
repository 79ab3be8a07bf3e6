"""The review page in a real Chromium: every action by mouse and by keyboard, two reviewers, a server that goes away,
the page that is sent out; hostile answers, phone, dark, paper, and axe."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from heedful.review.app import review_app
from heedful.review.items import read_set
from heedful.review.marks import Marks
from heedful.review.offline import import_marks, write_sheet

pytestmark = pytest.mark.browser


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
def start(folder, tmp_path, browser):
    """`start(mode)`: a review of 20 questions on loopback, with `page(**options)`; nothing may complain."""
    import contextlib

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
            context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
            stack.callback(context.close)
            page = context.new_page()
            page.on("console", lambda m: complaints.append(m.text))
            page.on("pageerror", lambda e: complaints.append(str(e)))
            page.on("dialog", lambda d: complaints.append(d.message))
            page.on("request", lambda r: r.url.startswith((self.site.origin, "data:")) or complaints.append(r.url))
            page.goto(self.site.origin + path)
            if name:
                page.fill("#name", name)
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


def number(page) -> str:
    return page.inner_text("#place")


def at(page, place: int, more: str = "") -> None:
    """Wait until a question is shown, and as long as the page takes no second press of a key for a verdict."""
    page.wait_for_function("t => document.getElementById('place').textContent === t", arg=f"Question {place} of 20{more}")
    page.wait_for_timeout(270)


def test_a_pair_is_marked_by_keyboard_alone(start):
    review = start()
    page = review.page()
    for place, key in enumerate("1234", 1):
        at(page, place)
        page.keyboard.press(key)
    at(page, 5)
    assert page.inner_text("#count") == "4 of 20 marked"
    assert page.evaluate("document.getElementById('bar').value") == 4
    shown = [m.verdict for m in review.marks.current()]
    assert shown[2:] == ["tie", "both_bad"]
    left = [m.shown_left for m in review.marks.current()]
    assert (shown[0] == left[0], shown[1] == left[1]) == (True, False)
    page.keyboard.press("u")
    at(page, 4)
    page.keyboard.press("U")
    at(page, 3)
    assert len(review.verdicts) == 2


def test_a_pair_is_marked_by_mouse_and_answers_stand_as_they_are_counted(start):
    review = start()
    page = review.page()
    for place, shown in enumerate(("left", "right", "tie", "both_bad"), 1):
        at(page, place)
        item = review.set.items[place - 1]
        boxes = page.locator(".answer .text, .answer .none").all_inner_texts()
        page.click(f"[data-verdict={shown}]")
        at(page, place + 1)
        verdict = review.verdicts[item.example_id]
        if shown in ("left", "right"):
            winner = item.answers[0 if verdict == "first" else 1].text.replace("\x00", "␀")
            assert boxes[shown == "right"].strip() == winner.strip()
        else:
            assert verdict == shown
    page.click("#undo")
    at(page, 4)


def test_single_answers_with_tags_and_a_note(start):
    review = start("single")
    page = review.page()
    at(page, 1)
    page.keyboard.press("f")
    page.keyboard.press("g")
    page.keyboard.press("d")
    page.keyboard.press("d")
    page.click("[data-tag=format]")
    page.keyboard.press("n")
    page.keyboard.type("1 note with keys: f u e ?")
    page.keyboard.press("Escape")
    page.keyboard.press("3")
    at(page, 2)
    mark = review.marks.current()[0]
    assert (mark.verdict, mark.tags) == ("wrong", ("wrong_fact", "format", "too_long"))
    assert mark.note == "1 note with keys: f u e ?"
    assert mark.seconds > 0.2
    assert page.input_value("#note") == ""
    assert page.locator("[data-tag][aria-pressed=true]").count() == 0
    page.keyboard.press("1")
    at(page, 3)
    page.keyboard.press("ArrowLeft")
    at(page, 2, ", marked")
    page.keyboard.press("ArrowLeft")
    at(page, 1, ", marked")
    assert page.input_value("#note") == "1 note with keys: f u e ?"
    assert page.locator("[data-tag][aria-pressed=true]").count() == 3
    assert page.get_attribute("[data-verdict=wrong]", "aria-pressed") == "true"
    page.keyboard.press("2")
    at(page, 3)
    assert review.verdicts[review.set.items[0].example_id] == "partly"


def test_the_expected_answer_is_shown_on_demand(start):
    page = start().page()
    assert page.locator("#expected").is_hidden()
    page.keyboard.press("e")
    assert page.locator("#expected").is_visible()
    assert page.get_attribute("#show-expected", "aria-expanded") == "true"
    page.click("#show-expected")
    assert page.locator("#expected").is_hidden()


def test_going_on_and_back_keeps_what_was_begun(start):
    page = start().page()
    page.fill("#note", "begun")
    page.press("#note", "Escape")
    page.keyboard.press("ArrowRight")
    at(page, 2)
    assert page.input_value("#note") == ""
    page.click("#before")
    at(page, 1)
    assert page.input_value("#note") == "begun"
    page.click("#next")
    at(page, 2)
    page.keyboard.press("1")
    at(page, 3)
    page.click("#skip")
    at(page, 4)
    page.keyboard.press("s")
    at(page, 5)
    assert page.is_disabled("#before") is False


def test_a_second_press_of_a_key_does_not_mark_the_next_question(start):
    review = start()
    page = review.page()
    at(page, 1)
    page.keyboard.press("3")
    page.wait_for_function("document.getElementById('place').textContent.startsWith('Question 2')")
    page.keyboard.press("3")
    page.keyboard.down("3")
    page.keyboard.down("3")
    page.wait_for_timeout(400)
    assert number(page) == "Question 2 of 20"
    assert len(review.verdicts) == 1


def test_help_lists_the_keys_and_turns_them_off(start):
    review = start()
    page = review.page()
    at(page, 1)
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    for text in ("A is better", "B is better", "Tie", "Both bad", "expected answer", "undo the last mark"):
        assert page.locator("#help dd", has_text=text).count() == 1
    page.keyboard.press("1")
    page.uncheck("#keys-on")
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    page.wait_for_timeout(300)
    assert review.verdicts == {}
    page.reload()
    at(page, 1)
    page.keyboard.press("1")
    page.wait_for_timeout(300)
    assert review.verdicts == {}
    page.click("#open-help")
    page.check("#keys-on")
    page.click("#close-help")
    page.keyboard.press("1")
    at(page, 2)


def test_letters_of_equal_width_and_colours_are_remembered(start):
    page = start().page()
    page.keyboard.press("m")
    assert "mono" in page.get_attribute("body", "class")
    page.click("#theme")
    page.click("#theme")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.reload()
    page.wait_for_selector("#review:not([hidden])")
    assert "mono" in page.get_attribute("body", "class")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark == "rgb(22, 24, 26)"


def test_closing_and_coming_back_goes_on(start):
    review = start()
    page = review.page()
    at(page, 1)
    page.keyboard.press("3")
    at(page, 2)
    page.reload()
    at(page, 2)
    other = review.page(name="  ANN ")  # another browser
    at(other, 2)
    assert other.inner_text("#who") == "Ann"


def test_two_reviewers_do_not_see_each_other_and_then_agree_or_not(start):
    review = start()
    ann, ben = review.page("Ann"), review.page("Ben")
    for place in range(1, 4):
        at(ann, place)
        ann.keyboard.press("3")
        at(ben, place)
        ben.keyboard.press("3" if place < 3 else "4")
    at(ben, 4)
    assert ben.inner_text("#count") == "3 of 20 marked"
    ben.click("#to-result")
    assert ben.inner_text("h1") == "17 questions to go"
    assert ben.locator("table").count() == 0
    ben.click("#unblind")
    ben.wait_for_selector("#agree-h")
    assert "Ann and Ben" in ben.inner_text("#agree-h + table")
    assert "Nobody can tell" in ben.inner_text("h1")
    with ben.expect_download() as got:
        ben.click("text=Table (CSV)")
    assert got.value.suggested_filename == "review.csv"
    ben.click("text=Back to the questions")
    at(ben, 4)
    ben.keyboard.press("3")
    at(ben, 5)
    assert [m.blind for m in review.marks.current(review.marks.find("Ben"))] == [True, True, True, False]
    ann.click("#to-result")
    assert ann.locator("table").count() == 0


def test_another_name_may_go_on_in_the_same_browser(start):
    review = start()
    page = review.page("Ann")
    at(page, 1)
    page.click("#who")
    assert page.input_value("#name") == "Ann"
    page.fill("#name", "Eve")
    page.click("text=Begin")
    at(page, 1)
    page.keyboard.press("3")
    at(page, 2)
    assert [m.reviewer for m in review.marks.current()] == ["Eve"]


def test_all_marked_leads_to_the_result(start, mode):
    review = start(mode)
    page = review.page()
    for place in range(1, 21):
        at(page, place)
        page.keyboard.press("1")
    page.wait_for_selector("#done:not([hidden])")
    assert page.inner_text("#done-text") == "You marked all 20 questions."
    page.keyboard.press("u")
    at(page, 20)
    page.keyboard.press("2")
    page.wait_for_selector("#done:not([hidden])")
    page.click("#look-again")
    at(page, 1, ", marked")
    page.goto(review.site.origin + "/result")
    assert page.inner_text("h1") == "All is marked"
    page.click("#unblind")
    page.wait_for_selector("table")
    assert ("Who won" if mode == "pair" else "19 of 20 answers are right") in page.inner_text("main")


def test_a_mark_is_not_called_saved_while_the_server_is_away(start, tmp_path):
    review = start()
    page = review.page()
    at(page, 1)
    page.route("**/api/mark", lambda route: route.abort())
    page.keyboard.press("3")
    page.wait_for_selector("#alert:not([hidden])")
    assert page.inner_text("#alert-text").startswith("Not saved: the server does not answer")
    assert number(page) == "Question 1 of 20"
    assert review.verdicts == {}
    page.unroute("**/api/mark")
    page.click("#retry")
    at(page, 2)
    assert page.locator("#alert").is_hidden()
    assert len(review.verdicts) == 1
    assert any("ERR_FAILED" in c for c in review.complaints)
    review.complaints.clear()


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


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing(start, mode, scheme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed").Axe()
    review = start(mode)
    page = review.page(None, color_scheme=scheme, viewport={"width": width, "height": 800}, bypass_csp=True)

    def clean(what: str) -> None:
        found = [f"{v['id']} ({v['impact']}): {v['nodes'][0]['html'][:150]}" for v in axe.run(page).response["violations"]]
        assert found == [], what

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


# ---- the page that is sent out ----


@pytest.fixture
def sheet(folder, tmp_path, mode):
    class Sheet:
        set = read_set([folder], single=mode == "single")
        marks = Marks(tmp_path / f"{mode}.sqlite", set.mode)
        page = tmp_path / "page.html"

    write_sheet(Sheet.set, Sheet.marks, Sheet.page)
    yield Sheet
    Sheet.marks.close()


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


def test_a_browser_that_keeps_nothing_says_so(sheet, open_file, mode):
    if mode == "single":
        return
    page = open_file(sheet.page)
    page.evaluate("Storage.prototype.setItem = () => { throw new Error('full'); }")
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
