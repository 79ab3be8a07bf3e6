"""The guard that every request passes before a page's own code sees it.

A page on loopback is reachable for every web site that its user visits: a site may send requests there, and may give
its own name the address 127.0.0.1 (DNS rebinding). So the guard asks, in this order:

- is it HTTP with GET, HEAD or POST, a short address and one Host that is ours?
- does it come from a page of ours? A write needs an Origin equal to the Host; a read by another site's page is refused
  by Sec-Fetch-Site, which browsers set and scripts cannot.
- does the client ask too often? Has it the token, where one is needed?
- is the body JSON, and small enough, and does it arrive in time?

Every answer, those of the application too, gets the headers of `HEADERS`.

Sources: OWASP, Cross-Site Request Forgery Prevention Cheat Sheet; W3C, Fetch Metadata Request Headers;
W3C, Content Security Policy Level 3.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from heedful.web.limits import Buckets
from heedful.web.refusal import POLICY as POLICY_OF_REFUSALS
from heedful.web.refusal import refusal_page

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "cache-control": "no-store",
}
METHODS = ("GET", "HEAD", "POST")
LONGEST_ADDRESS = 2_048  # characters of path and query
REASONS = {
    400: "the request names no host, or more than one",
    401: "a token is needed: open the whole address that the command printed, from http to the end of the token",
    403: "this request comes from another site",
    405: "only GET, HEAD and POST are answered",
    408: "the request took too long to arrive",
    413: "the request is too large",
    414: "the address is too long",
    415: "what is sent must be JSON",
    421: "this server has another name; use the address that the command printed",
    429: "too many requests; wait a moment",
}


@dataclass(frozen=True)
class Rules:
    """Whom a server answers.

    `names` are the hosts that it goes by, without a port: a tunnel may give it another. With `any_address` every
    literal IP address is its name too (a site can fake a name, not an address). `cookie` is the token's name in the
    browser.
    """

    names: frozenset[str] = frozenset({"localhost", "127.0.0.1", "::1"})
    any_address: bool = False
    token: str | None = None
    cookie: str = "heedful-token"
    largest_body: int = 65_536  # bytes
    body_seconds: float = 10.0
    requests: Buckets = field(default_factory=lambda: Buckets(rate=30, burst=120))
    wrong_tokens: Buckets = field(default_factory=lambda: Buckets(rate=1 / 6, burst=10))


class Refusal(Exception):
    """The guard's no: an HTTP status, and headers that go with it."""

    def __init__(self, status: int, **headers: str):
        super().__init__(REASONS[status])
        self.status = status
        self.headers = {k.replace("_", "-"): v for k, v in headers.items()}


def guarded(app: App, rules: Rules) -> App:
    """`app` behind the guard."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
            return
        if scope["type"] != "http":  # a websocket: closed before it is opened
            await send({"type": "websocket.close", "code": 1008})
            return
        send = _with_headers(send)
        try:
            if moved := check(scope, rules):
                await _refuse(send, 303, "", moved)
                return
            if scope["method"] == "POST":
                body = await whole_body(receive, rules)
                if body is None:
                    return
                receive = replayed_body(body, receive)
        except Refusal as e:
            await _refuse(send, e.status, str(e), e.headers, page=_is_opened(scope))
            return
        await app(scope, receive, send)

    return answer


def check(scope: Scope, rules: Rules) -> dict[str, str] | None:
    """Refusal where a request is not to be answered.

    Headers of a redirection where the address bears the right token: it goes into a cookie and out of the address.
    """
    headers = Headers(scope)
    if scope["method"] not in METHODS:
        raise Refusal(405, allow=", ".join(METHODS))
    if len(scope["raw_path"]) + len(scope["query_string"]) > LONGEST_ADDRESS:
        raise Refusal(414)
    host = headers.only("host")
    if not host:
        raise Refusal(400)
    if not known_host(host, rules):
        raise Refusal(421)
    client = scope["client"][0] if scope.get("client") else ""
    if seconds := rules.requests.wait(client):
        raise Refusal(429, retry_after=str(int(seconds) + 1))
    _check_site(scope, headers, host)
    moved = _check_token(scope, headers, rules, client) if rules.token else None
    if scope["method"] == "POST":
        if headers.only("content-type").split(";")[0].strip().lower() != "application/json":
            raise Refusal(415)
        length = headers.only("content-length")
        if length and (not length.isdecimal() or int(length[:20]) > rules.largest_body):
            raise Refusal(413)
    return moved


class Headers:
    """The headers of a request; one that is there twice is no header that can be trusted."""

    def __init__(self, scope: Scope):
        self.pairs: Iterable[tuple[bytes, bytes]] = scope["headers"]

    def only(self, name: str) -> str:
        found = [value.decode("latin-1").strip() for key, value in self.pairs if key == name.encode()]
        return found[0] if len(found) == 1 else ""

    def count(self, name: str) -> int:
        return sum(key == name.encode() for key, _ in self.pairs)


def known_host(host: str, rules: Rules) -> bool:
    """Whether a Host header is one of ours, with any port.

    >>> [known_host(h, Rules()) for h in ("localhost:8707", "[::1]", "evil.example", "127.0.0.1.evil.example")]
    [True, True, False, False]
    """
    name, port = _split_host(host)
    if port and not (port.isdecimal() and len(port) <= 5):
        return False
    if name in rules.names:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return rules.any_address


def _split_host(host: str) -> tuple[str, str]:
    host = host.lower()
    if host.startswith("["):
        name, closed, port = host[1:].partition("]")
        whole = closed and (not port or port.startswith(":"))
        return (name, port.removeprefix(":")) if whole else ("", "")
    name, _, port = host.partition(":")
    return name, port


def _check_site(scope: Scope, headers: Headers, host: str) -> None:
    """Refusal of what another site's page sends, or loads other than by a link that somebody follows."""
    site = headers.only("sec-fetch-site")
    if scope["method"] == "POST":
        origin = headers.only("origin").lower()
        if origin not in _origins(host) or site not in ("", "same-origin"):
            raise Refusal(403)
        return
    followed = headers.only("sec-fetch-mode") == "navigate" and headers.only("sec-fetch-dest") == "document"
    if site not in ("", "same-origin", "none") and not followed:
        raise Refusal(403)
    if headers.count("origin") and headers.only("origin").lower() not in _origins(host):
        raise Refusal(403)


