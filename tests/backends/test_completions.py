"""Log-likelihoods and plain texts from a server: one that behaves, and the ways in which others do not."""

from __future__ import annotations

import json
import math
import re

import pytest

from heedful.backends.base import Continuation, GenerationSettings
from heedful.backends.completions import PROBE, CompletionsBackend
from heedful.backends.server_options import ServerOptions, find_server
from heedful.errors import ModelError, RequestError

pytestmark = pytest.mark.usefixtures("own_cache")
FAST = ServerOptions(retries=1, backoff=0.01, timeout=5, deadline=10)


def pieces(text: str) -> list[str]:
    """Words with the space before them, and every other character by itself."""
    return re.findall(r" ?\w+|.", text, re.DOTALL)


def logprob(piece: str) -> float:
    return -len(piece) / 4


def echo(body, first: str = "", **changes):
    """A completion that repeats its prompt, as vLLM gives it; `first` is a token that the server puts before it."""
    tokens = [*([first] if first else []), *pieces(body["prompt"]), "!"]
    offsets, at = [], 0
    for token in tokens:
        offsets.append(at)
        at += len(token)
    told = {
        "tokens": tokens,
        "text_offset": offsets,
        "token_logprobs": [None, *(logprob(t) for t in tokens[1:])],
        # Words of an even length are what the model would have said.
        "top_logprobs": [None, *({t: logprob(t)} if len(t) % 2 else {"x": -0.01, t: logprob(t)} for t in tokens[1:])],
    }
    choice = {"index": 0, "text": body["prompt"] + "!", "finish_reason": "length", "logprobs": told | changes}
    usage = {"prompt_tokens": len(tokens) - 1, "completion_tokens": 1}
    return {"object": "text_completion", "model": "m", "choices": [choice], "usage": usage}


def model(server, options: ServerOptions = FAST) -> CompletionsBackend:
    name = f"openai:m@{server.url}"
    return CompletionsBackend(name, "m", find_server(name, server.url, options), options)


ROWS = [Continuation("One two", " three"), Continuation("Q: why? ", "be cause"), Continuation("Ends\n", "so")]


@pytest.mark.parametrize("first", ["", "<s>"])
def test_log_likelihoods_are_the_sums_over_the_continuation(server, acts, first):
    server.acts = lambda h: acts.send(200, echo(h.body, first))(h)
    backend = model(server)
    assert backend.why_no_log_likelihoods() is None
    found = sorted(backend.log_likelihoods(ROWS), key=lambda f: f.index)
    # White space at a context's end belongs to the continuation: " be" and " cause"; "\n" and "so".
    tokens = [[" three"], [" be", " cause"], ["\n", "so"]]
    assert [f.error for f in found] == [None] * 3
    assert [f.log_likelihood for f in found] == [math.fsum(map(logprob, t)) for t in tokens]
    assert [f.tokens for f in found] == [1, 2, 2]
    assert [f.greedy for f in found] == [False, False, False]
    (greedy,) = backend.log_likelihoods([Continuation("One", " two,")])
    assert greedy.greedy is False  # " two" has four characters
    (greedy,) = backend.log_likelihoods([Continuation("One", " four,")])
    assert greedy.greedy is True
    assert {path for path, *_ in server.seen} == {"/v1/completions"}
    assert server.seen[-1][1] == {
        "model": "m", "prompt": "One four,", "max_tokens": 1, "temperature": 0.0, "echo": True, "logprobs": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"tokens": ["!"], "text_offset": [0], "token_logprobs": [-1.0], "top_logprobs": [{"!": -1.0}]}, "(echo)"),
        ({"token_logprobs": [None] * 99}, "without log-probabilities"),
        ({"token_logprobs": [0.0] * 99}, "without log-probabilities"),
        ({"text_offset": []}, "(echo)"),
        ({"top_logprobs": None}, "likeliest tokens"),
        ({"tokens": 7}, "(echo)"),
    ],
)
def test_a_server_that_does_not_give_them_is_found_out(server, acts, changes, why):
    server.acts = lambda h: acts.send(200, echo(h.body, **changes))(h)
    assert why in (model(server).why_no_log_likelihoods() or "")


def test_other_servers_are_found_out_too(server, servers, acts):
    server.acts = [acts.send(200, {"choices": [{"text": " is wet", "finish_reason": "stop"}]})]
    assert "(echo)" in (model(server).why_no_log_likelihoods() or "")
    server.acts = [acts.send(400, {"error": {"message": "echo is not supported"}})]
    assert "echo is not supported" in (model(server).why_no_log_likelihoods() or "")
    server.acts = [acts.send(404, {"error": {"message": "Not Found"}})]
    assert "/v1/completions is not found" in (model(server).why_no_log_likelihoods() or "")
    gone = servers()
    gone.shutdown()
    gone.server_close()
    with pytest.raises(ModelError, match="no server can be reached"):
        model(gone).why_no_log_likelihoods()


