"""From what a judge wrote to its verdict: by log-probabilities where there are some, else by reading the text strictly.

    "B"            with P(A) = 0.2, P(B) = 0.7, P(C) = 0.1   -> second, 0.75 that the second is better
    "85"           with P(85) = 0.6, P(80) = 0.4             -> 83.0
    "I like both"  no pattern fits                           -> no verdict, and why

A text is read only where the prompt's pattern fits the whole of it (or of its last line): a number that happens to
stand in a sentence is no verdict. Nothing is guessed: what cannot be read has no value.

Expected score and first-token probability: Liu et al., "G-Eval", EMNLP 2023; AlpacaEval's weighted annotators.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from heedful.judge.rubric import Rubric

Choice = Literal["first", "second", "tie"]
Alternatives = Sequence[tuple[str, float]]
LEAST_MASS = 0.5
_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_BLOCK = re.compile(r"\A```(?:json)?\s*\n(.*)\n```\s*\Z", re.DOTALL)


@dataclass(frozen=True)
class Verdict:
    """How a verdict is read.

    `pattern` must match the whole text (or its last line) and has one group: the number, or a label. `lowest` and
    `highest` bound a number. The labels say the first answer shown, the second, or neither. Log-probabilities are used
    only where the tokens that are verdicts have the probability `least_mass` together.
    """

    kind: Literal["number", "choice", "criteria"]
    where: Literal["whole", "last-line"] = "whole"
    pattern: str = ""
    lowest: float = 0.0
    highest: float = 100.0
    first: tuple[str, ...] = ()
    second: tuple[str, ...] = ()
    tie: tuple[str, ...] = ()
    least_mass: float = LEAST_MASS


@dataclass(frozen=True)
class Reading:
    """A verdict as read. `value` is the number, or the probability that the second answer shown is better (by text 0,
    0.5 or 1); None with the reason in `why`. `by` is ``text`` or ``log-probabilities``. `scores` and `reasons` are a
    rubric's, by criterion. `mass` is the probability of all tokens that are verdicts.
    """

    value: float | None
    by: str | None = None
    why: str | None = None
    choice: Choice | None = None
    reason: str | None = None
    mass: float | None = None
    scores: Mapping[str, float | None] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)


def read_verdict(
    verdict: Verdict,
    text: str,
    top_logprobs: Sequence[Alternatives] | None = None,
    *,
    cut_off: bool = False,
    rubric: Rubric | None = None,
) -> Reading:
    """The verdict in a judge's answer. `cut_off` says that it ended at the limit of its length."""
    text = _THOUGHT.sub("", text).strip()
    if cut_off and (not text or text.startswith("<think>")):
        return _unread("the judge was cut off before its verdict; one that thinks first needs more --max-new-tokens")
    if verdict.kind == "criteria":
        assert rubric is not None
        return _criteria(rubric, text, cut_off)
    if top_logprobs and verdict.where == "whole":
        read = _choice_by_odds if verdict.kind == "choice" else _number_by_odds
        found = read(verdict, top_logprobs)
        if found is not None:
            return found
    return _by_text(verdict, text, cut_off)


def _unread(why: str) -> Reading:
    return Reading(None, why=why)


def _by_text(verdict: Verdict, text: str, cut_off: bool) -> Reading:
    if not text:
        return _unread("the judge wrote nothing")
    last = text.splitlines()[-1].strip()
    found = re.fullmatch(verdict.pattern, text if verdict.where == "whole" else last, re.IGNORECASE)
    if found is None:
        what = "what the judge wrote" if verdict.where == "whole" else "the judge's last line"
        cut = ", and it was cut off" if cut_off else ""
        return _unread(f"{what} is no verdict{cut}: {_short(text if verdict.where == 'whole' else last)}")
    if cut_off and found.end(1) == len(found.string):  # the 10 of a 100
        return _unread(f"the judge was cut off in its verdict: {_short(found[0])}")
    reason = text[: len(text) - len(last)].strip() if verdict.where == "last-line" else ""
    if verdict.kind == "choice":
        choice = _choice_of(verdict, found[1])
        if choice is None:
            return _unread(f"the judge wrote a label that the prompt has not: {_short(found[1])}")
        return Reading(_VALUE[choice], "text", choice=choice, reason=reason or None)
    try:
        number = float(found[1])
    except ValueError:
        return _unread(f"what the judge wrote is no number: {_short(found[1])}")
    if not verdict.lowest <= number <= verdict.highest:  # not the nearest bound: nobody said that
        return _unread(f"the judge wrote {number:g}, outside of {verdict.lowest:g} to {verdict.highest:g}")
    return Reading(number, "text", reason=reason or None)


