"""Conversations to tokens: the only place that knows templates, stop tokens and loss masks.

`Chat` binds a template to a tokenizer. Training, generation, benchmarks and export all go through it, so the
prompt that a model is asked with is, id by id, the beginning of the text it was trained on.

    chat = Chat.bind("alpaca", tokenizer)
    chat.encode(example).ids        # (T,) the whole row, ending in the stop token
    chat.prompt_ids(example.prompt) # its beginning, as the model will be asked

How a boundary stays exact whatever the tokenizer merges: the rendered text is encoded whole, as
`apply_chat_template` and every server do. If the ids of the text up to a boundary are the beginning of the ids
of the whole, the boundary lies between two tokens and nothing more is to be done. If a merge reaches across it
(``:`` and ``)`` becoming ``:)``), the text is encoded in pieces that are cut at the boundaries, because the model
will be asked with the first piece alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from heedful import templates
from heedful.errors import TemplateError
from heedful.records import Example, Message, TokenExample

TrainOn = Literal["answers", "last-answer", "everything"]
TRAIN_ON: tuple[str, ...] = ("answers", "last-answer", "everything")

# A text that no template changes and no tokenizer treats as special, to see what a template puts around an answer.
_PROBE = "Qx7answerZk9"
# Texts before which a piece is encoded, so that a tokenizer does not take its start for the start of a text.
_ANCHORS = ("\n", "a\n", ":", "x")


class Tokenizer(Protocol):
    """What Heedful needs of a tokenizer: a small part of transformers' `PreTrainedTokenizerBase`."""

    chat_template: Any

    @property
    def bos_token(self) -> str | None: ...
    @property
    def eos_token(self) -> str | None: ...
    @property
    def special_tokens_map(self) -> dict[str, Any]: ...
    @property
    def added_tokens_decoder(self) -> dict[int, Any]: ...
    @property
    def all_special_ids(self) -> list[int]: ...

    def encode(self, text: str, *, add_special_tokens: bool = True) -> list[int]: ...
    def decode(self, token_ids: Any, **options: Any) -> Any: ...
    def convert_tokens_to_ids(self, tokens: str) -> Any: ...


@dataclass(frozen=True)
class Span:
    """Where an assistant's answer stands in the rendered text: [start, end) in characters, the stop token inside."""

    start: int
    end: int
    trained: bool


@dataclass(frozen=True)
class Chat:
    """A template bound to a tokenizer. Make one with `Chat.bind`.

    `before` and `after` are what the template puts between the generation prompt and an answer (most often
    nothing) and after an answer, up to and including the stop token.
    """

    name: str
    text: str
    tokenizer: Tokenizer
    stop_id: int
    stop_token: str
    before: str
    after: str

    @classmethod
    def bind(cls, template: str, tokenizer: Tokenizer) -> Chat:
        """Bind a template (a built-in name, ``model``, or a Jinja file) to a tokenizer.

        Raises TemplateError if the template is unknown or broken, if its markers are not in the vocabulary, or
        if an answer does not end in a special token: a model trained so would never stop.
        """
        own = tokenizer.chat_template
        if isinstance(own, dict):  # tokenizers with several named templates
            own = own.get("default")
        text = templates.template_text(template, own)
        missing = [t for t in templates.NEEDS_TOKENS.get(template, ()) if not _has_token(tokenizer, t)]
        if missing:
            raise TemplateError(
                f"template '{template}': this model's vocabulary has no token {missing[0]}; "
                "choose alpaca or phi3-plain, which need none, or model if it brings its own template"
            )
        if template in templates.BUILT_IN and adds_bos(tokenizer):
            text = "{{- bos_token -}}" + text
        before, after, stop_id = _find_stop(template, text, tokenizer)
        return cls(template, text, tokenizer, stop_id, str(tokenizer.decode([stop_id])), before, after)

    @property
    def sha256(self) -> str:
        """The hash of the template's text, as the manifest records it."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def render(self, messages: Sequence[Message], add_generation_prompt: bool = False) -> str:
        """The text of a conversation, the same as ``tokenizer.apply_chat_template(..., tokenize=False)`` gives."""
        return templates.render(
            self.text, self.as_dicts(messages), add_generation_prompt, _special_tokens(self.tokenizer)
        )

    def as_dicts(self, messages: Sequence[Message]) -> list[dict[str, str]]:
        """Messages as the template sees them: with `context` where it has a place for it, else merged into the content."""
        place = templates.has_place_for_context(self.text)
        out = []
        for m in messages:
            value = {"role": m.role, "content": m.content}
            if m.context and place:
                value["context"] = m.context
            elif m.context:
                value["content"] = f"{m.content}\n\n{m.context}"
            out.append(value)
        return out

    def prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        """The ids with which the model is asked: the conversation and the start of the assistant's turn. Shape (T,)."""
        return self._ids(self.render(messages, add_generation_prompt=True) + self.before)

    def encode(self, example: Example, train_on: str = "answers") -> TokenExample:
        """Encode a row and mark its trained tokens.

        `train_on`: ``answers`` trains every assistant turn (but those with ``train=False``), ``last-answer`` the
        last one, ``everything`` all tokens but the first, which nothing predicts. The row ends with the stop
        token of its last answer, itself trained; what a template writes after it is left out.

        Raises TemplateError if the template rewrites earlier turns (then only ``last-answer`` is possible) or
        refuses the conversation.
        """
        text, spans = self.spans(example.messages, train_on)
        text = text[: spans[-1].end]
        cuts = sorted({c for s in spans if s.trained for c in (s.start, s.end)})
        ids, marks = self._cut(text, cuts)
        mask = [False] * len(ids)
        for span in spans:
            if train_on == "everything":
                mask = [False] + [True] * (len(ids) - 1)
            elif span.trained:
                mask[marks[span.start] : marks[span.end]] = [True] * (marks[span.end] - marks[span.start])
        return TokenExample(example.id, tuple(ids), tuple(mask))

    def spans(self, messages: Sequence[Message], train_on: str = "answers") -> tuple[str, list[Span]]:
        """The rendered conversation and where each assistant's answer stands in it."""
        if train_on not in TRAIN_ON:
            raise TemplateError(f"train_on '{train_on}': choose {', '.join(TRAIN_ON)}")
        turns = [k for k, m in enumerate(messages) if m.role == "assistant"]
        if not turns or turns[-1] != len(messages) - 1:
            raise TemplateError("a conversation must end with the assistant's answer to be trained on")
        text = self.render(messages)
        if train_on == "last-answer":
            turns = turns[-1:]
        spans = []
        for k in turns:
            start, end = self._find_answer(text, messages, k)
            spans.append(Span(start, end, messages[k].train is not False))
        return text, spans

    def _find_answer(self, text: str, messages: Sequence[Message], k: int) -> tuple[int, int]:
        """Where turn `k` stands in `text`: found by rendering what comes before it, never by searching for markers."""
        prompt = self.render(messages[:k], add_generation_prompt=True) + self.before
        if text.startswith(prompt):
            for content in (messages[k].content, messages[k].content.strip()):
                end = len(prompt) + len(content)
                if text[len(prompt) : end] == content and text.startswith(self.after, end):
                    return len(prompt), end + len(self.after)
        which = "the last answer" if k == len(messages) - 1 else "an earlier answer"
        mend = "choose another template" if k == len(messages) - 1 else "use train_on: last-answer"
        raise TemplateError(f"the template changes {which}, so its tokens cannot be marked exactly; {mend}")

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False))

    def _cut(self, text: str, cuts: Sequence[int]) -> tuple[list[int], dict[int, int]]:
        """Encode `text` so that no token reaches across a cut; return the ids and each cut's place among them."""
        ids = self._ids(text)
        marks: dict[int, int] = {len(text): len(ids)}
        for cut in cuts:
            if cut == len(text):
                continue
            head = self._ids(text[:cut])
            if ids[: len(head)] != head:
                return self._cut_in_pieces(text, cuts)
            marks[cut] = len(head)
        return ids, marks

    def _cut_in_pieces(self, text: str, cuts: Sequence[int]) -> tuple[list[int], dict[int, int]]:
        bounds = sorted({*cuts, len(text)} - {0})
        ids = self._ids(text[: bounds[0]])
        marks = {0: 0, bounds[0]: len(ids)}
        for start, end in zip(bounds, bounds[1:], strict=False):
            ids += self._continue(text[start:end])
            marks[end] = len(ids)
        return ids, marks

    def _continue(self, piece: str) -> list[int]:
        """Encode a piece from the middle of a text, without the space that some tokenizers put before a text."""
        for anchor in _ANCHORS:
            head = self._ids(anchor)
            whole = self._ids(anchor + piece)
            if whole[: len(head)] == head and self.tokenizer.decode(whole) == self.tokenizer.decode(head) + piece:
                return whole[len(head) :]
        return self._ids(piece)

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


