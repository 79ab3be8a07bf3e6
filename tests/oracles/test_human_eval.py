"""HumanEval beside its owner's code, on programs that we wrote; and the owner's 164 solutions, which must all pass."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import pytest

from heedful.errors import HeedfulError
from heedful.sandbox import isolation
from heedful.scorers.humaneval import Problem, figures, read_problems, verdicts

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import human_eval_inputs as inputs  # noqa: E402  # pyright: ignore[reportMissingImports]

SAID = json.loads((HERE / "human_eval.json").read_text(encoding="utf-8"))
# Where the text of a failure is another: here stdin is empty, there it raises an error without a text.
OTHER_TEXTS = {"failed: EOF when reading a line": "failed: "}
PATIENT = 120.0


@pytest.fixture
def shut_in():
    try:
        isolation()
    except HeedfulError as e:
        pytest.skip(str(e))


def test_estimates_equal_the_owners_to_the_last_digit():
    found = [figures([n for n, _ in pairs], [c for _, c in pairs]) for pairs in inputs.counts()]
    assert found == SAID["estimates"]


@pytest.mark.slow
@pytest.mark.usefixtures("shut_in")
def test_verdicts_equal_the_owners():
    problems = {p["task_id"]: Problem(**p) for p in inputs.PROBLEMS}
    asked = [
        (problems[task], text, said)
        for task, completions in inputs.COMPLETIONS.items()
        for text, said in zip(completions, SAID["verdicts"][task], strict=True)
    ]
    ends = [row for row in asked if row[2] != "timed out"]
    found = verdicts([(problem, text) for problem, text, _ in ends], PATIENT)
    assert [OTHER_TEXTS.get(v, v) for v in found] == [said for *_, said in ends]
    loops = [(problem, text) for problem, text, said in asked if said == "timed out"]
    assert verdicts(loops, 0.5) == ["timed out"] * len(loops)


@pytest.mark.slow
@pytest.mark.usefixtures("shut_in")
def test_every_solution_of_the_owners_passes():
    found = sorted(
        Path("/tmp/oracles/human-eval").glob("lib/python3*/site-packages/human_eval/data/HumanEval.jsonl.gz")
    )
    if not found:
        pytest.skip("the package human-eval is not installed: python tests/oracles/human_eval_record.py installs it")
    problems = read_problems(found[0])
    said = verdicts([(p, p.canonical_solution) for p in problems.values()], PATIENT)
    assert Counter(said) == {"passed": 164}
