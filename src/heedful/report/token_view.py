"""A row token by token, ready to be shown: each token's own text, what is trained, where it was cut.

shown_row(chat, fit_row(example, chat))  ->  ShownRow, which token_text puts on a terminal and token_page on a page
"""

from __future__ import annotations

import dataclasses
import itertools
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from heedful.chat import Chat
from heedful.control_tokens import Tokenizer, special_ids
from heedful.errors import TemplateError
from heedful.train.truncation import Cut, Fitted

Part = Literal["text", "space", "code"]
State = Literal["trained", "masked", "read"]

CUT_SENTENCES = {
    "turns": "of the oldest turns",
    "later turns": "of turns after the last trained answer",
    "input": "of the input",
    "answer": "of the answer",
}


@dataclass(frozen=True)
class ShownToken:
    """One token: `text` is what it adds to the text (empty where it is only a part of the next token's character).

    `state` is ``trained``, ``masked`` (in an answer that is not trained) or ``read`` (only read). `stop` says whether
    it is the stop token in an answer; other turns may end in the same token.
    """

    id: int
    text: str
    state: State
    special: bool
    stop: bool


@dataclass(frozen=True)
class ShownRow:
    """One row with its tokens and what was cut from it."""

    id: str
    source: str
    tokens: tuple[ShownToken, ...]
    cuts: tuple[Cut, ...]
    truncated: int

    @property
    def trained(self) -> int:
        return sum(t.state == "trained" for t in self.tokens)

    def runs(self) -> Iterator[tuple[State, list[tuple[int, ShownToken]]]]:
        """Neighbouring tokens of one state, with their places."""
        for _, found in itertools.groupby(enumerate(self.tokens), key=lambda pair: pair[1].state):
            run = list(found)
            yield run[0][1].state, run

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "source": self.source,
            "ids": [t.id for t in self.tokens],
            "loss_mask": [t.state == "trained" for t in self.tokens],
            "tokens": [t.text for t in self.tokens],
            "stops": [k for k, t in enumerate(self.tokens) if t.stop],
            "truncated": self.truncated,
            "cuts": [{"part": c.part, "tokens": c.tokens, "at": c.at} for c in self.cuts],
        }


@dataclass(frozen=True)
class ShownDrop:
    """A row that is not trained on, and why; `row` is what the file has, None where it was not read again."""

    source: str
    reason: str
    sentence: str
    row: Any

    def to_json(self) -> dict[str, Any]:
        return {"source": self.source, "dropped": self.reason, "sentence": self.sentence, "row": self.row}


def shown_row(chat: Chat, fitted: Fitted) -> ShownRow:
    """A row that `fit_row` has made, for people to look at."""
    row, special = fitted.row, special_ids(chat.tokenizer)
    texts = pieces(chat.tokenizer, row.ids)
    answered = _in_answers(chat, fitted)
    tokens = []
    for k, (token, text, trained) in enumerate(zip(row.ids, texts, row.loss_mask, strict=True)):
        inside = trained if answered is None else answered[k]
        state: State = "trained" if trained else "masked" if inside else "read"
        tokens.append(ShownToken(token, text, state, token in special, inside and token == chat.stop_id))
    return ShownRow(row.id, fitted.example.source, tuple(tokens), fitted.cuts, row.truncated)


def pieces(tokenizer: Tokenizer, ids: Sequence[int]) -> list[str]:
    """What each token adds to the text; joined, they are the decoded text.

    Some tokens are only a part of a character: they add nothing, and the one that completes it adds it all. Each is
    decoded together with those before it, because many tokenizers take a space from the first token of a text.
    """
    out: list[str] = []
    before, done = 0, 0  # ids[before:done] is the text that was added last
    for k in range(len(ids)):
        known = str(tokenizer.decode(list(ids[before:done]))) if done > before else ""
        text = str(tokenizer.decode(list(ids[before : k + 1])))
        if k < len(ids) - 1 and k - done < 8 and (text.endswith("\ufffd") or len(text) <= len(known)):
            out.append("")
            continue
        out.append(text[len(known) :])
        before, done = done, k + 1
    return out


def _in_answers(chat: Chat, fitted: Fitted) -> Sequence[bool] | None:
    """Which tokens stand in an answer, trained or not: those that would be if all were; None where none can tell."""
    messages = tuple(dataclasses.replace(m, train=None) for m in fitted.example.messages)
    try:
        row = chat.encode(dataclasses.replace(fitted.example, messages=messages), "answers")
    except TemplateError:  # a template that rewrites earlier turns, of which only the last answer can be told
        return None
    return row.loss_mask if row.ids == fitted.row.ids else None


def visible_parts(text: str) -> list[tuple[Part, str]]:
    r"""A token's text so that nothing in it is invisible or moves other text.

    Line breaks are ↵ and a line break, tabs ⇥, spaces · but for the one before a word; what else has no shape of its
    own is named by its code.

    >>> "".join(part for _, part in visible_parts(" a b  \n\x00\u202e"))
    ' a·b··↵\n‹U+0000›‹U+202E›'
    """
    if not text:
        return [("code", "‹›")]
    out: list[tuple[Part, str]] = []
    for k, c in enumerate(text):
        if c == "\n":
            out.append(("space", "↵\n"))
        elif c == "\t":
            out.append(("space", "⇥"))
        elif c == " ":
            word_follows = k == 0 and len(text) > 1 and not text[1].isspace()
            out.append(("text", " ") if word_follows else ("space", "·"))
        elif c.isspace() or unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
            out.append(("code", f"‹U+{ord(c):04X}›"))
        elif k == 0 and unicodedata.category(c).startswith("M"):
            out.append(("text", f"◌{c}"))  # a mark needs something to stand on
        else:
            out.append(("text", c))
    runs = (list(found) for _, found in itertools.groupby(out, lambda pair: pair[0]))
    return [(run[0][0], "".join(part for _, part in run)) for run in runs]


def visible_text(text: str) -> str:
    """Text of a file for a terminal or a page: line breaks and spaces as they are, the rest as in `visible_parts`."""
    return "".join(c if c in " \n" else "".join(part for _, part in visible_parts(c)).lstrip("◌") for c in text)


def cut_sentence(cut: Cut) -> str:
    """What was cut, in words.

    >>> cut_sentence(Cut("input", 1200, 40))
    '1,200 tokens of the input were cut here'
    """
    word, verb = ("token", "was") if cut.tokens == 1 else ("tokens", "were")
    return f"{cut.tokens:,} {word} {CUT_SENTENCES[cut.part]} {verb} cut here"
