"""Training speed: real tokens a second of Heedful and of TRL's SFTTrainer, step by step in turn, and the floor.

    python benchmarks/train_speed.py --trl TRL_PYTHON [--model smollm2-135m-instruct] [--tuning full]
        [--rows rows.json] [--batch 8] [--steps 5] [--contestants heedful,trl,trl-nocheckpoint]

Every contestant is a process of its own that trains one step when it is told to, so that what else runs on the
machine meets all alike. All train the same rows (the first batch x steps), each in its own order; a figure is the
tokens of those rows, padding not counted, over the sum of its steps' seconds, the first step left out. The floor is
the arithmetic that the method needs (full: 6 operations a token and weight of the layers, LoRA: 4, its factors 6; the
head at trained positions only: 6, or 4 where it is frozen) at the rate of bare matrix products of these shapes,
measured between the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
os.environ.setdefault("GOMP_SPINCOUNT", "2000")  # for both sides: see docs/decisions.md
os.environ["HF_HUB_OFFLINE"] = "1"


class Contestant:
    """A process that trains on command."""

    def __init__(self, name: str, python: str, job: dict[str, Any], folder: Path, log: Any):
        self.name, self.seconds = name, []
        file = folder / f"{abs(hash(name))}.json"
        file.write_text(json.dumps(job | {"contestant": name}))
        script = HERE / ("train_speed_trl.py" if name.startswith("trl") else "train_speed_heedful.py")
        self.process = subprocess.Popen(
            [python, str(script), str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        )
        self.ready = self._read()

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name}: ended with status {self.process.wait()}; see --log")
        return json.loads(line)

    def step(self) -> float:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.seconds.append(self._read()["seconds"])
        return self.seconds[-1]

    def end(self) -> dict[str, Any]:
        result = self._read()
        self.process.wait()
        return result


def token_rows(model: Path, file: str, limit: int) -> list[dict[str, Any]]:
    """Rows as Heedful renders them with the template alpaca: ids, and which of them are trained."""
    from heedful.chat import Chat
    from heedful.data import read_examples
    from heedful.models.loading import load_tokenizer

    chat = Chat.bind("alpaca", load_tokenizer(str(model)))
    rows = [chat.encode(e, "answers") for e in read_examples(file)[:limit]]
    return [{"ids": r.ids, "mask": r.loss_mask} for r in rows]


class Floor:
    """The method's operations and the rate of bare matrix products of its shapes."""

    def __init__(self, config: dict[str, Any], tuning: str, tokens_a_step: int):
        h, f = config["hidden_size"], config["intermediate_size"]
        d = config.get("head_dim") or h // config["num_attention_heads"]
        q, kv = config["num_attention_heads"] * d, config["num_key_value_heads"] * d
        self.shapes = [(q + 2 * kv, h), (h, q), (2 * f, h), (h, f)]  # (out, in)
        separate = [(q, h), (kv, h), (kv, h), (h, q), (f, h), (f, h), (h, f)]
        self.layers, self.head = config["num_hidden_layers"], config["vocab_size"] * h
        self.tuning, self.tokens, self.rates = tuning, tokens_a_step, []
        self.factors = self.layers * sum(16 * (o + i) for o, i in separate) if tuning == "lora" else 0

    def operations(self, tokens: int, trained: int) -> float:
        weights = self.layers * sum(o * i for o, i in self.shapes)
        each = 6 if self.tuning == "full" else 4
        return each * weights * tokens + 6 * self.factors * tokens + each * self.head * trained

    def measure(self) -> None:
        """One rate: the operations of a layer's products, all three kinds, over their time, in the faster type."""
        import torch

        best = 0.0
        for dtype in (torch.float32, torch.bfloat16):
            seconds, operations = 0.0, 0.0
            for o, i in self.shapes:
                x, w = torch.randn(self.tokens, i).to(dtype), torch.randn(o, i).to(dtype)
                dy = torch.randn(self.tokens, o).to(dtype)
                products = [(x, w.T), (dy, w), (dy.T, x)][: 3 if self.tuning == "full" else 2]
                for a, b in products:
                    torch.mm(a, b)
                    times = []
                    for _ in range(5):
                        begin = time.perf_counter()
                        torch.mm(a, b)
                        times.append(time.perf_counter() - begin)
                    seconds += statistics.median(times)
                    operations += 2 * self.tokens * o * i
            best = max(best, operations / seconds)
        self.rates.append(best)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trl", default=sys.executable, help="the interpreter that has TRL")
    parser.add_argument("--model", default="smollm2-135m-instruct", help="a packaged model, or a folder")
    parser.add_argument("--tuning", choices=("full", "lora"), default="full")
    parser.add_argument("--rows", default=None, help="a file of rows; default the starter rows")
    parser.add_argument("--first", type=int, default=935, help="use the first so many rows of it")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--val", type=int, default=24, help="rows for the loss at the end, from those after --first")
    parser.add_argument("--rate", type=float, default=None)
    parser.add_argument("--max-length", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--contestants", default="heedful trl trl-nocheckpoint", help="names, separated by spaces")
    parser.add_argument("--skip", type=int, default=1, help="steps left out at the beginning")
    parser.add_argument("--log", default="/dev/null")
    args = parser.parse_args()

    from heedful.data import starter_path
    from heedful.models.packaged import packaged_folder

    folder = Path(args.model) if Path(args.model).is_dir() else packaged_folder(args.model)
    rows = token_rows(folder, args.rows or str(starter_path()), args.first + args.val)
    rows = [r for r in rows if len(r["ids"]) <= args.max_length]
    val, rows = rows[-args.val :], rows[: min(args.first, len(rows) - args.val)]
    # Rows of a file are often sorted by kind: take them from all over it.
    count = args.steps * args.batch
    rows = [rows[(n * len(rows)) // count] for n in range(count)]
    rate = args.rate or (2e-4 if args.tuning == "lora" else 2e-5)
    job = {"model": str(folder), "tuning": args.tuning, "rows": rows, "val": val, "batch": args.batch}
    job |= {"steps": args.steps, "rate": rate, "max_length": args.max_length, "threads": args.threads}
    tokens, trained = sum(len(r["ids"]) for r in rows), sum(sum(r["mask"]) for r in rows)
    floor = Floor(json.loads((folder / "config.json").read_text()), args.tuning, tokens // args.steps)
    print(
        f"{folder.name}, {args.tuning}, {count} rows in steps of {args.batch}: {tokens} tokens "
        f"({tokens / count:.0f} a row, {trained / tokens:.0%} trained); load before {os.getloadavg()[0]:.1f}",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as temporary, Path(args.log).open("w") as log:
        contestants = []
        for name in args.contestants.split():
            python = args.trl if name.startswith("trl") else sys.executable
            contestants.append(Contestant(name, python, job, Path(temporary), log))
        for number in range(args.steps):
            for contestant in contestants:
                contestant.step()
            if number >= args.skip:
                floor.measure()
        results = [c.end() for c in contestants]
    operations = floor.operations(tokens, trained) / tokens
    flops = statistics.median(floor.rates)
    at_floor = flops / operations
    print(
        f"floor: {operations / 1e6:.0f} MFLOP a token at {flops / 1e9:.0f} GFLOP/s: {at_floor:.0f} tokens/s; "
        f"rates {min(floor.rates) / 1e9:.0f}-{max(floor.rates) / 1e9:.0f}; load after {os.getloadavg()[0]:.1f}"
    )
    print(f"{'contestant':<44}{'tokens/s':>9}{'ratio':>8}{'of floor':>9}{'s/step':>16}{'peak MB':>9}{'val loss':>10}")
    share = (args.steps - args.skip) / args.steps
    base = None
    for contestant, result in zip(contestants, results, strict=True):
        seconds = contestant.seconds[args.skip :]
        speed = tokens * share / sum(seconds)
        base = base or speed
        spread = f"{min(seconds):.2f}-{max(seconds):.2f}"
        print(
            f"{contestant.name:<44}{speed:>9.1f}{base / speed:>7.2f}x{speed / at_floor:>9.0%}{spread:>16}"
            f"{result['peak_mb']:>9.0f}{result['val_loss']:>10.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
