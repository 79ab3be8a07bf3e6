"""kill -9 at random lines of the journal: nothing that was answered is asked again, and the results are the same."""

from __future__ import annotations

import json
import random
import signal

import pytest

from heedful.store import read_jsonl

pytestmark = pytest.mark.slow

KILLS = 5
# The process counts the model's answers as they come and kills itself in the midst of writing the n-th line.
MAIN = """
import os, signal, sys
sys.argv = ["heedful", *arguments[1:]]
deadly = int(arguments[0])
real, seen = os.write, 0
def write(handle, data):
    global seen
    if bytes(data[:11]) == b'{"request":':
        seen += 1
        if seen == deadly:
            real(handle, data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
    return real(handle, data)
os.write = write
from heedful.cli.main import main
main()
"""


def test_kills_lose_nothing_and_repeat_nothing(desk, forked, heedful):
    letters = {"astronomy": "ABCDAA", "virology": "BCAC"}
    model = desk.script("s.jsonl", letters)
    script = desk.folder / "s.jsonl"
    places = ("--task", "mmlu", "--data-dir", str(desk.data))
    assert heedful("bench", model, *places, "--out", "whole")[0] == 0
    draw = random.Random(5)
    command = ["bench", f"scripted:{script}", *places, "--out", str(desk.folder / "out")]
    known = 0
    journal = desk.folder / "out" / "requests" / "mmlu.jsonl"
    for number in range(KILLS):
        deadly = draw.randint(2, 6)
        killed = forked(MAIN, deadly, *command, *(["--resume"] if number else []))
        assert killed.wait() == -signal.SIGKILL
        lines = [line for line in read_jsonl(journal) if "request" in line]
        assert len(lines) == len({line["request"] for line in lines}) == known + deadly - 1
        known = len(lines)
        assert not (desk.folder / "out" / "results.json").exists()
    assert forked(MAIN, 0, *command, "--resume").wait() == 0
    lines = [line for line in read_jsonl(journal) if "request" in line]
    assert len(lines) == len({line["request"] for line in lines}) == 40
    whole, resumed = desk.results("whole"), desk.results("out")
    assert resumed["results"] == whole["results"]
    assert resumed["tasks"]["mmlu"]["asked"] == 40 - known
    assert desk.samples(out="out") == desk.samples(out="whole")
    assert json.dumps(resumed["tasks"]["mmlu"]["hashes"]["prompts"]) == json.dumps(
        whole["tasks"]["mmlu"]["hashes"]["prompts"]
    )
