"""`heedful review` as a user types it, and as a process that is killed."""

from __future__ import annotations

import http.client
import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from heedful.records import Score, from_json
from heedful.review.items import read_set
from heedful.review.marks import Mark, Marks


@pytest.fixture
def run(tmp_path, lines, make_response, monkeypatch):
    """A run of four questions; the current folder is where it lies."""
    folder = tmp_path / "run"
    for side in ("base", "tuned"):
        answers = [make_response(f"e{k}", side, f"{side} {k}") for k in range(4)]
        lines(folder / "responses" / f"{side}.jsonl", answers)
    (folder / "manifest.json").write_text(json.dumps({"schema": "heedful.run/1"}))
    monkeypatch.chdir(tmp_path)
    return folder


def put(folder: Path, name: str, verdicts: list[str]) -> None:
    found, marks = read_set([folder]), Marks(folder / "review.sqlite", "pair")
    who = marks.reviewer(name)
    marks.add(
        who, [(i, Mark(name, i.example_id, v, "first", key=v)) for i, v in zip(found.items, verdicts, strict=False)]
    )
    marks.close()


def test_marks_of_a_run_are_exported_into_its_scores(run, heedful):
    put(run, "Ann", [])
    status, out, _ = heedful("review", "run", "--export")
    assert (status, out) == (0, "nothing is marked yet\n")
    assert not (run / "scores").exists()
    put(run, "Ann", ["second", "tie"])
    status, out, _ = heedful("review", "run", "--export")
    assert (status, out) == (0, "Ann: 2 of 4 marked\nwritten: run/scores/review.jsonl, run/scores/review.csv\n")
    lines = (run / "scores" / "review.jsonl").read_text().splitlines()
    scores = [from_json(Score, json.loads(line)) for line in lines]
    assert [s.value for s in scores] == [1.0, 0.5]
    status, out, err = heedful("review", "run", "--export", "--json", "--out", "elsewhere")
    value = json.loads(out)
    assert (status, err) == (0, "")
    assert value["written"] == ["elsewhere/review.jsonl", "elsewhere/review.csv"]
    assert value["result"]["shares"]["second"][0] == 1
    assert value["result"]["agreement"] is None


def test_a_page_goes_out_and_marks_come_back(run, heedful, tmp_path):
    status, out, _ = heedful("review", "run", "--offline", "for-ann.html")
    assert status == 0
    assert out == "for-ann.html: 4 questions in one file; add what comes back with --import\n"
    page = Path("for-ann.html").read_text()
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])
    mark = {
        "number": 1,
        "verdict": "left",
        "tags": [],
        "note": "",
        "seconds": 1,
        "key": "k",
        "at": "2026-11-25T10:00:00Z",
    }
    value = {
        "schema": "heedful.marks/1",
        "reviewer": "Ann",
        "marks": [mark],
        **{k: data[k] for k in ("set", "sheet", "mode")},
    }
    Path("back.json").write_text(json.dumps(value))
    assert heedful("review", "run", "--import", "back.json")[:2] == (0, "Ann: 1 new marks, 0 known from before\n")
    got = json.loads(heedful("review", "run", "--import", "back.json", "--json")[1])
    assert (got["reviewer"], got["new"], got["known"]) == ("Ann", 0, 1)
    made = json.loads(heedful("review", "run", "--offline", "b.html", "--json", "--limit", "2")[1])
    assert made["questions"] == 2


def test_files_and_single_answers_keep_marks_of_their_own(run, heedful):
    base, tuned = (f"run/responses/{side}.jsonl" for side in ("base", "tuned"))
    for arguments in ((base, tuned), (tuned,), ("run", "--single"), ("run",)):
        assert heedful("review", *arguments, "--offline", "p.html")[0] == 0
    names = {str(p.relative_to(run)) for p in run.rglob("*.sqlite")}
    assert names == {
        "responses/base-vs-tuned.review.sqlite",
        "responses/tuned.review.sqlite",
        "review-single.sqlite",
        "review.sqlite",
    }


MISTAKES = [
    (["nothing"], "nothing: no such file; name a run's folder or a file that `heedful respond` wrote"),
    (["run", "run", "run"], "3 arguments: name a run, or one or two files of answers"),
    (["run", "--seed", "-1"], "--seed -1: name a whole number"),
    (["run", "--limit", "0"], "--limit"),
    (["run", "--port", "70000"], "--port"),
    (["run", "--host", "203.0.113.9"], "--host 203.0.113.9: no such address on this machine"),
    (["run", "--export", "--offline", "p.html"], "--export, --offline and --import are three jobs"),
    (["run", "--offline", "run/manifest.json"], "a page is written to a file that ends in .html"),
    (["run", "--export"], "run/review.sqlite: no marks are kept there"),
    (["run", "--import", "none.json"], "run/review.sqlite: no marks are kept there"),
    (["run", "--export", "--marks", "run"], "run: is a folder; name a file for the marks"),
    (["run", "--export", "--marks", "run/manifest.json"], "not a file of marks"),
    (["run", "run", "--single"], "--single looks at one answer"),
    ([], "missing argument"),
]


