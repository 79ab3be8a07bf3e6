"""Runs that are killed or interrupted, in processes of their own, and gone on with."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

from heedful.errors import RunError
from heedful.models.checkpoints import list_checkpoints, read_checkpoint
from heedful.store import RunFolder, read_json, read_jsonl, read_metrics
from heedful.train.recipe import make_recipe, recipe_yaml
from heedful.workflow import resume_run, start_run


@pytest.fixture(scope="session")
def recipe(tiny) -> Path:
    """A LoRA run with dropout, so that the state of the random numbers counts too."""
    path = tiny.folder / "resume.yaml"
    path.write_text(recipe_yaml(make_recipe(tiny.settings(lora_dropout=0.1, micro_batch_size=3, epochs=3))))
    return path


@pytest.fixture(scope="session")
def whole(recipe, heedful_command, tmp_path_factory) -> RunFolder:
    """The run that nobody interrupted."""
    run = RunFolder(tmp_path_factory.mktemp("whole") / "run")
    command = heedful_command("train", recipe, "--out", run.path)
    assert command.wait() == 0, command.text
    assert "Warning" not in command.text
    return run


def weights(run: RunFolder) -> dict[str, bytes]:
    return {k: v.numpy().tobytes() for k, v in load_file(run.model / "model.safetensors").items()}


def assert_like(run: RunFolder, whole: RunFolder) -> None:
    """The same weights bit for bit, and everything there that the whole run has."""
    assert weights(run) == weights(whole)
    assert run.report("html").is_file()
    assert run.recipe.read_text() == whole.recipe.read_text()
    keys = ("step", "train_loss", "val_loss", "lr", "tokens", "trained_tokens")
    lines = [[{k: line.get(k) for k in keys} for line in read_metrics(r.metrics)] for r in (run, whole)]
    assert lines[0] == lines[1]
    texts = [{r["example_id"]: r["text"] for r in read_jsonl(x.responses("tuned"))} for x in (run, whole)]
    assert texts[0] == texts[1]
    outcomes = [read_json(r.manifest)["outcome"] for r in (run, whole)]
    for key in ("status", "best_step", "best_val_loss", "test_loss_before", "test_loss_after", "verdict", "steps"):
        assert outcomes[0][key] == outcomes[1][key], key
    left = [p for p in run.path.rglob("*") if p.name.startswith(".")]
    assert left == []


def resume(heedful_command, run: RunFolder) -> None:
    command = heedful_command("train", "--resume", "--out", run.path)
    assert command.wait() == 0, command.text


def steps(run: RunFolder) -> int:
    return max((line["step"] for line in read_jsonl(run.metrics)), default=-1)


def files(run: RunFolder, pattern: str) -> bool:
    return any(run.path.glob(pattern))


# Moments in the life of a run, in order; all are polled, none is a hook in the product.
MOMENTS = {
    "manifest": lambda run: run.manifest.is_file(),
    "data": lambda run: files(run, "splits/*"),
    "load": lambda run: run.ledger.is_file(),
    "before": lambda run: run.responses("base").is_file(),
    "before the first checkpoint": lambda run: run.metrics.is_file(),
    "while writing a checkpoint": lambda run: files(run, "checkpoints/.writing-*"),
    "while writing a later checkpoint": lambda run: steps(run) >= 6 and files(run, "checkpoints/.writing-*"),
    "between": lambda run: steps(run) == 8,
    "save": lambda run: files(run, ".adapter-*") or files(run, "adapter"),
    "while saving the model": lambda run: files(run, ".model-*"),
    "after": lambda run: run.model.is_dir(),
    "answers": lambda run: run.responses("tuned").is_file(),
    "report": lambda run: files(run, "scores/*"),
}
FAST = ("before", "while writing a later checkpoint", "while saving the model")
SLOW = [pytest.param(m, marks=pytest.mark.slow) for m in MOMENTS if m not in FAST]


@pytest.mark.parametrize("moment", [*FAST, *SLOW])
def test_killed_and_resumed_is_the_same_run(recipe, whole, heedful_command, tmp_path, moment):
    run = RunFolder(tmp_path / "run")
    command = heedful_command("train", recipe, "--out", run.path)
    assert command.send_when(lambda: MOMENTS[moment](run)), f"it ended before:\n{command.text}"
    assert command.wait() == -signal.SIGKILL
    resume(heedful_command, run)
    assert_like(run, whole)


@pytest.mark.slow
def test_killed_ten_times(recipe, whole, heedful_command, tmp_path):
    run = RunFolder(tmp_path / "run")
    pick = random.Random(0)
    kills = 0
    command = heedful_command("train", recipe, "--out", run.path)
    while kills < 10:
        target = steps(run) + pick.choice([1, 1, 2, 3])
        moment = pick.choice([lambda t=target: steps(run) >= t, lambda: files(run, "checkpoints/.writing-*")])
        if not command.send_when(moment, timeout=10):
            break
        command.wait()
        kills += 1
        command = heedful_command("train", "--resume", "--out", run.path)
    command.wait()
    resume(heedful_command, run)
    assert kills == 10
    assert_like(run, whole)


def test_attempts_are_numbered_when_killed_twice_between_checkpoints(recipe, whole, heedful_command, tmp_path):
    run = RunFolder(tmp_path / "run")
    command = heedful_command("train", recipe, "--out", run.path)
    assert command.send_when(lambda: steps(run) >= 5)
    command.wait()
    command = heedful_command("train", "--resume", "--out", run.path)
    assert command.send_when(lambda: any(line["attempt"] == 2 for line in read_jsonl(run.metrics)))
    command.wait()
    with run.metrics.open("ab") as f:
        f.write(b'{"attempt": 2, "step": 9')  # what a kill in the middle of a write leaves
    resume(heedful_command, run)
    assert sorted({line["attempt"] for line in read_jsonl(run.metrics)}) == [1, 2, 3]
    assert_like(run, whole)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_request_writes_a_checkpoint_and_says_how_to_go_on(recipe, whole, heedful_command, tmp_path, number):
    run = RunFolder(tmp_path / "run")
    command = heedful_command("train", recipe, "--out", run.path)
    assert command.send_when(lambda: steps(run) >= 4, number)
    assert command.wait() == 130
    assert "Traceback" not in command.text
    assert f"heedful train --resume --out {run.path}" in command.text.splitlines()[-1]
    last = steps(run)
    assert list_checkpoints(run.checkpoints, "step")[0].name == f"step-{last:06d}"
    assert read_json(run.manifest)["outcome"]["status"] == "interrupted"
    resume(heedful_command, run)
    assert_like(run, whole)


def test_sigterm_outside_the_loop_is_told_like_ctrl_c(recipe, heedful_command, tmp_path):
    run = RunFolder(tmp_path / "run")
    command = heedful_command("train", recipe, "--out", run.path)
    assert command.send_when(lambda: files(run, "splits/*"), signal.SIGTERM)
    assert command.wait() == 130, command.text
    assert f"heedful train --resume --out {run.path}" in command.text.splitlines()[-1]
    assert read_json(run.manifest)["outcome"]["status"] == "interrupted"


def test_a_process_from_the_shell(recipe, whole, tmp_path):
    """The same by `python -m`, without the fork server of the other tests."""
    run = RunFolder(tmp_path / "run")
    base = [sys.executable, "-m", "heedful.cli.main", "train"]
    with subprocess.Popen([*base, str(recipe), "--out", str(run.path)], stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not files(run, "checkpoints/step-000003"):
            time.sleep(0.002)
        process.kill()
    done = subprocess.run([*base, "--resume", "--out", str(run.path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    assert_like(run, whole)


@pytest.fixture
def copy(tiny_run, tmp_path) -> RunFolder:
    """A finished run that lacks its model: training and what follows is to be done again."""
    shutil.copytree(tiny_run, tmp_path / "run")
    run = RunFolder(tmp_path / "run")
    shutil.rmtree(run.model)
    return run


@pytest.mark.parametrize("name", ["weights.safetensors", "optimizer.safetensors", "state.json"])
def test_a_damaged_checkpoint_is_told_and_the_one_before_serves(copy, tiny_run, name):
    newest, before = list_checkpoints(copy.checkpoints, "step")[:2]
    data = bytearray((newest / name).read_bytes())
    data[len(data) // 2] ^= 0x80
    (newest / name).write_bytes(data)
    with pytest.raises(RunError, match=f"{name}: damaged .* delete .*{newest.name} to go on") as error:
        resume_run(copy.path)
    assert "\n" not in str(error.value)
    shutil.rmtree(newest)
    assert before.is_dir()
    resume_run(copy.path)
    assert weights(copy) == weights(RunFolder(tiny_run))


def test_a_checkpoint_without_its_state_is_damaged_too(copy):
    newest = list_checkpoints(copy.checkpoints, "step")[0]
    (newest / "state.json").unlink()
    with pytest.raises(RunError, match="damaged"):
        read_checkpoint(newest)


def test_without_any_checkpoint_left_it_begins_again(copy, tiny_run):
    for path in list_checkpoints(copy.checkpoints, "step"):
        shutil.rmtree(path)
    resume_run(copy.path)
    assert weights(copy) == weights(RunFolder(tiny_run))
    assert len(list_checkpoints(copy.checkpoints, "best")) == 1


def test_a_best_checkpoint_of_an_undone_attempt_is_not_taken(copy, tiny_run):
    """A kill between the best weights and the checkpoint that names them."""
    best = list_checkpoints(copy.checkpoints, "best")[0]
    shutil.copytree(best, best.with_name("best-009999"))
    resume_run(copy.path)
    assert weights(copy) == weights(RunFolder(tiny_run))
    assert not best.with_name("best-009999").exists()


def test_torn_answers_are_asked_again(tiny_run, tmp_path):
    shutil.copytree(tiny_run, tmp_path / "run")
    run = RunFolder(tmp_path / "run")
    expected = read_jsonl(run.responses("tuned"))
    data = run.responses("tuned").read_bytes()
    run.responses("tuned").write_bytes(data[:-20])
    run.report("html").unlink()
    resume_run(run.path)
    again = read_jsonl(run.responses("tuned"))
    assert [r["text"] for r in again] == [r["text"] for r in expected]
    assert run.report("html").is_file()


def test_answers_that_failed_are_asked_again(tiny_run, tmp_path):
    shutil.copytree(tiny_run, tmp_path / "run")
    run = RunFolder(tmp_path / "run")
    text = run.responses("tuned").read_text()
    reason = read_jsonl(run.responses("tuned"))[-1]["finish_reason"]
    head, _, last = text.rstrip("\n").rpartition("\n")
    failed = last.replace(f'"{reason}"', '"error"', 1)
    run.responses("tuned").write_text(f"{head}\n{failed}\n")
    resume_run(run.path)
    assert len(read_jsonl(run.responses("tuned"))) == 4
    assert read_jsonl(run.responses("tuned"))[-1]["finish_reason"] == reason


def test_a_finished_run_may_be_resumed_and_stays(tiny_run, tmp_path):
    shutil.copytree(tiny_run, tmp_path / "run")
    run = RunFolder(tmp_path / "run")
    before = {p: p.read_bytes() for p in (run.metrics, run.responses("tuned"), run.responses("base"), run.samples)}
    resume_run(run.path)
    assert {p: p.read_bytes() for p in before} == before
    assert run.read_manifest()["outcome"]["status"] == "finished"


def test_a_kill_before_the_recipe_was_written_is_mended(tiny_run, tmp_path):
    shutil.copytree(tiny_run, tmp_path / "run")
    run = RunFolder(tmp_path / "run")
    text = run.recipe.read_text()
    run.recipe.unlink()
    resume_run(run.path)
    assert run.recipe.read_text() == text


def test_what_is_no_run_is_told(tmp_path):
    with pytest.raises(RunError, match="not a run"):
        resume_run(tmp_path)
    (tmp_path / "manifest.json").write_text('{"schema": "heedful.run/1"}')
    with pytest.raises(RunError, match="bears no recipe"):
        resume_run(tmp_path)


def test_a_folder_that_is_not_empty_is_left_alone(tiny, tiny_run, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RunError, match="not empty; choose another --out"):
        start_run(make_recipe(tiny.settings()), tmp_path)
    with pytest.raises(RunError, match="--resume"):
        start_run(make_recipe(tiny.settings()), tiny_run)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]
