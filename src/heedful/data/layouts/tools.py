"""Tool calls and lists of tools as data sets write them, in OpenAI's present form.

    {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": {"city": "Oslo"}}}

Arguments that are JSON text are read into an object, because chat templates write them with ``tojson`` and servers
(vLLM, for one) hand objects to the template: text would come out quoted twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from heedful.data.layouts.base import RowFault, as_list, as_object, shown

# A table (Parquet, Arrow) gives every row the keys of all rows; what one row did not have comes back as null.
_NULL = "that is null, as tables write a missing one; the model sees it"
_BARE = frozenset({"name", "arguments", "parameters", "id", "type"})


def read_calls(value: Any, number: int, notes: list[str]) -> tuple[Mapping[str, Any], ...]:
    """The calls of message `number`: a list of calls or one call, each as it is or as JSON text.

    A call is OpenAI's object, or the function's {name, arguments} alone. Raises RowFault ``bad_tool_calls``.
    """
    calls = as_list(value)
    if calls is None:
        one = as_object(value)
        if one is None:
            raise _bad(number, f"is neither a call nor a list of calls but {shown(value)}")
        calls = [one]
    return tuple(_read_call(call, number, notes) for call in calls)


def _read_call(value: Any, number: int, notes: list[str]) -> Mapping[str, Any]:
    call = as_object(value)
    if call is None:
        raise _bad(number, f"holds {shown(value)}, which is no call")
    if call.get("type") not in (None, "function"):
        raise _bad(number, f"is of type {shown(call['type'])}, and functions are read")
    function = as_object(call["function"]) if call.get("function") is not None else call
    if function is None:
        raise _bad(number, f"has the function {shown(call['function'])}, which is no object")
    name = function.get("name")
    if not isinstance(name, str) or not name.strip():
        raise _bad(number, "has no name")
    made: dict[str, Any] = {}
    if call.get("id") is not None:
        if not isinstance(call["id"], str):
            raise _bad(number, f"has the id {shown(call['id'])}, which is no text")
        made["id"] = call["id"]
    for key in {*call, *function} - _BARE - {"function"}:
        if call.get(key) is not None or function.get(key) is not None:
            notes.append(f"rows with tool calls that have the key {str(key)[:40]!r}, which is not used")
    made["type"] = "function"
    arguments = _arguments(function, number)
    if _has_null(arguments):
        notes.append(f"rows with tool calls that have an argument {_NULL}")
    made["function"] = {"name": name, "arguments": arguments}
    return made


def _arguments(function: Mapping[str, Any], number: int) -> Mapping[str, Any]:
    value = function.get("arguments")
    if value is None:
        value = function.get("parameters")
    if value is None or (isinstance(value, str) and not value.strip()):
        return {}
    found = as_object(value)
    if found is None:
        raise _bad(number, f"has arguments that are no JSON object: {shown(value)}")
    return found


def _bad(number: int, what: str) -> RowFault:
    return RowFault("bad_tool_calls", f"a tool call of message {number} {what}")


def read_tools(value: Mapping[str, Any], notes: list[str]) -> tuple[Mapping[str, Any], ...]:
    """The tools of a row's `tools` column (or OpenAI's old `functions`): a list, as it is or as JSON text.

    A bare function is put into ``{"type": "function", "function": ...}``, as servers hand it to templates, and noted.
    Raises RowFault ``bad_tools``.
    """
    column = "tools" if value.get("tools") else "functions"
    found = value.get(column)
    if not found or (isinstance(found, str) and not found.strip()):
        return ()
    tools = as_list(found)
    if tools is None:
        raise RowFault("bad_tools", f"'{column}' is not a list of tools but {shown(found)}")
    made = []
    for entry in tools:
        tool = as_object(entry)
        if tool is None:
            raise RowFault("bad_tools", f"'{column}' holds {shown(entry)}, which is no tool")
        if isinstance(tool.get("function"), Mapping) and isinstance(tool["function"].get("name"), str):
            made.append(tool)
        elif isinstance(tool.get("name"), str):
            notes.append("rows whose tools are bare functions, read as OpenAI writes them")
            made.append({"type": "function", "function": tool})
        else:
            raise RowFault("bad_tools", f"a tool of '{column}' has no name: {shown(entry)}")
    if _has_null(made):
        notes.append(f"rows with tools that have a value {_NULL}")
    return tuple(made)


def _has_null(value: Any) -> bool:
    if isinstance(value, Mapping):
        value = list(value.values())
    return any(inner is None or _has_null(inner) for inner in value) if isinstance(value, list) else False
