"""A tiny model behind a real server on loopback, in a thread; its answers depend on the question."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from heedful.serve.answering import Service
from heedful.serve.asked import Defaults
from heedful.serve.gate import Gate
from heedful.serve.running import make_server
from heedful.web.guard import Rules

TEMPLATE = (
    "{%- for m in messages -%}"
    "{%- if m['role'] == 'tool' -%}{{- raise_exception('no tools here') -}}{%- endif -%}"
    "<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor -%}"
    "{%- if add_generation_prompt -%}<|im_start|>assistant\n{% endif -%}"
)


def make_backend(tiny: Any, config: Any = None) -> Any:
    """A tiny random model whose weights are large enough for its answers to differ."""
    import torch
    from transformers import AutoModelForCausalLM

    from heedful.backends.transformers import TransformersBackend
    from heedful.chat import Chat

    tokenizer = tiny.tokenizer(eos="<|im_end|>")
    tokenizer.chat_template = TEMPLATE
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = AutoModelForCausalLM.from_config(config or tiny.config("llama", len(tokenizer)), dtype=torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(6)
    return TransformersBackend("tiny", model.eval(), Chat.bind("model", tokenizer))


@dataclass
class Served:
    """A running server."""

    service: Service
    server: Any
    thread: threading.Thread
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, key: str = "none") -> Any:
        import openai

        return openai.OpenAI(base_url=f"{self.url}/v1", api_key=key, max_retries=0, timeout=120)

    def until(self, condition: Callable[[], object], seconds: float = 60) -> None:
        """Wait for something that happens in another thread."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not happen"
            time.sleep(0.002)


@contextlib.contextmanager
def running(
    backend: Any, gate: Gate | None = None, size: int = 4, waiting: int = 8, grace: float = 60, **options: Any
) -> Iterator[Served]:
    """Serve on a free port until the block ends."""
    from heedful.backends.worker import Worker

    defaults = Defaults("tiny", options.pop("max_tokens", 400), options.pop("temperature", 0.0))
    service = Service(Worker(backend, size, waiting), defaults, **options)
    ears = socket.socket()
    ears.bind(("127.0.0.1", 0))
    server = make_server(service, gate or Gate(Rules()), grace)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [ears]})
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.005)
        yield Served(service, server, thread, ears.getsockname()[1])
    finally:
        server.should_exit = True
        service.worker.end(now=True)
        thread.join()
        service.worker.close(now=True)
        ears.close()


@pytest.fixture(scope="session")
def served_backend(tiny: Any) -> Any:
    return make_backend(tiny)


@pytest.fixture(scope="module")
def served(served_backend: Any) -> Iterator[Served]:
    with running(served_backend) as found:
        yield found


@pytest.fixture
def run_server() -> Callable[..., Any]:
    return running


@pytest.fixture
def backend_of(tiny: Any) -> Callable[..., Any]:
    return lambda config=None: make_backend(tiny, config)
