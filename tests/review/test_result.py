"""What marks say: worked by hand, with intervals and agreement of other modules; and what is written out."""

from __future__ import annotations

import csv
import io
import json

import pytest

from heedful.agreement import cohen_kappa, krippendorff_alpha
from heedful.records import Score, from_json
from heedful.review.export import csv_text, jsonl_text, scores, write
from heedful.review.pages import result_page, sentence
from heedful.review.result import result_of
from heedful.stats import mcnemar_test, wilson_interval


def test_who_won_is_counted_by_question(review):
    r = review(20)
    r.mark("Ann", {f"e{k}": "second" for k in range(12)} | {"e12": "first", "e13": "tie", "e14": "both_bad"})
    found = result_of(r.set, r.marks)
    assert {k: n for k, (n, _) in found.shares.items()} == {"first": 1, "second": 12, "tie": 1, "both_bad": 1}
    assert (found.asked, found.marked) == (20, 15)
    assert found.shares["second"][1] == wilson_interval(12, 15)
    assert found.decided == wilson_interval(12, 13)
    assert found.p_value == mcnemar_test(1, 12) == pytest.approx(28 / 2**13)
    assert found.verdict == "better"
    assert found.left == wilson_interval(1, 13)  # the fixture shows the first on the left
    assert found.agreement is None
    assert sentence(found) == "Better: new.jsonl won 12 and lost 1 of 15 questions against old.jsonl (p = 0.003)."


@pytest.mark.parametrize(
    ("first", "second", "word"), [(0, 5, "inconclusive"), (0, 6, "better"), (6, 0, "worse"), (5, 5, "inconclusive")]
)
def test_no_claim_that_the_test_does_not_bear(review, first, second, word):
    """The exact sign test of 5 to 0 has p = 2/32, of 6 to 0 2/64."""
    r = review(10)
    r.mark("Ann", {f"e{k}": "first" if k < first else "second" for k in range(first + second)})
    assert result_of(r.set, r.marks).verdict == word


def test_several_reviewers_count_once_a_question_and_their_agreement_is_told(review):
    r = review(4)
    ann = {"e0": "first", "e1": "second", "e2": "tie"}
    ben = {"e0": "first", "e1": "first", "e2": "tie", "e3": "second"}
    eve = {"e0": "second", "e1": "second"}
    for name, marks in (("Ann", ann), ("Ben", ben), ("Eve", eve)):
        r.mark(name, marks)
    found = result_of(r.set, r.marks)
    assert {k: n for k, (n, _) in found.shares.items() if n} == {"first": 1, "second": 2, "tie": 1}
    assert found.marked == 4
    a = found.agreement
    assert [(p.names, p.n) for p in a.pairs] == [(("Ann", "Ben"), 3), (("Ann", "Eve"), 2), (("Ben", "Eve"), 2)]
    assert a.pairs[0].kappa == cohen_kappa(["first", "second", "tie"], ["first", "first", "tie"])
    assert a.pairs[0].same == wilson_interval(2, 3)
    assert (a.fleiss_n, a.alpha_n, a.alpha_level) == (2, 3, "nominal")
    units = [["first", "first", "second"], ["second", "first", "second"], ["tie", "tie"], ["second"]]
    assert a.alpha == krippendorff_alpha(units)
    r.mark("Eve", {"e3": "first"})
    assert result_of(r.set, r.marks).shares["split"][0] == 1


def test_single_answers_have_shares_and_tags(review):
    r = review(10, single=True)
    r.mark("Ann", {"e0": "right", "e1": "right", "e2": "partly"})
    r.mark("Ann", {"e3": "wrong"}, tags=("wrong_fact", "no_stop"), note="a note")
    r.mark("Ben", {"e3": "wrong", "e0": "partly"}, tags=("wrong_fact",))
    found = result_of(r.set, r.marks)
    assert {k: n for k, (n, _) in found.shares.items()} == {"right": 1, "partly": 1, "wrong": 1, "split": 1}
    tags = {k: n for k, (n, _) in found.tags.items() if n}
    assert tags == {"wrong_fact": 2, "no_stop": 1}
    assert found.tags["wrong_fact"][1] == wilson_interval(2, 4)
    assert (found.decided, found.p_value, found.verdict, found.left) == (None, None, None, None)
    assert found.agreement.alpha_level == "ordinal"
    assert found.agreement.alpha == krippendorff_alpha([[0.0, 0.0], [1.0, 0.5]], "ordinal")
    assert sentence(found).startswith("1 of 4 answers are right (25%,")


