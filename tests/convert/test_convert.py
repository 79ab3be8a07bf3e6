"""Configurations that we wrote in the form of other programs, and the recipes that they must become."""

from __future__ import annotations

import json

import pytest
import yaml

from heedful.convert import PROGRAMS, convert_file, recipe_text
from heedful.train.recipe import Recipe, read_recipe

AXOLOTL = """
base_model: acme/small-llama
load_in_4bit: true
datasets:
  - path: rows/train.jsonl
    type: alpaca
val_set_size: 0.05
sequence_len: 512
sample_packing: true
adapter: qlora
lora_r: 8
lora_alpha: 16
lora_target_modules: [q_proj, v_proj]
micro_batch_size: 2
gradient_accumulation_steps: 4
num_epochs: 3
optimizer: adamw_bnb_8bit
learning_rate: 2e-4
lr_scheduler: cosine
warmup_ratio: 0.1
bf16: auto
train_on_inputs: false
output_dir: ./out
deepspeed:
noisy_embedding: 5
"""
LLAMA_FACTORY = """
model_name_or_path: acme/small-llama
stage: sft
finetuning_type: lora
lora_rank: 4
lora_target: all
dataset: my_own,other
template: qwen
cutoff_len: 1024
per_device_train_batch_size: 1
gradient_accumulation_steps: 8
num_train_epochs: 2.0
val_size: 100
mask_history: true
"""
TRL = {
    "model_name_or_path": "acme/small-llama",
    "dataset_name": "acme/questions",
    "use_peft": True,
    "per_device_train_batch_size": 4,
    "gradient_accumulation_steps": 2,
    "max_length": 256,
    "assistant_only_loss": True,
    "report_to": "none",
    "num_train_epochs": 1.5,
}


def written(tmp_path, name, text):
    (tmp_path / name).write_text(text if isinstance(text, str) else json.dumps(text))
    return tmp_path / name


def test_axolotl(tmp_path):
    found = convert_file(written(tmp_path, "a.yml", AXOLOTL))
    assert found.program == "Axolotl"
    wanted = {
        "model": "acme/small-llama", "data": ["rows/train.jsonl"], "template": "alpaca-stanford", "split": "95/5/0",
        "max_length": 512, "packing": True, "tuning": "lora", "lora_rank": 8, "lora_alpha": 16,
        "lora_targets": "q_proj,v_proj", "micro_batch_size": 2, "batch_size": 8, "epochs": 3, "learning_rate": 2e-4,
        "schedule": "cosine", "precision": "auto", "train_on": "answers", "seed": 42, "average_weights": False,
        "warmup_steps": 0, "patience": 0,
    }  # fmt: skip
    assert wanted.items() <= found.values.items()
    assert {x.theirs for x in found.of("left")} == {"load_in_4bit", "optimizer", "warmup_ratio", "noisy_embedding"}
    assert {x.theirs for x in found.of("needless")} == {"output_dir", "deepspeed"}
    assert any("2 x gradient_accumulation_steps 4" in w and "N devices" in w for w in found.warnings)


def test_llama_factory(tmp_path):
    found = convert_file(written(tmp_path, "l.yaml", LLAMA_FACTORY))
    assert found.program == "LLaMA-Factory"
    wanted = {"batch_size": 8, "epochs": 2, "template": "chatml", "split": "order:val=100,train=rest", "lora_alpha": 8}
    wanted |= {"train_on": "last-answer", "lora_targets": "all-linear", "learning_rate": 5e-5, "max_length": 1024}
    assert wanted.items() <= found.values.items()
    assert "data" not in found.values
    assert [x.theirs for x in found.of("left")] == ["dataset"]
    assert "dataset_info.json" in found.of("left")[0].note


def test_trl(tmp_path):
    found = convert_file(written(tmp_path, "t.json", TRL))
    assert found.program == "TRL"
    wanted = {"data": ["hub:acme/questions"], "tuning": "lora", "batch_size": 8, "lora_dropout": 0.05, "epochs": 3}
    assert wanted.items() <= found.values.items()
    assert [(x.theirs, x.note) for x in found.of("left")] == [
        ("num_train_epochs", "1.5 is no whole number, and here only those are")
    ]
    assert "epochs" in found.assumed


@pytest.mark.parametrize("text", [AXOLOTL, LLAMA_FACTORY, TRL])
def test_the_file_is_a_recipe_of_the_same_values(tmp_path, text):
    found = convert_file(written(tmp_path, "c.yaml", text))
    recipe = read_recipe(written(tmp_path, "r.yaml", recipe_text(found)))
    assert {k: recipe.to_json()[k] for k in found.values} == found.values
    for line in found.of("left"):
        assert f"# Left: {line.theirs}: " in recipe_text(found)


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_rules_name_fields_that_there_are_and_each_field_once(program):
    assert {r.ours for r in program.rules} - {None} <= set(Recipe.model_fields)
    assert set(program.defaults) <= set(Recipe.model_fields)
    names = [r.theirs for r in program.rules]
    assert len(names) == len(set(names))
    assert set(program.signs) <= set(names)
    assert {n for n, _ in program.batch} <= set(names)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("none.yaml", "colour: red\n", "no field of Axolotl, LLaMA-Factory or TRL"),
        ("both.yaml", "model_name_or_path: a\nstage: sft\nuse_peft: true\n", "llama-factory or trl; say which"),
        ("empty.yaml", "", "it is empty"),
        ("list.yaml", "- a\n", "no list of 'key: value' lines"),
        ("broken.yaml", "base_model: [\n", "broken.yaml:2: not valid YAML"),
        ("broken.json", '{"use_peft": true,\n}', "broken.json:2: broken JSON"),
        ("batch.yaml", "base_model: a\nmicro_batch_size: two\n", "micro_batch_size: 'two' is no number of rows"),
        ("rank.yaml", "base_model: a\nadapter: lora\nlora_r: 0\n", "lora_rank"),
    ],
)
def test_mistakes(heedful, tmp_path, name, text, said):
    status, out, err = heedful("convert", written(tmp_path, name, text), "--out", tmp_path / "out.yaml")
    assert (status, out) == (2, ""), err
    assert said in err
    assert not (tmp_path / "out.yaml").exists()


def test_the_command(heedful, tmp_path):
    config = written(tmp_path, "a.yml", AXOLOTL)
    status, out, err = heedful("convert", config, "--json")
    told = json.loads(out)
    assert status == 0
    assert told["recipe"]["batch_size"] == 8
    became = {f["theirs"]: f["became"] for f in told["fields"]}
    assert set(yaml.safe_load(AXOLOTL)) <= set(became)  # nothing is passed over in silence
    assert "left: noisy_embedding: no field of that name is known here" in err
    assert heedful("convert", config, "--out", tmp_path / "r.yaml")[0] == 0
    status, _, err = heedful("convert", config, "--out", tmp_path / "r.yaml")
    assert status == 2
    assert "it is there already" in err
    assert heedful("convert", config, "--from", "axolotle")[0] == 2
