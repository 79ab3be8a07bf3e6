"""Weights stored for reading: the same weights, several in one product, adapters heard, answers as `generate`'s."""

from __future__ import annotations

import pytest
import torch
from tests.backends.families import fast_first
from tests.backends.generation.test_engine import STOPS, asked_of_generate, make_model, make_prompts
from transformers import AutoModelForCausalLM

from heedful.backends.base import GenerationSettings
from heedful.backends.generation import Engine, make_generator, shortlist
from heedful.backends.generation import reading as reading_module
from heedful.backends.generation.check import CLOSE, largest_difference
from heedful.backends.generation.compare import answer_all, compare, generate
from heedful.backends.generation.layout import is_laid_out, lay_out_for_reading, side_by_side
from heedful.models.adapters import add_lora


@pytest.fixture(autouse=True)
def _small_heads_too(monkeypatch):
    monkeypatch.setattr(shortlist, "LEAST_BYTES", 0)


def test_they_are_the_same_weights(tiny):
    model = AutoModelForCausalLM.from_pretrained(tiny("qwen3"), dtype=torch.float32)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert not is_laid_out(model)
    moved = lay_out_for_reading(model)
    assert moved == sum(m.weight.numel() * 4 for m in model.modules() if type(m) is torch.nn.Linear)
    assert is_laid_out(model)
    assert lay_out_for_reading(model) == 0, "nothing is moved twice"
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert model.lm_head.weight.stride() == (1, len(model.lm_head.weight))
    assert lay_out_for_reading(model.bfloat16()) == 0


@pytest.mark.parametrize(
    "family", fast_first(["llama", "qwen2", "qwen3", "gemma2", "gemma3", "phi3", "olmo2", "gpt2", "phi"])
)
def test_answers_are_those_of_generate(family, monkeypatch):
    model = make_model(family)
    prompts, wanted = asked_of_generate(family)
    lay_out_for_reading(model)
    made, note = make_generator(model, 0)
    assert isinstance(made, Engine), note
    for size in (1, 4):
        said = answer_all(made, prompts, GenerationSettings(9, batch_size=size), STOPS)
        found = compare(model, prompts, said, wanted)
        assert not found.wrong, found
    products = []
    monkeypatch.setattr(reading_module.functional, "linear", lambda *a, own=torch.nn.functional.linear: (
        products.append(1), own(*a))[1])  # fmt: skip
    answer_all(made, prompts[:1], GenerationSettings(2), STOPS)
    joined = {"phi3": 0, "gpt2": 0, "phi": 1}.get(family, 2)  # of a layer: queries, keys and values; gate and up
    layers = model.config.num_hidden_layers
    assert len(products) >= 2 * layers * joined


def test_the_check_compares_products_of_several_weights(monkeypatch):
    model = make_model("llama")
    lay_out_for_reading(model)
    assert largest_difference(model) <= CLOSE

    monkeypatch.setattr(reading_module, "side_by_side", lambda layers: _turned(side_by_side(layers)))
    assert largest_difference(model) > CLOSE
    mlp = model.model.layers[0].mlp
    assert side_by_side([mlp.up_proj, mlp.gate_proj]) is None, "the other order"


def _turned(both):
    return None if both is None else (both[0].flip(0), both[1])


def test_adapters_and_hooks_are_heard():
    model = make_model("llama")
    lay_out_for_reading(model)
    prompts = make_prompts(22, 3)
    plain = answer_all(Engine(model), prompts, GenerationSettings(12), STOPS)
    gate, up = model.model.layers[0].mlp.gate_proj, model.model.layers[0].mlp.up_proj
    handle = gate.register_forward_hook(lambda module, given, out: out * 3)
    assert side_by_side([gate, up]) is None
    changed = answer_all(Engine(model), prompts, GenerationSettings(12), STOPS)
    assert changed != plain
    assert not compare(model, prompts, changed, [generate(model, [p], 12, STOPS, 0)[0] for p in prompts]).wrong
    handle.remove()
    adapted = add_lora(model, 2, 4, 0.0, "all-linear").eval()
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.copy_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    made, note = make_generator(adapted, 0)
    assert isinstance(made, Engine), note
    wanted = [generate(adapted, [p], 12, STOPS, 0)[0] for p in prompts]
    assert wanted != plain
    assert not compare(adapted, prompts, answer_all(made, prompts, GenerationSettings(12), STOPS), wanted).wrong
