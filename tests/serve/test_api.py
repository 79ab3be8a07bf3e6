"""The server as OpenAI's own client sees it, over loopback."""

from __future__ import annotations

import itertools
import json
import threading
import urllib.request

import pytest

from heedful.backends.base import GenerationSettings
from heedful.records import Message

ASKED = [{"role": "user", "content": "Say red and blue in line 5."}]
QUESTIONS = [f"Say {word} in line {k}." for k, word in enumerate(["red", "stone", "seven", "warm", "cat", "apple"])]


def alone(backend, content, **settings):
    (answer,) = backend.answer([[Message("user", content)]], GenerationSettings(**settings))
    return answer


@pytest.fixture(scope="module")
def client(served):
    with served.client() as found:
        yield found


def test_an_answer_is_the_models_own(client, served_backend):
    wanted = alone(served_backend, ASKED[0]["content"], max_new_tokens=20)
    made = client.chat.completions.create(model="tiny", messages=ASKED, max_tokens=20)
    choice = made.choices[0]
    assert (choice.message.role, choice.message.content, choice.finish_reason) == (
        "assistant", wanted.text, wanted.finish_reason,
    )  # fmt: skip
    usage = made.usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (wanted.prompt_tokens, wanted.tokens)
    assert usage.total_tokens == wanted.prompt_tokens + wanted.tokens
    assert made.object == "chat.completion"
    again = client.chat.completions.create(model="tiny", messages=ASKED, max_completion_tokens=20)
    assert again.choices[0].message.content == wanted.text
    assert again.usage.prompt_tokens_details.cached_tokens == wanted.prompt_tokens - 1


def test_a_stream_is_the_answer_in_pieces(client, served_backend):
    wanted = alone(served_backend, ASKED[0]["content"], max_new_tokens=20)
    options = {"include_usage": True}
    chunks = list(
        client.chat.completions.create(model="tiny", messages=ASKED, max_tokens=20, stream=True, stream_options=options)
    )
    *pieces, last = chunks
    texts = [c.choices[0].delta.content or "" for c in pieces]
    assert "".join(texts) == wanted.text
    assert sum(map(bool, texts)) > 2
    assert [c.choices[0].delta.role for c in pieces][:2] == ["assistant", None]
    assert [c.choices[0].finish_reason for c in pieces if c.choices[0].finish_reason] == [wanted.finish_reason]
    assert last.choices == []
    assert last.usage.completion_tokens == wanted.tokens
    assert len({c.id for c in chunks}) == 1
    plain = client.chat.completions.create(model="tiny", messages=ASKED, max_tokens=20, stream=True)
    assert all(c.usage is None and c.choices for c in plain)


