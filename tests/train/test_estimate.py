"""What a plan predicts: parameters against models that are made, work against the loop's batches, sums by hand."""

from __future__ import annotations

import json

import pytest
import torch
from transformers import AutoModelForCausalLM

from heedful.batches import LengthBatches, collate
from heedful.models.adapters import add_lora
from heedful.records import TokenExample
from heedful.train import estimate as e
from heedful.train import probe, training
from heedful.train.recipe import make_recipe
from heedful.workflow import start_run


def rows(count: int) -> list[TokenExample]:
    return [TokenExample(f"r{k}", (1,) * (4 + k % 9), tuple(j > 2 for j in range(4 + k % 9))) for k in range(count)]


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen3", "gemma3", "gemma2"])
def test_parameters_are_those_of_the_model(tiny, architecture):
    config = tiny.config(architecture, 60, num_hidden_layers=5)
    model = AutoModelForCausalLM.from_config(config)
    shape = e.shape_of(config)
    assert shape.parameters == sum(p.numel() for p in model.parameters())
    assert (shape.layers, shape.width, shape.vocabulary) == (5, 32, 60)
    assert shape.tied == (architecture != "llama")
    assert shape.embeddings == 60 * 32 * (1 if shape.tied else 2)
    assert shape.inner == (128 if architecture == "gpt2" else 64)
    assert config.num_hidden_layers == 5, "the caller's own stays as it was"


@pytest.mark.parametrize(("packing", "micro"), [(False, None), (False, 3), (True, None), (True, 2)])
def test_work_is_that_of_the_loops_own_batches(packing, micro):
    recipe = make_recipe(
        {"batch_size": 5, "micro_batch_size": micro, "packing": packing, "max_length": 20, "epochs": 2}
    )
    train, val = rows(23), rows(7)
    work = e.work_of(recipe, train, val)
    positions, most = 0, 0
    for batch in LengthBatches([len(r.ids) for r in train], 5, recipe.seed):
        for start in range(0, len(batch), micro or 5):
            some = [train[i] for i in batch[start : start + (micro or 5)]]
            made = collate(some, 0, packed=packing, max_length=recipe.max_length)
            positions, most = positions + made.input_ids.numel(), max(most, made.input_ids.numel())
    assert (work.steps, work.positions, work.most_positions) == (10, positions / 5, most)
    assert work.trained == sum(r.trained_tokens for r in train) / 5
    assert work.longest == 11


def test_packing_makes_the_work_less():
    train = [
        TokenExample(f"r{k}", (1,) * (60 if k % 4 == 0 else 5), (True,) * (60 if k % 4 == 0 else 5)) for k in range(8)
    ]
    plain, packed = (
        e.work_of(make_recipe({"packing": p, "max_length": 64, "batch_size": 8}), train, train) for p in (False, True)
    )
    assert plain.positions == 8 * 59
    assert packed.positions < 0.4 * plain.positions


def test_several_processes_share_a_step():
    one, two = (e.work_of(make_recipe({"batch_size": 4}), rows(9 * 4), rows(9), n) for n in (1, 2))
    assert two.steps == one.steps
    assert one.positions / 2 <= two.positions <= 0.6 * one.positions


def test_operations_by_hand():
    shape = e.Shape(1000, 200, 2, 400, 10, 30, 20, True)
    full = e.operations(shape, make_recipe({"tuning": "full"}), positions=7, trained=3, longest=4)
    assert full == 6 * 800 * 7 + 6 * 20 * 10 * 3 + 6 * 4 * 10 * 2 * 7
    recipe = make_recipe({"tuning": "lora", "lora_rank": 1})
    factors = 2 * (8 * 10 + 3 * 40)
    assert e.trainable_parameters(shape, recipe) == factors
    lora = e.operations(shape, recipe, positions=7, trained=3, longest=4)
    assert lora == (4 * 800 + 6 * factors) * 7 + 4 * 20 * 10 * 3 + 6 * 4 * 10 * 2 * 7


