"""Kinds that need sentences: their number, and the number of words in capitals, which are cut sentence by sentence."""

from __future__ import annotations

from heedful.scorers.ifeval.arguments import Arguments, compared
from heedful.scorers.ifeval.punkt import english_model, sentences
from heedful.scorers.ifeval.tokens import words_of
from heedful.scorers.ifeval.words import Test


def number_of_sentences(arguments: Arguments) -> Test:
    """The text has fewer than, or at least, so many sentences."""
    enough = compared(arguments, "relation", "num_sentences")
    model = english_model()
    return lambda response: enough(len(sentences(response, model)))


def capital_words(arguments: Arguments) -> Test:
    """Fewer than, or at least, so many words have capitals only; 'I' is one, a word with a hyphen is one."""
    enough = compared(arguments, "capital_relation", "capital_frequency", negative=True)
    model = english_model()

    def test(response: str) -> bool:
        return enough(sum(word.isupper() for s in sentences(response, model) for word in words_of(s)))

    return test
