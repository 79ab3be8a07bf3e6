"""heedful score humaneval: the owner's figures, what is refused and when, and the pieces for a task."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from heedful.cli.main import app
from heedful.errors import DataError, HeedfulError, RequestError
from heedful.sandbox import isolation
from heedful.scorers import humaneval
from heedful.scorers.humaneval import Problem, assemble, figures, truncate
from heedful.scorers.official import Execution, score_files

DATA = Path("/work/shared/data/humaneval")
ONE = {"task_id": "a", "prompt": "def f():\n", "test": "def check(c):\n    assert c() == 1", "entry_point": "f"}
TWO = ONE | {"task_id": "b"}
ALLOWED = Execution(allowed=True, timeout=60.0, workers=2)


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def scored(folder, problems, samples, execution=ALLOWED):
    references = write(folder / "problems.jsonl.gz", problems)
    return score_files("humaneval", references, write(folder / "samples.jsonl", samples), None, execution)


@pytest.fixture
def nothing_runs(monkeypatch):
    """No program may be started, nor isolation looked for."""

    def started(*_):
        raise AssertionError("a program was to run")

    monkeypatch.setattr(humaneval, "checked", started)
    monkeypatch.setattr(humaneval, "isolation", started)


@pytest.fixture
def shut_in():
    try:
        isolation()
    except HeedfulError as e:
        pytest.skip(str(e))


@pytest.mark.usefixtures("nothing_runs")
def test_without_consent_no_file_is_read(tmp_path):
    done = CliRunner().invoke(app, ["score", "humaneval", "--references", "none", "--predictions", "none"])
    assert isinstance(done.exception, RequestError)
    said = str(done.exception)
    assert "runs every completion of --predictions as a Python program, in a sandbox" in said
    assert "--allow-code-execution" in said


@pytest.mark.usefixtures("nothing_runs")
@pytest.mark.parametrize(
    ("problems", "samples", "said"),
    [
        ([ONE, TWO], [{"task_id": "a", "completion": ""}], '1 of 2 problems have no completion \\("b" is one\\)'),
        ([ONE], [{"task_id": "c", "completion": ""}], "samples.jsonl:1: \"c\" is no problem of --references"),
        ([ONE], [{"task_id": "a", "completion": None}], "samples.jsonl:1: 'completion' is null"),
        ([ONE], [{"task_id": "a"}], "samples.jsonl:1: 'completion' is missing"),
        ([ONE | {"test": 1}], [], "problems.jsonl.gz:1: 'test' is 1"),
        ([ONE | {"entry_point": "f()"}], [], 'problems.jsonl.gz:1: the entry_point "f\\(\\)" is no name'),
        ([ONE], [], "samples.jsonl: is empty"),
    ],
)  # fmt: skip
def test_files_that_the_owner_would_stop_at(problems, samples, said, tmp_path):
    with pytest.raises(DataError, match=said):
        scored(tmp_path, problems, samples)


@pytest.mark.usefixtures("nothing_runs")
@pytest.mark.parametrize(
    ("execution", "said"),
    [
        (Execution(True, timeout=0.0), "--timeout 0.0: name a number of seconds above 0"),
        (Execution(True, timeout=float("nan")), "--timeout nan"),
        (Execution(True, workers=0), "--workers 0: name a whole number from 1 on"),
    ],
)
def test_options_out_of_range(execution, said, tmp_path):
    with pytest.raises(RequestError, match=said):
        scored(tmp_path, [ONE], [{"task_id": "a", "completion": ""}], execution)


@pytest.mark.parametrize("option", [["--timeout", "3"], ["--workers", "2"], ["--allow-code-execution"]])
def test_other_kinds_run_no_code(option):
    done = CliRunner().invoke(app, ["score", "squad", "--references", "r", "--predictions", "p", *option])
    assert str(done.exception) == f"score squad runs no code; leave {option[0]} out"


def test_verdicts_and_figures(tmp_path, monkeypatch):
    """The last problem of an id counts, any number of completions may come, in any order."""
    monkeypatch.setattr(humaneval, "checked", lambda task, *_: task.completion)
    monkeypatch.setattr(humaneval, "isolation", lambda: isolation_of_none)
    words = [("b", "passed"), ("a", "timed out"), *[("a", "passed")] * 4, *[("a", "failed: x")] * 5]
    words += [("b", "failed: passed")] * 10
    found = scored(tmp_path, [ONE, TWO, ONE], [{"task_id": t, "completion": c} for t, c in words])
    assert found["pass@1"] == pytest.approx((4 / 10 + 1 / 11) / 2)
    assert found["pass@10"] == pytest.approx((1 + (1 - 1 / 11)) / 2)
    assert "pass@100" not in found
    assert [found[k] for k in ("problems", "completions", "passed", "timed_out")] == [2, 21, 5, 1]
    assert found["verdicts"][1] == {"task_id": "a", "completion_id": 0, "result": "timed out", "passed": False}
    assert found["verdicts"][-1] == {"task_id": "b", "completion_id": 10, "result": "failed: passed", "passed": False}


class isolation_of_none:
    means = "none"


def test_figures_by_hand():
    """1 - C(3, 2) / C(5, 2) = 0.7; of nothing there is no figure."""
    assert figures([5], [2], ks=(2,)) == {"pass@2": pytest.approx(0.7)}
    assert figures([], []) == {}
    assert figures([100, 99], [0, 99]) == {"pass@1": 0.5, "pass@10": 0.5}


def test_pieces_for_a_task():
    problem = Problem("a", "def f():\n", "def check(c):\n    pass", "f")
    assert assemble(problem, "    return 1") == "def f():\n    return 1\ndef check(c):\n    pass\ncheck(f)"
    assert truncate("    x = 1\n    if x:\n        return x\n\nprint(f())\nclass A: pass") == (
        "    x = 1\n    if x:\n        return x\n"
    )
    assert truncate("    return '#'") == "    return '#'"
    assert truncate("def f(): pass") == "def f(): pass"  # a stop begins with the line break before it


@pytest.mark.slow
@pytest.mark.usefixtures("shut_in")
def test_the_owners_example(tmp_path):
    if not DATA.is_dir():
        pytest.skip(f"no {DATA}: the owner's example is not part of the repository")
    files = ["--references", str(DATA / "example_problem.jsonl"), "--predictions", str(DATA / "example_samples.jsonl")]
    done = CliRunner().invoke(app, ["score", "humaneval", *files, "--allow-code-execution", "--json", "--timeout", "8"])
    found = json.loads(done.stdout)
    assert found["pass@1"] == 0.4999999999999999  # as the owner's readme shows it
    assert [v["passed"] for v in found["verdicts"]] == [False, False, False, True, True, True]
    assert found["verdicts"][1]["result"] == "timed out"


@pytest.mark.slow
@pytest.mark.usefixtures("shut_in")
def test_a_fault_of_the_references_stops_all(tmp_path):
    """Tests that hand over a function cannot be judged here; the sandboxes that still run are ended first."""
    unfit = TWO | {"test": "def check(c):\n    assert c(len) == 1"}
    samples = [{"task_id": t, "completion": "    return 1"} for t in ("a", "b") * 3]
    unfit["prompt"] = "def f(x):\n"
    with pytest.raises(DataError, match="b: its test hands a value of type builtin_function_or_method to the program"):
        scored(tmp_path, [ONE, unfit], samples)
