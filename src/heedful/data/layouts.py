"""The layouts of rows that are read, one function each: from a row's columns to its messages.

Each adds to `notes` a sentence ("rows that have ...") for what it saw and did not use, and raises RowFault where a row
breaks a rule. Texts are kept to the letter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from heedful.errors import DataError
from heedful.records import ROLES, Example, Message, from_json


class RowFault(Exception):
    """Raised by a format's function where a row breaks a rule; becomes a Drop."""

    def __init__(self, reason: str, sentence: str):
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence


def _text(value: Any, name: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        raise RowFault("not_text", f"'{name}' is a list, and text is read")
    raise RowFault("not_text", f"'{name}' is not text but {json.dumps(value, default=str)[:40]}")


def alpaca(value: Mapping[str, Any], notes: list[str]) -> list[Message]:
    """instruction, output; optional input and system, where null and "" mean that there is none."""
    if value.get("instruction") is None:
        raise RowFault("missing_instruction", "there is no 'instruction'")
    if value.get("history"):
        raise RowFault("history", "'history' holds earlier turns, which this format does not read; write messages")
    out = []
    system = _text("" if value.get("system") is None else value["system"], "system")
    if system:
        out.append(Message("system", system))
    context = _text("" if value.get("input") is None else value["input"], "input")
    if context and not context.strip():
        notes.append("rows whose input is white space alone, taken as none")
        context = ""
    out.append(Message("user", _text(value["instruction"], "instruction"), context=context or None))
    if value.get("output") is not None:
        out.append(Message("assistant", _text(value["output"], "output")))
    return out


# Keys of a message that carry meaning this format would lose.
_MEANING = ("tool_calls", "function_call", "reasoning_content", "reasoning", "thinking", "audio")


def conversation(value: Mapping[str, Any], notes: list[str]) -> list[Message]:
    """messages: a list of {role, content} with an optional `train` (true or false) or `weight` (0 or 1)."""
    turns = value.get("messages")
    if turns is None:
        raise RowFault("missing_messages", "there are no 'messages'")
    if not isinstance(turns, list):
        raise RowFault("not_a_list", "'messages' is not a list")
    if not turns:
        raise RowFault("missing_messages", "'messages' is an empty list")
    out = []
    for number, turn in enumerate(turns, 1):
        if not isinstance(turn, Mapping):
            raise RowFault("not_a_message", f"message {number} is not an object with role and content")
        role = turn.get("role")
        if role not in ROLES:
            raise RowFault(
                "unknown_role",
                f"the role {str(role)[:40]!r} of message {number} is unknown ({', '.join(ROLES)} are known)",
            )
        for key in _MEANING:
            if turn.get(key):
                raise RowFault(f"unread_{key}", f"message {number} has '{key}', which is not read yet")
        if isinstance(turn.get("content"), list):
            raise RowFault(
                "content_parts", f"the content of message {number} is a list of parts, which is not read yet"
            )
        content = _text(turn.get("content"), f"content of message {number}")
        context = turn.get("context")
        context = _text(context, f"context of message {number}") if context else None
        for key in turn.keys() - {"role", "content", "context", "train", "weight", *_MEANING}:
            if turn[key] is not None:
                notes.append(f"rows with messages that have the key {str(key)[:40]!r}, which is not used")
        if role == "system" and not content and number == 1:
            notes.append("rows that have an empty system message, taken as none")
            continue
        out.append(Message(role, content, context, _train_flag(turn, number)))
    return out


def _train_flag(turn: Mapping[str, Any], number: int) -> bool | None:
    """The flag of one message: `train` as it is, OpenAI's `weight` on the assistant's turns alone."""
    train, weight = turn.get("train"), turn.get("weight")
    if train is not None and not isinstance(train, bool):
        raise RowFault("bad_flag", f"'train' of message {number} is {str(train)[:40]!r}, and true or false is meant")
    if weight is None:
        return train
    if isinstance(weight, bool) or weight not in (0, 1):
        raise RowFault("bad_flag", f"'weight' of message {number} is {str(weight)[:40]!r}, and 0 or 1 is meant")
    if turn.get("role") != "assistant":
        return train
    if train is not None and train != bool(weight):
        raise RowFault("bad_flag", f"'train' and 'weight' of message {number} contradict each other")
    return bool(weight)


def is_place(source: Any) -> bool:
    """Whether a source is a place in a file (``train.jsonl:17``), and not a column of the user's own."""
    return isinstance(source, str) and re.search(r".:(\d+| row \d+)$", source) is not None


def heedful(value: Mapping[str, Any], notes: list[str]) -> list[Message]:
    try:
        return list(from_json(Example, value, "row").messages)
    except DataError as e:
        raise RowFault("not_an_example", str(e).removeprefix("row: ")) from None