def test_memory_by_hand():
    shape = e.Shape(1000, 200, 2, 400, 10, 30, 20, True)
    work = e.Work(1, 7, 3, 8, 5, 4, 0, 0)
    full = e.memory_parts(shape, make_recipe({"tuning": "full"}), work, "bf16", 11.0, base=5.0, file_bytes=4000)
    assert full == {
        "base": 5, "weights": 4000, "conversion": 0, "gradients": 4000, "moments": 8000, "activations": 88,
        "logits": 3 * 4 * 5 * 20, "saving": 8000,
    }  # fmt: skip
    assert e.peak(full) == 5 + 4000 + 8000 + 8000
    lora = e.memory_parts(shape, make_recipe({"lora_rank": 1}), work, "bf16", 11.0, base=5.0, file_bytes=4000)
    assert (lora["weights"], lora["conversion"], lora["moments"]) == (2000, 4000, 12 * 400)  # with the average
    assert e.peak(lora) == 5 + 2000 + 4800 + 4800  # all of it is written at once


@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_trainable_parameters_are_near_those_of_the_model(tiny, tuning):
    config = tiny.config("llama", 60, hidden_size=256, intermediate_size=512, num_attention_heads=8, head_dim=32)
    recipe = make_recipe({"tuning": tuning, "lora_rank": 4})
    model = AutoModelForCausalLM.from_config(config)
    if tuning == "lora":
        model = add_lora(model, 4, 8, 0.0, "all-linear")
    true = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert e.trainable_parameters(e.shape_of(config), recipe) == pytest.approx(true, rel=0 if tuning == "full" else 0.2)


def test_a_probe_grows_with_the_model_and_leaves_nothing_behind(tiny):
    before = torch.get_rng_state()
    found = []
    for layers in (2, 12):
        folder = tiny.folder / f"layers{layers}"
        if not folder.is_dir():
            tiny.make(folder, "llama", num_hidden_layers=layers, hidden_size=64, intermediate_size=256)
        recipe = make_recipe(tiny.settings(tuning="full"))
        found.append(probe.estimate(recipe, str(folder), rows(12), rows(4), "fp32"))
    assert [x.basis for x in found] == ["measured", "measured"]
    assert found[1].parameters > 3 * found[0].parameters
    assert found[0].seconds_per_step > 0  # of layers so small the seconds are noise
    assert found[1].parts_gb["activations"] >= found[0].parts_gb["activations"]
    assert torch.equal(torch.get_rng_state(), before)


def test_a_trial_has_a_layer_of_each_kind_and_one_more_of_the_commonest(tiny):
    assert e.layers_to_try(tiny.config("llama", 60, num_hidden_layers=5)) == ([0], [0, 0])
    kinds = ["sliding_attention"] * 3 + ["full_attention"] + ["sliding_attention"] * 2
    mixed = tiny.config("gemma3", 60, num_hidden_layers=6, layer_types=kinds)
    assert e.layers_to_try(mixed) == ([0, 3], [0, 0, 3])
    assert e.with_layers(mixed, [0, 0, 3]).layer_types == [kinds[0], kinds[0], kinds[3]]
    assert mixed.num_hidden_layers == 3


def test_an_engine_that_is_refused_for_a_later_layer_is_not_planned_with(tiny, monkeypatch):
    """The first two layers of six would pass."""
    kinds = ["sliding_attention"] * 5 + ["full_attention"]
    folder = tiny.folder / "mixed"
    tiny.make(folder, "gemma3", num_hidden_layers=6, layer_types=kinds)
    real, seen = training.Objective.use_engine, []

    def refusing(self, precision):
        found = self.model.config.layer_types if hasattr(self.model, "config") else []
        seen.append(list(found))
        return "refused: full attention" if "full_attention" in found else real(self, precision)

    monkeypatch.setattr(training.Objective, "use_engine", refusing)
    got = probe.estimate(make_recipe(tiny.settings(tuning="full")), str(folder), rows(12), rows(4), "fp32")
    assert seen == [["sliding_attention", "full_attention"], ["sliding_attention"] * 2 + ["full_attention"]]
    assert got.engine == "plain: refused: full attention"
    assert "copies" not in got.parts_gb


