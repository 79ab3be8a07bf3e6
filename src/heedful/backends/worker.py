"""A thread that has a model, and answers whoever asks: for a server's clients, and for a conversation.

    ask()      from any thread: a Ticket, or one of the errors below
    tell       the asker's function, called in the worker's thread: pieces of text as they are certain, the last of
               which bears the whole Answer
    cancel()   from any thread: the row leaves the batch before the next step, and its last event comes at once
    compute()  from any thread: a function that needs the model, done between two steps; a future of what it gives

With the engine all that is asked goes on side by side (`generation.joining`); a model that the engine does not know is
asked one question after another.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from heedful.backends.base import Answer, GenerationSettings, Tools
from heedful.backends.generation import AnswerText, Engine, PlainGenerate, Request, Row
from heedful.backends.generation.joining import Joined, OpenBatch
from heedful.backends.transformers import TransformersBackend
from heedful.errors import HeedfulError, RequestError
from heedful.records import Message

T = TypeVar("T")


class TooLong(RequestError):
    """The question leaves no room for an answer."""


class NoScores(RequestError):
    """Log-probabilities of a model that the engine does not know."""


class Full(HeedfulError):
    """So many wait already that nobody else may; `seconds` is when to ask again."""

    def __init__(self, seconds: int):
        self.seconds = seconds
        super().__init__("too many requests are waiting; ask again later")


class Closing(HeedfulError):
    """The worker takes nothing more."""


@dataclass(frozen=True)
class Token:
    """A token that was said: its text, where it begins in the answer, its log-probability and the likeliest ones'."""

    text: str
    at: int
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Event:
    """Some more text, with the tokens that it is made of where they were asked for.

    The last one bears the Answer; `stopped` says that the asker, or the end of the worker, cut it off.
    """

    text: str = ""
    tokens: tuple[Token, ...] = ()
    answer: Answer | None = None
    stopped: bool = False


@dataclass
class Ticket:
    """A question under way. `reused` is how many tokens of the prompt needed no computing."""

    request: Request
    settings: GenerationSettings
    text: AnswerText
    tell: Callable[[Event], None]
    scored: bool
    worker: Worker = field(repr=False)
    row: Row | None = None
    cancelled: bool = False
    over: bool = False
    starts: list[int] = field(default_factory=list)  # by token: where it begins in the text as it is decoded
    given: int = 0  # characters of the answer
    scores_given: int = 0

    @property
    def reused(self) -> int:
        return self.row.reused if isinstance(self.row, Joined) else 0

    def cancel(self) -> None:
        """Give the question up; what was said comes as the last event."""
        self.cancelled = True
        self.worker.wake()

    def ends(self, token: int) -> bool:
        """Take a token; whether a stop string is complete."""
        self.starts.append(len(self.text.text))
        return self.text.add(token)


