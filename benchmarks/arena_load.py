"""Many people vote in an arena at once, through HTTP on loopback: is a vote lost or double, and how long does one take?

    python benchmarks/arena_load.py --people 200 --seconds 300
    python benchmarks/arena_load.py --people 200 --seconds 40 --kill        # the server is killed in the middle

The server is the command, `heedful arena` with scripted models, in a process of its own. Each person has one connection
and a cookie; they begin, ask, read the two answers, think for about `--think` seconds and vote. One vote in ten is sent
twice, as a browser does whose answer was lost. One person reads the leaderboard all the time. At the end the file of
votes is compared with what was acknowledged. Timed is a vote's POST from its first byte to the last of its answer, in
this process: the clients' own work is in it, and so is waiting for a core. What the server spent of a core
for each vote, with its question and its share of the leaderboard, does not depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MODELS = ("north", "south", "east", "west")


@dataclass
class Seen:
    """What all people saw. `acknowledged`: conversation and winner; `unsure`: sent, and no answer came."""

    acknowledged: dict[str, str] = field(default_factory=dict)
    unsure: dict[str, str] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    others: dict[str, list[float]] = field(default_factory=lambda: {"begin": [], "ask": [], "board": []})
    repeated: int = 0
    refused: dict[int, int] = field(default_factory=dict)


class Browser:
    """One connection that is kept open, and a cookie; as little as HTTP/1.1 needs."""

    def __init__(self, port: int):
        self.port, self.cookie = port, ""
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        assert self.reader
        text = b"" if body is None else json.dumps(body).encode()
        host = f"127.0.0.1:{self.port}"
        head = f"{method} {path} HTTP/1.1\r\nhost: {host}\r\ncookie: {self.cookie}\r\n"
        if method == "POST":
            head += f"origin: http://{host}\r\ncontent-type: application/json\r\ncontent-length: {len(text)}\r\n"
        self.writer.write(head.encode() + b"\r\n" + text)
        await self.writer.drain()
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        for line in lines:
            if line.lower().startswith("set-cookie: "):
                self.cookie = line.split(": ", 1)[1].split(";")[0]
        if headers.get("transfer-encoding") == "chunked":
            return int(lines[0].split()[1]), await self._chunks()
        return int(lines[0].split()[1]), await self.reader.readexactly(int(headers.get("content-length", 0)))

    async def _chunks(self) -> bytes:
        assert self.reader
        out = b""
        while size := int((await self.reader.readuntil(b"\r\n")).strip(), 16):
            out += await self.reader.readexactly(size)
            await self.reader.readexactly(2)
        await self.reader.readexactly(2)
        return out

    def close(self) -> None:
        if self.writer:
            self.writer.close()


async def person(number: int, port: int, end: float, think: float, seen: Seen) -> None:
    """Battles until the end; gives up when the server is gone."""
    rng, browser = random.Random(number), Browser(port)
    await asyncio.sleep(rng.random() * think)
    try:
        while time.monotonic() < end:
            await battle(browser, rng, think, seen)
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        browser.close()


async def timed(browser: Browser, path: str, body: Any, into: list[float]) -> tuple[int, bytes]:
    began = time.perf_counter()
    status, text = await browser.ask("POST" if body is not None else "GET", path, body)
    into.append(time.perf_counter() - began)
    return status, text


async def battle(browser: Browser, rng: random.Random, think: float, seen: Seen) -> None:
    status, text = await timed(browser, "/api/begin", {"hidden": True}, seen.others["begin"])
    if status != 200:
        return await refused(status, think, seen)
    talk = json.loads(text)["talk"]["id"]
    question = {"conversation": talk, "question": f"Question {rng.randrange(20)}?"}
    status, text = await timed(browser, "/api/ask", question, seen.others["ask"])
    if status != 200 or b'"can_vote": true' not in text:
        return await refused(status, think, seen)
    await asyncio.sleep(think * (0.5 + rng.random()))
    winner = rng.choice(("a", "b", "tie", "both_bad"))
    vote = {"conversation": talk, "winner": winner, "key": f"{rng.random()}"}
    for _ in range(2 if rng.random() < 0.1 else 1):
        seen.unsure[talk] = winner
        status, text = await timed(browser, "/api/vote", vote, seen.seconds)
        if status != 200:
            return await refused(status, think, seen)
        seen.repeated += talk in seen.acknowledged
        seen.acknowledged[talk] = winner
        seen.unsure.pop(talk, None)
    return None


async def refused(status: int, think: float, seen: Seen) -> None:
    seen.refused[status] = seen.refused.get(status, 0) + 1
    await asyncio.sleep(think)


async def watcher(port: int, end: float, seen: Seen) -> None:
    """Somebody with the leaderboard open."""
    browser = Browser(port)
    try:
        while time.monotonic() < end:
            await timed(browser, "/api/board?style=0", None, seen.others["board"])
            await asyncio.sleep(3)
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        browser.close()


def start(folder: Path) -> tuple[subprocess.Popen[str], int]:
    """The command on a free port."""
    words = ["arena", "--votes", str(folder / "votes.sqlite"), "--port", "0"]
    for name in MODELS:
        lines = [{"question": f"Question {k}?", "answer": f"Answer {k}, **bold**.\n- one"} for k in range(20)]
        path = folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        words.append(f"{name}=scripted:{path}")
    code = "from heedful.cli.main import main; main()"
    process = subprocess.Popen([sys.executable, "-u", "-c", code, *words], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    found = re.search(r"http://127\.0\.0\.1:(\d+)/", process.stdout.readline())
    assert found
    return process, int(found[1])


def kept_votes(folder: Path) -> list[tuple[str, str]]:
    """Conversation and winner of the votes in the file."""
    shown = {"model_a": "a", "model_b": "b", "tie": "tie", "tie (bothbad)": "both_bad"}
    db = sqlite3.connect(folder / "votes.sqlite")
    try:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = db.execute("SELECT conversation, winner FROM votes").fetchall()
    finally:
        db.close()
    return [(talk, shown[winner]) for talk, winner in rows]


def cpu_seconds(pid: int) -> float:
    """What a process has spent so far: its start is not what voting costs."""
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


async def run(people: int, seconds: float, think: float, port: int, kill: subprocess.Popen[str] | None) -> Seen:
    seen, end = Seen(), time.monotonic() + seconds
    tasks = [asyncio.create_task(person(k, port, end, think, seen)) for k in range(people)]
    tasks.append(asyncio.create_task(watcher(port, end, seen)))
    if kill:
        await asyncio.sleep(seconds / 2)
        kill.send_signal(signal.SIGKILL)
    await asyncio.gather(*tasks)
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--think", type=float, default=4, help="seconds between the answers and the vote, on average")
    parser.add_argument("--kill", action="store_true", help="kill -9 the server half way")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process, port = start(folder)
        idle = cpu_seconds(process.pid)
        try:
            seen = asyncio.run(
                run(options.people, options.seconds, options.think, port, process if options.kill else None)
            )
        finally:
            process.send_signal(signal.SIGKILL if options.kill else signal.SIGINT)
            process.wait()
        kept = kept_votes(folder)
    found = dict(kept)
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = spent.ru_utime + spent.ru_stime - idle
    wrong = [t for t, w in found.items() if (seen.acknowledged | seen.unsure).get(t) != w]
    report = {
        "people": options.people,
        "seconds": options.seconds,
        "killed": options.kill,
        "votes_acknowledged": len(seen.acknowledged),
        "votes_in_the_file": len(kept),
        "lost": sum(t not in found for t in seen.acknowledged),
        "double": len(kept) - len(found),
        "wrong": len(wrong),
        "sent_twice": seen.repeated,
        "no_answer_came": len(seen.unsure),
        "refused": {str(k): v for k, v in seen.refused.items()},
        "vote_ms": {f"p{p}": round(1000 * quantile(seen.seconds, p / 100), 1) for p in (50, 95, 99, 100)},
        "others_p99_ms": {k: round(1000 * quantile(v, 0.99), 1) for k, v in seen.others.items()},
        "server_cpu_seconds": round(cpu, 1),
        "server_cpu_ms_a_vote": round(1000 * cpu / max(1, len(kept)), 1),
        "load_average": os.getloadavg(),
    }
    print(json.dumps(report, indent=2))
    sys.exit(1 if report["lost"] or report["double"] or report["wrong"] else 0)


if __name__ == "__main__":
    main()
