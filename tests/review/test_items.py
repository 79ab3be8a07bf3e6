"""What is reviewed: runs and files, joined on ids; the order and the sides that a seed draws; every mistake told."""

from __future__ import annotations

import json

import pytest

from heedful.errors import DataError, RequestError
from heedful.review.items import left_side, read_set


def test_two_files_are_joined_on_ids_in_an_order_by_seed(files):
    one, two = (read_set(files(30), seed=s) for s in (0, 1))
    assert one.mode == "pair"
    assert one.names == ("old.jsonl", "new.jsonl")
    assert [[a.model for a in i.answers] for i in one.items] == [["old", "new"]] * 30
    ids = [i.example_id for i in one.items]
    assert sorted(ids) == sorted(i.example_id for i in two.items) == sorted(f"e{k}" for k in range(30))
    assert ids != [i.example_id for i in two.items]
    assert ids == [i.example_id for i in read_set(files(30), seed=0).items]
    assert one.hash != two.hash


def test_fewer_questions_are_the_first_of_all_in_that_order(files):
    every, some = read_set(files(30)), read_set(files(30), limit=7)
    assert some.items == every.items[:7]
    more = [i.example_id for i in read_set(files(31)).items if i.example_id != "e30"]
    assert more == [i.example_id for i in every.items]


def test_sides_are_a_fair_coin_for_each_reviewer_and_question(files):
    items = read_set(files(400)).items
    drawn = {name: [left_side(0, name, i) for i in items] for name in ("Ann", "Ben")}
    for sides in drawn.values():
        assert 150 < sides.count("first") < 250  # outside with probability 1e-6
    same = sum(a == b for a, b in zip(*drawn.values(), strict=True))
    assert 150 < same < 250
    assert drawn["Ann"] == [left_side(0, "ann", i) for i in items]
    assert drawn["Ann"] != [left_side(1, "Ann", i) for i in items]


def test_a_failed_request_is_kept_apart_and_counted(tmp_path, lines, make_response):
    ok = [make_response(f"e{k}", "new", "x") for k in range(3)]
    bad = make_response("e1", "old", "", finish_reason="error", error="the server hung up")
    old = [make_response("e0", "old", "x"), bad, make_response("e2", "old", "x"), make_response("e9", "old", "x")]
    found = read_set([lines(tmp_path / "a.jsonl", old), lines(tmp_path / "b.jsonl", ok)])
    assert {i.example_id for i in found.items} == {"e0", "e2"}
    assert [(i.example_id, i.failure) for i in found.failed] == [("e1", "the server hung up")]
    assert found.left_out == 1


def test_a_failed_request_that_was_answered_later_is_answered(tmp_path, lines, make_response):
    bad = make_response("e0", "m", "", id="1", finish_reason="error", error="no")
    good = make_response("e0", "m", "yes", id="2")
    for order in ([bad, good], [good, bad]):
        assert read_set([lines(tmp_path / "a.jsonl", order)]).items[0].answers[0].text == "yes"


def test_a_run_is_its_answers_before_and_after(tmp_path, lines, make_response):
    run = tmp_path / "run"
    for side in ("base", "tuned"):
        lines(run / "responses" / f"{side}.jsonl", [make_response("e", side, side)])
    (run / "manifest.json").write_text(json.dumps({"schema": "heedful.run/1"}))
    pair, one = read_set([run]), read_set([run], single=True)
    assert pair.names == ("before", "after")
    assert [a.text for a in pair.items[0].answers] == ["base", "tuned"]
    assert (one.mode, one.items[0].answers[0].text) == ("single", "tuned")
    assert read_set([run, run / "responses" / "base.jsonl"]).items[0].answers[0].text == "tuned"
    (run / "responses" / "tuned.jsonl").unlink()
    with pytest.raises(RequestError, match=r"has no responses/tuned.jsonl yet"):
        read_set([run])


def test_every_mistake_is_told(tmp_path, lines, make_response, files):
    a, b = files(2)
    folder = tmp_path / "empty"
    folder.mkdir()
    (tmp_path / "none.jsonl").write_text("")
    (tmp_path / "broken.jsonl").write_text('{"id": \n')
    lines(tmp_path / "rows.jsonl", [{"instruction": "a", "output": "b"}])
    lines(tmp_path / "other.jsonl", [make_response("z", "m", "x")])
    lines(tmp_path / "twice.jsonl", [make_response("e0", m, "x") for m in ("m", "n")])
    asks = make_response("e0", "m", "x", messages=[{"role": "user", "content": "Else?"}])
    lines(tmp_path / "asks.jsonl", [asks])
    failed = make_response("e0", "m", "", finish_reason="error", error="no")
    lines(tmp_path / "failed.jsonl", [failed])
    mistakes = {
        ("nothing.jsonl",): "no such file",
        ("empty",): "not a run",
        ("none.jsonl",): "holds no answers",
        ("broken.jsonl",): r"broken.jsonl:1: broken JSON",
        ("rows.jsonl",): r"rows.jsonl:1: a Response has no field 'instruction'",
        ("twice.jsonl",): "answers e0 twice, by m and n",
        ("failed.jsonl",): "every request had failed",
        (a.name, "other.jsonl"): "have no question in common",
        (a.name, "asks.jsonl"): "ask different questions under the id e0",
        (): "0 sources",
        (a.name,) * 3: "3 sources",
    }
    for names, reason in mistakes.items():
        with pytest.raises(RequestError, match=reason):
            read_set([tmp_path / n for n in names])
    with pytest.raises(RequestError, match="--single"):
        read_set([a, b], single=True)
    assert issubclass(DataError, RequestError)
