"""`heedful judge` as a user meets it: what it says, what it writes, and each mistake as one sentence."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time

import pytest

from heedful.cli.judge import check_any
from heedful.errors import HeedfulError
from heedful.judge.items import single_items
from heedful.judge.judging import requests_for
from heedful.judge.summary_text import summary_lines
from heedful.records import Score, from_json, to_json
from heedful.store import append_jsonl, read_jsonl, write_jsonl


@pytest.fixture(scope="module")
def files(told_once, tmp_path_factory):
    """Two files of answers, marks, and scripts with which `scripted:` judges them."""
    folder = tmp_path_factory.mktemp("desk")
    answers = told_once.sides(12)
    for side, name in zip(answers.sides, ("a.jsonl", "b.jsonl"), strict=True):
        write_jsonl(folder / name, [to_json(r) for r in side.answers])
    lines = []
    for r in requests_for(told_once.judge("pairs"), told_once.pairs(answers)):
        shown = told_once.texts_in(r.messages)
        letter = told_once.honest(shown["answer-a"], shown["answer-b"])
        lines.append({"question": r.messages[-1].content, "answer": letter})
    write_jsonl(folder / "pairs.script", lines)
    lines = []
    for r in requests_for(told_once.judge("score"), [i for side in answers.sides for i in single_items(side)]):
        number = str(told_once.quality(told_once.texts_in(r.messages)["answer"]) * 10)
        lines.append({"question": r.messages[-1].content, "answer": number})
    write_jsonl(folder / "score.script", lines)
    marks = []
    for item in told_once.pairs(answers):
        up = float(told_once.quality(item.answers[1].text) > told_once.quality(item.answers[0].text))
        marks.append(to_json(Score(item.example_id, item.example_id, item.ids, "r", "human:ann", up)))
    write_jsonl(folder / "marks.jsonl", marks)
    return folder


@pytest.fixture
def desk(files, tmp_path, monkeypatch):
    """The files in a folder of the test's own, which it stands in."""
    for file in files.iterdir():
        shutil.copy(file, tmp_path)
    monkeypatch.chdir(tmp_path)


PAIRS = ("judge", "a.jsonl", "b.jsonl", "--judge", "scripted:pairs.script")


def test_pairs_from_two_files(told, desk, tmp_path, heedful):
    status, out, err = heedful(*PAIRS, "--out", "s.jsonl", "--human", "marks.jsonl", "--export", "ann.json")
    assert (status, err.splitlines()[-1]) == (0, "written: ann.json")
    assert all(len(line) <= 80 for line in out.splitlines())
    scores = [from_json(Score, v) for v in read_jsonl("s.jsonl")]
    assert len(scores) == 12
    wins = sum(s.value or 0 for s in scores)
    assert f"{wins:.0f} won, {12 - wins:.0f} lost, 0 ties" in out
    assert "same verdict in both orders 100%" in out
    assert "same verdict as people 100%" in out
    assert "another prompt or judge gives others" in " ".join(out.split())
    annotations = json.loads((tmp_path / "ann.json").read_text())
    assert [a["preference"] - 1 for a in annotations] == [
        s.value for s in sorted(scores, key=lambda s: int(s.example_id[1:]))
    ]
    summary = json.loads((tmp_path / "s.summary.json").read_text())
    assert summary["schema"] == "heedful.judging/1"
    assert summary["requests"] == 24


def test_the_json_is_the_summary(desk, tmp_path, heedful):
    status, out, _ = heedful(*PAIRS, "--out", "s.jsonl", "--json")
    assert status == 0
    assert json.loads(out) == json.loads((tmp_path / "s.summary.json").read_text())


def test_one_file_is_scored_and_two_are_compared_with_mode_score(desk, heedful):
    judge = ("--judge", "scripted:score.script", "--json", "--out")
    status, out, _ = heedful("judge", "b.jsonl", *judge, "s.jsonl")
    assert status == 0
    one = json.loads(out)
    assert (one["mode"], one["judged"], len(one["sides"])) == ("score", 12, 1)
    status, out, _ = heedful("judge", "a.jsonl", "b.jsonl", "--mode", "score", *judge, "t.jsonl")
    two = json.loads(out)
    assert two["sides"][1]["means"] == one["sides"][0]["means"]
    change = two["differences"]["score"]["difference"]["estimate"]
    a, b = (side["means"]["score"]["estimate"] for side in two["sides"])
    assert change == pytest.approx(b - a)
    assert any("change" in line for line in summary_lines(two))


