"""Answers from a model in this process: by the engine in `generation`, or by transformers' `generate`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from heedful.backends.base import Answer, Continuation, GenerationSettings, LogLikelihood, Tools
from heedful.backends.generation import AnswerText, Engine, PlainGenerate, Request, Row, make_generator
from heedful.backends.generation.layout import lay_out_for_reading
from heedful.backends.scoring import Place, PlainScoring, ScoringEngine, Texts, log_likelihoods, make_scorer, rolling
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
    that says that the engine is used. `only_asked` says that the model will not be trained or saved: its weights may
    be stored as answers read them fastest, which is done before the first one.
    """

    def __init__(
        self,
        name: str,
        model: Any,
        chat: Chat,
        say: Callable[[str], None] = lambda _: None,
        only_asked: bool = False,
    ):
        self.name = name
        self._to_lay_out = only_asked
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
        self.about: dict[str, Any] = {}  # what a manifest records of the model, where it was loaded by name
        self._made: tuple[Any, Engine | PlainGenerate, str] | None = None
        self._scorer: tuple[Any, ScoringEngine | PlainScoring, str] | None = None

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
        with self._asked():
            for row in generator.run(requests, settings, self.stop_ids):
                yield self._answer(row, texts.pop(row.request.index))

    def complete(self, prompts: Sequence[str], settings: GenerationSettings) -> Iterator[Answer]:
        """Go on with texts, no template around them, in the order in which they are done; else as `answer`.

        What a prompt has too many tokens is cut at its beginning, so that `settings.max_new_tokens` have room; an
        answer's `truncated` says how many.
        """
        texts = Texts(self.chat.tokenizer, self.positions)
        requests: list[Request] = []
        answers: dict[int, AnswerText] = {}
        cuts: list[int] = []
        for index, prompt in enumerate(prompts):
            ids, cut = texts.prompt_ids(prompt, settings.max_new_tokens)
            room = self.positions - len(ids)
            cuts.append(cut)
            if not ids or room < 1:
                problem = "the prompt is empty" if not ids else f"the model has room for {self.positions:,} tokens"
                yield Answer(index, "", "error", len(ids), 0, 0.0, problem)
                continue
            text = AnswerText(self.chat.tokenizer, "", settings.stop, self.stop_ids)
            watched = text.add if settings.stop else None
            requests.append(Request(index, ids, min(room, settings.max_new_tokens), watched))
            answers[index] = text
        if not requests:
            return
        generator = self.generator()
        with self._asked():
            for row in generator.run(requests, settings, self.stop_ids):
                made = self._answer(row, answers.pop(row.request.index))
                yield replace(made, truncated=cuts[made.index])

    def log_likelihoods(self, rows: Sequence[Continuation]) -> Iterator[LogLikelihood]:
        """How likely each continuation is, as it is known: what rows begin with in common is computed once."""
        scorer = self.scorer()
        with self._asked():
            yield from log_likelihoods(scorer, Texts(self.chat.tokenizer, self.positions), rows)

    def rolling(self, whole: Sequence[str]) -> Iterator[LogLikelihood]:
        """How likely whole texts are, however long: what perplexity is computed from."""
        scorer = self.scorer()
        with self._asked():
            yield from rolling(scorer, Texts(self.chat.tokenizer, self.positions), whole)

    def places(self, ids: Sequence[int], top: int = 0) -> list[Place]:
        """How likely each token of a text is where it stands, but for the first, and the `top` likeliest there."""
        scorer = self.scorer()
        with self._asked():
            return scorer.places(ids, top)

    def render(self, messages: Sequence[Message]) -> str:
        """A conversation as text, in the model's template, up to where its answer begins; for `Continuation`."""
        return self.chat.render(messages, add_generation_prompt=True)

    @contextlib.contextmanager
    def _asked(self) -> Iterator[None]:
        """The model in the state in which it answers."""
        training = self.model.training
        self.model.eval()
        try:
            yield
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
        with self._asked():
            for row, _ in generator.stream(request, settings, self.stop_ids):
                if row.finish:
                    yield Piece(text.last_piece(), self._answer(row, text))
                    return
                if piece := text.piece():
                    yield Piece(piece)

    @property
    def note(self) -> str:
        """A sentence on how the model is answered with, and why."""
        self.generator()
        return self._made[2] if self._made else ""

    def generator(self) -> Engine | PlainGenerate:
        """What makes the tokens. It is chosen anew where the model has become another: given adapters, or merged."""
        if self._to_lay_out:
            lay_out_for_reading(self.model)
            self._to_lay_out = False
        parts = self._parts()
        if self._made is None or self._made[0] != parts:
            made, note = make_generator(self.model, self.pad_id)
            self._made = (parts, made, note)
            if isinstance(made, PlainGenerate):
                self.say(note)
        return self._made[1]

    def scorer(self) -> ScoringEngine | PlainScoring:
        """What computes log-likelihoods; chosen anew where the model has become another."""
        parts = self._parts()
        if self._scorer is None or self._scorer[0] != parts:
            made, note = make_scorer(self.model, self.pad_id)
            self._scorer = (parts, made, note)
            if isinstance(made, PlainScoring):
                self.say(note)
        return self._scorer[1]

    @property
    def scored_by(self) -> str | None:
        """What computed log-likelihoods, in words; None before the first ones."""
        return None if self._scorer is None else self._scorer[1].name

    def _parts(self) -> tuple[Any, ...]:
        return (id(self.model), tuple((name, type(module)) for name, module in _modules(self.model)))

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
