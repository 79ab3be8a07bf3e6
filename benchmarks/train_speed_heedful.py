"""Heedful as a contestant of `train_speed.py`: trains one step for every line that it reads.

    python train_speed_heedful.py JOB.json

The same lines of JSON as `train_speed_trl.py`: ready, seconds of each step, and at the end losses and peak memory. A
contestant's name bears its settings: ``heedful:precision=fp32,engine=plain``.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
sys.path.insert(0, str(Path(__file__).parent))
OUT = os.fdopen(os.dup(1), "w")


def say(**values: Any) -> None:
    print(json.dumps(values), file=OUT, flush=True)


def training_of(job: dict[str, Any], folder: str) -> Any:
    """A training of the job's rows, ready for its first step, with the settings that the contestant's name bears."""
    import torch

    from heedful.models.adapters import add_lora
    from heedful.models.loading import load_model
    from heedful.models.machine import choose_device, choose_precision
    from heedful.records import TokenExample
    from heedful.store import RunFolder
    from heedful.train.recipe import read_recipe
    from heedful.train.training import prepare_training
    from heedful.view import Silent
    from heedful.workflow import _dtype

    if job["threads"]:
        torch.set_num_threads(job["threads"])
    settings = [s for s in job["contestant"].partition(":")[2].split(",") if s]
    recipe = read_recipe(
        settings=[
            f"tuning={job['tuning']}", f"batch_size={job['batch']}", f"max_steps={job['steps']}",
            f"learning_rate={job['rate']}", "schedule=constant", "warmup_steps=0", "epochs=1",
            f"max_length={job['max_length']}", *settings,
        ],
        flags={"model": job["model"], "device": "cpu"},
    )  # fmt: skip
    rows = [TokenExample(str(n), tuple(r["ids"]), tuple(r["mask"])) for n, r in enumerate(job["rows"])]
    device = choose_device("cpu")
    precision = choose_precision(recipe.precision, device)
    loaded = load_model(job["model"], _dtype(recipe, precision), device, recipe.attention)
    torch.manual_seed(0)
    model = loaded.model
    if recipe.tuning == "lora":
        model = add_lora(model, recipe.lora_rank, recipe.lora_alpha, recipe.lora_dropout, recipe.lora_targets)
    return prepare_training(
        model, rows[: job["steps"] * job["batch"]], rows[:1], recipe, RunFolder(folder),
        precision=precision, device=device, pad_id=loaded.tokenizer.pad_token_id, watcher=Silent(),
    )  # fmt: skip


def main() -> None:
    import torch
    from train_speed_trl import validation_loss

    from heedful.train.loop import _rest_of_epoch, _train_step

    job = json.loads(Path(sys.argv[1]).read_text())
    with tempfile.TemporaryDirectory() as folder:
        training = training_of(job, folder)
        engine = training.run.read_manifest()["engine"]
        say(
            ready=True, threads=torch.get_num_threads(), torch=torch.__version__, precision=training.precision,
            engine=engine,
        )  # fmt: skip
        size = job["batch"]
        in_order = [list(range(i, i + size)) for i in range(0, size * job["steps"], size)]
        for batch in in_order if job.get("in_order") else _rest_of_epoch(training):
            sys.stdin.readline()
            begin = time.perf_counter()
            _train_step(training, batch)
            say(seconds=time.perf_counter() - begin)
        lines = [json.loads(line) for line in (Path(folder) / "metrics.jsonl").read_text().splitlines()]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    losses = [line["train_loss"] for line in lines]
    say(peak_mb=peak, losses=losses, val_loss=validation_loss(training.model, job["val"]))


if __name__ == "__main__":
    main()
