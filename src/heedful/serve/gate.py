"""The gate that every request passes first: who may ask, and how much may be sent.

The programs that ask are no web pages, so they send no Origin; whoever sends one is a page in somebody's browser, and
is let in only from an origin that was named (`--allow-origin`). Without a key the Host must be one of ours, since a
site can give its own name the address 127.0.0.1 (DNS rebinding); with a key such a page lacks the key.

Sources: W3C, Fetch Metadata Request Headers; WHATWG, Fetch (CORS protocol).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from heedful.serve.faults import ApiError
from heedful.web.guard import (
    App,
    Headers,
    Receive,
    Refusal,
    Rules,
    Scope,
    Send,
    known_host,
    replayed_body,
    same_secret,
    whole_body,
)
from heedful.web.limits import Buckets

METHODS = "GET, HEAD, POST, OPTIONS"
LONGEST_ADDRESS = 2_048
FREE = ("/health",)  # without a key: what looks after a server has none
HEADERS = {"x-content-type-options": "nosniff", "cache-control": "no-store", "referrer-policy": "no-referrer"}
TOO_LATE = {408: "the request took too long to arrive", 413: "the request is too large"}


@dataclass(frozen=True)
class Gate:
    """Whom the server answers. `rules` has the names it goes by and the largest body; `origins` are let in as pages."""

    rules: Rules
    key: str | None = None
    origins: frozenset[str] = frozenset()
    wrong_keys: Buckets = field(default_factory=lambda: Buckets(rate=1 / 6, burst=10))


Refused = Callable[[int], None]


def gated(app: App, gate: Gate, refused: Refused = lambda _: None) -> App:
    """`app` behind the gate; `refused` is told the status of what does not pass."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            return
        headers = Headers(scope)
        origin = headers.only("origin")
        sending = _with_headers(send, origin if origin in gate.origins else "")
        try:
            check(scope, headers, gate)
            if scope["method"] == "OPTIONS":
                await _preflight(headers, sending)
                return
            if scope["method"] == "POST":
                body = await whole_body(receive, gate.rules)
                if body is None:
                    return
                receive = replayed_body(body, receive)
        except Refusal as e:
            error = ApiError(e.status, TOO_LATE.get(e.status, str(e)), headers=e.headers)
            refused(error.status)
            await error.response()(scope, receive, sending)
            return
        except ApiError as e:
            refused(e.status)
            await e.response()(scope, receive, sending)
            return
        await app(scope, receive, sending)

    return answer


def check(scope: Scope, headers: Headers, gate: Gate) -> None:
    """ApiError where a request is not to be answered."""
    if scope["method"] not in METHODS.split(", "):
        raise ApiError(405, f"only {METHODS} are answered", headers={"allow": METHODS})
    if len(scope["raw_path"]) + len(scope["query_string"]) > LONGEST_ADDRESS:
        raise ApiError(414, "the address is too long")
    host = headers.only("host")
    if not host:
        raise ApiError(400, "the request names no host, or more than one")
    if gate.key is None and not known_host(host, gate.rules):
        raise ApiError(421, "this server has another name; use the address that the command printed, or a key")
    _check_page(headers, gate)
    if scope["method"] == "OPTIONS":
        return  # a browser asks this without the key
    if gate.key is not None and scope["path"] not in FREE:
        _check_key(scope, headers, gate)
    if scope["method"] == "POST":
        if headers.only("content-type").split(";")[0].strip().lower() != "application/json":
            raise ApiError(415, "what is sent must be JSON (Content-Type: application/json)")
        length = headers.only("content-length")
        if length and (not length.isdecimal() or int(length[:20]) > gate.rules.largest_body):
            raise ApiError(413, f"the request is larger than {gate.rules.largest_body:,} bytes")


def _check_page(headers: Headers, gate: Gate) -> None:
    """ApiError for a web page that was not let in by name."""
    if headers.count("origin"):
        if headers.only("origin") not in gate.origins:
            raise ApiError(403, "web pages are not answered; start the server with --allow-origin to let one in")
    elif headers.only("sec-fetch-site") not in ("", "none", "same-origin"):
        raise ApiError(403, "this request comes from a web page")


def _check_key(scope: Scope, headers: Headers, gate: Gate) -> None:
    scheme, _, offered = headers.only("authorization").partition(" ")
    if scheme.lower() == "bearer" and same_secret(offered.strip(), gate.key or ""):
        return
    if offered:
        client = scope["client"][0] if scope.get("client") else ""
        if seconds := gate.wrong_keys.wait(client):
            raise ApiError(429, "too many wrong keys", headers={"retry-after": str(int(seconds) + 1)})
        raise ApiError(401, "the key is not the right one", code="invalid_api_key")
    raise ApiError(
        401, "a key is needed: send it as 'Authorization: Bearer KEY'", code="invalid_api_key",
        headers={"www-authenticate": "Bearer"},
    )  # fmt: skip


async def _preflight(headers: Headers, send: Send) -> None:
    """What a browser asks before it lets a page send JSON: of a page that is let in, everything is allowed."""
    if not headers.only("origin"):
        raise ApiError(405, "OPTIONS is for web pages, which send an Origin", headers={"allow": METHODS})
    wanted = headers.only("access-control-request-headers")
    allowed = wanted if wanted.isascii() and wanted.isprintable() else ""
    pairs = {
        "access-control-allow-methods": METHODS,
        "access-control-allow-headers": allowed or "authorization, content-type",
        "access-control-max-age": "600",
    }
    given = [(k.encode(), v.encode()) for k, v in pairs.items()]
    await send({"type": "http.response.start", "status": 204, "headers": given})
    await send({"type": "http.response.body", "body": b""})


def _with_headers(send: Send, origin: str) -> Callable[[MutableMapping[str, Any]], Awaitable[None]]:
    """`send`, with the headers of every answer, and those that let a page read it."""
    extra = dict(HEADERS)
    if origin:
        extra |= {"access-control-allow-origin": origin, "vary": "Origin"}

    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            given = list(message.get("headers", ()))
            names = {name.lower() for name, _ in given}
            given += [(k.encode(), v.encode("latin-1")) for k, v in extra.items() if k.encode() not in names]
            message = {**message, "headers": given}
        await send(message)

    return sending
