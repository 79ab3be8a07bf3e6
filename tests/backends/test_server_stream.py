"""One answer of a server as it comes: a server on loopback that streams, and fails, in every way."""

from __future__ import annotations

import json
import threading

import pytest

from heedful.backends.base import GenerationSettings
from heedful.backends.by_name import open_backend
from heedful.backends.server_options import ServerOptions
from heedful.backends.speaking import speaker_of
from heedful.errors import HeedfulError, ModelError, RequestError
from heedful.records import Message

pytestmark = pytest.mark.usefixtures("own_cache")
ASKED = [Message("user", "Where?")]


def chunk(text=None, finish=None, usage=None, **extra):
    delta = {} if text is None else {"content": text}
    choices = [] if usage else [{"index": 0, "delta": delta, "finish_reason": finish}]
    counts = {"prompt_tokens": usage[0], "completion_tokens": usage[1]} if usage else None
    return {"object": "chat.completion.chunk", "choices": choices, "usage": counts, **extra}


def events(*values, end=True, kind="text/event-stream; charset=utf-8"):
    """A stream of events, and the connection's end after it."""

    def act(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", kind)
        handler.end_headers()
        for value in values:
            line = value if isinstance(value, bytes) else b"data: " + json.dumps(value).encode()
            handler.wfile.write(line + b"\n\n")
            handler.wfile.flush()
        if end:
            handler.wfile.write(b"data: [DONE]\n\n")
        handler.close_connection = True

    return act


def say(server, **settings):
    backend = open_backend(f"openai:m@{server.url}", server=ServerOptions(timeout=60.0, cache=False))()
    pieces = list(speaker_of(backend).say(ASKED, GenerationSettings(**settings)))
    return [p.text for p in pieces], pieces[-1].answer, backend


def test_pieces_and_the_answer(server):
    server.acts = [
        events(chunk("", None), b": keep-alive", chunk("Os"), chunk("lo 🌊"), chunk(None, "stop"), chunk(usage=(7, 3)))
    ]
    pieces, answer, backend = say(server, max_new_tokens=9)
    assert pieces == ["Os", "lo 🌊", ""]
    assert (answer.text, answer.finish_reason, answer.prompt_tokens, answer.tokens) == ("Oslo 🌊", "stop", 7, 3)
    body = server.seen[0][1]
    assert (body["stream"], body["stream_options"], body["max_tokens"]) == (True, {"include_usage": True}, 9)
    assert (backend.spent.requests, backend.spent.tokens) == (1, 3)


def test_a_server_that_does_not_stream(server, acts):
    server.acts = [acts.answer("Oslo.", usage=(7, 3))]
    pieces, answer, _ = say(server)
    assert (pieces, answer.text, answer.tokens) == (["Oslo."], "Oslo.", 3)


def test_pieces_come_while_the_answer_is_made(server):
    """The second piece is sent when the first has been read."""
    read = threading.Event()

    def act(handler):
        events(chunk("one "), end=False)(handler)
        assert read.wait(60)
        handler.wfile.write(b"data: " + json.dumps(chunk("two", "length")).encode() + b"\n\ndata: [DONE]\n\n")

    server.acts = [act]
    backend = open_backend(f"openai:m@{server.url}", server=ServerOptions(cache=False))()
    pieces = speaker_of(backend).say(ASKED, GenerationSettings())
    assert next(iter(pieces)).text == "one "
    read.set()
    *_, last = pieces
    assert (last.answer.text, last.answer.finish_reason) == ("one two", "length")


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (events(chunk("half"), end=False), "the answer broke off"),
        (events(chunk("half"), b"data: {"), "a piece of the answer is not JSON"),
        (events(chunk("half"), {"error": {"message": "out of memory"}}), "the server says: out of memory"),
        (events(chunk("x", "content_filter")), "the server's filter cut the answer off"),
    ],
)
def test_what_goes_wrong_on_the_way_is_the_answers_error(server, act, said):
    server.acts = [act]
    _, answer, _ = say(server)
    assert answer.finish_reason == "error"
    assert said in answer.error
    assert len(server.seen) == 1, "nothing is tried again"


def test_what_befalls_every_question_is_raised(server, acts):
    def status(code, value=None):
        server.acts = [acts.send(code, value or {"error": {"message": "no"}})]

    status(401)
    with pytest.raises(RequestError, match="lets nobody in"):
        say(server)
    status(404)
    server.models = ["llama-70b"]
    with pytest.raises(ModelError, match="has no model 'm'; it has llama-70b"):
        say(server)
    server.models = []
    with pytest.raises(ModelError, match="check the address"):
        say(server)
    status(402)
    with pytest.raises(HeedfulError, match="until it is paid"):
        say(server)
    status(429)
    assert "429" in say(server)[1].error
    backend = open_backend("openai:m@http://127.0.0.1:9/v1")()
    with pytest.raises(ModelError, match="no server can be reached"):
        list(speaker_of(backend).say(ASKED, GenerationSettings()))


def test_a_key_that_a_server_gives_back_is_not_shown(server, acts, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    server.acts = lambda h: acts.send(401, {"error": {"message": f"wrong: {h.headers.get('Authorization')}"}})(h)
    with pytest.raises(RequestError, match=r"wrong: Bearer \[the key\]"):
        say(server)


def test_the_newer_name_of_the_limit(server, acts):
    refusal = acts.send(400, {"error": {"message": "use max_completion_tokens instead"}})
    server.acts = [refusal, events(chunk("Yes.", "stop"))]
    _, answer, _ = say(server, max_new_tokens=5)
    assert answer.text == "Yes."
    assert server.seen[1][1]["max_completion_tokens"] == 5
    assert "max_tokens" not in server.seen[1][1]
