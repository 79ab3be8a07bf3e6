"""Recipes: mistakes told together, what overrides what, the round trip through YAML."""

from __future__ import annotations

import pytest
import yaml

from heedful.errors import RecipeError
from heedful.train.recipe import PRESETS, Recipe, make_recipe, parse_settings, read_recipe, recipe_yaml


def mistakes(**values) -> tuple[str, ...]:
    with pytest.raises(RecipeError) as error:
        make_recipe(values)
    assert error.value.exit_status == 2
    return error.value.mistakes


def test_all_mistakes_are_told_together():
    told = mistakes(epoch=3, batch_size=0, tuning="qlora", learning_rate="fast", eval_every=0, patience="two")
    assert len(told) == 6
    text = "\n".join(told)
    assert "unknown key 'epoch'" in text
    assert "did you mean 'epochs'?" in text
    assert "batch_size: 0 must be 1 or more" in text
    assert "patience: 'two' must be a whole number" in text
    assert "tuning: 'qlora' is not one of 'lora' or 'full'" in text
    assert "learning_rate: 'fast' " in text
    assert "eval_every: 0 must be 1 or more" in text


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"learning_rate": 0}, "learning_rate: 0"),
        ({"learning_rate": 2.0}, "must lie between 0 and 1"),
        ({"learning_rate": float("nan")}, "learning_rate: nan"),
        ({"learning_rate": True}, "learning_rate: true is neither a number nor text"),
        ({"epochs": True}, "epochs: true "),
        ({"epochs": 1.5}, "epochs: 1.5 must be a whole number"),
        ({"epochs": None}, "epochs: null must be a whole number"),
        ({"data": 3}, "data: 3 must be a name or a list of names"),
        ({"map": "foo"}, "map: 'foo' is not TARGET=COLUMN"),
        ({"map": 3}, "map: 3 must be written as {target: column}"),
        ({"packing": "maybe"}, "packing: 'maybe' must be true or false"),
        (
            {"format": "alpca"},
            "format: 'alpca' is no format (did you mean 'alpaca'?); choose auto, heedful, messages, ",
        ),
        ({"tuning": "lorra"}, "tuning: 'lorra' is not one of 'lora' or 'full' (did you mean 'lora'?)"),
        ({"seed": 10**30}, "or less"),
        ({"colour": 1}, "unknown key 'colour'; heedful train --print-recipe writes those that there are"),
        ({"epochs": [1]}, "epochs: "),
        ({"eval_every": True}, "eval_every: "),
        ({"eval_every": "often"}, "eval_every: 'often'"),
        ({"weight_decay": float("inf")}, "weight_decay: "),
        ({"max_grad_norm": float("nan")}, "max_grad_norm: "),
        ({"allow_overlap": "perhaps"}, "allow_overlap: "),
        ({"data": [1, 2]}, "data"),
        ({"data": {"a": 1}}, "data"),
        ({"track": ["tensorbord"]}, "track: 'tensorbord' is not one of"),
        ({"precision": "fp16"}, "precision: 'fp16' is not one of"),
        ({"seed": -1}, "seed: "),
        ({"lora_dropout": 1.0}, "lora_dropout: "),
        ({"micro_batch_size": 9, "batch_size": 8}, "micro_batch_size 9 is more than batch_size 8"),
    ],
)
def test_a_wrong_value_is_one_mistake(values, said):
    told = mistakes(**values)
    assert len(told) <= (2 if values.get("data") == [1, 2] else 1), told
    assert said in told[0]
    assert "\n" not in told[0]


def test_every_key_has_a_near_miss_told():
    for name in Recipe.model_fields:
        near = name + "s" if not name.endswith("s") else name[:-1]
        assert "did you mean" in mistakes(**{near: 1})[0], near


