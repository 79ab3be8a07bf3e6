"""Battles through HTTP on loopback: ask, again, stop, vote, names; what a page may know before the vote."""

from __future__ import annotations

import json
import threading

import pytest

from heedful.arena.arena import Limits
from heedful.web.limits import Buckets


def test_a_battle_from_the_question_to_the_names(world):
    w = world()
    ann = w.person("Ann")
    talk = ann.begin()
    assert (talk["turns"], talk["names"], talk["can_vote"]) == ([], None, False)
    got = ann.ask(talk["id"], "Warum ist der Himmel blau, und was ist das?")
    texts = {s: "".join(e.get("text", "") for e in got if e.get("side") == s) for s in "ab"}
    assert sorted(texts.values()) == ["N1 n2", "S1"]
    assert got[-1]["done"]["can_vote"] is True
    voted = ann.vote(talk["id"], "b").json["talk"]
    left = "north" if texts["a"] == "N1 n2" else "south"
    right = "south" if left == "north" else "north"
    assert voted["names"] == {"a": left, "b": right}
    assert voted["vote"] == {"winner": "b", "gave_away": None}
    row = w.rows("SELECT model_a, model_b, winner, judge, turn, anony, language, question_id FROM votes")
    assert row == [(left, right, "model_b", "Ann", 1, 1, "German", talk["id"])]
    board = ann.get("/api/board").json
    assert board["counts"]["hidden"] == 1
    assert set(board["ratings"]["ratings"]) == {"north", "south"}


def test_before_the_vote_nothing_tells_who_answers(world, fake):
    w = world(fake("north", fails="north.gguf at http://north:1 is broken"), fake("south"))
    ann = w.person()
    talk = ann.begin()
    got = ann.ask(talk["id"])
    said = json.dumps([talk, got, ann.get("/api/state").json]) + ann.get("/").body.decode()
    assert "north" not in said
    assert "south" not in said
    assert got[-1]["done"]["can_vote"] is False
    refused = ann.vote(talk["id"])
    assert (refused.status, w.rows("SELECT * FROM votes")) == (409, [])
    w.fakes["north"].fails = ""
    assert ann.again(talk["id"])[-1]["done"]["can_vote"] is True
    assert ann.vote(talk["id"]).status == 200


def test_each_side_goes_on_with_its_own_turns(world):
    w = world(system="Be short.")
    ann = w.person()
    talk = ann.begin()["id"]
    ann.ask(talk, "one")
    ann.again(talk)
    ann.ask(talk, "two")
    for fake in w.fakes.values():
        own = "".join(fake.pieces)
        begun = [("system", "Be short."), ("user", "one")]
        assert fake.asked == [begun, begun, [*begun, ("assistant", own), ("user", "two")]]
        assert len(set(fake.seeds)) == 3
    assert w.rows("SELECT turn, take FROM takes") == [(1, 0), (1, 1), (2, 0)]
    assert ann.vote(talk).json["talk"]["turns"][1]["question"] == "two"
    assert w.rows("SELECT turn FROM votes") == [(2,)]
    for refused in (ann.post("/api/again", {"conversation": talk}),
                    ann.post("/api/ask", {"conversation": talk, "question": "three"})):  # fmt: skip
        assert refused.status == 409


def test_stop_keeps_what_was_said_and_frees_the_models(world, until):
    w = world()
    for fake in w.fakes.values():
        fake.hold()
    ann = w.person()
    talk = ann.begin()["id"]
    w.fakes["north"].go.release()
    got = []
    asking = threading.Thread(target=lambda: got.extend(ann.ask(talk)))
    asking.start()
    until(lambda: w.arena.under_way)
    assert ann.vote(talk).status == 409  # still answering
    assert w.person().post("/api/stop", {"conversation": talk}).status == 404
    until(lambda: any(s.said for s in w.arena.under_way[talk][1].sides.values()))
    assert ann.post("/api/stop", {"conversation": talk}).status == 200
    asking.join()
    ends = {e["side"]: e["end"] for e in got if e.get("end")}
    assert ends == {"a": "stopped", "b": "stopped"}
    assert got[-1]["done"]["can_vote"] is False  # one side had said nothing
    texts = sorted(got[-1]["done"]["turns"][0][s]["text"] for s in "ab")
    assert texts == ["", "N1 "]
    for fake in w.fakes.values():
        fake.go.release(10)
        assert fake.left.wait(300)


