"""A bench desk: small files in MMLU's form, and a script that knows how likely each letter is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from heedful.tasks import Places, Plan, find_task

SUBJECTS = {"astronomy": "ABCDAB", "virology": "BBDC"}
QUESTION = "In which of these far away places of {subject} does the number {n} star of them all shine?"


class Desk:
    """`desk.script(...)` writes a model that gives the letter asked for each item."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.data = folder / "data"
        for subject, letters in SUBJECTS.items():
            rows = [f"{QUESTION.format(n=n, subject=subject)},w{n},x,y,z,{gold}" for n, gold in enumerate(letters)]
            self.write(f"data/test/{subject}_test.csv", "\n".join(rows) + "\n")
            shots = [f"Shot {n} of {subject}?,1,2,3,4,{'ABCDA'[n]}" for n in range(5)]
            self.write(f"data/dev/{subject}_dev.csv", "\n".join(shots) + "\n")

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def items(self, name: str = "mmlu", **plan: Any) -> Sequence[Any]:
        named = find_task(name)
        return named.task.items(Places(named.task.name, self.data), Plan(subset=named.subset, **plan))

    def script(self, name: str, says: Mapping[str, str], task: str = "mmlu", **plan: Any) -> str:
        """A script that finds the letters of each subject likeliest; '-' leaves an item out. The model's name."""
        lines = []
        for item in self.items(task, **plan):
            subject, _, number = item.id.partition("/")
            letter = says[subject][int(number)]
            for choice in item.choices if letter != "-" else ():
                value = -0.5 if choice == f" {letter}" else -2.0 - "ABCD".index(choice[1]) / 8
                lines.append({"context": item.prompt.text(), "continuation": choice, "log_likelihood": value})
        self.write(name, "".join(json.dumps(line) + "\n" for line in lines))
        return f"scripted:{name}"

    def results(self, out: str = "out") -> dict[str, Any]:
        return json.loads((self.folder / out / "results.json").read_text())

    def samples(self, key: str = "mmlu", out: str = "out") -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / out / "samples" / f"{key}.jsonl").read_text().splitlines()]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path)