@pytest.mark.parametrize(("arguments", "reason"), MISTAKES, ids=lambda v: " ".join(v) if isinstance(v, list) else "")
def test_a_mistake_is_one_sentence(run, heedful, arguments, reason):
    status, out, err = heedful("review", *arguments)
    assert (status, out) == (2, "")
    assert reason in err
    assert err.startswith("heedful: error: ")
    assert err.count("\n") == 1


def test_what_does_not_work_leaves_no_file(run, heedful):
    for arguments in (["--export"], ["--import", "none.json"], ["--limit", "0"], ["--host", "203.0.113.9", "--export"]):
        assert heedful("review", "run", *arguments)[0] == 2
    assert not list(run.glob("*.sqlite*"))
    put(run, "Ann", [])
    status, _, err = heedful("review", "run", "--import", "none.json")
    assert (status, err) == (2, "heedful: error: none.json: no such file; name the one that the page saved\n")


def test_changed_answers_are_told_before_anything_is_done(run, heedful):
    put(run, "Ann", ["tie"] * 4)
    path = run / "responses" / "tuned.jsonl"
    path.write_text(path.read_text().replace("tuned 1", "other"))
    status, _, err = heedful("review", "run", "--export")
    assert status == 2
    assert "the answers to e1 have changed since they were marked" in err


class Server:
    """`heedful review` in a process of its own."""

    def __init__(self, *arguments: str, **environment: str):
        code = "from heedful.cli.main import main; main()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "review", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | environment,
        )
        assert self.process.stdout
        assert select.select([self.process.stdout], [], [], 100)[0], "the server says nothing"
        self.line = self.process.stdout.readline()
        self.port = int(re.search(r":(\d+)/", self.line)[1])

    def end(self, number: int) -> tuple[int, str, str]:
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=100)
        return self.process.returncode, out, err


@pytest.mark.slow
def test_kill_9_loses_no_mark_that_was_acknowledged(run, lines, make_response, person):
    """Marks come one after another when the process is killed; then the same command goes on and Ctrl-C ends it."""
    site_of = sys.modules["local_site"].Site
    for side in ("base", "tuned"):
        answers = [make_response(f"e{k}", side, f"{side} {k}") for k in range(300)]
        lines(run / "responses" / f"{side}.jsonl", answers)
    server = Server("run", "--port", "0")
    ann = person(site_of(server.port), "Ann")
    token = ann.state["set"]
    acknowledged: list[int] = []
    enough = threading.Event()

    def work() -> None:
        for number in range(1, 301):
            sent = {"set": token, "number": number, "verdict": "tie", "key": str(number)}
            try:
                if ann.post("/api/mark", sent).status != 200:
                    return
            except (OSError, http.client.HTTPException):
                return
            acknowledged.append(number)
            if len(acknowledged) == 25:
                enough.set()

    worker = threading.Thread(target=work)
    worker.start()
    assert enough.wait(100)
    server.end(signal.SIGKILL)
    worker.join()
    assert len(acknowledged) >= 25

    again = Server("run", "--port", "0")
    state = person(site_of(again.port), "ann").state
    assert state["marked"] >= len(acknowledged)
    assert state["marked"] <= len(acknowledged) + 1  # one may have been kept without the answer arriving
    status, out, err = again.end(signal.SIGINT)
    assert status == 0
    assert f"Ann: {state['marked']} of 300 marked\n" in out
    assert "Traceback" not in err
    lines_out = (run / "scores" / "review.jsonl").read_text().splitlines()
    assert len(lines_out) == state["marked"]


@pytest.mark.slow
def test_an_open_address_has_a_token_and_sigterm_ends_in_good_order(run):
    server = Server("run", "--port", "0", "--host", "0.0.0.0", HEEDFUL_TOKEN="")
    site = sys.modules["local_site"].Site(server.port)
    token = re.search(r"token=(\S+)", server.line)[1]
    assert site.get("/").status == 401
    moved = site.get(f"/?token={token}")
    cookie = moved.headers["set-cookie"].split(";")[0]
    assert site.get("/", cookie=cookie).status == 200
    assert site.get("/", cookie=cookie, host="evil.example").status == 421
    status, out, err = server.end(signal.SIGTERM)
    assert (status, out) == (0, "nothing is marked yet\n")
    assert "not encrypted" in err
    assert "Traceback" not in err
