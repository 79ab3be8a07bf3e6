"""Judging: both orders, ties, what is unreadable, and a file that can be gone on with at any moment."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter

import pytest

from heedful.errors import DataError
from heedful.judge.items import Answers, Item, pair_items, question_text, single_items
from heedful.judge.judging import judge_items, requests_for
from heedful.judge.summary import summarise
from heedful.records import Message, Score, from_json
from heedful.store import read_jsonl


@pytest.fixture
def files(tmp_path):
    return tmp_path / "s.jsonl", tmp_path / "s.judgements.jsonl"


def run(told, files, function, answers=None, prompt="pairs", **options):
    """Judge, and give back the backend, the judged items and the summary."""
    answers = answers or told.sides()
    judge = told.judge(prompt)
    pairs = judge.prompt.mode == "pairs"
    items = told.pairs(answers) if pairs else [i for side in answers.sides for i in single_items(side)]
    backend = told.Backend(function, **options)
    judged = judge_items(judge, items, lambda: backend, *files)
    return backend, judged, summarise(judge, answers, judged)


def test_a_pair_is_shown_in_both_orders_and_the_second_wins_where_it_is_better(told, files):
    answers = told.sides(6)
    backend, judged, _ = run(told, files, told.honest, answers)
    seen = Counter((t["answer-a"], t["answer-b"]) for t in backend.asked)
    for one, two in zip(*(side.answers for side in answers.sides), strict=True):
        assert seen[one.text, two.text] == seen[two.text, one.text] == 1
    for j in judged:
        a, b = (told.quality(x.text) for x in j.item.answers)
        (score,) = j.scores
        assert score.value == float(b > a)
        assert score.responses == j.item.ids
        assert score.rater == "judge:told"
        assert score.metadata["consistent"] is True
        assert score.metadata["prompt"] == "pairs"
        assert score.metadata["prompt_version"] == "1"
        assert len(score.metadata["prompt_hash"]) == 16


def test_the_scores_are_on_the_disk_as_they_are_given_back(told, files):
    _, judged, _ = run(told, files, told.honest)
    on_disk = {v["id"]: from_json(Score, v) for v in read_jsonl(files[0])}
    assert on_disk == {s.id: s for j in judged for s in j.scores}
    lines = read_jsonl(files[1])
    assert len(lines) == 80
    assert {line["order"] for line in lines} == {"ab", "ba"}
    assert all(line["text"] in "AB" for line in lines)


@pytest.mark.parametrize(
    ("said", "value", "consistent"),
    [
        (("A", "B"), 0.0, True),  # the first answer both times
        (("B", "A"), 1.0, True),
        (("A", "A"), 0.5, False),  # the first place both times
        (("B", "B"), 0.5, False),
        (("C", "C"), 0.5, True),
        (("A", "C"), 0.5, False),
        (("C", "B"), 0.5, False),
        (("A", "what?"), None, None),
        (("", "A"), None, None),
        ((RuntimeError("no luck"), "A"), None, None),
    ],
)
def test_a_verdict_that_changes_with_the_order_is_a_tie_and_an_unreadable_one_is_none(
    told, files, said, value, consistent
):
    item = Item((told.response(1, "x", "short"), told.response(1, "y", "longer text")))

    def speak(a, b):
        word = said[0 if a == "short" else 1]
        if isinstance(word, RuntimeError):
            raise word
        return word

    (judged,) = judge_items(told.judge(), [item], lambda: told.Backend(speak), *files)
    (score,) = judged.scores
    assert score.value == value
    assert score.metadata.get("consistent") == consistent
    assert (score.explanation is None) == (consistent is True)


def test_the_probability_of_a_pair_is_the_mean_of_both_orders(told, files):
    import math

    def speak(a, b):
        p = {"short": 0.8, "longer text": 0.4}[a]  # for the answer shown first
        return "A", (tuple((t, math.log(q)) for t, q in (("A", p), ("B", 1 - p))),)

    item = Item((told.response(1, "x", "short"), told.response(1, "y", "longer text")))
    (judged,) = judge_items(told.judge(), [item], lambda: told.Backend(speak), *files)
    (score,) = judged.scores
    assert score.value == 0.0
    assert score.metadata["probability"] == pytest.approx((0.2 + 0.4) / 2)
    assert score.metadata["read"] == "log-probabilities"


def test_two_answers_that_are_the_same_are_a_tie_that_nobody_is_asked_about(told, files):
    item = Item((told.response(1, "x", "same"), told.response(1, "y", "same")))
    backend = told.Backend(told.first)
    (judged,) = judge_items(told.judge(), [item], lambda: backend, *files)
    assert backend.asked == []
    assert (judged.scores[0].value, judged.scores[0].explanation) == (0.5, "the two answers are the same")
    assert judged.judgements == ()


def test_what_cannot_be_judged_is_counted_and_never_0(told, files):
    failed = dataclasses.replace(told.response(1, "m", ""), finish_reason="error", error="timed out")
    bare = told.response(2, "m", "quality 3", reference=None)
    sound = told.response(3, "m", "quality 4")
    odd = told.response(4, "m", "quality 9")

    def speak(text):
        return "rather good" if "9" in text else "70"

    items = [Item((r,)) for r in (failed, bare, sound, odd)]
    judge = told.judge("score")
    judged = judge_items(judge, items, lambda: told.Backend(speak), *files)
    assert [j.scores[0].value for j in judged] == [None, None, 70.0, None]
    assert judged[0].scores[0].explanation == "there is no answer, its request failed: timed out"
    assert judged[1].scores[0].explanation == "there is no expected answer"
    assert "rather good" in str(judged[3].scores[0].explanation)
    from pathlib import Path

    from heedful.judge.items import Side

    side = Side(Path("m.jsonl"), "m", tuple(i.answers[0] for i in items))
    found = summarise(judge, Answers((side,)), judged)
    assert (found["items"], found["judged"], found["unreadable_items"], found["failed"]) == (4, 1, 1, 0)
    assert found["unasked"] == {"there is no answer": 1, "there is no expected answer": 1}
    assert found["unreadable"]["estimate"] == 0.5
    assert found["sides"][0]["means"]["score"] == {
        "estimate": 70.0, "low": None, "high": None, "n": 1, "unscored": 3,
    }  # fmt: skip
    # A prompt without a place for it needs no expected answer.
    open_judge = told.judge("score-open")
    assert len(requests_for(open_judge, items)) == 3


def test_a_rubric_gives_a_score_for_each_criterion_and_one_for_all(told, files):
    def speak(text):
        worst = {"follows": {"reason": "It does not.", "score": 1}, "correct": {"score": 3}, "clear": {"score": 5}}
        if "quality 0" in text:
            del worst["clear"]
        return json.dumps(worst)

    items = [Item((told.response(i, "m", f"quality {i}"),)) for i in (0, 1)]
    broken, whole = judge_items(told.judge("rubric"), items, lambda: told.Backend(speak), *files)
    assert {s.scorer: s.value for s in whole.scores} == {
        "rubric": pytest.approx(0.5), "rubric/follows": 1, "rubric/correct": 3, "rubric/clear": 5,
    }  # fmt: skip
    assert [s.explanation for s in whole.scores if s.scorer == "rubric/follows"] == ["It does not."]
    assert {s.scorer: s.value for s in broken.scores} == {
        "rubric": None, "rubric/follows": 1, "rubric/correct": 3, "rubric/clear": None,
    }  # fmt: skip
    assert whole.scores[0].metadata["rubric"] == "answers"


# Going on.


def test_nothing_is_judged_twice_wherever_it_stopped(told, files):
    answers = told.sides(5)
    whole, judged, _ = run(told, files, told.honest, answers)
    want = [s for j in judged for s in j.scores]
    for stop in range(len(whole.asked)):
        for f in files:
            f.unlink(missing_ok=True)
        with pytest.raises(KeyboardInterrupt):
            run(told, files, told.honest, answers, stop_after=stop)
        again, judged, _ = run(told, files, told.honest, answers)
        assert len(again.asked) == len(whole.asked) - stop
        assert [s for j in judged for s in j.scores] == want
        assert len(read_jsonl(files[0])) == 5
    third, _, _ = run(told, files, told.honest, answers)
    assert third.asked == []


def test_a_file_cut_anywhere_is_gone_on_with(told, files):
    answers = told.sides(2)
    _, judged, _ = run(told, files, told.honest, answers)
    scores, lines = (f.read_bytes() for f in files)
    want = [s for j in judged for s in j.scores]
    for cut in range(0, len(lines), 97):
        files[1].write_bytes(lines[:cut])
        files[0].write_bytes(scores[: cut // 2])
        again, judged, _ = run(told, files, told.honest, answers)
        assert len(again.asked) == 4 - lines[:cut].count(b"\n")
        assert [s for j in judged for s in j.scores] == want
        assert {v["id"] for v in read_jsonl(files[0])} == {s.id for s in want}


def test_failed_requests_are_asked_again_and_unreadable_ones_are_not(told, files):
    answers = told.sides(3)
    hurt = {told.pairs(answers)[0].answers[0].text}

    def weak(a, b):
        if hurt & {a, b}:
            raise RuntimeError("no luck")
        return "Hm." if "quality" in a and a == told.pairs(answers)[1].answers[0].text else told.honest(a, b)

    _, judged, found = run(told, files, weak, answers)
    assert [j.scores[0].value is None for j in judged] == [True, True, False]
    assert (found["failed"], found["unreadable_items"], found["judged"]) == (1, 1, 1)
    assert found["first_failure"] == "no luck"
    again, judged, found = run(told, files, told.honest, answers)
    assert len(again.asked) == 2
    assert [j.scores[0].value is None for j in judged] == [False, True, False]
    assert found["failed"] == 0
    latest = {v["id"]: v["value"] for v in read_jsonl(files[0])}
    assert list(latest.values()).count(None) == 1


@pytest.mark.parametrize("change", ["judge", "prompt", "settings"])
def test_verdicts_of_two_kinds_are_not_mixed(told, files, change):
    answers = told.sides(2)
    run(told, files, told.honest, answers)
    before = [f.read_bytes() for f in files]
    other = {
        "judge": told.judge(name="other"),
        "prompt": told.judge("pairs-reasoned"),
        "settings": told.judge(seed=7),
    }[change]
    with pytest.raises(DataError, match="choose another --out") as error:
        judge_items(other, told.pairs(answers), lambda: told.Backend(told.honest), *files)
    assert "\n" not in str(error.value)
    assert [f.read_bytes() for f in files] == before


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("text", ['[{"instruction": "a"}]', '{"a": 1}\n', "a,b", '{"id": "x", "example_id": "e"}\n'])
def test_a_file_that_is_not_the_judges_is_left_as_it_is(told, files, which, text):
    files[which].write_text(text)
    with pytest.raises(DataError, match=r"s\.(judgements\.)?jsonl"):
        judge_items(told.judge(), told.pairs(told.sides(2)), lambda: told.Backend(told.honest), *files)
    assert files[which].read_text() == text


# What is judged.


def test_pairs_are_joined_on_the_example(told):
    answers = told.sides(4)
    a, b = answers.sides
    fewer = dataclasses.replace(b, answers=b.answers[:0:-1])
    items, one_sided = pair_items(a, fewer)
    assert [i.example_id for i in items] == ["e1", "e2", "e3"]
    assert one_sided == 1
    assert [i.example_id for i in pair_items(a, fewer, limit=2)[0]] == ["e1", "e2"]
    with pytest.raises(DataError, match="has two answers to e1"):
        pair_items(a, dataclasses.replace(b, answers=(*b.answers, dataclasses.replace(b.answers[1], id="new"))))
    asked = dataclasses.replace(b.answers[0], messages=(Message("user", "Another?"),))
    with pytest.raises(DataError, match="its question e0 is not the one of"):
        pair_items(a, dataclasses.replace(b, answers=(asked,)))
    strange = dataclasses.replace(b.answers[0], example_id="zz")
    with pytest.raises(DataError, match="have no example in common"):
        pair_items(a, dataclasses.replace(b, answers=(strange,)))


def test_a_conversation_is_shown_with_its_roles():
    turns = [Message("system", "Be kind."), Message("user", "Hi", "note"), Message("assistant", "Hello")]
    assert question_text(turns) == "system: Be kind.\n\nuser: Hi\n\nnote\n\nassistant: Hello"
    assert question_text([Message("user", "Hi")]) == "Hi"