def test_a_token_across_the_boundary_is_an_error_and_no_number(server, acts):
    server.acts = lambda h: acts.send(200, echo(h.body))(h)
    (found,) = model(server).log_likelihoods([Continuation("One tw", "o")])
    assert math.isnan(found.log_likelihood)
    assert "none begins where the answer begins" in (found.error or "")
    with pytest.raises(RequestError, match="--template none"):
        list(model(server).log_likelihoods([Continuation("a", "b", plain=False)]))


def test_plain_texts_are_gone_on_with(server, acts):
    def act(handler):
        text = handler.body["prompt"].upper() + "\nQ: more"
        choices = [{"text": text, "finish_reason": "stop"}]
        acts.send(200, {"choices": choices, "usage": {"completion_tokens": 3}})(handler)

    server.acts = act
    settings = GenerationSettings(max_new_tokens=5, stop=("\nQ:",))
    found = sorted(model(server).complete(["a", "b"], settings), key=lambda a: a.index)
    assert [(a.text, a.finish_reason, a.tokens) for a in found] == [("A", "stop", 3), ("B", "stop", 3)]
    assert server.seen[0][1] | {"prompt": ""} == {
        "model": "m", "prompt": "", "max_tokens": 5, "temperature": 0.0, "stop": ["\nQ:"],
    }  # fmt: skip


def test_bench_refuses_before_any_work_and_names_an_alternative(server, acts, heedful, tmp_path, monkeypatch):
    from heedful.tasks import find_task

    monkeypatch.chdir(tmp_path)
    for name, text in find_task("mmlu").task.sample_rows.items():
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_text(text)
    server.acts = [acts.send(200, {"choices": [{"text": " is wet", "finish_reason": "stop"}]})]
    asked = ("bench", f"openai:m@{server.url}", "--task", "mmlu", "--data-dir", "data", "--out", "out", "--no-cache")
    status, _, err = heedful(*asked)
    assert (status, len(server.seen)) == (2, 1)
    assert server.seen[0][1]["prompt"] == PROBE
    assert "does not tell (it does not give the prompt back" in err
    assert "name the model's weights" in err
    assert not (tmp_path / "out").exists()
    status, _, err = heedful(*asked, "--template", "auto")
    assert (status, len(server.seen)) == (2, 1)
    assert "use --template none" in err
    server.acts = lambda h: acts.send(200, echo(h.body))(h)
    assert heedful(*asked)[0] == 0
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    assert found["results"]["mmlu"]["accuracy"]["value"] == 0.5  # all letters alike: the first of them
    assert found["tasks"]["mmlu"]["asked"] == 8


MINE = """
from heedful.tasks import Generation, Item, Mark, Prompt, Source, Task

SOURCE = Source("", "", "", "test", None, "nothing", "CC0")


def items(places, plan):
    return [Item("1", Prompt("1+1=", shots=(("1+0=", "1"),)), gold="2")]


def mark(outcome):
    return Mark(None if outcome.error else outcome.texts[0], {"exact": outcome.error or float(outcome.texts[0] == "2")})


TASKS = (Task("mine", "own", "sums", SOURCE, 1, items, mark, generation=Generation(("\\n",), 4)),)
"""


def test_bench_has_texts_gone_on_with_or_conversations_answered(server, acts, heedful, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MINE)

    def act(handler):
        if handler.path == "/v1/completions":
            acts.send(200, {"choices": [{"text": "2\n1+2=3", "finish_reason": "stop"}]})(handler)
        else:
            acts.answer("3")(handler)

    server.acts = act
    for number, how in enumerate(([], ["--template", "auto", "--multiturn"])):
        out = f"out{number}"
        asked = ("bench", f"openai:m@{server.url}", "--task", "./mine.py", "--out", out, *how)
        status, _, err = heedful(*asked)
        assert status == 0, err
        assert "1 request" in err
        found = json.loads((tmp_path / out / "results.json").read_text())
        assert found["results"]["mine"]["exact"]["value"] == 1.0 - number
    (plain, *_), (chat, *_) = server.seen[0], server.seen[1]
    assert (plain, chat) == ("/v1/completions", "/v1/chat/completions")
    assert server.seen[0][1]["prompt"] == "1+0=1\n\n1+1="
    assert [m["content"] for m in server.seen[1][1]["messages"]] == ["1+0=", "1", "1+1="]
    (line,) = (tmp_path / "out1/samples/mine.jsonl").read_text().splitlines()
    assert [m["role"] for m in json.loads(line)["prompt"]] == ["user", "assistant", "user"]
