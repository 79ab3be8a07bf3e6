"""Answers of a server: a real one on loopback that fails in every way."""

from __future__ import annotations

import email.utils
import json
import re
import threading
import time

import pytest

from heedful.backends.base import GenerationSettings
from heedful.backends.by_name import open_backend
from heedful.backends.server_faults import certificates, unreachable
from heedful.backends.server_options import Server, ServerOptions
from heedful.backends.spent import Spent
from heedful.errors import HeedfulError, ModelError, RequestError
from heedful.records import Message

pytestmark = pytest.mark.usefixtures("own_cache")

QUICK = {"backoff": 0.01, "longest_wait": 0.02, "timeout": 60.0, "deadline": 120.0, "retries": 2, "cache": False}
KEY = "sk-very-secret"


def prompts(*texts):
    return [[Message("user", t)] for t in texts]


def backend_of(server, model="m", said=None, **options):
    say = (lambda _: None) if said is None else said.append
    return open_backend(f"openai:{model}@{server.url}", server=ServerOptions(**(QUICK | options)), say=say)()


def ask(backend, *texts, tools=(), **settings):
    answers = list(backend.answer(prompts(*(texts or ["a"])), GenerationSettings(**settings), tools))
    return sorted(answers, key=lambda a: a.index)


def test_an_answer_with_its_counts(server, acts):
    server.acts = [acts.answer("Oslo.", usage=(7, 3))]
    backend = backend_of(server, input_price=2.0, output_price=10.0)
    (answer,) = ask(backend, "Where?", max_new_tokens=9)
    assert (answer.text, answer.finish_reason, answer.prompt_tokens, answer.tokens) == ("Oslo.", "stop", 7, 3)
    assert (answer.error, answer.top_logprobs) == (None, None)
    assert answer.seconds > 0
    path, body, headers, _ = server.seen[0]
    assert path == "/v1/chat/completions"
    asked = {"model": "m", "messages": [{"role": "user", "content": "Where?"}], "max_tokens": 9, "temperature": 0.0}
    assert body == asked
    assert "Authorization" not in headers
    assert backend.spent.cost == pytest.approx((7 * 2 + 3 * 10) / 1e6)
    assert str(backend.spent) == "1 request: 7 tokens in, 3 tokens out; cost 0.000044"


def test_settings_and_tools_are_handed_on(server):
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    fields = (("top_k", 20), ("temperature", None))
    given = {"temperature": 0.7, "top_p": 0.9, "seed": 4, "stop": ("\n", "END"), "server_fields": fields}
    ask(backend_of(server), "a", "b", tools=[(tool,), ()], top_logprobs=3, **given)
    bodies = {b["messages"][0]["content"]: b for _, b, _, _ in server.seen}
    assert bodies["a"]["tools"] == [tool]
    assert "tools" not in bodies["b"]
    wanted = {"top_p": 0.9, "seed": 4, "stop": ["\n", "END"], "top_k": 20, "logprobs": True, "top_logprobs": 3}
    assert {k: v for k, v in bodies["b"].items() if k in wanted} == wanted
    assert "temperature" not in bodies["b"]


