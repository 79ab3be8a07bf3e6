"""How fast Heedful's engine answers beside transformers' `generate`, both in turn in one process, and whether alike.

    python benchmarks/generate_speed.py --model pip:smollm2-135m-instruct --rows ROWS.json --first 935 --count 110
    python benchmarks/generate_speed.py --model run:my-run --rows ROWS.json --first 935 --count 110 --stream 4
    taskset -c 1 env OMP_NUM_THREADS=1 python benchmarks/generate_speed.py ...      one core, where others are at work

Batched: all rows by the engine, and by `generate` in batches of each of `--sizes`, prompts of like length together
(which is best for it); the ratio is to its best. Single stream: `--stream` rows, one after another, as a conversation
asks them: what a prompt begins with is kept from the one before.
Greedy, float32. Answers are compared token by token; rows that part where the two best logits are not within 1e-4 are
wrong, and the exit status is then 1. Seconds are of the clock, with the processor's own beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import torch

from heedful.backends.base import GenerationSettings
from heedful.backends.generation.compare import answer_all, compare, generate
from heedful.backends.generation.joining import OpenBatch
from heedful.backends.generation.rows import Request
from heedful.backends.load import local_backend
from heedful.batches import by_length
from heedful.data import load_examples
from heedful.models.loading import load_model

Tokens = list[list[int]]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--rows", required=True, help="a file with questions")
    parser.add_argument("--template", default="alpaca")
    parser.add_argument("--first", type=int, default=0, help="rows before this one are left out")
    parser.add_argument("--count", type=int, default=110)
    parser.add_argument("--new", type=int, default=256, help="new tokens an answer, at most")
    parser.add_argument("--sizes", default="16 32 64 110", help="batch sizes of generate; empty: no batches")
    parser.add_argument("--batch-size", type=int, default=64, help="of the engine")
    parser.add_argument("--stream", type=int, default=4, help="rows for the single stream; 0: none")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()

    backend = local_backend(given.model, given.template, "fp32", "cpu", say=lambda text: print(text, file=sys.stderr))
    peer = load_model(given.model).model  # as transformers loads it: the backend stores its weights another way
    examples, _ = load_examples([given.rows], limit=given.first + given.count, answers=False)
    prompts = [backend.chat.prompt_ids(e.prompt) for e in examples[given.first :]]
    say = print if not given.json else lambda *a: print(*a, file=sys.stderr)
    say(
        f"{given.model}: {backend.note}; {len(prompts)} rows, {torch.get_num_threads()} threads, load {os.getloadavg()}"
    )
    found: dict[str, Any] = {"model": given.model, "rows": len(prompts), "new": given.new, "note": backend.note}
    wrong = 0
    if given.sizes:
        found["batched"], bad = batched(backend, peer, prompts, given, say)
        wrong += bad
    if given.stream:
        found["stream"], bad = stream(backend, peer, prompts[: given.stream], given.new, say)
        wrong += bad
    if given.json:
        print(json.dumps(found))
    raise SystemExit(1 if wrong else 0)


def timed(work: Callable[[], Tokens]) -> tuple[Tokens, dict[str, float]]:
    clock, processor = time.perf_counter(), time.process_time()
    made = work()
    seconds = time.perf_counter() - clock
    count = sum(map(len, made))
    return made, {
        "seconds": round(seconds, 2), "processor_seconds": round(time.process_time() - processor, 2), "tokens": count,
        "tokens_per_s": round(count / seconds, 1),
    }  # fmt: skip


def batched(
    backend: Any, peer: Any, prompts: Tokens, given: Any, say: Callable[..., None]
) -> tuple[dict[str, Any], int]:
    settings = GenerationSettings(given.new, batch_size=given.batch_size)
    say("batched            seconds  of processor  tokens  tokens/s")
    ours, own = timed(lambda: answer_all(backend.generator(), prompts, settings, backend.stop_ids))
    say(line(f"engine, {given.batch_size} rows", own))
    results: dict[str, Any] = {"engine": own}
    wrong = 0
    for size in map(int, given.sizes.split()):
        theirs, result = timed(lambda size=size: in_batches(backend, peer, prompts, size, given.new))
        compared = compare(peer, prompts, ours, theirs)
        results[f"generate {size}"] = result | {"compared": str(compared)}
        wrong += len(compared.wrong)
        say(line(f"generate, {size} rows", result), f"  {compared}")
    best = min((r for name, r in results.items() if name != "engine"), key=lambda r: r["seconds"])
    results["ratio"] = ratio(best, own)
    say(f"the engine is {results['ratio']['clock']} times as fast as generate at its best batch size "
        f"({results['ratio']['processor']} by processor seconds)\n")  # fmt: skip
    return results, wrong


def in_batches(backend: Any, peer: Any, prompts: Tokens, size: int, new: int) -> Tokens:
    made: dict[int, list[int]] = {}
    for batch in by_length([len(p) for p in prompts], size):
        some = generate(peer, [prompts[b] for b in batch], new, backend.stop_ids, backend.pad_id)
        made |= dict(zip(batch, some, strict=True))
    return [made[i] for i in range(len(prompts))]


def stream(backend: Any, peer: Any, prompts: Tokens, new: int, say: Callable[..., None]) -> tuple[dict[str, Any], int]:
    """One row at a time; the two take turns, row by row."""
    settings = GenerationSettings(new, batch_size=1)
    one_by_one = OpenBatch(backend.model, backend.stop_ids, 1)
    sums = {"engine": [0.0, 0.0, 0], "generate": [0.0, 0.0, 0]}
    all_ours: Tokens = []
    all_theirs: Tokens = []
    for prompt in prompts:
        for name, made, all_made in (
            ("engine", lambda p=prompt: [in_conversation(one_by_one, p, settings)], all_ours),
            (
                "generate",
                lambda p=prompt: generate(peer, [p], new, backend.stop_ids, backend.pad_id),
                all_theirs,
            ),
        ):
            tokens, result = timed(made)
            all_made += tokens
            for k, key in enumerate(("seconds", "processor_seconds", "tokens")):
                sums[name][k] += result[key]
    compared = compare(peer, prompts, all_ours, all_theirs)
    results: dict[str, Any] = {
        name: {"seconds": s, "processor_seconds": p, "tokens": n, "tokens_per_s": round(n / s, 1)}
        for name, (s, p, n) in sums.items()
    }
    say("single stream      seconds  of processor  tokens  tokens/s")
    for name, result in results.items():
        say(line(name, result))
    results |= {"compared": str(compared), "ratio": ratio(results["generate"], results["engine"])}
    say(f"  {compared}\nthe engine is {results['ratio']['clock']} times as fast ({results['ratio']['processor']} by "
        "processor seconds)\n")  # fmt: skip
    return results, len(compared.wrong)


def in_conversation(batch: OpenBatch, prompt: list[int], settings: GenerationSettings) -> list[int]:
    row = batch.join(Request(0, prompt, settings.max_new_tokens), settings)
    while not row.finish:
        batch.step()
    return row.new


def ratio(peer: dict[str, float], own: dict[str, float]) -> dict[str, float]:
    return {"clock": round(peer["seconds"] / own["seconds"], 2),
            "processor": round(peer["processor_seconds"] / own["processor_seconds"], 2)}  # fmt: skip


def line(name: str, r: dict[str, float]) -> str:
    return f"{name:18} {r['seconds']:7.1f}  {r['processor_seconds']:12.1f}  {r['tokens']:6,}  {r['tokens_per_s']:8.1f}"


if __name__ == "__main__":
    main()
