"""Rows that join a running batch, each with its own settings, against the engine's answers to each alone."""

from __future__ import annotations

import random

import pytest
import torch
import transformers as t
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heedful.backends.base import GenerationSettings
from heedful.backends.generation import Engine, Request
from heedful.backends.generation.joining import Joined, OpenBatch

STOPS = {3}
SIZES = {
    "vocab_size": 61, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 512,
    "bos_token_id": None, "eos_token_id": 3, "pad_token_id": 0,
}  # fmt: skip
CONFIGS = {
    "llama": lambda: t.LlamaConfig(**SIZES),
    "gemma3": lambda: t.Gemma3TextConfig(
        **SIZES, sliding_window=6, query_pre_attn_scalar=16, layer_types=["sliding_attention", "full_attention"]
    ),
    "gpt2": lambda: t.GPT2Config(
        vocab_size=61, n_embd=32, n_layer=2, n_head=4, n_positions=512, bos_token_id=None, eos_token_id=3
    ),
}
TASTES = (
    GenerationSettings(),
    GenerationSettings(temperature=0.9, seed=5),
    GenerationSettings(temperature=1.4, top_k=9, seed=6),
    GenerationSettings(repetition_penalty=1.3),
)


@pytest.fixture(scope="module")
def models():
    made = {}

    def make(family):
        if family not in made:
            with torch.random.fork_rng():
                torch.manual_seed(1)
                model = t.AutoModelForCausalLM.from_config(CONFIGS[family](), dtype=torch.float32).eval()
                with torch.no_grad():
                    for parameter in model.parameters():
                        if parameter.ndim > 1:
                            parameter.mul_(8)
            made[family] = model
        return made[family]

    return make


def alone(model, prompt, limit, taste):
    return next(Engine(model).run([Request(0, prompt, limit)], taste, STOPS)).new


def finish(batch, joins):
    """Let rows join at their steps until all are done; `joins`: (step, prompt, limit, taste). Rows in order."""
    rows: list[Joined | None] = [None] * len(joins)
    for step in range(10_000):
        for number, (at, prompt, limit, taste) in enumerate(joins):
            if at == step:
                rows[number] = batch.join(Request(0, prompt, limit), taste)
        batch.step()
        assert batch.cache.slots <= batch.size
        if all(row is not None and row.finish for row in rows):
            return rows
    raise AssertionError("the batch does not end")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), family=st.sampled_from(sorted(CONFIGS)), tight=st.booleans())
def test_each_row_is_answered_as_if_alone(models, seed, family, tight):
    """Whatever joins when, however little room there is, and whatever beginnings are shared."""
    chance, model = random.Random(seed), models(family)
    begin = [chance.randrange(4, 61) for _ in range(chance.choice([0, 0, 12, 90]))]
    joins = [
        (
            chance.randint(0, 12),
            begin + [chance.randrange(4, 61) for _ in range(chance.randint(1, 20))],
            chance.choice([1, 7, 40]),
            chance.choice(TASTES),
        )
        for _ in range(chance.randint(2, 6))
    ]
    batch = OpenBatch(model, STOPS, size=3, budget=60_000 if tight else 1 << 30)
    for row, (_, prompt, limit, taste) in zip(finish(batch, joins), joins, strict=True):
        assert row.new == alone(model, prompt, limit, taste)
        assert row.prompt_tokens == len(prompt)


def test_where_the_room_ends_rows_wait_and_go_on(models):
    model = models("llama")
    prompts = [[5 + k, 9, 11, 4 + k] for k in range(4)]
    batch = OpenBatch(model, set(), size=4, budget=260 * 512)  # 260 places of two layers
    rows = [batch.join(Request(0, prompt, 160), GenerationSettings()) for prompt in prompts]
    side_by_side = []
    while not all(row.finish for row in rows):
        batch.step()
        side_by_side.append(len(batch.active))
    began, later = side_by_side[1], side_by_side[2:]
    assert began == 3
    assert min(later) < began, "none had to wait again, so this shows nothing"
    assert [row.new for row in rows] == [
        next(Engine(model).run([Request(0, p, 160)], GenerationSettings(), set())).new for p in prompts
    ]