def test_a_conversation_with_calls_of_tools(server):
    call = {"type": "function", "function": {"name": "weather", "arguments": {"city": "Århus"}}}
    talk = [
        Message("system", "Be brief."),
        Message("user", "Weather?", context="in Århus"),
        Message("assistant", "", tool_calls=(call, call)),
        Message("tool", "rain", name="weather"),
        Message("tool", "sun"),
    ]
    list(backend_of(server).answer([talk], GenerationSettings()))
    sent = server.seen[0][1]["messages"]
    assert sent[1] == {"role": "user", "content": "Weather?\n\nin Århus"}
    ids = [c["id"] for c in sent[2]["tool_calls"]]
    assert len(set(ids)) == 2
    assert sent[2]["content"] is None
    assert json.loads(sent[2]["tool_calls"][0]["function"]["arguments"]) == {"city": "Århus"}
    assert [m["tool_call_id"] for m in sent[3:]] == ids


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"text": "x", "finish": "length"}, ("x", "length", None)),
        ({"text": "x", "finish": "eos"}, ("x", "stop", None)),
        ({"text": "x", "finish": None, "usage": (1, 128)}, ("x", "length", None)),
        ({"text": "x", "finish": None}, ("x", "stop", None)),
        ({"text": "x", "finish": "content_filter"}, ("x", "error", "filter")),
        ({"text": "x", "finish": "whim"}, ("x", "error", "whim")),
        ({"text": None}, ("", "stop", None)),
        ({"text": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, ("ab", "stop", None)),
        ({"text": None, "message": {"refusal": "No."}}, ("No.", "stop", None)),
        (
            {
                "text": "Let me see.",
                "finish": "tool_calls",
                "message": {"tool_calls": [{"function": {"name": "f", "arguments": '{"a": "é"}'}}]},
            },
            ('Let me see.\n{"name": "f", "arguments": {"a": "é"}}', "stop", None),
        ),
    ],
)
def test_how_an_answer_ends(server, acts, given, expected):
    server.acts = [acts.answer(**given)]
    (answer,) = ask(backend_of(server))
    assert (answer.text, answer.finish_reason) == expected[:2]
    assert (answer.error is None) == (expected[2] is None)
    assert (expected[2] or "") in (answer.error or "")


def test_log_probabilities(server, acts):
    place = {
        "token": "b",
        "logprob": -0.1,
        "top_logprobs": [{"token": "a", "logprob": -2.5}, {"token": "b", "logprob": -0.1}],
    }
    place["top_logprobs"].append({"token": "c", "logprob": None})
    server.acts = [acts.answer("b", choice={"logprobs": {"content": [place]}})]
    backend = backend_of(server, cache=True)
    for _ in range(2):  # the second from the cache
        (answer,) = ask(backend, top_logprobs=3)
        assert answer.top_logprobs == ((("b", -0.1), ("a", -2.5)),)
    assert len(server.seen) == 1


def test_a_stop_string_that_the_server_leaves_in_is_cut_off(server, acts):
    server.acts = [acts.answer("One. Two. Three")]
    (answer,) = ask(backend_of(server), stop=("Three", ". T"))
    assert (answer.text, answer.finish_reason) == ("One", "stop")


def test_a_server_that_leaves_out_some_log_probabilities_is_not_said_to_give_none(server, acts):
    place = {"token": "b", "logprob": -0.1, "top_logprobs": [{"token": "b", "logprob": -0.1}]}
    server.acts = [acts.answer("b", choice={"logprobs": {"content": [place]}}), acts.answer("b")]
    said = []
    answers = ask(backend_of(server, said=said, concurrency=1), "a", "b", top_logprobs=3)
    assert sorted(a.top_logprobs is None for a in answers) == [False, True]
    assert said == ["the server was asked for log-probabilities and gave none with some answers"]


def test_a_server_that_leaves_log_probabilities_out_is_told(server):
    said = []
    answers = ask(backend_of(server, said=said), "a", "b", top_logprobs=3)
    assert [a.top_logprobs for a in answers] == [None, None]
    assert said == ["the server was asked for log-probabilities and gives none"]


