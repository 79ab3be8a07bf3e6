"""Formats told by many rows, what is said where two fit, how a near miss is mended, and columns named by --map."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from heedful.data.formats import (
    FORMATS,
    Drop,
    mapped_format,
    named_format,
    parse_map,
    recognise,
    to_example,
    to_examples,
)
from heedful.data.sources import Row, read_rows
from heedful.errors import DataError, RequestError
from heedful.records import Example, Message

USER, ANSWER = {"role": "user", "content": "Oslo?"}, {"role": "assistant", "content": "Cold."}
HUMAN, GPT = {"from": "human", "value": "Oslo?"}, {"from": "gpt", "value": "Cold."}
NODE = {"message_id": "a", "parent_id": None, "text": "Oslo?", "role": "prompter"}


def rows(*values: dict[str, Any]) -> list[Row]:
    return [Row(v, f"t.jsonl:{i}") for i, v in enumerate(values, 1)]


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ({"instruction": "a", "output": "b"}, "alpaca"),
        ({"instruction": "a", "input": "", "output": "b", "history": []}, "alpaca"),
        ({"instruction": "a", "input": "c"}, "alpaca"),
        ({"instruction": "a", "context": "", "response": "b", "category": "c"}, "dolly"),
        ({"instruction": "a", "response": "b"}, "dolly"),
        ({"id": "s", "instruction": "a", "instances": [{"input": "", "output": "b"}]}, "self-instruct"),
        ({"prompt": "a", "completion": "b"}, "prompt-completion"),
        ({"prompt": [USER], "completion": [ANSWER]}, "prompt-completion"),
        ({"prompt": "a", "response": "b"}, "prompt-completion"),
        ({"prompt": "a"}, "prompt-completion"),
        ({"messages": [USER, ANSWER]}, "messages"),
        ({"conversations": [USER, ANSWER]}, "messages"),
        ({"messages": json.dumps([USER, ANSWER])}, "messages"),
        ({"prompt": "a", "messages": [USER, ANSWER]}, "messages"),
        ({"conversations": [HUMAN, GPT]}, "sharegpt"),
        ({"conversation": [HUMAN, GPT]}, "sharegpt"),
        ({"id": "r1", "messages": [USER, ANSWER], "source": "a.jsonl:1"}, "heedful"),
        ({"id": "r1", "messages": [USER, ANSWER], "source": "a.jsonl:1", "group": "g", "tools": []}, "heedful"),
        (NODE, "oasst"),
        ({"message_tree_id": "a", "prompt": NODE | {"replies": []}}, "oasst"),
        ({"question": "a", "answer": "b"}, "qa"),
        ({"system_prompt": "s", "question": "a", "response": "b"}, "qa"),
        ({"query": "a", "response": "b"}, "qa"),
        ({"problem": "a", "solution": "b"}, "qa"),
        ({"input": "a", "output": "b"}, "qa"),
        ({"question": "a"}, "qa"),
    ],
)
def test_each_format_is_recognised_alone_and_without_a_word(value: dict[str, Any], form: str):
    found = recognise(rows(value, value))
    assert (found.format, found.name, found.why) == (FORMATS[form], form, None)


def test_types_count_and_not_only_names():
    wrong = [
        {"instruction": ["a"], "output": "b"},
        {"instruction": "a", "output": {"text": "b"}},
        {"question": "a", "answer": {"text": ["b"]}},
        {"messages": ["a", "b"]},
        {"prompt": {"a": 1}, "completion": "b"},
    ]
    for value in wrong:
        with pytest.raises(DataError, match="no known format"):
            recognise(rows(value))


def test_where_two_fit_it_says_which_it_took_and_why():
    both = {"messages": [USER, ANSWER], "instruction": "a", "output": "b"}
    found = recognise(rows(*[both] * 1000))
    assert found.name == "messages"
    assert found.why == (
        "2 formats fit all of 1,000 rows: messages and alpaca; took messages, because a list of turns says who said "
        "what; --format names another"
    )
    found = recognise(rows(both, both, {"x": 1}))
    assert found.why is not None
    assert found.why.startswith("2 formats fit 2 of 3 rows: messages and alpaca; took")
    found = recognise(rows({"instruction": "a", "output": "b"}, {"instruction": "a", "output": "b"}, {"question": "a"}))
    assert found.why == "alpaca fits 2 of 3 rows and qa 1; took alpaca, which fits more"


@pytest.mark.parametrize(
    ("value", "mend"),
    [
        ({"Instruction": "a", " output": "b"}, 'name them with --map "instruction=Instruction,output= output"'),
        ({"PROMPT": "a", "Completion": "b"}, 'name them with --map "prompt=PROMPT,completion=Completion"'),
        (
            {"dialog": [{"speaker": "A", "utterance": "Hi"}]},
            "the turns of 'dialog' have the keys 'speaker', 'utterance': say which is which with "
            "--map messages=dialog,role=KEY,content=KEY",
        ),
        ({"prompt": "a", "chosen": "b", "rejected": "c"}, "--map prompt=prompt,completion=chosen"),
        ({"prompt": "a", "chosen": [USER, ANSWER], "rejected": [USER]}, "--map messages=chosen"),
        ({"q": "a", "a": "b"}, "name the columns with --map instruction=COLUMN,output=COLUMN"),
        ({"text": "a", "n": 1}, "'text' is the only column of text, and a question and an answer are needed"),
        ({}, "name the columns with --map"),
    ],
)
def test_a_near_miss_says_how_to_name_it(value: dict[str, Any], mend: str):
    with pytest.raises(DataError, match=r"t.jsonl:1: the columns are of no known format: found .*known are") as e:
        recognise(rows(value, value))
    assert str(e.value).endswith(mend)
    assert "\n" not in str(e.value)
    assert all(repr(column) in str(e.value) for column in value)


@pytest.mark.parametrize("column", ["prompt", "instruction", "question", "query", "problem"])
def test_a_question_beside_columns_of_its_own_is_one_where_no_answer_is_needed(column: str):
    value = {"key": 1, column: "Write two lines.", "kwargs": [{}]}
    with pytest.raises(DataError, match="no known format"):
        recognise(rows(value, value))
    found = recognise(rows(value, value), answers=False)
    assert found.why == f"{column!r} is the question and no column its answer"
    example = to_example(rows(value)[0], found.format, "r1", answers=False)
    assert (example.reference, example.fields) == (None, {"key": 1, "kwargs": [{}]})
    with pytest.raises(DataError, match="no known format"):
        recognise(rows({"text": "a", "n": 1}), answers=False)


def test_what_the_error_says_works():
    values = [{"dialog": [{"speaker": "User", "utterance": "Oslo?"}, {"speaker": "Bot", "utterance": "Cold."}]}]
    form = mapped_format(parse_map("messages=dialog,role=speaker,content=utterance"))
    (made,) = to_examples(rows(*values)[0], form, "r1")
    assert isinstance(made, Example)
    assert [(m.role, m.content) for m in made.messages] == [("user", "Oslo?"), ("assistant", "Cold.")]
    form = mapped_format(parse_map("instruction=Instruction,output= output"))
    (made,) = to_examples(Row({"Instruction": "Oslo?", " output": "Cold."}, "t:1"), form, "r1")
    assert isinstance(made, Example)


# Rows that differ from their file's format


@pytest.mark.parametrize("form", [name for name in FORMATS if name != "heedful"])
def test_a_row_of_another_layout_is_dropped_and_its_columns_are_named(form: str):
    (made,) = to_examples(Row({"headline": "a", "body": "b"}, "t.jsonl:9"), FORMATS[form], "r1")
    assert isinstance(made, Drop)
    assert made.sentence.endswith("among the columns 'headline', 'body'")


# Mapped columns


def read(mapping: str, value: dict[str, Any], notes: list[str] | None = None) -> Example | Drop:
    (made,) = to_examples(Row(value, "t.jsonl:1"), mapped_format(parse_map(mapping)), "r000001", notes)
    return made


def test_mapped_instruction():
    value = {"q": "Oslo?", "a": "Cold.", "more": "now", "rule": "Be brief.", "key": 7, "talk": "t1", "n": 1, "id": "x"}
    made = read("instruction=q,output=a,input=more,system=rule,id=key,group=talk", value)
    assert made == Example(
        "7",
        (Message("system", "Be brief."), Message("user", "Oslo?", "now"), Message("assistant", "Cold.")),
        "t.jsonl:1",
        {"n": 1, "id": "x"},
        "t1",
    )
    made = read("instruction=q,output=a", value | {"input": "not named", "system": "not named"})
    assert isinstance(made, Example)
    assert made.id == "r000001"  # an id that --map does not name is a column like others
    assert made.messages == (Message("user", "Oslo?"), Message("assistant", "Cold."))
    assert made.fields["input"] == "not named"


def test_mapped_messages_and_prompts():
    for turns in ([USER, ANSWER], [HUMAN, GPT], json.dumps([USER, ANSWER])):
        made = read("messages=chosen,system=rule", {"chosen": turns, "rule": "S", "messages": 3})
        assert isinstance(made, Example)
        assert [m.content for m in made.messages] == ["S", "Oslo?", "Cold."]
        assert made.fields == {"messages": 3}
    made = read("prompt=q,completion=chosen,group=g", {"q": "Oslo?", "chosen": [ANSWER], "g": 5, "response": "x"})
    assert isinstance(made, Example)
    assert (made.reference, made.group, made.fields) == ("Cold.", "5", {"response": "x"})
    tool = {"type": "function", "function": {"name": "f"}}
    made = read("messages=m,tools=t", {"m": [USER, ANSWER], "t": json.dumps([tool])})
    assert isinstance(made, Example)
    assert made.tools == (tool,)


def test_mapped_faults_are_told_with_the_users_names():
    notes: list[str] = []
    made = read("instruction=q,output=a,input=c", {"q": "Oslo?", "a": "Cold."}, notes)
    assert isinstance(made, Example)
    assert notes == ["rows without the column 'c', which --map reads as input"]
    for mapping, value, reason, says in (
        ("instruction=q,output=a", {"Q": "a", "a": "b"}, "missing_column", "no column 'q', which --map reads as instr"),
        ("instruction=frag,output=a", {"frage": "a", "a": "b"}, "missing_column", "'frag' (did you mean 'frage'?)"),
        ("instruction=q,output=answr", {"q": "a", "answer": "b"}, "missing_column", "(did you mean 'answer'?)"),
        ("instruction=q,output=a", {"q": "a", "a": ["b"]}, "not_text", "'a' is a list"),
        ("instruction=q,output=a", {"q": None, "a": "b"}, "missing_instruction", "'q' is null"),
        ("instruction=q,output=a", {"q": "a", "a": None}, "missing_answer", "no answer"),
        ("instruction=q,output=a,id=k", {"q": "a", "a": "b", "k": 0.5}, "bad_id", "0.5"),
        ("instruction=q,output=a,group=k", {"q": "a", "a": "b", "k": [1]}, "bad_group", "[1]"),
        ("messages=m", {"m": "hello"}, "not_a_list", "'m' is not a list"),
        ("messages=m,role=who,content=said", {"m": [USER]}, "not_a_message", "who and said are read"),
    ):
        made = read(mapping, value)
        assert isinstance(made, Drop), mapping
        assert (made.reason, says in made.sentence) == (reason, True), made


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("instruction", "is not TARGET=COLUMN"),
        ("instruction=,output=a", "is not TARGET=COLUMN"),
        ("", "is not TARGET=COLUMN"),
        ("instrucion=q,output=a", r"no target 'instrucion'.*did you mean 'instruction'"),
        ("instruction=q,instruction=r", "two columns"),
        ("question=instruction,answer=output", r"no target 'question'.*did you mean instruction=question"),
        ("output=a", "neither instruction nor prompt nor messages nor conversation is given"),
        ("instruction=q,prompt=p", "both instruction and prompt"),
        ("instruction=q,completion=p", "'completion' does not go with 'instruction'"),
        ("messages=m,output=p", "'output' does not go with 'messages'"),
        ("instruction=q,output=q", "'q' is named twice"),
    ],
)
def test_a_mapping_that_cannot_be(written: str, says: str):
    with pytest.raises(RequestError, match=says) as e:
        parse_map(written)
    assert str(e.value).startswith("--map: ")


def test_a_mapping_is_parsed():
    assert parse_map("instruction=q, output=the answer,input=a=b") == {
        "instruction": "q",
        "output": "the answer",
        "input": "a=b",
    }
    form = mapped_format({"instruction": "q", "output": "a"})
    assert (form.name, form.columns, form.shape) == ("mapped", {"q", "a"}, "columns by --map (instruction=q, output=a)")
    assert (form.fits({"q": "x"}), form.fits({"a": "x"})) == (True, False)
    with pytest.raises(RequestError, match="no target 'question'"):
        mapped_format({"question": "q"})
    with pytest.raises(RequestError, match="did you mean 'sharegpt'"):
        named_format("share-gpt")


# Files that their owners publish

SHARED = Path("/work/shared/data/instruct")
FILES = {
    "alpaca_en_demo.json": ("alpaca", 999),
    "rasbt-instruction-data.json": ("alpaca", 1100),
    "rasbt-instruction-data-with-response.json": ("alpaca", 110),
    "sharegpt_dummy_conversation.json": ("sharegpt", 500),
    "self_instruct_seed_tasks.jsonl": ("self-instruct", 175),
}


@pytest.mark.parametrize("name", FILES)
def test_published_files_are_read_whole(name: str):
    if not (SHARED / name).is_file():
        pytest.skip(f"{SHARED / name} is not here")
    form, count = FILES[name]
    found, notes = list(read_rows(SHARED / name)), list[str]()
    recognised = recognise(found[:1000])
    assert (recognised.name, recognised.why) == (form, None)
    made = [m for k, row in enumerate(found) for m in to_examples(row, recognised.format, f"r{k}", notes)]
    assert all(isinstance(m, Example) for m in made)
    assert len({m.id for m in made if isinstance(m, Example)}) == len(made) == count
    assert not notes
