"""JSON in and JSON out: what a page's script sends, checked, and what it gets."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from heedful.errors import HeedfulError, RequestError

Endpoint = Callable[[Request], Awaitable[Response]]


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON document; NaN is refused, since no browser reads it."""
    body = json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
    return Response(body, status, headers, media_type="application/json")


async def json_body(request: Request, *known: str) -> dict[str, Any]:
    """The JSON object that was sent; RequestError where it is none or has other keys than `known`."""
    text = await request.body()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise RequestError("what was sent is not JSON") from None
    if not isinstance(value, dict):
        raise RequestError("what was sent is not a JSON object")
    for key in value:
        if key not in known:
            raise RequestError("what was sent has an unknown field")
    return value


def text_field(value: Mapping[str, Any], name: str, most: int, default: str | None = None) -> str:
    """A text of at most `most` characters that UTF-8 can hold."""
    text = value.get(name, default)
    if not isinstance(text, str):
        raise RequestError(f"'{name}' must be a text")
    if len(text) > most:
        raise RequestError(f"'{name}' has {len(text):,} characters; at most {most:,} are kept")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RequestError(f"'{name}' holds half a character") from None
    return text


def number_field(value: Mapping[str, Any], name: str, low: float, high: float, default: float | None = None) -> float:
    """A number from `low` to `high`; a truth value is none."""
    number = value.get(name, default)
    if isinstance(number, bool) or not isinstance(number, int | float) or not low <= number <= high:
        raise RequestError(f"'{name}' must be a number from {low} to {high}")
    return number


def telling(endpoint: Endpoint) -> Endpoint:
    """An endpoint whose errors reach the page as a sentence: 400 for a wrong request, 500 for work that failed."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except RequestError as e:
            return json_response({"error": str(e)}, 400)
        except HeedfulError as e:
            return json_response({"error": str(e)}, 500)

    return answer
