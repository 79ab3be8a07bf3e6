"""Training beside a busy program: tokens a second with torch's threads as Heedful sets them, and as they come.

    .venv/bin/python benchmarks/busy_machine.py [--model pip:gemma3-270m] [--steps 5]

Four short trainings in turn: each setting with nothing else running, and with one program that keeps a core busy.
A training that takes longer than --most seconds is stopped and counted with the steps it made. The first step is left
out of the figures.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SETTINGS = {"heedful's (GOMP_SPINCOUNT=2000)": {}, "torch's own": {"GOMP_SPINCOUNT": "300000"}}


def train(model: str, steps: int, most: float, environment: dict[str, str], folder: Path) -> float:
    """Median tokens a second of the steps but the first; 0 where not even two were made in time."""
    command = [sys.executable, "-m", "heedful.cli.main", "train", "--model", model, "--data", str(starter())]
    command += ["--out", str(folder), "--template", "alpaca", "--split", "90/10"]
    for setting in (f"max_steps={steps}", "test_questions=0", "samples=0", "eval_every=100000"):
        command += ["--set", setting]
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(command, env=os.environ | environment, capture_output=True, timeout=most, check=True)
    metrics = folder / "metrics.jsonl"
    lines = [json.loads(line) for line in metrics.read_text().splitlines()] if metrics.is_file() else []
    speeds = [line["tokens_per_s"] for line in lines if line.get("tokens_per_s")]
    return statistics.median(speeds[1:]) if len(speeds) > 1 else 0.0


def starter() -> Path:
    from heedful.data import starter_path

    return Path(starter_path())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="pip:gemma3-270m")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--most", type=float, default=120, help="seconds for one training")
    args = parser.parse_args()
    print(f"{'threads':<34}{'alone':>10}{'beside a busy program':>24}{'kept':>8}")
    for name, environment in SETTINGS.items():
        speeds = []
        for busy in (False, True):
            neighbour = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if busy else None
            try:
                with tempfile.TemporaryDirectory() as folder:
                    speeds.append(train(args.model, args.steps, args.most, environment, Path(folder) / "run"))
            finally:
                if neighbour:
                    neighbour.kill()
                    neighbour.wait()
        alone, beside = speeds
        print(f"{name:<34}{alone:>8.0f}/s{beside:>22.0f}/s{beside / alone if alone else 0:>8.0%}", flush=True)


if __name__ == "__main__":
    main()
