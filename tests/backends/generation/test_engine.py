"""The engine against transformers' `generate`, for tiny random models of each family, whatever the batch and order."""

from __future__ import annotations

import functools
import random

import pytest
import torch
import transformers as t
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.backends.families import CONFIGS, VOCABULARY, fast_first, make_model

from heedful.backends.base import GenerationSettings
from heedful.backends.generation import Engine, PlainGenerate, Request, guessing, make_generator
from heedful.backends.generation import engine as engine_module
from heedful.backends.generation import forward as forward_module
from heedful.backends.generation import reading as reading_module
from heedful.backends.generation.cache import Cache
from heedful.backends.generation.check import CLOSE, largest_difference
from heedful.backends.generation.compare import Comparison, Difference, answer_all, compare, generate
from heedful.models.adapters import add_lora

STOPS = {3}


@pytest.fixture(scope="module")
def models():
    made = {}
    return lambda family: made.setdefault(family, make_model(family))


def make_prompts(seed: int, count: int, prefix: int = 0, longest: int = 20) -> list[list[int]]:
    chance = random.Random(seed)
    begin = [chance.randrange(4, VOCABULARY) for _ in range(prefix)]
    return [begin + [chance.randrange(4, VOCABULARY) for _ in range(chance.randint(1, longest))] for _ in range(count)]


def says(model, prompts, **changes):
    given_settings = GenerationSettings(**({"max_new_tokens": 12, "batch_size": 3} | changes))
    return answer_all(Engine(model), prompts, given_settings, STOPS)


@functools.cache
def asked_of_generate(family: str) -> tuple[list[list[int]], list[list[int]]]:
    """Prompts longer than every window, and what `generate` answers to each alone; of these tests and of layouts."""
    model, prompts = make_model(family), make_prompts(1, 6, prefix=5)
    return prompts, [generate(model, [p], 9, STOPS, 0)[0] for p in prompts]


@pytest.mark.parametrize("family", fast_first(CONFIGS))
def test_the_engine_is_used_and_its_answers_are_those_of_generate(models, family):
    model = models(family)
    made, note = make_generator(model, 0)
    assert isinstance(made, Engine), note
    prompts, wanted = asked_of_generate(family)
    assert len({tuple(w) for w in wanted}) > 3, "the prompts make no difference, so this shows nothing"
    for size in (2, 6):  # alone is `test_neither_batch_size_nor_order_nor_company_changes_an_answer`
        found = compare(model, prompts, says(model, prompts, max_new_tokens=9, batch_size=size), wanted)
        assert not found.wrong, found


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_neither_batch_size_nor_order_nor_company_changes_an_answer(models, data):
    model = models(data.draw(st.sampled_from(["llama", "gemma3", "gpt2", "phi"])))
    prompts = make_prompts(data.draw(st.integers(0, 50)), 6, data.draw(st.sampled_from([0, 3, 9])))
    hot = data.draw(st.sampled_from([0.0, 0.8]))
    alone = [says(model, [p], temperature=hot)[0] for p in prompts]
    order = data.draw(st.permutations(range(6)))[: data.draw(st.integers(1, 6))]
    together = says(model, [prompts[i] for i in order], temperature=hot, batch_size=data.draw(st.integers(1, 6)))
    found = compare(model, [prompts[i] for i in order], together, [alone[i] for i in order])
    assert not found.wrong if hot == 0 else not found.differences, found


def test_rows_that_end_make_room_for_those_that_wait(models, monkeypatch):
    """Fewer steps than batches that last as long as their slowest row would take, and nothing is lost."""
    model, steps = models("llama"), []
    whole = engine_module._Batch._step
    monkeypatch.setattr(engine_module._Batch, "_step", lambda self: steps.append(len(self.active)) or whole(self))
    prompts = make_prompts(2, 8)
    limits = [2, 16] * 4
    rows = list(Engine(model).run(
        [Request(i, p, n) for i, (p, n) in enumerate(zip(prompts, limits, strict=True))],
        GenerationSettings(batch_size=2), set(),
    ))  # fmt: skip
    assert sorted(len(r.new) for r in rows) == sorted(limits)
    assert {r.finish for r in rows} == {"length"}
    assert len(steps) <= 4 * 16 / 2 + 4 * 2 / 2 + 4, "batches by order would take 4 * 16"
    assert all(r.seconds > 0 for r in rows)


