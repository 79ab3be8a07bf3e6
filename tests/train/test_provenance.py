"""A run made again from its own recipe says whether it is the same, and an edited one what is not as it was."""

from __future__ import annotations

import json
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

from heedful.train import provenance
from heedful.train.recipe import make_recipe, read_recipe
from heedful.view import Silent
from heedful.workflow import start_run


class Listening(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, sentence: str) -> None:
        self.said.append(sentence)


def test_a_run_again_has_equal_weights_and_another_seed_is_told(tiny, tmp_path):
    brief = {"max_steps": 1, "samples": 0, "test_questions": 0}
    first = start_run(make_recipe(tiny.settings(**brief)), tmp_path / "first")
    assert "again_of" not in first.read_manifest()
    auto = first.read_manifest()["resolved"]
    assert auto.keys() == {k for k, v in first.read_manifest()["recipe"].items() if v == "auto"} - {"format", "engine"}
    assert {"schedule": "constant", "average_weights": True}.items() <= auto.items()
    assert provenance.earlier_run(None) is None
    assert provenance.earlier_run(tmp_path / "recipe.yaml") is None
    earlier = provenance.earlier_run(first.recipe)
    view = Listening()
    again = start_run(read_recipe(first.recipe), tmp_path / "again", view, again_of=earlier)
    kept = again.read_manifest()["again_of"]
    assert (kept["run"], kept["differences"], kept["weights_equal"]) == (str(first.path), [], True)
    assert f"The trained weights are equal to those of {first.path}, bit for bit." in view.said

    parts = ",".join(f"{part}={first.split(part)}" for part in ("train", "val", "test"))
    recipe = read_recipe(first.recipe, settings=["data=[]"], flags={"split": parts})
    kept = start_run(recipe, tmp_path / "rows", again_of=earlier).read_manifest()["again_of"]  # the data file is gone
    assert [d.split()[1] for d in kept["differences"]] == ["data", "split"]
    assert kept["weights_equal"]

    view = Listening()
    other = start_run(read_recipe(first.recipe, flags={"seed": 1}), tmp_path / "other", view, again_of=earlier)
    kept = other.read_manifest()["again_of"]
    assert (kept["differences"], kept["weights_equal"]) == (["recipe: seed 1, was 0"], False)
    assert f"Not quite {first.path} again: recipe: seed 1, was 0." in view.said


def test_what_is_not_as_it_was():
    then = {
        "recipe": {"seed": 0, "data": ["a.json"]},
        "data": {"splits": {"train": {"sha256": "1"}, "test": {"sha256": "2"}}},
        "model": {"sha256": "m"}, "template": {"sha256": "t"}, "versions": {"torch": "2.13"}, "machine": {"threads": 2},
    }  # fmt: skip
    now = json.loads(json.dumps(then)) | {
        "model": {"sha256": "n"},
        "versions": {"torch": "2.14", "heedful_commit": "c"},
    }
    now["data"]["splits"]["train"]["sha256"] = "3"
    now["machine"]["threads"] = 4
    assert sorted(provenance.differences(provenance._had(then), now)) == [
        "machine: threads 4, was 2",
        "the model is another (SHA-256)",
        "the train rows are others",
        "torch 2.14, was 2.13",
    ]


@pytest.mark.parametrize("packed", [False, True])
def test_the_commit_of_a_checkout(tmp_path: Path, monkeypatch, packed):
    commit = "8d4eb4d" + "0" * 33
    git = tmp_path / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    if packed:
        (git / "packed-refs").write_text(f"# pack-refs\n{commit} refs/heads/main\n")
    else:
        (git / "refs" / "heads" / "main").write_text(commit + "\n")
    origin = {"url": tmp_path.as_uri(), "dir_info": {"editable": True}}
    monkeypatch.setattr(PathDistribution, "read_text", lambda self, name: json.dumps(origin))
    provenance.source_commit.cache_clear()
    try:
        assert provenance.source_commit() == commit
    finally:
        provenance.source_commit.cache_clear()
