"""A disk that fills up, a weight that overflows: the run stops in one sentence and goes on from its last checkpoint."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from heedful.errors import HeedfulError, TrainingError
from heedful.models import checkpoints
from heedful.models.checkpoints import list_checkpoints, verify
from heedful.models.loading import load_model
from heedful.store import RunFolder, read_json, read_metrics
from heedful.train import loop
from heedful.train.recipe import make_recipe
from heedful.workflow import resume_run, start_run

FULL = r"the disk is full; free some room and run the command again with --resume$"


def recipe_of(tiny: Any, **changes: Any) -> Any:
    quiet = {"samples": 0, "test_questions": 0, "tuning": "full"}
    return make_recipe(tiny.settings(**(quiet | changes)))


def weights(run: RunFolder) -> dict[str, bytes]:
    return {k: v.numpy().tobytes() for k, v in load_file(run.model / "model.safetensors").items()}


@pytest.fixture(scope="module")
def whole(tiny, tmp_path_factory) -> RunFolder:
    return start_run(recipe_of(tiny), tmp_path_factory.mktemp("whole") / "run")


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A file system of 700 kB: room for one checkpoint of the tiny model and not for two."""
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("a small disk needs the `mount` command")
    if done.returncode:
        pytest.skip(f"a small disk needs the right to mount one ({done.stderr.strip()})")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_run_on_a_disk_that_is_too_small_goes_on_when_there_is_room(tiny, whole, small_disk):
    run = RunFolder(small_disk / "run")
    with pytest.raises(HeedfulError, match=FULL) as error:
        start_run(recipe_of(tiny), run.path)
    assert "\n" not in str(error.value)
    assert not list(run.checkpoints.glob(".writing-*")), "what was half written takes no room"
    assert list_checkpoints(run.checkpoints, "step"), "the last checkpoint stays, whatever room it takes"
    for path in (*list_checkpoints(run.checkpoints, "step"), *list_checkpoints(run.checkpoints, "best")):
        verify(path)
    with pytest.raises(HeedfulError, match=FULL):
        resume_run(run.path)
    subprocess.run(["mount", "-o", "remount,size=9m", str(small_disk)], check=True)
    resume_run(run.path)
    assert weights(run) == weights(whole)
    assert read_json(run.manifest)["outcome"]["status"] == "finished"


@pytest.mark.slow
@pytest.mark.parametrize("moment", range(1, 12, 2))
def test_the_disk_may_fill_up_at_any_write(tiny, whole, tmp_path, moment, monkeypatch):
    """The n-th fsync of the training phase fails, which is where a full disk may show at last."""
    run, count, real, written = RunFolder(tmp_path / "run"), 0, os.fsync, set[str]()

    def full(handle: int) -> None:
        nonlocal count
        count += bool(run.metrics.exists())
        if count > moment * 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)
        written.update(p.name for p in list_checkpoints(run.checkpoints, "step"))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HeedfulError, match=FULL):
        start_run(recipe_of(tiny), run.path)
    monkeypatch.undo()
    kept = [p.name for p in list_checkpoints(run.checkpoints, "step")]
    assert not written or kept[0] >= max(written), "the last checkpoint stays until there is a newer one"
    for path in (*list_checkpoints(run.checkpoints, "step"), *list_checkpoints(run.checkpoints, "best")):
        verify(path)
    resume_run(run.path)
    assert weights(run) == weights(whole)
    assert [p for p in run.path.rglob("*") if p.name.startswith(".")] == []


def test_a_loss_that_is_not_a_number_leaves_a_checkpoint_to_begin_from(tiny, tmp_path, monkeypatch):
    run, real = RunFolder(tmp_path / "run"), loop._train_step

    def poisoned(t: Any, rows: list[int]) -> None:
        if t.progress.step == 7:
            with torch.no_grad():
                next(p for p in t.model.parameters() if p.ndim == 2)[:] = float("nan")
        real(t, rows)

    monkeypatch.setattr(loop, "_train_step", poisoned)
    with pytest.raises(TrainingError, match="not a number") as error:
        start_run(recipe_of(tiny), run.path)
    assert "\n" not in str(error.value)
    assert "the checkpoint of step 6 is kept: lower learning_rate (now 0.001)" in str(error.value)
    assert f"--model run:{run.path}@step=6" in str(error.value)
    assert read_json(run.manifest)["outcome"]["status"] == "failed"
    saved = checkpoints.read_checkpoint(list_checkpoints(run.checkpoints, "step")[0])
    assert saved.step == 6
    assert all(v.isfinite().all() for v in saved.weights.values())
    monkeypatch.undo()
    loaded = load_model(f"run:{run.path}@step=6")
    assert all(p.isfinite().all() for p in loaded.model.parameters())
    again = recipe_of(tiny, model=f"run:{run.path}@step=6", learning_rate=1e-4, epochs=1)
    assert read_json(start_run(again, tmp_path / "again").manifest)["outcome"]["status"] == "finished"


def test_weights_that_overflowed_never_take_the_place_of_a_checkpoint(tiny, tmp_path, monkeypatch):
    """A stop request right after the step that broke them: the loss of the next step would have told."""
    run, real = RunFolder(tmp_path / "run"), loop._train_step

    def overflowing(t: Any, rows: list[int]) -> None:
        real(t, rows)
        if t.progress.step == 8:
            with torch.no_grad():
                next(p for p in t.model.parameters() if p.ndim == 2)[0, 0] = float("inf")
            signal_stop()

    def signal_stop() -> None:
        import signal

        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(loop, "_train_step", overflowing)
    with pytest.raises(TrainingError, match=r"^step 8: .* is no longer finite; the checkpoint of step 6 is kept"):
        start_run(recipe_of(tiny), run.path)
    assert [p.name for p in list_checkpoints(run.checkpoints, "step")] == ["step-000006"]
    monkeypatch.undo()
    resume_run(run.path)
    assert len([m for m in read_metrics(run.metrics) if "train_loss" in m]) == 12


def test_the_room_that_a_kill_left_taken_is_given_back(tiny, tmp_path):
    run = start_run(recipe_of(tiny), tmp_path / "run")
    left = run.checkpoints / ".writing-abcdefgh"
    shutil.copytree(list_checkpoints(run.checkpoints, "step")[0], left)
    shutil.rmtree(run.model)
    resume_run(run.path)
    assert not left.exists()


def test_a_checkpoint_bears_its_name_after_all_of_it_is_on_the_disk(tmp_path, monkeypatch):
    """A machine that loses power keeps what was synced: the files and their folder before the name, then the name."""
    done: list[str] = []
    sync, rename = os.fsync, Path.replace

    def synced(handle: int) -> None:
        sync(handle)
        done.append(Path(f"/proc/self/fd/{handle}").readlink().name)

    def renamed(self: Path, target: Any) -> Any:
        done.append(f"-> {Path(target).name}")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    made = {"a": torch.ones(3)}
    checkpoints.save_checkpoint(tmp_path / "checkpoints", "step", 7, made, {"a/exp_avg": torch.ones(3)}, {})
    named = done.index("-> step-000007")
    before, after = done[:named], done[named + 1 :]
    state = before.index("-> state.json")
    assert before[:2] == ["weights.safetensors", "optimizer.safetensors"]
    assert before[2].startswith(".state.json."), "the state is synced under another name"
    assert state == 3
    assert before[4].startswith(".writing-"), "and the folder that holds the three"
    assert after == ["checkpoints"]
