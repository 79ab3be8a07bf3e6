"""A request's JSON, read and checked: what is asked, and how it is to be answered.

https://platform.openai.com/docs/api-reference/chat/create and .../completions/create. A field that would change the
answer and is not known here is refused, with the nearest name; what only names the asker is taken and left aside. From
vLLM come `top_k`, `min_p` and `repetition_penalty`.
"""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from heedful.backends.base import SEED_MAX, GenerationSettings
from heedful.errors import did_you_mean
from heedful.records import Message
from heedful.serve.faults import ApiError, wrong

Prompt = tuple[Message, ...] | str | tuple[int, ...]

MOST_CHOICES = 16  # n
MOST_STOPS = 16
MOST_LIKELIEST = 20
COMPLETION_TOKENS = 16  # what OpenAI's completions give where a request names no number

BOTH = ("model", "temperature", "top_p", "top_k", "min_p", "repetition_penalty", "n", "seed", "stop", "stream",
        "stream_options", "max_tokens")  # fmt: skip
CHAT = (*BOTH, "messages", "max_completion_tokens", "logprobs", "top_logprobs")
TEXT = (*BOTH, "prompt", "logprobs", "echo")
ASIDE = ("user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key",
         "parallel_tool_calls")  # fmt: skip
# Fields that are known and have one value that asks for nothing; any other is refused.
NOTHING: dict[str, tuple[Any, ...]] = {
    "frequency_penalty": (None, 0), "presence_penalty": (None, 0), "logit_bias": (None, {}),
    "response_format": (None, {"type": "text"}), "tools": (None, []), "tool_choice": (None, "none", "auto"),
    "functions": (None, []), "function_call": (None, "none", "auto"), "modalities": (None, ["text"]),
    "echo": (None, False), "suffix": (None, ""), "best_of": (None, 1), "audio": (None,), "prediction": (None,),
    "web_search_options": (None,),
}  # fmt: skip


@dataclass(frozen=True)
class Defaults:
    """What holds where a request says nothing, and the most that it may ask for."""

    model: str
    max_tokens: int
    temperature: float = 1.0


@dataclass(frozen=True)
class Asked:
    """A request. Each prompt is answered `n` times; `scored` asks for log-probabilities.

    `echo` wants the prompt before each answer, with the log-probabilities of its tokens; then there may be no answer.
    """

    kind: Literal["chat", "text"]
    prompts: tuple[Prompt, ...]
    settings: GenerationSettings
    n: int = 1
    scored: bool = False
    stream: bool = False
    include_usage: bool = False
    echo: bool = False
    silent: bool = False


