"""The engine against the model's own forward and backward pass: losses, gradients, and when it is not taken."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers
from tests.train.test_loop import training_of
from transformers import AutoModelForCausalLM, MistralConfig, MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM

from heedful.batches import collate
from heedful.models.adapters import add_lora
from heedful.records import TokenExample
from heedful.train import loop
from heedful.train.engine import Decoder, attention, blocks, head
from heedful.train.engine import make_engine as engine_of
from heedful.train.engine.check import CLOSE, largest_difference
from heedful.train.engine.layout import make_layout
from heedful.train.engine.own_layers import OwnLayers
from heedful.train.objective import Objective

KNOWN = ("llama", "qwen3", "gemma3", "qwen2", "mistral")
SIZES = {
    "vocab_size": 60, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 512,
}  # fmt: skip


def in_turn(architectures):
    """Each with full fine-tuning and LoRA, rows apart and packed; in the fast tests one of the two in turn."""
    return [
        pytest.param(a, lora, packed, id=f"{a}-{'lora' if lora else 'full'}-{'packed' if packed else 'apart'}",
                     marks=[] if (lora + packed + n) % 2 else pytest.mark.slow)
        for n, a in enumerate(architectures) for lora in (False, True) for packed in (False, True)
    ]  # fmt: skip


def model_of(tiny, architecture, lora=False, dtype=torch.float32):
    """A model none of whose weights is a plain 0 or 1."""
    torch.manual_seed(1)
    if architecture == "qwen2":  # with biases
        model = Qwen2ForCausalLM(Qwen2Config(**SIZES))
    elif architecture == "mistral":  # every layer sees 10 positions
        model = MistralForCausalLM(MistralConfig(**SIZES, sliding_window=10))
    else:
        changes = {"sliding_window": 12} if architecture == "gemma3" else {}
        model = AutoModelForCausalLM.from_config(tiny.config(architecture, 60, **changes))
    model = model.to(dtype)
    if lora:
        model = add_lora(model, 4, 8, 0.0, "all-linear")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name or "bias" in name:
                parameter.add_(0.1 * torch.randn_like(parameter))
            if "lora_B" in name:
                parameter.normal_(0, 0.05)
    return model.train()


def rows(beginning=(5, 6, 7, 8, 9, 10), lengths=(14, 31, 9, 22), asked=4, seed=3):
    made = torch.Generator().manual_seed(seed)
    out = []
    for number, length in enumerate(lengths):
        ids = [*beginning, *torch.randint(1, 60, (length,), generator=made).tolist()]
        masked = len(beginning) + asked
        out.append(TokenExample(str(number), tuple(ids), (False,) * masked + (True,) * (len(ids) - masked)))
    return out


def results(objective, batch, weights=None):
    """The losses of all rows, and the gradients of their (weighted) sum."""
    objective.model.zero_grad()
    losses = objective(
        batch.input_ids, batch.attention_mask, batch.labels, batch.position_ids, batch.row_of, len(batch.rows)
    )
    (losses if weights is None else losses * weights).sum().backward()
    return losses.detach(), {
        n: p.grad.clone() for n, p in objective.model.named_parameters() if p.grad is not None
    }  # fmt: skip


def both(model, batch, precision="fp32", weights=None):
    plain = Objective(model)
    plain.check_head()
    fast = Objective(model)
    note = fast.use_engine(precision)
    assert fast.engine is not None, note
    return results(plain, batch, weights), results(fast, batch, weights)


def assert_same(one, other, tolerance=2e-5):
    (losses, gradients), (other_losses, other_gradients) = one, other
    torch.testing.assert_close(losses, other_losses, rtol=1e-5, atol=1e-5)
    assert gradients.keys() == other_gradients.keys()
    for name, expected in gradients.items():
        # The gradient of OPT's key biases is a sum that cancels out.
        difference = (other_gradients[name] - expected).abs().max() / expected.abs().max().clamp(min=1e-4)
        assert difference < tolerance, f"{name}: {difference:.1e}"


@pytest.mark.parametrize(("architecture", "lora", "packed"), in_turn(KNOWN))
def test_losses_and_gradients_are_the_models_own(tiny, architecture, lora, packed):
    batch = collate(rows(), 0, packed=packed, max_length=64 if packed else None)
    weights = torch.tensor([1.0, 0.25, 2.0, 0.5])
    assert make_layout(batch.input_ids, batch.attention_mask, batch.labels, batch.row_of).prefix == 6
    assert_same(*both(model_of(tiny, architecture, lora), batch, weights=weights))


@pytest.mark.parametrize("architecture", ["llama", "gemma3", "mistral"])
@pytest.mark.parametrize("beginning", [(), (5, 6, 7, 8, 9, 10)], ids=["apart", "shared"])
def test_long_rows_go_in_blocks_and_give_the_same(tiny, architecture, beginning, monkeypatch):
    monkeypatch.setattr(attention, "LONGEST_MULTIPLIED", 3)  # the common beginning in blocks, too
    monkeypatch.setattr(blocks, "QUERIES", 5)
    batch = collate(rows(beginning, asked=9, lengths=(14, 31, 12, 22)), 0)
    assert_same(*both(model_of(tiny, architecture), batch))


def test_a_large_vocabulary_is_computed_in_chunks(tiny, monkeypatch):
    batch = collate(rows(), 0)
    model = model_of(tiny, "gemma3")
    monkeypatch.setattr(head, "AT_ONCE", 60 * 4 * 7)  # seven positions at a time
    assert_same(*both(model, batch))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_kept_gradients_add_up_over_passes_and_begin_anew_when_cleared(tiny, precision):
    """Their memory is the same at every step: what an earlier step left in it may not be felt."""
    model = model_of(tiny, "llama")
    fast = Objective(model)
    assert "equal" in fast.use_engine(precision)
    one, other = collate(rows(seed=3), 0), collate(rows(lengths=(9, 40, 12), seed=4), 0)
    (_, first), (_, second) = results(fast, one), results(fast, other)
    places = {n: p.grad.data_ptr() for n, p in model.named_parameters() if p.ndim == 2}
    _, again = results(fast, one)
    for name, value in first.items():
        assert torch.equal(again[name], value), name
    model.zero_grad()
    for batch in (one, other):
        fast(batch.input_ids, batch.attention_mask, batch.labels).sum().backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, first[name] + second[name], rtol=1e-5, atol=1e-5)
        assert places.get(name, parameter.grad.data_ptr()) == parameter.grad.data_ptr()


def test_a_backward_pass_whose_logits_were_overwritten_is_refused(tiny):
    fast = Objective(model_of(tiny, "llama"))
    fast.use_engine("fp32")
    batch = collate(rows(), 0)
    losses = fast(batch.input_ids, batch.attention_mask, batch.labels)
    fast(batch.input_ids, batch.attention_mask, batch.labels)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        losses.sum().backward()


def test_an_embedding_apart_from_the_head(tiny):
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_config(tiny.config("llama", 60, tie_word_embeddings=False)).train()
    assert model.get_input_embeddings().weight is not model.get_output_embeddings().weight
    assert_same(*both(model, collate(rows(), 0)))


def test_rows_that_train_nothing_give_nothing(tiny):
    some = rows()
    none = [TokenExample(r.id, r.ids, (False,) * len(r.ids)) for r in some]
    model = model_of(tiny, "llama")
    assert_same(*both(model, collate([none[0], *some[1:]], 0)))
    fast = Objective(model)
    fast.use_engine("fp32")
    losses, gradients = results(fast, collate(none, 0))
    assert losses.tolist() == [0.0] * 4
    assert all(float(g.abs().max()) == 0 for g in gradients.values())


@pytest.mark.parametrize("lora", [False, True], ids=["full", "lora"])
@pytest.mark.parametrize("architecture", ["llama", "gemma3"])
def test_bf16_is_as_near_to_fp32_as_the_models_own(tiny, architecture, lora):
    batch = collate(rows(), 0)
    exact, _ = both(model_of(tiny, architecture, lora), batch)

    def distance(found):
        return (
            sum((g - exact[1][n]).square().sum() for n, g in found[1].items())
            / sum(g.square().sum() for g in exact[1].values())
        ).sqrt()

    model = model_of(tiny, architecture, lora)
    plain, fast = Objective(model), Objective(model)
    plain.check_head()
    fast.use_engine("bf16")
    assert fast.engine is not None
    with torch.autocast("cpu", torch.bfloat16):
        own, engines = distance(results(plain, batch)), distance(results(fast, batch))
    # Here 0.003 to 0.022, at most 1.1 times the model's own; how bf16 is rounded differs between processors.
    assert 0 < engines < max(0.03, 1.5 * float(own)), f"engine {engines:.4f}, model {own:.4f}"


def own_model(architecture, lora=False):
    """A model whose layers the engine does not know, without dropout."""
    torch.manual_seed(1)
    config: Any = {
        "gpt2": lambda: transformers.GPT2Config(
            vocab_size=60, n_embd=32, n_layer=2, n_head=4, n_positions=512, attn_pdrop=0, embd_pdrop=0, resid_pdrop=0
        ),
        "gpt-neox": lambda: transformers.GPTNeoXConfig(**(SIZES | {"num_key_value_heads": None}), hidden_dropout=0),
        "opt": lambda: transformers.OPTConfig(
            vocab_size=60, hidden_size=32, ffn_dim=48, num_hidden_layers=2, num_attention_heads=4, dropout=0,
            word_embed_proj_dim=32, max_position_embeddings=512,
        ),
        "phi3": lambda: transformers.Phi3Config(**SIZES, pad_token_id=0, sliding_window=10),
        "olmo2": lambda: transformers.Olmo2Config(**SIZES),
        "smollm3": lambda: transformers.SmolLM3Config(**(SIZES | {"num_hidden_layers": 4}), pad_token_id=0),
    }[architecture]()  # fmt: skip
    model = AutoModelForCausalLM.from_config(config)
    if lora:
        model = add_lora(model, 4, 8, 0.0, "all-linear")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name or "ln_" in name or "bias" in name:
                parameter.add_(0.1 * torch.randn_like(parameter))
            if "lora_B" in name:
                parameter.normal_(0, 0.05)
    return model.train()


OTHERS = ("gpt2", "gpt-neox", "opt", "phi3", "olmo2", "smollm3")


@pytest.mark.parametrize(("architecture", "lora", "packed"), in_turn(OTHERS))
def test_models_of_other_layers_keep_those_and_get_the_attention(architecture, lora, packed):
    model, weights = own_model(architecture, lora), torch.tensor([1.0, 0.25, 2.0, 0.5])
    before = model.config._attn_implementation
    plain, fast = Objective(model), Objective(model)
    plain.check_head()
    note = fast.use_engine("fp32")
    assert isinstance(fast.engine, OwnLayers), note
    apart = collate(rows(), 0)  # OPT's own pass lets packed rows see one another
    batch = collate(rows(), 0, packed=True, max_length=64) if packed else apart
    assert_same(results(plain, apart, weights), results(fast, batch, weights))
    assert model.config._attn_implementation == before  # evaluation and generation keep the model's own


def test_a_layer_without_rotation_among_others_is_not_taken_for_one_of_them():
    """Every fourth layer of SmolLM3 rotates nothing; all are of one class."""
    kinds = [type(e) for e in (engine_of(own_model("smollm3"), d)[0] for d in (torch.float32, torch.bfloat16))]
    assert kinds == [OwnLayers, OwnLayers]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_a_model_does_to_its_logits_is_found_out(dtype):
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_config(transformers.GraniteConfig(**SIZES, logits_scaling=8.0)).to(dtype)
    assert engine_of(model, dtype)[0] is None


def test_what_looks_at_its_neighbours_is_found_out():
    """A convolution over positions, say, would read from one row into the next."""
    for architecture in ("gpt2", "gpt2 with dropout set", "phi3"):
        model = own_model(architecture.split()[0])
        if "dropout" in architecture:  # rows then share no beginning, and only their first places are wrong
            model.config.resid_pdrop = 0.1
        layer = (model.transformer.h if "gpt2" in architecture else model.model.layers)[0].mlp
        layer.register_forward_hook(lambda module, given, out: out + 0.1 * out.roll(1, dims=1))
        engine, note = engine_of(model, torch.float32)
        assert engine is None
        assert "differs" in note


@pytest.mark.parametrize("architecture", ["gemma2", "bloom"])
def test_capped_scores_and_positions_by_distance_keep_the_models_own_pass(tiny, architecture):
    if architecture == "bloom":
        config = transformers.BloomConfig(vocab_size=60, hidden_size=32, n_layer=2, n_head=4)
        model = AutoModelForCausalLM.from_config(config)
    else:
        model = model_of(tiny, architecture)
    made = Objective(model)
    note = made.use_engine("fp32")
    assert made.engine is None
    assert type(made.model).__name__ in note


@pytest.mark.slow
def test_dropout_of_attention_falls_on_every_weight_and_rows_share_no_noise():
    torch.manual_seed(1)
    shape = {"vocab_size": 60, "n_embd": 32, "n_layer": 1, "n_head": 2, "n_positions": 64}
    model = AutoModelForCausalLM.from_config(transformers.GPT2Config(**shape, resid_pdrop=0, embd_pdrop=0)).train()
    fast = Objective(model)
    fast.use_engine("fp32")
    assert fast.engine is not None
    assert not fast.engine.share
    batch = collate(rows(), 0)

    def losses():
        with torch.no_grad():
            return fast(batch.input_ids, batch.attention_mask, batch.labels)

    drawn = torch.stack([losses() for _ in range(250)])
    model.eval()
    quiet = losses()
    assert (drawn.std(0) > 0).all()
    # Dropout of weights (Srivastava et al. 2014) keeps their mean, so to first order that of the losses.
    assert ((drawn.mean(0) - quiet).abs() < 0.02 * quiet).all()
    model.train()
    plain = Objective(model)
    plain.check_head()
    with torch.no_grad():
        own = torch.stack([plain(batch.input_ids, batch.attention_mask, batch.labels) for _ in range(250)])
    assert ((drawn.std(0) / own.std(0)).log().abs() < 0.25).all()  # as much noise as the model's own


def test_a_layer_that_computes_otherwise_is_found_out(tiny):
    model = model_of(tiny, "llama")
    kept = type(model.model.layers[0].mlp).forward
    type(model.model.layers[0].mlp).forward = lambda self, x: 1.01 * kept(self, x)
    try:
        found = largest_difference(model, Decoder)
        engine = engine_of(model, torch.float32)[0]
    finally:
        type(model.model.layers[0].mlp).forward = kept
    assert found > CLOSE
    assert isinstance(engine, OwnLayers)


def test_an_embedding_that_scales_is_found_out(tiny):
    model = model_of(tiny, "llama")
    model.get_input_embeddings().register_forward_hook(lambda module, given, out: out * 1.1)
    assert largest_difference(model, Decoder) > CLOSE
    assert isinstance(engine_of(model, torch.float32)[0], OwnLayers)


def test_lora_dropout_keeps_the_models_own_layers(tiny):
    engine = engine_of(add_lora(model_of(tiny, "llama"), 4, 8, 0.1, "all-linear"), torch.float32)[0]
    assert isinstance(engine, OwnLayers)
    assert not engine.share


def test_dropout_without_a_module_for_it_is_seen():
    sizes = {"hidden_size": 32, "word_embed_proj_dim": 32, "ffn_dim": 48, "num_hidden_layers": 1}
    config = transformers.OPTConfig(vocab_size=60, num_attention_heads=4, dropout=0.1, attention_dropout=0.0, **sizes)
    engine = engine_of(AutoModelForCausalLM.from_config(config), torch.float32)[0]
    assert isinstance(engine, OwnLayers)
    assert not engine.share


def test_the_comparison_leaves_the_model_as_it_was(tiny):
    model = model_of(tiny, "gemma3", lora=True)
    state = {n: p.clone() for n, p in model.state_dict().items()}
    gradients = {n: torch.randn_like(p) for n, p in model.named_parameters() if p.requires_grad}
    for name, parameter in model.named_parameters():
        parameter.grad = gradients.get(name)
    layers, windows = model.config.num_hidden_layers, model.config.sliding_window
    engine_of(model, torch.float32)
    assert all(torch.equal(p, state[n]) for n, p in model.state_dict().items())
    assert all(p.grad is gradients.get(n) for n, p in model.named_parameters())
    assert (model.config.num_hidden_layers, model.config.sliding_window) == (layers, windows)
    assert model.training


def test_weights_that_an_optimiser_changed_are_read_again(tiny):
    """The fused AdamW leaves a tensor's version as it is; a copy kept by version would be of the old weights."""
    model = model_of(tiny, "llama")
    fast, batch = Objective(model), collate(rows(), 0)
    fast.use_engine("bf16")
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.05, fused=True)
    for _ in range(3):
        results(fast, batch)
        optimizer.step()
        with torch.no_grad():
            seen = fast(batch.input_ids, batch.attention_mask, batch.labels)
    fresh = Objective(model)
    fresh.use_engine("bf16")
    torch.testing.assert_close(results(fresh, batch)[0], seen, rtol=0, atol=0)
    torch.testing.assert_close(results(fast, batch)[0], seen, rtol=0, atol=0)


