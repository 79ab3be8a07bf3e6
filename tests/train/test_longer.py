"""A run that is given more epochs or steps: what it becomes, what is kept, what is refused, and kills in between."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from heedful.errors import RequestError, RunError
from heedful.store import RunFolder, read_json, read_jsonl, read_metrics
from heedful.train.recipe import make_recipe, read_recipe
from heedful.view import Silent
from heedful.workflow import continue_run, resume_run, start_run


def trained(tiny: Any, folder: Path, **changes: Any) -> RunFolder:
    quiet = {"samples": 0, "test_questions": 1, "max_new_tokens": 2, "warmup_steps": 2, "eval_every": 6}
    start_run(make_recipe(tiny.settings(**(quiet | changes))), folder)
    return RunFolder(folder)


def weights(run: RunFolder) -> dict[str, bytes]:
    return {k: v.numpy().tobytes() for k, v in load_file(run.model / "model.safetensors").items()}


def losses(run: RunFolder) -> dict[int, float]:
    return {m["step"]: m["train_loss"] for m in read_metrics(run.metrics) if "train_loss" in m}


@pytest.fixture(scope="module")
def short(tiny, tmp_path_factory) -> Path:
    """One epoch of six steps at a constant rate, with dropout."""
    return trained(tiny, tmp_path_factory.mktemp("short") / "run", epochs=1, schedule="constant", lora_dropout=0.1).path


@pytest.fixture(scope="module")
def long(tiny, tmp_path_factory) -> RunFolder:
    """Two such epochs at once."""
    return trained(tiny, tmp_path_factory.mktemp("long") / "run", epochs=2, schedule="constant", lora_dropout=0.1)


@pytest.fixture
def copy(short, tmp_path) -> RunFolder:
    shutil.copytree(short, tmp_path / "run")
    return RunFolder(tmp_path / "run")


class Listening(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, sentence: str) -> None:
        self.said.append(sentence)


def test_at_a_constant_rate_it_is_the_run_that_was_asked_for_as_much(copy, long):
    before = {p: p.read_bytes() for p in (copy.model / "model.safetensors", copy.responses("tuned"))}
    view = Listening()
    continue_run(copy.path, {"epochs": 2}, view)
    assert weights(copy) == weights(long)
    assert losses(copy) == losses(long)
    assert len(losses(copy)) == 12
    assert copy.report("html").is_file()
    outcomes = [read_json(r.manifest)["outcome"] for r in (copy, long)]
    for key in ("status", "steps", "best_step", "best_val_loss", "test_loss_before", "test_loss_after", "ended"):
        assert outcomes[0][key] == outcomes[1][key], key
    for path, data in before.items():
        assert (copy.path / "earlier/step-000006" / path.relative_to(copy.path)).read_bytes() == data
    assert any("constant: after step 6 it stays 0.001" in s for s in view.said)
    manifest = read_json(copy.manifest)
    (entry,) = manifest["continued"]
    assert (entry["step"], entry["kept"]) == (6, "earlier/step-000006")
    assert (entry["from"], entry["to"]) == ({"epochs": 1, "max_steps": None}, {"epochs": 2, "max_steps": None})
    assert manifest["recipe"]["epochs"] == read_recipe(copy.recipe).epochs == 2
    assert sorted({line["attempt"] for line in read_jsonl(copy.metrics)}) == [1, 2]


@pytest.mark.slow
def test_by_steps_too_and_twice(copy, long, tiny, tmp_path):
    run = trained(tiny, tmp_path / "steps", max_steps=6, epochs=2, schedule="constant", lora_dropout=0.1)
    continue_run(run.path, {"max_steps": 8})
    assert len(losses(run)) == 8
    continue_run(run.path, {"max_steps": None})
    assert weights(run) == weights(long)
    assert [e["step"] for e in read_json(run.manifest)["continued"]] == [6, 8]
    assert sorted(p.name for p in (run.path / "earlier").iterdir()) == ["step-000006", "step-000008"]


def test_a_warm_up_that_was_cut_is_told(tiny, tmp_path):
    changes = {"epochs": 2, "max_steps": 4, "schedule": "constant", "test_questions": 0}
    run, view = trained(tiny, tmp_path / "run", **changes), Listening()
    continue_run(run.path, {"max_steps": 5}, view)
    assert any("but the shorter run's warm-up was cut to 1 of its 2 steps" in s for s in view.said)


@pytest.mark.parametrize("schedule", ["linear", pytest.param("cosine", marks=pytest.mark.slow)])
def test_a_decaying_rate_is_that_of_the_new_length_from_there_on(tiny, tmp_path, schedule):
    run = trained(tiny, tmp_path / "run", epochs=1, schedule=schedule, test_questions=0)
    view = Listening()
    continue_run(run.path, {"epochs": 2}, view)
    rates = {m["step"]: m["lr"] for m in read_metrics(run.metrics) if "lr" in m}
    whole = [longer_rate(step, schedule) for step in range(7, 13)]
    assert [rates[s] for s in range(7, 13)] == pytest.approx(whole)
    assert rates[7] > rates[6]
    assert any(f"{schedule}: from step 7 on" in s and "differ" in s for s in view.said)


def longer_rate(step: int, schedule: str) -> float:
    from heedful.train.progress import learning_rate_at

    return learning_rate_at(step, 12, 1e-3, schedule, 2)


def test_a_run_that_stopped_early_is_trained_on(tiny, tmp_path):
    from heedful.train import loop
    from heedful.train.verdict import Evaluation

    made = iter([5.0, *(6.0,) * 99])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "measure_loss", lambda t, rows, step: Evaluation(step, (next(made),), (1,)))
        run = trained(tiny, tmp_path / "run", epochs=2, patience=1, eval_every=3, test_questions=0)
        assert read_json(run.manifest)["outcome"]["ended"] == "stopped early"
        assert max(losses(run)) == 3
        continue_run(run.path, {"epochs": 3})
    assert max(losses(run)) == 6, "patience is counted anew"


def test_resumed_without_more_it_stays_as_it_was(copy):
    before = weights(copy)
    resume_run(copy.path)
    assert weights(copy) == before
    assert not (copy.path / "earlier").exists()


@pytest.mark.slow
@pytest.mark.parametrize("moved", range(1, 6))
def test_a_kill_while_the_end_is_put_aside_is_mended(copy, long, moved, monkeypatch):
    """Killed after so many of the files were moved: resumed it makes its old end again, and then goes on."""
    before, real, count = weights(copy), Path.replace, 0

    def dying(self: Path, target: Any) -> Any:
        nonlocal count
        count += 1
        if count > moved:
            raise KeyboardInterrupt
        return real(self, target)

    monkeypatch.setattr(Path, "replace", dying)
    with pytest.raises(KeyboardInterrupt):
        continue_run(copy.path, {"epochs": 2})
    monkeypatch.undo()
    if moved % 2:
        resume_run(copy.path)
        assert weights(copy) == before
    continue_run(copy.path, {"epochs": 2})
    assert weights(copy) == weights(long)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"epochs": 1}, "has 1 epochs already"),
        ({"max_steps": 3}, "has no max_steps, which would shorten it"),
        ({"learning_rate": 1e-4}, "own recipe, so leave learning_rate away"),
        ({"epochs": 0}, "can only grow; 0 is not more"),
        ({"epochs": "many"}, "can only grow; many is not more"),
    ],
)
def test_what_would_not_make_it_longer_is_refused(copy, more, sentence):
    before = {p: p.stat().st_mtime_ns for p in copy.path.rglob("*")}
    with pytest.raises(RequestError, match=sentence) as error:
        continue_run(copy.path, more)
    assert "\n" not in str(error.value)
    assert {p: p.stat().st_mtime_ns for p in copy.path.rglob("*")} == before


def test_more_epochs_under_a_limit_of_steps_are_refused(tiny, tmp_path):
    run = trained(tiny, tmp_path / "run", epochs=1, max_steps=4, test_questions=0)
    with pytest.raises(RunError, match="has done 4 steps and max_steps is 4; raise max_steps as well"):
        continue_run(run.path, {"epochs": 3})
    with pytest.raises(RunError, match="max_steps is 4 and can only grow; 2 is not more"):
        continue_run(run.path, {"max_steps": 2})


def test_on_the_command_line(copy, heedful, long):
    status, _, said = heedful("train", "--resume", "--out", copy.path, "--set", "learning_rate=1e-4")
    assert status == 2
    assert "leave learning_rate away, or start a new run" in said
    status, _, said = heedful("train", "--resume", "--out", copy.path, "--epochs", "2")
    assert status == 0, said
    assert weights(copy) == weights(long)
