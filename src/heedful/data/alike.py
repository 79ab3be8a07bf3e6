"""Whether two texts that share most of their letters ask the same: the words and numbers in which they differ decide.

In templated data ("Write the plural of this noun: ox / man") most pairs with a high Jaccard similarity are different
questions. So two texts are alike only where

- their numbers, in order, and the operators beside them are the same ("Convert 45 km", "Convert 46 km" are not alike),
- no word is replaced by another, but for a misspelling (one edit in a word of five letters or more) or another
  division of the same letters ("e-mail", "email"); a text may have one replaced word for every 100 it has,
- no word that turns a question round stands in one alone ("not", "only", ...),
- no two words have changed places ("miles to kilometres").

Words that are only added or left out, and a phrase that was moved, are allowed. In scripts without spaces each
character is a word.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

LONG = 100  # words for which one may be replaced
_SPACELESS = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD = re.compile(rf"[{_SPACELESS}]|[^\W{_SPACELESS}]+")
# Runs of digits, operators that stand beside a digit or a bracket (a hyphen: only before one), and the symbols of logic
# and set theory.
_NUMBER = re.compile(r"\d+|(?<=[\d)])\s*[+*/×÷^=<>%]|[+*/×÷^=<>](?=\s*[\d(])|(?<=[\d)])\s*[-−](?=\s*[\d(])|[~¬∀-⋿]")
_ROMAN = re.compile(r"[ivxlcdm]+")
_TURNING = frozenset(["no", "not", "never", "nor", "neither", "none", "without", "except", "only", "cannot", "unless"])
_SHORTEST = 5  # letters of a word that may be misspelt: shorter ones are too often another word ("hat", "hot")
_MOST = 8  # differing words beyond what is allowed: more are not looked at one by one


def numbers(text: str) -> str:
    """The numbers of a normalised text and the operators beside them, in order.

    >>> numbers("is 3 + 4 = ٧?")
    '3 + 4 = 7'
    """
    found = [n.strip() for n in _NUMBER.findall(text)]
    return " ".join(n if n.isascii() else "".join(_digit(c) for c in n) for n in found)


def _digit(character: str) -> str:
    return str(unicodedata.decimal(character, character))


@dataclass(frozen=True, slots=True)
class Words:
    """What `alike` compares of a text: its numbers, its words in order, and the same with a mark on each repetition,
    so that they make a set."""

    numbers: str
    words: tuple[str, ...]
    marked: tuple[str, ...]
    every: frozenset[str]


def read(text: str) -> Words:
    """The words of a normalised text."""
    found = tuple(_WORD.findall(text))
    marked = found
    if len(set(found)) < len(found):
        times: Counter[str] = Counter()
        made = []
        for word in found:
            times[word] += 1
            made.append(word if times[word] == 1 else f"{word} {times[word]}")
        marked = tuple(made)
    return Words(numbers(text), found, marked, frozenset(marked))


def alike(first: Words, second: Words) -> bool:
    """Whether two texts, known to share most of their 5-grams, ask the same by the rules above.

    >>> alike(read("name the capital of france"), read("name the captial of france, please"))
    True
    >>> alike(read("name the capital of france"), read("name the capital of finland"))
    False
    """
    if first.numbers != second.numbers:
        return False
    more, less = first.every - second.every, second.every - first.every
    only_a, only_b = _among(first, more), _among(second, less)
    if "".join(only_a) != "".join(only_b) and not _same_but_spelling(only_a, only_b, first, second):
        return False
    return not _swapped(_others(first, more), _others(second, less))


def _same_but_spelling(only_a: list[str], only_b: list[str], first: Words, second: Words) -> bool:
    """Whether the words that stand in one text alone are misspellings of each other, or all on one side."""
    if not _TURNING.isdisjoint(only_a) or not _TURNING.isdisjoint(only_b):
        return False
    allowed = min(len(first.words), len(second.words)) // LONG
    if min(len(only_a), len(only_b)) > allowed + _MOST:
        return False
    for word in list(only_a):
        other = next((o for o in only_b if _misspelt(word, o)), None)
        if other is not None:
            only_a.remove(word)
            only_b.remove(other)
    return min(len(only_a), len(only_b)) <= allowed


def _among(text: Words, marked: frozenset[str]) -> list[str]:
    return [w for w, m in zip(text.words, text.marked, strict=True) if m in marked] if marked else []


def _others(text: Words, marked: frozenset[str]) -> Sequence[str]:
    return [w for w, m in zip(text.words, text.marked, strict=True) if m not in marked] if marked else text.words


def _swapped(a: Sequence[str], b: Sequence[str]) -> bool:
    """Whether the same words stand in the same places but for two, which changed theirs."""
    if len(a) != len(b):
        return False
    places = [i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x != y]
    return len(places) == 2


def _misspelt(a: str, b: str) -> bool:
    """Whether one edit (a letter added, left out or changed, or two neighbours that changed places) makes b of a."""
    if len(a) > len(b):
        a, b = b, a
    if len(b) < _SHORTEST or len(b) - len(a) > 1 or (_ROMAN.fullmatch(a) and _ROMAN.fullmatch(b)):
        return False
    i = 0
    while i < len(a) and a[i] == b[i]:
        i += 1
    if len(a) < len(b):
        return a[i:] == b[i + 1 :]
    return a[i + 1 :] == b[i + 1 :] or (a[i : i + 2] == b[i : i + 2][::-1] and a[i + 2 :] == b[i + 2 :])
