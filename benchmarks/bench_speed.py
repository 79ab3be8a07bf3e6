"""How fast Heedful's scoring engine is beside lm-evaluation-harness, on the same requests, in turn in one run.

    python benchmarks/bench_speed.py --model pip:smollm2-135m-instruct --task mmlu --data-dir ../shared/data/mmlu \\
        --peer /tmp/oracles/lm_eval_run/bin/python --peer-items 5 --rounds 2
    python benchmarks/bench_speed.py --model pip:gemma3-270m --task superglue:copa ...

The requests (context, continuation) are those that `heedful bench` makes of the task. Both models are loaded by
transformers from the same folder in the same precision; each side is a process of its own that prints its seconds, its
log-likelihoods and its peak memory, the loading of the model left out. The peer may be given fewer items of each part
(`--peer-items`: its time is proportional to them, ours is not, since items of a part share their examples); the ratio
is of items a second. Where both have a request, the largest difference of the log-likelihoods is printed.
The peer is run with each of `--batch-sizes`, and its best counts.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--task", default="mmlu")
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--items", type=int, help="of each part, for Heedful; all by default")
    parser.add_argument("--peer-items", type=int, default=5, help="of each part, for the peer")
    parser.add_argument("--shots", type=int)
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"))
    parser.add_argument("--batch-sizes", default="1 8", help="of the peer")
    parser.add_argument("--rounds", type=int, default=2, help="each side is run so often, in turn")
    parser.add_argument("--peer", help="a Python that has lm-eval; none: Heedful alone")
    given = parser.parse_args()
    requests = make_requests(given)
    folder = model_folder(given.model)
    times: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for _ in range(given.rounds):
            sides = [("heedful", sys.executable, 0, requests)]
            if given.peer:
                few = [r for r in requests if r["number"] < given.peer_items]
                sides += [(f"lm-eval, batch {b}", given.peer, int(b), few) for b in given.batch_sizes.split()]
            for name, python, batch, rows in sides:
                made = run_side(python, folder, given, batch, rows, Path(scratch))
                times.setdefault(name, []).append(made)
                items = len({r["item"] for r in rows})
                print(
                    f"{name}: {items} items, {len(rows)} requests in {made['seconds']:.1f} s, "
                    f"{items / made['seconds']:.2f} items/s, peak {made['peak_mb']:.0f} MB",
                    flush=True,
                )
    if given.peer:
        tell(times, requests)


def make_requests(given: argparse.Namespace) -> list[dict[str, Any]]:
    from heedful.tasks import Places, Plan, find_task

    named = find_task(given.task)
    plan = Plan(subset=named.subset, limit=given.items, shots=given.shots)
    counts: dict[str, int] = {}
    out = []
    for item in named.task.items(Places(named.task.name, Path(given.data_dir)), plan):
        number = counts.setdefault(item.subset, 0)
        counts[item.subset] += 1
        context = item.prompt.text()
        out += [{"item": item.id, "number": number, "context": context, "continuation": c} for c in item.choices]
    return out


def model_folder(name: str) -> str:
    """The folder from which transformers can load the model: made by Heedful where it is a packaged one."""
    from heedful.models.packaged import packaged_folder

    return str(packaged_folder(name.removeprefix("pip:"))) if name.startswith("pip:") else name.removeprefix("hf:")


def run_side(python: str, folder: str, given: argparse.Namespace, batch: int, rows: Any, scratch: Path) -> Any:
    (scratch / "requests.json").write_text(json.dumps(rows))
    side = "heedful" if not batch else "lm-eval"
    told = json.dumps({"side": side, "folder": folder, "precision": given.precision, "batch": batch})
    command = [python, __file__, "--side", told, str(scratch / "requests.json"), str(scratch / "out.json")]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{side} failed:\n{done.stderr[-3000:]}")
    return json.loads((scratch / "out.json").read_text())


def one_side(told: dict[str, Any], requests: Path, out: Path) -> None:
    rows = json.loads(requests.read_text())
    run = heedful_side if told["side"] == "heedful" else peer_side
    seconds, values = run(told, [(r["context"], r["continuation"]) for r in rows])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    out.write_text(json.dumps({"seconds": seconds, "values": values, "peak_mb": peak}))


def heedful_side(told: dict[str, Any], pairs: list[tuple[str, str]]) -> tuple[float, list[float]]:
    from heedful.backends.base import Continuation
    from heedful.backends.load import local_backend

    backend = local_backend(f"hf:{told['folder']}", precision=told["precision"])
    began = time.perf_counter()
    values = [0.0] * len(pairs)
    for made in backend.log_likelihoods([Continuation(*pair) for pair in pairs]):
        values[made.index] = made.log_likelihood
    return time.perf_counter() - began, values


def peer_side(told: dict[str, Any], pairs: list[tuple[str, str]]) -> tuple[float, list[float]]:
    from lm_eval.api.instance import Instance  # pyright: ignore[reportMissingImports]
    from lm_eval.models.huggingface import HFLM  # pyright: ignore[reportMissingImports]

    dtype = "float32" if told["precision"] == "fp32" else "bfloat16"
    made_by: Any = HFLM  # its constructor's types are not told
    model = made_by(pretrained=told["folder"], dtype=dtype, device="cpu", batch_size=told["batch"])
    requests = [Instance("loglikelihood", {}, pair, i) for i, pair in enumerate(pairs)]
    began = time.perf_counter()
    made = model.loglikelihood(requests, disable_tqdm=True)
    return time.perf_counter() - began, [value for value, _ in made]


def tell(times: dict[str, list[dict[str, Any]]], requests: list[dict[str, Any]]) -> None:
    """The ratio of the best times, the memory and the largest difference where both sides have a request."""
    rate = {}
    for name, runs in times.items():
        few = len(runs[0]["values"]) / len(requests) * len({r["item"] for r in requests})
        rate[name] = few / min(r["seconds"] for r in runs)
    best = max((n for n in rate if n != "heedful"), key=rate.__getitem__)
    ours, peers = times["heedful"][0], times[best][0]
    few_numbers = sorted({r["number"] for r in requests})
    for limit in few_numbers:
        kept = [i for i, r in enumerate(requests) if r["number"] <= limit]
        if len(kept) == len(peers["values"]):
            worst = max(abs(ours["values"][i] - v) for i, v in zip(kept, peers["values"], strict=True))
            print(f"largest difference of {len(kept)} log-likelihoods: {worst:.1e}")
    memory = ours["peak_mb"], peers["peak_mb"]
    print(f"peak memory: {memory[0]:.0f} MB, {best} {memory[1]:.0f} MB")
    print(f"items a second: {rate['heedful']:.2f}, {best} {rate[best]:.2f}: {rate['heedful'] / rate[best]:.1f} times")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--side"]:
        one_side(json.loads(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))
    else:
        main()
