"""The command as a user types it: mistakes, export and import, saved answers, a real server that is killed."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest


def response(example: str, model: str, text: str, **changes):
    values = {
        "schema": "heedful.response/1", "id": f"{model}-{example}", "example_id": example, "model": model,
        "settings": "greedy", "messages": [{"role": "user", "content": f"What is {example}?"}], "reference": None,
        "text": text, "finish_reason": "stop", "prompt_tokens": 3, "tokens": 4, "seconds": 0.1, "error": None,
    }  # fmt: skip
    return values | changes


@pytest.fixture
def script(tmp_path):
    """`script(name)`: a scripted model that knows one question."""

    def make(name, answer="Yes."):
        path = tmp_path / f"{name}.jsonl"
        path.write_text(json.dumps({"question": "Ready?", "answer": answer}) + "\n")
        return f"{name}=scripted:{path}"

    return make


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no model: an arena needs two"),
        (["a=scripted:x.jsonl"], "one model: an arena needs two"),
        (["a=scripted:none.jsonl", "b=scripted:none.jsonl"], "none.jsonl: no such file"),
        (["SCRIPT", "SCRIPT"], "is named twice"),
        (["SCRIPT", "OTHER", "--pairs", "lern"], "did you mean 'learn'?"),
        (["SCRIPT", "OTHER", "--answers", "x.jsonl"], "leave out one of the two"),
        (["SCRIPT", "OTHER", "--conversations"], "say what --export writes"),
        (["SCRIPT", "OTHER", "--export", "x.jsonl"], "leave the models out"),
        (["--export", "x.jsonl", "--import", "y.jsonl"], "two jobs"),
        (["--export", "x.jsonl"], "no votes are kept there"),
        (["--import", "y.jsonl"], "y.jsonl"),
        (["SCRIPT", "OTHER", "--seed", "-1"], "--seed -1"),
        (["SCRIPT", "OTHER", "--max-new-tokens", "x"], "whole number"),
        (["SCRIPT", "OTHER", "--timeout", "5"], "--timeout: is for models behind a server"),
        (["--answers", "empty.jsonl"], "no question has answers of two models"),
        (["--answers", "broken.jsonl"], "broken.jsonl:1"),
        (["wrong:x", "OTHER"], "there is no kind 'wrong'"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(heedful, script, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "broken.jsonl").write_text("{\n{}\n")
    words = {"SCRIPT": script("one"), "OTHER": script("two")}
    status, out, err = heedful("arena", *(words.get(a, a) for a in arguments))
    assert (status, out) == (2, ""), err
    assert message in err.replace("\n", " ")
    assert "Traceback" not in err


def test_votes_go_in_and_out_from_the_command_line(heedful, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "theirs.csv").write_text("model_a,model_b,winner,judge\nx,y,model_a,ann\ny,x,tie,ben\n")
    status, out, _ = heedful("arena", "--import", "theirs.csv")
    assert (status, out) == (0, "theirs.csv: 2 new votes, 0 known from before\n")
    assert heedful("arena", "--import", "theirs.csv")[1] == "theirs.csv: 0 new votes, 2 known from before\n"
    status, out, _ = heedful("arena", "--export", "out.jsonl", "--json")
    assert (status, json.loads(out)) == (0, {"written": "out.jsonl", "votes": 2})
    status, out, _ = heedful("rate", "out.jsonl", "--json")
    assert json.loads(out)["votes"]["used"] == 2
    assert heedful("arena", "--export", "out.txt")[0] == 2


def test_saved_answers_are_shown_each_pair_once(world, tmp_path):
    from heedful.arena.saved import read_saved

    lines = [response(f"e{k}", m, f"{m} says {k}") for m in ("one", "two", "three") for k in range(2)]
    lines[0] |= {"finish_reason": "error", "error": "no"}  # of model one
    lines.append(response("alone", "one", "x"))
    path = tmp_path / "saved.jsonl"
    path.write_text("".join(json.dumps(v) + "\n" for v in lines))
    saved = read_saved([path])
    assert (saved.models, saved.failed, len(saved.questions)) == (("one", "two", "three"), 1, 2)
    w = world(source=saved)
    ann = w.person()
    seen = []
    for k in range(4):  # one-two and one-three share e1; two-three share both
        talk = ann.begin()
        assert talk["can_vote"] is True
        assert talk["can_ask"] is False
        voted = ann.vote(talk["id"], "a", f"k{k}").json["talk"]
        turn = voted["turns"][0]
        for side in "ab":
            assert turn[side]["text"].startswith(voted["names"][side] + " says ")
        seen.append((frozenset(voted["names"].values()), turn["question"]))
    assert len(set(seen)) == 4
    over = ann.post("/api/begin", {"hidden": True})
    assert (over.status, over.json["error"]) == (409, "the questions are all seen; thank you")
    assert w.person().begin()["can_vote"] is True
    assert ann.post("/api/ask", {"conversation": talk["id"], "question": "x"}).status == 400


class Client:
    """A browser of a server in another process, on one connection."""

    def __init__(self, port):
        self.host = f"127.0.0.1:{port}"
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        self.cookie = ""

    def post(self, path, body):
        headers = {"origin": f"http://{self.host}", "content-type": "application/json", "cookie": self.cookie}
        self.connection.request("POST", path, json.dumps(body), headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if kept := answer.getheader("set-cookie"):
            self.cookie = kept.split(";")[0]
        return answer.status, text

    def patient(self, path, body):
        """Somebody who asks too fast is told to wait, and does."""
        while (got := self.post(path, body))[0] == 429:
            time.sleep(0.2)
        assert got[0] == 200, got
        return got[1]

    def battle(self, key):
        """Begin, ask, vote; the conversation whose vote was acknowledged."""
        talk = json.loads(self.patient("/api/begin", {"hidden": True}))["talk"]["id"]
        self.patient("/api/ask", {"conversation": talk, "question": "Ready?"})
        self.patient("/api/vote", {"conversation": talk, "winner": "a", "key": key})
        return talk


@pytest.fixture
def server(tmp_path, script):
    """`server()`: the command in a process of its own; the process and its port."""
    started = []

    def start():
        words = ["arena", script("one"), script("two", "No."), "--votes", "v.sqlite", "--port", "0"]
        code = "from heedful.cli.main import main; main()"
        process = subprocess.Popen(
            [sys.executable, "-c", code, *words], cwd=tmp_path, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        started.append(process)
        assert process.stdout
        found = re.search(r"Open http://127\.0\.0\.1:(\d+)/", process.stdout.readline())
        assert found
        return process, int(found[1])

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.slow
def test_a_kill_loses_no_vote_that_was_acknowledged(server, tmp_path, heedful, monkeypatch):
    """Eight people vote, the process is killed while they do, and started again."""
    monkeypatch.chdir(tmp_path)
    process, port = server()
    kept, enough = [], threading.Event()

    def vote(person):
        client = Client(port)
        try:
            for k in range(10_000):
                kept.append(client.battle(f"{person}-{k}"))
                if len(kept) >= 60:
                    enough.set()
        except (OSError, http.client.HTTPException):
            pass  # killed
        finally:
            client.connection.close()

    threads = [threading.Thread(target=vote, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    assert enough.wait(600)
    process.send_signal(signal.SIGKILL)
    for thread in threads:
        thread.join()
    process.wait()
    status, _, err = heedful("arena", "--votes", "v.sqlite", "--export", "out.jsonl")
    assert status == 0, err
    found = [json.loads(line)["question_id"] for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert len(found) == len(set(found))
    assert set(kept) <= set(found)
    assert len(found) - len(kept) <= 8  # what was on the disk, and whose answer the kill cut off
    again, port = server()
    client = Client(port)
    client.battle("after")
    client.connection.close()
    again.send_signal(signal.SIGINT)
    out = again.stdout.read()
    assert again.wait() == 0
    assert f"{len(found) + 1:,} of {len(found) + 1:,} votes count" in out


@pytest.mark.slow
def test_real_models_answer_side_by_side(tiny_run, world):
    """A run and its base, in this process, each with a worker of its own, two people at once."""
    from heedful.arena.entrants import Entrants
    from heedful.backends.base import GenerationSettings
    from heedful.backends.by_name import open_backend
    from heedful.backends.speaking import speaker_of

    def opener(model):
        backend = open_backend(model)
        return lambda: speaker_of(backend(), size=8, waiting=8)

    names = {"tuned": f"run:{tiny_run}", "base": f"run:{tiny_run}@base"}
    source = Entrants({n: opener(m) for n, m in names.items()})
    w = world(source=source, settings=GenerationSettings(8, 0.7), names=names)
    people = [w.person("Ann"), w.person("Ben")]
    talks = [p.begin()["id"] for p in people]
    got = [[], []]
    threads = [threading.Thread(target=lambda k=k: got[k].extend(people[k].ask(talks[k], "red cat"))) for k in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k in range(2):
        assert got[k][-1]["done"]["can_vote"] is True
        people[k].ask(talks[k], "blue dog")
        assert people[k].vote(talks[k], "b").status == 200
    assert len(w.rows("SELECT * FROM votes")) == 2
