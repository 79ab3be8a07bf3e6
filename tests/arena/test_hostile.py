"""Hostile visitors, sites and models of an arena; each attack by itself, on a real server."""

from __future__ import annotations

import json

import pytest

PAYLOADS = (
    '<script>window.hacked=1</script><img src=x onerror="window.hacked=1">',
    "[link](javascript:window.hacked=1) ![i](http://evil.example/x.png) <a href='javascript:1'>x</a>",
    '</script><svg onload=alert(1)> {{ 7*7 }} {% raw %} <!-- "quotes" \x00 \u202e',
)
WRITES = ("name", "begin", "ask", "again", "stop", "vote")


def test_another_site_can_neither_write_nor_read(world):
    w = world()
    ann = w.person("Ann")
    talk = ann.begin()["id"]
    ann.ask(talk)
    evil = {"origin": "http://evil.example"}
    sent = {"conversation": talk, "winner": "a", "key": "k"}
    for path in WRITES:
        for headers in (evil, {"origin": ""}, {"origin": "null"}, {"sec_fetch_site": "cross-site"}):
            assert ann.post(f"/api/{path}", sent, **headers).status == 403, (path, headers)
        assert ann.get(f"/api/{path}").status == 405  # a link or an image cannot write
        assert ann.post(f"/api/{path}", sent, content_type="text/plain").status == 415  # nor can a form
    for host in ("evil.example", "127.0.0.1.evil.example", "evil.example:80"):
        assert w.site.get("/api/state", host=host).status == 421
        assert ann.post("/api/vote", sent, host=host, origin=f"http://{host}").status == 421
    assert ann.get("/api/state", sec_fetch_site="cross-site", sec_fetch_mode="cors").status == 403
    assert ann.get("/api/board", sec_fetch_site="same-site").status == 403
    assert w.rows("SELECT * FROM votes") == []


def test_the_policy_forbids_what_is_not_ours(world):
    w = world()
    for path in ("/", "/named", "/board", "/api/state", "/api/board", "/static/arena.js", "/nowhere"):
        headers = w.site.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "require-trusted-types-for 'script'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
    for path in ("/", "/named", "/board"):
        page = w.site.get(path).body.decode().casefold()
        assert " on" not in page.replace(" on hand", "").split("<body")[0]
        assert page.count("<script") == page.count('<script src="/static/')  # none inline
        assert "style=" not in page
    for name in ("arena.js", "markdown.js", "board.js"):
        code = w.site.get(f"/static/{name}").body.decode()
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", ".href", "srcdoc"):
            assert word not in code, (name, word)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_texts_come_back_as_json_text_alone(world, fake, payload):
    w = world(fake(payload + "1", [payload]), fake("<b>two</b>", [payload]))
    ann = w.person()
    name = payload.replace("\x00", "").replace("\u202e", "")[:40]
    assert ann.post("/api/name", {"name": name}).json["name"] == " ".join(name.split())
    talk = ann.begin()["id"]
    got = ann.ask(talk, payload)
    shown = payload.replace("\x00", "␀")
    assert got[-1]["done"]["turns"][0] == {
        "question": shown,
        "a": {"text": shown, "end": "stop"},
        "b": {"text": shown, "end": "stop"},
    }
    assert ann.vote(talk).status == 200
    for path in ("/", "/named", "/board"):
        page = ann.get(path).body.decode()
        assert "<img" not in page
        assert "<svg" not in page
        assert "<b>" not in page
    assert ann.get("/api/board").headers["content-type"] == "application/json"
    assert "\u202e" not in json.dumps(w.rows("SELECT judge FROM votes"))


def test_no_path_reaches_the_disk(world):
    w = world()
    for path in (
        "/../../etc/passwd", "/static/../arena.py", "/static/..%2farena.py", "/static/%2e%2e/arena.py",
        "/static/arena.py", "/static//etc/passwd", "//etc/passwd", "/arena.sqlite", "/static/arena.js%00.css",
        "/static/battle.html.j2", "/api/state/../../arena.sqlite", "\\..\\arena.sqlite",
    ):  # fmt: skip
        answer = w.site.get(path)
        assert answer.status in (400, 404), (path, answer.status)
        assert b"root:" not in answer.body
        assert b"SQLite" not in answer.body