def read_asked(kind: Literal["chat", "text"], body: bytes, defaults: Defaults) -> Asked:
    """Read a request's body; ApiError, which names the field, where it cannot be taken."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise ApiError(400, "what was sent is not JSON") from None
    if not isinstance(value, dict):
        raise ApiError(400, "what was sent is not a JSON object")
    _check_fields(value, CHAT if kind == "chat" else TEXT)
    model = value.get("model", defaults.model)
    if model != defaults.model:
        near = did_you_mean(str(model)[:200], [defaults.model])
        raise ApiError(
            404, f"there is no model '{str(model)[:200]}'{near}; this server has '{defaults.model}'", "model",
            "model_not_found",
        )  # fmt: skip
    prompts = (_messages(value.get("messages")),) if kind == "chat" else _prompts(value.get("prompt"))
    scored, top = _scores(kind, value)
    stream = _flag(value, "stream")
    echo = kind == "text" and _flag(value, "echo")
    if echo and stream:
        raise wrong("echo", "comes with a whole answer alone; leave stream out")
    silent = echo and value.get("max_tokens") == 0 and not isinstance(value["max_tokens"], bool)
    settings = _settings(kind, {**value, "max_tokens": 1} if silent else value, defaults, top)
    return Asked(
        kind, prompts, settings, _whole(value, "n", 1, 1, MOST_CHOICES), scored, stream, _include_usage(value, stream),
        echo, silent,
    )  # fmt: skip


def _check_fields(value: Mapping[str, Any], known: Sequence[str]) -> None:
    for name, given in value.items():
        if name in known or name in ASIDE:
            continue
        if name not in NOTHING:
            raise wrong(name[:100], f"is not known here{did_you_mean(name[:100], known)}; leave it out")
        if given not in NOTHING[name]:
            raise wrong(name, "is not supported by this server; leave it out")


def _settings(kind: str, value: Mapping[str, Any], defaults: Defaults, top: int) -> GenerationSettings:
    names = ("max_completion_tokens", "max_tokens") if kind == "chat" else ("max_tokens",)
    name = next((n for n in names if value.get(n) is not None), "max_tokens")
    usual = defaults.max_tokens if kind == "chat" else min(COMPLETION_TOKENS, defaults.max_tokens)
    tokens = _whole(value, name, usual, 1, SEED_MAX)
    if tokens > defaults.max_tokens:
        raise wrong(name, f"{tokens:,} is more than the {defaults.max_tokens:,} that this server gives (--max-tokens)")
    seed = value.get("seed")
    if seed is None:
        seed = secrets.randbelow(SEED_MAX - MOST_CHOICES)
    elif isinstance(seed, bool) or not isinstance(seed, int):
        raise wrong("seed", "name a whole number")
    return GenerationSettings(
        max_new_tokens=tokens,
        temperature=_number(value, "temperature", defaults.temperature, 0, 100),
        top_p=_number(value, "top_p", 1.0, 0, 1, above=True),
        seed=seed % (SEED_MAX - MOST_CHOICES),
        top_k=max(0, _whole(value, "top_k", 0, -1, SEED_MAX)),
        min_p=_number(value, "min_p", 0.0, 0, 1),
        repetition_penalty=_number(value, "repetition_penalty", 1.0, 0, 100, above=True),
        stop=_stops(value.get("stop")),
        top_logprobs=top,
    )


def _scores(kind: str, value: Mapping[str, Any]) -> tuple[bool, int]:
    """Whether log-probabilities are asked for, and how many tokens at each place."""
    if kind == "text":
        given = value.get("logprobs")
        return given is not None, _whole(value, "logprobs", 0, 0, MOST_LIKELIEST)
    scored, top = _flag(value, "logprobs"), _whole(value, "top_logprobs", 0, 0, MOST_LIKELIEST)
    if top and not scored:
        raise wrong("top_logprobs", "needs 'logprobs': true")
    return scored, top


def _include_usage(value: Mapping[str, Any], stream: bool) -> bool:
    options = value.get("stream_options")
    if options is None:
        return False
    if not stream:
        raise wrong("stream_options", "is for 'stream': true")
    if not isinstance(options, dict) or set(options) - {"include_usage", "include_obfuscation"}:
        raise wrong("stream_options", "takes 'include_usage' alone")
    return _flag(options, "include_usage")


def _number(value: Mapping[str, Any], name: str, default: float, low: float, high: float, above: bool = False) -> float:
    given = value.get(name)
    if given is None:
        return default
    fits = isinstance(given, int | float) and not isinstance(given, bool) and math.isfinite(given)
    if not fits or not (low < given if above else low <= given) or given > high:
        raise wrong(name, f"name a number {'above' if above else 'from'} {low:g} to {high:g}")
    return float(given)


def _whole(value: Mapping[str, Any], name: str, default: int, low: int, high: int) -> int:
    given = value.get(name)
    if given is None:
        return default
    if isinstance(given, bool) or not isinstance(given, int) or not low <= given <= high:
        upto = f" to {high}" if high < SEED_MAX else ""
        raise wrong(name, f"name a whole number from {low}{upto}")
    return given


def _flag(value: Mapping[str, Any], name: str) -> bool:
    given = value.get(name)
    if given is not None and not isinstance(given, bool):
        raise wrong(name, "is true or false")
    return bool(given)


def _stops(given: Any) -> tuple[str, ...]:
    stops = [given] if isinstance(given, str) else [] if given is None else given
    if not isinstance(stops, list) or not all(isinstance(s, str) and s for s in stops) or len(stops) > MOST_STOPS:
        raise wrong("stop", f"is a text or up to {MOST_STOPS} of them, none empty")
    return tuple(stops)


def _text(given: Any, param: str) -> str:
    """A text that UTF-8 can hold, given whole or in parts."""
    if isinstance(given, list):
        kinds = [part.get("type") if isinstance(part, dict) else None for part in given]
        if other := next((k for k in kinds if k != "text"), None if given else "nothing"):
            raise wrong(param, f"a part is of the kind '{str(other)[:50]}'; this server reads text alone")
        given = "".join(part["text"] for part in given if isinstance(part.get("text"), str))
    if not isinstance(given, str):
        raise wrong(param, "must be a text")
    try:
        given.encode()
    except UnicodeEncodeError:
        raise wrong(param, "holds half a character") from None
    return given


def _messages(given: Any) -> tuple[Message, ...]:
    if not isinstance(given, list) or not given:
        raise wrong("messages", "is a list with at least one message")
    return tuple(_message(m, f"messages[{k}]") for k, m in enumerate(given))


def _message(given: Any, param: str) -> Message:
    if not isinstance(given, dict):
        raise wrong(param, "must be an object with 'role' and 'content'")
    role = "system" if given.get("role") == "developer" else given.get("role")
    if role not in ("system", "user", "assistant", "tool"):
        raise wrong(f"{param}.role", "is one of system, developer, user, assistant, tool")
    calls = given.get("tool_calls") or []
    if not isinstance(calls, list) or not all(isinstance(c, dict) for c in calls):
        raise wrong(f"{param}.tool_calls", "is a list of objects")
    content = given.get("content")
    text = "" if content is None and calls else _text(content, f"{param}.content")
    names = [name for name in ("tool_call_id", "name", "reasoning_content") if given.get(name) is not None]
    texts = {name: _text(given[name], f"{param}.{name}") for name in names}
    return Message(
        role,
        text,
        tool_calls=tuple(_call(c) for c in calls),
        tool_call_id=texts.get("tool_call_id"),
        name=texts.get("name"),
        reasoning_content=texts.get("reasoning_content"),
    )


def _call(call: Mapping[str, Any]) -> Mapping[str, Any]:
    """A call with its arguments as an object, as templates write them."""
    function = call.get("function")
    if isinstance(function, dict) and isinstance(function.get("arguments"), str):
        try:
            return {**call, "function": {**function, "arguments": json.loads(function["arguments"])}}
        except ValueError:
            return call
    return call


def _prompts(given: Any) -> tuple[Prompt, ...]:
    """One prompt or several, as text or as ids."""
    if isinstance(given, str):
        return (_text(given, "prompt"),)
    if isinstance(given, list) and given:
        if all(_is_id(i) for i in given):
            return (tuple(given),)
        if all(isinstance(p, str) for p in given):
            return tuple(_text(p, "prompt") for p in given)
        if all(isinstance(p, list) and p and all(_is_id(i) for i in p) for p in given):
            return tuple(tuple(p) for p in given)
    raise wrong("prompt", "is a text, a list of texts, a list of token ids or a list of such lists")


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
