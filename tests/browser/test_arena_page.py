"""The arena in a real Chromium: every action by mouse and by keyboard, several people, an answer that is lost."""

from __future__ import annotations

import importlib.util
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
start, at, ask, Fake = desk.start, desk.at, desk.ask, desk.Fake


def said(page, turn=-1):
    return page.locator(".turn").nth(turn).locator(".said").all_inner_texts()


def test_a_battle_by_keyboard_alone_while_the_answers_come(start):
    arena = start()
    north, south = arena.fakes["north"], arena.fakes["south"]
    north.hold()
    south.hold()
    page = arena.page()
    page.focus("#question")
    page.keyboard.type("Is it 1 or 2?")
    page.keyboard.press("Enter")
    at(page, "streaming")
    north.go.release()
    page.wait_for_function("() => [...document.querySelectorAll('.said')].some(e => e.textContent === 'N1 ')")
    assert page.locator(".answer.live").count() == 2
    assert page.is_hidden("#vote")
    north.go.release(5)
    south.go.release(5)
    at(page, "open", 1)
    assert page.locator(".question").inner_text() == "Is it 1 or 2?"
    assert sorted(said(page)) == ["N1 n2", "S1"]
    assert page.locator(".answer h2").all_inner_texts() == ["Answer A", "Answer B"]
    page.focus("#question")
    page.keyboard.type("and 2?")
    assert arena.rows("SELECT * FROM votes") == []  # a digit in the text is no vote
    page.keyboard.press("Enter")
    at(page, "open", 2)
    page.focus("#main")
    page.keyboard.press("2")
    at(page, "voted")
    assert page.evaluate("document.activeElement.id") == "reveal"
    ((model_a, model_b, winner, turn),) = arena.rows("SELECT model_a, model_b, winner, turn FROM votes")
    assert (winner, turn) == ("model_b", 2)
    assert page.inner_text("#names") == f"You said: B is better. A was {model_a}, B was {model_b}."
    assert page.locator(".answer h2").first.inner_text() == f"A: {model_a}"
    left = "N1 n2" if model_a == "north" else "S1"
    assert said(page)[0] == left
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # a new round
    at(page, "empty")
    assert page.evaluate("document.activeElement.id") == "question"


def test_stop_again_and_leave_by_mouse(start):
    arena = start()
    for fake in arena.fakes.values():
        fake.hold()
    page = arena.page()
    page.fill("#question", "First")
    page.click("#send")
    at(page, "streaming")
    for fake in arena.fakes.values():
        fake.go.release()
    page.wait_for_function("() => [...document.querySelectorAll('.said')].every(e => e.textContent)")
    page.click("#stop")
    at(page, "open", 1)
    assert page.locator(".end").all_inner_texts().count("stopped") >= 1
    for fake in arena.fakes.values():
        fake.go.release(100)
    page.click("#again")
    at(page, "open", 1)
    page.wait_for_function("() => ![...document.querySelectorAll('.end')].some(e => e.textContent)")
    assert sorted(said(page)) == ["N1 n2", "S1"]
    page.click("#leave")
    at(page, "empty")
    ask(page)
    at(page, "open", 1)
    page.click("[data-verdict=both_bad]")
    at(page, "voted")
    assert arena.rows("SELECT winner FROM votes") == [("tie (bothbad)",)]
    page.reload()
    at(page, "voted")
    assert "Both bad" in page.inner_text("#names")


def test_an_answer_that_failed_is_told_and_asked_again(start):
    arena = start(Fake("north", fails="north is broken"), Fake("south"))
    page = arena.page()
    ask(page)
    at(page, "open", 1)
    assert "This answer failed." in page.locator(".end.failed").inner_text()
    assert "north" not in page.inner_text("body")
    assert page.is_hidden("#vote")
    assert page.is_hidden("#composer")
    arena.fakes["north"].fails = ""
    page.click("#again")
    page.wait_for_selector("#vote:not([hidden])")
    page.click("[data-verdict=tie]")
    at(page, "voted")


def test_a_vote_whose_answer_is_lost_is_sent_again_and_counts_once(start):
    arena = start()
    page = arena.page()
    ask(page)
    at(page, "open", 1)
    lost = []

    def lose(route):
        if lost:
            route.continue_()
        else:
            lost.append(route.fetch().status)  # the server has it, the page never hears
            route.abort()

    page.route("**/api/vote", lose)
    page.click("[data-verdict=a]")
    page.wait_for_selector("#retry:not([hidden])")
    assert "Not kept" in page.inner_text("#alert")
    page.wait_for_function("() => !document.body.classList.contains('working')")
    page.click("#retry")
    at(page, "voted")
    assert (lost, len(arena.rows("SELECT * FROM votes"))) == ([200], 1)
    assert page.is_hidden("#alert")
    assert any("ERR_FAILED" in c for c in arena.complaints)
    arena.complaints.clear()


def test_two_people_and_a_leaderboard_that_follows(start):
    arena = start(Fake("north", ["**Bold** news."]), Fake("south", ["Plain."]))
    ann, ben = arena.page(), arena.page()
    board = arena.page("/board")
    assert "0 votes count" in board.inner_text("#summary")
    ann.click("#who")
    ann.fill("#name", "Ann <b>")
    ann.press("#name", "Enter")
    ann.wait_for_function("() => document.getElementById('who').textContent === 'Ann <b>'")
    for winner in ("a", "b", "tie", "a"):
        for page in (ann, ben):
            ask(page)
            at(page, "open", 1)
            page.click(f"[data-verdict={winner}]")
            at(page, "voted")
            page.click("#next")
            at(page, "empty")
    board.wait_for_function(
        "() => document.getElementById('summary').textContent.startsWith('8 votes count from 2 judges')"
    )
    assert set(board.locator("#table tbody th").all_inner_texts()) == {"north", "south"}
    assert board.locator("#matrix tbody td").count() == 4
    board.check("#style")
    board.wait_for_function("() => document.body.dataset.version.endsWith('-1')")
    assert {j for (j,) in arena.rows("SELECT judge FROM votes")} == {"Ann <b>", "visitor-2"}
    ann.click("#who")
    ann.fill("#name", "visitor-9")
    ann.press("#name", "Enter")
    ann.wait_for_selector("#name-wrong:not([hidden])")
    ann.keyboard.press("Escape")
    assert ann.inner_text("#who") == "Ann <b>"
    assert [c for c in arena.complaints if "400" not in c] == []
    arena.complaints.clear()


def test_side_by_side_with_names(start):
    arena = start(Fake("north"), Fake("south"), Fake("west"))
    page = arena.page("/named")
    page.select_option("#model-a", "west")
    page.select_option("#model-b", "west")
    ask(page)
    page.wait_for_selector("#alert:not([hidden])")
    assert "choose two different models" in page.inner_text("#alert")
    page.select_option("#model-b", "north")
    ask(page)
    at(page, "open", 1)
    assert page.locator(".answer h2").all_inner_texts() == ["A: west", "B: north"]
    page.click("[data-verdict=b]")
    at(page, "voted")
    assert "does not count" in page.inner_text("#counted")
    assert arena.rows("SELECT winner, anony FROM votes") == [("model_b", 0)]
    assert [c for c in arena.complaints if "400" not in c] == []
    arena.complaints.clear()