def test_what_goes_over_the_wire(served):
    """No client in between: each event is a line of data, and [DONE] is the last."""
    body = json.dumps({"messages": ASKED, "max_tokens": 3, "stream": True}).encode()
    request = urllib.request.Request(f"{served.url}/v1/chat/completions", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        text = response.read().decode()
    events = text.split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    assert all(json.loads(e.removeprefix("data: "))["object"] == "chat.completion.chunk" for e in events[:-2])


def test_log_probabilities_belong_to_the_text(client, served_backend):
    given = {"model": "tiny", "messages": ASKED, "max_tokens": 12, "logprobs": True, "top_logprobs": 3}
    made = client.chat.completions.create(**given)
    choice = made.choices[0]
    places = choice.logprobs.content
    whole, unknown = choice.message.content, "\ufffd"  # parts of characters
    assert "".join(p.token for p in places).replace(unknown, "") == whole.replace(unknown, "")
    assert all(p.bytes == (None if unknown in p.token else list(p.token.encode())) for p in places)
    assert all(len(p.top_logprobs) == 3 and p.logprob <= 0 for p in places)
    assert all(p.top_logprobs[0].token == p.token and p.top_logprobs[0].logprob == p.logprob for p in places)
    own = alone(served_backend, ASKED[0]["content"], max_new_tokens=12, top_logprobs=3).top_logprobs
    for place, top in zip(places, own, strict=False):
        assert [t.logprob for t in place.top_logprobs] == pytest.approx([p for _, p in top], abs=1e-4)
    streamed = [
        p
        for c in client.chat.completions.create(**given, stream=True)
        if c.choices[0].logprobs
        for p in c.choices[0].logprobs.content or []
    ]
    assert [p.token for p in streamed] == [p.token for p in places]
    assert [p.logprob for p in streamed] == pytest.approx([p.logprob for p in places], abs=1e-4)


def test_completions_go_on_from_text_and_from_ids(client, served_backend):
    text = "Say red and"
    made = client.completions.create(model="tiny", prompt=[text, "Say"], max_tokens=9, temperature=0, logprobs=2)
    ids = served_backend.chat.tokenizer.encode(text)
    assert made.usage.prompt_tokens == len(ids) + len(served_backend.chat.tokenizer.encode("Say"))
    assert [c.index for c in made.choices] == [0, 1]
    by_id = client.completions.create(model="tiny", prompt=ids, max_tokens=9, temperature=0)
    assert by_id.choices[0].text == made.choices[0].text
    scores = made.choices[0].logprobs
    assert len(scores.tokens) == len(scores.token_logprobs) == len(scores.top_logprobs) == len(scores.text_offset)
    certain = list(
        itertools.takewhile(lambda pair: "\ufffd" not in pair[0], zip(scores.tokens, scores.text_offset, strict=True))
    )
    assert certain
    assert all(made.choices[0].text.startswith(token, offset) for token, offset in certain)
    streamed = client.completions.create(model="tiny", prompt=ids, max_tokens=9, temperature=0, stream=True)
    assert "".join(c.choices[0].text for c in streamed) == made.choices[0].text
    usual = client.completions.create(model="tiny", prompt="Say", temperature=0)
    assert usual.usage.completion_tokens <= 16


def test_a_stop_string_ends_an_answer_before_it(client):
    whole = client.chat.completions.create(model="tiny", messages=ASKED, max_tokens=20).choices[0].message.content
    stop = whole[4:6]
    made = client.chat.completions.create(model="tiny", messages=ASKED, max_tokens=20, stop=stop, logprobs=True)
    assert made.choices[0].message.content == whole[: whole.index(stop)]
    assert made.choices[0].finish_reason == "stop"
    assert all(stop not in p.token for p in made.choices[0].logprobs.content[:-1])
    pieces = client.chat.completions.create(model="tiny", messages=ASKED, max_tokens=20, stop=[stop, "~"], stream=True)
    assert "".join(c.choices[0].delta.content or "" for c in pieces) == whole[: whole.index(stop)]


def test_several_answers_by_seeds_of_their_own(client, served_backend):
    made = client.chat.completions.create(
        model="tiny", messages=ASKED, max_tokens=12, n=3, seed=5, temperature=1.0, top_p=0.9
    )
    texts = [c.message.content for c in made.choices]
    assert len(set(texts)) > 1
    for k, text in enumerate(texts):
        wanted = alone(served_backend, ASKED[0]["content"], max_new_tokens=12, seed=5 + k, temperature=1.0, top_p=0.9)
        assert text == wanted.text
    assert made.usage.prompt_tokens == wanted.prompt_tokens
    free = {
        client.chat.completions.create(model="tiny", messages=ASKED, max_tokens=12, temperature=1.0)
        .choices[0].message.content
        for _ in range(3)
    }  # fmt: skip
    assert len(free) > 1, "without a seed each answer is drawn anew"


def test_clients_at_the_same_time_get_the_answers_they_get_alone(served, served_backend):
    wanted = {q: alone(served_backend, q, max_new_tokens=60).text for q in QUESTIONS}
    found = {}

    def ask(question):
        with served.client() as client:
            found[question] = "".join(
                c.choices[0].delta.content or ""
                for c in client.chat.completions.create(
                    model="tiny", messages=[{"role": "user", "content": question}], max_tokens=60, stream=True
                )
            )

    threads = [threading.Thread(target=ask, args=(q,)) for q in QUESTIONS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == wanted
    assert len(set(wanted.values())) == len(wanted), "the questions make no difference, so this shows nothing"


def test_models_health_and_figures(client, served):
    import openai

    assert [m.id for m in client.models.list()] == ["tiny"]
    assert client.models.retrieve("tiny").owned_by == "heedful"
    with pytest.raises(openai.NotFoundError, match="there is no model 'other'"):
        client.models.retrieve("other")
    before = _figures(served)
    client.chat.completions.create(model="tiny", messages=ASKED, max_tokens=5)
    after = _figures(served)
    assert after['heedful_requests_total{route="chat",status="200"}'] == 1 + before.get(
        'heedful_requests_total{route="chat",status="200"}', 0
    )
    assert after["heedful_completion_tokens_total"] - before["heedful_completion_tokens_total"] == 5
    assert after["heedful_request_seconds_count"] == after['heedful_request_seconds_bucket{le="+Inf"}']
    assert after["heedful_running"] == after["heedful_waiting"] == 0
    with urllib.request.urlopen(f"{served.url}/health", timeout=10) as response:
        assert json.load(response) == {"status": "ok"}


def _figures(served):
    with urllib.request.urlopen(f"{served.url}/metrics", timeout=10) as response:
        lines = response.read().decode().splitlines()
    return {name: float(value) for name, _, value in (x.rpartition(" ") for x in lines if not x.startswith("#"))}


@pytest.mark.parametrize(
    ("changes", "status", "param", "said"),
    [
        ({"model": "tinny"}, 404, "model", "there is no model 'tinny' (did you mean 'tiny'?)"),
        ({"messages": []}, 400, "messages", "at least one message"),
        ({"messages": [{"role": "boss", "content": "x"}]}, 400, "messages[0].role", "one of system"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 400, "messages[0].content", "image_url"),
        ({"messages": [{"role": "tool", "content": "x"}]}, 400, "messages", "no place for the role tool"),
        ({"messages": [{"role": "user", "content": "red " * 900}]}, 400, "messages", "the model has room for 512"),
        ({"max_tokens": 401}, 400, "max_tokens", "more than the 400"),
        ({"max_tokens": 0}, 400, "max_tokens", "whole number from 1"),
        ({"temperature": -1}, 400, "temperature", "from 0"),
        ({"temperature": "warm"}, 400, "temperature", "a number"),
        ({"top_p": 0}, 400, "top_p", "above 0"),
        ({"n": 17}, 400, "n", "1 to 16"),
        ({"stop": [""]}, 400, "stop", "none empty"),
        ({"top_logprobs": 3}, 400, "top_logprobs", "needs 'logprobs'"),
        ({"stream_options": {"include_usage": True}}, 400, "stream_options", "is for 'stream'"),
        ({"frequency_penalty": 0.5}, 400, "frequency_penalty", "not supported"),
        ({"response_format": {"type": "json_object"}}, 400, "response_format", "not supported"),
        ({"extra_body": {"temprature": 0}}, 400, "temprature", "did you mean 'temperature'?"),
    ],
    ids=lambda v: next(iter(v)) if isinstance(v, dict) else "",
)  # fmt: skip
def test_a_mistake_is_told_in_openais_form(client, changes, status, param, said):
    import openai

    with pytest.raises(openai.APIStatusError) as told:
        client.chat.completions.create(**({"model": "tiny", "messages": ASKED} | changes))
    assert told.value.status_code == status
    assert said in told.value.body["message"]
    assert told.value.body["param"] == param
    assert told.value.body["type"] == "invalid_request_error"


def test_what_asks_for_nothing_is_taken(client):
    import openai

    made = client.chat.completions.create(
        model="tiny", messages=[{"role": "developer", "content": [{"type": "text", "text": "Be"}]}, *ASKED],
        max_tokens=2, user="ann", frequency_penalty=0, tools=[], response_format={"type": "text"},
    )  # fmt: skip
    assert made.usage.completion_tokens <= 2
    with pytest.raises(openai.BadRequestError, match="go from 0 to"):
        client.completions.create(model="tiny", prompt=[10**6], max_tokens=2)
    with pytest.raises(openai.BadRequestError, match="not supported"):
        client.completions.create(model="tiny", prompt="x", best_of=2)


def test_a_model_that_the_engine_does_not_know(run_server, backend_of, served_backend):
    import openai
    from transformers import GPTNeoXConfig

    vocabulary = len(served_backend.chat.tokenizer)
    backend = backend_of(
        GPTNeoXConfig(
            vocab_size=vocabulary, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
            max_position_embeddings=256, eos_token_id=0, bos_token_id=None,
        )
    )  # fmt: skip
    assert "transformers' generate, which is slower" in backend.note
    wanted = [alone(backend, q, max_new_tokens=6).text for q in QUESTIONS[:2]]
    with run_server(backend) as served, served.client() as client:
        for question, text in zip(QUESTIONS, wanted, strict=False):
            asked = {"model": "tiny", "messages": [{"role": "user", "content": question}], "max_tokens": 6}
            assert client.chat.completions.create(**asked).choices[0].message.content == text
            stream = client.chat.completions.create(**asked, stream=True)
            assert "".join(c.choices[0].delta.content or "" for c in stream) == text
        with pytest.raises(openai.BadRequestError, match="without log-probabilities"):
            client.chat.completions.create(**asked, logprobs=True)