def test_what_overrides_what(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text("batch_size: 4\nmax_length: 100\nepochs: 5\n")
    made = read_recipe(path, "laptop-cpu", ["max_length=200", "epochs=6"], {"epochs": 7, "seed": None})
    assert made.device == "cpu"
    assert made.max_new_tokens == PRESETS["laptop-cpu"]["max_new_tokens"], "the preset over the default"
    assert made.batch_size == 4, "the file over the preset"
    assert made.max_length == 200, "--set over the file"
    assert made.epochs == 7, "a flag over --set"
    assert made.seed == Recipe().seed, "a flag that was not given says nothing"


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_valid_and_come_back_from_yaml(preset, tmp_path):
    made = read_recipe(preset=preset)
    path = tmp_path / "r.yaml"
    path.write_text(recipe_yaml(made))
    assert read_recipe(path) == made


def test_an_unknown_preset():
    with pytest.raises(RecipeError, match="did you mean 'laptop-cpu'"):
        read_recipe(preset="laptop")


def test_the_round_trip_of_an_odd_recipe(tmp_path):
    made = make_recipe(
        {
            "model": "hf:a folder/with: colon # and hash",
            "data": ["日本.json", "'quoted'.csv", "null", "1.0"],
            "learning_rate": 1e-7,
            "track": "tensorboard",
            "max_steps": 3,
            "template": "true",
        }
    )
    path = tmp_path / "r.yaml"
    path.write_text(recipe_yaml(made), encoding="utf-8")
    assert read_recipe(path) == made
    assert yaml.safe_load(recipe_yaml(made)).keys() == Recipe.model_fields.keys()


def test_the_printed_recipe_explains_every_field():
    lines = recipe_yaml(Recipe()).splitlines()
    for name, field in Recipe.model_fields.items():
        place = next(i for i, line in enumerate(lines) if line.startswith(f"{name}:"))
        assert field.description
        assert lines[place - 1] == f"# {field.description}"
        assert field.description.endswith(".")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"epochs: 2\nmodel: [a\nseed: 1\n", r"r\.yaml:3: not valid YAML"),
        (b"epochs: 2\n\tseed: 1\n", r"r\.yaml:2: not valid YAML"),
        (b"epochs: 2\nseed: 1\nepochs: 3\n", r"r\.yaml:3: .*'epochs' .*twice"),
        (b"epochs: 2\nmodel: a\x01b\n", r"r\.yaml.*not valid YAML"),
        (b"epochs: \xff\n", "not UTF-8"),
        (b"- epochs\n", "list of 'key: value' lines"),
        (b"epochs\n", "list of 'key: value' lines"),
    ],
)
def test_broken_yaml_names_the_line(tmp_path, text, said):
    path = tmp_path / "r.yaml"
    path.write_bytes(text)
    with pytest.raises(RecipeError, match=said) as error:
        read_recipe(path)
    assert len(error.value.mistakes) == 1


def test_missing_and_empty_files(tmp_path):
    with pytest.raises(RecipeError, match="no such recipe"):
        read_recipe(tmp_path / "none.yaml")
    with pytest.raises(RecipeError, match="is a folder"):
        read_recipe(tmp_path)
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    assert read_recipe(tmp_path / "empty.yaml") == Recipe()


def test_a_mistake_says_where_it_stands(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text("# mine\nepoch: 3\nbatch_size: 2\nmicro_batch_size: 4\nseed: -1\ntuning: lora\n")
    with pytest.raises(RecipeError) as error:
        read_recipe(path, None, ["patience=often"], {"tuning": "qlora", "trust_remote_code": "perhaps"})
    told = sorted(error.value.mistakes)
    assert [t.partition(": ")[0] for t in told] == [
        "--set patience", "--trust-remote-code", "--tuning", f"{path}:2", f"{path}:5",
    ]  # fmt: skip
    path.write_text("batch_size: 2\nmicro_batch_size: 4\n")
    with pytest.raises(RecipeError, match=r"r\.yaml:2: micro_batch_size 4 is more than batch_size 2"):
        read_recipe(path)


def test_settings():
    assert parse_settings(["learning_rate=2e-4", "data=[a, b]", "track=[]", "limit=null", "model=x=y"]) == {
        "learning_rate": 2e-4,
        "data": ["a", "b"],
        "track": [],
        "limit": None,
        "model": "x=y",
    }
    with pytest.raises(RecipeError) as error:
        parse_settings(["epochs", "=3", "data=[a"])
    assert len(error.value.mistakes) == 3


def test_auto_rates_follow_the_tuning():
    assert (make_recipe({"tuning": "lora"}).rate, make_recipe({"tuning": "full"}).rate) == (2e-4, 2e-5)
    assert make_recipe({"learning_rate": "1e-3"}).rate == 1e-3
