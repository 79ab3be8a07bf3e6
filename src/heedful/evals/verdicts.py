"""What an answer is worth by the rules of the owner's basic evals (evals/elsuite/basic, evals/elsuite/utils.py).

Each function gives a `Verdict`: the events that the owner would have logged, and scores from 0 to 1. They are total: an
answer is whatever a model wrote, and none makes them fail.
"""

from __future__ import annotations

import json
import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

Event = tuple[str, dict[str, Any]]  # its type and its data
_PUNCTUATION = frozenset(string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")
TRANSLATED = 30.0  # sentence BLEU above which a translation counts as right


@dataclass(frozen=True)
class Verdict:
    """The `answer` as it was read, its `scores` by metric, and the owner's `events` after those of sampling."""

    answer: Any
    scores: Mapping[str, float]
    events: tuple[Event, ...]


def as_list(ideal: Any) -> list[Any]:
    """One right answer or several, as a list."""
    return ideal if isinstance(ideal, list) else [ideal]


def _match(correct: bool, expected: Any, picked: Any, **more: Any) -> Event:
    """The owner's event of type match: a list of one expected answer is written as that answer."""
    if isinstance(expected, list) and len(expected) == 1:
        expected = expected[0]
    return "match", {"correct": correct, "expected": expected, "picked": picked, **more}


def match(said: str, ideal: Any) -> Verdict:
    """Right where the answer begins with a right one."""
    expected = as_list(ideal)
    picked = next((option for option in expected if said.startswith(option)), None)
    correct = picked in expected
    event = _match(correct, expected, picked, sampled=said, options=expected)
    return Verdict(picked, {"accuracy": float(correct)}, (event,))


def includes(said: str, ideal: Any, ignore_case: bool) -> Verdict:
    """Right where a right answer stands anywhere in the answer."""
    text = said.lower() if ignore_case else said
    correct = any((ref.lower() if ignore_case else ref) in text for ref in as_list(ideal))
    return Verdict(said, {"accuracy": float(correct)}, (_match(correct, ideal, said, sampled=said),))


def normalized(text: str) -> str:
    """Small letters, without punctuation and articles, one space between words."""
    bare = "".join(c for c in text.lower() if c not in _PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", bare).split())


def fuzzy_match(said: str, ideal: Any) -> Verdict:
    """Right where, normalised, the answer stands in a right one or a right one in it; F1 over words beside it."""
    expected = as_list(ideal)
    matches = [_alike(normalized(said), normalized(ref)) for ref in expected]
    scores = {"accuracy": float(any(matches)), "f1_score": max(_f1(said, ref) for ref in expected)}
    picked = [said for hit in matches if hit]
    return Verdict(said, scores, (_match(any(matches), expected, picked), ("metrics", scores)))


def _alike(one: str, other: str) -> bool:
    return one in other or other in one if one and other else one == other


def _f1(said: str, ref: str) -> float:
    words, right = normalized(said).split(), normalized(ref).split()
    same = sum((Counter(words) & Counter(right)).values())
    if not same:
        return 0.0
    precision, recall = same / len(words), same / len(right)
    return 2 * precision * recall / (precision + recall)


def json_match(said: str, ideal: Any) -> Verdict:
    """Right where the answer is JSON of the same value as a right one. `null` is never right, at any depth."""
    expected = as_list(ideal)
    value = _json(said)
    matches = [_same(value, _json(ref)) for ref in expected]
    scores = {"accuracy": float(any(matches))}
    event = _match(any(matches), expected, [said for hit in matches if hit])
    return Verdict(said, scores, (event, ("metrics", scores)))


def json_valid(said: str) -> Verdict:
    """Right where the answer is JSON, whatever it says."""
    correct = _json(said, broken=_BROKEN) is not _BROKEN
    return Verdict(said, {"accuracy": float(correct)}, (_match(correct, None, said),))


_BROKEN = object()


def _json(text: str, broken: Any = None) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return broken


def _same(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return False
    if isinstance(one, dict):
        return isinstance(other, dict) and all(_same(one.get(k), other.get(k)) for k in {*one, *other})
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(_same, one, other))
    return one == other


def translated(said: str, ideal: Any) -> Verdict:
    """Right where sentence BLEU (sacrebleu, effective order) is above 30 of 100."""
    expected = as_list(ideal)
    score = float(_bleu().sentence_score(said, expected).score)
    correct = score > TRANSLATED
    event = _match(correct, expected, None, sampled=said, sacrebleu_sentence_score=score)
    scores = {"accuracy": float(correct), "sentence_bleu": score / 100}
    return Verdict(said, scores, (("metrics", {"sacrebleu_sentence_score": score}), event))


@cache
def _bleu() -> Any:
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(effective_order=True)


def corpus_bleu(pairs: Sequence[tuple[str, list[str]]]) -> float | None:
    """BLEU of all answers together, 0 to 100; a sample may have fewer right answers than another."""
    from sacrebleu.metrics.bleu import BLEU

    if not pairs:
        return None
    most = max(len(refs) for _, refs in pairs)
    columns = [[refs[n] if n < len(refs) else None for _, refs in pairs] for n in range(most)]
    return float(BLEU().corpus_score([said for said, _ in pairs], columns).score)  # pyright: ignore[reportArgumentType]
