"""Lists of turns: messages with tools, reasoning and parts; sharegpt with every name for a role."""

from __future__ import annotations

import json
from typing import Any

import pytest

from heedful.data.formats import FORMATS, Drop, to_examples
from heedful.data.layouts.roles import _ROLE_OF
from heedful.data.sources import Row
from heedful.records import Example, Message, from_json, to_json

USER = {"role": "user", "content": "Oslo?"}
ANSWER = {"role": "assistant", "content": "Cold."}
HUMAN, GPT = {"from": "human", "value": "Oslo?"}, {"from": "gpt", "value": "Cold."}
FUNCTION = {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
TOOL = {"type": "function", "function": FUNCTION}
OPENAI_CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": {"city": "Oslo"}}}
BARE = {"type": "function", "function": {"name": "weather", "arguments": {"city": "Oslo"}}}


def read(value: dict[str, Any], form: str = "messages", notes: list[str] | None = None, **options: Any) -> Example:
    (made,) = to_examples(Row(value, "t.jsonl:1"), FORMATS[form], "r000001", notes, **options)
    assert isinstance(made, Example), made
    return made


def dropped(value: dict[str, Any], form: str = "messages") -> Drop:
    (made,) = to_examples(Row(value, "t.jsonl:1"), FORMATS[form], "r000001")
    assert isinstance(made, Drop), made
    assert "\n" not in made.sentence
    return made


def talk(*turns: dict[str, Any], **columns: Any) -> dict[str, Any]:
    return {"messages": list(turns), **columns}


def share(*turns: dict[str, Any], **columns: Any) -> dict[str, Any]:
    return {"conversations": list(turns), **columns}


# Tool calls


def test_openai_tool_calls():
    calling = {"role": "assistant", "content": None, "tool_calls": [OPENAI_CALL], "refusal": None}
    result = {"role": "tool", "tool_call_id": "c1", "name": "weather", "content": "3"}
    notes: list[str] = []
    made = read(talk(USER, calling, result, ANSWER, tools=[TOOL], parallel_tool_calls=False), notes=notes)
    assert made.messages == (
        Message("user", "Oslo?"),
        Message("assistant", "", tool_calls=(CALL,)),
        Message("tool", "3", tool_call_id="c1", name="weather"),
        Message("assistant", "Cold."),
    )
    assert (made.tools, made.fields, notes) == ((TOOL,), {"parallel_tool_calls": False}, [])
    assert read(talk(USER, calling)).messages[-1].tool_calls == (CALL,)  # a call may be what is trained
    assert read(talk(USER, calling, result), answers=False).messages[-1].role == "tool"


def test_the_old_function_call():
    calling = {"role": "assistant", "content": None, "function_call": OPENAI_CALL["function"]}
    notes: list[str] = []
    made = read(
        talk(USER, calling, {"role": "function", "name": "weather", "content": "3"}, ANSWER, functions=[FUNCTION]),
        notes=notes,
    )
    assert made.messages[1:3] == (Message("assistant", "", tool_calls=(BARE,)), Message("tool", "3", name="weather"))
    assert made.tools == (TOOL,)
    assert made.fields == {}
    assert notes == [
        "rows with OpenAI's old function_call, read as a tool call",
        "rows whose tools are bare functions, read as OpenAI writes them",
    ]


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        (json.dumps([OPENAI_CALL]), (CALL,)),
        ([json.dumps(OPENAI_CALL)], (CALL,)),
        ({"name": "weather", "arguments": {"city": "Oslo"}}, (BARE,)),
        ([{"name": "weather", "parameters": {"city": "Oslo"}}], (BARE,)),
        ([{"name": "now", "arguments": ""}], ({"type": "function", "function": {"name": "now", "arguments": {}}},)),
        ([{"function": {"name": "now"}}], ({"type": "function", "function": {"name": "now", "arguments": {}}},)),
    ],
)
def test_ways_to_write_a_call(calls: Any, expected: Any):
    assert read(talk(USER, ANSWER | {"tool_calls": calls})).messages[1].tool_calls == expected


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"tools": json.dumps([TOOL])}, (TOOL,)),
        ({"tools": [FUNCTION]}, (TOOL,)),
        ({"tools": []}, ()),
        ({"tools": ""}, ()),
    ],
)
def test_ways_to_write_tools(columns: dict[str, Any], expected: Any):
    assert read(talk(USER, ANSWER, **columns)).tools == expected
    assert read(share(HUMAN, GPT, **columns), "sharegpt").tools == expected


