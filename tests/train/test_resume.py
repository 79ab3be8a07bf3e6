"""Runs that are killed or interrupted, in processes of their own, and gone on with."""

from __future__ import annotations

import hashlib
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import heedful
from heedful.errors import Interrupted, RunError
from heedful.models.checkpoints import list_checkpoints, read_checkpoint
from heedful.records import hash_of
from heedful.store import RunFolder, read_json, read_jsonl, read_metrics, write_json
from heedful.train import loop
from heedful.train.recipe import make_recipe, recipe_yaml
from heedful.train.verdict import Evaluation
from heedful.view import Silent
from heedful.workflow import resume_run, start_run


@pytest.fixture(scope="session")
def recipe(tiny) -> Path:
    """A LoRA run with dropout, so that the state of the random numbers counts too."""
    path = tiny.folder / "resume.yaml"
    path.write_text(recipe_yaml(make_recipe(tiny.settings(lora_dropout=0.1, micro_batch_size=3))))
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
    "between": lambda run: steps(run) >= 8,
    "save": lambda run: files(run, ".adapter-*") or files(run, "adapter"),
    "while saving the model": lambda run: files(run, ".model-*"),
    "after": lambda run: run.model.is_dir(),
    "answers": lambda run: run.responses("tuned").is_file(),
    "report": lambda run: files(run, "scores/*"),
}


def stopped_when(heedful_command, recipe: Path, folder: Path, condition: Any, number: int = signal.SIGKILL) -> Any:
    """A run that got a signal at a moment, and its command; where a busy machine missed the moment, another run."""
    for attempt in range(10):
        run = RunFolder(folder / f"run{attempt}")
        command = heedful_command("train", recipe, "--out", run.path)
        if command.send_when(lambda run=run: condition(run), number):
            return run, command
    raise AssertionError(f"it always ended before:\n{command.text}")


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_and_resumed_is_the_same_run(recipe, whole, heedful_command, tmp_path, moment):
    run, command = stopped_when(heedful_command, recipe, tmp_path, MOMENTS[moment])
    assert command.wait() == -signal.SIGKILL
    resume(heedful_command, run)
    assert_like(run, whole)


@pytest.mark.slow
def test_attempts_are_numbered_when_killed_twice_between_checkpoints(recipe, whole, heedful_command, tmp_path):
    run, command = stopped_when(heedful_command, recipe, tmp_path, lambda run: steps(run) >= 5)
    command.wait()
    command = heedful_command("train", "--resume", "--out", run.path)
    assert command.send_when(lambda: any(line["attempt"] == 2 for line in read_jsonl(run.metrics)))
    command.wait()
    with run.metrics.open("ab") as f:
        f.write(b'{"attempt": 2, "step": 9')  # what a kill in the middle of a write leaves
    resume(heedful_command, run)
    assert sorted({line["attempt"] for line in read_jsonl(run.metrics)}) == [1, 2, 3]
    assert_like(run, whole)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_request_writes_a_checkpoint_and_says_how_to_go_on(recipe, whole, heedful_command, tmp_path, number):
    run, command = stopped_when(heedful_command, recipe, tmp_path, lambda run: steps(run) >= 4, number)
    assert command.wait() == 130
    assert "Traceback" not in command.text
    assert f"heedful train --resume --out {run.path}" in command.text.splitlines()[-1]
    last = steps(run)
    assert list_checkpoints(run.checkpoints, "step")[0].name == f"step-{last:06d}"
    assert read_json(run.manifest)["outcome"]["status"] == "interrupted"
    resume(heedful_command, run)
    assert_like(run, whole)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_request_in_this_process(tiny, tiny_run, tmp_path, monkeypatch, number):
    """What the processes of the slow tests show, as far as one process can: the signal comes in the midst of a step."""
    run, real = RunFolder(tmp_path / "run"), loop._train_step

    def interrupted(t: Any, rows: list[int]) -> None:
        if t.progress.step == 4:
            os.kill(os.getpid(), number)
        real(t, rows)

    monkeypatch.setattr(loop, "_train_step", interrupted)
    with pytest.raises(Interrupted, match=f"heedful train --resume --out {run.path}"):
        start_run(make_recipe(tiny.settings(keep_checkpoints=9)), run.path)
    assert list_checkpoints(run.checkpoints, "step")[0].name == "step-000005", "the step was finished, and none begun"
    assert read_json(run.manifest)["outcome"]["status"] == "interrupted"
    monkeypatch.undo()
    resume_run(run.path)
    assert_like(run, RunFolder(tiny_run))