class Worker:
    """A backend of this process with a thread of its own. At most `size` answers side by side and `waiting` after."""

    def __init__(self, backend: TransformersBackend, size: int = 16, waiting: int = 64):
        self.backend, self.size, self.most = backend, size, size + waiting
        self.generator: Engine | PlainGenerate = backend.generator()
        self.together = isinstance(self.generator, Engine)
        self._batch = self._new_batch()
        self._new: deque[Ticket] = deque()
        self._jobs: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._open: list[Ticket] = []
        self._changed = threading.Condition()
        self._closing = self._now = False
        self._pace = 1.0  # seconds an answer, lately
        self._encoding = threading.Lock()
        self._spelt: dict[int, str] = {}
        backend.model.eval()
        self._vocabulary = len(backend.model.get_input_embeddings().weight)
        self._thread = threading.Thread(target=self._run, name="heedful-model", daemon=True)
        self._thread.start()

    def ask(
        self, messages: Sequence[Message], settings: GenerationSettings, tell: Callable[[Event], None],
        tools: Tools = (), scored: bool = False,
    ) -> Ticket:  # fmt: skip
        """Ask for the next turn of a conversation. TemplateError, TooLong, NoScores, Full or Closing where it cannot be
        asked."""
        return self.ask_ids(self.prompt_ids(messages, tools), settings, tell, self.backend.chat.before, scored)

    def prompt_ids(self, messages: Sequence[Message], tools: Tools = ()) -> list[int]:
        """The ids that a conversation is asked with; TemplateError where the template refuses it."""
        with self._encoding:
            return self.backend.chat.prompt_ids(messages, tools)

    def text_ids(self, text: str) -> list[int]:
        """The ids of a text to be gone on with, as the tokenizer begins a text."""
        with self._encoding:
            tokenizer: Any = self.backend.chat.tokenizer
            return list(tokenizer.encode(text))

    def text(self, ids: Sequence[int]) -> str:
        """What ids say."""
        with self._encoding:
            return str(self.backend.chat.tokenizer.decode(list(ids)))

    def checked(self, ids: Sequence[int]) -> Sequence[int]:
        """Ids that the model can read and has room to go on after; else TooLong or RequestError."""
        if len(ids) >= self.backend.positions:
            raise TooLong(
                f"the question has {len(ids):,} tokens, and the model has room for {self.backend.positions:,} with its "
                "answer; shorten it"
            )
        if not ids:
            raise RequestError("the question is empty; ask something")
        if not 0 <= min(ids) <= max(ids) < self._vocabulary:
            raise RequestError(
                f"the question has ids that the model does not know; they go from 0 to {self._vocabulary - 1}"
            )
        return ids

    def ask_ids(
        self, ids: Sequence[int], settings: GenerationSettings, tell: Callable[[Event], None], before: str = "",
        scored: bool = False,
    ) -> Ticket:  # fmt: skip
        """Ask how ids go on."""
        self.checked(ids)
        room = self.backend.positions - len(ids)
        if scored and not self.together:
            raise NoScores("this model answers by transformers' generate, without log-probabilities; leave them out")
        text = AnswerText(self.backend.chat.tokenizer, before, settings.stop, self.backend.stop_ids)
        request = Request(0, ids, min(room, settings.max_new_tokens), None)
        ticket = Ticket(request, settings, text, tell, scored, self)
        ticket.request = Request(0, ids, request.limit, ticket.ends)
        with self._changed:
            if self._closing:
                raise Closing("the server is ending")
            if len(self._open) >= self.most:
                waiting = self.most - self.size
                raise Full(max(1, min(120, round(self._pace * (waiting + 1) / max(1, self.size)))))
            self._open.append(ticket)
            self._new.append(ticket)
            self._changed.notify()
        return ticket

    def compute(self, job: Callable[[], T]) -> Future[T]:
        """Have something done in the model's thread, one such thing between two steps. Full or Closing where not."""
        future: Future[T] = Future()
        with self._changed:
            if self._closing:
                raise Closing("the server is ending")
            if len(self._jobs) >= self.most:
                raise Full(max(1, min(120, round(self._pace * len(self._jobs)))))
            self._jobs.append((job, future))
            self._changed.notify()
        return future

    @property
    def running(self) -> int:
        """How many are being answered."""
        return sum(t.row is not None and t.row.slot >= 0 for t in list(self._open))

    @property
    def waiting(self) -> int:
        """How many wait for that."""
        return len(self._open) - self.running

    def wake(self) -> None:
        with self._changed:
            self._changed.notify()

    def end(self, now: bool = False) -> None:
        """Take nothing more, and end when what was asked is answered; `now`: cut it off."""
        with self._changed:
            self._closing, self._now = True, self._now or now
            self._changed.notify()

    def close(self, now: bool = False) -> None:
        """`end`, and wait until it has."""
        self.end(now)
        self._thread.join()

    def _new_batch(self) -> OpenBatch | None:
        if isinstance(self.generator, Engine):
            return OpenBatch(self.generator.model, self.backend.stop_ids, self.size, self.generator.budget)
        return None

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (self._open or self._jobs or self._closing):
                    self._changed.wait()
                if self._closing and (self._now or not (self._open or self._jobs)):
                    left, undone = list(self._open), list(self._jobs)
                    self._jobs.clear()
                    break
                new = list(self._new)
                self._new.clear()
                job = self._jobs.popleft() if self._jobs else None
            if job is not None:
                _do(*job)
            for ticket in [t for t in self._open if t.cancelled]:
                self._give_up(ticket)
            try:
                self._go_on([t for t in new if not t.over])
            except Exception as e:  # out of memory, say: these answers are lost, the next ones need not be
                self._fail(e)
        for ticket in left:
            self._give_up(ticket)
        for _, future in undone:
            if future.set_running_or_notify_cancel():
                future.set_exception(Closing("the server is ending"))

    def _go_on(self, new: Sequence[Ticket]) -> None:
        if self._batch is None:
            for ticket in new:
                if ticket.cancelled or self._now:
                    self._give_up(ticket)
                else:
                    self._alone(ticket)
            return
        if not self._open:
            return
        for ticket in new:
            ticket.row = self._batch.join(ticket.request, ticket.settings, ticket.scored)
        by_row = {id(t.row): t for t in self._open}
        for row, _ in self._batch.step():
            if ticket := by_row.get(id(row)):
                self._advance(ticket, row)

    def _alone(self, ticket: Ticket) -> None:
        """One question by transformers' generate, while the others wait."""
        try:
            for row, _ in self.generator.stream(ticket.request, ticket.settings, self.backend.stop_ids):
                row.slot, ticket.row = 0, row
                self._advance(ticket, row)
                if ticket.over:
                    return
                if ticket.cancelled or self._now:
                    self._give_up(ticket)
                    return
        except Exception as e:
            self._finish(ticket, "error", error=_why(e))

    def _advance(self, ticket: Ticket, row: Row) -> None:
        if row.finish:
            self._finish(ticket, "stop" if row.finish == "stop" else "length")
        elif piece := ticket.text.piece():
            ticket.given += len(piece)
            self._tell(ticket, Event(piece, self._tokens(ticket)))

    def _finish(self, ticket: Ticket, reason: Any, stopped: bool = False, error: str | None = None) -> None:
        """The last event of a ticket."""
        row = ticket.row
        new = row.new if row is not None else []
        ticket.text.tokens = list(new)
        last = ticket.text.last_piece()
        ticket.given += len(last)
        whole = Answer(
            0, ticket.text.whole(), reason, len(ticket.request.prompt), len(new),
            round(row.seconds, 4) if row is not None else 0.0, error,
        )  # fmt: skip
        ticket.over = True
        if row is not None and not stopped and error is None:
            self._pace += (row.seconds - self._pace) / 8
        tokens = self._tokens(ticket)
        with self._changed:
            if ticket in self._open:
                self._open.remove(ticket)
        self._tell(ticket, Event(last, tokens, whole, stopped))

    def _give_up(self, ticket: Ticket) -> None:
        if ticket.over:
            return
        if self._batch is not None and isinstance(ticket.row, Joined):
            self._batch.leave(ticket.row)
        self._finish(ticket, "length", stopped=True)

    def _fail(self, problem: Exception) -> None:
        """Every question in the batch gets the problem for an answer, and the batch begins anew."""
        for ticket in [t for t in self._open if t.row is not None]:
            self._finish(ticket, "error", error=_why(problem))
        self._batch = None  # its memory is free before the next one takes some
        try:
            self._batch = self._new_batch()
        except Exception:
            self.end(now=True)

    def _tokens(self, ticket: Ticket) -> tuple[Token, ...]:
        """The tokens of what was given out since the last time; none where they were not asked for."""
        if not ticket.scored or ticket.row is None:
            return ()
        text = ticket.text
        skip = len(text.before) if text.before and text.text.startswith(text.before) else 0
        out, row = [], ticket.row
        new = row.new
        while (n := ticket.scores_given) < len(new) and ticket.starts[n] - skip < ticket.given:
            ticket.scores_given += 1
            if ticket.starts[n] < skip or new[n] in self.backend.stop_ids:
                continue
            (_, value), *others = row.likeliest[n]
            top = tuple((self.spell(i), p) for i, p in others)
            out.append(Token(self.spell(new[n]), ticket.starts[n] - skip, value, top))
        return tuple(out)

    def spell(self, token: int) -> str:
        """A token as text, with the space before a word that some tokenizers leave out at the start of a text."""
        if token not in self._spelt:
            tokenizer: Any = self.backend.chat.tokenizer
            text, raw = tokenizer.decode([token]), tokenizer.convert_ids_to_tokens(token)
            lacks = isinstance(raw, str) and raw.startswith("▁") and not text.startswith(" ")
            self._spelt[token] = f" {text}" if lacks else text
        return self._spelt[token]

    @staticmethod
    def _tell(ticket: Ticket, event: Event) -> None:
        with contextlib.suppress(RuntimeError):  # the asker's event loop has ended
            ticket.tell(event)


def _why(problem: Exception) -> str:
    said = str(problem).splitlines()
    return f"the model failed ({type(problem).__name__}: {said[0][:200] if said else 'no reason given'})"


def _do(job: Callable[[], Any], future: Future[Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(job())
    except Exception as e:  # out of memory, say
        future.set_exception(e if isinstance(e, HeedfulError) else HeedfulError(_why(e)))
