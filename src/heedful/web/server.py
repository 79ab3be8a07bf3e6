"""An address, a socket and uvicorn: how a local page is served until Ctrl-C.

Loopback needs no token. Any other address does, since everybody in the network could ask; it is taken from the
environment (a command line can be read by every user of the machine) or drawn.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from heedful.errors import RequestError
from heedful.web.guard import App, Rules, guarded

TOKEN_VARIABLE = "HEEDFUL_TOKEN"
SHORTEST_TOKEN = 16
SWITCH_INTERVAL = 0.0005  # seconds that a thread keeps Python for itself; by default 0.005
_TOKEN_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@dataclass(frozen=True)
class Address:
    """Where a page is served; `token` is None where none is needed."""

    host: str
    port: int
    token: str | None = None

    @property
    def url(self) -> str:
        """What to open in a browser, token included. A telephone seldom knows a machine by its name."""
        host = self.host if self.host not in ("0.0.0.0", "::") else network_address() or socket.gethostname()
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{self.port}/" + (f"?token={self.token}" if self.token else "")


def network_address() -> str | None:
    """The address by which others in the network reach this machine; None where it is in none. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # of RFC 5737, so nobody's: it only chooses the way out
            found = probe.getsockname()[0]
        except OSError:
            return None
    return None if is_loopback(found) or found == "0.0.0.0" else found


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a host.

    >>> [is_loopback(h) for h in ("localhost", "127.0.0.1", "::1", "0.0.0.0", "box.example")]
    [True, True, True, False, False]
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def choose_token(host: str) -> str | None:
    """The token that visitors need: none on loopback unless the environment has one; RequestError for a weak one."""
    given = os.environ.get(TOKEN_VARIABLE, "")
    if given and (len(given) < SHORTEST_TOKEN or set(given) - _TOKEN_LETTERS):
        raise RequestError(
            f"{TOKEN_VARIABLE}: a token has at least {SHORTEST_TOKEN} letters, digits, - or _; "
            "choose a longer one, or unset it and one is drawn"
        )
    if given or is_loopback(host):
        return given or None
    return secrets.token_urlsafe(24)


def listen(host: str, port: int, *, fallback: bool = False) -> socket.socket:
    """A socket that listens; with `fallback`, on a free port where `port` is taken. RequestError where it cannot."""
    try:
        known = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        raise RequestError(f"--host {host}: no such address on this machine; name one of its own") from None
    found = min(known, key=lambda k: k[0] != socket.AF_INET)  # of `localhost` the one that every machine has
    ears = socket.socket(found[0], socket.SOCK_STREAM)
    try:
        ears.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            ears.bind(found[4])
        except OSError as e:
            if e.errno == errno.EADDRINUSE and fallback:
                ears.bind((found[4][0], 0, *found[4][2:]))
            else:
                raise
        ears.listen(128)
    except OSError as e:
        ears.close()
        if e.errno == errno.EADDRINUSE:
            raise RequestError(f"--port {port}: another program has it; name a free one, or leave it out") from None
        if e.errno == errno.EACCES:
            raise RequestError(f"--port {port}: not allowed to this user; name one above 1023") from None
        raise RequestError(f"--host {host}: no such address on this machine; name one of its own") from None
    return ears


def rules_for(address: Address, **limits: object) -> Rules:
    """The guard's rules for an address."""
    names = {"localhost", "127.0.0.1", "::1", address.host.lower()}
    if not is_loopback(address.host):
        names.add(socket.gethostname().lower())
    return Rules(
        names=frozenset(names),
        any_address=not is_loopback(address.host),
        token=address.token,
        cookie=f"heedful-token-{address.port}",
        **limits,  # type: ignore[arg-type]
    )


def serve(app: App, ears: socket.socket, rules: Rules, ready: Callable[[], None] = lambda: None) -> None:
    """Answer on a listening socket until Ctrl-C or SIGTERM, then return. `ready` is called when the first can ask."""
    # A thread that computes (a leaderboard, an answer) keeps the others waiting for this long, at every send anew.
    sys.setswitchinterval(SWITCH_INTERVAL)
    make_server(app, rules, ready).run(sockets=[ears])


def make_server(app: App, rules: Rules, ready: Callable[[], None] = lambda: None) -> Any:
    """A uvicorn server of `app` behind the guard, not yet running."""
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready()

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            """As uvicorn's own, but a signal is not raised again at the end: for a page it is the usual end."""
            if threading.current_thread() is not threading.main_thread():
                yield
                return
            before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
            try:
                yield
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)

    config = uvicorn.Config(
        guarded(app, rules),
        log_level="error",
        access_log=False,  # it would keep the token
        server_header=False,
        date_header=False,
        proxy_headers=False,  # who asks is who is connected
        ws="none",
        lifespan="off",
        limit_concurrency=256,
        backlog=128,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=3,
        h11_max_incomplete_event_size=16_384,
    )
    return Server(config)
