"""The socket, and a clean end: what is being answered is answered, for a time of grace; new requests are refused."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

from heedful.serve.answering import Service
from heedful.serve.app import serve_app
from heedful.serve.gate import Gate, gated

CONNECTIONS = 1024


def make_server(service: Service, gate: Gate, grace: float = 30.0, ready: Callable[[], None] = lambda: None) -> Any:
    """A uvicorn server of the model behind its gate, not yet running. A second signal cuts the answers off at once."""
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready()

        def handle_exit(self, sig: int, frame: Any) -> None:
            if self.should_exit:
                service.worker.end(now=True)
            self.should_exit = True
            service.ending = True

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            service.ending = True
            service.worker.end()  # nothing more is taken; what was taken goes on
            cut = asyncio.get_running_loop().call_later(grace, service.worker.end, True)
            await super().shutdown(sockets)
            cut.cancel()

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            """As uvicorn's own, but a signal is not raised again at the end: here it is the usual end."""
            if threading.current_thread() is not threading.main_thread():
                yield
                return
            before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
            try:
                yield
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)

    def refused(status: int) -> None:
        service.figures.requests["refused", status] += 1

    config = uvicorn.Config(
        gated(serve_app(service), gate, refused),
        log_level="critical",  # a fault of the application is told to its client, in a sentence
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="off",
        limit_concurrency=CONNECTIONS,
        backlog=CONNECTIONS,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=int(grace) + 10,
        h11_max_incomplete_event_size=16_384,
    )
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    return Server(config)


def serve(service: Service, gate: Gate, ears: socket.socket, grace: float, ready: Callable[[], None]) -> None:
    """Answer on a listening socket until Ctrl-C or SIGTERM, then end cleanly."""
    try:
        make_server(service, gate, grace, ready).run(sockets=[ears])
    finally:
        service.worker.close(now=True)
