"""Rows that hold a list of turns: messages (role, content, as OpenAI has it) and sharegpt (from, value)."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from heedful.data.layouts.base import (
    SYSTEM,
    Reading,
    Readings,
    RowFault,
    as_list,
    missing,
    names,
    shown,
    system_of,
    text,
)
from heedful.data.layouts.roles import CALL, role_of
from heedful.data.layouts.tools import read_calls, read_tools
from heedful.records import Message

# Columns that hold a conversation, the first of them that is a list.
LISTS = ("messages", "conversations", "conversation", "dialog", "dialogue", "chat", "turns")
REASONING = ("reasoning_content", "reasoning", "thinking")
_READ = frozenset({"context", "train", "weight", "tool_calls", "function_call", "tool_call_id", "name", *REASONING})
_USED = frozenset({"tools", "functions", *SYSTEM})


@dataclass(frozen=True)
class Keys:
    """The names that a turn's role and content have."""

    role: str
    content: str

    @functools.cached_property
    def read(self) -> frozenset[str]:
        return _READ | {self.role, self.content}


OPENAI = Keys("role", "content")
SHAREGPT = Keys("from", "value")


def list_column(value: Mapping[str, Any]) -> str | None:
    """The column that holds the turns: the first of `LISTS` that is a list, else the first that is there at all."""
    there = [name for name in LISTS if name in value]
    return next((name for name in there if as_list(value[name]) is not None), there[0] if there else None)