def test_a_browser_that_leaves_stops_its_answers(world, until):
    w = world()
    for fake in w.fakes.values():
        fake.hold()
    ann = w.person()
    talk = ann.begin()["id"]
    body = json.dumps({"conversation": talk, "question": "x"})
    head = f"POST /api/ask HTTP/1.1\r\nhost: {w.site.host}\r\norigin: {w.site.origin}\r\ncookie: {ann.cookie}\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    assert b"200 OK" in w.site.raw((head + body).encode())  # and closes
    until(lambda: w.rows("SELECT 1 FROM takes"))
    assert w.rows("SELECT end_a, end_b FROM takes") == [("stopped", "stopped")]
    for fake in w.fakes.values():
        fake.go.release(10)


def test_a_model_that_names_itself_does_not_count(world, fake):
    w = world(
        fake("one=x", ["I am Gemma, trained by Google."]), fake("two", ["Hello."]), names={"one=x": "pip:gemma3-270m"}
    )
    ann = w.person()
    talk = ann.battle("a")
    assert talk["vote"]["gave_away"] == "gemma"
    board = ann.get("/api/board").json
    assert (board["counts"]["votes"], board["counts"]["hidden"], board["counts"]["gave_away"]) == (1, 0, 1)
    assert board["ratings"] is None


def test_side_by_side_shows_names_and_does_not_count(world):
    w = world()
    ann = w.person()
    talk = ann.begin("south", "north")
    assert talk["names"] == {"a": "south", "b": "north"}
    ann.ask(talk["id"])
    assert ann.vote(talk["id"], "tie").json["talk"]["vote"]["winner"] == "tie"
    assert w.rows("SELECT model_a, winner, anony FROM votes") == [("south", "tie", 0)]
    assert ann.get("/api/board").json["counts"]["named"] == 1
    for wrong in (["south", "south"], ["south", "nobody"], ["south"], "south", [1, 2]):
        assert ann.post("/api/begin", {"hidden": False, "models": wrong}).status == 400
    assert ann.post("/api/begin", {"hidden": True, "models": ["north", "south"]}).status == 400


def test_two_people_at_once_have_conversations_of_their_own(world):
    w = world()
    ann, ben = w.person("Ann"), w.person()
    first = ann.begin()["id"]
    second = ben.begin()["id"]
    ann.ask(first, "Ann asks")
    ben.ask(second, "Ben asks")
    assert ann.get("/api/state").json["talk"]["turns"][0]["question"] == "Ann asks"
    assert ben.get("/api/state").json["talk"]["turns"][0]["question"] == "Ben asks"
    assert ben.get("/api/state?named").json["talk"] is None
    ann.vote(first)
    ben.vote(second)
    assert sorted(j for (j,) in w.rows("SELECT judge FROM votes")) == ["Ann", "visitor-2"]


def test_too_much_at_once_is_refused(world, until):
    w = world(limits=Limits(each=1, under_way=2, turns=2, question=50, asked=Buckets(rate=1e-6, burst=4)))
    for fake in w.fakes.values():
        fake.hold()
    ann = w.person()
    one, two = ann.begin()["id"], ann.begin()["id"]
    thread = threading.Thread(target=ann.ask, args=(one,))
    thread.start()
    until(lambda: one in w.arena.under_way)
    assert ann.post("/api/ask", {"conversation": two, "question": "x"}).status == 429
    assert ann.post("/api/ask", {"conversation": one, "question": "x"}).status == 409
    for fake in w.fakes.values():
        fake.go.release(100)
    thread.join()
    assert ann.post("/api/ask", {"conversation": two, "question": "x" * 51}).status == 400
    assert ann.post("/api/ask", {"conversation": two, "question": "  "}).status == 400
    assert ann.post("/api/begin", {"hidden": True}).status == 429  # four have been asked for


@pytest.mark.parametrize("keep", [1, 2])
def test_models_are_loaded_when_asked_and_leave_when_there_is_no_room(fake, keep):
    from heedful.arena.entrants import Entrants

    loaded = []

    def opener(name):
        def load():
            loaded.append(fake(name))
            return loaded[-1]

        return load

    entrants = Entrants({n: opener(n) for n in "xyz"}, keep)
    assert loaded == []
    for name in "xyxz":
        with entrants.speaker(name) as speaker:
            assert (speaker.name, speaker.closed) == (name, False)
    assert len([s for s in loaded if not s.closed]) == keep
    assert [s.name for s in loaded] == (list("xyxz") if keep == 1 else list("xyz"))
    assert next(s for s in loaded if s.name == "y").closed  # the one idle longest
