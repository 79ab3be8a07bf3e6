"""What a judge is worth: its accuracy on LLMBar's pairs, whose better answer people agree on, against a coin's 50%.

    .venv/bin/python benchmarks/judge_worth.py --data ../shared/data/judge/llmbar-natural/dataset.json --judge MODEL

`--data` is a dataset.json of LLMBar (https://github.com/princeton-nlp/LLMBar; Zeng et al., ICLR 2024): rows with
`input`, `output_1`, `output_2` and `label`, 1 or 2. It is turned into two files of answers and a file of marks, and
`heedful judge` does the rest. Also prints what verdicts by length and by the first place would get. All further
arguments go to `heedful judge` (--limit, --prompt, ...).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from heedful.judge.agreement import each_order
from heedful.records import Message, Response, Score, to_json
from heedful.store import write_jsonl


def responses(rows: list[dict[str, Any]], place: int) -> list[Response]:
    """The rows' first or second outputs as Responses."""
    return [
        Response(
            f"output-{place}-{n}", f"llmbar-{n:03}", f"output {place}", "published", (Message("user", row["input"]),),
            None, row[f"output_{place}"], "stop", 0, 0, 0.0,
        )
        for n, row in enumerate(rows)
    ]  # fmt: skip


def marks(rows: list[dict[str, Any]]) -> list[Score]:
    """The labels as marks of people: 1 where the second output is better."""
    return [
        Score(
            f"label-{n}", f"llmbar-{n:03}", (f"output-1-{n}", f"output-2-{n}"), "llmbar", "human:llmbar",
            float(row["label"] == 2),
        )
        for n, row in enumerate(rows)
    ]  # fmt: skip


def simple_rules(rows: list[dict[str, Any]]) -> dict[str, str]:
    """The accuracy of rules that read nothing."""
    labels = ["first" if row["label"] == 1 else "second" for row in rows]
    longer = ["first" if len(row["output_1"]) > len(row["output_2"]) else "second" for row in rows]
    found = {
        "the longer answer": each_order(labels, [(word, word) for word in longer]),
        "the answer shown first": each_order(labels, [("first", "second") for _ in rows]),
    }
    return {
        name: f"{e.average.estimate:.1%} ({e.average.low:.1%} to {e.average.high:.1%})" for name, e in found.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--judge", required=True)
    parser.add_argument("--out", type=Path, help="a folder that is kept, with every verdict; --resume goes on in it")
    given, rest = parser.parse_known_args()
    rows = json.loads(given.data.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as name:
        folder = given.out or Path(name)
        files = [folder / "output-1.jsonl", folder / "output-2.jsonl"]
        for place, path in enumerate(files, 1):
            write_jsonl(path, [to_json(r) for r in responses(rows, place)])
        write_jsonl(folder / "marks.jsonl", [to_json(s) for s in marks(rows)])
        command = [sys.executable, "-m", "heedful.cli.main", "judge", *map(str, files), "--judge", given.judge]
        command += ["--human", str(folder / "marks.jsonl"), "--out", str(folder / "scores.jsonl"), *rest]
        subprocess.run(command, check=True)
    for rule, share in simple_rules(rows).items():
        print(f"{rule}: {share}")


if __name__ == "__main__":
    main()
