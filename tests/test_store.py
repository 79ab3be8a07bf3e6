"""A run's files: whole or not at all, torn lines, attempts, full and read-only disks."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from heedful.errors import DataError, HeedfulError, RunError
from heedful.models.checkpoints import list_checkpoints, save_checkpoint
from heedful.store import (
    RunFolder,
    append_jsonl,
    disk_errors,
    json_line,
    read_json,
    read_jsonl,
    read_metrics,
    write_bytes,
    write_json,
    write_text,
)


def mounted(path: Path, options: str) -> Iterator[Path]:
    path.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("a small disk can be mounted by root only")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    yield from mounted(tmp_path / "small", "size=64k")


@pytest.fixture
def read_only(tmp_path) -> Iterator[Path]:
    yield from mounted(tmp_path / "read-only", "size=64k,ro")


def test_a_write_is_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "a" / "b.json"
    write_json(path, {"a": "ü"})
    assert path.read_text() == '{\n  "a": "ü"\n}\n'
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()

    def fail(self, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(KeyboardInterrupt):
        write_text(path, "half")
    assert read_json(path) == {"a": "ü"}
    assert [p.name for p in path.parent.iterdir()] == ["b.json"]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_json_with_nan_is_refused_and_in_lines_is_null(tmp_path):
    with pytest.raises(ValueError):
        write_json(tmp_path / "a.json", {"a": float("nan")})
    assert not (tmp_path / "a.json").exists()
    assert (
        json_line({"a": float("nan"), "b": [float("inf"), 1.5], "c": (1,)})
        == '{"a": null, "b": [null, 1.5], "c": [1]}\n'
    )


def test_torn_lines_are_left_out_and_taken_away(tmp_path):
    path = tmp_path / "a.jsonl"
    append_jsonl(path, {"n": 1}, {"n": 2})
    whole = path.read_bytes()
    for cut in range(1, len('{"n": 2}') + 1):
        path.write_bytes(whole[:-cut])
        assert read_jsonl(path) == [{"n": 1}]
        append_jsonl(path, {"n": 3})
        assert read_jsonl(path) == [{"n": 1}, {"n": 3}]
    path.write_bytes(b'{"n"')
    assert read_jsonl(path) == []
    append_jsonl(path, {"n": 4})
    assert read_jsonl(path) == [{"n": 4}]


def test_text_with_odd_line_breaks_stays_one_line(tmp_path):
    path = tmp_path / "a.jsonl"
    values = [{"text": "a\u2028b\u0085c\r\nd\x0b"}, {"text": "日本"}]
    append_jsonl(path, *values)
    assert read_jsonl(path) == values


def test_broken_files_are_told_with_their_line(tmp_path):
    path = tmp_path / "a.jsonl"
    assert read_jsonl(path) == []
    path.write_text('{"n": 1}\n{"n": \n{"n": 3}\n')
    with pytest.raises(DataError, match=r"a\.jsonl:2: broken JSON"):
        read_jsonl(path)
    path.write_bytes(b'{"n": 1}\n"\xff"\n')
    with pytest.raises(DataError, match=r"a\.jsonl:2: broken JSON"):
        read_jsonl(path)
    for text, said in ((b'{\n"a" 1}', r":2: broken JSON"), (b'"\xff"', "not UTF-8"), (b"", ":1: broken JSON")):
        (tmp_path / "a.json").write_bytes(text)
        with pytest.raises(DataError, match=said):
            read_json(tmp_path / "a.json")
    with pytest.raises(DataError, match="no such file"):
        read_json(tmp_path / "none.json")


def lines(*pairs: tuple[int, int]) -> str:
    return "".join(json.dumps({"attempt": a, "step": s, "at": i}) + "\n" for i, (a, s) in enumerate(pairs))


@pytest.mark.parametrize(
    ("pairs", "kept"),
    [
        ([(1, 0), (1, 1), (1, 2)], [0, 1, 2]),
        ([(1, 0), (1, 1), (1, 2), (2, 2), (2, 3)], [0, 1, 3, 4]),  # step 2 was done again
        ([(1, 1), (1, 2), (1, 3), (2, 2)], [0, 3]),  # step 3 was undone
        ([(1, 1), (1, 2), (2, 2), (2, 3), (2, 4), (3, 3)], [0, 2, 5]),
        ([(1, 1), (1, 2), (1, 3), (2, 3), (3, 2), (3, 3)], [0, 4, 5]),  # the third went on from an older checkpoint
        ([(1, 3), (1, 3), (2, 4)], [0, 1, 2]),  # a step's line and its evaluation's
        ([], []),
    ],
)
def test_metrics_after_resumes(tmp_path, pairs, kept):
    (tmp_path / "m.jsonl").write_text(lines(*pairs))
    assert [line["at"] for line in read_metrics(tmp_path / "m.jsonl")] == kept


def test_the_manifest(tmp_path):
    run = RunFolder(tmp_path)
    with pytest.raises(RunError, match="not a run"):
        run.read_manifest()
    run.update_manifest(outcome={"a": 1}, seed=3)
    run.update_manifest(outcome={"b": 2})
    assert run.read_manifest() == {"schema": "heedful.run/1", "outcome": {"a": 1, "b": 2}, "seed": 3}
    for text in ("[]", '{"schema": "heedful.run/9"}'):
        run.manifest.write_text(text)
        with pytest.raises(RunError, match="not a manifest of this version"):
            run.read_manifest()


def one_sentence(error: pytest.ExceptionInfo) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_full_disk_is_one_sentence_and_loses_nothing(small_disk):
    write_text(small_disk / "kept.txt", "kept")
    append_jsonl(small_disk / "lines.jsonl", {"n": 1})
    for write in (
        lambda: write_bytes(small_disk / "kept.txt", bytes(200_000)),
        lambda: append_jsonl(small_disk / "lines.jsonl", {"n": "x" * 200_000}),
        lambda: save_checkpoint(small_disk / "checkpoints", "step", 1, {"w": torch.zeros(90_000)}, {}, {}),
    ):
        with pytest.raises(HeedfulError, match="the disk is full; free some room and run the command again") as error:
            write()
        one_sentence(error)
        assert error.value.exit_status == 1
    assert (small_disk / "kept.txt").read_text() == "kept"
    assert read_jsonl(small_disk / "lines.jsonl") == [{"n": 1}]
    assert list_checkpoints(small_disk / "checkpoints", "step") == []
    assert not list((small_disk / "checkpoints").glob(".writing-*"))


def test_a_read_only_folder_is_one_sentence(read_only):
    with pytest.raises(RunError, match=r"cannot be written \(Read-only file system\); choose another folder") as error:
        RunFolder(read_only / "run").update_manifest(seed=1)
    one_sentence(error)


def test_a_file_where_a_folder_is_needed(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written") as error:
        write_text(tmp_path / "file" / "run" / "x.txt", "")
    one_sentence(error)
    (tmp_path / "folder" / "in").mkdir(parents=True)
    with pytest.raises(RunError, match="cannot be written"):
        write_text(tmp_path / "folder", "")


def test_other_errors_are_left_as_they_are():
    with pytest.raises(ZeroDivisionError), disk_errors("x"):
        _ = 1 // 0
    with pytest.raises(OSError, match="odd"), disk_errors("x"):
        raise OSError(5, "odd")


def test_a_run_can_be_read_by_those_whom_the_umask_lets(tmp_path):
    """safetensors writes its files for their owner alone; the weights of a shared run were refused to a class."""
    before = os.umask(0o027)
    try:
        made = save_checkpoint(tmp_path, "best", 1, {"w": torch.zeros(2)}, {}, {})
    finally:
        os.umask(before)
    assert made.stat().st_mode & 0o777 == 0o750
    assert {p.name: p.stat().st_mode & 0o777 for p in made.iterdir()} == {
        "weights.safetensors": 0o640,
        "state.json": 0o640,
    }