CALLING = {"role": "assistant", "content": "", "tool_calls": [OPENAI_CALL]}
RESULT = {"role": "tool", "content": "3", "tool_call_id": "c1"}


@pytest.mark.parametrize(
    ("value", "reason", "says"),
    [
        (talk(USER, ANSWER | {"tool_calls": "weather"}), "bad_tool_calls", "message 2"),
        (talk(USER, ANSWER | {"tool_calls": [3]}), "bad_tool_calls", "3, which is no call"),
        (talk(USER, ANSWER | {"tool_calls": [{"name": " "}]}), "bad_tool_calls", "no name"),
        (talk(USER, ANSWER | {"tool_calls": [{"function": "f"}]}), "bad_tool_calls", "no object"),
        (talk(USER, ANSWER | {"tool_calls": [{"name": "f", "arguments": "{'a': 1}"}]}), "bad_tool_calls", "no JSON"),
        (talk(USER, ANSWER | {"tool_calls": [{"name": "f", "arguments": '{"a": NaN}'}]}), "bad_tool_calls", "no JSON"),
        (talk(USER, ANSWER | {"tool_calls": [{"name": "f", "arguments": [1]}]}), "bad_tool_calls", "no JSON object"),
        (talk(USER, ANSWER | {"tool_calls": [{"type": "custom", "name": "f"}]}), "bad_tool_calls", "custom"),
        (talk(USER, ANSWER | {"tool_calls": [{"id": 7, "name": "f"}]}), "bad_tool_calls", "7"),
        (talk(USER, ANSWER, tools="weather"), "bad_tools", "'tools' is not a list"),
        (talk(USER, ANSWER, tools=[{"type": "x"}]), "bad_tools", "no name"),
        (talk(USER, ANSWER, functions=["f"]), "bad_tools", "'functions' holds"),
        (talk(USER, CALLING, USER, ANSWER), "wrong_turn_order", "message 3 is the user's after a tool call"),
        (talk(USER, CALLING, ANSWER), "wrong_turn_order", "message 3 is the assistant's after assistant"),
        (talk(USER, CALLING, RESULT, USER, ANSWER), "wrong_turn_order", "message 4 is the user's after tool"),
        (talk(USER, CALLING, RESULT | {"tool_call_id": "c2"}, ANSWER), "tool_call_ids", "c2, and c1 were made"),
        (talk(USER, CALLING, RESULT, RESULT, ANSWER), "tool_call_ids", "c1, c1"),
        (talk(USER, CALLING, RESULT), "missing_answer", "no answer"),
        (talk(USER, RESULT, ANSWER), "wrong_turn_order", "tool's after user"),
    ],
)
def test_tool_faults(value: dict[str, Any], reason: str, says: str):
    made = dropped(value)
    assert (made.reason, says in made.sentence) == (reason, True), made


def test_calls_of_a_user_are_not_passed_over_in_silence():
    notes: list[str] = []
    assert read(talk(USER | {"tool_calls": [OPENAI_CALL]}, ANSWER), notes=notes).messages[0].tool_calls == ()
    assert notes == ["rows with messages that have the key 'tool_calls', which is not used"]


def test_nulls_that_a_table_puts_in_are_noted():
    """Parquet gives each call the keys of all calls: {"city": "Oslo", "day": None}."""
    notes: list[str] = []
    filled = {"name": "weather", "arguments": {"city": "Oslo", "day": None}}
    made = read(
        talk(USER, ANSWER | {"tool_calls": [filled]}, tools=[FUNCTION | {"parameters": {"x": [None]}}]), notes=notes
    )
    assert made.messages[1].tool_calls[0]["function"]["arguments"] == {"city": "Oslo", "day": None}
    null = "that is null, as tables write a missing one; the model sees it"
    assert {f"rows with tool calls that have an argument {null}", f"rows with tools that have a value {null}"} <= set(
        notes
    )


# Reasoning and parts


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning", "thinking"])
def test_reasoning(key: str):
    notes: list[str] = []
    assert read(talk(USER, ANSWER | {key: "Hm."}), notes=notes).messages[1].reasoning_content == "Hm."
    assert not notes
    read(talk(USER | {key: "Hm."}, ANSWER), notes=notes)
    assert notes == [f"rows with messages that have the key {key!r}, which is not used"]


