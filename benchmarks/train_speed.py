"""Training speed: real tokens a second of Heedful and of TRL's SFTTrainer, step by step in turn, and the floor.

    python benchmarks/train_speed.py --trl TRL_PYTHON [--model smollm2-135m-instruct] [--tuning full]
        [--rows rows.json] [--batch 8] [--steps 5] [--contestants 'heedful trl trl-fp32']
    python benchmarks/train_speed.py --trl TRL_PYTHON --random gpt2    # or qwen3, phi3, olmo2, gpt_neox: random weights

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
from collections import Counter
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


SHAPES = {
    "gpt2": {"n_embd": 768, "n_layer": 12, "n_head": 12, "n_positions": 1024},
    "gpt_neox": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072},
    "": {
        "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "num_attention_heads": 9,
        "num_key_value_heads": 3, "head_dim": 64, "pad_token_id": 0, "tie_word_embeddings": True,
    },
}  # fmt: skip


def random_model(architecture: str, folder: Path) -> Path:
    """A model of this architecture with random weights, SmolLM2's tokenizer and about its size."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from heedful.models.loading import load_tokenizer
    from heedful.models.packaged import packaged_folder

    tokenizer = load_tokenizer(str(packaged_folder("smollm2-135m-instruct")))
    sizes = SHAPES.get(architecture, SHAPES[""]) | {"vocab_size": len(tokenizer)}
    config = AutoConfig.for_model(architecture, **sizes, bos_token_id=1, eos_token_id=2)
    torch.manual_seed(0)
    folder = folder / f"{architecture}-random"
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


class Floor:
    """The method's operations and the rate of bare matrix products of its shapes."""

    def __init__(self, folder: Path, tuning: str, tokens_a_step: int):
        import torch
        from transformers import AutoConfig, AutoModelForCausalLM
        from transformers.pytorch_utils import Conv1D

        config = AutoConfig.from_pretrained(folder)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config)
        head = model.get_output_embeddings().weight
        matrices = [
            tuple(reversed(m.weight.shape)) if isinstance(m, Conv1D) else tuple(m.weight.shape)
            for m in model.modules()
            if isinstance(m, (torch.nn.Linear, Conv1D)) and m.weight is not head
        ]  # (out, in)
        self.weights, self.head = sum(o * i for o, i in matrices), head.numel()
        self.shapes = Counter(matrices)
        self.types = [torch.float32, torch.bfloat16]
        self.tuning, self.tokens, self.rates = tuning, tokens_a_step, []
        self.factors = sum(16 * (o + i) for o, i in matrices) if tuning == "lora" else 0

    def operations(self, tokens: int, trained: int) -> float:
        each = 6 if self.tuning == "full" else 4
        return each * self.weights * tokens + 6 * self.factors * tokens + each * self.head * trained

    def measure(self) -> None:
        """One rate: the operations of all layers' products, of all kinds, over their time, in the faster type."""
        rates = {dtype: self._rate(dtype) for dtype in self.types}
        self.rates.append(max(rates.values()))
        self.types = [dtype for dtype, rate in rates.items() if rate > 0.5 * max(rates.values())]

    def _rate(self, dtype: Any) -> float:
        import torch

        seconds, operations = 0.0, 0.0
        for (o, i), count in self.shapes.items():
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
                seconds += count * statistics.median(times)
                operations += count * 2 * self.tokens * o * i
        return operations / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trl", default=sys.executable, help="the interpreter that has TRL")
    parser.add_argument("--model", default="smollm2-135m-instruct", help="a packaged model, or a folder")
    parser.add_argument("--random", default="", metavar="ARCHITECTURE", help="random weights in place of --model")
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

    with tempfile.TemporaryDirectory() as temporary:
        compare(args, Path(temporary))


def compare(args: argparse.Namespace, temporary: Path) -> None:
    from heedful.data import starter_path
    from heedful.models.packaged import packaged_folder

    if args.random:
        folder = random_model(args.random, temporary)
    else:
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
    floor = Floor(folder, args.tuning, tokens // args.steps)
    print(
        f"{folder.name}, {args.tuning}, {count} rows in steps of {args.batch}: {tokens} tokens "
        f"({tokens / count:.0f} a row, {trained / tokens:.0%} trained); load before {os.getloadavg()[0]:.1f}",
        flush=True,
    )
    with Path(args.log).open("w") as log:
        contestants = []
        for name in args.contestants.split():
            python = args.trl if name.startswith("trl") else sys.executable
            contestants.append(Contestant(name, python, job, temporary, log))
        for number in range(args.steps):
            for contestant in contestants:
                contestant.step()
            if number >= args.skip:
                floor.measure()
        results = [c.end() for c in contestants]
    tell(args, floor, contestants, results, tokens, trained)


def tell(
    args: argparse.Namespace, floor: Floor, contestants: list[Contestant], results: list[Any], tokens: int, trained: int
) -> None:
    operations = floor.operations(tokens, trained) / tokens
    flops = statistics.median(floor.rates)
    at_floor = flops / operations
    print(
        f"floor: {operations / 1e6:.0f} MFLOP a token at {flops / 1e9:.0f} GFLOP/s: {at_floor:.0f} tokens/s; "
        f"rates {min(floor.rates) / 1e9:.0f}-{max(floor.rates) / 1e9:.0f}; load after {os.getloadavg()[0]:.1f}"
    )
    print(f"{'contestant':<44}{'tokens/s':>9}{'ratio':>8}{'of floor':>9}{'s/step':>16}{'peak MB':>9}{'val loss':>10}")
    share = (args.steps - args.skip) / args.steps
    for contestant in contestants:
        if "engine" in contestant.ready:
            print(f"{contestant.name}: {contestant.ready['engine']}, {contestant.ready['precision']}")
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