def test_guesses_change_no_answer_and_save_steps(models, monkeypatch):
    model = models("llama")
    prompts = [[9, 8, 7, 6] * 4 + p for p in make_prompts(3, 4)]
    monkeypatch.setattr(engine_module, "MOST", 0)
    plain = {hot: says(model, prompts, max_new_tokens=40, temperature=hot) for hot in (0.0, 0.5)}
    monkeypatch.setattr(engine_module, "MOST", 9)
    monkeypatch.setattr(guessing, "step_cost", lambda tokens: 1.0)
    steps = []
    whole = engine_module._Batch._step
    monkeypatch.setattr(engine_module._Batch, "_step", lambda self: steps.append(1) or whole(self))
    for hot, wanted in plain.items():
        found = compare(model, prompts, says(model, prompts, max_new_tokens=40, temperature=hot), wanted)
        assert not found.differences if hot else not found.wrong, found
    steps.clear()
    looping = next(p for p, a in zip(prompts, plain[0.0], strict=True) if len(a) == 40)
    assert says(model, [looping], max_new_tokens=40)[0] == plain[0.0][prompts.index(looping)]
    assert len(steps) < 40


def test_guesses_are_what_stood_there_before_and_are_trusted_as_far_as_they_come_true():
    ids = [1, 2, 3, 4, 5, 6, 1, 2, 3]
    guesses = guessing.Guesses(ids)
    assert guesses.next(16, 1)[:3] == [4, 5, 6]
    assert guesses.next(1, 1) == [], "one guess saves less than it costs"
    assert guesses.next(0, 1) == []
    ids += [4, 5, 6, 1]
    guesses.next(3, 1)
    assert guesses.trust > 0.7
    for token in (9, 9, 9, 9, 9, 1, 2, 3, 8, 1, 2, 3, 7, 1, 2, 3, 5, 1, 2, 3, 6):
        ids.append(token)
        guesses.next(3, 1)
    assert guesses.trust < 0.6
    looping = guessing.Guesses([7, 8, 7, 8, 7, 8])
    assert looping.next(9, 1)[:5] == [7, 8, 7, 8, 7]
    assert guessing.Guesses([1, 2, 3]).next(5, 1) == []


def test_more_guesses_are_worth_it_where_they_are_right_and_rows_are_few():
    assert guessing.worthwhile(0.3, 1, 16) == 0
    assert guessing.worthwhile(1.0, 1, 16) == 16
    assert guessing.worthwhile(0.7, 64, 16) < guessing.worthwhile(0.7, 4, 16) < guessing.worthwhile(0.9, 4, 16)


def test_long_prompts_come_in_pieces(models, monkeypatch):
    model, prompts = models("gemma3"), make_prompts(4, 5, prefix=12, longest=40)
    wanted = says(model, prompts)
    monkeypatch.setattr(engine_module, "PROMPT_TOKENS", 7)
    assert not compare(model, prompts, says(model, prompts), wanted).wrong


def test_a_small_cache_only_makes_fewer_rows_run_side_by_side(models):
    model, prompts = models("qwen3"), make_prompts(5, 5)
    engine = Engine(model, budget=1)
    assert answer_all(engine, prompts, GenerationSettings(12), STOPS) == says(model, prompts, batch_size=1)


def test_rows_of_very_unlike_length_do_not_share_a_cache(models, monkeypatch):
    places = []
    made = engine_module.Cache
    monkeypatch.setattr(engine_module, "Cache", lambda *a: places.append(a[3]) or made(*a))
    prompts = [[5] * 100, [6] * 90, [7] * 4, [8] * 3]
    says(models("llama"), prompts)
    assert places == [112, 16]


