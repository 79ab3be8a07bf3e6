"""heedful respond openai:NAME@URL, as a user meets it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time

import pytest

from heedful.cli.server import server_fields
from heedful.errors import RequestError
from heedful.store import read_jsonl

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"instruction": t, "output": t}) + "\n" for t in "abcd"))
    return path


def test_answers_their_cost_and_the_second_time(server, acts, rows, tmp_path, heedful):
    server.acts = lambda h: acts.answer(h.body["messages"][0]["content"].upper(), usage=(1000, 500))(h)
    model = f"openai:m@{server.url}"
    prices = ("--input-price", "1", "--output-price", "4")
    status, out, err = heedful("respond", model, "--data", rows, "--out", tmp_path / "1.jsonl", *prices)
    assert status == 0
    assert out == f"4 answers in {tmp_path / '1.jsonl'}: 4 stopped by themselves, 0 failed\n"
    assert err.endswith("4 requests: 4,000 tokens in, 2,000 tokens out; cost 0.012\n")
    responses = read_jsonl(tmp_path / "1.jsonl")
    assert sorted((r["text"], r["reference"], r["model"]) for r in responses) == [(t.upper(), t, model) for t in "abcd"]
    assert "top_logprobs" not in responses[0]
    status, out, _ = heedful("respond", model, "--data", rows, "--out", tmp_path / "2.jsonl", "--json", *prices)
    assert status == 0
    summary = json.loads(out)
    assert (summary["answers"], summary["stopped"], summary["errors"]) == (4, 4, 0)
    nothing = {
        "requests": 0,
        "failed": 0,
        "from_cache": 4,
        "prompt_tokens": 0,
        "tokens": 0,
        "uncounted": 0,
        "cost": 0.0,
    }
    assert summary["server"] == nothing
    assert len(server.seen) == 4


def test_a_failed_question_is_told_and_asked_again(server, acts, rows, tmp_path, heedful):
    broken = True

    def act(handler):
        text = handler.body["messages"][0]["content"]
        acts.send(400, {"error": "too long"})(handler) if text == "b" and broken else acts.answer(text)(handler)

    server.acts = act
    command = ["respond", f"openai:m@{server.url}", "--data", rows, "--out", tmp_path / "1.jsonl", "--concurrency", "1"]
    status, out, err = heedful(*command)
    assert status == 0
    assert "3 stopped by themselves, 1 failed" in out
    assert "the first that failed, " in err
    assert "400 Bad Request: too long" in err
    broken = False
    status, out, _ = heedful(*command, "--resume")
    assert (status, "4 stopped by themselves, 0 failed" in out) == (0, True)
    assert len(server.seen) == 5


def test_a_run_that_cannot_go_on_keeps_its_answers_and_tells_the_cost(server, acts, rows, tmp_path, heedful):
    server.acts = [acts.answer(), acts.answer(), acts.send(401, {"error": {"message": "expired"}})]
    command = ["respond", f"openai:m@{server.url}", "--data", rows, "--out", tmp_path / "1.jsonl", "--concurrency", "1"]
    status, _, err = heedful(*command)
    assert status == 2
    *_, cost, error = err.splitlines()
    assert cost == "3 requests (1 failed): 10 tokens in, 4 tokens out"
    assert error.startswith(f"heedful: error: {server.url} lets nobody in (401 Unauthorized: expired); no key was sent")
    assert len(read_jsonl(tmp_path / "1.jsonl")) == 2


@pytest.mark.slow
def test_interrupted_nothing_is_lost_and_no_torch_is_imported(server, acts, rows, tmp_path):
    """Ctrl-C while the fourth request hangs: three answers are in the file, and only the fourth is asked for again."""
    waiting = threading.Event()

    def act(handler):
        if handler.body["messages"][0]["content"] == "d" and not waiting.is_set():
            waiting.set()
            acts.hang(handler)
        else:
            acts.answer()(handler)

    server.acts = act
    out = tmp_path / "1.jsonl"
    code = (
        "import signal, sys; from heedful.cli.main import main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it\n"
        "try: main()\nfinally: print('torch' in sys.modules)"
    )
    words = ["respond", f"openai:m@{server.url}", "--data", str(rows), "--out", str(out), "--no-cache"]
    command = [sys.executable, "-c", code, *words, "--concurrency", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert waiting.wait(600)
    while not out.exists() or len(read_jsonl(out)) < 3:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    printed, err = process.communicate(timeout=600)
    assert (process.returncode, printed) == (130, "False\n"), err
    assert err.endswith("4 requests: 15 tokens in, 6 tokens out\nheedful: stopped\n")
    done = subprocess.run([*command, "--resume"], capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    assert len(read_jsonl(out)) == 4
    assert [body["messages"][0]["content"] for _, body, _, _ in server.seen] == [*"abcdd"]


def test_a_mistake_in_the_models_name_leaves_no_file(server, acts, rows, tmp_path, heedful):
    server.acts, server.models = [acts.send(400, {"detail": "no such model"})], ["mistral"]
    command = ["respond", f"openai:mistrl@{server.url}", "--data", rows, "--out", tmp_path / "1.jsonl"]
    status, _, err = heedful(*command)
    assert status == 2
    assert "has no model 'mistrl' (did you mean 'mistral'?); it has mistral" in err
    assert not (tmp_path / "1.jsonl").exists()
    server.models = []  # a server without a list: so few refusals may be the questions' own fault
    status, _, err = heedful(*command)
    assert status == 1
    assert "no question could be answered" in err
    assert len(read_jsonl(tmp_path / "1.jsonl")) == 4


URL = "http://localhost:9/v1"


@pytest.mark.parametrize(
    ("model", "options", "sentence"),
    [
        (f"openai:m@{URL}", ["--concurrency", "0"], "--concurrency 0: name a whole number from 1"),
        (f"openai:m@{URL}", ["--timeout", "nan"], "--timeout nan: name a number of seconds above 0"),
        (f"openai:m@{URL}", ["--deadline", "-1"], "--deadline -1: name a number of seconds"),
        (f"openai:m@{URL}", ["--retries", "-1"], "--retries -1: name a whole number from 0"),
        (f"openai:m@{URL}", ["--input-price", "1"], "--input-price stands without --output-price"),
        (f"openai:m@{URL}", ["--input-price", "-1", "--output-price", "1"], "--input-price -1: name a price"),
        (
            f"openai:m@{URL}",
            ["--api-key-env", "NO_SUCH"],
            "--api-key-env NO_SUCH: there is no such environment variable",
        ),
        (f"openai:m@{URL}", ["--server-field", "top_k"], "--server-field 'top_k': write NAME=VALUE"),
        (f"openai:m@{URL}", ["--server-field", "model=x"], "--server-field model: Heedful sets 'model' itself"),
        (f"openai:m@{URL}", ["--server-field", "a=1", "--server-field", "a=2"], "--server-field a: is given twice"),
        (f"openai:m@{URL}", ["--top-k", "20"], "--top-k 20: OpenAI's interface has no such field"),
        (f"openai:m@{URL}", ["--min-p", "0.1"], "write --server-field min_p=0.1"),
        (f"openai:m@{URL}", ["--repetition-penalty", "1.2"], "write --server-field repetition_penalty=1.2"),
        (f"openai:m@{URL}", ["--stop", ""], "--stop '': the text is empty"),
        (f"openai:m@{URL}", ["--template", "alpaca"], "--template alpaca: is for models in this process"),
        (f"openai:m@{URL}", ["--precision", "fp32"], "--precision fp32: is for models in this process"),
        (URL, [], "a model behind a server is named openai:NAME@URL, and an address alone has no NAME"),
        (f"openai:m@{URL}", [], "no server can be reached at http://localhost:9/v1 (Connection refused); start it"),
        ("openai:m@http://u:secret@host/v1", [], "a password in an address would stand in every file"),
        ("openai:m@http://host/v1?key=1", [], "an address ends before '?' and '#'"),
        ("openai:m@http://host:99999/v1", [], "is no address"),
        ("openai:m@http:///v1", [], "is no address"),
        ("openai:m@ftp://host", [], "write openai:NAME@URL"),
        ("scripted:s", ["--no-cache"], "--no-cache: is for models behind a server, and scripted:s is not"),
        ("scripted:s", ["--retries", "3"], "--retries: is for models behind a server"),
    ],
)
def test_mistakes(model, options, sentence, rows, tmp_path, heedful):
    status, out, err = heedful("respond", model, "--data", rows, "--out", tmp_path / "o.jsonl", *options)
    assert (status, out) == (2, "")
    assert sentence in err.splitlines()[-1]
    assert "secret" not in err
    assert not (tmp_path / "o.jsonl").exists()


def test_a_dry_run_asks_nothing(server, rows, tmp_path, heedful):
    status, out, _ = heedful("respond", f"openai:m@{server.url}", "--data", rows, "--out", tmp_path / "o", "--dry-run")
    assert (status, out.split(" by ")[0]) == (0, "4 questions would be answered")
    priced = ("--dry-run", "--max-new-tokens", "100", "--input-price", "2", "--output-price", "5")
    command = ("respond", f"openai:m@{server.url}", "--data", rows, "--out", tmp_path / "o", *priced)
    status, out, _ = heedful(*command)
    assert "about 4 tokens in, at most 400 out; cost about 0.002008 at most" in " ".join(out.split())
    assert max(map(len, out.splitlines()[1:])) <= 80
    assert json.loads(heedful(*command, "--json")[1])["cost_at_most_about"] == 0.002008
    assert server.seen == []


def test_answers_that_are_cut_off_empty_or_hold_thoughts_are_told(server, acts, rows, tmp_path, heedful):
    said = {
        "a": ("", "stop"),
        "b": ("<think>\nHm.", "length"),
        "c": ("<think>Hm.</think>C", "stop"),
        "d": ("D", "stop"),
    }
    server.acts = lambda h: acts.answer(*said[h.body["messages"][0]["content"]])(h)
    command = ("respond", f"openai:m@{server.url}", "--data", rows, "--out", tmp_path / "o.jsonl")
    status, out, err = heedful(*command)
    assert (status, "3 stopped by themselves, 0 failed" in out) == (0, True)
    for sentence in (
        "1 answer cut off at the limit: raise --max-new-tokens\n",
        "1 answer without any text\n",
        "2 answers with thoughts in the text (<think>)",
    ):
        assert sentence in err


def test_questions_without_answers_are_answered_and_it_is_said(server, acts, tmp_path, heedful):
    """A file as IFEval's owner publishes it: the prompt, and columns that are no answer."""
    file = tmp_path / "input_data.jsonl"
    row = {"key": 7, "prompt": "Write two lines.", "instruction_id_list": ["length"], "kwargs": [{"n": 2}]}
    file.write_text(json.dumps(row) + "\n" + json.dumps(row | {"key": 8, "prompt": "Write one."}) + "\n")
    server.acts = acts.answer("Done.")
    status, out, err = heedful("respond", f"openai:m@{server.url}", "--data", file, "--out", tmp_path / "o.jsonl")
    assert (status, out) == (0, f"2 answers in {tmp_path / 'o.jsonl'}: 2 stopped by themselves, 0 failed\n")
    assert "no expected answer in the file for 2 of 2 questions\n" in err
    found = {r["messages"][0]["content"]: r["reference"] for r in read_jsonl(tmp_path / "o.jsonl")}
    assert found == {"Write two lines.": None, "Write one.": None}


