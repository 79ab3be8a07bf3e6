"""What a server sent back, as an answer or as one of three kinds of failure.

    TryAgain    may be different next time: too many requests, an overloaded or broken server, half an answer
    Refused     this question will be refused each time (too long, say), others may not be
    others      every question would fail: no key (Denied), no such model or address (NotFound), HeedfulError. They
                stop the run

The servers differ most in how they tell a failure; `_sentence` knows the forms of OpenAI, vLLM, Ollama, llama.cpp and
FastAPI.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from heedful.backends.retry import retry_after
from heedful.errors import HeedfulError, RequestError, printable
from heedful.records import FinishReason

Logprobs = tuple[tuple[tuple[str, float], ...], ...]

_STOPS = ("stop", "eos", "eos_token", "end_turn", "stop_sequence", "tool_calls", "function_call")
_LENGTHS = ("length", "max_tokens", "model_length")
_AGAIN = (408, 409, 425, 429)  # besides all from 500 on but 501
_SHOWN = 300  # characters of a server's own words


class TryAgain(Exception):
    """A failure that may pass. `wait`: the seconds that the server asked for."""

    def __init__(self, problem: str, wait: float | None = None, busy: bool = False):
        self.wait = wait
        self.busy = busy
        super().__init__(problem)


class NoConnection(TryAgain):
    """The server took too long to let us in."""


class Refused(Exception):
    """The server will not answer this question."""


class Denied(Exception):
    """401 or 403: no key, a wrong one, or one without the right to this model."""


class OtherLimitName(Exception):
    """The server knows `max_tokens` by its newer name, `max_completion_tokens`."""


class NotFound(Exception):
    """404: the address or the model. Which of them is told after a look at the server's list of models."""


@dataclass(frozen=True)
class Reply:
    """An answer of a server. The counts are None where it does not tell them; `model`: what it calls itself."""

    text: str
    finish_reason: FinishReason
    prompt_tokens: int | None
    tokens: int | None
    model: str | None = None
    top_logprobs: Logprobs | None = None
    error: str | None = None


def read_reply(status: int, headers: Mapping[str, str], content: bytes, limit: int, url: str) -> Reply:
    """The answer in a response of the server; raises one of the failures above where there is none.

    `limit` is the number of tokens asked for: a server that does not say why it stopped has stopped there or before.
    """
    value, choice = read_choice(status, headers, content, url)
    message = choice.get("message")
    if not isinstance(message, dict):
        raise TryAgain("the answer has no 'choices' with a message")
    return make_reply(value, choice, _text(message), limit, _logprobs(choice.get("logprobs")))


