"""Requests, journals and marks, below the command: seeds of tries, programs that run once, files for leaderboards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from heedful.backends.base import Answer
from heedful.bench import Bench, BenchFolder, How, Prepared, run_bench
from heedful.bench.folder import file_name
from heedful.bench.requests import requests_of
from heedful.errors import HeedfulError, RequestError
from heedful.store import read_jsonl
from heedful.tasks import Generation, Item, Mark, Named, Places, Plan, Prompt, Source, Task

SOURCE = Source("", "", "", "test", None, "nothing", "CC0")
ITEMS = [Item("a", Prompt("one"), gold="1"), Item("b", Prompt("two"), gold="2", group="g"), Item("c", Prompt("one"))]


class View:
    def phase(self, name: str, title: str) -> None: ...
    def advance(self, done: int, total: int) -> None: ...


class Numbers:
    """Goes on with a text by the seed of its settings, and counts what it was asked."""

    name = "numbers"

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def complete(self, prompts, settings) -> Iterator[Answer]:
        for index in reversed(range(len(prompts))):
            self.asked.append((prompts[index], settings.seed))
            if prompts[index] == "two" and settings.seed == 8:
                yield Answer(index, "", "error", 1, 0, 0.0, "the server is tired")
            else:
                yield Answer(index, f"{settings.seed}\ud800", "stop", 1, 1, 0.0)


class Marks:
    """A task that runs code, which counts how often it does."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, outcome) -> Mark:
        if outcome.error:
            return Mark(None, {"pass": None, "runs": None})
        self.seen.append(outcome.item.id)
        return Mark(list(outcome.texts), {"pass": 1.0, "runs": 0.5})

    def task(self, **changes) -> Task:
        written = Generation(stop=("\n",), max_new_tokens=4, temperature=0.8, top_p=0.95, tries=2)
        made = Task("code", "own", "", SOURCE, 0, lambda p, q: ITEMS, self, generation=written, runs_code=True)
        return replace(made, submission=lambda samples: {"all.txt": " ".join(s.item.id for s in samples)}, **changes)


def prepared(task: Task) -> Prepared:
    return Prepared(Named(task.name, task, ""), Plan(seed=7), tuple(ITEMS), Places(task.name))


def test_each_try_has_a_seed_of_its_own_and_greedy_answers_are_asked_once():
    asked, requests = requests_of(prepared(Marks().task()), How(), None)
    assert [r.settings.seed for r in requests.values()] == [7, 8, 7, 8]  # items a and c ask the same
    assert asked[0].keys == asked[2].keys
    assert next(iter(requests.values())).settings.top_p == 0.95
    greedy = Generation(stop=("\n",), tries=1)
    _, one = requests_of(prepared(Marks().task(generation=greedy)), How(), None)
    assert [r.settings.seed for r in one.values()] == [0, 0]
    _, chat = requests_of(prepared(Marks().task(generation=greedy)), How("auto"), None)
    assert [type(r.context) for r in chat.values()] == [tuple, tuple]
    assert not set(one) & set(chat)


def test_programs_run_once_and_what_failed_is_asked_again(tmp_path):
    marks, backend = Marks(), Numbers()
    folder = BenchFolder(tmp_path / "out")
    bench = Bench("numbers", seed=7, submission=True)
    found = run_bench(bench, [prepared(marks.task())], lambda: backend, folder, View())
    assert sorted(backend.asked) == [("one", 7), ("one", 8), ("two", 7), ("two", 8)]
    assert marks.seen == ["a", "c"]
    assert found["results"]["code"]["pass"] == {"value": 1.0, "stderr": 0.0, "n": 2, "unscored": 1}
    assert found["tasks"]["code"]["first_error"] == "the server is tired"
    assert (tmp_path / "out/submission/code/all.txt").read_text() == "a b c"
    lines = read_jsonl(folder.samples("code"))
    assert (lines[0]["texts"], lines[0]["score"], lines[1]["group"]) == (["7?", "8?"], {"pass": 1.0, "runs": 0.5}, "g")
    backend.asked.clear()
    run_bench(bench, [prepared(marks.task())], lambda: backend, folder, View())
    assert backend.asked == [("two", 8)]
    assert marks.seen == ["a", "c"]  # in the journal
    journal = folder.journal("code")
    journal.write_text(journal.read_text().replace('"precision": null', '"precision": "bf16"'))
    with pytest.raises(RequestError, match="was begun with precision bf16, and this is none"):
        run_bench(bench, [prepared(marks.task())], lambda: backend, folder, View())


def test_a_model_that_writes_no_plain_text_is_refused(tmp_path):
    task = Marks().task()
    silent = type("Silent", (), {"name": "silent"})()
    choices = replace(prepared(replace(task, generation=None)), items=(Item("a", Prompt("x"), (" y", " z")),))
    for wanted, message in ((prepared(task), "takes only conversations"), (choices, "cannot tell")):
        with pytest.raises(RequestError, match=message):
            run_bench(Bench("silent"), [wanted], lambda: silent, BenchFolder(tmp_path / "out"), View())
    assert not (tmp_path / "out").exists()


def test_a_failing_mark_is_told_with_its_item(tmp_path):
    def mark(outcome):
        return {}["nothing"]

    task = replace(Marks().task(), mark=mark)
    with pytest.raises(HeedfulError, match=r"its mark fails on item 'a' \(KeyError: 'nothing'\)"):
        run_bench(Bench("numbers", seed=7), [prepared(task)], Numbers, BenchFolder(tmp_path / "out"), View())
    assert len(json.loads((tmp_path / "out/requests/code.jsonl").read_text().splitlines()[1])["request"]) == 32


@pytest.mark.parametrize("key", ["a/b", "a\\b", "..", ".hidden", "", " ", "a\nb", "x" * 300, "../up"])
def test_a_key_is_the_name_of_a_file_and_no_path(key):
    with pytest.raises(RequestError, match="becomes the name of a file"):
        file_name(key)