@pytest.mark.parametrize(("tuning", "copied"), [("full", 0), ("lora", 2 * 16 + 32 + 64 * 2)])
def test_weights_that_the_engine_copies_are_counted(tiny, tuning, copied):
    """In fp32: none where they are trained; of frozen ones those that are multiplied by as one matrix."""
    recipe = make_recipe(tiny.settings(tuning=tuning))
    shape = e.shape_of(tiny.config("llama", 60))
    found = probe.probe(recipe, tiny.config("llama", 60), shape, rows(12), "fp32", torch.device("cpu"))
    assert found is not None
    assert found.engine.startswith("fast: the engine's layers")
    assert found.copies == copied * 32 * 4


def test_layers_too_large_to_be_tried_are_computed(tiny, monkeypatch):
    monkeypatch.setattr(probe, "LARGEST_LAYER", 10)
    recipe = make_recipe(tiny.settings())
    got = probe.estimate(recipe, str(tiny("llama")), rows(12), rows(4), "fp32")
    assert got.basis == "arithmetic"
    assert got.seconds_per_step > 0
    assert got.memory_gb > 0.1


def test_the_plan_tells_and_loads_no_weights(tiny, heedful, monkeypatch, tmp_path):
    """A folder whose weights are no weights is planned for as well."""
    folder = tmp_path / "model"
    folder.mkdir()
    for path in tiny("llama").iterdir():
        (folder / path.name).write_bytes(b"not weights" if path.suffix == ".safetensors" else path.read_bytes())
    words = ["train", "--plan", "--model", folder, "--data", tiny.data, "--template", "alpaca"]
    status, document, said = heedful(*words, "--json")
    assert status == 0, said
    plan = json.loads(document)
    assert plan["memory_gb"] == plan["estimate"]["memory_gb"] > 0.1
    assert plan["seconds_per_step"] > 0
    assert plan["minutes"] >= 0
    monkeypatch.setattr(probe, "estimate", lambda *given: e.Estimate(**plan["estimate"]))  # not measured once more
    status, told, said = heedful(*words)
    assert status == 0, said
    assert "GB of memory" in told
    assert "s a step" in told


def test_a_model_without_a_config_is_planned_without_figures(tiny, monkeypatch):
    assert probe.source_of("gguf:x.gguf") is None
    assert probe.source_of(str(tiny("llama"))) == str(tiny("llama"))


@pytest.mark.slow
def test_seconds_and_memory_are_near_those_of_a_run(tiny, tmp_path):
    """A model of some size; the bounds are wide, since a test machine may be busy. docs/scaling.md has real figures."""
    folder = tmp_path / "model"
    tiny.make(folder, "llama", hidden_size=256, intermediate_size=768, num_hidden_layers=8, num_attention_heads=8)
    settings = tiny.settings(model=str(folder), max_steps=8, samples=0, test_questions=0, eval_every=100)
    recipe = make_recipe(settings)
    from heedful.chat import Chat
    from heedful.models.loading import load_tokenizer
    from heedful.train.prepare import prepare_data

    data = prepare_data(recipe, Chat.bind("alpaca", load_tokenizer(str(folder))))
    got = probe.estimate(recipe, str(folder), data.tokens["train"], data.tokens["val"], "fp32")
    start_run(recipe, tmp_path / "run")
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    steps = [line["seconds"] for line in lines if "train_loss" in line]
    real = (steps[-1] - steps[0]) / (len(steps) - 1)
    assert real / 5 <= got.seconds_per_step <= real * 5
    assert got.memory_gb == pytest.approx(max(line["rss_mb"] for line in lines) / 1000, rel=0.35)
