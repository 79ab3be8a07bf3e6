"""How long `heedful rate` takes over many votes, and how much memory, beside FastChat's or arena-rank's own code.

    python benchmarks/rate_votes.py [--votes 1000000] [--models 100] [--format csv] [--profile heedful]
        [--interval bootstrap] [--arena-rank /tmp/oracles/arena-rank/bin/python]
        [--fastchat /tmp/oracles/fastchat/bin/python]

Makes the votes in a temporary folder, runs the command in a process of its own and prints its seconds (by the clock and
of the processor), its peak memory, and, where a peer's Python is given (tests/oracles/ratings_record.py says how to
make one), the same of the peer's reading and rating of the same file and the ratio. The peer's times are without its
imports; ours are with everything.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ARENA_RANK = """
import sys, time, resource
import pandas as pd
from arena_rank.models.bradley_terry import BradleyTerry
from arena_rank.utils.data_utils import PairDataset
start = time.perf_counter(), time.process_time()
frame = pd.read_csv(sys.argv[1]) if sys.argv[1].endswith("csv") else pd.read_json(sys.argv[1], lines=True)
data = PairDataset.from_pandas(frame)
found = BradleyTerry(len(data.competitors)).compute_ratings_and_cis(data)
float(found["rating_lower"][0])
"""
FASTCHAT = """
import sys, time, resource, types
for name in ("model.model_registry", "serve.monitor.basic_stats", "serve.monitor.clean_battle_data"):
    sys.modules["fastchat." + name] = types.ModuleType(name)
sys.modules["fastchat.model"] = types.ModuleType("model")
sys.modules["fastchat.model.model_registry"].get_model_info = None
sys.modules["fastchat.serve.monitor.basic_stats"].get_log_files = None
sys.modules["fastchat.serve.monitor.clean_battle_data"].clean_battle_data = None
import pandas as pd
from fastchat.serve.monitor.elo_analysis import compute_elo_mle_with_tie
start = time.perf_counter(), time.process_time()
frame = pd.read_csv(sys.argv[1]) if sys.argv[1].endswith("csv") else pd.read_json(sys.argv[1], lines=True)
compute_elo_mle_with_tie(frame)  # the point ratings; its 100 refits take 100 times as long
"""
END = """
seconds = time.perf_counter() - start[0], time.process_time() - start[1]
print("TOOK", *seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def make_votes(path: Path, votes: int, models: int) -> None:
    """Votes in the published form; strengths spread over some 600 points."""
    rng = random.Random(0)
    strength = [rng.gauss(0, 0.8) for _ in range(models)]
    with path.open("w", encoding="utf-8") as file:
        if path.suffix == ".csv":
            file.write("model_a,model_b,winner,judge,turn,anony,language,tstamp\n")
        elif path.suffix == ".json":
            file.write("[")
        for n in range(votes):
            a = rng.randrange(models)
            b = (a + rng.randrange(1, models)) % models
            won = "model_a" if rng.random() < 1 / (1 + math.exp(strength[b] - strength[a])) else "model_b"
            won = rng.choice(("tie", "tie (bothbad)")) if rng.random() < 0.3 else won
            values = [f"model-{a:03d}-chat", f"model-{b:03d}-chat", won, f"arena_user_{n % 70000}", 1, True, "English"]
            values.append(1.69e9 + n * 2.5)
            if path.suffix == ".csv":
                file.write(",".join(map(str, values)) + "\n")
            else:
                keys = ("model_a", "model_b", "winner", "judge", "turn", "anony", "language", "tstamp")
                mark = ("," if n else "") if path.suffix == ".json" else ""
                file.write(mark + json.dumps(dict(zip(keys, values, strict=True))) + "\n")
        if path.suffix == ".json":
            file.write("]\n")


def ours(path: Path, more: list[str]) -> tuple[float, float, float]:
    """Seconds by the clock, of the processor, and MiB at the peak, of the command in a process of its own."""
    command = [sys.executable, "-c", "from heedful.cli.main import main; main()", "rate", str(path), "--json", *more]
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"heedful rate ended with {process.returncode}")
    return time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def peer(python: str, code: str, path: Path) -> tuple[float, float, float]:
    """The same of a peer's code."""
    done = subprocess.run([python, "-c", code + END, str(path)], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{python}: {done.stderr[-2000:]}")
    line = next(line for line in done.stdout.splitlines() if line.startswith("TOOK"))
    clock, processor, memory = (float(v) for v in line.split()[1:])
    return clock, processor, memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--votes", type=int, default=1_000_000)
    parser.add_argument("--models", type=int, default=100)
    parser.add_argument("--format", choices=("csv", "jsonl", "json"), default="csv")
    parser.add_argument("--profile", default="heedful")
    parser.add_argument("--interval", default=None)
    parser.add_argument("--arena-rank", default=None, metavar="PYTHON")
    parser.add_argument("--fastchat", default=None, metavar="PYTHON")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"votes.{given.format}"
        make_votes(path, given.votes, given.models)
        more = ["--profile", given.profile, *(["--interval", given.interval] if given.interval else [])]
        found = ours(path, more)
        size = path.stat().st_size / 2**20
        print(f"{given.votes:,} votes of {given.models} models, {given.format} of {size:.0f} MiB; {' '.join(more)}")
        print(f"heedful rate: {found[0]:.1f} s by the clock, {found[1]:.1f} s of the processor, {found[2]:.0f} MiB")
        for name, python, code in (
            ("arena-rank", given.arena_rank, ARENA_RANK),
            ("FastChat", given.fastchat, FASTCHAT),
        ):
            if python:
                theirs = peer(python, code, path)
                print(
                    f"{name}: {theirs[0]:.1f} s by the clock, {theirs[1]:.1f} s of the processor, {theirs[2]:.0f} MiB; "
                    f"{theirs[1] / found[1]:.2f} times heedful's processor time"
                )


if __name__ == "__main__":
    main()