FAILURES = {
    "500": (
        "500 Internal Server Error: out of memory",
        lambda acts: acts.send(500, {"error": {"message": "out of memory"}}),
    ),
    "503 page": ("503 Service Unavailable (3", lambda acts: acts.send(503, b"<html><body>busy</body></html>")),
    "429": ("429 Too Many Requests: slow", lambda acts: acts.send(429, {"detail": "slow"})),
    "half an answer": ("the connection broke off", lambda acts: acts.half),
    "disconnect": ("the connection broke off", lambda acts: acts.disconnect),
    "hang": ("nothing came from the server for 0.3 s", lambda acts: acts.hang),
    "a page": ("the answer is not JSON but a page: a login or a proxy", lambda acts: acts.send(200, b"\n<html>")),
    "wrong JSON": ("the answer is not JSON", lambda acts: acts.send(200, b"{'choices'")),
    "a list": ("not a JSON object", lambda acts: acts.send(200, [])),
    "no choices": ("no 'choices'", lambda acts: acts.send(200, {"choices": []})),
    "no message": ("no 'choices'", lambda acts: acts.send(200, {"choices": [{"text": "x"}]})),
    "a number": ("content is no text", lambda acts: acts.answer(5)),
    "an error in a 200": ("the server says: no luck", lambda acts: acts.send(200, {"error": {"message": "no luck"}})),
    "broken off": ("broke the answer off", lambda acts: acts.answer(finish="abort")),
    "bad gzip": ("cannot be decompressed", lambda acts: acts.send(200, b"no gzip", Content_Encoding="gzip")),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_what_may_pass_is_tried_again_and_then_told(server, acts, failure):
    sentence, make = FAILURES[failure]
    options = {"timeout": 0.3} if failure == "hang" else {}
    server.acts = [make(acts), make(acts), acts.answer("At last.")]
    backend = backend_of(server, **options)
    (answer,) = ask(backend)
    assert (answer.text, answer.finish_reason, answer.error) == ("At last.", "stop", None)
    assert (len(server.seen), backend.spent.requests, backend.spent.failed) == (3, 3, 2)
    server.acts = [make(acts)]
    (answer,) = ask(backend)
    assert (answer.text, answer.finish_reason) == ("", "error")
    assert sentence in (answer.error or "")
    assert "(3 requests)" in (answer.error or "")
    assert "\n" not in (answer.error or "")
    assert len(server.seen) == 6


def test_retry_after_is_waited_for_and_by_the_others_too(server, acts):
    """The first request is told to wait 0.4 s: no other is sent before that, and then all are."""
    first = threading.Event()

    def act(handler):
        if not first.is_set():
            first.set()
            acts.send(429, {}, Retry_After="0.4")(handler)
        else:
            acts.answer()(handler)

    server.acts = act
    answers = ask(backend_of(server, concurrency=1), *"abcd")
    assert {a.finish_reason for a in answers} == {"stop"}
    times = [seen[3] for seen in server.seen]
    assert len(times) == 5
    assert times[1] - times[0] >= 0.4


def test_retry_after_as_a_date(server, acts):
    now = time.time()
    later = {
        "Retry_After": email.utils.formatdate(now + 3601, usegmt=True),
        "Date": email.utils.formatdate(now + 3600, usegmt=True),
    }

    def act(handler):  # http.server sends its own Date, which would come first
        handler.date_time_string = lambda timestamp=None: later["Date"]
        acts.send(503, {}, Retry_After=later["Retry_After"])(handler) if len(server.seen) == 1 else acts.answer()(
            handler
        )

    server.acts = act
    (answer,) = ask(backend_of(server))
    assert answer.finish_reason == "stop"
    assert 0.9 <= server.seen[1][3] - server.seen[0][3] <= 60


def test_a_wait_past_the_deadline_is_not_begun(server, acts):
    said = []
    server.acts = [acts.send(429, {"error": "wait"}, Retry_After="3600")]
    begin = time.monotonic()
    (answer,) = ask(backend_of(server, said=said))
    assert time.monotonic() - begin < 30
    assert "429 Too Many Requests: wait; the next try, in 36" in (answer.error or "")
    assert said == ["the server asks to wait 3600 s (429 Too Many Requests: wait)"]


def test_the_deadline_ends_an_answer_that_drips(server, acts):
    server.acts = [acts.drip]
    begin = time.monotonic()
    (answer,) = ask(backend_of(server, deadline=0.3))
    assert answer.error == "no whole answer within 0.3 s (--deadline)"
    assert time.monotonic() - begin < 30


def test_answers_are_given_out_as_they_come_and_within_the_limit(server, acts):
    gate = threading.Event()

    def act(handler):
        if handler.body["messages"][0]["content"] == "slow":
            gate.wait(600)
        acts.answer(handler.body["messages"][0]["content"])(handler)

    server.acts = act
    seen = []
    for answer in backend_of(server, concurrency=3).answer(prompts("slow", *"abcdefgh"), GenerationSettings()):
        seen.append(answer.text)
        if len(seen) == 8:
            gate.set()
    assert seen[-1] == "slow"
    assert sorted(seen[:-1]) == list("abcdefgh")
    assert 2 <= server.most_open <= 3


def fatal(server, match, kind=HeedfulError, model="m", **options):
    with pytest.raises(kind, match=match) as error:
        ask(backend_of(server, model=model, **options), *"abcdefghijkl")
    assert "\n" not in str(error.value)
    assert KEY not in str(error.value)
    return str(error.value)


def test_a_key_that_is_missing_or_wrong_stops_the_run(server, acts, monkeypatch):
    server.acts = lambda h: acts.send(401, {"error": {"message": f"wrong: {h.headers.get('Authorization')}"}})(h)
    fatal(server, "401 Unauthorized.*no key was sent; set OPENAI_API_KEY", RequestError, concurrency=1)
    assert len(server.seen) == 1
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}\n")
    said = fatal(server, "check the key in OPENAI_API_KEY", RequestError)
    assert "[the key]" in said
    assert server.seen[-1][2]["Authorization"] == f"Bearer {KEY}"


