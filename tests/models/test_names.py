"""The forms of a model's name."""

from __future__ import annotations

import pytest

from heedful.errors import ModelError
from heedful.models.names import ModelName, parse_model_name


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "a@b run"
    folder.mkdir()
    (folder / "manifest.json").write_text("{}")
    return folder


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("gpt2", ModelName("hf", "gpt2")),
        ("org/model", ModelName("hf", "org/model")),
        ("hf:org/model", ModelName("hf", "org/model")),
        ("C:\\models\\x", ModelName("hf", "C:\\models\\x")),
        ("gguf:dir/a:b.gguf", ModelName("gguf", "dir/a:b.gguf")),
        ("pip:gemma3-270m", ModelName("pip", "gemma3-270m")),
        ("scripted:x.jsonl", ModelName("scripted", "x.jsonl")),
        ("openai:m@main@http://host/v1", ModelName("openai", "m@main", "http://host/v1")),
        ("openai:org/m:tag@http://localhost:8000/v1", ModelName("openai", "org/m:tag", "http://localhost:8000/v1")),
    ],
)
def test_forms(name, parsed):
    assert parse_model_name(name) == parsed
    assert parse_model_name(str(parsed)) == parsed


def test_runs(run):
    for detail in (None, "base", "latest", "step=400"):
        name = f"run:{run}" + (f"@{detail}" if detail else "")
        assert parse_model_name(name) == ModelName("run", str(run), detail)
    assert parse_model_name(str(run)) == ModelName("run", str(run))


def test_a_folder_whose_name_has_a_colon(tmp_path):
    folder = tmp_path / "odd:name"
    folder.mkdir()
    assert parse_model_name(str(folder)).kind == "hf"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ggfu:x", "no kind 'ggfu'.*did you mean 'gguf'"),
        ("gguf:", "nothing after 'gguf:'"),
        ("", "empty"),
        ("openai:gpt", "write openai:NAME@URL"),
        ("openai:gpt@localhost", "write openai:NAME@URL"),
        ("openai:@http://x", "write openai:NAME@URL"),
        ("run:/nowhere", "is not a run"),
        ("run:/nowhere@base", "is not a run"),
    ],
)
def test_what_is_no_name(name, said):
    with pytest.raises(ModelError, match=said) as error:
        parse_model_name(name)
    assert "\n" not in str(error.value)


def test_what_is_no_detail(run):
    with pytest.raises(ModelError, match="after '@' comes 'base', 'latest' or 'step=NUMBER', not 'last'"):
        parse_model_name(f"run:{run}@last")