def _origins(host: str) -> tuple[str, str]:
    """The origins of pages of this host; https where something before this server speaks it."""
    return f"http://{host.lower()}", f"https://{host.lower()}"


def _check_token(scope: Scope, headers: Headers, rules: Rules, client: str) -> dict[str, str] | None:
    token = rules.token or ""
    offered = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
    bearer = headers.only("authorization").removeprefix("Bearer ")
    if same_secret(_cookie(headers.only("cookie"), rules.cookie), token) or same_secret(bearer, token):
        return {"location": _own_path(scope["path"])} if offered and scope["method"] == "GET" else None
    if offered and scope["method"] == "GET" and same_secret(offered, token):
        kept = f"{rules.cookie}={token}; HttpOnly; SameSite=Lax; Path=/"
        return {"location": _own_path(scope["path"]), "set-cookie": kept}
    if (offered or bearer) and (seconds := rules.wrong_tokens.wait(client)):
        raise Refusal(429, retry_after=str(int(seconds) + 1))
    raise Refusal(401)


def _own_path(path: str) -> str:
    """A path that leads to this server: ``//evil.example`` would lead to another."""
    return path if path.isascii() and path.isprintable() and not path.startswith(("//", "/\\")) else "/"


def same_secret(offered: str, token: str) -> bool:
    """Whether a token or key is the right one, in a time that does not tell how much of it is."""
    return bool(offered) and hmac.compare_digest(offered.encode(), token.encode())


def _cookie(header: str, name: str) -> str:
    try:
        found = SimpleCookie(header).get(name)
    except CookieError:
        return ""
    return found.value if found else ""


async def whole_body(receive: Receive, rules: Rules) -> bytes | None:
    """The body, whole: small enough and in time. None where the client went away."""
    body = b""
    try:
        async with asyncio.timeout(rules.body_seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                body += message.get("body", b"")
                if len(body) > rules.largest_body:
                    raise Refusal(413, connection="close")
                if not message.get("more_body", False):
                    return body
    except TimeoutError:
        raise Refusal(408, connection="close") from None


def replayed_body(body: bytes, receive: Receive) -> Receive:
    """What the application receives: the body at once, then what comes after it (the client went away)."""
    first = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> MutableMapping[str, Any]:
        return first.pop() if first else await receive()

    return replayed


def _with_headers(send: Send) -> Send:
    """`send`, with the headers of `HEADERS` where the application set none of that name."""

    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            given = list(message.get("headers", ()))
            names = {name.lower() for name, _ in given}
            given += [(k.encode(), v.encode()) for k, v in HEADERS.items() if k.encode() not in names]
            message = {**message, "headers": given}
        await send(message)

    return sending


def _is_opened(scope: Scope) -> bool:
    """Whether a person opened this address, and no script asks."""
    return scope["method"] == "GET" and "text/html" in Headers(scope).only("accept")


async def _refuse(send: Send, status: int, reason: str, headers: dict[str, str], page: bool = False) -> None:
    if page:
        body = refusal_page(status, reason)
        kind = {"content-type": "text/html; charset=utf-8", "content-security-policy": POLICY_OF_REFUSALS}
    else:
        body = json.dumps({"error": reason}).encode() if reason else b""
        kind = {"content-type": "application/json"}
    kind["content-length"] = str(len(body))
    pairs = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in {**kind, **headers}.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
