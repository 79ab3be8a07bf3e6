"""Sixty kills -9 of one small run: at random times, and at random file operations inside the writing of a checkpoint.

No hook in the product: the killed process counts Python's own audit events (open, rename, mkdir, remove) on paths below
``checkpoints/`` and kills itself before the n-th. After each kill every checkpoint that bears its right name must be
whole; at the end the weights must be those of the run that nobody killed, bit for bit.
"""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from heedful.models.checkpoints import list_checkpoints, verify
from heedful.store import RunFolder, read_metrics
from heedful.train.recipe import make_recipe, recipe_yaml

pytestmark = pytest.mark.slow

KILLS, KILLS_A_RUN = 30, 5  # of LoRA with dropout, and as many of full fine-tuning

MAIN = """
import signal
deadly, *arguments = arguments
seen = 0
def watch(event, arguments):
    global seen
    if event in ("open", "os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.scandir"):
        if any("checkpoints" in os.fsdecode(a) for a in arguments[:2] if isinstance(a, (str, bytes, os.PathLike))):
            seen += 1
            if seen == int(deadly):
                os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(watch)
sys.argv = ["heedful", "train", *arguments]
from heedful.cli.main import main
try:
    main()
finally:
    print("file operations:", seen)
"""


class Starter:
    """Starts `heedful train` in processes that are forked from one that has imported the libraries."""

    def __init__(self, forked: Any):
        self.forked = forked
        self.said = ""

    def run(self, *arguments: object, deadly: int = 0, after: float | None = None) -> int:
        """The exit status; minus 9 where it was killed. `after` so many seconds it is killed from outside."""
        command = self.forked(MAIN, deadly, *arguments)
        if after is not None:
            command.process.join(after)
            if command.process.is_alive():
                command.process.kill()
        status = command.wait(600)
        self.said = command.text
        return status

    def go_on(self, recipe: Path, run: RunFolder, **when: Any) -> int:
        """`run`, with a new run or one that was begun; what else than a kill ends it is an error."""
        begun = run.manifest.exists()
        status = self.run(*(("--resume", "--out", run.path) if begun else (recipe, "--out", run.path)), **when)
        assert status in (0, -signal.SIGKILL), self.said
        return status


def weights(run: RunFolder) -> dict[str, bytes]:
    return {k: v.numpy().tobytes() for k, v in load_file(run.model / "model.safetensors").items()}


def losses(run: RunFolder) -> list[tuple[int, float | None, float | None]]:
    return [(m["step"], m.get("train_loss"), m.get("val_loss")) for m in read_metrics(run.metrics)]


@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_a_run_killed_at_random_moments_ends_with_the_same_weights(tiny, tmp_path, tuning, capsys, forked):
    settings: dict[str, Any] = {"samples": 0, "test_questions": 1, "max_new_tokens": 2, "keep_checkpoints": 2}
    settings |= {"lora_dropout": 0.1} if tuning == "lora" else {}
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(recipe_yaml(make_recipe(tiny.settings(tuning=tuning, micro_batch_size=3, **settings))))
    starter, pick = Starter(forked), random.Random(tuning)
    whole = RunFolder(tmp_path / "whole")
    assert forked("").wait() == 0  # where this is the first, all is imported now
    began = time.monotonic()
    assert starter.run(recipe, "--out", whole.path) == 0
    seconds = time.monotonic() - began
    operations = int(starter.said.rpartition("file operations: ")[2])
    assert operations > 100
    kills = Counter(dict.fromkeys(("inside a checkpoint's writing, reading or removal", "at a random time"), 0))
    inside, outside = kills
    runs = 0
    # Where the machine is quicker than when the run was timed, more of the random times come after its end.
    while kills.total() < KILLS or min(kills.values()) < KILLS // 5:
        assert runs < 10 * KILLS
        run = RunFolder(tmp_path / f"run{runs}")
        for number in range(KILLS_A_RUN):
            if pick.random() < 0.6:
                how = inside
                status = starter.go_on(recipe, run, deadly=1 + pick.randrange(operations if number == 0 else 40))
            else:
                how = outside
                status = starter.go_on(recipe, run, after=pick.uniform(0.05, 0.6 * seconds))
            kills[how] += status != 0
            for path in (p for kind in ("step", "best") for p in list_checkpoints(run.checkpoints, kind)):
                verify(path)
            if status == 0:
                break
        assert starter.go_on(recipe, run) == 0, starter.said
        assert weights(run) == weights(whole)
        assert losses(run) == losses(whole)
        assert [p for p in run.path.rglob("*") if p.name.startswith(".")] == []
        runs += 1
    with capsys.disabled():
        print(f"\n{tuning}: {kills.total()} kills -9 ({dict(kills)}) in {time.monotonic() - began:.0f} s, "
              f"{runs} runs with the weights of the one that was not killed")  # fmt: skip
