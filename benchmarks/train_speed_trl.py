"""TRL's SFTTrainer as a contestant of `train_speed.py`: trains one step for every line that it reads.

    TRL_PYTHON train_speed_trl.py JOB.json

It writes a line of JSON when it is ready, after each step (seconds), and at the end (loss on the validation rows in
float32, peak memory). The rows come as token ids with a completion mask, so both sides train the same tokens.
"""

# pyright: reportMissingImports=false
from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "TQDM_DISABLE": "1"}

# TRL's defaults, and what a user would try next to make it faster on a CPU.
SETTINGS: dict[str, dict[str, Any]] = {
    "trl": {},
    "trl-nocheckpoint": {"gradient_checkpointing": False},
    "trl-fp32": {"gradient_checkpointing": False, "bf16": False},
    "trl-eager": {"gradient_checkpointing": False, "model_init_kwargs": {"attn_implementation": "eager"}},
    "trl-sorted": {"gradient_checkpointing": False, "train_sampling_strategy": "group_by_length"},
    # Rows end to end, as many tokens a step as the others have; without a flash kernel they see one another.
    "trl-packed": {"gradient_checkpointing": False, "packing": True, "per_device_train_batch_size": 1},
    "trl-fp32-sorted": {
        "gradient_checkpointing": False,
        "bf16": False,
        "train_sampling_strategy": "group_by_length",
    },
    "trl-fp32-sorted-eager": {
        "gradient_checkpointing": False,
        "bf16": False,
        "train_sampling_strategy": "group_by_length",
        "model_init_kwargs": {"attn_implementation": "eager"},
    },
    "trl-fp32-packed": {
        "gradient_checkpointing": False,
        "bf16": False,
        "packing": True,
        "per_device_train_batch_size": 1,
    },
    "trl-bf16-weights": {
        "gradient_checkpointing": False,
        "train_sampling_strategy": "group_by_length",
        "model_init_kwargs": {"dtype": "bfloat16"},
    },
    "trl-bf16-weights-eager": {
        "gradient_checkpointing": False,
        "train_sampling_strategy": "group_by_length",
        "model_init_kwargs": {"dtype": "bfloat16", "attn_implementation": "eager"},
    },
}
OUT = os.fdopen(os.dup(1), "w")


def say(**values: Any) -> None:
    print(json.dumps(values), file=OUT, flush=True)


def validation_loss(model: Any, rows: list[dict[str, Any]]) -> float:
    """Mean loss over the trained tokens of all rows, in float32, one row at a time."""
    import torch
    import torch.nn.functional as F

    model = model.float().eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for row in rows:
            ids, mask = torch.tensor([row["ids"]]), torch.tensor(row["mask"][1:])
            logits = model(input_ids=ids).logits[0, :-1][mask].float()
            total += float(F.cross_entropy(logits, ids[0, 1:][mask], reduction="sum"))
            count += int(mask.sum())
    return total / count


def main() -> None:
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoTokenizer, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    job = json.loads(Path(sys.argv[1]).read_text())
    if job["threads"]:
        torch.set_num_threads(job["threads"])

    class Commanded(TrainerCallback):
        begin = 0.0

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            sys.stdin.readline()
            self.begin = time.perf_counter()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            say(seconds=time.perf_counter() - self.begin)

    columns = [
        {"input_ids": r["ids"], "completion_mask": [int(t) for t in r["mask"]]}
        for r in job["rows"][: job["steps"] * job["batch"]]
    ]
    settings = SETTINGS[job["contestant"]]
    if settings.get("packing"):
        settings = settings | {"max_length": sum(len(c["input_ids"]) for c in columns) // job["steps"]}
    if job.get("in_order"):
        settings = settings | {"train_sampling_strategy": "sequential"}
    arguments = {
        "per_device_train_batch_size": job["batch"], "max_length": job["max_length"], **settings,
    }  # fmt: skip
    lora = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear") if job["tuning"] == "lora" else None
    sys.stdout = sys.stderr  # the trainer prints its log
    with tempfile.TemporaryDirectory() as folder:
        trainer = SFTTrainer(
            model=job["model"],
            processing_class=AutoTokenizer.from_pretrained(job["model"]),
            train_dataset=Dataset.from_list(columns),
            peft_config=lora,
            callbacks=[Commanded()],
            args=SFTConfig(
                output_dir=folder, max_steps=job["steps"],
                gradient_accumulation_steps=1, learning_rate=job["rate"], warmup_steps=0,
                lr_scheduler_type="constant", logging_steps=1, report_to="none", save_strategy="no",
                use_cpu=True, disable_tqdm=True, dataloader_pin_memory=False, completion_only_loss=True,
                **arguments,
            ),
        )  # fmt: skip
        say(ready=True, threads=torch.get_num_threads(), torch=torch.__version__)
        trainer.train()
        losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    bare = trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)  # else it goes on in bf16
    say(peak_mb=peak, losses=losses, val_loss=validation_loss(bare, job["val"]))


if __name__ == "__main__":
    main()
