"""The review page through HTTP: blind, own queues, undo, resume, unblinding; and hostile visitors of it."""

from __future__ import annotations

import json
import re
import urllib.parse

import pytest

from heedful.review.items import left_side

SECRETS = re.compile(r"old|\bnew|second|\bfirst\"|example_id|model|human|jsonl|-e\d")


@pytest.fixture
def pair(review):
    return review(6)


def test_the_whole_way_of_a_blind_review(pair, served, person):
    with served(pair) as site:
        assert person(site).state["reviewer"] is None
        ann = person(site, "Ann")
        state = ann.state
        assert (state["reviewer"], state["marked"], state["total"], state["undo"]) == ("Ann", 0, 6, False)
        shown = pair.set.items[0]
        left = left_side(0, "Ann", shown)
        texts = [a.text for a in (shown.answers if left == "first" else shown.answers[::-1])]
        assert [a["text"] for a in state["item"]["answers"]] == texts
        assert state["item"]["reference"] == f"expected {shown.example_id}"
        after = ann.mark("left", note=" why ", seconds=3.5).json
        assert (after["marked"], after["item"]["number"], after["undo"]) == (1, 2, True)
        kept = pair.marks.current()[0]
        assert (kept.verdict, kept.shown_left, kept.note, kept.seconds) == (left, left, "why", 3.5)
        assert ann.get("/api/state?number=1").json["item"]["mark"] == {"verdict": "left", "tags": [], "note": "why"}
        assert ann.post("/api/undo").json["item"]["number"] == 1
        assert pair.marks.current() == []


def test_every_verdict_is_kept_as_who_made_the_answer(pair, served, person):
    with served(pair) as site:
        ann = person(site, "Ann")
        for shown in ("left", "right", "tie", "both_bad", "left", "right"):
            ann.mark(shown)
    for mark, shown in zip(pair.marks.current(), ("left", "right", "tie", "both_bad", "left", "right"), strict=True):
        item = next(i for i in pair.set.items if i.example_id == mark.example_id)
        left = left_side(0, "Ann", item)
        assert mark.shown_left == left
        if shown in ("left", "right"):
            assert (mark.verdict == left) == (shown == "left")
        else:
            assert mark.verdict == shown


def test_nothing_tells_who_wrote_what_before_unblinding(review, served, person, lines):
    r = review(4)
    with served(r) as site:
        ann = person(site, "Ann")
        seen = [ann.get(p) for p in ("/", "/api/state", "/api/state?number=3", "/result", "/static/review.js")]
        seen += [ann.mark("left"), ann.post("/api/undo")]
        for answer in seen:
            assert answer.status == 200
        for answer in (seen[1], seen[2], *seen[-2:]):
            value = answer.json
            for a in (value.pop("item") or {})["answers"]:
                assert set(a) == {"text", "cut"}
            assert not SECRETS.search(json.dumps(value))
        assert not SECRETS.search(seen[3].body.decode().split("<main")[1])
        for path in ("/review.jsonl", "/review.csv"):
            answer = ann.get(path)
            assert answer.status == 400
            assert "unblind" in answer.json["error"]


def test_after_unblinding_the_result_is_there_and_later_marks_are_counted_apart(review, served, person):
    r = review(4)
    with served(r) as site:
        ann, ben = person(site, "Ann"), person(site, "Ben")
        ann.mark("tie")
        assert ann.post("/api/unblind").status == 200
        assert b"Who won" in ann.get("/result").body
        ann.mark("tie")
        assert b"1 mark was made after unblinding" in ann.get("/result").body
        table = ann.get("/review.csv")
        assert table.headers["content-disposition"] == 'attachment; filename="review.csv"'
        assert table.body.count(b"\n") == 3
        assert len(ann.get("/review.jsonl").body.splitlines()) == 2
        assert b"Who won" not in ben.get("/result").body  # each chooses for themselves
        assert b"Ann" not in ben.get("/result").body
        assert ben.state["unblinded"] is False


def test_each_reviewer_has_a_queue_and_sees_no_others_marks(pair, served, person):
    with served(pair) as site:
        ann, ben = person(site, "Ann"), person(site, "Ben")
        ann.mark("tie", note="only mine")
        ann.mark("tie")
        assert (ann.state["marked"], ben.state["marked"]) == (2, 0)
        assert ben.get("/api/state?number=1").json["item"]["mark"] is None
        assert ben.post("/api/undo").json["item"]["number"] == 1
        assert ann.state["marked"] == 2
        assert person(site, " ann ").state["marked"] == 2  # goes on as Ann


def test_the_next_question_is_the_next_without_a_mark(pair, served, person):
    with served(pair) as site:
        ann = person(site, "Ann")
        assert ann.mark("tie", number=5).json["item"]["number"] == 6
        assert ann.mark("tie", number=6).json["item"]["number"] == 1
        assert ann.get("/api/state?after=4").json["item"]["number"] == 1
        for number in (1, 2, 3):
            ann.mark("tie", number=number)
        assert ann.mark("left", number=4).json["item"] is None
        assert ann.mark("tie", number=4).json["marked"] == 6  # a changed mind


def test_single_answers_take_tags(review, served, person):
    r = review(3, single=True)
    with served(r) as site:
        ann = person(site, "Ann")
        ann.mark("wrong", tags=["too_long", "wrong_fact"], note="x")
        assert ann.get("/api/state?number=1").json["item"]["mark"]["tags"] == ["wrong_fact", "too_long"]
        assert ann.mark("left").status == 400
        assert ann.mark("wrong", tags=["bad"]).status == 400