def test_no_money_left_stops_the_run(server, acts):
    server.acts = [acts.send(429, {"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}})]
    fatal(server, "until it is paid", HeedfulError)


def test_a_model_that_is_not_there_stops_the_run(server, acts):
    server.acts = [acts.send(404, {"error": {"message": "The model `m` does not exist."}})]
    server.models = ["qwen3", "gemma3"]
    said = fatal(server, "has no model 'gema3'", ModelError, model="gema3")
    assert "did you mean 'gemma3'?); it has qwen3, gemma3" in said
    server.models = []
    fatal(server, "does not exist.*check the model's name", ModelError)
    # transformers' own server says it with another status.
    server.acts, server.models = (
        [acts.send(400, {"detail": "Server is pinned to 'smollm2'; requested 'm'."})],
        ["smollm2"],
    )
    fatal(server, "has no model 'm'; it has smollm2", ModelError)


def test_a_wrong_address_stops_the_run(server, acts):
    server.acts = [acts.send(404, b"Not Found")]
    url = server.url
    fatal(server, "is not found .404 Not Found.*; check the address", ModelError)
    bare = type("Server", (), {"url": url.removesuffix("/v1")})
    fatal(bare, f"most servers want {url}", ModelError)
    server.acts = [acts.send(405, {"detail": "Method Not Allowed"})]
    fatal(server, "no address of OpenAI's interface", RequestError)
    dead = type("Server", (), {"url": "http://127.0.0.1:1/v1"})
    fatal(dead, r"no server can be reached at http://127\.0\.0\.1:1/v1 .*refused.*; start it", ModelError)


@pytest.mark.parametrize(
    ("url", "why", "mend"),
    [
        ("https://h/v1", "[SSL: CERTIFICATE_VERIFY_FAILED] verify failed: self-signed certificate (_ssl.c:1)",
         r"https://h/v1 \(self-signed certificate\); name the file of the authority .* SSL_CERT_FILE"),
        ("https://h/v1", "[SSL: WRONG_VERSION_NUMBER] wrong version number", "try http://h/v1$"),
        ("http://h/v1", "refused", "asked through the proxy in HTTP_PROXY: mend that, or add the server to NO_PROXY"),
        ("http://h.intern/v1", "refused", "; start it, or mend the address"),
        ("http://127.0.0.1/v1", "refused", "; start it, or mend the address"),
    ],
)  # fmt: skip
def test_what_may_stand_between_is_told(url, why, mend, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", ".intern")
    assert re.search(mend, str(unreachable(Server(url), why)))


def test_certificates_are_named_for_this_machine_too(monkeypatch, tmp_path):
    assert certificates(Server("http://127.0.0.1/v1")) is False
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    for url in ("https://127.0.0.1/v1", "https://h/v1"):
        with pytest.raises(RequestError, match="SSL_CERT_FILE: no certificates can be read there"):
            certificates(Server(url))


def test_the_key_goes_to_no_other_server(server, servers, acts, monkeypatch):
    other = servers()
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for status in (301, 302, 307, 308):
        server.acts = [acts.send(status, b"", Location=f"{other.url}/chat/completions")]
        fatal(server, f"sends on to {other.url}.*not followed", RequestError)
    assert other.seen == []


def test_a_server_that_was_there_and_went_away_is_tried_again(servers, acts):
    server = servers()
    backend = backend_of(server, concurrency=1, retries=1)
    answers = backend.answer(prompts("a", "b"), GenerationSettings())

    def act(handler):
        handler.server.socket.close()  # no new connections; before the answer, which brings the next request
        acts.answer("first")(handler)
        handler.close_connection = True

    server.acts = act
    texts = sorted(answers, key=lambda a: a.index)
    assert texts[0].text == "first"
    assert "no connection to the server" in (texts[1].error or "")


def test_a_question_that_is_refused_is_an_answer_with_an_error(server, acts):
    def act(handler):
        if handler.body["messages"][0]["content"] == "long":
            acts.send(400, {"error": {"message": "maximum context length is 8192 tokens", "code": 400}})(handler)
        else:
            acts.answer()(handler)

    server.acts = act
    answers = ask(backend_of(server), "a", "long", "b")
    assert [a.finish_reason for a in answers] == ["stop", "error", "stop"]
    assert answers[1].error == "400 Bad Request: maximum context length is 8192 tokens"
    assert len(server.seen) == 3, "what is refused is not sent again"


def test_a_server_that_refuses_everything_stops_the_run(server, acts):
    server.acts = [acts.send(422, {"detail": [{"msg": "unknown field"}]})]
    fatal(
        server,
        "refused the first 10 questions, so none is asked any more .422 .*unknown field",
        RequestError,
        concurrency=1,
    )
    assert len(server.seen) == 10


def test_the_newer_name_of_the_limit_is_learned(server, acts):
    def act(handler):
        if "max_tokens" in handler.body:
            words = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
            acts.send(400, {"error": {"message": words}})(handler)
        else:
            acts.answer(str(handler.body["max_completion_tokens"]))(handler)

    server.acts = act
    answers = ask(backend_of(server, concurrency=1), "a", "b", max_new_tokens=7)
    assert [a.text for a in answers] == ["7", "7"]
    assert len(server.seen) == 3


def test_what_the_server_calls_itself_and_missing_counts_are_told(server, acts):
    said = []
    server.acts = [acts.answer(usage=None, model="m-2026-01-01")]
    backend = backend_of(server, said=said)
    ask(backend, "a", "b")
    assert said == ["the server answers as m-2026-01-01"]
    assert (backend.spent.uncounted, backend.spent.tokens) == (2, 0)
    assert "2 answers without counts" in str(backend.spent)
    priced = Spent(1.0, 1.0, requests=2, prompt_tokens=5, tokens=2, uncounted=1)
    assert str(priced).endswith("1 answer without counts; cost 0.000007 without those")  # a cost of 0 would be a lie


def test_half_characters_are_sent_and_come_back(server, acts):
    server.acts = lambda handler: acts.answer(handler.body["messages"][0]["content"])(handler)
    assert [a.text for a in ask(backend_of(server, cache=True), "\ud83c", "🌊")] == ["\ud83c", "🌊"]


def test_closing_the_iterator_ends_the_requests(server, acts):
    server.acts = [acts.answer(), acts.hang]
    answers = backend_of(server, concurrency=4).answer(prompts(*"abcdefgh"), GenerationSettings())
    assert next(iter(answers)).finish_reason == "stop"
    before = time.monotonic()
    answers.close()
    assert time.monotonic() - before < 30
    assert not [t for t in threading.enumerate() if t.name == "heedful-server"]


def test_no_prompts(server):
    assert list(backend_of(server).answer([], GenerationSettings())) == []
    assert server.seen == []
