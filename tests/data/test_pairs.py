"""A question and an answer in columns: alpaca's history, dolly, self-instruct, qa, prompt-completion."""

from __future__ import annotations

import json
from typing import Any

import pytest

from heedful.data.formats import FORMATS, Drop, to_example, to_examples
from heedful.data.sources import Row
from heedful.errors import DataError
from heedful.records import Example, Message

Q, A = Message("user", "Oslo?"), Message("assistant", "Cold.")


def read(value: dict[str, Any], form: str, notes: list[str] | None = None, **options: Any) -> Example:
    (made,) = to_examples(Row(value, "t.jsonl:1"), FORMATS[form], "r000001", notes, **options)
    assert isinstance(made, Example), made
    return made


def dropped(value: dict[str, Any], form: str, **options: Any) -> Drop:
    (made,) = to_examples(Row(value, "t.jsonl:1"), FORMATS[form], "r000001", **options)
    assert isinstance(made, Drop), made
    assert made.source == "t.jsonl:1"
    return made


@pytest.mark.parametrize("written", [lambda x: x, json.dumps])
def test_alpaca_with_history(written: Any):
    value = {"instruction": "Oslo?", "input": "now", "output": "Cold.", "system": "S"}
    made = read(value | {"history": written([["Hi", "Ho"], ["He", "Ha"]])}, "alpaca")
    assert [(m.role, m.content, m.context) for m in made.messages] == [
        ("system", "S", None),
        ("user", "Hi", None),
        ("assistant", "Ho", None),
        ("user", "He", None),
        ("assistant", "Ha", None),
        ("user", "Oslo?", "now"),
        ("assistant", "Cold.", None),
    ]
    assert made.fields == {}
    for none in ([], None, ""):
        assert len(read(value | {"history": none}, "alpaca").messages) == 3


def test_dolly():
    value = {"instruction": "Oslo?", "context": "now", "response": "Cold.", "category": "open_qa"}
    made = read(value, "dolly")
    assert made.messages == (Message("user", "Oslo?", "now"), A)
    assert made.fields == {"category": "open_qa"}
    assert read(value | {"context": ""}, "dolly").messages == (Q, A)
    assert dropped(value | {"response": ""}, "dolly").reason == "empty_answer"
    assert dropped(value | {"response": None}, "dolly").reason == "missing_answer"
    made = dropped({"question": "a"}, "dolly")
    assert (made.reason, made.sentence) == (
        "missing_instruction",
        "there is no 'instruction' among the columns 'question'",
    )
    assert dropped({"instruction": None}, "dolly").sentence == "'instruction' is null"


TASK = {"id": "seed_task_0", "name": "x", "instruction": "Oslo?", "is_classification": False}


def test_self_instruct_gives_an_example_for_each_instance():
    value = TASK | {"instances": [{"input": "", "output": "Cold."}, {"input": "July", "output": "Warm.", "n": 1}]}
    made = to_examples(Row(value, "t.jsonl:1"), FORMATS["self-instruct"], "r000001")
    fields = {"name": "x", "is_classification": False}
    assert made == [
        Example("seed_task_0.1", (Q, A), "t.jsonl:1", fields, "seed_task_0"),
        Example(
            "seed_task_0.2",
            (Message("user", "Oslo?", "July"), Message("assistant", "Warm.")),
            "t.jsonl:1",
            fields | {"n": 1},
            "seed_task_0",
        ),
    ]
    del value["id"]
    ids = [e.id for e in to_examples(Row(value, "t:1"), FORMATS["self-instruct"], "r7") if isinstance(e, Example)]
    assert ids == ["r7.1", "r7.2"]
    with pytest.raises(DataError, match=r"t:1: the row holds 2 conversations"):
        to_example(Row(value, "t:1"), FORMATS["self-instruct"], "r7")


