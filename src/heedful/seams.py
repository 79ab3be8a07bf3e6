"""Places at which a tokenizer certainly cuts: the ids of a text are those of its pieces, one after the other.

Most rows of a file have the same introduction, and a question is wanted alone and with its answer. With seams, what
is the same is encoded once, and no text twice. Three kinds are known, each for a reason that holds for every text:

- A control token is taken out of a text before anything else is done (tokenizers' `AddedVocabulary`), so a text is cut
  before and after it.
- Byte-level tokenizers split a text by a pattern first. In no alternative of the patterns below does a colon follow a
  letter, and none looks behind: a split lies between an ASCII letter and a colon, and what comes before and after does
  not change where else the text is split.
- Where a tokenizer joins characters without splitting (Gemma), a token reaches across a place only if the vocabulary
  has one with the two characters around it side by side, because what is joined is in the vocabulary at every step. No
  token of Gemma's has a line break before anything else than a line break.

A tokenizer of another build has no seams, and its texts are encoded whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

# GPT-2's pattern, as ByteLevel brings it, needs no entry: https://github.com/openai/gpt-2/blob/master/src/encoder.py
PATTERNS = frozenset(
    {
        # Llama 3
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
        r"|\s+(?!\S)|\s+",
        # Qwen 2 and 3
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
        r"|\s+(?!\S)|\s+",
    }
)
MOST_TOKENS = 200  # control tokens that are looked for; a pattern of thousands (Gemma's) takes longer than encoding
_LETTER_COLON = re.compile(r"[A-Za-z]:")
_BREAK_OTHER = re.compile(r"\n[^\n]")


@dataclass(frozen=True)
class Seams:
    """Where texts are cut: around what `tokens` matches, and before each colon after a letter or (`lines`) after each
    line break before another character."""

    tokens: re.Pattern[str] | None
    lines: bool

    def split(self, text: str) -> list[str]:
        """The pieces of a text, none empty.

        >>> Seams(re.compile("(<end>)"), lines=False).split("Question: 1:2<end>")
        ['Question', ': 1:2', '<end>']
        >>> Seams(None, lines=True).split("a\\n\\nb")
        ['a\\n\\n', 'b']
        """
        parts = self.tokens.split(text) if self.tokens else [text]
        cut = _at_lines if self.lines else _at_colons
        return [piece for part in parts for piece in cut(part) if piece]


def _at_colons(text: str) -> Iterator[str]:
    begin, at = 0, text.find(":", 1)
    while at > 0:
        if text[at - 1].isascii() and text[at - 1].isalpha():
            yield text[begin:at]
            begin = at
        at = text.find(":", at + 1)
    yield text[begin:]


def _at_lines(text: str) -> Iterator[str]:
    begin, at = 0, text.find("\n")
    while at >= 0:
        if text[at + 1 : at + 2] not in ("\n", ""):
            yield text[begin : at + 1]
            begin = at + 1
        at = text.find("\n", at + 1)
    yield text[begin:]


def seams_of(tokenizer: Any) -> Seams | None:
    """The seams of a fast tokenizer; None for one of another build."""
    fast = getattr(tokenizer, "backend_tokenizer", None)
    if fast is None or type(fast.model).__name__ != "BPE" or fast.model.dropout:
        return None
    if fast.model.continuing_subword_prefix or fast.model.end_of_word_suffix:
        return None
    added = list(fast.get_added_tokens_decoder().values())
    normalizer, splitter = _state(fast.normalizer), _state(fast.pre_tokenizer)
    if normalizer in (None, {"type": "NFC"}) and _by_letters(splitter):
        lines, across = False, _LETTER_COLON
    elif _gemma(normalizer, splitter) and not any(_BREAK_OTHER.search(token) for token in fast.get_vocab()):
        lines, across = True, _BREAK_OTHER
    else:
        return None
    if any(across.search(token.content) or token.single_word for token in added):
        return None
    return Seams(_pattern(added), lines)


def _pattern(added: list[Any]) -> re.Pattern[str] | None:
    """What finds the control tokens, the longest first; None where one takes the space beside it along."""
    first = [token.content for token in added if not token.normalized and token.content]
    if len(first) > MOST_TOKENS or any(token.lstrip or token.rstrip for token in added):
        return None
    return re.compile(f"({'|'.join(map(re.escape, sorted(first, key=len, reverse=True)))})") if first else None


def _state(part: Any) -> Any:
    return None if part is None else json.loads(part.__getstate__())


def _by_letters(splitter: Any) -> bool:
    """Whether a text is split by one of the patterns that never have a letter before a colon."""
    match splitter:
        case {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}:
            return True
        case {"type": "Sequence", "pretokenizers": [{"type": "Digits"}, last]}:
            return _by_letters(last) and last["type"] == "ByteLevel"
        case {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False},
                {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False},
            ],
        }:
            return pattern in PATTERNS
    return False


def _gemma(normalizer: Any, splitter: Any) -> bool:
    """Whether spaces are written as a letter of their own and a text is not split (no space is left to split at)."""
    spaces = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    split = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}
    return normalizer == spaces and splitter in (None, split)
