"""What `heedful train --plan` predicts against what a run takes: memory of whole runs, seconds of steps in turn.

    python benchmarks/plan.py FILE [--model pip:smollm2-135m-instruct] [--tuning lora] [--precision fp32] [--memory]

Steps and plans are timed in turn in this process, in CPU seconds of one thread, which other programs on the machine
hardly move: a plan, two steps on the rows that it tried, four of the run's own. With --memory a plan and a run of two
steps are processes of their own, and the highest resident memory of the run is the system's (`wait4`).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from types import SimpleNamespace
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"


def load() -> str:
    return f"load {os.getloadavg()[0]:.1f}"


def times(given: argparse.Namespace, settings: dict[str, Any], rounds: int = 3) -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    from heedful.batches import LengthBatches
    from heedful.chat import Chat
    from heedful.models.adapters import add_lora
    from heedful.models.loading import load_model
    from heedful.store import RunFolder
    from heedful.train import loop, probe
    from heedful.train.prepare import prepare_data
    from heedful.train.recipe import make_recipe
    from heedful.train.training import prepare_training
    from heedful.view import Silent

    probe.time = loop.time = SimpleNamespace(perf_counter=time.process_time)  # type: ignore[assignment]
    recipe = make_recipe(settings)
    half = torch.bfloat16 if given.precision == "bf16" and given.tuning == "lora" else torch.float32
    loaded = load_model(given.model, half)
    data = prepare_data(recipe, Chat.bind(recipe.template, loaded.tokenizer))
    train, val, model = data.tokens["train"], data.tokens["val"], loaded.model
    if given.tuning == "lora":
        model = add_lora(model, recipe.lora_rank, recipe.lora_alpha, recipe.lora_dropout, recipe.lora_targets)
    run = RunFolder(tempfile.mkdtemp())
    made = prepare_training(
        model, train, val, recipe, run, precision=given.precision, device=torch.device("cpu"), pad_id=0,
        watcher=Silent(),
    )  # fmt: skip
    place = {row.id: number for number, row in enumerate(train)}
    tried = [place[row.id] for row in probe._average_step(recipe, train, "cpu")]
    batches = list(LengthBatches([len(row.ids) for row in train], recipe.batch_size, recipe.seed))
    source = probe.source_of(given.model)
    assert source is not None
    loop._train_step(made, tried)  # makes moments and warms caches

    def seconds(rows: list[int]) -> float:
        begin = time.process_time()
        loop._train_step(made, rows)
        return time.process_time() - begin

    print(f"{given.model}, {given.tuning}, {given.precision}; {run.read_manifest()['engine']}")
    for number in range(rounds):
        plan = probe.estimate(recipe, source, train, val, given.precision)
        same = min(seconds(tried) for _ in range(2))
        own = [seconds(rows) for rows in batches[4 * number : 4 * number + 4]]
        print(
            f"  plan {plan.seconds_per_step:.2f} s; those rows {same:.2f} ({plan.seconds_per_step / same - 1:+.0%}), "
            f"the run's own {sum(own) / len(own):.2f}; {load()}",
            flush=True,
        )


def memory(given: argparse.Namespace, settings: dict[str, Any]) -> None:
    more = {"samples": 0, "test_questions": 0, "max_steps": 2, "limit": 160}
    words = [w for k, v in {**settings, **more}.items() if k != "data" for w in ("--set", f"{k}={v}")]
    base = [sys.executable, "-m", "heedful.cli.main", "train", "--data", given.file, *words]
    done = subprocess.run([*base, "--plan", "--json"], check=True, capture_output=True, text=True)
    plan = json.loads(done.stdout)["estimate"]
    out = tempfile.mkdtemp() + "/run"
    process = subprocess.Popen([*base, "--out", out], stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0, "the run failed"
    real = used.ru_maxrss * 1024 / 1e9
    print(f"{given.model}, {given.tuning}, {given.precision}: plan {plan['memory_gb']:.2f} GB, highest {real:.2f} GB "
          f"({plan['memory_gb'] / real - 1:+.0%}); {plan['parts_gb']}; {plan['engine']}")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--model", default="pip:smollm2-135m-instruct")
    parser.add_argument("--tuning", default="lora")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--memory", action="store_true")
    given = parser.parse_args()
    recipe: dict[str, Any] = {"model": given.model, "data": [given.file], "tuning": given.tuning, "device": "cpu"}
    recipe |= {"template": "alpaca", "precision": given.precision}
    (memory if given.memory else times)(given, recipe)
