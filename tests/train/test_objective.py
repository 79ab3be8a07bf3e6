"""The loss against a plain one in float64, by every road on which it is computed."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForCausalLM

from heedful.batches import IGNORE_INDEX
from heedful.models.adapters import add_lora
from heedful.train import objective
from heedful.train.objective import Objective

ARCHITECTURES = ("llama", "gpt2", "qwen3", "gemma3", "gemma2")
APART = ("llama", "gpt2", "qwen3", "gemma3")  # gemma2 caps its logits after the head


def model_of(tiny, architecture, **changes):
    torch.manual_seed(1)
    config = tiny.config(architecture, 60, **changes)
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()


def batch():
    """Three rows: padded on the right, masked at will, and one that trains nothing."""
    made = torch.Generator().manual_seed(2)
    ids = torch.randint(1, 60, (3, 11), generator=made)
    labels = torch.randint(1, 60, (3, 11), generator=made)
    attention = torch.ones_like(ids)
    labels[0, :4] = labels[1, 5:] = labels[2, :] = IGNORE_INDEX
    attention[1, 7:] = 0
    ids[1, 7:] = 0
    return ids, attention, labels


def by_hand(model, ids, attention, labels):
    logits = model(input_ids=ids, attention_mask=attention).logits.double()
    log_p = torch.log_softmax(logits, dim=-1)
    picked = log_p.gather(-1, labels.clamp(min=0)[..., None])[..., 0]
    return -(picked * (labels != IGNORE_INDEX)).sum(-1)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_loss_is_the_plain_one_in_float64(tiny, architecture):
    made = Objective(model_of(tiny, architecture))
    expected = by_hand(made.model, *batch())
    torch.testing.assert_close(made(*batch()).double(), expected, rtol=1e-5, atol=1e-5)
    made.check_head()
    torch.testing.assert_close(made(*batch()).double(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_head_is_taken_apart_where_that_is_the_same(tiny, architecture):
    assert Objective(model_of(tiny, architecture)).check_head() == (architecture in APART)


def test_a_model_that_scales_its_logits_keeps_its_own(tiny):
    made = Objective(model_of(tiny, "llama"))
    forward = made.model.forward

    def scaled(**inputs):
        out = forward(**inputs)
        out.logits = out.logits * 1.01
        return out

    made.model.forward = scaled
    assert not made.check_head()


def test_capped_logits_stay_capped_when_they_have_grown(tiny):
    made = Objective(model_of(tiny, "gemma2"))
    made.check_head()
    with torch.no_grad():
        made.model.get_output_embeddings().weight.mul_(400)
    ids, attention, labels = batch()
    logits = made.model(input_ids=ids, attention_mask=attention).logits
    assert 25 < logits.abs().max() <= 30
    torch.testing.assert_close(
        made(ids, attention, labels).double(), by_hand(made.model, ids, attention, labels), rtol=1e-4, atol=1e-4
    )


def gradients(made):
    made.zero_grad()
    made(*batch()).sum().backward()
    return {n: p.grad.clone() for n, p in made.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("architecture", APART)
def test_chunks_and_whole_logits_give_the_same_value_and_gradient(tiny, architecture, monkeypatch):
    made = Objective(model_of(tiny, architecture))
    whole, whole_gradients = made(*batch()), gradients(made)
    assert made.check_head()
    apart, apart_gradients = made(*batch()), gradients(made)
    monkeypatch.setattr(objective, "LOGITS_AT_ONCE", 60 * 4)  # four positions at once
    chunked, chunked_gradients = made(*batch()), gradients(made)
    for other, its_gradients in ((apart, apart_gradients), (chunked, chunked_gradients)):
        torch.testing.assert_close(other, whole, rtol=1e-5, atol=1e-6)
        assert its_gradients.keys() == whole_gradients.keys()
        for name, value in whole_gradients.items():
            torch.testing.assert_close(its_gradients[name], value, rtol=1e-4, atol=1e-6, msg=name)


def test_with_an_adapter_on_the_head_too(tiny):
    model = add_lora(model_of(tiny, "llama"), 2, 4, 0.0, "q_proj,lm_head")
    made = Objective(model)
    assert made.check_head()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_()
    torch.testing.assert_close(made(*batch()).double(), by_hand(model, *batch()), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("apart", [False, True])
def test_masked_rows_cost_nothing_and_move_nothing(tiny, apart):
    made = Objective(model_of(tiny, "llama"))
    made.head_apart = apart
    ids, attention, labels = batch()
    assert made(ids, attention, labels)[2] == 0
    nothing = torch.full_like(labels, IGNORE_INDEX)
    losses = made(ids, attention, nothing)
    assert losses.tolist() == [0, 0, 0]
    losses.sum().backward()
    assert all(p.grad is None or not p.grad.any() for p in made.parameters())


def test_check_head_leaves_the_mode_as_it_was(tiny):
    made = Objective(model_of(tiny, "llama").train())
    made.check_head()
    assert made.model.training