@pytest.mark.slow
def test_sigterm_outside_the_loop_is_told_like_ctrl_c(recipe, heedful_command, tmp_path):
    condition = lambda run: files(run, "splits/*")  # noqa: E731
    run, command = stopped_when(heedful_command, recipe, tmp_path, condition, signal.SIGTERM)
    assert command.wait() == 130, command.text
    assert f"heedful train --resume --out {run.path}" in command.text.splitlines()[-1]
    assert read_json(run.manifest)["outcome"]["status"] == "interrupted"


@pytest.mark.slow
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


def flip_a_byte(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0x80
    file.write_bytes(data)


def change_a_number(file: Path) -> None:
    """Another step in the state, or another number in a tensor's header: still JSON, and still to be found out."""
    text = file.read_bytes().replace(b'"step": 12', b'"step": 11').replace(b"[0,", b"[1,", 1)
    assert text != file.read_bytes()
    file.write_bytes(text)


DAMAGE = {
    "damaged (still readable)": change_a_number,
    "damaged": flip_a_byte,
    "damaged (truncated)": lambda file: file.write_bytes(file.read_bytes()[:-7]),
    "missing": Path.unlink,
}
FILES = ("weights.safetensors", "optimizer.safetensors", "state.json")


class Listening(Silent):
    """A view that keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, sentence: str) -> None:
        self.said.append(sentence)


def is_found_out(newest: Path, name: str, how: str) -> None:
    DAMAGE[how](newest / name)
    with pytest.raises(RunError, match=f"^{newest}/{name}: {how.split()[0]}.*; restore it") as error:
        read_checkpoint(newest)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("name", FILES)
def test_damage_to_a_checkpoint_is_found_out(tiny_run, tmp_path, name, how):
    newest = list_checkpoints(RunFolder(tiny_run).checkpoints, "step")[0]
    shutil.copytree(newest, tmp_path / newest.name)
    is_found_out(tmp_path / newest.name, name, how)


@pytest.mark.parametrize(
    ("name", "how"),
    [
        (FILES[0], "damaged (still readable)"),
        (FILES[2], "missing"),
        pytest.param(FILES[1], "damaged", marks=pytest.mark.slow),
        pytest.param(FILES[2], "damaged (truncated)", marks=pytest.mark.slow),
        pytest.param(FILES[0], "missing", marks=pytest.mark.slow),
    ],
)
def test_a_damaged_checkpoint_is_told_and_the_one_before_serves(copy, tiny_run, name, how):
    newest = list_checkpoints(copy.checkpoints, "step")[0]
    is_found_out(newest, name, how)
    view = Listening()
    resume_run(copy.path, view)
    told = [s for s in view.said if name in s]
    assert len(told) == 1
    assert f"renamed to damaged-{newest.name}, and the run goes on from the checkpoint before it" in told[0]
    assert read_json(copy.manifest)["told"] == told
    assert (copy.checkpoints / f"damaged-{newest.name}").is_dir()
    assert weights(copy) == weights(RunFolder(tiny_run))
    assert read_checkpoint(newest).step == 12


def test_damaged_best_weights_are_found_before_training_goes_on(tiny, tmp_path, monkeypatch):
    """Not at the end of the run, when the best weights are wanted."""
    run = RunFolder(tmp_path / "run")
    made = iter((5.0, 2.0, 3.0, 4.0, 5.0))  # the best at step 3
    monkeypatch.setattr(loop, "measure_loss", lambda t, rows, step: Evaluation(step, (next(made),), (1,)))
    start_run(make_recipe(tiny.settings(keep_checkpoints=2, samples=0, test_questions=0)), run.path)
    newest, before = list_checkpoints(run.checkpoints, "step")
    best = run.checkpoints / "best-000003"
    shutil.rmtree(run.model)
    flip_a_byte(best / "weights.safetensors")
    with pytest.raises(RunError, match=f"^{best}/weights.safetensors: damaged .* no checkpoint before it is whole"):
        resume_run(run.path)
    assert newest.is_dir()
    assert before.is_dir()


def test_where_every_checkpoint_is_damaged_the_run_ends_in_one_sentence(copy):
    for path in list_checkpoints(copy.checkpoints, "step"):
        flip_a_byte(path / "weights.safetensors")
    held = {p: p.read_bytes() for p in copy.checkpoints.rglob("*") if p.is_file()}
    with pytest.raises(RunError, match=r"delete .*checkpoints to begin again from the start$") as error:
        resume_run(copy.path)
    assert "\n" not in str(error.value)
    assert {p: p.read_bytes() for p in copy.checkpoints.rglob("*") if p.is_file()} == held


class Bomb:
    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def test_a_pickle_in_a_checkpoint_is_never_read(copy, tiny_run, tmp_path):
    """Neither one beside the other files nor one under their name."""
    fired = tmp_path / "fired"
    newest, before = list_checkpoints(copy.checkpoints, "step")[:2]
    for name in ("optimizer.pt", "weights.bin", "rng.pkl"):
        (newest / name).write_bytes(pickle.dumps(Bomb(fired)))
    torch.save({"x": Bomb(fired)}, before / "weights.safetensors")
    assert read_checkpoint(newest).step == 12
    with pytest.raises(RunError, match="damaged"):
        read_checkpoint(before)
    resume_run(copy.path)
    assert weights(copy) == weights(RunFolder(tiny_run))
    assert not fired.exists()
    pickle.loads((newest / "rng.pkl").read_bytes())
    assert fired.exists(), "the bomb would have gone off"


def test_a_pickle_whose_hash_fits_is_refused_too(copy, tmp_path):
    """Who can write the folder can write the hash: the format itself must not run code."""
    fired = tmp_path / "fired"
    newest = list_checkpoints(copy.checkpoints, "step")[0]
    torch.save({"x": Bomb(fired)}, newest / "weights.safetensors")
    state = read_json(newest / "state.json")
    state["sha256"]["weights.safetensors"] = hashlib.sha256((newest / "weights.safetensors").read_bytes()).hexdigest()
    del state["self"]
    write_json(newest / "state.json", {**state, "self": hash_of(state, 64)})
    with pytest.raises(RunError, match=r"weights\.safetensors: not a safetensors file"):
        read_checkpoint(newest)
    assert not fired.exists()


def test_no_module_reads_pickles():
    """Neither torch.load nor pickle stands anywhere in the package."""
    sources = list(Path(heedful.__file__).parent.rglob("*.py"))
    assert len(sources) > 50
    for path in sources:
        assert not re.search(r"torch\.load\(|import pickle|pickle\.load|load_state_dict\(torch", path.read_text()), path


def test_without_any_checkpoint_left_it_begins_again(copy, tiny_run):
    for path in list_checkpoints(copy.checkpoints, "step"):
        shutil.rmtree(path)
    resume_run(copy.path)
    assert weights(copy) == weights(RunFolder(tiny_run))


@pytest.mark.parametrize("keep", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_best_weights_are_kept_as_long_as_a_checkpoint_names_them(tiny, tmp_path, keep):
    run = RunFolder(tmp_path / "run")
    start_run(make_recipe(tiny.settings(keep_checkpoints=keep, samples=0, test_questions=0)), run.path)
    kept = list_checkpoints(run.checkpoints, "step")
    assert len(kept) == keep
    named = {f"best-{read_json(p / 'state.json')['best_step']:06d}" for p in kept}
    assert {p.name for p in list_checkpoints(run.checkpoints, "best")} == named


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
    for kept in ("", ', "recipe": {}', ', "recipe": null', ', "recipe": {"model": ""}'):
        (tmp_path / "manifest.json").write_text('{"schema": "heedful.run/1"' + kept + "}")
        with pytest.raises(RunError, match="bears no recipe"):
            resume_run(tmp_path)


def test_a_folder_that_is_not_empty_is_left_alone(tiny, tiny_run, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RunError, match="not empty; choose another --out"):
        start_run(make_recipe(tiny.settings()), tmp_path)
    with pytest.raises(RunError, match="--resume"):
        start_run(make_recipe(tiny.settings()), tiny_run)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]
