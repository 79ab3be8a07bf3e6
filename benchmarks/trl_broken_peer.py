"""What TRL's SFTTrainer does with each broken file; `trl_broken.py` runs this with the interpreter that has TRL.

    PYTHON trl_broken_peer.py JOBS.json RESULT.json

Every case runs in a fork of its own, so that a warning that is shown once a process is shown in every case. Files are
read by `datasets.load_dataset`, tokens are made by the trainer itself, and what is counted is what its own data loader
hands to the model.
"""

# pyright: reportMissingImports=false
from __future__ import annotations

import json
import logging
import math
import multiprocessing
import os
import sys
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "TQDM_DISABLE": "1", "OMP_NUM_THREADS": "1"}


class Heard(logging.Handler):
    """Keeps what is logged as a warning or worse."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name}: {record.getMessage()}")


def case(job: dict[str, Any]) -> dict[str, Any]:
    """Load, prepare, count, train one step: the facts, and at which of these it stopped."""
    heard = Heard()
    for name in (None, "transformers", "datasets", "trl"):
        logging.getLogger(name).addHandler(heard)
    out: dict[str, Any] = {"phase": "load"}
    with warnings.catch_warnings(record=True) as shown, tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("always")
        try:
            (config if job["settings"] in ("config", "command") else train)(job, Path(folder), out)
        except BaseException as e:
            text = [line for line in str(e).splitlines() if line.strip()] or [""]
            cause = e.__cause__ or e.__context__
            out["error"] = {"type": type(e).__name__, "message": text[0][:300]}
            if cause and str(cause):
                out["error"]["cause"] = f"{type(cause).__name__}: {str(cause).splitlines()[0][:300]}"
    out["warnings"] = sorted({*heard.lines, *(f"{w.category.__name__}: {w.message}" for w in shown)})
    return out


def config(job: dict[str, Any], folder: Path, out: dict[str, Any]) -> None:
    """The configuration alone: as `SFTConfig(**settings)`, or as the command `trl sft --config FILE` reads it."""
    import yaml
    from trl import SFTConfig
    from trl.scripts import sft

    out["phase"] = "configure"
    if job["settings"] == "config":
        SFTConfig(output_dir=str(folder), **yaml.safe_load(Path(job["recipe"]).read_text()))
    else:
        given = ["--config", job["recipe"], "--output_dir", str(folder), "--model_name_or_path", job["model"]]
        given += ["--use_cpu", "true", "--bf16", "false"]
        _, args, _, _ = sft.make_parser().parse_args_and_config(given, fail_with_unknown_args=False)  # as sft.py does
        out["learning_rate"] = args.learning_rate
    out["phase"] = "done"


def train(job: dict[str, Any], folder: Path, out: dict[str, Any]) -> None:
    from datasets import load_dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import SFTConfig, SFTTrainer, maybe_convert_to_chatml

    kind = "csv" if job["files"]["train"].endswith(".csv") else "json"
    data = load_dataset(kind, data_files=job["files"], cache_dir=str(folder / "cache"))
    out |= {"rows": len(data["train"]), "phase": "prepare"}
    if job["settings"] == "converted":
        data = data.map(maybe_convert_to_chatml, remove_columns="conversations")
    tokenizer = AutoTokenizer.from_pretrained(job["model"])
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(job["model"]),
        processing_class=tokenizer,
        train_dataset=data["train"],
        eval_dataset=data.get("test"),
        args=SFTConfig(
            output_dir=str(folder), max_length=job["max_length"], max_steps=1, per_device_train_batch_size=4,
            gradient_accumulation_steps=4, logging_steps=1, report_to="none", save_strategy="no", use_cpu=True,
            bf16=False, disable_tqdm=True, dataloader_pin_memory=False, **job["options"],
        ),
    )  # fmt: skip
    out |= {"reach": len(trainer.train_dataset), "phase": "train"}
    out |= count(trainer, tokenizer, job["marks"])
    trainer.train()
    losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
    out |= {"loss": losses[0] if losses and math.isfinite(losses[0]) else str(losses[:1]), "phase": "done"}


def count(trainer: Any, tokenizer: Any, marks: dict[str, str]) -> dict[str, Any]:
    """What the batches hold. A trained token is a label that some position predicts, so not the first of a row."""
    ids: list[list[int]] = []
    trained: list[list[int]] = []
    for batch in trainer.get_train_dataloader():
        rows = zip(batch["input_ids"].tolist(), batch["labels"].tolist(), batch["attention_mask"].tolist(), strict=True)
        for row, labels, real in rows:
            ids.append([i for i, r in zip(row, real, strict=True) if r])
            trained.append([i for i in labels[1:] if i != -100])
    stop, bos = tokenizer.eos_token_id, tokenizer.bos_token_id
    texts, answers = [tokenizer.decode(i) for i in ids], [tokenizer.decode(i) for i in trained]
    return {
        "tokens": sum(map(len, ids)),
        "trained_tokens": sum(map(len, trained)),
        "rows_with_trained_stop": sum(stop in row[-2:] for row in trained),
        "rows_wholly_masked": sum(not row for row in trained),
        "most_bos": max((row.count(bos) for row in ids), default=0) if bos is not None else 0,
        "marks": {
            name: {"rows": sum(m in t for t in texts), "trained": sum(m in t for t in answers)}
            for name, m in marks.items()
        },
        "first_row": texts[0] if texts else "",
    }


def forked(job: dict[str, Any], results: Any) -> None:
    results.put(case(job))


def main() -> None:
    import datasets
    import torch
    import trl.scripts.sft  # noqa: F401
    from trl import SFTConfig, SFTTrainer  # noqa: F401 - before the forks, so that they need not

    torch.set_num_threads(1)
    datasets.disable_progress_bars()
    context = multiprocessing.get_context("fork")
    out = {}
    for job in json.loads(Path(sys.argv[1]).read_text()):
        results = context.Queue()
        process = context.Process(target=forked, args=(job, results))
        process.start()
        facts = results.get(timeout=120)
        process.join()
        out.setdefault(job["name"], {})[job["settings"]] = facts
        print(job["name"], job["settings"], facts["phase"], facts.get("error", ""), file=sys.stderr, flush=True)
    names = ("trl", "transformers", "datasets", "tokenizers", "torch", "accelerate")
    found = {"versions": {name: version(name) for name in names}, "cases": out}
    Path(sys.argv[2]).write_text(json.dumps(found, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