def test_two_reasonings():
    assert read(talk(USER, ANSWER | {"reasoning": "a", "thinking": "a"})).messages[1].reasoning_content == "a"
    assert dropped(talk(USER, ANSWER | {"reasoning": "a", "thinking": "b"})).reason == "two_reasonings"
    assert dropped(talk(USER, ANSWER | {"content": "", "reasoning": "a"})).reason == "empty_answer"


def test_parts_of_text_are_joined():
    parts = [{"type": "text", "text": "a", "image_url": None}, {"type": "input_text", "text": " b"}, "c"]
    notes: list[str] = []
    assert read(talk(USER | {"content": parts}, ANSWER), notes=notes).messages[0].content == "a\n b\nc"
    assert notes == ["rows with a content of several parts of text, joined by line breaks"]
    notes = []
    thought = [{"type": "thinking", "thinking": "Hm."}, {"type": "output_text", "text": "Cold."}]
    assert read(talk(USER, ANSWER | {"content": thought}), notes=notes).messages[1] == Message(
        "assistant", "Cold.", reasoning_content="Hm."
    )
    assert not notes


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "x"}},
        {"type": "input_audio", "input_audio": {}},
        {"type": "text", "text": None},
        {"type": "tool_use", "name": "f"},
        {"image": "x"},
        3,
        None,
    ],
)
def test_a_part_that_is_no_text_drops_the_row(part: Any):
    made = dropped(talk(USER | {"content": [{"type": "text", "text": "a"}, part]}, ANSWER))
    assert made.reason == "content_parts"
    assert "message 1" in made.sentence
    assert not isinstance(part, dict) or str(part.get("type") or "image") in made.sentence


def test_an_empty_list_of_parts_is_no_text():
    assert dropped(talk(USER, ANSWER | {"content": []})).reason == "not_text"


# Columns and roles


@pytest.mark.parametrize("column", ["messages", "conversations", "conversation", "dialog", "dialogue", "chat", "turns"])
def test_columns_of_a_conversation(column: str):
    made = read({column: [USER, ANSWER], "topic": "x"})
    assert ([m.content for m in made.messages], made.fields) == (["Oslo?", "Cold."], {"topic": "x"})
    made = read({column: [HUMAN, GPT]}, "sharegpt")
    assert [m.role for m in made.messages] == ["user", "assistant"]
    assert read({column: json.dumps([USER, ANSWER])}).messages == read(talk(USER, ANSWER)).messages  # from a CSV file


def test_two_columns_of_turns_are_noted():
    notes: list[str] = []
    made = read({"conversation": [USER, ANSWER], "messages": [USER, ANSWER], "turns": 2}, notes=notes)
    assert notes == ["rows that have 'messages' and 'conversation': 'messages' was read"]
    assert made.fields == {"conversation": [USER, ANSWER], "turns": 2}


def test_other_names_of_roles():
    assert read(talk({"role": "developer", "content": "Be kind."}, USER, ANSWER)).messages[0].role == "system"
    notes: list[str] = []
    made = read(talk(USER | {"role": "Human"}, ANSWER | {"role": "model"}), notes=notes)
    assert [m.role for m in made.messages] == ["user", "assistant"]
    assert notes == ["rows with the role 'Human', read as user", "rows with the role 'model', read as assistant"]


QUESTION = ("human", "user", "prompter", "Human", "USER", " user ")
REPLY = ("gpt", "assistant", "chatgpt", "bing", "bard", "bot", "model", "GPT", "gpt-4", "ChatGPT", "AI", "Claude")


@pytest.mark.parametrize("name", QUESTION + REPLY)
def test_sharegpt_roles(name: str):
    notes: list[str] = []
    turns = (HUMAN | {"from": name}, GPT) if name in QUESTION else (HUMAN, GPT | {"from": name})
    made = read(share(*turns), "sharegpt", notes)
    assert made.messages == (Message("user", "Oslo?"), Message("assistant", "Cold."))
    assert not notes


@pytest.mark.parametrize("name", ["narrator", "", "human_", None, 3, ["human"]])
def test_an_unknown_role_drops_the_row_and_is_named(name: Any):
    made = dropped(share(HUMAN, GPT, HUMAN | {"from": name}, GPT), "sharegpt")
    assert made.reason == "unknown_role"
    assert "message 3" in made.sentence
    assert json.dumps(name) in made.sentence.replace("'", '"')


