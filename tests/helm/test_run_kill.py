"""kill -9 in the midst of heedful helm: nothing that was answered is asked again, and the matrix is the same."""

from __future__ import annotations

import json
import signal

import pytest

from heedful.helm.scenarios import name_scenarios, prepare_scenario
from heedful.store import read_jsonl
from heedful.tasks import Plan, find_task

pytestmark = pytest.mark.slow

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
SUPER = "superglue:copa"


def test_kills_lose_nothing_and_repeat_nothing(tmp_path, forked, heedful):
    for name, text in find_task("superglue").task.sample_rows.items():
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    scenario = prepare_scenario(name_scenarios([SUPER], None)[0], Plan(), tmp_path / "data", ("typos", "lowercase"))
    models = []
    for number in range(2):
        lines = [
            {"context": i.prompt.text(), "continuation": c, "log_likelihood": -1.0 - len(c) * (number - 0.5)}
            for i in scenario.asked.items
            for c in i.choices
        ]
        (tmp_path / f"{number}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        models.append(f"scripted:{tmp_path / f'{number}.jsonl'}")
    places = ("--scenario", SUPER, "--data-dir", str(tmp_path / "data"), "--perturbation", "typos,lowercase")
    assert heedful("helm", *models, *places, "--out", tmp_path / "whole")[0] == 0
    whole = json.loads((tmp_path / "whole/helm.json").read_text())
    each = len(scenario.asked.items) * 2
    out = tmp_path / "out"
    command = ["helm", *models, *places, "--out", str(out)]
    known = 0
    for number, deadly in enumerate((3, each - 1, 2)):  # in the first model, in the second, and there again
        killed = forked(MAIN, deadly, *command, *(["--resume"] if number else []))
        assert killed.wait() == -signal.SIGKILL
        lines = [line for path in out.glob("*/requests/*.jsonl") for line in read_jsonl(path) if "request" in line]
        assert len(lines) == known + deadly - 1
        known = len(lines)
        assert not (out / "helm.json").exists()
    assert forked(MAIN, 0, *command, "--resume").wait() == 0
    lines = [line for path in out.glob("*/requests/*.jsonl") for line in read_jsonl(path) if "request" in line]
    assert len(lines) == 2 * each
    resumed = json.loads((out / "helm.json").read_text())
    for found in (whole, resumed):
        for cells in found["cells"].values():
            cells[SUPER].pop("efficiency")  # of the clock
        found["mean_win_rates"].pop("efficiency")
    for part in ("cells", "mean_win_rates", "comparisons", "scenarios"):
        assert resumed[part] == whole[part], part