def test_a_faulty_instance_does_not_take_the_others_with_it():
    value = TASK | {"instances": [{"input": "", "output": ""}, "x", {"output": "Cold."}, {"output": 3}]}
    made = to_examples(Row(value, "t.jsonl:1"), FORMATS["self-instruct"], "r1")
    assert [m.reason if isinstance(m, Drop) else m.id for m in made] == [
        "empty_answer",
        "not_an_instance",
        "seed_task_0.3",
        "not_text",
    ]
    assert isinstance(made[3], Drop)
    assert made[3].sentence.startswith("instance 4: 'output'")
    assert dropped(TASK | {"instances": []}, "self-instruct").reason == "missing_instances"
    assert dropped(TASK | {"instances": "x"}, "self-instruct").reason == "missing_instances"
    assert dropped({"instances": [{}]}, "self-instruct").reason == "missing_instruction"
    assert dropped(TASK | {"id": 0.5, "instances": [{"output": "a"}]}, "self-instruct").reason == "bad_id"


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("question", "answer"),
        ("question", "response"),
        ("query", "response"),
        ("problem", "solution"),
        ("input", "output"),
    ],
)
def test_question_and_answer(question: str, answer: str):
    made = read({question: "Oslo?", answer: "Cold.", "level": 3}, "qa")
    assert (made.messages, made.fields) == ((Q, A), {"level": 3})


def test_openorca_and_others():
    made = read({"id": "niv.1", "system_prompt": "S", "question": "Oslo?", "response": "Cold."}, "qa")
    assert (made.id, made.messages) == ("niv.1", (Message("system", "S"), Q, A))
    notes: list[str] = []
    made = read({"problem": "Oslo?", "solution": "Cold.", "answer": "C"}, "qa", notes)
    assert (made.messages, made.fields) == ((Q, A), {"answer": "C"})  # what is not taken is kept
    assert notes == ["rows that have 'solution' and 'answer': 'solution' was taken as the answer"]
    made = read({"question": "Oslo?", "context": "now", "choices": ["Cold.", "Warm."], "answer": "Cold."}, "qa")
    assert made.messages == (Message("user", "Oslo?", "now\n\nA. Cold.\nB. Warm."), A)
    assert read({"question": "Oslo?", "choices": ["a"], "answer": "Cold."}, "qa").messages[0].context == "A. a"
    assert read({"question": "Oslo?"}, "qa", answers=False).messages == (Q,)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"question": "a", "answer": {"text": ["b"]}}, "not_text"),
        ({"question": "a", "answer": 2}, "not_text"),
        ({"question": "a", "choices": {"text": ["b"]}, "answer": "b"}, "bad_choices"),
        ({"question": "a", "choices": ["b", 1], "answer": "b"}, "bad_choices"),
        ({"question": "a"}, "missing_answer"),
        ({"question": None, "answer": "b"}, "missing_instruction"),
        ({"text": "a"}, "missing_instruction"),
    ],
)
def test_question_and_answer_faults(value: dict[str, Any], reason: str):
    assert dropped(value, "qa").reason == reason


SYSTEM = {"role": "system", "content": "S"}
ASKED, SAID = {"role": "user", "content": "Oslo?"}, {"role": "assistant", "content": "Cold."}


@pytest.mark.parametrize("answer", ["completion", "response"])
@pytest.mark.parametrize("asked", ["Oslo?", [ASKED]])
@pytest.mark.parametrize("said", ["Cold.", [SAID]])
def test_prompt_and_completion(answer: str, asked: Any, said: Any):
    made = read({"prompt": asked, answer: said, "n": 1}, "prompt-completion")
    assert (made.messages, made.fields) == ((Q, A), {"n": 1})
    made = read({"prompt": asked, answer: said, "system": "S"}, "prompt-completion")
    assert made.messages == (Message("system", "S"), Q, A)


def test_only_the_completion_is_trained():
    value = {"prompt": [SYSTEM, ASKED, SAID, ASKED], "completion": [SAID, ASKED, SAID]}
    made = read(value, "prompt-completion")
    assert [(m.role, m.train) for m in made.messages] == [
        ("system", None),
        ("user", None),
        ("assistant", False),
        ("user", None),
        ("assistant", None),
        ("user", None),
        ("assistant", None),
    ]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"prompt": "a", "completion": ""}, "empty_answer"),
        ({"prompt": "", "completion": "b"}, "empty_instruction"),
        ({"prompt": "a"}, "missing_answer"),
        ({"prompt": None, "completion": "b"}, "missing_instruction"),
        ({"prompt": 3, "completion": "b"}, "not_text"),
        ({"prompt": [], "completion": "b"}, "missing_messages"),
        ({"prompt": [ASKED], "completion": [ASKED]}, "wrong_turn_order"),
        ({"prompt": "a", "completion": "b", "response": "c"}, "two_answers"),
        ({"text": "a"}, "missing_instruction"),
    ],
)
def test_prompt_and_completion_faults(value: dict[str, Any], reason: str):
    assert dropped(value, "prompt-completion").reason == reason
