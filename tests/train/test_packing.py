"""Packed and unpacked rows: the same losses, the same gradients, the same run; and what cannot be packed is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as t
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from heedful.batches import collate
from heedful.errors import RequestError
from heedful.models.adapters import add_lora
from heedful.models.quiet import quiet_transformers
from heedful.records import TokenExample
from heedful.store import RunFolder, read_jsonl
from heedful.train import loop
from heedful.train.objective import Objective
from heedful.train.recipe import make_recipe
from heedful.workflow import resume_run, start_run

F, T = False, True
ARCHITECTURES = ("llama", "qwen3", "gemma3", "gemma2", "gpt2", "phi")
SMALL: dict[str, Any] = {"vocab_size": 60, "hidden_size": 32, "num_hidden_layers": 2, "pad_token_id": None}


def model_of(tiny: Any, architecture: str, attention: str = "sdpa") -> Any:
    torch.manual_seed(1)
    if architecture == "phi":
        heads: dict[str, Any] = {"num_attention_heads": 2, "intermediate_size": 64, "max_position_embeddings": 64}
        config = t.PhiConfig(**SMALL, **heads, bos_token_id=None, eos_token_id=0)
    elif architecture in ("gemma3", "gemma2"):  # a window shorter than a row, and far shorter than a sequence
        config = tiny.config(architecture, 60, sliding_window=4)
        attention = "eager" if architecture == "gemma2" else attention  # it caps its scores, which sdpa cannot
    else:
        config = tiny.config(architecture, 60)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation=attention)
    with torch.no_grad():  # sharp attention and large logits, so that a leak would show
        for parameter in model.parameters():
            parameter.mul_(3)
    return model.eval()


def rows() -> list[TokenExample]:
    """Rows of many lengths: several trained runs, one wholly masked, one of a single position, one of nothing."""
    made = torch.Generator().manual_seed(2)
    out = []
    for k, n in enumerate((12, 2, 7, 19, 1, 5, 9)):
        ids = torch.randint(1, 60, (n,), generator=made).tolist()
        mask = [F, *(bool(v) for v in torch.rand(n - 1, generator=made) < 0.6)]
        out.append(TokenExample(f"r{k}", tuple(ids), tuple(mask) if k != 2 else (F,) * n))
    return out


def losses_and_gradients(made: Objective, **options: Any) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    batch = collate(rows(), 0, **options)
    made.zero_grad()
    losses = made(
        batch.input_ids, batch.attention_mask, batch.labels, batch.position_ids, batch.row_of, len(batch.rows)
    )
    (losses * torch.arange(1, 8)).sum().backward()  # each row weighs otherwise: a gradient in a wrong row would show
    return losses.detach(), {n: p.grad.clone() for n, p in made.named_parameters() if p.grad is not None}


def same(made: Objective, **options: Any) -> None:
    apart, gradients = losses_and_gradients(made)
    packed, packed_gradients = losses_and_gradients(made, packed=True, **options)
    assert apart[[2, 4]].tolist() == packed[[2, 4]].tolist() == [0, 0]
    torch.testing.assert_close(packed, apart, rtol=1e-5, atol=1e-5)
    assert packed_gradients.keys() == gradients.keys()
    for name, value in gradients.items():
        scale = float(value.abs().max())
        torch.testing.assert_close(packed_gradients[name], value, rtol=1e-4, atol=1e-5 * max(scale, 1), msg=name)


@pytest.mark.parametrize("attention", ["sdpa", pytest.param("eager", marks=pytest.mark.slow)])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_packed_rows_have_the_losses_and_gradients_of_rows_apart(tiny, architecture, attention):
    made = Objective(model_of(tiny, architecture, attention))
    made.need_packing()
    same(made)  # all in one sequence of 48 positions
    made.check_head()
    for limit in (18, 25, 40):
        same(made, max_length=limit)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_with_lora_and_checkpointed_activations(tiny, architecture):
    targets = "c_attn" if architecture == "gpt2" else "all-linear"
    model = add_lora(model_of(tiny, architecture), 2, 4, 0.0, targets)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.1)
    made = Objective(model)
    made.check_head()
    made.need_packing()
    same(made, max_length=25)
    with quiet_transformers():
        model.get_base_model().gradient_checkpointing_enable({"use_reentrant": False})
    model.get_base_model().enable_input_require_grads()
    same(made.train(), max_length=25)


def test_the_attention_of_a_packed_sequence_is_block_by_block(tiny):
    """The weights themselves, layer by layer: 0 outside of a row and of the window, else what they are in the row."""
    model = model_of(tiny, "gemma3", "eager")
    two = [TokenExample("a", tuple(range(1, 7)), (T,) * 6), TokenExample("b", tuple(range(9, 13)), (T,) * 4)]
    batch = collate(two, 0, pad_to=10, packed=True)
    seen = model(
        input_ids=batch.input_ids,
        attention_mask=None,
        position_ids=batch.position_ids,
        output_attentions=True,
        use_cache=False,
    ).attentions
    assert model.config.layer_types[0] == "sliding_attention"
    allowed = torch.zeros(10, 10, dtype=torch.bool)
    for start, end in ((0, 5), (5, 8), (8, 10)):  # the rows and the padding
        allowed[start:end, start:end] = torch.ones(end - start, end - start).tril().bool()
    distance = torch.arange(10)[:, None] - torch.arange(10)[None]
    for kind, weights in zip(model.config.layer_types, seen, strict=True):
        expected = allowed & (distance < 4) if kind == "sliding_attention" else allowed
        assert ((weights[0] > 0) == expected).all(), kind
    plain = collate(two[1:], 0)
    alone = model(input_ids=plain.input_ids, output_attentions=True, use_cache=False).attentions
    torch.testing.assert_close(seen[0][0, :, 5:8, 5:8], alone[0][0], rtol=1e-5, atol=1e-6)


def recurrent(name: str) -> Any:
    torch.manual_seed(0)
    if name == "mamba":
        return t.MambaForCausalLM(t.MambaConfig(**SMALL, state_size=4))
    if name == "recurrent_gemma":
        heads: dict[str, Any] = {
            "num_attention_heads": 2,
            "lru_width": 32,
            "intermediate_size": 64,
            "attention_window_size": 32,
        }
        return t.RecurrentGemmaForCausalLM(t.RecurrentGemmaConfig(**SMALL, **heads))
    if name == "bloom":  # counts positions for itself
        return t.BloomForCausalLM(t.BloomConfig(vocab_size=60, hidden_size=32, n_layer=2, n_head=2, pad_token_id=None))
    heads: dict[str, Any] = {"num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 64}
    return t.Lfm2ForCausalLM(t.Lfm2Config(**SMALL, **heads, layer_types=["conv", "full_attention"]))


@pytest.mark.parametrize("name", ["mamba", "recurrent_gemma", "lfm2", "bloom"])
@pytest.mark.filterwarnings("ignore")
def test_what_carries_a_state_over_or_counts_for_itself_is_refused(name):
    made = Objective(recurrent(name).train())
    with pytest.raises(RequestError, match=r"^packing is not exact for this architecture \(\w+\); set packing: false$"):
        made.need_packing()
    assert made.model.training


def test_a_model_that_does_not_begin_positions_anew_is_refused(tiny):
    model = model_of(tiny, "gpt2")
    forward = model.transformer.forward

    def counting_on(position_ids: Any = None, **inputs: Any) -> Any:
        ids = inputs["input_ids"]
        if position_ids is None:
            return forward(**inputs)
        real = torch.nn.functional.embedding
        table = model.transformer.wpe.weight
        shift = torch.arange(ids.shape[1])[None].expand_as(ids)
        embeds = real(ids, model.transformer.wte.weight) + table[shift] - table[position_ids]
        return forward(position_ids=position_ids, inputs_embeds=embeds, use_cache=False)

    model.transformer.forward = counting_on
    with pytest.raises(RequestError, match="packing is not exact"):
        Objective(model).need_packing()


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_half_precision_is_not_refused_for_its_rounding(tiny, architecture):
    Objective(model_of(tiny, architecture).bfloat16()).need_packing()


# ---- whole runs -------------------------------------------------------------------------------------------------


def losses(folder: Path) -> list[float]:
    lines = read_jsonl(RunFolder(folder).metrics)
    return [line.get("train_loss", line.get("val_loss")) for line in lines]


def test_a_packed_run_has_the_losses_of_an_unpacked_one(tiny, tmp_path):
    runs = {}
    for packing in (False, True):
        settings = {"max_steps": 4, "micro_batch_size": 2, "samples": 0, "test_questions": 0, "packing": packing}
        start_run(make_recipe(tiny.settings(**settings)), tmp_path / str(packing))
        runs[packing] = losses(tmp_path / str(packing))
    assert len(runs[True]) == len(runs[False]) >= 6
    assert runs[True] == pytest.approx(runs[False], rel=1e-5)
    assert runs[True][-1] < runs[True][0]


@pytest.mark.slow
def test_a_packed_run_that_breaks_off_goes_on_to_the_same_weights(tiny, tmp_path, monkeypatch):
    """Bit for bit, with dropout, so that the state of the random numbers counts too."""
    recipe = make_recipe(tiny.settings(packing=True, lora_dropout=0.1, micro_batch_size=3, samples=0, test_questions=0))
    start_run(recipe, tmp_path / "whole")
    step = loop._train_step

    def breaking(training: Any, numbers: list[int]) -> None:
        if training.progress.step == 7:
            raise RuntimeError("the lights went out")
        step(training, numbers)

    monkeypatch.setattr(loop, "_train_step", breaking)
    with pytest.raises(RuntimeError, match="the lights"):
        start_run(recipe, tmp_path / "broken")
    monkeypatch.undo()
    resume_run(tmp_path / "broken")
    weights = [load_file(RunFolder(tmp_path / name).model / "model.safetensors") for name in ("whole", "broken")]
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weights[0][k], weights[1][k]) for k in weights[0])


def test_a_run_with_an_architecture_that_cannot_be_packed_is_refused(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(Objective, "_packing_is_exact", lambda self: False)
    with pytest.raises(RequestError, match=r"not exact for this architecture \(LlamaForCausalLM\); set packing: false"):
        start_run(make_recipe(tiny.settings(packing=True, engine="plain")), tmp_path / "run")


def test_the_engine_packs_what_the_models_own_pass_would_mix(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(Objective, "_packing_is_exact", lambda self: False)
    settings = {"max_steps": 3, "samples": 0, "test_questions": 0}
    ends = []
    for packing in (True, False):
        start_run(make_recipe(tiny.settings(packing=packing, **settings)), tmp_path / str(packing))
        lines = RunFolder(tmp_path / str(packing)).metrics.read_text().splitlines()
        ends.append([json.loads(line)["train_loss"] for line in lines if "train_loss" in line])
    assert ends[0] == pytest.approx(ends[1], rel=1e-4)


def test_no_row_is_longer_than_a_sequence(tiny, tmp_path):
    """Whole rows only: nothing is cut at the end of a sequence, however the step's rows fall."""
    seen = []
    real = loop.collate

    def watched(*arguments: Any, **options: Any) -> Any:
        seen.append(real(*arguments, **options))
        return seen[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "collate", watched)
        start_run(
            make_recipe(tiny.settings(packing=True, max_length=160, max_steps=3, samples=0, test_questions=0)),
            tmp_path / "run",
        )
    packed = [batch for batch in seen if batch.row_of is not None]
    assert len(packed) == 3
    assert all(batch.input_ids.shape[1] <= 160 and len(batch.rows) == 4 for batch in packed)
    assert any(len(batch.input_ids) < 4 for batch in packed)
    assert any(batch.row_of is None for batch in seen)  # validation is not packed
