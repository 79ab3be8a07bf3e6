"""Many questions to a server at once, in a thread of their own, each with its retries, time-outs and deadline.

An event loop, and not a thread a question, since only it can end a request at any moment: at the deadline of its
question, when another request shows that none will be answered, and when the user stops the run.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import queue
import random
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx2

from heedful.backends.base import Answer
from heedful.backends.retry import backoff
from heedful.backends.server_faults import certificates, denied, not_found, reason, unlisted, unreachable
from heedful.backends.server_reply import (
    Denied,
    NoConnection,
    NotFound,
    OtherLimitName,
    Refused,
    Reply,
    TryAgain,
)
from heedful.errors import HeedfulError, RequestError, printable

if TYPE_CHECKING:
    from heedful.backends.openai import OpenAIBackend

LARGEST = 64 * 2**20  # bytes of an answer
GIVE_UP_AFTER = 10  # questions refused, and not one answered
_SETTLE = 5.0  # seconds that open requests may take to close
_TELL = 5.0  # seconds of waiting that the user should know of


@dataclass(frozen=True)
class Question:
    """A prompt's number, its request and the request's key in the cache."""

    index: int
    body: dict[str, Any]
    key: str


class Asking:
    """The questions of one call under way.

    `results` gets an Answer for each, sentences for the user, an exception where the run has to stop, and None last.
    """

    def __init__(self, backend: OpenAIBackend, questions: Sequence[Question]):
        self.backend = backend
        self.options = backend.options
        self.questions = iter(questions)
        self.workers = min(self.options.concurrency, len(questions))
        self.results: queue.SimpleQueue[Answer | str | BaseException | None] = queue.SimpleQueue()
        self.rng = random.Random()
        self.reached = False  # the server has said something
        self.answered = False
        self.told_logprobs = False
        self.gave_logprobs = False
        self.looking, self.looked = asyncio.Lock(), False
        self.refused = 0
        self.held: list[Answer] = []  # refusals, until it is sure that not every question is refused
        self.pause_until = 0.0
        self.loop = asyncio.new_event_loop()
        self.task: asyncio.Task[None] | None = None
        self.thread = threading.Thread(target=self._run, name="heedful-server", daemon=True)

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        """End what is open, and wait until it is closed."""
        with contextlib.suppress(RuntimeError):  # the loop has ended by itself
            self.loop.call_soon_threadsafe(self._cancel)
        self.thread.join(_SETTLE)

    def _cancel(self) -> None:
        if self.task is not None:
            self.task.cancel()

    def finished(self) -> Iterator[Answer]:
        """The answers that are there and were not given out yet."""
        while not self.results.empty():
            item = self.results.get()
            if isinstance(item, Answer):
                yield item

    def _run(self) -> None:
        try:
            self.task = self.loop.create_task(self._all())
            self.loop.run_until_complete(self.task)
        except asyncio.CancelledError:
            pass
        except BaseException as e:  # raised again in the caller's thread
            self.results.put(e)
        finally:
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            self.loop.close()
            self.results.put(None)

    async def _all(self) -> None:
        """Ask all questions; the first failure that would befall every one of them ends the others."""
        server = self.backend.server
        async with self._client() as client:
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(self.workers):
                        group.create_task(self._work(client))
                self._let_go()
                return
            except ExceptionGroup as several:
                first = several.exceptions[0]
            if isinstance(first, NotFound):
                first = await not_found(client, server, self.backend.model, first)
        if isinstance(first, Denied):
            first = denied(server, first)
        if isinstance(first, HeedfulError):
            first = type(first)(self.backend.without_key(str(first)))
        raise first

    def _client(self) -> httpx2.AsyncClient:
        options, server = self.options, self.backend.server
        wait = httpx2.Timeout(options.timeout, connect=options.connect_timeout, pool=None)
        headers = {"Authorization": f"Bearer {server.key}"} if server.key else {}
        limits = httpx2.Limits(max_connections=self.workers, max_keepalive_connections=self.workers)
        try:
            # Redirects are not followed: the key is for this server. A proxy cannot reach this machine's own servers.
            return httpx2.AsyncClient(
                headers=headers,
                timeout=wait,
                limits=limits,
                follow_redirects=False,
                trust_env=not server.loopback,
                verify=certificates(server),
            )
        except (ValueError, ImportError, httpx2.InvalidURL) as e:
            raise RequestError(f"the proxy in the environment cannot be used ({e}); mend HTTPS_PROXY") from None

    async def _work(self, client: httpx2.AsyncClient) -> None:
        for question in self.questions:
            answer = await self._one(client, question)
            if answer is None:
                continue
            try:
                await asyncio.to_thread(self.backend.keep, question, answer)
            except HeedfulError as e:  # the answer is not to be lost for that
                if self.backend.cache is not None:
                    self.results.put(f"{e}; from here on no answer is put into it")
                self.backend.cache = None
            self.results.put(answer)

    async def _one(self, client: httpx2.AsyncClient, question: Question) -> Answer | None:
        """An answer to a question, or why there is none after all retries; None for one that is held back."""
        await self._paused()
        end = self.loop.time() + self.options.deadline
        problem, tries = "", 0
        while True:
            begin = time.perf_counter()
            try:
                async with asyncio.timeout_at(end):
                    reply = await self._post(client, question)
                return self._answer(question, reply, time.perf_counter() - begin)
            except TryAgain as e:
                problem = str(e)
                wait = self._wait(e, tries)
                if isinstance(e, NoConnection) and tries >= self.options.retries:
                    self._check_reached(problem)
            except TimeoutError:
                self.backend.spent.failed += 1
                late = f"no whole answer within {self.options.deadline:g} s (--deadline)"
                return self._failed(question, f"{late}; before that: {problem}" if problem else late)
            except Refused as e:
                await self._refused(client, question, str(e))
                return None
            tries += 1
            if tries > self.options.retries:
                return self._failed(question, f"{problem} ({tries:,} requests)" if tries > 1 else problem)
            if self.loop.time() + wait >= end:
                return self._failed(question, f"{problem}; the next try, in {wait:.0f} s, is past the --deadline")
            await asyncio.sleep(wait)
            await self._paused(end)

    def _wait(self, failure: TryAgain, tries: int) -> float:
        """Seconds before the next try. A server that names a time has the other questions wait as well."""
        options = self.options
        if failure.wait is None:
            return backoff(tries, options.backoff, options.longest_wait, self.rng)
        if failure.busy and (until := self.loop.time() + failure.wait) > self.pause_until:
            if failure.wait >= _TELL and self.pause_until < self.loop.time():
                asked = self.backend.without_key(str(failure))
                self.results.put(f"the server asks to wait {failure.wait:.0f} s ({asked})")
            self.pause_until = until
        return failure.wait + self.rng.uniform(0, min(1.0, options.backoff))  # not all at once

    async def _paused(self, end: float = float("inf")) -> None:
        while (left := min(self.pause_until, end) - self.loop.time()) > 0:
            await asyncio.sleep(left)

    async def _post(self, client: httpx2.AsyncClient, question: Question) -> Reply:
        """One request. TryAgain, Refused, NotFound, Denied or a HeedfulError where it brings no answer."""
        backend = self.backend
        body = dict(question.body)
        limit = body.pop("max_tokens", None)
        used = backend.limit_name
        if limit is not None:
            body[used] = limit
        backend.spent.requests += 1
        try:
            status, headers, content = await self._send(client, body)
            self.reached = True
            return backend.read(status, headers, content, limit or 1 << 60, backend.server.endpoint)
        except OtherLimitName as e:
            backend.spent.failed += 1
            if used == "max_completion_tokens" or limit is None:
                raise Refused(str(e)) from None
        except Exception:
            backend.spent.failed += 1
            raise
        backend.limit_name = "max_completion_tokens"
        return await self._post(client, question)

    async def _send(self, client: httpx2.AsyncClient, body: dict[str, Any]) -> tuple[int, Any, bytes]:
        """Status, headers and the whole body of a response."""
        url = self.backend.server.endpoint
        try:
            # In ASCII: half a character (a lone surrogate) can be written in no other form.
            data: dict[str, Any] = {"content": json.dumps(body), "headers": {"Content-Type": "application/json"}}
            async with client.stream("POST", url, **data) as response:
                chunks, size = [], 0
                async for chunk in response.aiter_bytes():
                    size += len(chunk)
                    if size > LARGEST:
                        raise TryAgain(f"the answer is longer than {LARGEST // 2**20} MiB")
                    chunks.append(chunk)
                return response.status_code, response.headers, b"".join(chunks)
        except (httpx2.ConnectError, httpx2.ProxyError) as e:
            self._check_reached(reason(e))
            raise TryAgain(f"no connection to the server ({reason(e)})") from None
        except httpx2.ConnectTimeout:
            raise NoConnection(f"no connection within {self.options.connect_timeout:g} s") from None
        except httpx2.TimeoutException:
            raise TryAgain(f"nothing came from the server for {self.options.timeout:g} s (--timeout)") from None
        except httpx2.DecodingError:
            raise TryAgain("the answer cannot be decompressed") from None
        except httpx2.TransportError as e:
            raise TryAgain(f"the connection broke off ({reason(e)})") from None

    def _check_reached(self, why: str) -> None:
        """ModelError where the server has never said anything: then no question will be answered."""
        if not self.reached:
            raise unreachable(self.backend.server, why)

    def _answer(self, question: Question, reply: Reply, seconds: float) -> Answer:
        backend = self.backend
        self.answered = True
        self._let_go()
        backend.spent.add(reply.prompt_tokens, reply.tokens)
        if reply.model and reply.model != backend.calls_itself:
            backend.calls_itself = reply.model
            self.results.put(f"the server answers as {printable(reply.model)}")
        if question.body.get("logprobs") and not self.told_logprobs:
            self.gave_logprobs |= reply.top_logprobs is not None
            if reply.top_logprobs is None:
                self.told_logprobs = True
                gives = "gave none with some answers" if self.gave_logprobs else "gives none"
                self.results.put(f"the server was asked for log-probabilities and {gives}")
        return Answer(
            question.index,
            _cut(reply.text, question.body.get("stop")),
            reply.finish_reason,
            reply.prompt_tokens or 0,
            reply.tokens or 0,
            round(seconds, 4),
            reply.error,
            reply.top_logprobs,
        )

    def _failed(self, question: Question, problem: str) -> Answer:
        return Answer(question.index, "", "error", 0, 0, 0.0, self.backend.without_key(problem))

    async def _refused(self, client: httpx2.AsyncClient, question: Question, problem: str) -> None:
        """Give a refusal out as an answer; RequestError where everything is refused, or the model is not there.

        Until something was answered refusals are held back, so that a mistake in the request leaves no file behind.
        """
        self.refused += 1
        self.held.append(self._failed(question, problem))
        if not self.answered:
            async with self.looking:  # the others wait for what the first one finds out
                if not self.looked and (error := await unlisted(client, self.backend.server, self.backend.model)):
                    raise error
                self.looked = True
        if self.answered:
            self._let_go()
        elif self.refused >= GIVE_UP_AFTER:
            url = self.backend.server.url
            raise RequestError(
                f"{url} refused the first {self.refused} questions, so none is asked any more ({problem})"
            )

    def _let_go(self) -> None:
        for answer in self.held:
            self.results.put(answer)
        self.held.clear()


def _cut(text: str, stop: Any) -> str:
    """The text before the first stop string: some servers (transformers' own) leave it in, against the interface."""
    stops = [s for s in stop if isinstance(s, str) and s] if isinstance(stop, list) else []
    return text[: min((at for s in stops if (at := text.find(s)) >= 0), default=len(text))]
