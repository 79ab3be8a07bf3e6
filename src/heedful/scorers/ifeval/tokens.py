"""Words as nltk's `word_tokenize` cuts them, up to nltk 3.9.

The method is the Penn Treebank's (Robert MacIntyre, 1995): spaces are put around marks in a fixed order, then the text
is cut at white space. nltk adds curly quotes and guillemets, and cuts before an apostrophe with a single letter. Of a
sentence only its last period is a word of its own. The order of the rules is part of the method.
"""

from __future__ import annotations

import re

_SPACED = r" \g<0> "

_RULES = [
    # Opening quotes; straight double ones become two grave accents, so that they are told from closing ones.
    (r"[«“‘„]|`+", _SPACED),
    (r'^"', "``"),
    (r"``", _SPACED),
    (r"""([ (\[{<])(?:"|'')""", r"\1 `` "),
    # An apostrophe before a single letter, unless it is a clitic ('s, 'm, 't, 'd) or n.
    (r"(?i)'(?=(?!re|ve|ll|m|t|s|d|n)\w\b)", "' "),
    # The last period, with the brackets and quotes behind it; twice, since marks were cut off in between.
    (r"""([^.])(\.)([\])}>"'»”’ ]*)\s*$""", r"\1 \2 \3 "),
    (r"([:,])([^\d])", r" \1 \2"),
    (r"[:,]$", _SPACED),
    (r"\.{2,}", _SPACED),
    (r"[;@#$%&]", _SPACED),
    (r"""([^.])(\.)([\])}>"']*)\s*$""", r"\1 \2\3 "),
    (r"[?!]", _SPACED),
    (r"([^'])' ", r"\1 ' "),
    (r"\*", _SPACED),
    (r"[\]\[(){}<>]", _SPACED),
    (r"--", _SPACED),
    (r"\A|\Z", " "),
    # Closing quotes.
    (r"[»”’]", _SPACED),
    (r"''", _SPACED),
    (r'"', " '' "),
    (r"\s+", " "),
    # Clitics.
    (r"([^' ])('[sSmMdD]?) ", r"\1 \2 "),
    (r"([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) ", r"\1 \2 "),
    # Words that are two.
    (r"(?i)\b(can)(not)\b", r" \1 \2 "),
    (r"(?i)\b(d)('ye)\b", r" \1 \2 "),
    (r"(?i)\b(gim|lem)(me)\b", r" \1 \2 "),
    (r"(?i)\b(gon)(na)\b", r" \1 \2 "),
    (r"(?i)\b(got)(ta)\b", r" \1 \2 "),
    (r"(?i)\b(more)('n)\b", r" \1 \2 "),
    (r"(?i)\b(wan)(na)(?=\s)", r" \1 \2 "),
    (r"(?i) ('t)(is|was)\b", r" \1 \2 "),
]
_COMPILED = [(re.compile(rule), spaced) for rule, spaced in _RULES]


def words_of(sentence: str) -> list[str]:
    """The words and marks of a sentence.

    >>> words_of("We CAN'T stop, he said.")
    ['We', 'CA', "N'T", 'stop', ',', 'he', 'said', '.']
    """
    for rule, spaced in _COMPILED:
        sentence = rule.sub(spaced, sentence)
    return sentence.split()