def first_turn(value: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The first turn of a row's conversation where it is an object."""
    column = list_column(value)
    turns = as_list(value[column]) if column else None
    return turns[0] if turns and isinstance(turns[0], Mapping) else None


def fits_messages(value: Mapping[str, Any]) -> bool:
    turn = first_turn(value)
    return turn is not None and "role" in turn


def fits_sharegpt(value: Mapping[str, Any]) -> bool:
    turn = first_turn(value)
    return turn is not None and "from" in turn and "role" not in turn


def messages(value: Mapping[str, Any], notes: list[str]) -> Readings:
    """messages: {role, content}, perhaps with `train` (true or false) or `weight` (0 or 1), tool calls, reasoning."""
    return [_conversation(value, notes, OPENAI)]


def sharegpt(value: Mapping[str, Any], notes: list[str]) -> Readings:
    """conversations: {from, value}. An answer that stands before the first question is left out, and noted.

    A greeting of the assistant's opens many conversations that were copied from chat sites; no chat template can
    show it. Leaving out the turn loses nothing that answers a question; dropping the row would lose all of it.
    """
    return [_conversation(value, notes, SHAREGPT)]


def _conversation(value: Mapping[str, Any], notes: list[str], keys: Keys) -> Reading:
    column = list_column(value)
    if column is None:
        raise missing("missing_messages", "messages" if keys is OPENAI else "conversations", value)
    others = [name for name in LISTS if name != column and isinstance(value.get(name), list) and value[name]]
    if others:
        notes.append(f"rows that have {' and '.join(map(repr, [column, *others]))}: {column!r} was read")
    turns = read_turns(value[column], notes, keys, column)
    return Reading(with_system(value, turns), read_tools(value, notes), _USED | {column})


def with_system(value: Mapping[str, Any], turns: list[Message]) -> list[Message]:
    """The turns after the system message of the row's own column; RowFault where both say different things."""
    system = system_of(value)
    if not system or turns[:1] == system:
        return turns
    if turns and turns[0].role == "system":
        raise RowFault(
            "two_systems", "the 'system' column and the first message say different things; keep one of them"
        )
    return system + turns


def read_turns(value: Any, notes: list[str], keys: Keys = OPENAI, column: str = "messages") -> list[Message]:
    """A list of turns as messages. Raises RowFault where a turn breaks a rule, naming its number."""
    if value is None or value == [] or value == "":
        raise RowFault("missing_messages", f"'{column}' is {'null' if value is None else 'an empty list'}")
    turns = as_list(value)
    if turns is None:
        raise RowFault("not_a_list", f"'{column}' is not a list")
    out = []
    for number, turn in enumerate(turns, 1):
        if not isinstance(turn, Mapping):
            raise RowFault("not_a_message", f"message {number} is not an object with {keys.role} and {keys.content}")
        if keys.role not in turn:
            raise RowFault(
                "not_a_message",
                f"message {number} has the keys {names(turn)}, and {keys.role} and {keys.content} are read",
            )
        message = _message(turn, number, keys, notes)
        if message.role == "system" and not message.content and number == 1:
            notes.append("rows that have an empty system message, taken as none")
            continue
        out.append(message)
    return _without_greeting(out, notes) if keys.role == SHAREGPT.role else out


def _without_greeting(turns: list[Message], notes: list[str]) -> list[Message]:
    first = next((k for k, m in enumerate(turns) if m.role != "system"), 0)
    if [m.role for m in turns[first : first + 2]] != ["assistant", "user"]:
        return turns
    notes.append("rows that begin with the assistant's turn, which is left out")
    return turns[:first] + turns[first + 1 :]


def _message(turn: Mapping[str, Any], number: int, keys: Keys, notes: list[str]) -> Message:
    role = role_of(turn[keys.role], number)
    if role == CALL:
        calls = read_calls(turn.get(keys.content), number, notes)
        return Message("assistant", "", train=_train_flag(turn, number, True), tool_calls=calls)
    if keys is OPENAI and role != turn["role"] and turn["role"] not in ("developer", "function"):
        notes.append(f"rows with the role {turn['role']!r}, read as {role}")
    content, thought = _content(turn.get(keys.content), number, notes)
    assistant, tool = role == "assistant", role == "tool"
    calls = _calls(turn, number, notes) if assistant else ()
    if content is None:
        if not calls:
            raise RowFault("not_text", f"the {keys.content} of message {number} is not text but null")
        content = ""
    context = turn.get("context")
    spoken = _text_of(turn, REASONING, number) if assistant else None
    read = {k for k in turn if k in keys.read}
    if not assistant:
        read -= {"tool_calls", "function_call", *REASONING}
    if not tool:
        read -= {"tool_call_id", "name"}
    for key in turn.keys() - read:
        if turn[key] is not None and turn[key] != []:
            notes.append(f"rows with messages that have the key {str(key)[:40]!r}, which is not used")
    return Message(
        role,  # pyright: ignore[reportArgumentType]
        content,
        text(context, f"context of message {number}") if context else None,
        _train_flag(turn, number, assistant),
        calls,
        _text_of(turn, ("tool_call_id",), number) if tool else None,
        _text_of(turn, ("name",), number) if tool else None,
        spoken or thought,
    )


def _text_of(turn: Mapping[str, Any], keys: tuple[str, ...], number: int) -> str | None:
    """The text under one of several keys of the same meaning; RowFault where two of them contradict each other."""
    found = {text(turn[key], f"{key} of message {number}"): key for key in keys if turn.get(key)}
    if len(found) > 1:
        said = " and ".join(repr(key) for key in found.values())
        raise RowFault("two_reasonings", f"{said} of message {number} say different things; keep one of them")
    return next(iter(found), None)


def _calls(turn: Mapping[str, Any], number: int, notes: list[str]) -> tuple[Mapping[str, Any], ...]:
    if turn.get("tool_calls"):
        return read_calls(turn["tool_calls"], number, notes)
    if turn.get("function_call"):
        notes.append("rows with OpenAI's old function_call, read as a tool call")
        return read_calls(turn["function_call"], number, notes)
    return ()


def _content(value: Any, number: int, notes: list[str]) -> tuple[str | None, str | None]:
    """The text of a content, and what a list of parts says was thought: parts of text are joined by line breaks.

    vLLM joins them so for templates that take text (`chat_utils.py`), so the model will be asked in this form.
    """
    if isinstance(value, str) or value is None:
        return value, None
    if not isinstance(value, list):
        return text(value, f"content of message {number}"), None
    texts, thoughts = [], []
    for part in value:
        kind, said = _part(part, number)
        (thoughts if kind else texts).append(said)
    if len(texts) > 1:
        notes.append("rows with a content of several parts of text, joined by line breaks")
    return "\n".join(texts) if texts else None, "\n".join(thoughts) or None


def _part(part: Any, number: int) -> tuple[bool, str]:
    """One part: whether it is reasoning, and its text."""
    if isinstance(part, str):
        return False, part
    if isinstance(part, Mapping):
        kind = part.get("type")
        if kind in ("text", "input_text", "output_text") and isinstance(part.get("text"), str):
            return False, part["text"]
        if kind in ("thinking", "reasoning"):
            said = part.get("thinking") or part.get("reasoning") or part.get("text")
            if isinstance(said, str):
                return True, said
        said = f"of type {shown(kind)}" if isinstance(kind, str) else f"with the keys {names(part)}"
    else:
        said = shown(part)
    raise RowFault("content_parts", f"message {number} has a content part {said}, and only text is read")


def _train_flag(turn: Mapping[str, Any], number: int, assistant: bool) -> bool | None:
    """The flag of one message: `train` as it is, OpenAI's `weight` on the assistant's turns alone."""
    train, weight = turn.get("train"), turn.get("weight")
    if train is not None and not isinstance(train, bool):
        raise RowFault("bad_flag", f"'train' of message {number} is {shown(train)}, and true or false is meant")
    if weight is None:
        return train
    if isinstance(weight, bool) or weight not in (0, 1):
        raise RowFault("bad_flag", f"'weight' of message {number} is {shown(weight)}, and 0 or 1 is meant")
    if not assistant:
        return train
    if train is not None and train != bool(weight):
        raise RowFault("bad_flag", f"'train' and 'weight' of message {number} contradict each other")
    return bool(weight)