def test_a_run_is_judged_into_its_own_folder(told, desk, tmp_path, heedful):
    run = tmp_path / "run"
    (run / "responses").mkdir(parents=True)
    (run / "manifest.json").write_text(json.dumps({"schema": "heedful.run/1"}))
    (tmp_path / "a.jsonl").rename(run / "responses" / "base.jsonl")
    (tmp_path / "b.jsonl").rename(run / "responses" / "tuned.jsonl")
    for name in ("run", "run:run"):
        status, _, err = heedful("judge", name, "--judge", "scripted:pairs.script", "--resume")
        assert status == 0, err
    assert sorted(p.name for p in (run / "scores").iterdir()) == [
        "judge-pairs.script-pairs.jsonl",
        "judge-pairs.script-pairs.judgements.jsonl",
        "judge-pairs.script-pairs.summary.json",
    ]
    status, _, err = heedful("judge", "run:run@base", "--judge", "scripted:pairs.script")
    assert status == 2
    assert "leave @base out" in err
    status, _, err = heedful("judge", "run", "b.jsonl", "--judge", "scripted:pairs.script")
    assert "name it alone" in err


def test_model_outputs_of_alpaca_eval_are_answers(desk, tmp_path, heedful):
    for name, word in (("one.json", "Red."), ("two.json", "Blue.")):
        row = {"instruction": "Name a colour.", "output": word, "generator": name, "dataset": "d"}
        (tmp_path / name).write_text(json.dumps([row, row]))
    status, out, err = heedful(
        "judge", "one.json", "two.json", "--judge", "scripted:pairs.script", "--dry-run", "--json"
    )
    assert status == 0, err
    assert json.loads(out)["requests"] == 2
    (tmp_path / "two.json").write_text('[{"instruction": "x"}]')
    status, _, err = heedful("judge", "one.json", "two.json", "--judge", "scripted:pairs.script", "--dry-run")
    assert (status, "two.json:1: the row has no output" in err) == (2, True)


def test_a_dry_run_asks_nothing(desk, tmp_path, heedful):
    before = sorted(tmp_path.iterdir())
    status, out, _ = heedful(*PAIRS, "--dry-run")
    assert status == 0
    assert out.startswith("12 pairs, 24 requests to scripted:pairs.script: about ")
    assert " ".join(out.split()).endswith("at most 192 out; nothing was asked")
    status, out, _ = heedful(*PAIRS, "--dry-run", "--json", "--limit", "3")
    assert json.loads(out)["requests"] == 6
    assert sorted(tmp_path.iterdir()) == before


def test_a_judging_is_gone_on_with_and_never_by_accident(desk, heedful):
    status, _, _ = heedful(*PAIRS, "--out", "s.jsonl", "--limit", "5")
    assert status == 0
    status, _, err = heedful(*PAIRS, "--out", "s.jsonl")
    assert (status, "s.jsonl: exists; add --resume" in err) == (2, True)
    status, out, _ = heedful(*PAIRS, "--out", "s.jsonl", "--resume", "--json")
    assert json.loads(out)["requests"] == 24
    assert len(read_jsonl("s.judgements.jsonl")) == 24
    assert len(read_jsonl("s.jsonl")) == 12
    status, _, err = heedful(*PAIRS, "--out", "s.jsonl", "--resume", "--seed", "5")
    assert (status, "two kinds are not mixed: choose another --out" in err) == (2, True)


def test_a_judge_that_knows_nothing_is_an_error(desk, heedful):
    append_jsonl("empty.script", {"question": "?", "answer": "A"})
    command = ("judge", "a.jsonl", "b.jsonl", "--judge", "scripted:empty.script", "--out", "s.jsonl")
    status, out, err = heedful(*command)
    assert status == 1
    assert "judged      0 of 12 pairs" in out
    assert "24 requests to the judge failed" not in out  # told by pair
    assert "nothing could be judged (the first reason: the script has no answer to this question)" in err
    assert all(v["value"] is None for v in read_jsonl("s.jsonl"))


@pytest.mark.parametrize(("failure", "unreadable", "mend"), [
    ("the server is gone", "no verdict", "(the first reason: the server is gone); mend that and add --resume"),
    (None, "no verdict", "(the first reason: no verdict); take another judge, or a --prompt of your own, and another"),
], ids=["failed", "unreadable"])  # fmt: skip
def test_only_what_failed_is_asked_again(failure, unreadable, mend):
    summary = {"items": 2, "judged": 0, "first_failure": failure, "first_unreadable": unreadable, "unasked": {}}
    with pytest.raises(HeedfulError) as told:
        check_any(summary)
    assert mend in str(told.value)


