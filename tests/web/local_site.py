"""A guarded application on a real socket, and requests that say exactly what is sent."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from heedful.web.guard import App, Rules
from heedful.web.server import make_server


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Site:
    """Where a server listens."""

    def __init__(self, port: int):
        self.port = port
        self.host = f"127.0.0.1:{port}"
        self.origin = f"http://{self.host}"

    def raw(self, text: bytes) -> bytes:
        """Send bytes as they are; the head of the answer, or what there is of it when the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=100) as s:
            with contextlib.suppress(ConnectionError):  # a server may refuse what it has not read to its end
                s.sendall(text)
            got = b""
            with contextlib.suppress(ConnectionError):
                while b"\r\n\r\n" not in got and (piece := s.recv(65536)):
                    got += piece
        return got

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """A request as a browser on this page would send it; `headers` replace its headers, "" takes one away.

        Where a large body is refused before it is read, the system may reset the connection and drop the answer: then
        it is asked again.
        """
        for left in range(4, -1, -1):
            try:
                return self._ask(method, path, body, **headers)
            except (ConnectionResetError, BrokenPipeError):
                if not left:
                    raise
        raise AssertionError

    def _ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        given = {"host": self.host}
        text = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        if method == "POST":
            text = text or b""
            given |= {"origin": self.origin, "sec-fetch-site": "same-origin", "content-type": "application/json"}
            given |= {"content-length": str(len(text))}
        given |= {k.replace("_", "-"): v for k, v in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=100)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in given.items():
                if value:
                    connection.putheader(name, value.encode("latin-1"))
            connection.endheaders(text)
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.ask("POST", path, {} if body is None else body, **headers)


@contextlib.contextmanager
def running(app: App, rules: Rules | None = None) -> Iterator[Site]:
    """Serve on a free port of loopback, in a thread."""
    ears = socket.socket()
    ears.bind(("127.0.0.1", 0))
    server: Any = make_server(app, rules or Rules())

    async def watch() -> None:
        """As uvicorn does, but every hundredth of a second and not ten times slower: the end of a test waits for it."""
        while not await server.on_tick(0):
            await asyncio.sleep(0.01)

    async def end(sockets: Any = None) -> None:
        """As uvicorn does, but for the tenth of a second that it sleeps after it has closed what listens."""
        state = server.server_state
        for listening in (*server.servers, *(sockets or ())):
            listening.close()
        for connection in list(state.connections):
            connection.shutdown()

        async def gone() -> None:
            while state.connections or state.tasks:
                await asyncio.sleep(0.002)

        try:
            await asyncio.wait_for(gone(), server.config.timeout_graceful_shutdown)
        except TimeoutError:
            for task in state.tasks:
                task.cancel()
        await server.lifespan.shutdown()

    server.main_loop, server.shutdown = watch, end
    thread = threading.Thread(target=server.run, kwargs={"sockets": [ears]})
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield Site(ears.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join()
        ears.close()
