"""A server of OpenAI's interface on loopback that answers, or fails in the way that a test asks for."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

Act = Callable[["Handler"], None]


def completion(text: Any = "Yes.", finish: str | None = "stop", usage: Any = (5, 2), **extra: Any) -> dict[str, Any]:
    """The JSON of an answer."""
    message = {"role": "assistant", "content": text, **extra.pop("message", {})}
    choice = {"index": 0, "message": message, "finish_reason": finish, **extra.pop("choice", {})}
    counts = {"prompt_tokens": usage[0], "completion_tokens": usage[1]} if usage else None
    return {"object": "chat.completion", "model": "m", "choices": [choice], "usage": counts, **extra}


def answer(*arguments: Any, **options: Any) -> Act:
    return send(200, completion(*arguments, **options))


def send(status: int, value: Any = None, **headers: str) -> Act:
    """A whole response: JSON, or bytes as they are."""

    def act(handler: Handler) -> None:
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        handler.send_response(status)
        for name, text in headers.items():
            handler.send_header(name.replace("_", "-"), text)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return act


def half(handler: Handler) -> None:
    """The length of a whole answer, and the half of it."""
    content = json.dumps(completion()).encode()
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content[: len(content) // 2])
    handler.close_connection = True


def disconnect(handler: Handler) -> None:
    handler.close_connection = True


def hang(handler: Handler) -> None:
    handler.server.stopping.wait(600)
    handler.close_connection = True


def drip(handler: Handler) -> None:
    """A byte now and then, for ever: no silence is ever long enough to be a time-out."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    while not handler.server.stopping.wait(0.02):
        try:
            handler.wfile.write(b" ")
        except OSError:
            break
    handler.close_connection = True


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any
    body: dict[str, Any]

    def do_POST(self) -> None:
        server = self.server
        self.body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with server.lock:
            server.seen.append((self.path, self.body, dict(self.headers), time.monotonic()))
            server.open += 1
            server.most_open = max(server.most_open, server.open)
            number = len(server.seen) - 1
        try:
            acts = server.acts
            act = acts if callable(acts) else acts[min(number, len(acts) - 1)]
            act(self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            with server.lock:
                server.open -= 1

    def do_GET(self) -> None:
        send(200, {"data": [{"id": name} for name in self.server.models]})(self) if self.server.models else send(404)(
            self
        )

    def log_message(self, *_: Any) -> None: ...


class FakeServer(ThreadingHTTPServer):
    """`acts`: what to do with requests, one after the other (the last one again and again), or with each."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.acts: Any = [answer()]
        self.models: list[str] = []
        self.seen: list[tuple[str, dict[str, Any], dict[str, str], float]] = []
        self.lock, self.stopping = threading.Lock(), threading.Event()
        self.open = self.most_open = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, *_: Any) -> None:
        """Connections that clients leave are what is tested here."""


@pytest.fixture
def servers() -> Iterator[Callable[[], FakeServer]]:
    """Start servers; they end with the test."""
    started: list[FakeServer] = []

    def start() -> FakeServer:
        server = FakeServer()
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.stopping.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def server(servers: Callable[[], FakeServer]) -> FakeServer:
    return servers()


@pytest.fixture(scope="session")
def acts() -> Any:
    """The ways to answer and to fail, by name."""
    names = (completion, answer, send, half, disconnect, hang, drip)
    return type("Acts", (), {f.__name__: staticmethod(f) for f in names})


@pytest.fixture
def own_cache(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test reads and writes no cache of the user's, and sends no key of the user's."""
    monkeypatch.setenv("HEEDFUL_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
