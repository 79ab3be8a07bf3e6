"""Conversations to tokens: the only place that knows templates, stop tokens and loss masks.

`Chat` binds a template to a tokenizer. Training, generation, benchmarks and export all go through it, so the
prompt that a model is asked with is, id by id, the beginning of the text it was trained on.

    chat = Chat.bind("alpaca", tokenizer)
    chat.encode(example).ids        # (T,) the whole row, ending in the stop token
    chat.prompt_ids(example.prompt) # its beginning, as the model will be asked

An answer is everything between the generation prompt and the end of the stop token. What a template writes of its
own before an answer (Llama 2's space, Qwen 3's empty thinking block) is trained with it, because whoever asks with
the template's generation prompt, as every server does, leaves it to the model to write. The tool calls and the
reasoning of an answer are part of it. What a template has no place for (tools, calls, results, reasoning) refuses the
conversation and is never left out in silence; `name` and `tool_call_id` are handed on, and most templates show neither.

How a boundary stays exact whatever the tokenizer merges: the rendered text is encoded whole, as
`apply_chat_template` and every server do. If the ids of the text up to a boundary are the beginning of the ids
of the whole, the boundary lies between two tokens and nothing more is to be done. If a merge reaches across it
(``:`` and ``)`` becoming ``:)``), the text is encoded in pieces that are cut at the boundaries, because the model
will be asked with the first piece alone.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from heedful import templates
from heedful.control_tokens import Tokenizer, adds_bos, encode_texts, find_stop, has_token, special_tokens
from heedful.errors import TemplateError
from heedful.records import TRAIN_ON, Example, Message, TokenExample
from heedful.seams import Seams, seams_of
from heedful.templates.places import PLACES, has_place, places_needed

Tools = Sequence[Mapping[str, Any]]

AT_ONCE = 1000  # rows that are encoded together, while the next ones are read and rendered
# Texts before which a piece is encoded, so that a tokenizer does not take its start for the start of a text.
_ANCHORS = ("\n", "a\n", ":", "x")


@dataclass(frozen=True)
class Span:
    """Where an assistant's answer stands in the rendered text: [start, end) in characters, the stop token inside."""

    start: int
    end: int
    trained: bool


@dataclass(frozen=True)
class _Plan:
    """A row that is rendered and not yet encoded: `text` with its spans, and where no token may reach across."""

    name: str
    text: str
    spans: list[Span]
    cuts: list[int]
    everything: bool

    @property
    def texts(self) -> Iterator[str]:
        """All that is to be encoded."""
        yield self.text
        yield from (self.text[:cut] for cut in self.cuts if cut != len(self.text))


_Plans = list[_Plan | TemplateError]


class _KnownIds:
    """The ids of the texts of some rows; what they have in common between seams is encoded once."""

    def __init__(self, tokenizer: Tokenizer, seams: Seams | None, texts: Iterable[str]):
        self.pieces = {text: seams.split(text) if seams else [text] for text in texts}
        unlike = list(dict.fromkeys(itertools.chain.from_iterable(self.pieces.values())))
        self.ids = dict(zip(unlike, encode_texts(tokenizer, unlike), strict=True))

    def __call__(self, text: str) -> list[int]:
        return list(itertools.chain.from_iterable(map(self.ids.__getitem__, self.pieces[text])))


