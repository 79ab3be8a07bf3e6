"""Verdicts: read strictly from text, and from log-probabilities by hand-worked numbers."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.judge.prompt import load_prompt
from heedful.judge.rubric import load_rubric
from heedful.judge.verdicts import read_verdict

SCORE, PAIRS = load_prompt("score").verdict, load_prompt("pairs").verdict
REASONED = load_prompt("pairs-reasoned").verdict


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("85", 85), (" 85\n", 85), ("0", 0), ("100", 100), ("85.", 85), ("**85**", 85), ("Score: 85", 85),
        ("85/100", 85), ("score = 72.5", 72.5), ("<think>It is 3 of 10.</think>\n40", 40),
        ("", None), ("101", None), ("999", None), ("-5", None), ("85 or 90", None), ("I give 85", None),
        ("eighty", None), ("8/10", None), ("85%", None), ("1e2", None), ("NaN", None), ("85\n90", None),
        ("<think>85", None), ("The answer is 42", None), ("٨٥", 85),
    ],
)  # fmt: skip
def test_a_number_is_the_whole_text_or_nothing(text, value):
    reading = read_verdict(SCORE, text)
    assert reading.value == value
    assert (reading.why is None) == (value is not None)
    assert reading.by == (None if value is None else "text")


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("A", "first"), ("b", "second"), ("C", "tie"), ("A.", "first"), ("**B**", "second"), ("(A)", "first"),
        ("Answer: B", "second"), ('"C"', "tie"), ("Verdict: A", "first"),
        ("", None), ("AB", None), ("A or B", None), ("Neither", None), ("D", None), ("Answer A is better", None),
        ("A\nB", None), ("A because B is worse", None),
    ],
)  # fmt: skip
def test_a_letter_is_the_whole_text_or_nothing(text, choice):
    reading = read_verdict(PAIRS, text)
    assert reading.choice == choice
    assert reading.value == {"first": 0, "second": 1, "tie": 0.5, None: None}[choice]


def test_a_reasoned_verdict_is_the_last_line():
    reading = read_verdict(REASONED, "Verdict: A at first sight.\nBut B is right.\n**Verdict: B**")
    assert (reading.choice, reading.reason) == ("second", "Verdict: A at first sight.\nBut B is right.")
    assert read_verdict(REASONED, "Verdict: A\nSo A wins.").value is None
    assert read_verdict(REASONED, "A").value is None
    cut = read_verdict(REASONED, "One thing is that", cut_off=True)
    assert cut.value is None
    assert "cut off" in str(cut.why)


def test_a_judge_that_was_cut_off_in_its_thoughts_needs_room():
    for text in ("", "<think>\nThe first 7 is"):
        assert "more --max-new-tokens" in str(read_verdict(SCORE, text, cut_off=True).why)
        assert "more --max-new-tokens" not in str(read_verdict(SCORE, text).why)


def test_a_number_that_was_cut_off_is_none():
    assert read_verdict(SCORE, "10", cut_off=True).value is None
    assert read_verdict(SCORE, "10.", cut_off=True).value == 10
    assert read_verdict(SCORE, "10").value == 10


def odds(*tokens: dict[str, float]):
    return tuple(tuple((t, math.log(p)) for t, p in sorted(d.items(), key=lambda x: -x[1])) for d in tokens)


def test_the_probability_that_the_second_is_better():
    reading = read_verdict(PAIRS, "B", odds({"B": 0.6, "A": 0.2, "C": 0.1, "The": 0.1}))
    assert reading.value == pytest.approx((0.6 + 0.05) / 0.9)
    assert (reading.choice, reading.by) == ("second", "log-probabilities")
    assert reading.mass == pytest.approx(0.9)
    # Spaces belong to the token; small letters are the same label.
    reading = read_verdict(PAIRS, " A", odds({" A": 0.5, "A": 0.1, "b": 0.3}))
    assert reading.value == pytest.approx(0.3 / 0.9)
    assert reading.choice == "first"


def test_the_verdict_is_the_first_token_that_is_more_than_space():
    reading = read_verdict(PAIRS, "\nA", odds({"\n": 0.9, "B": 0.1}, {"A": 0.8, "B": 0.2}))
    assert reading.value == pytest.approx(0.2)


def test_equal_odds_are_a_tie():
    assert read_verdict(PAIRS, "A", odds({"A": 0.5, "B": 0.5})).choice == "tie"
    assert read_verdict(PAIRS, "C", odds({"A": 0.2, "B": 0.2, "C": 0.6})).choice == "tie"


def test_odds_of_what_the_judge_would_not_say_are_no_verdict():
    few = odds({"The": 0.7, "A": 0.2, "B": 0.1})
    assert read_verdict(PAIRS, "The first", few).value is None
    assert read_verdict(PAIRS, "A", few).by == "text"
    assert read_verdict(PAIRS, "A", ()).by == "text"


def test_a_prompt_may_count_odds_that_are_small():
    """For judges too small to keep to a form: only which letter is likelier counts."""
    small = dataclasses.replace(PAIRS, least_mass=0.0)
    few = odds({"The": 0.7, "A": 0.02, "B": 0.01})
    reading = read_verdict(small, "The", few, cut_off=True)
    assert reading.value == pytest.approx(1 / 3)
    assert (reading.choice, reading.mass) == ("first", pytest.approx(0.03))
    assert read_verdict(small, "The", odds({"The": 0.9, "An": 0.1})).value is None


def test_the_expected_score():
    reading = read_verdict(SCORE, "85", odds({"85": 0.6, "80": 0.3, "Well": 0.1}, {"": 1.0}))
    assert reading.value == pytest.approx((85 * 0.6 + 80 * 0.3) / 0.9)
    # Numbers outside of the scale are not verdicts.
    assert read_verdict(SCORE, "85", odds({"85": 0.6, "850": 0.4})).value == 85


@pytest.mark.parametrize(
    "tokens",
    [
        odds({"8": 0.9, "9": 0.1}, {"5": 0.9}),  # digits one by one: 8 is the beginning of 85
        odds({"5": 0.9, "9": 0.1}),  # no alternative shows that the tokenizer has longer numbers
        odds({"85": 0.3, "x": 0.7}),
    ],
)
def test_an_expected_score_is_not_made_of_digits(tokens):
    reading = read_verdict(SCORE, "85", tokens)
    assert (reading.value, reading.by) == (85, "text")


@settings(deadline=None, max_examples=40)
@given(st.text(max_size=60))
def test_no_text_breaks_the_reading(text):
    for verdict in (SCORE, PAIRS, REASONED):
        reading = read_verdict(verdict, text)
        assert (reading.value is None) == (reading.why is not None)


RUBRIC = load_rubric("answers")
WHOLE = {"follows": {"reason": "Yes.", "score": 5}, "correct": {"score": 3}, "clear": 1}


def read_json(value, **options):
    text = value if isinstance(value, str) else json.dumps(value)
    return read_verdict(load_prompt("rubric").verdict, text, rubric=RUBRIC, **options)


def test_a_rubric_is_read_by_criterion():
    for text in (json.dumps(WHOLE), f"```json\n{json.dumps(WHOLE, indent=1)}\n```", json.dumps(WHOLE).title()):
        if text == json.dumps(WHOLE).title():
            text = text.replace('"Score"', '"score"').replace('"Reason"', '"reason"')
        reading = read_json(text)
        assert reading.scores == {"follows": 5, "correct": 3, "clear": 1}
        assert reading.value == pytest.approx((1 + 0.5 + 0) / 3)
        assert reading.reasons == {"follows": "Yes."}


@pytest.mark.parametrize("bad", [0, 6, "5", None, True, {"reason": "x"}, [5], {"score": "4"}, float("nan")])
def test_a_criterion_that_is_off_its_scale_has_no_value_and_nor_has_the_whole(bad):
    reading = read_json(WHOLE | {"correct": bad})
    assert reading.value is None
    assert reading.scores == {"follows": 5, "correct": None, "clear": 1}
    assert reading.why == "no score on the scale for correct"


@pytest.mark.parametrize("text", ["", "5", "[]", '{"follows": ', f"Here: {json.dumps(WHOLE)}"])
def test_what_is_no_object_has_no_value(text):
    reading = read_json(text)
    assert reading.value is None
    assert reading.why
    assert all(v is None for v in reading.scores.values())
