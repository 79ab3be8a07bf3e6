"""Where the time of a training step goes: its operators by kind, and the rate of its matrix products.

    python benchmarks/train_profile.py [--model smollm2-135m-instruct] [--tuning full] [--batch 8] [--steps 4]

The steps are those of `train_speed.py`: the rows of the starter data, or of --rows, by Heedful with its own settings or
those of --contestant (``heedful:engine=plain``). Seconds are those in which an operator itself ran, summed over the
steps and divided by the time of all steps, so `else` is Python, autograd and waiting.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

KINDS = (
    ("matrix products", ("mm", "addmm", "addmm_", "bmm", "baddbmm", "linear", "matmul")),
    ("optimiser and clipping", ("_fused_adamw_", "_foreach", "linalg_vector_norm", "clip_grad")),
    ("attention kernel", ("_scaled_dot_product", "_flash_attention")),
    ("softmax, exponentials, losses", ("softmax", "exp", "log", "amax", "nll_loss", "sum")),
    ("copies and gathers", ("copy_", "cat", "index", "clone", "gather", "embedding", "fill_", "zero_", "contiguous")),
    ("activations", ("silu", "gelu", "relu", "tanh")),
)


def kind_of(operator: str) -> str:
    """The kind of an operator such as ``aten::mm``."""
    name = operator.removeprefix("aten::")
    for kind, parts in KINDS:
        if name in parts or any(len(p) > 4 and name.startswith(p) for p in parts):
            return kind
    return "other elementwise (norms, rotation, sums)" if operator.startswith("aten::") else "else"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2-135m-instruct", help="a packaged model, or a folder")
    parser.add_argument("--tuning", choices=("full", "lora"), default="full")
    parser.add_argument("--rows", default=None)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--max-length", type=int, default=1024)
    parser.add_argument("--contestant", default="heedful")
    parser.add_argument("--top", type=int, default=0, help="show so many single operators, too")
    args = parser.parse_args()
    from train_speed import token_rows
    from train_speed_heedful import training_of

    from heedful.data import starter_path
    from heedful.models.packaged import packaged_folder

    folder = Path(args.model) if Path(args.model).is_dir() else packaged_folder(args.model)
    count = (args.steps + 2) * args.batch
    rows = [r for r in token_rows(folder, args.rows or str(starter_path()), 935) if len(r["ids"]) <= args.max_length]
    rows = [rows[(n * len(rows)) // count] for n in range(count)]
    job = {"model": str(folder), "tuning": args.tuning, "rows": rows, "batch": args.batch, "steps": args.steps + 2}
    job |= {"rate": 2e-5, "max_length": args.max_length, "threads": 0, "contestant": args.contestant}
    with tempfile.TemporaryDirectory() as temporary:
        training = training_of(job, temporary)
        seconds, tokens, events = profile(training)
        print(f"{folder.name}, {args.tuning}, {args.batch} rows a step, {training.run.read_manifest()['engine']}")
    tell(events, seconds, tokens, args)


def profile(training: Any) -> tuple[float, int, Any]:
    """Two steps to warm up, then the seconds, tokens and operators of the others."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as watch

    from heedful.train.loop import _rest_of_epoch, _train_step

    batches = list(_rest_of_epoch(training))
    for batch in batches[:2]:
        _train_step(training, batch)
    begin = time.perf_counter()
    with watch(activities=[ProfilerActivity.CPU], with_flops=True, acc_events=True) as watched:
        for batch in batches[2:]:
            _train_step(training, batch)
        seconds = time.perf_counter() - begin
    tokens = sum(len(training.train[i].ids) for batch in batches[2:] for i in batch)
    return seconds, tokens, watched.key_averages()


def tell(events: Any, seconds: float, tokens: int, args: argparse.Namespace) -> None:
    spent: Any = Counter()
    operations = 0
    for event in events:
        spent[kind_of(event.key)] += event.self_cpu_time_total / 1e6
        if kind_of(event.key) == "matrix products":
            operations += event.flops or 0
    spent["else"] = max(0.0, seconds - sum(v for k, v in spent.items() if k != "else"))
    print(f"{seconds / args.steps:.2f} s a step with the profiler on, {tokens / seconds:.0f} tokens/s")
    for kind, value in spent.most_common():
        rate = f"  {operations / value / 1e9:.0f} GFLOP/s" if kind == "matrix products" else ""
        print(f"{kind:<44}{value / args.steps:>8.3f} s{value / seconds:>7.0%}{rate}")
    for event in sorted(events, key=lambda e: -e.self_cpu_time_total)[: args.top]:
        print(f"    {event.key:<40}{event.self_cpu_time_total / 1e6 / args.steps:>8.3f} s{event.count:>8} calls")


if __name__ == "__main__":
    main()
