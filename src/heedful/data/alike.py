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

LONG = 100  # words for which one may be replaced
_SPACELESS = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD = re.compile(rf"[{_SPACELESS}]|[^\W{_SPACELESS}]+")
# Runs of digits, operators that stand beside a digit or a bracket (a hyphen: only before one), and the symbols of logic
# and set theory.
_NUMBER = re.compile(
    r"\d+|(?<=[\d)])\s*[+*/×÷^=<>%]|[+*/×÷^=<>](?=\s*[\d(])|(?<=[\d)])\s*[-−](?=\s*[\d(])|(?<=\s)[-−](?=\s[\d(])|[~¬∀-⋿]"
)
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


def alike(first: str, second: str) -> bool:
    """Whether two normalised texts, known to share most of their 5-grams, ask the same by the rules above.

    >>> alike("name the capital of france", "name the captial of france, please")
    True
    >>> alike("name the capital of france", "name the capital of finland")
    False
    """
    if numbers(first) != numbers(second):
        return False
    a, b = _WORD.findall(first), _WORD.findall(second)
    counted_a, counted_b = Counter(a), Counter(b)
    only_a, only_b = list((counted_a - counted_b).elements()), list((counted_b - counted_a).elements())
    if "".join(only_a) == "".join(only_b):
        return not _swapped(a, b)
    if not _TURNING.isdisjoint(only_a) or not _TURNING.isdisjoint(only_b):
        return False
    allowed = min(len(a), len(b)) // LONG
    if min(len(only_a), len(only_b)) > allowed + _MOST:
        return False
    for word in list(only_a):
        other = next((o for o in only_b if _misspelt(word, o)), None)
        if other is not None:
            only_a.remove(word)
            only_b.remove(other)
    return min(len(only_a), len(only_b)) <= allowed


def _swapped(a: list[str], b: list[str]) -> bool:
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
