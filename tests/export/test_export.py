"""Exports of a tiny run: equal to the run's model, whole or not there, and nothing of this machine inside."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
import yaml

from heedful.export.folder import new_folder
from heedful.models.quiet import quiet_transformers
from heedful.store import RunFolder


@pytest.fixture(scope="module")
def run(tiny_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "my-run"
    shutil.copytree(tiny_run, folder)
    return folder


def logits(model):
    with torch.inference_mode():
        return model(input_ids=torch.tensor([[5, 6, 7, 8]])).logits


def test_the_whole_model(run, heedful, tmp_path):
    from transformers import AutoModelForCausalLM

    status, out, err = heedful("export", run, "--to", "hf", "--out", tmp_path / "m", "--questions", 3, "--json")
    assert status == 0, err
    told = json.loads(out)
    check = told["checks"][0]
    assert (check["questions"], check["same_answers"], check["part"], check["passed"]) == (3, 3, "test", True)
    assert check["largest_difference"] == 0
    assert check["places"] > 30
    assert (tmp_path / "m" / "model.safetensors").read_bytes() == (run / "model" / "model.safetensors").read_bytes()
    theirs = AutoModelForCausalLM.from_pretrained(run / "model")
    assert torch.equal(logits(AutoModelForCausalLM.from_pretrained(tmp_path / "m")), logits(theirs))
    assert sorted(told["files"]) == sorted(f.name for f in (tmp_path / "m").iterdir())


def test_the_adapter_alone_on_its_base(run, tiny, heedful, tmp_path):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    status, _, err = heedful("export", run, "--to", "adapter", "--out", tmp_path / "a", "--questions", 2)
    assert status == 0, err
    base = AutoModelForCausalLM.from_pretrained(tiny("llama"))
    before = logits(base)
    with quiet_transformers():
        with_it = logits(PeftModel.from_pretrained(base, tmp_path / "a"))
    merged = logits(AutoModelForCausalLM.from_pretrained(run / "model"))
    assert torch.allclose(with_it, merged, atol=1e-5)
    assert not torch.allclose(before, merged, atol=1e-3)


def test_the_card_says_what_was_measured_and_no_path(run, tiny, heedful, tmp_path):
    assert heedful("export", run, "--to", "adapter", "--out", tmp_path / "a", "--questions", 1)[0] == 0
    card = (tmp_path / "a" / "README.md").read_text()
    manifest = RunFolder(run).read_manifest()
    head = yaml.safe_load(card.split("---")[1])
    assert head["library_name"] == "peft"
    assert "license" not in head
    assert "is not known here" in card
    assert f"{manifest['outcome']['best_val_loss']:.3f}" in card
    for part in manifest["data"]["splits"].values():
        assert part["sha256"] in card
    metrics = json.loads((run / "report.json").read_text())["metrics"]
    told = [m["difference"] for m in metrics.values() if m["difference"] and m["difference"]["low"] is not None]
    assert all(f"{d['estimate']:+.3f} [{d['low']:+.3f}, {d['high']:+.3f}]" in card for d in told)
    assert f"| {metrics['chrf']['label']} | {metrics['chrf']['before']['estimate']:.3f} |" in card
    for file in (tmp_path / "a").iterdir():
        assert str(tiny.folder).encode() not in file.read_bytes(), file.name


def test_a_copy_that_is_another_model_is_never_there(run, heedful, tmp_path, monkeypatch):
    from safetensors.torch import load_file, save_file

    from heedful.export import kinds

    copied = kinds.copy_files

    def damaged(files, folder):
        copied(files, folder)
        weights = load_file(folder / "model.safetensors")
        weights["model.layers.1.mlp.down_proj.weight"] += 1
        save_file(weights, folder / "model.safetensors", {"format": "pt"})

    monkeypatch.setattr(kinds, "copy_files", damaged)
    status, out, err = heedful("export", run, "--to", "hf", "--out", tmp_path / "m", "--questions", 1)
    assert (status, out) == (1, "")
    assert "the copy is not the run's model" in err
    assert "a logit differs by" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing", "--to", "hf"), "'nothing': only a run is exported"),
        (("RUN", "--to", "hff"), "--to 'hff' (did you mean 'hf'?): choose hf, adapter, gguf, ollama, hub"),
        (("run:RUN@base", "--to", "hf"), "the best model of a run is exported, not '@base'"),
        (("RUN", "--to", "hf", "--questions", "0"), "--questions"),
        (("EMPTY", "--to", "hf"), "not a run (it has no manifest.json)"),
    ],
)
def test_mistakes(run, heedful, tmp_path, arguments, said):
    (tmp_path / "empty").mkdir()
    words = [w.replace("RUN", str(run)).replace("EMPTY", str(tmp_path / "empty")) for w in arguments]
    status, out, err = heedful("export", *words, "--out", tmp_path / "m")
    assert (status, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "m").exists()


def test_nothing_is_written_over(run, heedful, tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "mine.txt").write_text("mine")
    status, _, err = heedful("export", run, "--to", "hf", "--out", tmp_path / "m")
    assert status == 2
    assert "there is a folder already" in err
    assert (tmp_path / "m" / "mine.txt").read_text() == "mine"
    status, out, _ = heedful("export", run, "--to", "hf", "--out", tmp_path / "n", "--dry-run")
    assert status == 0
    assert "nothing is written or sent" in out
    assert not (tmp_path / "n").exists()


def test_a_killed_export_leaves_nothing_behind_for_long(tmp_path):
    dead = tmp_path / ".m-99999999-abc"
    dead.mkdir()
    (dead / "half").write_text("half")
    with new_folder(tmp_path / "m") as folder:
        (folder / "file").write_text("whole")
        assert not dead.exists()
        assert not (tmp_path / "m").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_a_full_disk_is_told_and_leaves_nothing(run, heedful, tmp_path, monkeypatch):
    import errno

    from heedful.export import kinds

    def full(files, folder):
        (folder / "half").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(kinds, "copy_files", full)
    status, _, err = heedful("export", run, "--to", "hf", "--out", tmp_path / "m", "--questions", 1)
    assert status == 1
    assert "the disk is full; free some room and export again" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("/home/ann/rows.json", "rows.json"),
        ("train=/home/ann/a.jsonl,val=../b/c.jsonl", "train=a.jsonl,val=c.jsonl"),
        ("~/rows.json::cap=5", "rows.json::cap=5"),
        ("run:/home/ann/old-run", "run:old-run"),
        ("acme/small-llama", "acme/small-llama"),
        ("hub:acme/questions", "hub:acme/questions"),
        ("85/5/10", "85/5/10"),
        ("data/mine/rows.json", "rows.json"),
    ],
)
def test_a_card_names_files_without_their_folders(value, name):
    from heedful.export.card import _name

    assert _name(value) == name
