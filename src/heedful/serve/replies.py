"""An answer's JSON, whole or in pieces, as OpenAI's clients read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from heedful.backends.base import Answer
from heedful.serve.echo import Echo

if TYPE_CHECKING:
    from heedful.backends.worker import Token


@dataclass(frozen=True)
class Reply:
    """What all pieces of an answer have in common."""

    id: str
    created: int
    model: str
    chat: bool
    scored: bool
    include_usage: bool = False

    def whole(
        self,
        choices: Iterable[tuple[int, Answer, Sequence[Token]]],
        usage: dict[str, Any],
        echoes: Mapping[int, Echo] | None = None,
    ) -> dict[str, Any]:
        """The answer to a request that does not stream: (index, answer, tokens) of each choice, and its prompt."""
        made = []
        for index, answer, tokens in choices:
            echo = (echoes or {}).get(index, Echo(""))
            said = {"message": {"role": "assistant", "content": answer.text, "refusal": None}} if self.chat else {}
            text = {} if self.chat else {"text": echo.text + answer.text}
            scores = self._scores(tokens, echo)
            made.append({"index": index, **said, **text, "logprobs": scores, "finish_reason": reason(answer)})
        kind = "chat.completion" if self.chat else "text_completion"
        return {**self._head(kind), "choices": made, "usage": usage}

    def first(self, index: int) -> dict[str, Any] | None:
        """What is sent before any text: of a conversation, whose turn it is."""
        return self._piece(index, {"delta": {"role": "assistant", "content": ""}}) if self.chat else None

    def piece(self, index: int, text: str, tokens: Sequence[Token]) -> dict[str, Any]:
        """Some more text."""
        said: dict[str, Any] = {"delta": {"content": text}} if self.chat else {"text": text}
        return self._piece(index, {**said, "logprobs": self._scores(tokens)})

    def last(self, index: int, answer: Answer) -> dict[str, Any]:
        """Why a choice has ended."""
        said: dict[str, Any] = {"delta": {}} if self.chat else {"text": ""}
        return self._piece(index, said, reason(answer))

    def usage(self, usage: dict[str, Any]) -> dict[str, Any]:
        """The piece with the counts, which has no choices."""
        return {**self._head(self._kind()), "choices": [], "usage": usage}

    def _kind(self) -> str:
        return "chat.completion.chunk" if self.chat else "text_completion"

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}

    def _piece(self, index: int, said: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": index, "logprobs": None, **said, "finish_reason": finish}
        counts = {"usage": None} if self.include_usage else {}
        return {**self._head(self._kind()), "choices": [choice], **counts}

    def _scores(self, tokens: Sequence[Token], echo: Echo = Echo("")) -> dict[str, Any] | None:
        if not self.scored:
            return None
        if self.chat:
            return {"content": [_place(t) for t in tokens], "refusal": None}
        return {
            "tokens": [*echo.tokens, *(t.text for t in tokens)],
            "token_logprobs": [*echo.logprobs, *(t.logprob for t in tokens)],
            "top_logprobs": [*echo.top, *(dict(reversed(t.top)) for t in tokens)],
            "text_offset": [*echo.offsets, *(echo.end + t.at for t in tokens)],
        }


def usage_of(prompts: Iterable[int], answers: Iterable[Answer], reused: int) -> dict[str, Any]:
    """Token counts; a prompt that is answered several times counts once, the stop token counts as said."""
    asked, said = sum(prompts), sum(a.tokens for a in answers)
    return {
        "prompt_tokens": asked,
        "completion_tokens": said,
        "total_tokens": asked + said,
        "prompt_tokens_details": {"cached_tokens": min(reused, asked)},
    }


def reason(answer: Answer) -> str:
    """Why an answer ended, in OpenAI's words."""
    return "stop" if answer.finish_reason == "stop" else "length"


def _place(token: Token) -> dict[str, Any]:
    top = [{"token": text, "logprob": value, "bytes": _bytes(text)} for text, value in token.top]
    return {"token": token.text, "logprob": token.logprob, "bytes": _bytes(token.text), "top_logprobs": top}


def _bytes(text: str) -> list[int] | None:
    """A token's bytes; None where it is a part of a character only, whose bytes are not known here."""
    return None if "\ufffd" in text else list(text.encode("utf-8", "replace"))
