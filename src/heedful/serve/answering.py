"""A request's way: tickets at the model's thread, what they say as it comes, and whatever ends it early.

All that can happen comes through one queue: an event of a ticket, the client's leaving, the end of the time. However a
request ends, its tickets are given up, so that nobody's answer keeps a place that nobody waits for.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from heedful.backends.base import Answer
from heedful.errors import HeedfulError, RequestError, TemplateError
from heedful.serve.asked import Asked, Defaults
from heedful.serve.echo import Echo, echo_of
from heedful.serve.faults import ApiError
from heedful.serve.figures import Figures
from heedful.serve.replies import Reply, usage_of
from heedful.web.bodies import json_response
from heedful.web.guard import Receive, Scope, Send

if TYPE_CHECKING:
    from heedful.backends.scoring import Place
    from heedful.backends.worker import Event, Ticket, Token, Worker

LEFT, LATE = "left", "late"  # what comes through the queue besides events
SLOW_READER = 60.0  # seconds that a client may take for a piece
CLIENT_LEFT = 499  # nginx's number for it, in the figures alone


@dataclass
class Service:
    """What all requests share."""

    worker: Worker
    defaults: Defaults
    timeout: float = 600.0
    figures: Figures = field(default_factory=Figures)
    created: int = field(default_factory=lambda: int(time.time()))
    ending: bool = False


class Left(Exception):
    """The client is gone."""


class Exchange:
    """A request and the tickets that answer it. `receive` tells of the client's leaving."""

    def __init__(self, service: Service, asked: Asked, receive: Receive):
        self.service, self.asked, self.receive = service, asked, receive
        self.began = time.perf_counter()
        self.begun_to_answer = False
        self.queue: asyncio.Queue[str | tuple[int, Event]] = asyncio.Queue()
        self.tickets: list[Ticket] = []
        self.prompts: list[int] = []
        self.answers: dict[int, Answer] = {}
        self.ids: list[Sequence[int]] = []
        self.places: list[Future[list[Place]]] = []  # of each prompt, where its tokens' probabilities are asked for
        chat = asked.kind == "chat"
        name = f"{'chatcmpl' if chat else 'cmpl'}-{secrets.token_hex(12)}"
        self.reply = Reply(name, int(time.time()), service.defaults.model, chat, asked.scored, asked.include_usage)

    async def open(self) -> None:
        """Ask everything; ApiError where something cannot be asked, and then nothing is."""
        worker, loop = self.service.worker, asyncio.get_running_loop()
        try:
            ids = await asyncio.to_thread(self._encode)
            count = len(ids) * self.asked.n
            if count > worker.most:
                raise ApiError(400, f"{count:,} answers at once: this server takes {worker.most:,}; ask for fewer")
            before = worker.backend.chat.before if self.asked.kind == "chat" else ""
            if self.asked.echo and self.asked.scored:
                top = self.asked.settings.top_logprobs
                self.places = [worker.compute(partial(worker.backend.places, worker.checked(i), top)) for i in ids]
            for index in range(0 if self.asked.silent else count):
                settings = self.asked.settings
                settings = dataclasses.replace(settings, seed=settings.seed + index % self.asked.n)
                self.tickets.append(
                    worker.ask_ids(
                        ids[index // self.asked.n], settings, self._teller(index, loop), before, self.asked.scored
                    )
                )
        except (ApiError, HeedfulError) as e:
            self.give_up()
            raise e if isinstance(e, ApiError) else _refusal(e) from None
        self.prompts, self.ids = [len(i) for i in ids], ids

    def _encode(self) -> list[Sequence[int]]:
        worker = self.service.worker
        found: list[Sequence[int]] = []
        for prompt in self.asked.prompts:
            if isinstance(prompt, str):
                found.append(worker.text_ids(prompt))
            elif self.asked.kind == "text":
                found.append(prompt)  # type: ignore[arg-type]
            else:
                found.append(worker.prompt_ids(prompt))  # type: ignore[arg-type]
        return found

    def _teller(self, index: int, loop: asyncio.AbstractEventLoop) -> Callable[[Event], None]:
        return lambda event: loop.call_soon_threadsafe(self.queue.put_nowait, (index, event)) and None

    async def events(self) -> AsyncGenerator[tuple[int, Event], None]:
        """What the tickets say until all have ended. Left, or ApiError where the time is over or the model failed."""
        watcher = asyncio.create_task(self._watch())
        late = asyncio.get_running_loop().call_later(self.service.timeout, self.queue.put_nowait, LATE)
        try:
            while len(self.answers) < len(self.tickets):
                item = await self.queue.get()
                if item == LEFT:
                    raise Left
                if item == LATE:
                    seconds = f"{self.service.timeout:g}"
                    raise ApiError(504, f"no whole answer within {seconds} s (--timeout); ask for fewer tokens")
                index, event = item  # type: ignore[misc]
                self._note(index, event)  # type: ignore[arg-type]
                yield index, event  # type: ignore[misc]
        finally:
            late.cancel()
            watcher.cancel()
            self.give_up()

    def _note(self, index: int, event: Event) -> None:
        figures = self.service.figures
        if not self.begun_to_answer and (event.text or event.answer):
            self.begun_to_answer = True
            figures.first.add(time.perf_counter() - self.began)
        if event.answer is None:
            return
        if event.answer.error is not None:
            raise ApiError(500, event.answer.error)
        if event.stopped:
            raise ApiError(503, "the server is ending, and the answer was cut off", headers={"retry-after": "5"})
        self.answers[index] = event.answer

    async def _watch(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass
        self.queue.put_nowait(LEFT)

    def give_up(self) -> None:
        """Free the places of what is not done."""
        for future in self.places:
            future.cancel()
        for ticket in self.tickets:
            if not ticket.over:
                ticket.cancel()

    async def echoes(self) -> dict[int, Echo]:
        """Of each choice its prompt, where that is to be given back. ApiError where it takes too long or fails."""
        worker, n = self.service.worker, self.asked.n
        if not self.asked.echo:
            return {}
        try:
            left = max(0.1, self.service.timeout - (time.perf_counter() - self.began))
            async with asyncio.timeout(left):
                places = [await asyncio.wrap_future(future) for future in self.places] or [[] for _ in self.ids]
        except TimeoutError:
            raise ApiError(504, f"no answer within {self.service.timeout:g} s (--timeout); ask for less") from None
        except HeedfulError as e:
            raise _refusal(e) from None
        made = [
            echo_of(worker.backend.chat.tokenizer, prompt, ids, found, worker.spell)  # type: ignore[arg-type]
            if self.asked.scored
            else Echo(prompt if isinstance(prompt, str) else worker.text(ids))
            for prompt, ids, found in zip(self.asked.prompts, self.ids, places, strict=True)
        ]
        return {index: made[index // n] for index in range(len(made) * n)}

    def usage(self) -> dict[str, Any]:
        """The counts of a request that is answered."""
        firsts = self.tickets[:: self.asked.n]
        return usage_of(self.prompts, self.answers.values(), sum(t.reused for t in firsts))

    def close(self, status: int) -> None:
        """Count the request."""
        figures, route = self.service.figures, "chat" if self.reply.chat else "completions"
        figures.requests[route, status] += 1
        figures.prompt_tokens += sum(self.prompts)
        figures.reused_tokens += sum(t.reused for t in self.tickets[:: self.asked.n])
        figures.tokens += sum(len(t.row.new) for t in self.tickets if t.row is not None)
        if status == 200:
            figures.seconds.add(time.perf_counter() - self.began)


def _refusal(problem: HeedfulError) -> ApiError:
    """What the model's thread does not take, as a status."""
    from heedful.backends.worker import Closing, Full, NoScores, TooLong

    if isinstance(problem, Full):
        return ApiError(429, str(problem), code="queue_full", headers={"retry-after": str(problem.seconds)})
    if isinstance(problem, Closing):
        return ApiError(503, str(problem), headers={"retry-after": "5", "connection": "close"})
    if isinstance(problem, TooLong):
        return ApiError(400, str(problem), "messages", "context_length_exceeded")
    if isinstance(problem, NoScores):
        return ApiError(400, str(problem), "logprobs")
    if isinstance(problem, TemplateError):
        return ApiError(400, f"the model's template refuses this conversation: {problem}", "messages")
    return ApiError(400 if isinstance(problem, RequestError) else 500, str(problem))


async def answer(service: Service, asked: Asked, request: Request) -> Response:
    """The response to a request: whole, or a stream that has not begun yet. Refusals come before a stream's status."""
    exchange = Exchange(service, asked, request.receive)
    try:
        await exchange.open()
    except ApiError as e:
        exchange.close(e.status)
        raise
    if asked.stream:
        return Stream(exchange)
    tokens: dict[int, list[Token]] = {i: [] for i in range(len(exchange.prompts) * asked.n)}
    try:
        echoes = await exchange.echoes()
        async for index, event in exchange.events():
            tokens[index].extend(event.tokens)
    except Left:
        exchange.close(CLIENT_LEFT)
        return Response(status_code=CLIENT_LEFT)  # nobody reads it
    except ApiError as e:
        exchange.give_up()
        exchange.close(e.status)
        raise
    exchange.close(200)
    nothing = Answer(0, "", "length", 0, 0, 0.0)
    choices = [(i, exchange.answers.get(i, nothing), tokens[i]) for i in sorted(tokens)]
    return json_response(exchange.reply.whole(choices, exchange.usage(), echoes))


class Stream(Response):
    """Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html, as OpenAI's clients read
    them. What goes wrong on the way is an event with an error, since the status has been sent."""

    media_type = "text/event-stream"

    def __init__(self, exchange: Exchange):
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        self.exchange = exchange

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [pair for pair in self.raw_headers if pair[0] != b"content-length"]
        exchange, status = self.exchange, 200
        try:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            async with contextlib.aclosing(self._pieces()) as pieces:
                async for piece in pieces:
                    await _send(send, f"data: {piece}\n\n".encode())
        except ApiError as e:
            status = e.status
            with contextlib.suppress(Left, OSError):
                await _send(send, f"data: {_json(e.body)}\n\n".encode())
        except (Left, OSError):
            status = CLIENT_LEFT
        except asyncio.CancelledError:
            status = CLIENT_LEFT
            raise
        finally:
            exchange.give_up()
            exchange.close(status)
        if status != CLIENT_LEFT:
            with contextlib.suppress(Left, OSError):
                await _send(send, b"", more=False)

    async def _pieces(self) -> AsyncGenerator[str, None]:
        exchange, reply = self.exchange, self.exchange.reply
        for index in range(len(exchange.tickets)):
            if (first := reply.first(index)) is not None:
                yield _json(first)
        async with contextlib.aclosing(exchange.events()) as events:
            async for index, event in events:
                if event.text or event.tokens:
                    yield _json(reply.piece(index, event.text, event.tokens))
                if event.answer is not None:
                    yield _json(reply.last(index, event.answer))
        if exchange.asked.include_usage:
            yield _json(reply.usage(exchange.usage()))
        yield "[DONE]"


async def _send(send: Send, body: bytes, more: bool = True) -> None:
    """Send a piece; Left where the client does not take it."""
    try:
        async with asyncio.timeout(SLOW_READER):
            await send({"type": "http.response.body", "body": body, "more_body": more})
    except TimeoutError:
        raise Left from None


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace").decode()
