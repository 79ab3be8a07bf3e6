"""Whether a template shows what a conversation holds besides its texts: tools, tool calls, results and reasoning.

Most templates pass over what they have no place for, without a word, and the model is trained on a conversation with
holes. So each kind of thing is rendered once, as a probe of marked words, and looked for in what comes out. What the
template does is what counts, not what its Jinja seems to say.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from heedful import templates
from heedful.errors import TemplateError

# What a conversation may hold, and how it is called in a sentence.
PLACES = {
    "tools": "a list of tools",
    "tool": "the role tool",
    "call": "tool calls",
    "calls": "several tool calls in one turn",
    "call_text": "text beside a tool call",
    "reasoning": "reasoning",
    "call_reasoning": "reasoning beside a tool call",
}
# Words that no template writes by itself and that need no escaping in JSON.
_TEXT, _THOUGHT, _RESULT, _TOOL = "Qx1text", "Qx2thought", "Qx3result", "Qx4tool"
_CALLS = (("Qx5name", "Qx6key", "Qx7value"), ("Qx8name", "Qx9key", "Qx0value"))


def places_needed(messages: Sequence[Mapping[str, Any]], tools: Sequence[Any]) -> list[str]:
    """The keys of `PLACES` that a conversation needs."""
    needed = {"tools"} if tools else set()
    for m in messages:
        calls, thought = m.get("tool_calls"), m.get("reasoning_content")
        if m["role"] == "tool":
            needed.add("tool")
        if calls:
            needed.add("call")
            needed |= {"calls"} if len(calls) > 1 else set()
            needed |= {"call_text"} if m["content"] else set()
        if thought:
            needed.add("call_reasoning" if calls else "reasoning")
    return [place for place in PLACES if place in needed]


@functools.lru_cache(maxsize=256)
def has_place(text: str, tokens: tuple[tuple[str, str], ...], place: str) -> bool:
    """Whether the template `text` shows a thing of `PLACES`; `tokens` are the special tokens by name.

    A template may refuse a probe for another reason (calls without tools, say), so several are tried, and one that
    shows all is enough. Reasoning is looked for in the last answer alone: many templates leave out the reasoning of
    earlier turns on purpose, and will do so when the model is asked.
    """
    for messages, tools, marks in _probes(place):
        try:
            shown = templates.render(text, messages, False, dict(tokens), tools)
        except TemplateError:
            continue
        if all(mark in shown for mark in marks):
            return True
    return False


def _probes(place: str) -> Iterator[tuple[list[dict[str, Any]], list[dict[str, Any]], tuple[str, ...]]]:
    asked: dict[str, Any] = {"role": "user", "content": "Hello"}
    said: dict[str, Any] = {"role": "assistant", "content": "Yes"}
    tools = [_tool(_TOOL)]
    if place == "tools":
        for system in ([], [{"role": "system", "content": "Be brief."}]):
            yield [*system, asked], tools, (_TOOL,)
            yield [*system, asked, said], tools, (_TOOL,)
        return
    if place == "reasoning":
        for given in ([], tools):
            yield [asked, said | _reasoning()], given, (_THOUGHT, "Yes")
        return
    calls = _CALLS if place == "calls" else _CALLS[:1]
    marks = tuple(word for call in calls for word in call)
    turn = {"role": "assistant", "content": "", "tool_calls": [_call(*call, k) for k, call in enumerate(calls)]}
    if place == "call_text":
        turn["content"], marks = _TEXT, (_TEXT, *marks)
    if place == "call_reasoning":
        turn, marks = turn | _reasoning(), (_THOUGHT, *marks)
    results = [
        {"role": "tool", "content": _RESULT, "name": call[0], "tool_call_id": f"abcdefgh{k}"}
        for k, call in enumerate(calls)
    ]
    for given in ([], tools):
        if place == "tool":
            yield [asked, turn, *results, said], given, (_RESULT,)
            yield [asked, said, *results, said], given, (_RESULT,)
        else:
            yield [asked, turn], given, marks
            yield [asked, turn, *results, said], given, marks


def _tool(name: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {"a": {"type": "string", "description": "b"}}, "required": ["a"]}
    return {"type": "function", "function": {"name": name, "description": "c", "parameters": parameters}}


def _call(name: str, key: str, value: str, number: int) -> dict[str, Any]:
    # Nine letters and digits, because Mistral's templates refuse other ids.
    return {"id": f"abcdefgh{number}", "type": "function", "function": {"name": name, "arguments": {key: value}}}


def _reasoning() -> dict[str, str]:
    return {"thinking": _THOUGHT, "reasoning_content": _THOUGHT}
