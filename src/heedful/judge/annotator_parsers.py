"""From what a judge said to a preference, in the ways of AlpacaEval's annotators.

    regex      "(b) is better"                    with 1: "\\(a\\)", 2: "\\(b\\)"       -> 2
    ranking    "[{'model': 'model_1', 'rank': 1}, ...]"                            -> 1
    lmsys      "7 9" on the first line                                             -> 2
    logprob    P(m) = 0.8, P(M) = 0.2             with numerator "m"               -> 2 - 0.8 = 1.2

A preference is 1 where the first answer shown is better, 2 where the second is, and between where the judge is not
sure. Whatever gives not exactly one preference is unreadable: None with the reason.

Source: https://github.com/tatsu-lab/alpaca_eval, ``completion_parsers.py``, version 0.6.6. A tie by the lmsys parser is
1.5 here; there it is 0, which that version then refuses.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Alternatives = Sequence[tuple[str, float]]
TIE = 1.5


@dataclass(frozen=True)
class Parser:
    """How a completion is read; each kind uses the fields that are its own.

    `patterns` are a regex parser's, with the preference that each stands for. `first_name` is what the prompt calls the
    first answer. `numerator` and `denominators` are tokens; with `binarise` the likelier wins outright. `place` is the
    token's position in the answer, None where the answer is to be one token.
    """

    kind: Literal["regex", "ranking", "lmsys", "logprob"]
    patterns: tuple[tuple[float, str], ...] = ()
    first_name: str = "model_1"
    numerator: str = ""
    denominators: tuple[str, ...] = ()
    binarise: bool = True
    place: int | None = None


@dataclass(frozen=True)
class Preference:
    """A preference from 1 to 2, or None and `why` there is none."""

    value: float | None
    why: str | None = None


def parse(parser: Parser, text: str, top_logprobs: Sequence[Alternatives] | None = None) -> Preference:
    """The preference in a completion, for the order in which the answers were shown."""
    if parser.kind == "logprob":
        return _by_odds(parser, top_logprobs)
    if not text:
        return Preference(None, "the judge wrote nothing")
    read = {"regex": _by_regex, "ranking": _by_ranking, "lmsys": _by_two_numbers}[parser.kind]
    return read(parser, text)


def compiled(pattern: str) -> re.Pattern[str]:
    """A pattern of a configuration; re.error where it is none. "[[A]]" is legal, and Python warns about it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return re.compile(pattern)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return f"'{text if len(text) <= 60 else text[:57] + '...'}'"


def _by_regex(parser: Parser, text: str) -> Preference:
    """Every match in turn, the earliest first (of two at one place the first pattern's); there must be just one."""
    patterns = [(value, compiled(pattern)) for value, pattern in parser.patterns]
    values: list[float] = []
    rest = text
    while True:
        found = [(m.start(), k, m.end(), value) for k, (value, p) in enumerate(patterns) if (m := p.search(rest))]
        if not found:
            break
        _, _, end, value = min(found)
        values.append(value)
        if end == 0:  # a match of nothing at the beginning would come again for ever
            return Preference(None, f"a pattern matches the empty text in {_short(text)}")
        rest = rest[end:]
    if len(values) != 1:
        found_ones = "no verdict" if not values else f"{len(values)} verdicts"
        return Preference(None, f"{found_ones} in {_short(text)}")
    return Preference(values[0])


def _by_ranking(parser: Parser, text: str) -> Preference:
    """A Python list of ``{"model": ..., "rank": ...}``; the rank of the first answer is the preference."""
    try:
        ranked = ast.literal_eval(text)
        ranks = [entry["rank"] for entry in ranked if entry["model"] == parser.first_name]
    except (ValueError, SyntaxError, TypeError, KeyError, IndexError, MemoryError, RecursionError):
        return Preference(None, f"not a ranking: {_short(text)}")
    if not ranks or isinstance(ranks[0], bool) or ranks[0] not in (1, 2):
        return Preference(None, f"no rank 1 or 2 for {parser.first_name} in {_short(text)}")
    return Preference(float(ranks[0]))


def _by_two_numbers(parser: Parser, text: str) -> Preference:
    words = text.split("\n")[0].replace(",", " ").split(" ")
    try:
        first, second = (float(word) for word in words)
    except ValueError:
        return Preference(None, f"the first line is not two numbers: {_short(text)}")
    if math.isnan(first) or math.isnan(second):
        return Preference(None, f"the first line is not two numbers: {_short(text)}")
    return Preference(TIE if first == second else 1.0 if first > second else 2.0)


def _by_odds(parser: Parser, top_logprobs: Sequence[Alternatives] | None) -> Preference:
    if not top_logprobs:
        return Preference(None, "the server gave no log-probabilities")
    if parser.place is None and len(top_logprobs) != 1:
        return Preference(None, f"{len(top_logprobs)} tokens where the verdict is to be one")
    place = parser.place or 0
    if not -len(top_logprobs) <= place < len(top_logprobs):
        return Preference(None, f"the answer has {len(top_logprobs)} tokens, and the verdict is to be number {place}")
    labels = {*parser.denominators, parser.numerator}
    logs = {t: p for t, p in top_logprobs[place] if t in labels}
    if not logs:
        return Preference(None, f"none of {', '.join(sorted(labels))} is among the likeliest tokens")
    most = max(logs.values())
    odds = {t: math.exp(p - most) for t, p in logs.items()}  # relative to the likeliest: none is lost as too small
    first = odds.get(parser.numerator, 0.0)
    if parser.binarise:
        others = [odds.get(t, 0.0) for t in parser.denominators if t != parser.numerator]
        return Preference(1.0 if all(first > other for other in others) else 2.0)
    whole = sum(odds.get(t, 0.0) for t in parser.denominators)
    if whole <= 0 or first > whole * (1 + 1e-9):
        return Preference(None, f"{parser.numerator} is likelier than all of {', '.join(parser.denominators)} together")
    return Preference(2 - min(1.0, first / whole))
