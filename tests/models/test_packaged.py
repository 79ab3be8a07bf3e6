"""Packaged weights: converted once, by one process, whole or not at all."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from heedful.errors import HeedfulError, ModelError
from heedful.models import packaged
from heedful.models.packaged import MODELS, Packaged, is_converted, packaged_folder

CONTENT = b"GGUF and so on"
BEFORE = {name for name in MODELS if is_converted(name)}  # in the cache before any test ran

# A process in which `fake` is a packaged model whose conversion takes a while and counts itself in a file.
PROCESS = """
import hashlib, os, sys, time
from pathlib import Path
from heedful.models import packaged
from heedful.models.packaged import Packaged
folder = Path(sys.argv[1])
source = folder / "fake.gguf"

def slow(source, target):
    with (folder / "conversions.txt").open("a") as f:
        f.write(f"{os.getpid()}\\n")
    for n in range(4):
        (target / f"part{n}").write_text("x" * 1000)
        (folder / "busy").write_text(str(n))
        time.sleep(0.1)

packaged._convert = slow
packaged.MODELS["fake"] = Packaged(
    "fake", "fake-package", hashlib.sha256(source.read_bytes()).hexdigest(), "none", "-", False,
    "pip install fake-package", lambda: source,
)
print(packaged.packaged_folder("fake"))
"""


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("HEEDFUL_CACHE", str(tmp_path / "cache"))
    (tmp_path / "fake.gguf").write_bytes(CONTENT)
    return tmp_path / "cache"


@pytest.fixture
def fake(cache, tmp_path, monkeypatch) -> Packaged:
    model = Packaged(
        name="fake",
        package="fake-package",
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        licence="none",
        terms="-",
        instruction_tuned=False,
        install="pip install fake-package",
        locate=lambda: tmp_path / "fake.gguf",
    )
    monkeypatch.setitem(MODELS, "fake", model)
    monkeypatch.setattr(packaged, "_convert", lambda source, target: (target / "config.json").write_text("{}"))
    return model


def start(folder: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", PROCESS, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen) -> str:
    out, error = process.communicate(timeout=600)
    assert process.returncode == 0, error
    return out.strip()


def assert_whole(folder: Path) -> None:
    assert {p.name for p in folder.iterdir()} == {"part0", "part1", "part2", "part3", "heedful.json"}
    facts = json.loads((folder / "heedful.json").read_text())
    assert facts["files"] == {f"part{n}": 1000 for n in range(4)}
    assert [p.name for p in folder.parent.iterdir() if p.name.startswith(".")] == []


def test_two_processes_at_once_convert_once(cache, tmp_path):
    folders = [finish(p) for p in [start(tmp_path), start(tmp_path)]]
    assert folders[0] == folders[1]
    assert_whole(Path(folders[0]))
    assert len((tmp_path / "conversions.txt").read_text().split()) == 1


def test_a_kill_half_way_leaves_nothing_that_is_taken_for_whole(cache, tmp_path):
    first = start(tmp_path)
    end = time.monotonic() + 600
    while not (tmp_path / "busy").exists() and time.monotonic() < end:
        time.sleep(0.005)
    waiting = start(tmp_path)  # comes to the lock while the first holds it
    first.kill()
    first.communicate()
    assert not list((cache / "models").glob("fake-*/heedful.json"))
    assert_whole(Path(finish(waiting)))
    assert len((tmp_path / "conversions.txt").read_text().split()) == 2


def test_it_is_converted_once(fake):
    said: list[str] = []
    assert not is_converted("fake")
    folder = packaged_folder("fake", said.append)
    assert [line.split()[0] for line in said] == ["Checking", "fake", "Converting"]
    assert "licence" in said[1], "its terms are shown when it is first used"
    assert is_converted("fake")
    assert packaged_folder("fake", said.append) == folder
    assert len(said) == 3


def test_an_unfinished_folder_is_made_again(fake):
    folder = packaged_folder("fake")
    (folder / "heedful.json").unlink()
    (folder / "config.json").write_text("half")
    assert (packaged_folder("fake") / "config.json").read_text() == "{}"


def test_a_file_with_another_checksum_is_refused(fake, tmp_path):
    (tmp_path / "fake.gguf").write_bytes(CONTENT + b"!")
    with pytest.raises(ModelError, match=r"not the file that package fake-package should bring .*--force-reinstall"):
        packaged_folder("fake")
    (tmp_path / "fake.gguf").unlink()
    with pytest.raises(ModelError, match="not the file"):
        packaged_folder("fake")
    assert not is_converted("fake")


def test_a_package_that_is_not_installed(fake, monkeypatch):
    def locate() -> Path:
        raise ModuleNotFoundError("fake_package")

    monkeypatch.setitem(MODELS, "fake", dataclasses.replace(fake, locate=locate))
    with pytest.raises(ModelError, match="is not installed; run `pip install fake-package`"):
        packaged_folder("fake")


def test_an_unknown_name(cache):
    with pytest.raises(ModelError, match=r"no such packaged model.*did you mean 'gemma3-270m'.*there are gemma3-270m"):
        packaged_folder("gemma3-270")


def test_a_cache_that_cannot_be_written(fake, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HEEDFUL_CACHE", str(tmp_path / "file"))
    with pytest.raises(HeedfulError) as error:
        packaged_folder("fake")
    assert "cannot be written" in str(error.value)


def test_a_failed_conversion_leaves_nothing(fake, cache, monkeypatch):
    def full(source: Path, target: Path) -> None:
        (target / "config.json").write_text("half")
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(packaged, "_convert", full)
    with pytest.raises(HeedfulError, match="the disk is full"):
        packaged_folder("fake")
    assert [p.name for p in (cache / "models").iterdir()] == [packaged._target(MODELS["fake"]).name + ".lock"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "architecture", "parameters"),
    [("gemma3-270m", "Gemma3ForCausalLM", 268_098_176), ("smollm2-135m-instruct", "LlamaForCausalLM", 134_515_008)],
)
def test_the_real_ones(name, architecture, parameters, tmp_path, monkeypatch):
    """Converted anew from what is installed, and near enough to language to rank a sensible word first.

    Anew is also what another of these tests converted: on a fresh machine once, for it takes a minute.
    """
    import torch

    from heedful.models.loading import load_model

    try:
        MODELS[name].locate()
    except ImportError:
        pytest.skip(f"{MODELS[name].package} is not installed")
    if name in BEFORE:
        monkeypatch.setenv("HEEDFUL_CACHE", str(tmp_path))
    loaded = load_model(f"pip:{name}")
    assert loaded.describe()["parameters"] == parameters
    assert loaded.architecture == architecture
    assert "dequantised from the 4-bit GGUF" in loaded.notes[0]
    ids = torch.tensor([loaded.tokenizer.encode("The capital of France is")])
    with torch.no_grad():
        best = loaded.model(ids).logits[0, -1].topk(5).indices
    assert " Paris" in [loaded.tokenizer.decode([i]) for i in best.tolist()]
