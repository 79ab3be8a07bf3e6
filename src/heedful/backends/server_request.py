"""A question as the body of a request to /chat/completions, in OpenAI's form.

https://platform.openai.com/docs/api-reference/chat/create. vLLM, Ollama, llama.cpp and the clouds take the same; where
a server has fields of its own, the user names them (`server_fields`) and they are put in as they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from heedful.backends.base import GenerationSettings, Tools
from heedful.errors import RequestError
from heedful.records import Message

# What OpenAI's interface has no field for: a server that knows none of them would leave them out in silence.
_UNKNOWN = ("top_k", "min_p", "repetition_penalty")


def check_settings(settings: GenerationSettings) -> None:
    """RequestError for what cannot be asked of every server."""
    for name in _UNKNOWN:
        value = getattr(settings, name)
        if value != getattr(GenerationSettings, name):
            option = "--" + name.replace("_", "-")
            raise RequestError(
                f"{option} {value:g}: OpenAI's interface has no such field, so a server may leave it out in silence; "
                f"if yours knows it, write --server-field {name}={value:g}"
            )
    for name, _ in settings.server_fields:
        if name in ("model", "messages", "tools", "stream", "n"):
            raise RequestError(f"--server-field {name}: Heedful sets '{name}' itself; leave it out")


def request_body(
    model: str, messages: Sequence[Message], settings: GenerationSettings, tools: Tools = ()
) -> dict[str, Any]:
    """The request for one question. Fields that say nothing are left out, as servers differ in what they know."""
    body: dict[str, Any] = {
        "model": model,
        "messages": list(_messages(messages)),
        "max_tokens": settings.max_new_tokens,
        "temperature": settings.temperature,
    }
    if settings.temperature > 0:
        body["seed"] = settings.seed
        if settings.top_p < 1:
            body["top_p"] = settings.top_p
    if settings.stop:
        body["stop"] = list(settings.stop)
    if tools:
        body["tools"] = [dict(tool) for tool in tools]
    if settings.top_logprobs:
        body |= {"logprobs": True, "top_logprobs": settings.top_logprobs}
    for name, value in settings.server_fields:
        if value is None:
            body.pop(name, None)
        else:
            body[name] = value
    return body


def _messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Messages in OpenAI's form: arguments of calls as JSON text, and calls and results joined by ids.

    Data sets often have no ids; then they are numbered, and results take those of the calls in order.
    """
    out: list[dict[str, Any]] = []
    waiting: list[str] = []
    for message in messages:
        made: dict[str, Any] = {"role": message.role, "content": _content(message)}
        if message.reasoning_content is not None:
            made["reasoning_content"] = message.reasoning_content
        if message.name is not None:
            made["name"] = message.name
        if message.tool_calls:
            made["tool_calls"] = [_call(call, f"call_{len(out)}_{k}") for k, call in enumerate(message.tool_calls)]
            made["content"] = made["content"] or None
            waiting = [call["id"] for call in made["tool_calls"]]
        if message.role == "tool":
            made["tool_call_id"] = message.tool_call_id or (waiting[0] if waiting else "call")
            waiting = [i for i in waiting if i != made["tool_call_id"]]
        out.append(made)
    return out


def _content(message: Message) -> str:
    """The text with its context after it and a blank line, as of a template that has no place for one."""
    return f"{message.content}\n\n{message.context}" if message.context else message.content


def _call(call: Mapping[str, Any], number: str) -> dict[str, Any]:
    function = call.get("function") or {}
    arguments = function.get("arguments", {})
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return {
        "id": call.get("id") or number,
        "type": "function",
        "function": {"name": function.get("name", ""), "arguments": text},
    }
