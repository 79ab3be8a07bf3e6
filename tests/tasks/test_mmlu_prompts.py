"""MMLU's two prompts, letter by letter, from the owner's evaluate.py and lm-evaluation-harness's task files."""

from __future__ import annotations

from pathlib import Path

import pytest

from heedful.tasks import Places, Plan, find_task

ASKED = "What is  2+2?\nA. 3\nB. 4\nC. 5\nD. 6\nAnswer:"
SHOT = "Is 1 odd?\nA. yes\nB. no\nC. both\nD. none\nAnswer: A\n\n"
HEAD = "The following are multiple choice questions (with answers) about{gap}abstract algebra.\n\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for split, row in (("test", " What is  2+2? ,3,4,5,6,B\n"), ("dev", "Is 1 odd?,yes,no,both,none,A\n")):
        (tmp_path / split).mkdir()
        (tmp_path / split / f"abstract_algebra_{split}.csv").write_text(row)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mmlu@hendrycks", HEAD.format(gap="  ") + SHOT + ASKED.replace("What is  2+2?", " What is  2+2? ")),
        ("mmlu@lm-eval", HEAD.format(gap=" ") + SHOT + ASKED),
    ],
)
def test_the_prompt(folder, name, text):
    (item,) = find_task(name).task.items(Places("mmlu", folder), Plan(shots=1))
    assert item.prompt.text() == text
    assert (item.choices, item.gold) == ((" A", " B", " C", " D"), "B")
