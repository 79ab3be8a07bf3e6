"""The text of an answer while its tokens come: stop strings, and pieces that can be shown and never taken back.

A character may be spread over several tokens, and a stop string over several more. So a piece is given out when its
characters are whole and no stop string can begin in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

UNFINISHED = "\ufffd"  # what the first bytes of a character are decoded to


class AnswerText:
    """Tokens in, text out. `before` is what the template itself writes before every answer, which is left out."""

    def __init__(self, tokenizer: Any, before: str, stops: Sequence[str], stop_ids: set[int]):
        self.tokenizer, self.before, self.stops, self.stop_ids = tokenizer, before, tuple(stops), stop_ids
        self.tokens: list[int] = []
        self.text = ""
        self._context = self._read = 0  # tokens before `_read` are in `text`; those from `_context` on are its last
        self._given = 0

    def add(self, token: int) -> bool:
        """Take a token; whether a stop string is complete."""
        self.tokens.append(token)
        if token in self.stop_ids:
            return False
        known = self._decode(self.tokens[self._context : self._read])
        now = self._decode(self.tokens[self._context :])
        if now.endswith(UNFINISHED) or not now.startswith(known):
            return False
        self.text += now[len(known) :]
        self._context, self._read = self._read, len(self.tokens)
        return first_stop(self._visible(), self.stops) is not None

    def piece(self) -> str:
        """What can be shown since the last time."""
        shown = self._visible()
        end = first_stop(shown, self.stops)
        shown = shown[:end] if end is not None else shown[: len(shown) - _begun(shown, self.stops)]
        piece, self._given = shown[self._given :], max(self._given, len(shown))
        return piece

    def whole(self) -> str:
        """The answer, decoded at once: without its stop token, and up to the first stop string."""
        tokens = self.tokens[:-1] if self.tokens and self.tokens[-1] in self.stop_ids else self.tokens
        text = self._decode(tokens).removeprefix(self.before)
        return text[: first_stop(text, self.stops)]

    def last_piece(self) -> str:
        """What `whole` has beyond the pieces that were given out."""
        return self.whole()[self._given :]

    def _visible(self) -> str:
        if self.before and self.before.startswith(self.text):
            return ""
        return self.text.removeprefix(self.before)

    def _decode(self, tokens: Sequence[int]) -> str:
        return self.tokenizer.decode(tokens, skip_special_tokens=True) if tokens else ""


def first_stop(text: str, stops: Sequence[str]) -> int | None:
    """Where the first of the stop strings begins in a text.

    >>> first_stop("one two", ("wo", "e"))
    2
    """
    return min((at for stop in stops if (at := text.find(stop)) >= 0), default=None)


def _begun(text: str, stops: Sequence[str]) -> int:
    """How many characters at the end of a text may begin a stop string."""
    longest = max(map(len, stops), default=0)
    for count in range(min(longest - 1, len(text)), 0, -1):
        if any(stop.startswith(text[-count:]) for stop in stops):
            return count
    return 0
