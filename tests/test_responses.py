"""Answers in a file: gone on with, never mixed, never lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from heedful.backends.base import Answer, GenerationSettings
from heedful.backends.scripted import ScriptedBackend
from heedful.errors import DataError
from heedful.records import Example, Message
from heedful.responses import read_responses, respond, respond_to_file, response_id
from heedful.store import append_jsonl, read_jsonl

SETTINGS = GenerationSettings()


class Fake:
    """Answers in reverse order; fails on ids in `failing`; counts what it is asked."""

    name = "fake"

    def __init__(self, failing: tuple[str, ...] = ()):
        self.failing = failing
        self.asked: list[str] = []

    def answer(self, prompts, settings, tools=()) -> Iterator[Answer]:
        for index in reversed(range(len(prompts))):
            text = prompts[index][-1].content
            self.asked.append(text)
            if text in self.failing:
                yield Answer(index, "", "error", 1, 0, 0.0, "no luck")
            else:
                yield Answer(index, text.upper(), "stop", 1, 2, 0.1)


def examples(*texts: str) -> list[Example]:
    return [Example(f"id-{t}", (Message("user", t), Message("assistant", "yes"))) for t in texts]


def test_answers_come_in_the_order_of_the_examples(tmp_path):
    seen = []
    done = respond_to_file(
        tmp_path / "r.jsonl", Fake(), examples("a", "b", "c"), SETTINGS, progress=lambda *x: seen.append(x)
    )
    assert [r.text for r in done] == ["A", "B", "C"]
    assert [r.example_id for r in read_responses(tmp_path / "r.jsonl")] == ["id-c", "id-b", "id-a"]
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
    first = done[0]
    assert (first.reference, first.messages, first.model) == ("yes", (Message("user", "a"),), "fake")
    assert first.id == response_id("id-a", "fake", SETTINGS)


def test_what_is_answered_is_not_asked_again(tmp_path):
    path = tmp_path / "r.jsonl"
    respond_to_file(path, Fake(), examples("a", "b"), SETTINGS)
    path.write_bytes(path.read_bytes()[:-7])
    again = Fake()
    done = respond_to_file(path, again, examples("a", "b", "c"), SETTINGS)
    assert again.asked == ["c", "a"]
    assert [r.text for r in done] == ["A", "B", "C"]
    assert len(read_jsonl(path)) == 3


def test_a_break_in_the_middle_loses_no_answer(tmp_path):
    path = tmp_path / "r.jsonl"

    class Breaks(Fake):
        def answer(self, prompts, settings, tools=()):
            for n, answer in enumerate(super().answer(prompts, settings)):
                if n == 2:
                    raise KeyboardInterrupt
                yield answer

    with pytest.raises(KeyboardInterrupt):
        respond_to_file(path, Breaks(), examples("a", "b", "c", "d"), SETTINGS)
    assert [r["text"] for r in read_jsonl(path)] == ["D", "C"]
    assert len(respond_to_file(path, Fake(), examples("a", "b", "c", "d"), SETTINGS)) == 4


@pytest.mark.parametrize(
    "text",
    [
        '[{"instruction": "a", "output": "b"}]',
        '{"id": "r1", "instruction": "a", "output": "b"}',
        '{"instruction": "a"}\n{"instruction": "b"}',
        "a,b",
        "3",
    ],
)
def test_a_file_that_holds_no_answers_is_left_as_it_is(tmp_path, text):
    path = tmp_path / "rows.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"rows\.json"):
        respond_to_file(path, Fake(), examples("a"), SETTINGS)
    assert path.read_text() == text


def test_an_answer_cut_short_anywhere_is_asked_again(tmp_path):
    path = tmp_path / "r.jsonl"
    respond_to_file(path, Fake(), examples("a"), SETTINGS)
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        assert [r.text for r in respond_to_file(path, Fake(), examples("a"), SETTINGS)] == ["A"]


def test_errors_are_asked_again(tmp_path):
    path = tmp_path / "r.jsonl"
    done = respond_to_file(path, Fake(failing=("b",)), examples("a", "b"), SETTINGS)
    assert [(r.finish_reason, r.error) for r in done] == [("stop", None), ("error", "no luck")]
    again, seen = Fake(), []
    done = respond_to_file(path, again, examples("a", "b"), SETTINGS, progress=lambda *x: seen.append(x))
    assert again.asked == ["b"]
    assert seen == [(1, 2), (2, 2)]
    assert [r.text for r in done] == ["A", "B"]
    assert len(read_jsonl(path)) == 3
    assert {r.example_id: r.text for r in read_responses(path)} == {"id-a": "A", "id-b": "B"}


def test_answers_of_another_model_or_settings_are_refused(tmp_path):
    path = tmp_path / "r.jsonl"
    respond_to_file(path, Fake(), examples("a"), SETTINGS)
    before = path.read_bytes()
    for options in ({"model": "other"}, {"settings": GenerationSettings(max_new_tokens=5)}):
        values = {"settings": SETTINGS, "model": None} | options
        with pytest.raises(DataError, match="choose another --out") as error:
            respond_to_file(path, Fake(), examples("a"), values["settings"], values["model"])
        assert "\n" not in str(error.value)
    assert path.read_bytes() == before


def test_an_id_that_now_means_another_question_is_refused(tmp_path):
    path = tmp_path / "r.jsonl"
    respond_to_file(path, Fake(), examples("a"), SETTINGS)
    changed = [Example("id-a", (Message("user", "something else"),))]
    with pytest.raises(DataError, match="another question of that id; choose another --out"):
        respond_to_file(path, Fake(), changed, SETTINGS)


def test_the_batch_size_is_no_part_of_the_settings(tmp_path):
    path = tmp_path / "r.jsonl"
    respond_to_file(path, Fake(), examples("a"), SETTINGS)
    again = Fake()
    respond_to_file(path, again, examples("a"), GenerationSettings(batch_size=99))
    assert again.asked == []


def test_nothing_to_answer(tmp_path):
    assert respond_to_file(tmp_path / "r.jsonl", Fake(), [], SETTINGS) == []
    assert list(respond(Fake(), [], SETTINGS)) == []


def test_a_scripted_model(tmp_path):
    script = tmp_path / "s.jsonl"
    append_jsonl(script, {"question": "a", "answer": "A b"}, {"question": "b\n\nctx", "answer": "B"})
    asked = [*examples("a"), Example("x", (Message("user", "b", "ctx"),)), *examples("z")]
    done = list(respond(ScriptedBackend(script), asked, SETTINGS))
    assert [(r.text, r.finish_reason, r.tokens) for r in done] == [
        ("A b", "stop", 2),
        ("B", "stop", 1),
        ("", "error", 0),
    ]
    with pytest.raises(DataError, match="no such file"):
        ScriptedBackend(tmp_path / "none.jsonl")
    append_jsonl(script, {"question": "a"})
    with pytest.raises(DataError, match=r"s\.jsonl:3: a line needs"):
        ScriptedBackend(script)


def test_settings_that_came_later_change_the_hash_only_where_they_are_used():
    assert GenerationSettings().hash == "420049c68f1bcae2", "files of answers that were begun could not be gone on with"
    changed = [
        {"top_k": 1},
        {"min_p": 0.1},
        {"repetition_penalty": 1.1},
        {"stop": ("a",)},
        {"server_fields": (("a", 1),)},
    ]
    hashes = {GenerationSettings(**values).hash for values in changed}
    assert len(hashes | {GenerationSettings().hash}) == 6
    assert GenerationSettings(batch_size=1, top_logprobs=5).hash == GenerationSettings().hash