def test_nobody_votes_in_another_ones_conversation(world):
    w = world()
    ann, eve = w.person("Ann"), w.person("Ann")  # the same name is not the same browser
    talk = ann.begin()["id"]
    ann.ask(talk, "secret question")
    forged = (talk, "x" * 20, "", "../" + talk, "1", "' OR 1=1 --")
    for somebody in (eve, w.person()):
        for name in forged:
            for path, more in (
                ("vote", {"winner": "a", "key": "k"}),
                ("ask", {"question": "x"}),
                ("again", {}),
                ("stop", {}),
            ):
                answer = somebody.post(f"/api/{path}", {"conversation": name} | more)
                assert answer.status == 404, (path, name)
                assert b"secret" not in answer.body
    thief = w.person()
    thief.cookie = "heedful-arena=" + "A" * 32
    assert thief.get("/api/state").json == {"name": None, "talk": None}
    assert thief.post("/api/vote", {"conversation": talk, "winner": "a", "key": "k"}).status == 404
    assert w.rows("SELECT * FROM votes") == []
    kept = {secret for (secret,) in w.rows("SELECT secret FROM visitors")}
    assert ann.cookie.split("=")[1] not in kept  # a stolen file does not open a browser's conversations
    answer = w.site.post("/api/name", {"name": "x"})
    assert {"httponly", "samesite=strict"} <= {p.strip().casefold() for p in answer.headers["set-cookie"].split(";")}


def test_a_vote_is_given_once(world):
    w = world()
    ann = w.person("Ann")
    talk = ann.begin()["id"]
    ann.ask(talk)
    first = ann.vote(talk, "a", "one")
    assert ann.vote(talk, "a", "one").json == first.json  # sent twice: the answer was lost on the way
    for winner, key in (("b", "one"), ("a", "two"), ("b", "two")):
        assert ann.vote(talk, winner, key).status == 409
    assert len(w.rows("SELECT * FROM votes")) == 1


WRONG = (
    ("vote", {"conversation": 1, "winner": "a", "key": "k"}), ("vote", {"winner": "a", "key": "k"}),
    ("vote", {"conversation": "x", "winner": "model_a", "key": "k"}), ("vote", {"conversation": "x", "winner": "a"}),
    ("vote", {"conversation": "x", "winner": ["a"], "key": "k"}),
    ("vote", {"conversation": "x", "winner": "a", "key": ""}),
    ("vote", {"conversation": "x", "winner": "a", "key": "k" * 65}), ("vote", []), ("vote", "null"),
    ("vote", {"conversation": "x", "winner": "a", "key": "k", "model_a": "north"}), ("ask", {"question": "x"}),
    ("ask", {"conversation": "x", "question": "x" * 12_001}), ("ask", {"conversation": "x", "question": None}),
    ("begin", {}), ("begin", {"hidden": 1}), ("begin", {"hidden": "yes"}), ("name", {"name": 5}),
    ("name", {"name": "x" * 41}), ("name", {"name": "bell\x07"}), ("name", {"name": "visitor-1"}),
)  # fmt: skip


def test_what_is_sent_is_checked_and_small(world):
    w = world()
    ann = w.person()
    for path, sent in WRONG:
        assert ann.post(f"/api/{path}", sent).status == 400, (path, sent)
    assert ann.post("/api/ask", b"[" * 50_000).status == 400
    assert ann.post("/api/ask", b'{"conversation": "x", "question": "\\ud800"}').status == 400
    assert ann.post("/api/ask", b" " * 70_000).status == 413
    assert ann.get("/api/state?" + "x" * 3_000).status == 414
    assert w.rows("SELECT * FROM conversations") == []


def test_an_address_floods_neither_requests_nor_visitors(world):
    from heedful.arena.app import arena_app
    from heedful.web.guard import Rules
    from heedful.web.limits import Buckets

    w = world(rules=Rules(requests=Buckets(rate=1e-6, burst=3)))
    assert [w.site.get("/api/state").status for _ in range(5)] == [200, 200, 200, 429, 429]
    assert arena_app(w.arena)  # the default lets a class of three hundred in


def test_another_address_needs_the_token(world):
    from heedful.web.guard import Rules

    w = world(rules=Rules(token="t" * 24))
    assert w.site.get("/").status == 401
    assert w.site.post("/api/begin", {"hidden": True}).status == 401
    assert w.site.post("/api/begin", {"hidden": True}, authorization="Bearer " + "t" * 24).status == 200
