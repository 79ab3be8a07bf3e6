"""`echo`: a prompt given back with the log-probability of each of its tokens, and a harness that scores by it."""

from __future__ import annotations

import math

import pytest

PROMPT = "The grass is green. 猫は何歳? 🙂 ok"


@pytest.fixture(scope="module")
def client(served):
    with served.client() as found:
        yield found


def own(backend, ids: list[int]):
    """(T - 1, V): the model's own log-probabilities at each place but the first."""
    import torch

    with torch.no_grad():
        return backend.model(input_ids=torch.tensor([ids[:-1]])).logits[0].float().log_softmax(-1)


@pytest.mark.parametrize("as_ids", [False, True])
def test_a_prompt_alone_has_the_models_own_numbers(client, served_backend, as_ids):
    tokenizer = served_backend.chat.tokenizer
    ids = list(tokenizer.encode(PROMPT))
    made = client.completions.create(
        model="tiny", prompt=ids if as_ids else PROMPT, echo=True, max_tokens=0, logprobs=2
    )
    choice = made.choices[0]
    assert (choice.text, choice.finish_reason) == (PROMPT, "length")
    assert (made.usage.prompt_tokens, made.usage.completion_tokens) == (len(ids), 0)
    logs = own(served_backend, ids)
    found = choice.logprobs
    assert found.token_logprobs[0] is None
    assert found.top_logprobs[0] is None
    assert found.token_logprobs[1:] == pytest.approx([float(logs[k, i]) for k, i in enumerate(ids[1:])], abs=1e-4)
    for k, top in enumerate(found.top_logprobs[1:]):
        assert max(top.values()) == pytest.approx(float(logs[k].max()), abs=1e-4)
    # Each token stands where its text begins; parts of one character have its place.
    assert len(found.tokens) == len(ids)
    assert found.text_offset == sorted(found.text_offset)
    for token, at in zip(found.tokens, found.text_offset, strict=True):
        assert "\ufffd" in token or PROMPT.startswith(token, at)
    assert PROMPT.index("猫") in found.text_offset


def test_the_answer_follows_its_prompt(client):
    ask = {"model": "tiny", "prompt": ["One two", "Three"], "max_tokens": 3, "temperature": 0, "logprobs": 1}
    plain = client.completions.create(**ask)
    echoed = client.completions.create(**ask, echo=True)
    for prompt, without, with_it in zip(ask["prompt"], plain.choices, echoed.choices, strict=True):
        assert with_it.text == prompt + without.text
        count = len(without.logprobs.tokens)
        assert with_it.logprobs.tokens[-count:] == without.logprobs.tokens
        assert with_it.logprobs.token_logprobs[-count:] == pytest.approx(without.logprobs.token_logprobs, abs=1e-4)
        assert with_it.logprobs.text_offset[-count:] == [len(prompt) + at for at in without.logprobs.text_offset]
    assert echoed.usage.total_tokens == plain.usage.total_tokens
    twice = client.completions.create(model="tiny", prompt="One two", echo=True, max_tokens=1, n=2, temperature=0)
    assert [c.text.startswith("One two") for c in twice.choices] == [True, True]
    assert twice.choices[0].logprobs is None


def test_what_echo_does_not_go_with(client):
    import openai

    with pytest.raises(openai.BadRequestError, match="leave stream out"):
        client.completions.create(model="tiny", prompt="x", echo=True, stream=True)
    with pytest.raises(openai.BadRequestError, match="from 1"):
        client.completions.create(model="tiny", prompt="x", max_tokens=0)
    with pytest.raises(openai.BadRequestError, match="go from 0 to"):
        client.completions.create(model="tiny", prompt=[10**6], max_tokens=0, echo=True, logprobs=1)
    with pytest.raises(openai.BadRequestError, match="not supported"):
        client.chat.completions.create(
            model="tiny", messages=[{"role": "user", "content": "x"}], extra_body={"echo": True}
        )


def test_a_model_is_scored_through_its_server_as_in_its_process(served, served_backend):
    """`heedful bench openai:NAME@URL`: the same log-likelihoods through HTTP."""
    from heedful.backends.base import Continuation
    from heedful.backends.by_name import open_backend

    rows = [
        Continuation(f"{context} is", f" {answer}", plain=True)
        for context in ("The sky", "猫 🙂", "A: b\n\nQ")
        for answer in ("blue", "a long answer", "猫")
    ]
    remote = open_backend(f"openai:tiny@{served.url}/v1", scoring=True)()
    assert remote.why_no_log_likelihoods() is None
    through = {found.index: found for found in remote.log_likelihoods(rows)}
    for found in served_backend.log_likelihoods(rows):
        assert through[found.index].error is None
        assert through[found.index].log_likelihood == pytest.approx(found.log_likelihood, abs=1e-4)
        assert math.isfinite(found.log_likelihood)
        assert (through[found.index].tokens, through[found.index].greedy) == (found.tokens, found.greedy)
