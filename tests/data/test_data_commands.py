"""heedful data check and heedful data split, as functions of their arguments."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from heedful.cli import data
from heedful.cli.data import app
from heedful.data import ledger_lines, read_examples, stream
from heedful.data.figures import TokenFigures
from heedful.data.reading import ReadOptions
from heedful.data.stream import Tokenizing, check_files
from heedful.errors import HeedfulError
from heedful.records import Example, TokenExample
from heedful.train.truncation import Cut, Fitted


def run(*arguments: str | Path | int) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def fails(status: int, *arguments: str | Path) -> str:
    result = run(*arguments)
    assert isinstance(result.exception, HeedfulError), result.output
    assert result.exception.exit_status == status
    return str(result.exception)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    rows: list[dict[str, Any]] = [{"instruction": f"q{i}", "input": "", "output": "a", "kind": "x"} for i in range(20)]
    rows[3]["output"] = ""
    rows[7]["instruction"] = "Q0"
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return path


def test_check_tells_dropped_rows_and_succeeds(file: Path):
    result = run("check", file)
    assert result.exit_code == 0
    assert "20 read = 19 kept + 0 truncated + 1 dropped" in result.stdout
    assert "empty_answer: 1; an answer is empty (a.jsonl:4)" in result.stdout
    assert max(map(len, result.stdout.replace(str(file), "").splitlines())) <= 80


def test_check_fails_where_parts_overlap(file: Path):
    arguments = ["check", file, "--split", "order:train=5,val=5,test=5", "--json"]
    assert "a.jsonl:8 repeats a.jsonl:1" in fails(1, *arguments)
    document = json.loads(run(*arguments).stdout)  # the ledger is there all the same
    assert document["overlaps"][0]["count"] == 1
    assert document == json.loads(run(*arguments, "--allow-overlap").stdout)
    assert run(*arguments, "--allow-overlap").exit_code == 0
    assert run("check", file, "--split", "70/15/15").exit_code == 0


def test_check_and_bad_requests(file: Path, tmp_path: Path):
    assert "no data file" in fails(2, "check")
    assert "no such file" in fails(2, "check", tmp_path / "none.jsonl")
    assert "no format 'alpacas'" in fails(2, "check", file, "--format", "alpacas")
    assert "19" in fails(2, "check", file, "--split", "order:train=100,val=1")
    assert "first" not in fails(2, "check", file, "--split", "1/2/3")
    assert run("check", file, "--limit", "0").exit_code == 2
    assert "--trust-remote-code is for counting tokens" in fails(2, "check", file, "--trust-remote-code")


def test_check_of_a_split_by_files(file: Path, tmp_path: Path):
    other = tmp_path / "b.jsonl"
    other.write_text('{"instruction": "new", "output": "a"}\n')
    result = run("check", "--split", f"train={file},val={other}")
    assert result.exit_code == 0
    assert "val   1 row," in result.stdout


def test_split_writes_the_rows_as_they_were(file: Path, tmp_path: Path):
    out = tmp_path / "deep" / "parts"
    result = run("split", file, "--split", "70/15/15", "--out", out, "--seed", "3")
    assert result.exit_code == 0, result.exception
    assert sorted(p.name for p in out.iterdir()) == ["ledger.json", "test.jsonl", "train.jsonl", "val.jsonl"]
    written = [json.loads(line) for p in out.glob("*.jsonl") for line in p.read_text().splitlines()]
    assert len(written) == 19
    assert all(list(row) == ["id", "instruction", "input", "output", "kind"] for row in written)
    whole = {json.loads(line)["instruction"]: f"r{i:06d}" for i, line in enumerate(file.read_text().splitlines(), 1)}
    assert all(row["id"] == whole[row["instruction"]] for row in written)
    assert [e.id for e in read_examples(out / "val.jsonl")] == [
        r["id"] for r in written if r in _rows(out / "val.jsonl")
    ]
    assert run("check", "--split", f"train={out}/train.jsonl,val={out}/val.jsonl,test={out}/test.jsonl").exit_code == 0


def _rows(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_what_a_source_is_counted_is_in_the_ledger_and_told_where_it_changes_nothing(file: Path, tmp_path: Path):
    said = run("check", f"{file}::cap=12,weight=2", "--json").stdout
    (facts,) = json.loads(said)["files"]
    assert (facts["rows"], facts["cap"], facts["weight"]) == (20, 12, 2)
    assert "20 rows, cap 12, weight 2, sha256" in " ".join(run("check", f"{file}::cap=12,weight=2").stdout.split())
    assert "weight" not in run("check", file, "--json").stdout
    said = run("split", f"{file}::weight=2", "--split", "80/20", "--out", tmp_path / "out").stdout
    assert "a weight above 1 repeats rows in training only; the parts have each row once" in " ".join(said.split())


@pytest.mark.parametrize("option", ["--map", "--format"])
def test_an_empty_option_is_no_option_left_out(file: Path, option: str):
    assert option in fails(2, "check", file, option, "")


def test_split_twice_gives_the_same_files(file: Path, tmp_path: Path):
    for name in ("x", "y"):
        document = json.loads(run("split", file, "--split", "80/20", "--out", tmp_path / name, "--json").stdout)
        assert sum(document["written"].values()) == document["ledger"]["kept"] == 19
    for part in ("train", "val"):
        assert (tmp_path / "x" / f"{part}.jsonl").read_bytes() == (tmp_path / "y" / f"{part}.jsonl").read_bytes()
    assert not (tmp_path / "x" / "test.jsonl").exists()


def test_split_refuses(file: Path, tmp_path: Path):
    out = tmp_path / "out"
    assert "--allow-overlap" in fails(2, "split", file, "--split", "order:train=5,val=5", "--out", out)
    assert "files already" in fails(2, "split", file, "--split", "train=a,val=b", "--out", out)
    assert not out.exists()
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    assert "not an empty folder" in fails(2, "split", file, "--split", "80/20", "--out", out)
    assert "not an empty folder" in fails(2, "split", file, "--split", "80/20", "--out", file)
    assert [p.name for p in out.iterdir()] == ["notes.txt"]
    assert "cannot be written" in fails(2, "split", file, "--split", "80/20", "--out", file / "below")


def test_split_that_is_interrupted_leaves_nothing(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(path: Path, value: Any) -> None:
        raise HeedfulError(f"{path}: the disk is full")

    monkeypatch.setattr("heedful.cli.data.write_json", full)
    assert "disk is full" in fails(1, "split", file, "--split", "80/20", "--out", tmp_path / "out")
    monkeypatch.undo()
    assert run("split", file, "--split", "80/20", "--out", tmp_path / "out").exit_code == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_split_into_a_read_only_folder(file: Path, tmp_path: Path):
    out = tmp_path / "locked"
    out.mkdir()
    out.chmod(0o500)
    assert "cannot be written" in fails(2, "split", file, "--split", "80/20", "--out", out)


def test_check_refuses_what_would_do_nothing_or_write_over_the_data(file: Path):
    before = file.read_bytes()
    assert "ends in .html" in fails(2, "check", file, "--html", file)
    assert file.read_bytes() == before
    assert "--overlong is for counting tokens; give --model too" in fails(2, "check", file, "--overlong", "truncate")
    assert "did you mean 'truncate'?" in fails(2, "check", file, "--overlong", "truncte")
    assert "choose answers, last-answer, everything" in fails(2, "check", file, "--model", "m", "--train-on", "answer")
    assert "--no-near" in fails(2, "check", file, "--split", "80/10/10", "--no-near")
    assert "name is empty" in fails(2, "check", "")


def test_a_page_or_an_index_below_a_file(file: Path, tmp_path: Path):
    assert "cannot be written" in fails(2, "check", file, "--html", file / "x.html")
    items = tmp_path / "quiz.csv"
    items.write_text("question\nWhich of these is the longest river of them all?\n")
    assert "cannot be written" in fails(2, "index", items, "--out", file / "x.npz")


def test_control_characters_of_names_do_not_reach_the_terminal(tmp_path: Path, heedful: Any):
    path = tmp_path / "a\x1b[31m\x07.jsonl"
    path.write_text(json.dumps({"instruction": "What is it?", "output": ""}) + "\n")
    (tmp_path / "b.jsonl").write_text(json.dumps({"instruction": "What is it?", "output": "This."}) + "\n")
    out = "\n".join(ledger_lines(json.loads(run("check", path, tmp_path / "b.jsonl", "--json").stdout)))
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "a\\x1b[31m\\x07.jsonl:1" in out
    _, _, said = heedful("data", "check", path)
    assert "\x1b" not in said
    assert "the only row cannot be used: an answer is empty (empty_answer, 1 row)" in said


def test_a_data_set_of_the_hub_has_a_revision_and_no_hash():
    document = {
        "files": [
            {"path": "hub:o/n:train", "kind": "hub", "format": "qa", "rows": 1, "sha256": None, "revision": "ab"}
        ],
        "read": 1,
        "kept": 1,
        "truncated": 0,
        "dropped": 0,
    }
    assert "  hub:o/n:train: hub, qa, 1 row, revision ab" in ledger_lines(document)


def test_answers_that_are_cut_are_told_without_a_split_too(file: Path):
    def fit(example: Example) -> Fitted:
        return Fitted(example, TokenExample(example.id, (1, 2), (False, True), truncated=3), (Cut("answer", 3, 1),))

    found = check_files([file], ReadOptions(), tokens=Tokenizing(fit, TokenFigures({2}, None))).findings
    assert found["answer_cut"].count == 19


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full and names of any bytes are Linux's")
def test_a_full_stdout_and_a_name_that_is_no_text(file: Path, tmp_path: Path):
    command = [sys.executable, "-m", "heedful.cli.main", "data", "check"]
    with Path("/dev/full").open("w") as full:
        said = subprocess.run([*command, str(file)], stdout=full, stderr=subprocess.PIPE, text=True)
    assert said.returncode == 1
    assert said.stderr == "heedful: error: cannot be written (No space left on device); free some room\n"
    strange = os.fsencode(tmp_path) + b"/n\xff.jsonl"
    Path(os.fsdecode(strange)).write_bytes(file.read_bytes())
    named = subprocess.run([*command, strange], capture_output=True, text=True)
    assert named.returncode == 2
    assert "n\\udcff.jsonl: the name is not UTF-8" in named.stderr
    assert "Traceback" not in named.stderr


def test_an_interrupt_is_told(heedful: Any, monkeypatch: pytest.MonkeyPatch):
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stream, "check_files", stop)
    status, _, said = heedful("data", "check", "a.jsonl")
    assert (status, said) == (130, "heedful: stopped\n")


@pytest.mark.parametrize("terminal", [True, False])
def test_how_far_a_check_is_stands_on_a_terminal_and_nowhere_else(
    file: Path, terminal: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stream, "TOLD_EVERY", 8)
    monkeypatch.setattr(data.sys, "stderr", SimpleNamespace(isatty=lambda: terminal))
    said: list[str] = []
    monkeypatch.setattr(data.typer, "echo", lambda text, **how: said.append(text) if how.get("err") else None)
    data.check([str(file)])
    told = ["8 rows read", "16 rows read", "20 rows read; comparing them", ""]
    assert said == ([f"\r\x1b[2K{text}" for text in told] if terminal else [])


def test_which_format_was_taken_and_why_is_on_the_terminal(tmp_path: Path):
    turns = [{"role": "user", "content": "Hi there"}, {"role": "assistant", "content": "Hello."}]
    path = tmp_path / "both.jsonl"
    path.write_text(json.dumps({"messages": turns, "instruction": "x", "output": "y"}) + "\n")
    said = " ".join(run("check", path).stdout.split())
    assert "both.jsonl" in said
    assert "messages and alpaca" in said
    assert "because a list of turns says who said what" in said
