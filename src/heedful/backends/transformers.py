"""Answers from a model in this process: by the engine in `generation`, or by transformers' `generate`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from heedful.backends.base import Answer, GenerationSettings, Tools
from heedful.backends.generation import AnswerText, Engine, PlainGenerate, Request, Row, make_generator
from heedful.chat import Chat
from heedful.errors import RequestError, TemplateError
from heedful.records import Message


@dataclass(frozen=True)
class Piece:
    """Some more text of an answer; the last piece bears the whole Answer, whose text is what holds."""

    text: str
    answer: Answer | None = None


class TransformersBackend:
    """A model, its tokenizer and its template. Works on plain and on adapted models, on any device.

    `say` is told once if the model cannot be answered with by the engine, and why. `note` is that sentence, or the one
    that says that the engine is used.
    """

    def __init__(self, name: str, model: Any, chat: Chat, say: Callable[[str], None] = lambda _: None):
        self.name = name
        self.model = model
        self.chat = chat
        self.say = say
        tokenizer: Any = chat.tokenizer
        # A model may end its answer as it was trained here or as it was trained before: both are a stop.
        # Without the second, a tuned model given another template would run to the limit.
        self.stop_ids = {chat.stop_id, *([] if tokenizer.eos_token_id is None else [int(tokenizer.eos_token_id)])}
        self.pad_id = int(chat.stop_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id)
        # Beyond this many tokens a model has no positions, or none that it was trained on.
        self.positions = int(getattr(model.config, "max_position_embeddings", None) or 1 << 60)
        self._made: tuple[Any, Engine | PlainGenerate, str] | None = None

    def answer(
        self, prompts: Sequence[Sequence[Message]], settings: GenerationSettings, tools: Sequence[Tools] = ()
    ) -> Iterator[Answer]:
        """Answer every prompt, in the order in which they are done. Greedy unless `settings.temperature` is above 0.

        A prompt that the template has no place for, or the model no room, gets an answer that says so as its error.
        Neither the batch size nor the order of prompts changes an answer; `seconds` is an answer's share of the time.
        """
        requests: list[Request] = []
        texts: dict[int, AnswerText] = {}
        for index, prompt in enumerate(prompts):
            found = self._request(index, prompt, tools[index] if tools else (), settings)
            if isinstance(found, Answer):
                yield found
            else:
                requests.append(found[0])
                texts[index] = found[1]
        if not requests:
            return
        generator = self.generator()
        training = self.model.training
        self.model.eval()
        try:
            for row in generator.run(requests, settings, self.stop_ids):
                yield self._answer(row, texts.pop(row.request.index))
        finally:
            self.model.train(training)

    def stream(self, messages: Sequence[Message], settings: GenerationSettings, tools: Tools = ()) -> Iterator[Piece]:
        """One answer, piece by piece as it is made. No piece holds half a character or the beginning of a stop string.

        >>> for piece in backend.stream(messages, settings):                       # doctest: +SKIP
        ...     print(piece.text, end="", flush=True)
        """
        found = self._request(0, messages, tools, settings, follow=True)
        if isinstance(found, Answer):
            yield Piece("", found)
            return
        request, text = found
        generator = self.generator()
        training = self.model.training
        self.model.eval()
        try:
            for row, _ in generator.stream(request, settings, self.stop_ids):
                if row.finish:
                    yield Piece(text.last_piece(), self._answer(row, text))
                    return
                if piece := text.piece():
                    yield Piece(piece)
        finally:
            self.model.train(training)

    @property
    def note(self) -> str:
        """A sentence on how the model is answered with, and why."""
        self.generator()
        return self._made[2] if self._made else ""

    def generator(self) -> Engine | PlainGenerate:
        """What makes the tokens. It is chosen anew where the model has become another: given adapters, or merged."""
        parts = (id(self.model), tuple((name, type(module)) for name, module in _modules(self.model)))
        if self._made is None or self._made[0] != parts:
            made, note = make_generator(self.model, self.pad_id)
            self._made = (parts, made, note)
            if isinstance(made, PlainGenerate):
                self.say(note)
        return self._made[1]

    def _request(
        self, index: int, prompt: Sequence[Message], tools: Tools, settings: GenerationSettings, follow: bool = False
    ) -> tuple[Request, AnswerText] | Answer:
        """What the generator is asked, and where the text goes; or the answer that says why it cannot be asked."""
        if settings.server_fields:
            names = ", ".join(name for name, _ in settings.server_fields)
            raise RequestError(f"'{names}' is for a server, and {self.name} answers in this process; leave it out")
        try:
            ids = self.chat.prompt_ids(prompt, tools)
        except TemplateError as e:
            return Answer(index, "", "error", 0, 0, 0.0, str(e))
        room = self.positions - len(ids)
        if room < 1:
            problem = f"the question has {len(ids):,} tokens, the model has room for {self.positions:,}"
            return Answer(index, "", "error", len(ids), 0, 0.0, problem)
        if not ids:
            return Answer(index, "", "error", 0, 0, 0.0, "the template makes an empty prompt of the question")
        text = AnswerText(self.chat.tokenizer, self.chat.before, settings.stop, self.stop_ids)
        watched = follow or bool(settings.stop)
        return Request(index, ids, min(room, settings.max_new_tokens), text.add if watched else None), text

    def _answer(self, row: Row, text: AnswerText) -> Answer:
        text.tokens = row.new
        tokenizer: Any = self.chat.tokenizer
        likeliest = tuple(
            tuple((tokenizer.decode([i]), value) for i, value in place) for place in row.likeliest[: len(row.new)]
        )
        return Answer(
            row.request.index, text.whole(), "stop" if row.finish == "stop" else "length", row.prompt_tokens,
            len(row.new), round(row.seconds, 4), top_logprobs=likeliest or None,
        )  # fmt: skip


def _modules(model: Any) -> Iterator[tuple[str, Any]]:
    return model.named_modules() if hasattr(model, "named_modules") else iter(())
