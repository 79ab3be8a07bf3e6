"""What goes wrong, in the form that OpenAI's clients know: ``{"error": {message, type, param, code}}``.

https://platform.openai.com/docs/guides/error-codes
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from heedful.web.bodies import json_response

TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error", 503: "service_unavailable"}


class ApiError(Exception):
    """A request that gets no answer: a status, a sentence, and what in the request it is about."""

    def __init__(
        self, status: int, message: str, param: str | None = None, code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ):  # fmt: skip
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code
        self.headers = dict(headers or {})

    @property
    def body(self) -> dict[str, Any]:
        kind = TYPES.get(self.status, "server_error" if self.status >= 500 else "invalid_request_error")
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}

    def response(self) -> Response:
        return json_response(self.body, self.status, self.headers)


def wrong(param: str, message: str) -> ApiError:
    """A field of the request that cannot be taken."""
    return ApiError(400, f"'{param}': {message}", param, "invalid_value")
