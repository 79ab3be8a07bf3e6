"""From a file to packed token rows: 100,000 rows read, rendered, tokenised, masked and packed, by Heedful and by TRL.

    python benchmarks/prepare_rows.py --trl TRL_PYTHON [--rows 100000] [--model smollm2-135m-instruct]

Both read the same JSONL file of questions and answers (made by a seed, as in check_rows.py), render the same Alpaca
prompt, mark the answer and its end-of-text, and pack rows into sequences of 1,024 tokens. TRL gets a `prompt` and a
`completion` column, as its documentation has it, made by `datasets.map`; its packing is its default. A process each,
started in turn; seconds are of the work alone, without imports and without loading the tokenizer; TRL's cache is empty.
`heedful train` also checks the rows (ledger, near-duplicates, overlaps): that is the third line.
"""

# pyright: reportMissingImports=false
from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"
LENGTH = 1024
INTRODUCTION = "Below is an instruction that describes a task"
WITH_INPUT = (
    f"{INTRODUCTION}, paired with an input that provides further context. Write a response that appropriately "
    "completes the request.\n\n### Instruction:\n{}\n\n### Input:\n{}\n\n### Response:\n"
)
WITHOUT = (
    f"{INTRODUCTION}. Write a response that appropriately completes the request.\n\n### Instruction:\n{{}}\n\n"
    "### Response:\n"
)


def heedful(file: str, model: str, checks: bool) -> dict[str, Any]:
    from heedful.batches import pack
    from heedful.chat import Chat
    from heedful.data import read_examples
    from heedful.models.loading import load_tokenizer
    from heedful.train.prepare import prepare_data
    from heedful.train.recipe import make_recipe

    chat = Chat.bind("alpaca", load_tokenizer(model))
    begin = time.perf_counter()
    if checks:
        parts = prepare_data(make_recipe({"data": [file], "template": "alpaca"}), chat).tokens
        rows = [row for part in parts.values() for row in part]
    else:
        rows = list(chat.encode_all(read_examples(file)))
    sequences = pack([len(r.ids) for r in rows], LENGTH)
    seconds = time.perf_counter() - begin
    tokens = sum(len(r.ids) for r in rows)
    return {
        "seconds": seconds, "rows": len(rows), "tokens": tokens, "trained": sum(r.trained_tokens for r in rows),
        "sequences": len(sequences),
    }  # fmt: skip


def trl(file: str, model: str) -> dict[str, Any]:
    from datasets import disable_progress_bars, load_dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    disable_progress_bars()
    tokenizer = AutoTokenizer.from_pretrained(model)
    network = AutoModelForCausalLM.from_pretrained(model)

    def columns(row: dict[str, str]) -> dict[str, str]:
        prompt = WITH_INPUT.format(row["instruction"], row["input"]) if row["input"] else ""
        return {"prompt": prompt or WITHOUT.format(row["instruction"]), "completion": row["output"]}

    with tempfile.TemporaryDirectory() as folder:
        arguments = SFTConfig(
            output_dir=folder, packing=True, max_length=LENGTH, report_to="none", use_cpu=True,
            completion_only_loss=True, disable_tqdm=True, dataloader_pin_memory=False,
        )  # fmt: skip
        begin = time.perf_counter()
        data = load_dataset("json", data_files=file, split="train", cache_dir=folder)
        data = data.map(columns, remove_columns=data.column_names)
        trainer = SFTTrainer(model=network, processing_class=tokenizer, train_dataset=data, args=arguments)
        seconds = time.perf_counter() - begin
        made = trainer.train_dataset
        tokens = sum(len(r) for r in made["input_ids"])
        if "completion_mask" in made.column_names:
            trained = sum(sum(r) for r in made["completion_mask"])
        else:
            trained = sum(label != -100 for r in made["labels"] for label in r)
        return {
            "seconds": seconds, "rows": data.num_rows, "tokens": tokens, "sequences": len(made),
            "trained": trained,
        }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trl", default=sys.executable, help="the interpreter that has TRL")
    parser.add_argument("--model", default="smollm2-135m-instruct")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--child", nargs=3, metavar=("WHO", "FILE", "MODEL"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        who, file, model = args.child
        out = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)  # libraries print to standard output
        result = trl(file, model) if who == "trl" else heedful(file, model, checks=who == "heedful train")
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(result | {"peak_mb": peak}), file=out, flush=True)
        return
    from check_rows import write

    from heedful.models.packaged import packaged_folder

    model = str(packaged_folder(args.model))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.jsonl"
        write(file, args.rows, seed=0)
        lines = [line for line in file.read_text().splitlines() if json.loads(line)["output"]]
        file.write_text("\n".join(lines) + "\n")  # TRL would train rows without an answer
        print(f"{len(lines):,} rows, {file.stat().st_size / 1e6:.0f} MB; load {os.getloadavg()[0]:.1f}")
        print(f"{'':<16}{'seconds':>9}{'ratio':>8}{'rows/s':>9}{'tokens':>13}{'trained':>12}{'sequences':>11}{'MB':>7}")
        base = None
        for who in ("heedful", "trl", "heedful train"):
            python = args.trl if who == "trl" else sys.executable
            done = subprocess.run(
                [python, __file__, "--child", who, str(file), model], capture_output=True, text=True, check=False
            )
            if done.returncode:
                sys.exit(f"{who}: {done.stderr[-2000:]}")
            r = json.loads(done.stdout)
            base = base or r["seconds"]
            print(
                f"{who:<16}{r['seconds']:>9.1f}{r['seconds'] / base:>7.1f}x{r['rows'] / r['seconds']:>9,.0f}"
                f"{r['tokens']:>13,}{r['trained']:>12,}{r['sequences']:>11,}{r['peak_mb']:>7.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
