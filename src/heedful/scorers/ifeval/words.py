"""Kinds that look for words, letters and counts of words. Each function reads arguments and gives a test of a text.

Keywords and forbidden words are regular expressions, as in the reference, whatever their case.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from heedful.scorers.ifeval.arguments import Arguments, CannotVerify, compared, pattern, text, words

Test = Callable[[str], bool]

_WORD = re.compile(r"\w+")


def existence(arguments: Arguments) -> Test:
    """Every keyword is somewhere in the text, inside other words too."""
    wanted = [pattern(w, re.IGNORECASE) for w in words(arguments, "keywords")]
    return lambda response: all(p.search(response) for p in wanted)


def frequency(arguments: Arguments) -> Test:
    """A keyword is found less often than, or at least, so many times."""
    keyword = pattern(text(arguments, "keyword").strip(), re.IGNORECASE)
    enough = compared(arguments, "relation", "frequency")
    return lambda response: enough(len(keyword.findall(response)))


def forbidden(arguments: Arguments) -> Test:
    """None of the words stands in the text as a whole word."""
    banned = [pattern(rf"\b{w}\b", re.IGNORECASE) for w in words(arguments, "forbidden_words")]
    return lambda response: not any(p.search(response) for p in banned)


def letter_frequency(arguments: Arguments) -> Test:
    """A character, whatever its case, is found less often than, or at least, so many times.

    It need not be a letter: '#' and '!' are in the benchmark. Older copies of the reference draw a letter at random
    for these two.
    """
    letter = text(arguments, "letter")
    if len(letter) > 1:
        raise CannotVerify(f"letter is '{letter}' and must be one character")
    letter = letter.strip().lower()
    enough = compared(arguments, "let_relation", "let_frequency")
    return lambda response: enough(response.lower().count(letter) if len(letter) == 1 else 0)


def number_of_words(arguments: Arguments) -> Test:
    """The text has fewer than, or at least, so many runs of letters, digits and underscores."""
    enough = compared(arguments, "relation", "num_words")
    return lambda response: enough(len(_WORD.findall(response)))


def no_comma(arguments: Arguments) -> Test:
    """The text has no ',' (commas of other scripts may stand)."""
    return lambda response: "," not in response
