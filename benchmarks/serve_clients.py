"""How many tokens a second clients get together: `heedful serve` beside `transformers serve`, in turn, in one run.

    python benchmarks/serve_clients.py --model pip:smollm2-135m-instruct --clients 1 4 16
    python benchmarks/serve_clients.py --model FOLDER --clients 1 4 --requests 2 --new 48 --batching

Both serve the same folder in float32 on loopback, each in a process of its own; while one is measured the other has
nothing to do. On a busy machine the clock says little: the second ratio is of tokens to the server's own processor
seconds (Linux). Every client asks its questions one after another, greedily, and counts the tokens that the server says
it gave. `--batching` turns transformers' own continuous batching on. The ratio is of tokens a second; where the two
servers' answers differ, it is told how many do. Needs transformers[serving].
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from heedful.serve.others import command_for, served_folder

QUESTIONS = (
    "Name three uses of a paper clip.", "Why is the sky blue?", "Write a sentence with the words river and stone.",
    "What is a prime number?", "Give a short recipe for pancakes.", "Explain what a server is to a child.",
    "List four animals that can fly.", "What happens when ice melts?",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", required=True, help="pip:NAME, run:DIR or a folder")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--requests", type=int, default=2, help="of each client, one after another")
    parser.add_argument("--new", type=int, default=64, help="new tokens an answer, at most")
    parser.add_argument("--batching", action="store_true", help="transformers' continuous batching")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()

    say = (lambda text: print(text, file=sys.stderr)) if given.json else print
    port = free_port()
    with served_folder(given.model, say) as folder:
        measure(given, folder, port, say)


def measure(given: argparse.Namespace, folder: str, port: int, say: Callable[[str], object]) -> None:
    """Serve a folder by both, and ask them in turn."""
    theirs = [*command_for("transformers", given.model, folder, None, "127.0.0.1", port, None, None).words]
    theirs += ["--dtype", "float32", "--device", "cpu", *(["--continuous-batching"] if given.batching else [])]
    ours = [sys.executable, "-m", "heedful.cli.main", "serve", folder, "--name", folder, "--precision", "fp32"]
    ours += ["--device", "cpu", "--port", str(free_port())]
    say(f"{given.model}: {given.requests} requests a client, {given.new} new tokens at most; load {os.getloadavg()}")
    found: list[dict[str, Any]] = []
    with served("heedful", ours) as a, served("transformers", theirs) as b:
        for url, _ in (a, b):
            ask_all(url, folder, 1, 1, 4)  # what is made at the first request is not measured
        say("clients   heedful tokens/s   transformers tokens/s   ratio   by processor   answers that differ")
        for clients in given.clients:
            sides, used = [], []
            for url, process in (a, b):
                before = processor_seconds(process)
                sides.append(ask_all(url, folder, clients, given.requests, given.new))
                used.append(max(0.01, processor_seconds(process) - before))
            speeds = [tokens / seconds for tokens, seconds, _ in sides]
            by_processor = sides[0][0] / used[0] / (sides[1][0] / used[1])
            differ = sum(sides[0][2][key] != sides[1][2][key] for key in sides[0][2])
            row = {"clients": clients, "heedful": round(speeds[0], 1), "transformers": round(speeds[1], 1)}
            found.append(row | {"ratio": round(speeds[0] / speeds[1], 2), "differ": differ, "of": len(sides[0][2])})
            found[-1] |= {"ratio_by_processor": round(by_processor, 2), "processor_seconds": used}
            ratio, count = found[-1]["ratio"], len(sides[0][2])
            figures = f"{clients:7} {speeds[0]:18.1f} {speeds[1]:23.1f} {ratio:7.2f} {by_processor:14.2f}"
            say(f"{figures} {differ:10} of {count}")
    say(f"load at the end {os.getloadavg()}")
    if given.json:
        print(json.dumps({"model": given.model, "batching": given.batching, "rows": found}, indent=2))


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextlib.contextmanager
def served(name: str, command: list[str]) -> Iterator[tuple[str, int]]:
    """A server in a process of its own, from when it answers; its address and process."""
    url = f"http://127.0.0.1:{command[command.index('--port') + 1]}"
    log = Path(tempfile.mkstemp(prefix=f"serve-{name}-", suffix=".txt")[1])
    with log.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=os.environ | {"HF_HUB_OFFLINE": "1"})
    try:
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=5):
                break
            if process.poll() is not None:
                raise SystemExit(f"{name} ended:\n{log.read_text()}")
            time.sleep(0.2)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait()
        log.unlink()


def processor_seconds(process: int) -> float:
    """What a process has used so far, all its threads together; 0 where the system does not tell."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ask_all(url: str, model: str, clients: int, requests: int, new: int) -> tuple[int, float, dict[str, str]]:
    """Tokens, seconds and answers of so many clients at the same time."""
    answers: dict[str, str] = {}
    tokens: list[int] = []
    failures: list[BaseException] = []

    def ask(client: int) -> None:
        try:
            for number in range(requests):
                question = QUESTIONS[(client * requests + number) % len(QUESTIONS)]
                text, count = ask_one(url, model, question, new)
                answers[f"{client}.{number}"] = text
                tokens.append(count)
        except BaseException as e:
            failures.append(e)

    began = time.perf_counter()
    threads = [threading.Thread(target=ask, args=(c,)) for c in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise SystemExit(f"{url}: {failures[0]}")
    return sum(tokens), time.perf_counter() - began, answers


def ask_one(url: str, model: str, question: str, new: int) -> tuple[str, int]:
    body = {"model": model, "messages": [{"role": "user", "content": question}], "max_tokens": new, "temperature": 0}
    request = urllib.request.Request(
        f"{url}/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=1200) as response:
        made = json.load(response)
    return made["choices"][0]["message"]["content"], made["usage"]["completion_tokens"]


if __name__ == "__main__":
    main()
