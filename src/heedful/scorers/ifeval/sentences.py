"""Kinds that need sentences: their number, and the number of words in capitals, which are cut sentence by sentence."""

from __future__ import annotations

import functools

from heedful.scorers.ifeval.arguments import Arguments, compared
from heedful.scorers.ifeval.punkt import english_model, sentences
from heedful.scorers.ifeval.tokens import words_of
from heedful.scorers.ifeval.words import Test


@functools.lru_cache(maxsize=64)  # strict and loose, and several instructions, ask for the same texts
def _sentences(response: str) -> list[str]:
    return sentences(response, english_model())


def number_of_sentences(arguments: Arguments) -> Test:
    """The text has fewer than, or at least, so many sentences."""
    enough = compared(arguments, "relation", "num_sentences")
    english_model()
    return lambda response: enough(len(_sentences(response)))


def capital_words(arguments: Arguments) -> Test:
    """Fewer than, or at least, so many words have capitals only; 'I' is one, a word with a hyphen is one."""
    enough = compared(arguments, "capital_relation", "capital_frequency", negative=True)
    english_model()
    return lambda response: enough(sum(word.isupper() for s in _sentences(response) for word in words_of(s)))