def test_one_answer_token_by_token(models):
    model, (prompt,) = models("llama"), make_prompts(6, 1)
    for hot in (0.0, 1.0):
        given_settings = GenerationSettings(12, temperature=hot)
        wanted = says(model, [prompt], temperature=hot)[0]
        for made in (Engine(model), PlainGenerate(model, 0)):
            came = list(made.stream(Request(0, prompt, 12), given_settings, STOPS))
            assert [token for _, token in came] == wanted
            assert came[-1][0].finish
    early = Engine(model).stream(Request(0, prompt, 12), GenerationSettings(12), STOPS)
    next(early)
    early.close()
    plain = PlainGenerate(model, 0).stream(Request(0, prompt, 12), GenerationSettings(12), set())
    next(plain)
    plain.close()  # the thread ends with it


@pytest.mark.parametrize("changes", [
    {"temperature": 1.5, "seed": 3}, {"temperature": 1.0, "top_k": 4}, {"repetition_penalty": 1.4},
    {"temperature": 1.2, "top_p": 0.6, "min_p": 0.05, "repetition_penalty": 1.2},
], ids=str)  # fmt: skip
def test_settings_mean_the_same_in_both_ways_of_answering(models, changes):
    model, prompts = models("llama"), make_prompts(7, 5)
    given_settings = GenerationSettings(**({"max_new_tokens": 10, "batch_size": 2} | changes))
    assert answer_all(PlainGenerate(model, 0), prompts, given_settings, STOPS) == says(
        model, prompts, max_new_tokens=10, **changes
    )
    if "repetition_penalty" in changes and "temperature" not in changes:
        ids = torch.tensor([prompts[0]])
        own = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=10, do_sample=False,
                             repetition_penalty=1.4, eos_token_id=3, pad_token_id=0)  # fmt: skip
        assert says(model, prompts[:1], max_new_tokens=10, **changes)[0] == own[0, len(prompts[0]) :].tolist()


def test_what_a_model_brings_in_its_generation_config_changes_nothing(models):
    model, prompts = make_model("llama"), make_prompts(8, 2)
    wanted = says(model, prompts)
    model.generation_config.repetition_penalty = 5.0
    model.generation_config.no_repeat_ngram_size = 1
    for made in (Engine(model), PlainGenerate(model, 0)):
        assert answer_all(made, prompts, GenerationSettings(12), STOPS) == wanted
    assert model.generation_config.repetition_penalty == 5.0


def test_log_probabilities_are_those_of_the_models_own_logits(models):
    model, (prompt,) = models("qwen3"), make_prompts(9, 1)
    given_settings = GenerationSettings(6, temperature=1.0, top_logprobs=3)
    for made in (Engine(model), PlainGenerate(model, 0)):
        (row,) = made.run([Request(0, prompt, 6)], given_settings, STOPS)
        with torch.no_grad():
            logits = model(torch.tensor([row.ids])).logits[0, len(prompt) - 1 : -1]
        best = logits.log_softmax(-1).topk(3)
        assert [[i for i, _ in place] for place in row.likeliest] == best.indices.tolist()
        found = torch.tensor([[value for _, value in place] for place in row.likeliest])
        torch.testing.assert_close(found, best.values, atol=1e-4, rtol=0)


def test_a_model_whose_logits_the_engine_cannot_make_keeps_its_own_generate(models):
    class Doubled(t.LlamaForCausalLM):
        def forward(self, *args, **more):
            out = super().forward(*args, **more)
            out.logits = out.logits * 2 + torch.arange(out.logits.shape[-1]) * 0.01
            return out

    model = Doubled(CONFIGS["llama"]())
    made, note = make_generator(model, 0)
    assert isinstance(made, PlainGenerate)
    assert "transformers' generate, which is slower (Doubled: its logits would differ by" in note
    prompts = make_prompts(10, 3)
    wanted = [generate(model, [p], 8, STOPS, 0)[0] for p in prompts]
    assert answer_all(made, prompts, GenerationSettings(8, batch_size=2), STOPS) == wanted


