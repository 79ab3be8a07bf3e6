"""The review page in a real Chromium: every action by mouse and by keyboard, two reviewers, a server that goes away."""

from __future__ import annotations

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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_going_on_and_back_keeps_what_was_begun(start):
    page = start().page()
    page.fill("#note", "begun")
    page.press("#note", "Escape")
    page.keyboard.press("ArrowRight")
    at(page, 2)
    assert page.input_value("#note") == ""
    page.click("#previous")
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
    assert page.is_disabled("#previous") is False


@pytest.mark.slow
def test_a_second_press_of_a_key_does_not_mark_the_next_question(start):
    """The press comes in the moment in which the next question appears; then the key is held down."""
    review = start()
    page = review.page()
    at(page, 1)
    page.evaluate(
        """() => {
            const press = (more) =>
                document.body.dispatchEvent(new KeyboardEvent('keydown', { key: '3', bubbles: true, ...more }));
            window.pressed = 0;
            new MutationObserver(() => { press(); window.pressed += 1; })
                .observe(document.getElementById('place'), { childList: true });
            window.hold = () => press({ repeat: true });
        }"""
    )
    page.keyboard.press("3")
    page.wait_for_function("() => window.pressed === 1")
    page.wait_for_timeout(400)
    page.evaluate("window.hold()")
    page.wait_for_timeout(200)
    assert page.inner_text("#place") == "Question 2 of 20"
    assert len(review.verdicts) == 1


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_two_reviewers_do_not_see_each_other_and_then_agree_or_not(start):
    review = start()
    ann, ben = review.page("Ann"), review.page("Ben")
    for place in range(1, 4):
        at(ann, place)
        ann.keyboard.press("3")
        at(ben, place)
        ben.keyboard.press("3" if place < 3 else "4")
    at(ann, 4)
    at(ben, 4)
    assert ben.inner_text("#count") == "3 of 20 marked"
    ben.click("#to-result")
    ben.wait_for_url("**/result")
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
    ann.wait_for_url("**/result")
    assert ann.locator("table").count() == 0


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_mark_is_not_called_saved_while_the_server_is_away(start, tmp_path):
    review = start()
    page = review.page()
    at(page, 1)
    page.route("**/api/mark", lambda route: route.abort())
    page.keyboard.press("3")
    page.wait_for_selector("#alert:not([hidden])")
    assert page.inner_text("#alert-text").startswith("Not saved: the server does not answer")
    assert page.inner_text("#place") == "Question 1 of 20"
    assert review.verdicts == {}
    page.unroute("**/api/mark")
    page.click("#retry")
    at(page, 2)
    assert page.locator("#alert").is_hidden()
    assert len(review.verdicts) == 1
    assert any("ERR_FAILED" in c for c in review.complaints)
    review.complaints.clear()
