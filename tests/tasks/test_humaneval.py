"""HumanEval as a task: what is asked, verdicts of tries, the owner's file of samples."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from heedful.errors import HeedfulError, RequestError
from heedful.sandbox import isolation
from heedful.scorers.humaneval import Problem
from heedful.tasks import Outcome, Places, Plan, Sample
from heedful.tasks.humaneval import TASKS

Write = Callable[..., Places]
OFFICIAL, PAPER, LM_EVAL, LM_EVAL_64 = TASKS


@pytest.fixture
def shut_in() -> None:
    try:
        isolation()
    except HeedfulError as e:
        pytest.skip(str(e))


def test_the_prompt_is_the_owners_as_it_is(write: Write, tmp_path: Path) -> None:
    places = write("humaneval", OFFICIAL.sample_rows)
    first, second = OFFICIAL.items(places, Plan())
    assert first.prompt.text() == 'def add(a, b):\n    """add two numbers."""\n'
    assert [i.id for i in (first, second)] == ["ours/0", "ours/1"]
    assert all(t.runs_code for t in TASKS)
    packed = tmp_path / "packed"
    packed.mkdir()
    (packed / "HumanEval.jsonl.gz").write_bytes(gzip.compress(OFFICIAL.sample_rows["HumanEval.jsonl"].encode()))
    assert OFFICIAL.items(Places("humaneval", packed), Plan(limit=1)) == [first]
    with pytest.raises(RequestError, match="humaneval shows no examples; leave --shots out"):
        OFFICIAL.items(places, Plan(shots=3))
    with pytest.raises(RequestError, match="humaneval has no parts; leave ':0' out"):
        OFFICIAL.items(places, Plan("0"))


def test_pass_at_k_is_the_owners_estimate(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    run: list[str] = []

    def judged(samples: list[tuple[Problem, str]]) -> list[str]:
        run.extend(text for _, text in samples)
        return ["passed" if text == "    return a - b" else "failed: " for _, text in samples]

    monkeypatch.setattr("heedful.tasks.humaneval.verdicts", judged)
    _, take = PAPER.items(write("humaneval", PAPER.sample_rows), Plan())
    one = OFFICIAL.mark(Outcome(take, texts=("    return a - b\nprint(1)",)))
    assert (one.answer, one.scores, run) == ("passed", {"pass@1": 1.0}, ["    return a - b"])
    mark = LM_EVAL_64.mark(Outcome(take, texts=("    return a - b", "    return b - a", "    return a - b - 1")))
    assert mark.answer == {"passed": 1, "tries": 3}
    assert mark.scores["pass@2"] == pytest.approx(2 / 3)  # of the three pairs of tries two hold the right one
    assert set(mark.scores) == {"pass@2", "pass@8", "pass@16", "pass@32", "pass@64"}
    assert PAPER.mark(Outcome(take, error="no answer")).scores == {"pass@1": None, "pass@10": None, "pass@100": None}


@pytest.mark.slow
@pytest.mark.usefixtures("shut_in")
def test_what_was_written_runs_in_the_sandbox(write: Write) -> None:
    add, _ = OFFICIAL.items(write("humaneval", OFFICIAL.sample_rows), Plan())
    assert OFFICIAL.mark(Outcome(add, texts=("    return a + b\n\nprint(1)",))).scores == {"pass@1": 1.0}
    assert OFFICIAL.mark(Outcome(add, texts=("    return a",))).scores == {"pass@1": 0.0}


def test_the_owners_file_of_samples(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heedful.tasks.humaneval.verdicts", lambda samples: ["failed: "] * len(samples))
    items = OFFICIAL.items(write("humaneval", OFFICIAL.sample_rows), Plan())
    outcomes = [Outcome(i, texts=("    return 1\ndef g", "    pass")) for i in items]
    assert OFFICIAL.submission is not None
    text = OFFICIAL.submission([Sample(o, OFFICIAL.mark(o)) for o in outcomes])["samples.jsonl"]
    rows = [json.loads(line) for line in text.splitlines()]
    assert rows[0] == {"task_id": "ours/0", "completion": "    return 1"}
    assert [r["task_id"] for r in rows] == ["ours/0", "ours/0", "ours/1", "ours/1"]