FAULTS = {
    "a window too wide": ("mistral", reading_module, "windows_of", lambda own: lambda config, layers: [5] * layers),
    "turned the other way": ("llama", forward_module, "rotate", lambda own: lambda x, c, s, n: own(x, c, -s, n)),
    "scores 1% too large": (
        "llama", forward_module, "_attend",
        lambda own: lambda q, k, v, mask, block: own(q * 1.01, k, v, mask, block)),
    "no common beginning": ("llama", Cache, "share", lambda own: lambda self, prefix: None),
    "a place too far": ("gpt2", Cache, "at", lambda own: lambda self, slots, at: own(self, slots, (at + 1) % 12)),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_the_check_feels_small_faults(fault, monkeypatch):
    family, where, name, wrong = FAULTS[fault]
    model = make_model(family)
    assert largest_difference(model) <= CLOSE
    monkeypatch.setattr(where, name, wrong(getattr(where, name)))
    assert largest_difference(model) > CLOSE
    assert isinstance(make_generator(model, 0)[0], PlainGenerate)


def test_other_architectures_keep_their_own_generate():
    config = t.GPTNeoXConfig(vocab_size=61, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
                             num_attention_heads=2, max_position_embeddings=64)  # fmt: skip
    model = t.AutoModelForCausalLM.from_config(config).eval()
    made, note = make_generator(model, 0)
    assert isinstance(made, PlainGenerate)
    assert "GPTNeoX" in note
    prompts = make_prompts(11, 3, longest=8)
    wanted = [generate(model, [p], 6, STOPS, 0)[0] for p in prompts]
    assert not compare(model, prompts, answer_all(made, prompts, GenerationSettings(6), STOPS), wanted).wrong


def test_a_model_in_training_answers_as_it_is_at_the_moment(models):
    """With adapters, whose weights change between two answers, and without a gradient being lost."""
    model = add_lora(make_model("llama"), 2, 4, 0.3, "all-linear").train()
    prompts = make_prompts(12, 3)
    model(torch.tensor([prompts[0]])).logits.sum().backward()
    kept = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    made, note = make_generator(model, 0)
    assert isinstance(made, Engine), note
    answers = []
    for _ in range(2):
        model.eval()
        answers.append(answer_all(made, prompts, GenerationSettings(12), STOPS))
        wanted = [generate(model, [p], 12, STOPS, 0)[0] for p in prompts]
        assert not compare(model, prompts, answers[-1], wanted).wrong
        model.train()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "lora_B" in name:
                    parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    assert answers[0] != answers[1]
    assert all(torch.equal(p.grad, kept[n]) for n, p in model.named_parameters() if p.grad is not None)
    model(torch.tensor([prompts[0]])).logits.sum().backward()  # training goes on


def test_bf16_is_answered_with(models):
    model = make_model("gemma3").bfloat16()
    assert len(answer_all(Engine(model), make_prompts(13, 3), GenerationSettings(5), set())[0]) == 5


def test_differences_are_counted_and_told_apart():
    found = Comparison(4, (Difference(0, 2, 5e-5), Difference(3, 0, 0.2)))
    assert found.wrong == (Difference(3, 0, 0.2),)
    assert str(found) == "4 rows: 2 equal, 1 part where the two best logits are within 0.0001, 1 wrong"


def test_a_wrong_token_is_found_where_it_stands(models):
    model, prompts = models("llama"), make_prompts(14, 2)
    right = says(model, prompts)
    wrong = [right[0], [*right[1][:2], (right[1][2] + 1) % VOCABULARY, *right[1][3:]]]
    (difference,) = compare(model, prompts, wrong, right).differences
    assert (difference.row, difference.place) == (1, 2)
    assert not difference.allowed
