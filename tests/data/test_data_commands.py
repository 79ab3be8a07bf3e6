"""heedful data check and heedful data split, as functions of their arguments."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from heedful.cli.data import app
from heedful.data import read_examples
from heedful.errors import HeedfulError


def run(*arguments: str | Path) -> Result:
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
