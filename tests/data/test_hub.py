"""Data sets of the hub: their names, pinning, the missing package, and folders that are really read by `datasets`."""

from __future__ import annotations

import builtins
import json
import logging
import socket
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from heedful.data.choosing import choose
from heedful.data.collect import collect
from heedful.data.hub import HubData, hub_rows, parse_hub, pinned
from heedful.errors import DataError, RequestError

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("hub:owner/name", HubData("owner/name")),
        ("hub:name", HubData("name")),
        ("hub:owner/na-me.2@v1.0", HubData("owner/na-me.2", revision="v1.0")),
        (f"hub:owner/name@{COMMIT}:test", HubData("owner/name", None, COMMIT, "test")),
        (
            "hub:owner/name/en@refs/convert/parquet:validation",
            HubData("owner/name", "en", "refs/convert/parquet", "validation"),
        ),
        ("hub:owner/name:test", HubData("owner/name", split="test")),
        ("hub:./folder:train", HubData("./folder")),
        ("hub:../a.b/c", HubData("../a.b/c")),
        ("hub:/data/x@y:test", HubData("/data/x@y", split="test")),
    ],
)
def test_names(text: str, data: HubData):
    assert parse_hub(text) == data
    assert parse_hub(str(data)) == data  # what is recorded names the same


@pytest.mark.parametrize(
    "text", ["hub:", "hub:a/b/c/d", "hub:a b", "hub:a/b@", "hub:a/b:", "hub:https://x/y", "hub:a/b:train[:10%]"]
)
def test_names_of_nothing(text: str):
    with pytest.raises(RequestError) as e:
        parse_hub(text)
    assert str(e.value).startswith(text + ":")


def test_without_the_package(monkeypatch: pytest.MonkeyPatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "datasets":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(RequestError, match=r"pip install 'heedful\[hub\]'"):
        collect(["hub:owner/name"])


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> dict:
    """The hub's answers, without a network: a commit by data set and revision, or an exception."""
    pytest.importorskip("datasets", reason="the extra hub is not installed")
    import huggingface_hub

    answers: dict = {}

    class Api:
        def dataset_info(self, name, revision=None, timeout=None):
            answer = answers[name, revision]
            if isinstance(answer, Exception):
                raise answer
            return SimpleNamespace(sha=answer)

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    return answers


def test_a_commit_is_kept_and_anything_else_is_pinned_and_told(hub: dict):
    hub["a/b", None] = hub["a/b", "main"] = COMMIT
    hub["c/d", None] = OSError("no\nnetwork")
    hub["e/f", None] = None
    notes: list[str] = []
    sources = collect(["hub:a/b", "hub:a/b@main:test", f"hub:x/y@{COMMIT}", "hub:c/d::cap=3", "hub:e/f"], notes)
    assert [s.path for s in sources] == [
        f"hub:a/b@{COMMIT}:train",
        f"hub:a/b@{COMMIT}:test",
        f"hub:x/y@{COMMIT}:train",
        "hub:c/d:train",
        "hub:e/f:train",
    ]
    assert [s.revision for s in sources] == [COMMIT] * 3 + [None] * 2
    assert [s.name for s in sources][:2] == ["hub:a/b:train", "hub:a/b:test"]
    assert sources[3].cap == 3
    assert sources[0].kind == "hub"
    assert sources[0].sha256() is None
    assert notes == [
        f"hub:a/b:train: the revision is not pinned; this time it is {COMMIT}: "
        f"name hub:a/b@{COMMIT}:train to read the same again",
        f"hub:a/b@main:test: the revision 'main' may move; this time it is {COMMIT}: "
        f"name hub:a/b@{COMMIT}:test to read the same again",
        "hub:c/d:train: the revision is not pinned, and which commit it is could not be found out (no network)",
        "hub:e/f:train: the revision is not pinned, and the hub did not say which commit it is",
    ]


def test_the_same_data_set_twice_is_refused_also_by_two_names_of_one_commit(hub: dict):
    hub["a/b", None] = COMMIT
    with pytest.raises(RequestError, match="named twice"):
        collect(["hub:a/b", f"hub:a/b@{COMMIT}:train"])


def test_what_the_hub_does_not_know(hub: dict):
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    hub["a/b", None] = RepositoryNotFoundError.__new__(RepositoryNotFoundError)
    hub["a/b", "v9"] = RevisionNotFoundError.__new__(RevisionNotFoundError)
    with pytest.raises(DataError, match="no such data set"):
        pinned(HubData("a/b"), [])
    with pytest.raises(DataError, match="no revision 'v9'"):
        pinned(HubData("a/b", revision="v9"), [])


def test_a_hub_that_cannot_be_reached_is_told_in_one_sentence(hub: dict, monkeypatch: pytest.MonkeyPatch):
    import datasets

    def unreachable(*_: object, **__: object) -> None:
        logging.getLogger("huggingface_hub.utils._http").warning("Retrying in 1s [Retry 1/5].")
        raise ConnectionError("Couldn't reach 'a/b' on the Hub")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    level, said = logging.getLogger("huggingface_hub").level, []
    listener = logging.Handler()
    monkeypatch.setattr(listener, "emit", said.append)
    monkeypatch.setattr(logging.getLogger("huggingface_hub"), "handlers", [listener])
    with pytest.raises(DataError, match=r"^hub:a/b:train: the hub cannot be reached .*; check the network"):
        list(hub_rows(HubData("a/b")))
    assert said == []
    assert logging.getLogger("huggingface_hub").level == level


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set as the hub lays it out, and no way into a network."""
    pytest.importorskip("datasets", reason="the extra hub is not installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))

    def refuse(*_):
        raise AssertionError("a local folder asked for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    data = tmp_path / "set" / "data"
    data.mkdir(parents=True)
    rows = [{"messages": [{"role": "user", "content": f"q{i}"}], "score": float("nan")} for i in range(3)]
    pq.write_table(pa.Table.from_pylist(rows), data / "train-00000-of-00001.parquet")
    (data / "test.jsonl").write_text("".join(json.dumps({"q": f"t{i}"}) + "\n" for i in range(2)))
    return tmp_path


def test_a_folder_in_the_layout_of_the_hub_is_read_by_datasets(folder: Path):
    data = folder / "set" / "data"
    (data / "test.jsonl").unlink()
    pq.write_table(
        pa.table({"messages": [[{"role": "user", "content": "t"}]], "score": [1.5]}),
        data / "test-00000-of-00001.parquet",
    )
    notes: list[str] = []
    train, test = collect(["hub:./set", "hub:./set:test::weight=2"], notes)
    assert [(r.value, r.source) for r in train.rows()] == [
        ({"messages": [{"role": "user", "content": f"q{i}"}], "score": None}, f"hub:./set:train: row {i + 1}")
        for i in range(3)
    ]
    assert [r.value["score"] for r in choose(test.rows, weight=test.weight)] == [1.5, 1.5]
    assert notes == []
    before = train.sha256()
    assert len(before or "") == 64
    (data / "extra.txt").write_text("x")
    assert train.sha256() != before


def test_folders_that_datasets_cannot_read_end_in_a_sentence(folder: Path):
    with pytest.raises(DataError, match="there is no folder"):
        collect(["hub:./nowhere"])
    (folder / "empty").mkdir()
    for name in ("hub:./empty", "hub:./set:validation"):
        with pytest.raises(DataError) as e:
            list(collect([name])[0].rows())
        assert "cannot be read (" in str(e.value)
        assert "\n" not in str(e.value)