@dataclass(frozen=True)
class Chat:
    """A template bound to a tokenizer. Make one with `Chat.bind`.

    `before` is what the template puts between the generation prompt and an answer (most often nothing), `after`
    what it puts after an answer up to and including the stop token, `tail` what follows a last answer's stop token.
    """

    name: str
    text: str = field(repr=False)
    tokenizer: Tokenizer = field(repr=False)
    stop_id: int
    stop_token: str
    before: str
    after: str
    tail: str

    @classmethod
    def bind(cls, template: str, tokenizer: Tokenizer) -> Chat:
        """Bind a template to a tokenizer.

        `template` is a built-in name, a Jinja file, ``model`` (the tokenizer's own) or ``auto`` (its own, else alpaca).

        Raises TemplateError if the template is unknown or broken, if its markers are not in the vocabulary, or
        if an answer does not end in a special token: a model trained so would never stop.
        """
        own = tokenizer.chat_template
        if template == "auto":
            template = "model" if own else "alpaca"
        if isinstance(own, dict):  # tokenizers with several named templates
            own = own.get("default")
        text = templates.template_text(template, own)
        missing = [t for t in templates.NEEDS_TOKENS.get(template, ()) if not has_token(tokenizer, t)]
        if missing:
            raise TemplateError(
                f"template '{template}': this model's vocabulary has no token {missing[0]}; "
                "choose alpaca or phi3-plain, which need none, or model if it brings its own template"
            )
        if template in templates.BUILT_IN and adds_bos(tokenizer):
            text = "{{- bos_token -}}" + text
        return cls(template, text, tokenizer, **find_stop(template, text, tokenizer))

    @property
    def sha256(self) -> str:
        """The hash of the template's text, as the manifest records it."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def render(self, messages: Sequence[Message], add_generation_prompt: bool = False, tools: Tools = ()) -> str:
        """The text of a conversation, the same as ``tokenizer.apply_chat_template(..., tokenize=False)`` gives.

        Raises TemplateError if the template refuses the conversation or has no place for something that it holds.
        """
        values, tools = self.as_dicts(messages), [_plain(tool) for tool in tools]
        for place in places_needed(values, tools):
            if not has_place(self.text, tuple(self._tokens.items()), place):
                raise TemplateError(
                    f"template '{self.name}' has no place for {PLACES[place]}; "
                    "choose a template that has one, such as chatml, or take them out of the row"
                )
        return templates.render(self.text, values, add_generation_prompt, self._tokens, tools)

    @functools.cached_property
    def _seams(self) -> Seams | None:
        return seams_of(self.tokenizer)

    @functools.cached_property
    def _tokens(self) -> dict[str, str]:
        return special_tokens(self.tokenizer)

    def as_dicts(self, messages: Sequence[Message]) -> list[dict[str, Any]]:
        """Messages as the template sees them.

        A question's `context` stays apart where the template has a place for it; any other is put after the content.
        Reasoning goes by two names, as transformers has it, because templates differ in which they read.
        """
        place = templates.has_place_for_context(self.text)
        out = []
        for m in messages:
            value: dict[str, Any] = {"role": m.role, "content": m.content}
            if m.reasoning_content:
                value |= {"thinking": m.reasoning_content, "reasoning_content": m.reasoning_content}
            if m.tool_calls:
                value["tool_calls"] = [_plain(call) for call in m.tool_calls]
            value |= {k: v for k, v in (("tool_call_id", m.tool_call_id), ("name", m.name)) if v is not None}
            if m.context and place and m.role == "user":
                value["context"] = m.context
            elif m.context:
                value["content"] = f"{m.content}\n\n{m.context}"
            out.append(value)
        return out

    def prompt_ids(self, messages: Sequence[Message], tools: Tools = ()) -> list[int]:
        """The ids with which the model is asked: the conversation and the start of the assistant's turn. Shape (T,)."""
        return self._ids(self.render(messages, add_generation_prompt=True, tools=tools))

    def encode(self, example: Example, train_on: str = "answers") -> TokenExample:
        """Encode a row and mark its trained tokens.

        `train_on`: ``answers`` trains every assistant turn, ``last-answer`` the last one, ``everything`` all tokens
        but the first, which nothing predicts. An assistant turn's own `train` flag goes before all three. The row
        ends with the stop token of its last answer; what a template writes after it is left out.

        Raises TemplateError if the template rewrites earlier turns (then only ``last-answer`` is possible) or
        refuses the conversation, or has no place for its tools, tool calls or reasoning.
        """
        return self._token_row(self._plan(example, train_on), self._ids)

    def encode_all(self, examples: Iterable[Example], train_on: str = "answers") -> Iterator[TokenExample]:
        """`encode` for many rows, in order and several times as fast; raises what it raises, at the row in question."""
        for made in self.try_encode_all(examples, train_on):
            if isinstance(made, TemplateError):
                raise made
            yield made

    def try_encode_all(
        self, examples: Iterable[Example], train_on: str = "answers"
    ) -> Iterator[TokenExample | TemplateError]:
        """`encode_all`, with the error in the place of a row that the template refuses."""
        encode_texts(self.tokenizer, [""])  # what changes a tokenizer's settings is done before two threads use it
        with ThreadPoolExecutor(1, "encode") as worker:  # tokenizers leave Python free while they work
            waiting: tuple[_Plans, Future[_KnownIds]] | None = None
            for plans in self._plans(examples, train_on):
                texts = (t for p in plans if isinstance(p, _Plan) for t in p.texts)
                begun = (plans, worker.submit(_KnownIds, self.tokenizer, self._seams, texts))
                if waiting:
                    yield from self._token_rows(*waiting)
                waiting = begun
            if waiting:
                yield from self._token_rows(*waiting)

    def _plans(self, examples: Iterable[Example], train_on: str) -> Iterator[_Plans]:
        """Rows rendered, `AT_ONCE` together, with the error in the place of one that the template refuses."""
        rest = iter(examples)
        while some := list(itertools.islice(rest, AT_ONCE)):
            plans: _Plans = []
            for example in some:
                try:
                    plans.append(self._plan(example, train_on))
                except TemplateError as e:
                    plans.append(e)
            yield plans

    def _token_rows(self, plans: _Plans, known: Future[_KnownIds]) -> Iterator[TokenExample | TemplateError]:
        ids = known.result()
        for plan in plans:
            yield plan if isinstance(plan, TemplateError) else self._token_row(plan, ids)

    def _plan(self, example: Example, train_on: str) -> _Plan:
        text, spans = self.spans(example.messages, train_on, example.tools)
        text, everything = text[: spans[-1].end], train_on == "everything"
        cuts = sorted({c for s in spans if everything or s.trained for c in (s.start, s.end)})
        return _Plan(example.id, text, spans, cuts, everything)

    def _token_row(self, plan: _Plan, ids_of: Callable[[str], list[int]]) -> TokenExample:
        ids, marks = self._cut(plan.text, plan.cuts, ids_of)
        mask = [plan.everything] * len(ids)
        for span in plan.spans:
            if span.trained != plan.everything:
                start, end = marks[span.start], marks[span.end]
                mask[start:end] = [span.trained] * (end - start)
        if ids:
            mask[0] = False
        return TokenExample(plan.name, tuple(ids), tuple(mask))

    def spans(
        self, messages: Sequence[Message], train_on: str = "answers", tools: Tools = ()
    ) -> tuple[str, list[Span]]:
        """The rendered conversation and where each answer that may be trained stands in it; the last answer always."""
        if train_on not in TRAIN_ON:
            raise TemplateError(f"train_on '{train_on}': choose {', '.join(TRAIN_ON)}")
        last = len(messages) - 1
        if not messages or messages[last].role != "assistant":
            raise TemplateError("a conversation must end with the assistant's answer to be trained on")
        text = self.render(messages, tools=tools)
        spans = []
        for k, message in enumerate(messages):
            wanted = train_on != "last-answer" or k == last or message.train is True
            if message.role == "assistant" and wanted:
                start, end = self._find_answer(text, messages, k, tools)
                spans.append(Span(start, end, message.train is not False))
        return text, spans

    def _find_answer(self, text: str, messages: Sequence[Message], k: int, tools: Tools) -> tuple[int, int]:
        """Where turn `k` stands in `text`: found by rendering what comes before it, never by searching for markers."""
        prompt = self.render(messages[:k], add_generation_prompt=True, tools=tools)
        last = k == len(messages) - 1
        upto = text if last else self.render(messages[: k + 1], tools=tools)
        start, end = len(prompt), len(upto) - len(self.tail)
        if (
            upto.startswith(prompt)
            and upto.endswith(self.after + self.tail)
            and start + len(self.after) <= end
            and (last or text.startswith(upto[:end]))
            and _holds(upto[start:end], messages[k])
        ):
            return start, end
        which, mend = (
            ("the last answer", "choose another template")
            if last
            else ("an earlier answer", "use train_on: last-answer")
        )
        raise TemplateError(f"the template changes {which}, so its tokens cannot be marked exactly; {mend}")

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False))

    def _cut(
        self, text: str, cuts: Sequence[int], ids_of: Callable[[str], list[int]]
    ) -> tuple[list[int], dict[int, int]]:
        """Encode `text` so that no token reaches across a cut; return the ids and each cut's place among them."""
        ids = ids_of(text)
        marks: dict[int, int] = {len(text): len(ids)}
        for cut in cuts:
            if cut == len(text):
                continue
            head = ids_of(text[:cut])
            if ids[: len(head)] != head:
                return self._cut_in_pieces(text, cuts)
            marks[cut] = len(head)
        return ids, marks

    def _cut_in_pieces(self, text: str, cuts: Sequence[int]) -> tuple[list[int], dict[int, int]]:
        bounds = sorted({*cuts, len(text)} - {0})
        ids = self._ids(text[: bounds[0]])
        marks = {0: 0, bounds[0]: len(ids)}
        for start, end in itertools.pairwise(bounds):
            after_stop = text.endswith(self.stop_token, 0, start)
            ids += self._continue(text[start:end], after_stop)
            marks[end] = len(ids)
        return ids, marks

    def _continue(self, piece: str, after_stop: bool) -> list[int]:
        """Encode a piece from the middle of a text, without the space that some tokenizers put before a text."""
        found = []
        for anchor in (self.stop_token,) if after_stop else _ANCHORS:
            head = self._ids(anchor)
            whole = self._ids(anchor + piece)
            if whole[: len(head)] != head:
                continue
            if after_stop or self.tokenizer.decode(whole) == self.tokenizer.decode(head) + piece:
                return whole[len(head) :]
            found.append(whole[len(head) :])
        # A tokenizer that changes the text (NFKC) never gives the piece back: then no merge across must be enough,
        # and the most ids, because a run of unknown characters may go into the anchor's own.
        return max(found, key=len) if found else self._ids(piece)

    def install(self, tokenizer: Any, generation_config: Any = None) -> None:
        """Put the template into a tokenizer, and the stop token into a generation config, for other programs to use.

        Afterwards `tokenizer.apply_chat_template` gives the same ids as this object, and `generate` and servers
        that read ``generation_config.json`` stop where training stopped.
        """
        tokenizer.chat_template = self.text
        if generation_config is not None:
            now = generation_config.eos_token_id
            known = list(now) if isinstance(now, list | tuple) else [] if now is None else [now]
            generation_config.eos_token_id = [self.stop_id, *(i for i in known if i != self.stop_id)]


def _plain(value: Any) -> Any:
    """A value as plain lists and objects, which templates can write as JSON."""
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value


def _holds(span: str, message: Message) -> bool:
    """Whether the rendered answer has all that the message says. A template may move white space, but not words.

    Of tool calls the names, keys and texts are looked for, as they are or as JSON writes them.
    """
    squeezed = "".join(span.split())
    said = (message.content, message.reasoning_content or "")
    if not all(part in span or "".join(part.split()) in squeezed for part in said):
        return False
    functions = [call.get("function", call) for call in message.tool_calls]
    called = [word for f in functions for word in (str(f.get("name", "")), *_words(f.get("arguments")))]
    forms = ((word, json.dumps(word)[1:-1], json.dumps(word, ensure_ascii=False)[1:-1]) for word in called)
    return all(any("".join(form.split()) in squeezed for form in written) for written in forms)


def _words(value: Any) -> Iterator[str]:
    """The texts inside of a call's arguments, and their names."""
    if isinstance(value, str):
        yield value
    for inner in (*value.keys(), *value.values()) if isinstance(value, Mapping) else ():
        yield from _words(inner)
    for inner in value if isinstance(value, list | tuple) else ():
        yield from _words(inner)