_VALUE: dict[Choice, float] = {"first": 0.0, "second": 1.0, "tie": 0.5}


def _choice_of(verdict: Verdict, label: str) -> Choice | None:
    known: dict[Choice, tuple[str, ...]] = {"first": verdict.first, "second": verdict.second, "tie": verdict.tie}
    for choice, labels in known.items():
        if label.strip().lower() in (each.lower() for each in labels):
            return choice
    return None


def _short(text: str, most: int = 60) -> str:
    text = " ".join(text.split())
    return f"'{text if len(text) <= most else text[: most - 3] + '...'}'"


def _first_place(top_logprobs: Sequence[Alternatives]) -> int | None:
    """Where the verdict's token stands: the first whose likeliest token is more than white space."""
    return next((t for t, tokens in enumerate(top_logprobs) if tokens and tokens[0][0].strip()), None)


def _choice_by_odds(verdict: Verdict, top_logprobs: Sequence[Alternatives]) -> Reading | None:
    """By the probabilities of the labels as the first token; None where they are not what the judge is about to say."""
    place = _first_place(top_logprobs)
    if place is None:
        return None
    odds: dict[Choice, float] = {"first": 0.0, "second": 0.0, "tie": 0.0}
    for token, logprob in top_logprobs[place]:
        choice = _choice_of(verdict, token)
        if choice is not None:
            odds[choice] += math.exp(logprob)
    mass = sum(odds.values())
    if mass == 0 or mass < verdict.least_mass:
        return None
    best = max(odds, key=lambda c: odds[c])
    if odds["first"] == odds["second"] >= odds["tie"]:
        best = "tie"
    value = (odds["second"] + odds["tie"] / 2) / mass
    return Reading(value, "log-probabilities", choice=best, mass=min(1.0, mass))


def _number_by_odds(verdict: Verdict, top_logprobs: Sequence[Alternatives]) -> Reading | None:
    """The mean of the numbers that the first token can be, weighed by probability.

    None where a token need not be a whole number. Some tokenizers write each digit as a token: a 5 may then be the
    beginning of 50. That is so where the number written has a second token of digits, and it may be so where the
    scale needs two digits and no alternative has them.
    """
    place = _first_place(top_logprobs)
    if place is None:
        return None
    after = top_logprobs[place + 1] if place + 1 < len(top_logprobs) else ()
    if after and re.match(r"[\d.,]", after[0][0]):
        return None
    numbers = [(float(t), math.exp(p)) for t, p in top_logprobs[place] if re.fullmatch(r"\s*\d{1,9}\s*", t)]
    if verdict.highest > 9 and not any(n > 9 for n, _ in numbers):
        return None
    inside = [(n, p) for n, p in numbers if verdict.lowest <= n <= verdict.highest]
    mass = sum(p for _, p in inside)
    if mass == 0 or mass < verdict.least_mass:
        return None
    return Reading(sum(n * p for n, p in inside) / mass, "log-probabilities", mass=min(1.0, mass))


def _criteria(rubric: Rubric, text: str, cut_off: bool) -> Reading:
    """The scores of a JSON object by criterion; one that is not as asked is None, and so is the whole."""
    block = _BLOCK.match(text)
    try:
        value: Any = json.loads(block[1] if block else text)
    except ValueError:
        cut = ", and it was cut off" if cut_off else ""
        return _unread(f"what the judge wrote is no JSON{cut}: {_short(text)}")
    if not isinstance(value, dict):
        return _unread(f"what the judge wrote is no JSON object: {_short(text)}")
    by_name = {str(k).strip().lower(): v for k, v in value.items()}
    scores: dict[str, float | None] = {}
    reasons: dict[str, str] = {}
    for c in rubric.criteria:
        given = by_name.get(c.name.lower())
        score = given.get("score") if isinstance(given, dict) else given
        sound = isinstance(score, int | float) and not isinstance(score, bool) and c.lowest <= score <= c.highest
        scores[c.name] = float(score) if sound and score is not None else None
        if isinstance(given, dict) and isinstance(given.get("reason"), str):
            reasons[c.name] = given["reason"].strip()
    wanting = [name for name, score in scores.items() if score is None]
    if wanting:
        why = f"no score on the scale for {', '.join(wanting)}"
        return Reading(None, None if len(wanting) == len(scores) else "text", why, scores=scores, reasons=reasons)
    shares = [c.share(scores[c.name] or 0.0) for c in rubric.criteria]
    return Reading(sum(shares) / len(shares), "text", scores=scores, reasons=reasons)
