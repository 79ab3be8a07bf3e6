"""Answers on disk: found again, by the whole request, after a kill and from several processes."""

from __future__ import annotations

import itertools
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time

import pytest

from heedful.backends.base import GenerationSettings
from heedful.backends.by_name import open_backend
from heedful.backends.cache import FILE, AnswerCache, cache_key
from heedful.backends.server_options import ServerOptions
from heedful.errors import RequestError
from heedful.records import Message

pytestmark = pytest.mark.usefixtures("own_cache")

PROMPT = [Message("user", "a")]
TOOL = {"type": "function", "function": {"name": "f"}}


def ask(server, *prompts, model="m", tools=(), cache=True, said=None, **settings):
    options = ServerOptions(backoff=0.01, retries=0, cache=cache)
    say = (lambda _: None) if said is None else said.append
    backend = open_backend(f"openai:{model}@{server.url}", server=options, say=say)()
    answers = list(backend.answer(prompts or [PROMPT], GenerationSettings(**settings), tools))
    return sorted(answers, key=lambda a: a.index), backend.spent


def test_an_answer_is_asked_for_once(server, acts):
    server.acts = lambda h: acts.answer(h.body["messages"][0]["content"].upper())(h)
    first, spent = ask(server, [Message("user", "a")], [Message("user", "b")])
    assert (spent.requests, spent.from_cache) == (2, 0)
    said = []
    again, spent = ask(server, *([Message("user", t)] for t in "cba"), said=said)
    assert [a.text for a in again] == ["C", "B", "A"]
    assert (spent.requests, spent.from_cache, spent.prompt_tokens) == (1, 2, 5)
    assert again[2].seconds == first[0].seconds
    assert said == ["2 of 3 answers are from the cache (--no-cache asks again)"]
    assert str(spent).endswith("; 2 answers from the cache")
    _, spent = ask(server, PROMPT, cache=False)
    assert (spent.requests, spent.from_cache) == (1, 0)


def test_every_part_of_a_request_is_in_the_key(server, servers):
    ways = [
        {},
        {"model": "other"},
        {"max_new_tokens": 5},
        {"stop": ("x",)},
        {"top_logprobs": 2},
        {"tools": [[TOOL]]},
        {"server_fields": (("top_k", 3),)},
        {"temperature": 0.5},
        {"temperature": 0.5, "seed": 1},
        {"temperature": 0.5, "top_p": 0.5},
    ]
    for way in ways:
        assert ask(server, **way)[1].from_cache == 0, way
    for way in ways:
        assert ask(server, **way)[1].from_cache == 1, way
    for prompt in ([Message("system", "a")], [Message("user", "a", context="b")], [*PROMPT, Message("assistant", "b")]):
        assert ask(server, prompt)[1].from_cache == 0
    assert ask(servers())[1].from_cache == 0, "another server may have another model of that name"
    assert ask(server, batch_size=3)[1].from_cache == 1, "how many are asked at once changes no answer"


def test_only_good_answers_are_kept(server, acts):
    for bad in (acts.send(500), acts.answer(finish="content_filter"), acts.send(400, {"error": "no"}), acts.half):
        server.acts = [bad]
        (answer,), _ = ask(server)
        assert answer.finish_reason == "error"
    server.acts = [acts.answer("cut", finish="length")]
    assert ask(server)[1].from_cache == 0
    (answer,), spent = ask(server)
    assert (answer.text, answer.finish_reason, spent.from_cache) == ("cut", "length", 1)


def test_the_whole_cache_answers_without_a_server(server):
    first, _ = ask(server)
    server.shutdown()
    server.server_close()
    again, _ = ask(server)
    assert again == first


def test_only_the_owner_reads_it_and_the_key_is_not_in_it(server, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    ask(server)
    path = tmp_path / "cache" / FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert server.seen[0][2]["Authorization"] == "Bearer sk-very-secret"
    assert b"very-secret" not in path.read_bytes()


def test_a_key_is_the_same_for_the_same_request():
    assert cache_key("u", {"a": 1, "b": "\ud83c"}) == cache_key("u", {"b": "\ud83c", "a": 1})
    bodies = [{"a": 1}, {"a": "1"}, {"a": 1.5}, {"b": 1}]
    assert len({cache_key(u, b) for u, b in itertools.product("uv", bodies)}) == 8


def test_a_file_that_is_no_cache_is_told(server, tmp_path):
    folder = tmp_path / "cache"
    folder.mkdir()
    (folder / FILE).write_bytes(b"something else" * 100)
    with pytest.raises(RequestError, match=r"cache of answers cannot be used .file is not a database.*--no-cache"):
        ask(server)
    (folder / FILE).unlink()
    (folder / FILE).mkdir()
    with pytest.raises(RequestError, match=r"answers\.sqlite3: the cache of answers cannot be used \(Is a directory\)"):
        ask(server)
    assert ask(server, cache=False)[0][0].text == "Yes."


def test_a_cache_that_breaks_in_the_middle_loses_no_answer(server, acts, tmp_path):
    """Another process holds the file; nothing can be written after the first answer."""
    path = tmp_path / "cache" / FILE

    first = threading.Lock()  # the three are asked at once, and whichever comes first breaks it

    def act(handler):
        if first.acquire(blocking=False):
            path.unlink()
            path.mkdir()
            broken.set()
        assert broken.wait(60)
        acts.answer()(handler)

    broken = threading.Event()
    server.acts = act
    said = []
    answers, _ = ask(server, *([Message("user", t)] for t in "abc"), said=said)
    assert [a.text for a in answers] == ["Yes."] * 3
    assert len(said) == 1
    assert "from here on no answer is put into it" in said[0]


WRITER = """
import sys
from pathlib import Path
from heedful.backends.cache import AnswerCache
cache = AnswerCache(Path(sys.argv[1]))
for number in range(int(sys.argv[3])):
    cache.put(f"{sys.argv[2]}-{number}", {"text": sys.argv[2] * 500, "number": number})
    print(number, flush=True)
"""


def test_several_processes_write_at_once_and_one_is_killed(tmp_path):
    """What a process said that it had kept is there after kill -9, and the file is whole."""
    start = lambda name, count: subprocess.Popen(  # noqa: E731
        [sys.executable, "-c", WRITER, str(tmp_path), name, str(count)], stdout=subprocess.PIPE, text=True
    )
    writers = [start("a", 30), start("b", 30), start("k", 10**6)]
    for _ in range(20):
        writers[2].stdout.readline()
    time.sleep(0.01)
    os.kill(writers[2].pid, signal.SIGKILL)
    told = 20 + sum(1 for line in writers[2].stdout.read().split("\n")[:-1] if line)
    assert [w.wait(60) for w in writers] == [0, 0, -signal.SIGKILL]
    for writer in writers:
        writer.stdout.close()
    cache = AnswerCache(tmp_path)
    keys = [f"{name}-{number}" for name in "ab" for number in range(30)] + [f"k-{number}" for number in range(told)]
    found = cache.get(keys)
    assert len(found) == len(keys)
    assert all(value["number"] == int(key.split("-")[1]) for key, value in found.items())
    connection = sqlite3.connect(tmp_path / FILE)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