def test_texts_are_sent_as_they_are_but_for_control_characters(tmp_path, lines, make_response, served, person):
    from heedful.review.items import read_set
    from heedful.review.marks import Marks

    text = "a\x00b\r\n\tc\x1b[31m \u05d0 \u202e \ud83d\ude00 </script>"
    path = lines(tmp_path / "a.jsonl", [make_response("e", "m", text, reference=None, finish_reason="length")])

    class Review:
        set = read_set([path])
        marks = Marks(tmp_path / "m.sqlite", "single")

    with served(Review) as site:
        item = person(site, "Ann").state["item"]
    Review.marks.close()
    assert item["answers"] == [{"text": "a␀b\n\tc␛[31m \u05d0 \u202e 😀 </script>", "cut": True}]
    assert item["reference"] is None


WRONG = [
    ({"verdict": "first"}, "verdict must be one of left"),
    ({"verdict": ["left"]}, "verdict must be one of left"),
    ({"verdict": None}, "verdict must be one of left"),
    ({"tags": ["wrong_fact"]}, "only single answers"),
    ({"tags": "wrong_fact"}, "tags must be a list"),
    ({"tags": [{}]}, "tags are texts"),
    ({"number": 0}, "'number' must be"),
    ({"number": 7}, "'number' must be"),
    ({"number": "1"}, "'number' must be"),
    ({"number": True}, "'number' must be"),
    ({"note": "x" * 4_001}, "4,001 characters"),
    ({"note": 5}, "'note' must be a text"),
    ({"seconds": -1}, "'seconds' must be"),
    ({"key": ""}, "'key' must not be empty"),
    ({"key": "k" * 65}, "65 characters"),
    ({"set": "another"}, "another review"),
    ({"reviewer": "Ben"}, "unknown field"),
]


@pytest.mark.parametrize(("change", "reason"), WRONG, ids=str)
def test_a_wrong_mark_is_refused_with_a_reason(pair, served, person, change, reason):
    with served(pair) as site:
        ann = person(site, "Ann")
        sent = {"set": ann.state["set"], "number": 1, "verdict": "left", "key": "k"}
        answer = ann.post("/api/mark", sent | change)
        assert answer.status == 400
        assert reason in answer.json["error"]
    assert pair.marks.current() == []


def test_who_has_no_name_marks_nothing(pair, served, person):
    with served(pair) as site:
        nobody = person(site)
        for path in ("mark", "undo", "unblind"):
            assert nobody.post(f"/api/{path}").status == 400
        assert nobody.get("/result").headers["location"] == "/"
        for name in ("", "x" * 41, "a\x07b", None, 5, ["Ann"]):
            assert nobody.post("/api/name", {"name": name}).status == 400
        for cookie in ("heedful-reviewer=%00", "heedful-reviewer=" + "x" * 500, "heedful-reviewer=%ff%fe", "=;;=\x7f"):
            nobody.cookie = cookie
            assert nobody.state["reviewer"] is None
        nobody.cookie = "heedful-reviewer=Eve"  # of another review on this machine
        assert nobody.state == {**nobody.state, "reviewer": None, "known_as": "Eve"}
    assert pair.marks.reviewers() == []  # reading adds nobody


def test_a_second_person_of_one_name_is_told_before_marking_on_in_the_others(pair, served, person):
    with served(pair) as site:
        mia = person(site, "Mia")
        mia.mark("left")
        other = site.post("/api/name", {"name": " mia "})
        assert "set-cookie" not in other.headers
        assert (other.json["reviewer"], other.json["known_as"], other.json["taken"]) == (None, "Mia", 1)
        assert mia.post("/api/name", {"name": "Mia"}).json["marked"] == 1  # her own browser is not asked
        assert site.post("/api/name", {"name": "Mia", "again": True}).json["marked"] == 1
        assert site.post("/api/name", {"name": "Mia B."}).json["marked"] == 0


def test_a_name_with_any_letters_comes_back(pair, served, person):
    with served(pair) as site:
        for name in ("田中 さん", "O'Neil; path=/", 'a"b,c=d', "Åsa"):
            assert person(site, name).state["reviewer"] == name
            cookie = person(site, name).cookie.split("=", 1)[1]
            assert urllib.parse.unquote(cookie) == name


def test_reads_change_nothing_and_unknown_addresses_say_so(pair, served, person):
    with served(pair) as site:
        ann = person(site, "Ann")
        for path in ("/api/mark", "/api/undo", "/api/unblind", "/api/name"):
            assert ann.get(path).status == 405
        for path in ("/nothing", "/static/", "/static/../items.py", "/review.sqlite", "/api/", "/../pair.sqlite"):
            answer = ann.get(path)
            assert (answer.status, answer.json) == (404, {"error": "there is nothing here"})
        for query in ("number=x", "number=-1", "number=9999", "number=0", "after=1e9", "number=" + "9" * 99, "after=٣"):
            assert ann.get("/api/state?" + urllib.parse.quote(query, "=")).status in (200, 400)
        assert ann.get("/api/state?number=9999").status == 400
    assert pair.marks.current() == []


def test_what_breaks_inside_is_told_without_its_inside(pair, served, person, monkeypatch):
    with served(pair) as site:
        ann = person(site, "Ann")

        def broken(*_):
            raise ZeroDivisionError("a secret of the inside")

        monkeypatch.setattr(pair.marks, "add", broken)
        answer = ann.mark("left")
        assert answer.status == 500
        assert b"secret" not in answer.body
        assert b"Traceback" not in answer.body
        assert ann.state["marked"] == 0
