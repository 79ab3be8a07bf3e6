"""The backend above the engine: pieces of one answer, and the sentence where transformers' `generate` must do."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GPTNeoXConfig

from heedful.backends.base import GenerationSettings
from heedful.backends.transformers import TransformersBackend
from heedful.chat import Chat
from heedful.errors import RequestError
from heedful.records import Message

ASKED = [Message("user", "Say seven and stone in line 9.")]


def backend_of(tiny, config=None, say=lambda _: None):
    folder = tiny("llama")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config or tiny.config("llama", len(tokenizer))).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim > 1:
                    parameter.mul_(6)
    return TransformersBackend("tiny", model, Chat.bind("alpaca", tokenizer), say)


@pytest.mark.parametrize("changes", [{}, {"temperature": 1.0, "seed": 4}])
def test_pieces_of_an_answer_are_the_answer(tiny, changes):
    backend = backend_of(tiny)
    given = GenerationSettings(**({"max_new_tokens": 12} | changes))
    (whole,) = backend.answer([ASKED], given)
    *pieces, last = backend.stream(ASKED, given)
    assert last.answer is not None
    assert "".join(p.text for p in [*pieces, last]) == last.answer.text == whole.text
    assert len(pieces) > 1
    assert all(p.text and p.answer is None for p in pieces)
    assert (last.answer.finish_reason, last.answer.tokens) == (whole.finish_reason, whole.tokens)
    cut = whole.text[3:5]
    *pieces, last = backend.stream(ASKED, GenerationSettings(**({"max_new_tokens": 12, "stop": (cut,)} | changes)))
    assert last.answer is not None
    assert last.answer.finish_reason == "stop"
    assert "".join(p.text for p in [*pieces, last]) == last.answer.text == whole.text[: whole.text.index(cut)]


def test_a_question_without_room_is_one_piece_that_says_so(tiny):
    (piece,) = backend_of(tiny).stream([Message("user", "é" * 600)], GenerationSettings(4))
    assert piece.answer is not None
    assert piece.text == ""
    assert "the model has room for 512" in (piece.answer.error or "")


def test_it_is_said_once_where_the_engine_cannot_be_used(tiny):
    said: list[str] = []
    vocabulary = len(AutoTokenizer.from_pretrained(tiny("llama")))
    config = GPTNeoXConfig(vocab_size=vocabulary, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
                           num_attention_heads=2, max_position_embeddings=256)  # fmt: skip
    backend = backend_of(tiny, config, said.append)
    given = GenerationSettings(6)
    (whole,) = backend.answer([ASKED], given)
    *pieces, last = backend.stream(ASKED, given)
    assert last.answer is not None
    assert "".join(p.text for p in [*pieces, last]) == last.answer.text == whole.text
    assert said == [backend.note]
    assert said[0].startswith("answers by transformers' generate, which is slower (GPTNeoXForCausalLM: ")
    quiet: list[str] = []
    other = backend_of(tiny, say=quiet.append)
    list(other.answer([ASKED], given))
    assert quiet == []
    assert other.note == "answers by the engine, compared with LlamaForCausalLM: equal"


def test_likeliest_tokens_come_as_text(tiny):
    (answer,) = backend_of(tiny).answer([ASKED], GenerationSettings(3, top_logprobs=2))
    assert answer.top_logprobs is not None
    assert len(answer.top_logprobs) == answer.tokens
    assert all(len(place) == 2 and place[0][1] >= place[1][1] for place in answer.top_logprobs)


def test_what_only_a_server_understands_is_refused(tiny):
    with pytest.raises(RequestError, match="'guided' is for a server"):
        next(backend_of(tiny).answer([ASKED], GenerationSettings(server_fields=(("guided", 1),))))