def adds_bos(tokenizer: Tokenizer) -> bool:
    """Whether the tokenizer by itself begins a text with its beginning-of-text token."""
    if not tokenizer.bos_token:
        return False
    ids = tokenizer.encode("a", add_special_tokens=True)
    return bool(ids) and ids[0] == tokenizer.convert_tokens_to_ids(tokenizer.bos_token)


def special_ids(tokenizer: Tokenizer) -> frozenset[int]:
    """The ids of all control tokens: those with a name (eos, ...) and the added ones marked special."""
    added = {i for i, token in tokenizer.added_tokens_decoder.items() if getattr(token, "special", False)}
    return frozenset(added | set(tokenizer.all_special_ids))


def _special_tokens(tokenizer: Tokenizer) -> dict[str, str]:
    return {k: str(v) for k, v in tokenizer.special_tokens_map.items() if not isinstance(v, list | tuple)}


def _has_token(tokenizer: Tokenizer, token: str) -> bool:
    return len(tokenizer.encode(token, add_special_tokens=False)) == 1


def _find_stop(template: str, text: str, tokenizer: Tokenizer) -> tuple[str, str, int]:
    """What a template puts before and after an answer, and the id of the token that ends it."""
    tokens = _special_tokens(tokenizer)
    asked = [{"role": "user", "content": "Hello"}]
    prompt = templates.render(text, asked, True, tokens)
    whole = templates.render(text, [*asked, {"role": "assistant", "content": _PROBE}], False, tokens)
    name = f"template '{template}'"
    if not whole.startswith(prompt):
        raise TemplateError(
            f"{name}: what it renders for a question with add_generation_prompt is not how the answered conversation "
            "begins, so a model would be asked in a form it was not trained on; mend the template"
        )
    before, found, after = whole[len(prompt) :].partition(_PROBE)
    if not found:
        raise TemplateError(f"{name}: it does not render the assistant's answer; mend the template")
    controls = special_ids(tokenizer)
    ids = tokenizer.encode("\n" + after, add_special_tokens=False)
    stop = next((i for i in ids if i in controls), None)
    if stop is None:
        raise TemplateError(
            f"{name}: an answer does not end in a stop token, so the model would never learn to stop; "
            "let the template write eos_token (or the end-of-turn token) after the assistant's content"
        )
    stop_text = str(tokenizer.decode([stop]))
    return before, after[: after.index(stop_text) + len(stop_text)], stop
