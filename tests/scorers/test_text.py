from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.errors import RequestError
from heedful.records import Message, Response
from heedful.scorers import METRICS, score_responses
from heedful.scorers import text as t


def response(text: str, reference: str | None, finish: str = "stop", tokens: int = 3) -> Response:
    ask = (Message("user", "?"),)
    return Response("r1", "e1", "m", "s", ask, reference, text, finish, 5, tokens, 0.1)  # type: ignore[arg-type]


def test_a_perfect_answer_scores_one_everywhere():
    r = response("The capital is Montevideo.", "The capital is Montevideo.")
    for name in ("stops", "exact_match", "token_f1", "chrf", "rouge_l"):
        assert METRICS[name](r) == pytest.approx(1.0), name
    assert METRICS["length"](r) == 3
    assert METRICS["length_chars"](r) == 26
    assert METRICS["repetition"](r) == 0


def test_failed_requests_and_missing_references_have_no_value():
    failed = {s.scorer: s for s in score_responses([response("", "x", "error")])}
    assert all(s.value is None for s in failed.values())
    assert failed["chrf"].explanation == "the request failed"
    free = {s.scorer: s.value for s in score_responses([response("yes", None, "length")])}
    assert free["stops"] == 0.0
    assert free["length"] == 3
    assert {name for name, value in free.items() if value is None} == {"exact_match", "token_f1", "chrf", "rouge_l"}


def test_scores_name_their_response_and_have_ids_of_their_own():
    scores = score_responses([response("a", "a")])
    assert [s.scorer for s in scores] == list(METRICS)
    assert {s.rater for s in scores} == {"metric"}
    assert {s.responses for s in scores} == {("r1",)}
    assert len({s.id for s in scores}) == len(scores)
    assert scores == score_responses([response("a", "a")])


def test_an_unknown_metric_is_named_with_the_nearest():
    with pytest.raises(RequestError, match="did you mean 'chrf'"):
        score_responses([], ["chrff"])


@pytest.mark.parametrize(
    ("answer", "reference", "expected"),
    [
        (" Paris\n", "Paris", 1.0),
        ("a  b\tc", "a b c", 1.0),
        ("東京\u3000です", "東京 です", 1.0),
        ("paris", "Paris", 0.0),
        ("Paris", "Paris.", 0.0),
        ("", "", 1.0),
    ],
)
def test_exact_match_forgives_white_space_alone(answer, reference, expected):
    assert t.exact(answer, reference) == expected


# SQuAD's evaluate-v2.0.py, worked by hand: (answer, reference, precision, recall).
@pytest.mark.parametrize(
    ("answer", "reference", "precision", "recall"),
    [
        ("The cat sat.", "a cat sat down", 2 / 2, 2 / 3),
        ("cat cat cat", "cat", 1 / 3, 1),
        ("It's 3.5", "its 35", 1, 1),
        ("東京です", "東京", 2 / 4, 1),
        ("我爱北京 very much", "我爱上海", 2 / 6, 2 / 4),
        ("서울은 크다", "서울은 작다", 1 / 2, 1 / 2),
        ("¿Qué tal?", "que\u0301 tal", 1, 1),  # composed or not, the accent is the same
    ],
)
def test_token_f1_by_hand(answer, reference, precision, recall):
    assert t.token_f1_of(answer, reference) == pytest.approx(2 * precision * recall / (precision + recall))


def test_references_of_marks_alone_are_compared_as_they_stand():
    for metric in (t.token_f1_of, t.rouge_l_of):
        assert metric("+", "+") == 1.0
        assert metric("-", "+") == 0.0
    assert t.token_f1_of("the", "a") == 0.0


@pytest.mark.parametrize("metric", [t.exact, t.token_f1_of, t.chrf_of, t.rouge_l_of])
def test_empty_texts(metric):
    assert metric("", "") == 1.0
    assert metric("x", "") == 0.0
    assert metric("", "x") == 0.0


def test_chrf_is_sacrebleus():
    from sacrebleu import sentence_chrf

    for answer, reference in (("the cat sat", "a cat sat down"), ("東京です", "東京"), ("No", "Yes")):
        assert t.chrf_of(answer, reference) == sentence_chrf(answer, [reference]).score / 100


def test_rouge_l_is_the_packages_on_ascii_and_works_where_that_gives_nothing():
    from rouge_score.rouge_scorer import RougeScorer

    theirs = RougeScorer(["rougeL"])
    for answer, reference in (("the cat sat down", "a cat, sat"), ("x_1 y", "x 1 z")):
        assert t.rouge_l_of(answer, reference) == theirs.score(reference, answer)["rougeL"].fmeasure
    assert theirs.score("東京です", "東京です")["rougeL"].fmeasure == 0
    assert t.rouge_l_of("東京です", "東京です") == 1.0
    assert t.rouge_l_of("東京です", "東京") == pytest.approx(2 / 3)
    assert t.rouge_l_of("Быстрая лиса", "быстрая собака") == 0.5


@given(st.text(st.sampled_from(string.printable)))
@settings(deadline=None)  # the first call imports the package
def test_on_ascii_the_rouge_tokens_are_the_packages(text):
    from rouge_score.tokenizers import DefaultTokenizer

    assert t.RougeTokenizer().tokenize(text) == DefaultTokenizer().tokenize(text)


@given(st.text(), st.text())
@settings(deadline=None)
def test_overlaps_stay_between_0_and_1_and_are_1_for_the_same(a, b):
    for metric in (t.exact, t.token_f1_of, t.chrf_of, t.rouge_l_of):
        assert 0 <= metric(a, b) <= 1 + 1e-12
        assert metric(a, a) == pytest.approx(1.0)
    assert 0 <= t.repetition_of(a) <= 1


@given(st.text())
def test_splitting_loses_no_character(text):
    assert "".join(t.split_unspaced(text)) == "".join(text.split())
