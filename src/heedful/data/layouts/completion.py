"""Rows of a prompt and a completion, each a text or a list of messages, as TRL has them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from heedful.data.layouts.base import SYSTEM, Reading, Readings, RowFault, missing, text
from heedful.data.layouts.conversation import read_turns, with_system
from heedful.data.layouts.pairs import only
from heedful.data.layouts.tools import read_tools
from heedful.records import Message

ANSWERS = ("completion", "response")
_KINDS = (str, list, type(None))


def fits_completion(value: Mapping[str, Any]) -> bool:
    if "prompt" not in value or not isinstance(value["prompt"], _KINDS):
        return False
    return only(value, "prompt") or any(a in value and isinstance(value[a], _KINDS) for a in ANSWERS)


def completion(value: Mapping[str, Any], notes: list[str]) -> Readings:
    """prompt and completion (or response). Only the completion is trained: answers inside the prompt are not.

    A text prompt is the user's message, a text completion the assistant's; lists are messages.
    """
    prompt = value.get("prompt")
    if prompt is None:
        raise missing("missing_instruction", "prompt", value)
    turns = (
        read_turns(prompt, notes, column="prompt") if isinstance(prompt, list) else [_said("user", prompt, "prompt")]
    )
    turns = [dataclasses.replace(m, train=False) if m.role == "assistant" else m for m in turns]
    answer = next((a for a in ANSWERS if value.get(a) is not None), ANSWERS[0])
    found = value.get(answer)
    if isinstance(found, list):
        turns += read_turns(found, notes, column=answer)
    elif found is not None:
        turns.append(_said("assistant", found, answer))
    both = [a for a in ANSWERS if value.get(a) is not None]
    if len(both) > 1:
        raise RowFault("two_answers", f"the row has {' and '.join(map(repr, both))}; name one with --map")
    used = frozenset({"prompt", answer, "tools", "functions", *SYSTEM})
    return [Reading(with_system(value, turns), read_tools(value, notes), used)]


def _said(role: Any, value: Any, column: str) -> Message:
    return Message(role, text(value, column))
