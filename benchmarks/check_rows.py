"""`heedful data check` on 10 thousand, 100 thousand and a million rows: time, rows a second and peak memory.

    .venv/bin/python benchmarks/check_rows.py [--rows 10000 100000 1000000] [--no-near]

Rows are made by a seed, of 20 kinds of question with words and numbers put in, some 350 characters each; one in 200
repeats an earlier one and one in 500 has no answer. Each size is a process of its own. Also printed: reading alone.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

WORDS = [
    a + b for a in ("ba", "ke", "lo", "mi", "nu", "ra", "sto", "ti", "vel", "zan") for b in ("", "ran", "det", "pil")
]
KINDS = ("Explain", "Describe", "Compare", "Summarise", "List the uses of", "Write a note on", "Name the parts of")


def write(path: Path, rows: int, seed: int) -> None:
    rng = random.Random(seed)
    with path.open("w", encoding="utf-8") as f:
        made: list[str] = []
        for number in range(rows):
            if made and number % 200 == 7:
                f.write(rng.choice(made))
                continue
            subject = " ".join(rng.choices(WORDS, k=rng.randint(4, 12)))
            answer = " ".join(rng.choices(WORDS, k=rng.randint(20, 70))).capitalize() + "."
            row = {
                "instruction": f"{rng.choice(KINDS)} {subject} in {rng.randint(2, 90)} words.",
                "input": " ".join(rng.choices(WORDS, k=6)) if number % 3 == 0 else "",
                "output": "" if number % 500 == 11 else answer,
            }
            line = json.dumps(row) + "\n"
            if len(made) < 1000:
                made.append(line)
            f.write(line)


def child(command: list[str]) -> tuple[float, float]:
    """Seconds and peak memory (MB) of a process, by a process that has no other children."""
    code = (
        "import json,resource,subprocess,sys,time\n"
        "t=time.perf_counter(); subprocess.run(sys.argv[1:],check=True,stdout=subprocess.DEVNULL)\n"
        "print(time.perf_counter()-t, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss/1024)"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=True)
    seconds, peak = done.stdout.split()
    return float(seconds), float(peak)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--no-near", action="store_true")
    args = parser.parse_args()
    reading = "import sys; from heedful.data import read_rows; print(sum(1 for _ in read_rows(sys.argv[1])))"
    print(f"{'rows':>10}{'MB':>7}{'check s':>10}{'rows/s':>9}{'peak MB':>9}{'reading s':>11}{'peak MB':>9}")
    for rows in args.rows:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "rows.jsonl"
            write(file, rows, seed=0)
            check = [sys.executable, "-m", "heedful.cli.main", "data", "check", str(file), "--json"]
            seconds, peak = child(check + (["--no-near"] if args.no_near else []))
            alone, least = child([sys.executable, "-c", reading, str(file)])
            size = file.stat().st_size / 1e6
            print(
                f"{rows:>10,}{size:>7.0f}{seconds:>10.1f}{rows / seconds:>9,.0f}{peak:>9.0f}",
                f"{alone:>10.1f}{least:>9.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