def test_a_run_with_the_engine_is_a_run_without(tiny, tmp_path):
    ends = {}
    for engine in ("auto", "plain"):
        t = training_of(tiny, tmp_path / engine, engine=engine)
        assert t.run.read_manifest()["engine"].startswith("fast" if engine == "auto" else "plain")
        loop.fit(t)
        ends[engine] = [e.loss for e in t.progress.evaluations]
    assert ends["auto"] == pytest.approx(ends["plain"], rel=1e-4)


def test_layout_by_hand():
    batch = collate(
        [
            TokenExample("a", (1, 2, 3, 4, 5, 6), (False,) * 4 + (True,) * 2),
            TokenExample("b", (1, 2, 3, 4, 7, 8, 9), (False,) * 5 + (True,) * 2),
        ],
        0,
    )
    made = make_layout(batch.input_ids, batch.attention_mask, batch.labels, None)
    assert made.prefix == 0  # the label at the fourth place leaves three tokens, which is too few
    assert make_layout(batch.input_ids, batch.attention_mask, batch.labels, None, share=False).prefix == 0
    longer = collate(
        [
            TokenExample("a", (1, 2, 3, 4, 5, 6), (False,) * 5 + (True,)),
            TokenExample("b", (1, 2, 3, 4, 7, 8, 9), (False,) * 5 + (True,) * 2),
        ],
        0,
    )
    made = make_layout(longer.input_ids, longer.attention_mask, longer.labels, None)
    assert (made.prefix, made.rows, made.longest) == (4, 2, 2)
    assert made.ids.tolist() == [1, 2, 3, 4, 5, 7, 8]
    assert made.positions.tolist() == [0, 1, 2, 3, 4, 4, 5]
    assert made.padded.tolist() == [4, 4, 5, 6]
    assert made.unpadded.tolist() == [0, 2, 3]
    assert made.wanted.tolist() == [4, 5, 6]