def test_nothing_marked_is_no_result(review):
    r = review(3)
    found = result_of(r.set, r.marks)
    assert (found.marked, found.verdict, found.reviewers) == (0, "inconclusive", ())
    assert sentence(found) == "Nothing is marked yet."
    assert "Nothing is marked yet." in result_page("pair", "Ann", 3, found)
    assert scores(r.set, r.marks) == []


def test_scores_join_on_ids_and_say_who_and_how(review):
    r = review(3)
    r.mark("Ann", {"e0": "second", "e1": "both_bad"}, note="short", seconds=4.26)
    r.marks.unblind(r.marks.reviewer("Ann"))
    r.mark("Ann", {"e2": "first"})
    read = [from_json(Score, json.loads(line)) for line in jsonl_text(r.set, r.marks).splitlines()]
    assert read == scores(r.set, r.marks)
    by_id = {s.example_id: s for s in read}
    assert by_id["e0"].responses == ("old-e0", "new-e0")
    assert {k: (s.value, s.answer) for k, s in by_id.items()} == {
        "e0": (1.0, "second"),
        "e1": (0.5, "both_bad"),
        "e2": (0.0, "first"),
    }
    assert {(s.rater, s.scorer) for s in read} == {("human:Ann", "review.pair")}
    one = by_id["e0"]
    assert (one.explanation, one.metadata["seconds"], one.metadata["shown_left"]) == ("short", 4.3, "first")
    assert [by_id[e].metadata["blind"] for e in ("e0", "e1", "e2")] == [True, True, False]
    assert len({s.id for s in read}) == 3


def test_a_question_that_was_not_asked_is_a_score_without_a_value(tmp_path, lines, make_response, review):
    r = review(3)
    r.mark("Ann", {"e0": "tie"})
    from dataclasses import replace

    bad = replace(r.set.items[1].answers[0], finish_reason="error", error="hung up")
    failed = replace(r.set.items[1], answers=(bad, r.set.items[1].answers[1]))
    with_failure = replace(r.set, failed=(failed,))
    last = scores(with_failure, r.marks)[-1]
    assert (last.value, last.rater) == (None, "human:Ann")
    assert "hung up" in last.explanation
    assert result_of(with_failure, r.marks).failed == 1


def test_the_table_names_the_sides_and_holds_no_formula(review, tmp_path):
    r = review(2)
    r.mark("Ann", {"e0": "second"}, note='=HYPERLINK("http://evil.example"), "quoted"\nand a line')
    r.mark("Ben", {"e1": "tie"}, note="@SUM(A1)")
    paths = write(r.set, r.marks, tmp_path / "out")
    assert [p.name for p in paths] == ["review.jsonl", "review.csv"]
    assert paths[1].read_bytes().startswith("\ufeffexample_id,".encode())
    rows = list(csv.DictReader(io.StringIO(csv_text(r.set, r.marks))))
    assert [(x["example_id"], x["reviewer"], x["verdict"], x["shown_left"]) for x in rows] == [
        ("e0", "Ann", "new.jsonl", "old.jsonl"),
        ("e1", "Ben", "tie", "old.jsonl"),
    ]
    assert rows[0]["note"].startswith("'=HYPERLINK")
    assert rows[1]["note"] == "'@SUM(A1)"


def test_the_result_page_escapes_names_and_shows_every_part(review):
    r = review(6)
    r.mark("<b>Ann</b>", {f"e{k}": "second" for k in range(5)})
    r.mark("Ben", {"e0": "first", "e5": "tie"})
    page = result_page("pair", "<b>Ann</b>", 0, result_of(r.set, r.marks))
    assert "<b>Ann" not in page
    for part in ("Who won", "Reviewers", "Agreement", "Cohen’s kappa", "Krippendorff’s alpha", "95% intervals"):
        assert part in page
    hidden = result_page("pair", "Ann", 2, None)
    assert "2 questions to go" in hidden
    assert "better" not in hidden
    assert result_of(r.set, r.marks).agreement.fleiss_n == 1
