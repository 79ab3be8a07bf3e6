"""docs/numbers.md has a row for every number that a command gives as JSON."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "docs"), str(Path(__file__).parent)]

import stage  # noqa: E402  # pyright: ignore[reportMissingImports]

PAGE = (ROOT / "docs/numbers.md").read_text(encoding="utf-8")
# Told on pages of their own, or names of the user's own.
ELSEWHERE = {"manifest", "ledger", "rule", "messages", "hashes", "versions", "settings_of_run"}


def figures(value: Any, name: str = "") -> Iterator[str]:
    """The key nearest to each number, and to each unknown one."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in ELSEWHERE:
                yield from figures(inner, name if is_a_name(key) else key)
    elif isinstance(value, list):
        for inner in value:
            yield from figures(inner, name)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name


def is_a_name(key: str) -> bool:
    """Whether a key is a model, a task, a file, and not a figure."""
    return not re.fullmatch(r"[a-z][a-z0-9_]*", key)


def rows(command: str) -> set[str]:
    """The keys that the part of a command has rows for."""
    part = PAGE.partition(f"\n## heedful {command}\n")[2].partition("\n## ")[0]
    keys = [line.split("|")[1] for line in part.splitlines() if line.startswith("| `")]
    return {k for cell in keys for k in re.findall(r"`([^`]+)`", cell)}


@pytest.fixture
def desk(tmp_path, monkeypatch) -> Path:
    """A run that was written by hand, answers, votes, tasks; no model."""
    spec = importlib.util.spec_from_file_location("report_run", ROOT / "tests/report/report_run.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEEDFUL_CACHE", str(tmp_path / "cache"))
    run = made.write_run(tmp_path / "my-run", *made.ALL)
    stage.answers(tmp_path, run)
    stage.votes(tmp_path)
    stage.benchmarks(tmp_path)
    return tmp_path


COMMANDS = {
    "report": ["report my-run"],
    "compare": ["compare run:my-run@base my-run"],
    "rate": ["rate votes.jsonl --style-control", "rate votes.csv --profile elo"],
    "judge": [
        "judge before.jsonl after.jsonl --judge openai:j@SERVER --human marks-pairs.jsonl --out pairs.jsonl",
        "judge answers.jsonl --judge openai:j@SERVER --human marks-single.jsonl --out single.jsonl",
    ],
    "bench": ["bench scripted:s.jsonl --task mmlu --data-dir data --out bench"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_number_has_its_row(command, desk, heedful):
    found: set[str] = set()
    with stage.serving() as server:
        for line in COMMANDS[command]:
            words = line.replace("SERVER", f"http://127.0.0.1:{server.server_port}/v1").split()
            status, out, err = heedful(*words, "--json")
            assert status == 0, err
            found |= set(figures(json.loads(out)))
    assert found
    assert " ".join(sorted(found - rows(command))) == ""


def test_every_row_has_a_place_to_read_on():
    for line in PAGE.splitlines():
        if line.startswith("| `"):
            assert line.count("|") == 4, line
            assert line.split("|")[3].strip(), line
