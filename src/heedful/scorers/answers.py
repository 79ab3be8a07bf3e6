"""Short answers compared as SQuAD does it: without capitals, punctuation, articles and extra spaces.

SQuAD 1.1, SQuAD 2.0 and ReCoRD normalise alike (their own evaluation scripts: `squad`, `superglue`); TriviaQA does not.
Only ASCII's punctuation goes: curly quotes and dashes stay part of their word.

>>> normalised("The  “Cat's” A-team!")
'“cats” ateam'
>>> token_f1(["red", "cat"], ["cat"])
0.6666666666666666
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

ARTICLES = re.compile(r"\b(a|an|the)\b")
_BARE = str.maketrans("", "", string.punctuation)


def normalised(text: str) -> str:
    """The text as it is compared."""
    return " ".join(ARTICLES.sub(" ", text.lower().translate(_BARE)).split())


def token_f1(predicted: Sequence[str], gold: Sequence[str]) -> float:
    """F1 of the words of two answers; 0 where they share none, so for two empty ones, too."""
    same = sum((Counter(predicted) & Counter(gold)).values())
    if same == 0:
        return 0
    precision, recall = same / len(predicted), same / len(gold)
    return (2 * precision * recall) / (precision + recall)


def exact_and_f1(predicted: str, golds: Sequence[str]) -> tuple[int, float]:
    """Exact match and F1 with the nearest of the gold answers, of which there is at least one."""
    words = normalised(predicted).split()
    pairs = [normalised(gold).split() for gold in golds]
    return int(words in pairs), max(token_f1(words, gold) for gold in pairs)