def test_where_a_key_goes_is_told_and_it_does_not_go_in_the_clear(rows, tmp_path, monkeypatch, heedful):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    ask = lambda url, *more: heedful(  # noqa: E731
        "respond", f"openai:m@{url}", "--data", rows, "--out", tmp_path / "o", "--dry-run", *more
    )[2]
    words = lambda text: " ".join(text.split())  # noqa: E731
    assert "the key in OPENAI_API_KEY is sent to https://host/v1" in words(ask("https://host/v1"))
    assert "the key in OPENAI_API_KEY is sent to http://127.0.0.1:1" in words(ask("http://127.0.0.1:1"))
    assert "is not sent to http://192.168.1.7:8000/v1, which is not encrypted" in words(
        ask("http://192.168.1.7:8000/v1")
    )
    said = words(ask("http://192.168.1.7:8000/v1", "--api-key-env", "OPENAI_API_KEY"))
    assert "the key in OPENAI_API_KEY is sent to http://192.168.1.7:8000/v1" in said
    monkeypatch.setenv("OPENAI_API_KEY", "sk\nvery secret")
    assert "has characters that no key has" in ask("https://host/v1")
    assert "very" not in ask("https://host/v1")


def test_fields_of_a_servers_own():
    given = ["top_k=20", "a=low", 'b={"c": [1]}', "d=null", "e=", "f=x=y", "g=NaN"]
    assert server_fields(given) == (
        ("top_k", 20), ("a", "low"), ("b", {"c": [1]}), ("d", None), ("e", ""), ("f", "x=y"), ("g", "NaN")
    )  # fmt: skip
    with pytest.raises(RequestError, match="write NAME=VALUE"):
        server_fields(["=1"])