def test_no_name_means_two_roles():
    assert all(name == name.casefold() and " " not in name and "-" not in name for name in _ROLE_OF)
    assert {"observation": "tool", "function": "tool", "function_call": "call"}.items() <= _ROLE_OF.items()


def test_sharegpt_tools():
    value = share(
        {"from": "system", "value": "Be brief."},
        HUMAN,
        {"from": "function_call", "value": '{"name": "weather", "arguments": {"city": "Oslo"}}'},
        {"from": "observation", "value": "3"},
        GPT,
        tools=json.dumps([FUNCTION]),
    )
    made = read(value, "sharegpt")
    assert made.messages[2:4] == (Message("assistant", "", tool_calls=(BARE,)), Message("tool", "3"))
    assert made.tools == (TOOL,)
    value["conversations"][2]["value"] = "weather(Oslo)"
    assert dropped(value, "sharegpt").reason == "bad_tool_calls"


def test_system_column():
    for form, turns in (("messages", talk(USER, ANSWER)), ("sharegpt", share(HUMAN, GPT))):
        for column in ("system", "system_prompt"):
            assert read(turns | {column: "Be brief."}, form).messages[0] == Message("system", "Be brief.")
            assert len(read(turns | {column: ""}, form).messages) == 2
        assert dropped(turns | {"system": "a", "system_prompt": "b"}, form).reason == "two_systems"
    system = {"role": "system", "content": "a"}
    assert len(read(talk(system, USER, ANSWER, system="a")).messages) == 3
    assert dropped(talk(system, USER, ANSWER, system="b")).reason == "two_systems"


def test_a_greeting_before_the_first_question_is_left_out_and_noted():
    notes: list[str] = []
    greeting = GPT | {"value": "Hello!"}
    made = read(share(greeting, HUMAN, GPT), "sharegpt", notes)
    assert [m.content for m in made.messages] == ["Oslo?", "Cold."]
    assert notes == ["rows that begin with the assistant's turn, which is left out"]
    made = read(share({"from": "system", "value": "S"}, greeting, HUMAN, GPT), "sharegpt", notes)
    assert [m.content for m in made.messages] == ["S", "Oslo?", "Cold."]
    assert dropped(share(greeting, greeting, HUMAN, GPT), "sharegpt").reason == "wrong_turn_order"
    assert dropped(share(greeting), "sharegpt").reason == "wrong_turn_order"
    assert dropped(talk(ANSWER, USER, ANSWER)).reason == "wrong_turn_order"  # OpenAI's own format stays strict


def test_sharegpt_flags_and_faults():
    made = read(share(HUMAN, GPT | {"weight": 0}, HUMAN, GPT | {"train": True}), "sharegpt")
    assert [m.train for m in made.messages] == [None, False, None, True]
    assert dropped(share(HUMAN), "sharegpt").reason == "missing_answer"
    assert dropped(share(HUMAN, GPT | {"value": None}), "sharegpt").reason == "not_text"
    assert dropped(share(HUMAN, GPT | {"value": ""}), "sharegpt").reason == "empty_answer"
    assert dropped(share(HUMAN, HUMAN, GPT), "sharegpt").reason == "wrong_turn_order"
    assert "'role', 'content', and from and value are read" in dropped(share(USER, ANSWER), "sharegpt").sentence
    assert "no 'conversations' among the columns 'text'" in dropped({"text": "a"}, "sharegpt").sentence
    for empty in ([], "", None):
        assert dropped({"conversations": empty}, "sharegpt").reason == "missing_messages"


def test_an_example_with_everything_comes_back_the_same():
    calling = {"role": "assistant", "content": None, "tool_calls": [OPENAI_CALL], "reasoning": "Hm."}
    made = read(talk(USER, calling, RESULT, ANSWER, tools=[TOOL], id="a", topic="x"))
    made = Example(made.id, made.messages, made.source, made.fields, "family", made.tools)
    value = json.loads(json.dumps(to_json(made)))
    assert from_json(Example, value) == made
    assert FORMATS["heedful"].fits(value)
    assert not FORMATS["messages"].fits(value)
    assert read(value, "heedful") == made
    assert dropped(value | {"group": 3}, "heedful").reason == "not_an_example"