def test_the_turns_before_are_not_computed_again(models):
    model = models("llama")
    batch = OpenBatch(model, STOPS, size=2)
    first = [7 + k % 50 for k in range(40)]
    row = batch.join(Request(0, first, 9), GenerationSettings())
    while not row.finish:
        batch.step()
    second = [*first, *row.new, 8, 9, 10]
    again = batch.join(Request(0, second, 5), GenerationSettings())
    batch.step()
    assert again.reused == len(first) + len(row.new) - 1  # the last token said was never computed
    while not again.finish:
        batch.step()
    assert again.new == alone(model, second, 5, GenerationSettings())


def test_the_same_question_several_times_is_read_once(models):
    batch = OpenBatch(models("llama"), STOPS, size=4)
    prompt = [7 + k % 50 for k in range(100)]
    rows = [batch.join(Request(0, prompt, 5), GenerationSettings(temperature=1.0, seed=k)) for k in range(3)]
    while not all(row.finish for row in rows):
        batch.step()
    assert [row.reused for row in rows] == [0, 99, 99]
    assert len({tuple(row.new) for row in rows}) > 1


def test_a_row_that_leaves_frees_its_slot_for_the_next(models):
    batch = OpenBatch(models("llama"), set(), size=1)
    gone = batch.join(Request(0, [5, 6, 7], 400), GenerationSettings())
    next_one = batch.join(Request(0, [8, 9, 10], 4), GenerationSettings())
    never = batch.join(Request(0, [8, 9, 11], 4), GenerationSettings())
    for _ in range(3):
        batch.step()
    assert gone.new
    assert not next_one.new
    batch.leave(gone)
    batch.leave(never)
    while not next_one.finish:
        batch.step()
    assert (
        next_one.new == next(Engine(models("llama")).run([Request(0, [8, 9, 10], 4)], GenerationSettings(), set())).new
    )
    assert not batch.active
    assert not never.new
    assert batch.step() == []


def test_a_long_prompt_does_not_stop_the_others(models):
    batch = OpenBatch(models("llama"), set(), size=2)
    first = batch.join(Request(0, [5, 6, 7], 300), GenerationSettings())
    batch.step()
    long = [7 + k % 50 for k in range(500)]
    second = batch.join(Request(0, long, 2), GenerationSettings())
    steps = [[row for row, _ in batch.step()] for _ in range(2)]
    assert steps == [[first], [first, second]], "500 tokens in two steps, and the first goes on in both"
    assert second.new == alone_without_stops(models("llama"), long, 1)


def alone_without_stops(model, prompt, limit):
    return next(Engine(model).run([Request(0, prompt, limit)], GenerationSettings(), set())).new


def test_log_probabilities_are_the_models_own(models):
    model = models("llama")
    batch = OpenBatch(model, STOPS, size=2)
    prompt = [5, 9, 11, 12]
    taste = GenerationSettings(temperature=1.5, seed=3, top_logprobs=2)
    row = batch.join(Request(0, prompt, 6), taste, scored=True)
    other = batch.join(Request(0, [6, 7], 6), GenerationSettings())
    while not (row.finish and other.finish):
        batch.step()
    with torch.no_grad():
        own = model(input_ids=torch.tensor([row.ids])).logits[0].log_softmax(-1)
    for k, (token, *_) in enumerate(zip(row.new, strict=True)):
        line = own[len(prompt) + k - 1]
        (chosen, value), *top = row.likeliest[k]
        assert chosen == token
        assert value == pytest.approx(float(line[token]), abs=1e-4)
        assert [p for _, p in top] == pytest.approx(line.topk(2).values.tolist(), abs=1e-4)
    assert not any(other.likeliest)