def test_killed_at_any_moment_nothing_is_asked_twice(desk, tmp_path, heedful):
    command = [sys.executable, "-m", "heedful.cli.main", *PAIRS, "--out", "s.jsonl"]
    log = tmp_path / "s.judgements.jsonl"
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 600
    while time.monotonic() < end and process.poll() is None:
        if log.exists() and log.read_bytes().count(b"\n") >= 7:
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.001)
    process.wait()
    status, out, err = heedful(*PAIRS, "--out", "s.jsonl", "--resume", "--json")
    assert status == 0, err
    ids = [v["id"] for v in read_jsonl(log)]
    assert len(ids) == len(set(ids)) == 24
    assert len(read_jsonl("s.jsonl")) == 12
    assert json.loads(out)["judged"] == 12


def test_a_second_judge_does_not_write_into_the_same_file(desk, heedful):
    from pathlib import Path

    from heedful.judge.judgements import hold

    with hold(Path("s.judgements.jsonl")):
        status, _, err = heedful(*PAIRS, "--out", "s.jsonl", "--resume")
    assert (status, "another process is judging into this file" in err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing.jsonl",), "nothing.jsonl: no such file; name what `heedful respond` wrote, or a run"),
        (("empty.jsonl",), "empty.jsonl: has no answers"),
        (("broken.jsonl",), "broken.jsonl:1: broken JSON"),
        (("marks.jsonl",), "marks.jsonl:1: a Response has no field"),
        (("folder",), "folder: is a folder but not a run"),
        (("a.jsonl", "a.jsonl"), "a.jsonl: is named twice"),
        (("a.jsonl", "b.jsonl", "a.jsonl"), "3 files were named: name a run, or one file of answers, or two"),
        (("a.jsonl", "--mode", "pairs"), "--mode pairs: needs two sides"),
        (("a.jsonl", "--mode", "pear"), "--mode 'pear' (did you mean 'pairs'?): choose score, rubric, pairs"),
        (("a.jsonl", "--prompt", "scor"), "--prompt 'scor' (did you mean 'score'?): no such file"),
        (("a.jsonl", "--prompt", "pairs"), "--mode pairs: needs two sides"),
        (("a.jsonl", "--prompt", "score", "--mode", "rubric"), "--prompt score: is for --mode score, not rubric"),
        (("a.jsonl", "--rubric", "answers"), "--rubric answers: is for --mode rubric, not score"),
        (("a.jsonl", "--mode", "rubric", "--rubric", "x"), "--rubric 'x': no such file; name one, or one of answers"),
        (("a.jsonl", "--human", "no.jsonl"), "--human no.jsonl: no such file"),
        (("a.jsonl", "--out", "folder"), "--out folder: is a folder; name a file for the scores"),
        (("a.jsonl", "--out", "s.json"), "--out s.json: scores are written as JSONL"),
        (("a.jsonl",), "--out: name a file for the scores, such as scores.jsonl"),
        (("a.jsonl", "--export", "x.json"), "--export x.json: AlpacaEval's annotations are of pairs"),
        (("a.jsonl", "b.jsonl", "--export", "x.csv"), "--export x.csv: name a file that ends in .json"),
        (("a.jsonl", "--precision", "bf8"), "--precision 'bf8': choose auto, fp32 or bf16"),
        (("a.jsonl", "--limit", "0"), "'--limit': it must be 1 or more"),
        (("a.jsonl", "--seed", "-1"), "--seed -1: name a whole number"),
        (("a.jsonl", "--concurrency", "3"), "--concurrency: is for models behind a server"),
    ],
)
def test_a_mistake_is_one_sentence(desk, tmp_path, heedful, arguments, said):
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "broken.jsonl").write_text('{"id": \n')
    (tmp_path / "folder").mkdir()
    status, out, err = heedful("judge", *arguments, "--judge", "scripted:score.script")
    assert (status, out) == (2, "")
    assert err.count("\n") == 1, err
    assert said in err


def test_a_judge_that_is_not_there_is_one_sentence(desk, heedful):
    for name, said in {
        "": "the name is empty",
        "scripted:no": "no such file",
        "opnai:x@y": "did you mean 'openai'?",
    }.items():
        status, out, err = heedful("judge", "a.jsonl", "--judge", name, "--out", "s.jsonl")
        assert (status, out) == (2, "")
        assert said in err