def read_choice(
    status: int, headers: Mapping[str, str], content: bytes, url: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The JSON of a response and the first of its choices; raises one of the failures above where there is none."""
    if status != 200:
        raise _failure(status, headers, content, url)
    try:
        value = json.loads(content)
    except ValueError:
        page = content.lstrip()[:1] == b"<"
        what = " but a page: a login or a proxy seems to stand before the server" if page else ""
        raise TryAgain(f"the answer is not JSON{what}") from None
    if not isinstance(value, dict):
        raise TryAgain("the answer is not a JSON object")
    if value.get("error"):  # some gateways pass a failure on as 200
        raise TryAgain(f"the server says: {_sentence(value)}")
    choices = value.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        raise TryAgain("the answer has no 'choices' with a message")
    return value, choice


def make_reply(
    value: Mapping[str, Any], choice: Mapping[str, Any], text: str, limit: int, logprobs: Logprobs | None
) -> Reply:
    """The answer, with what the server says of how it ended and what it took."""
    usage = value["usage"] if isinstance(value.get("usage"), dict) else {}
    asked, said = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    reason, error = _reason(choice.get("finish_reason"), said is not None and said >= limit)
    return Reply(text, reason, asked, said, _name(value.get("model")), logprobs, error)


def _text(message: Mapping[str, Any]) -> str:
    """The content; refusals are content too, and each call of a function is a line of JSON after it."""
    content = message.get("content")
    if isinstance(content, list):  # parts
        parts = [p.get("text") for p in content if isinstance(p, dict)]
        content = "".join(p for p in parts if isinstance(p, str))
    if content is not None and not isinstance(content, str):
        raise TryAgain("the answer's content is no text")
    lines = [content or (message.get("refusal") if isinstance(message.get("refusal"), str) else "") or ""]
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else []:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise TryAgain("the answer calls a function that has no name")
        lines.append(json.dumps({"name": function["name"], "arguments": _arguments(function)}, ensure_ascii=False))
    return "\n".join(line for line in lines if line) if len(lines) > 1 else lines[0]


def _arguments(function: Mapping[str, Any]) -> Any:
    arguments = function.get("arguments", {})
    if not isinstance(arguments, str):
        return arguments
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments


def _reason(said: Any, full: bool) -> tuple[FinishReason, str | None]:
    if said is None:
        return ("length" if full else "stop"), None
    if said in _STOPS:
        return "stop", None
    if said in _LENGTHS:
        return "length", None
    if said == "content_filter":
        return "error", "the server's filter cut the answer off (content_filter)"
    if said in ("error", "abort"):
        raise TryAgain(f"the server broke the answer off ({said})")
    return "error", f"the server ended the answer for a reason that is not known here: {_short(str(said))}"


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _name(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _logprobs(value: Any) -> Logprobs | None:
    """The likeliest tokens at each place, likeliest first; what is no number is left out."""
    places = value.get("content") if isinstance(value, dict) else None
    if not isinstance(places, list):
        return None
    out = []
    for place in places:
        top = place.get("top_logprobs") if isinstance(place, dict) else None
        pairs = [
            (entry["token"], float(entry["logprob"]))
            for entry in (top if isinstance(top, list) else [])
            if isinstance(entry, dict)
            and isinstance(entry.get("token"), str)
            and isinstance(entry.get("logprob"), int | float)
            and math.isfinite(entry["logprob"])
        ]
        out.append(tuple(sorted(pairs, key=lambda pair: -pair[1])))
    return tuple(out)


def _failure(status: int, headers: Mapping[str, str], content: bytes, url: str) -> Exception:
    """What a status other than 200 means."""
    value = _json(content)
    page = content.lstrip()[:1] == b"<"  # a gateway's page in HTML tells nothing that the status does not
    said = _sentence(value) if value is not None else "" if page else _short(content.decode("utf-8", "replace"))
    what = f"{status} {_phrase(status)}" + (f": {said}" if said else "")
    code = value["error"].get("code") if isinstance(value, dict) and isinstance(value.get("error"), dict) else None
    if 300 <= status < 400:
        goal = _short(headers.get("location", "another address"))
        return RequestError(f"{url} sends on to {goal}, which is not followed; name that server if you trust it")
    if status in (401, 403):
        return Denied(what)
    if status == 402 or (status == 429 and code == "insufficient_quota"):
        return HeedfulError(f"{url} answers no more until it is paid ({what})")
    if status == 404:
        return NotFound(what)
    if status in (405, 501):
        return RequestError(f"{url} is no address of OpenAI's interface ({what}); most end in /v1")
    if status in _AGAIN or status >= 500:
        wait = retry_after(headers.get("retry-after"), headers.get("date"))
        return TryAgain(what, wait, busy=status in (429, 503))
    if status == 400 and "max_completion_tokens" in said:
        return OtherLimitName(what)
    return Refused(what)


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _sentence(value: Any) -> str:
    """The words in a server's report of a failure, whatever its form."""
    for key in ("error", "message", "detail", "msg"):
        while isinstance(value, dict) and value.get(key) and isinstance(value[key], dict | list | str):
            value = value[key]
        if isinstance(value, list) and value:
            value = value[0]
    return _short(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _short(text: str) -> str:
    text = printable(" ".join(text.split()))
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "status"
