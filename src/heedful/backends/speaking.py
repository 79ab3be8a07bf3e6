"""One answer at a time, piece by piece, from a model of any kind: what a conversation in a terminal needs.

A model in this process has a thread of its own (`worker`), which keeps what the conversation has said so far: only what
is new is computed. A model behind a server streams where the server does (`server_stream`).
"""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from heedful.backends.base import Answer, Backend, GenerationSettings
from heedful.records import Message

if TYPE_CHECKING:
    from heedful.backends.openai import OpenAIBackend
    from heedful.backends.transformers import TransformersBackend
    from heedful.backends.worker import Event


@dataclass(frozen=True)
class Spoken:
    """Some more text of an answer; the last piece bears the whole Answer."""

    text: str
    answer: Answer | None = None


class Speaker(Protocol):
    """A model to talk to. `places` is how many tokens it has room for, None where that is not known."""

    name: str
    note: str
    places: int | None

    def say(self, messages: Sequence[Message], settings: GenerationSettings) -> Iterator[Spoken]:
        """The next turn. Closing the iterator ends the answer."""
        ...

    def count(self, messages: Sequence[Message]) -> int:
        """Tokens that the model is asked with; TemplateError where its template refuses the conversation."""
        ...

    def close(self) -> None: ...


def speaker_of(backend: Backend, size: int = 1, waiting: int = 4) -> Speaker:
    """A backend as somebody to talk to; of a model in this process `size` answers side by side, and `waiting` after."""
    if hasattr(backend, "chat"):
        return LocalSpeaker(backend, size, waiting)  # type: ignore[arg-type]
    if hasattr(backend, "server"):
        return ServerSpeaker(backend)  # type: ignore[arg-type]
    return PlainSpeaker(backend)


class LocalSpeaker:
    """A model in this process."""

    def __init__(self, backend: TransformersBackend, size: int = 1, waiting: int = 4):
        from heedful.backends.worker import Worker

        self.name, self.worker = backend.name, Worker(backend, size, waiting)
        chat = backend.chat
        self.places = None if backend.positions >= 1 << 60 else backend.positions
        room = f"room for {self.places:,} tokens" if self.places else "room that it does not tell"
        self.note = f"{backend.note}; template {chat.name}, stop token {chat.stop_token}, {room}"

    def say(self, messages: Sequence[Message], settings: GenerationSettings) -> Iterator[Spoken]:
        events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        ticket = self.worker.ask(messages, settings, events.put)
        try:
            while True:
                event = events.get()
                yield Spoken(event.text, event.answer)
                if event.answer is not None:
                    return
        finally:
            if not ticket.over:
                ticket.cancel()

    def count(self, messages: Sequence[Message]) -> int:
        return len(self.worker.prompt_ids(messages))

    def close(self) -> None:
        self.worker.close(now=True)


class ServerSpeaker:
    """A model behind a server. How much it has room for is the server's to tell, when it is too much."""

    places: int | None = None

    def __init__(self, backend: OpenAIBackend):
        self.name, self.backend = backend.name, backend
        self.note = f"answers by {backend.server.url}; template and stop tokens are the server's"

    def say(self, messages: Sequence[Message], settings: GenerationSettings) -> Iterator[Spoken]:
        from heedful.backends.server_stream import stream

        for text, answer in stream(self.backend, messages, settings):
            yield Spoken(text, answer)

    def count(self, messages: Sequence[Message]) -> int:
        return 0

    def close(self) -> None:
        """Nothing is open between two answers."""


class PlainSpeaker:
    """A backend that gives whole answers alone: a script."""

    places: int | None = None

    def __init__(self, backend: Backend):
        self.name, self.backend = backend.name, backend
        self.note = "answers are given whole"

    def say(self, messages: Sequence[Message], settings: GenerationSettings) -> Iterator[Spoken]:
        (answer,) = self.backend.answer([messages], settings)
        yield Spoken(answer.text, answer)

    def count(self, messages: Sequence[Message]) -> Any:
        return 0

    def close(self) -> None:
        """Nothing is open."""
