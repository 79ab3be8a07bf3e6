"""BIG-bench's metrics on the log-probabilities of choices and targets (bigbench 1.0.0, api/task_metrics.py).

Each gives the owner's number to the last digit: the same operations on the same types, in the same order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from heedful.errors import DataError
from heedful.scorers.owners_files import total

BUCKETS = 15


@dataclass(frozen=True)
class Graded:
    """One question: its choices, the score of each, and two log-probabilities of each.

    `absolute` is what the model said, `log_probs` what is graded: the same, or normalised over the choices.
    """

    where: str
    choices: tuple[str, ...]
    target_scores: tuple[float, ...]
    absolute: tuple[float, ...]
    log_probs: tuple[Any, ...]


def normalised(log_probs: Sequence[float]) -> tuple[Any, ...]:
    """Log-probabilities over these choices alone, so that the probabilities sum to 1.

    >>> [round(float(np.exp(v)), 3) for v in normalised([-1.0, -1.0, float("-inf")])]
    [0.5, 0.5, 0.0]
    """
    from scipy.special import logsumexp

    return tuple(np.array(log_probs) - logsumexp(log_probs))


def best(log_probs: Sequence[Any]) -> int:
    """The place of the highest; among equal ones a place that is made of the numbers' own bytes, always the same.

    >>> best([-3.0, -1.0]), best([-1.0, -1.0, -1.0])
    (1, 0)
    """
    values = np.asarray(log_probs)
    places = np.arange(len(values))[values == np.max(values)]
    drawn = int(hashlib.sha256(values.tobytes()).hexdigest(), 16) % len(places)
    return int(places[drawn])


def multiple_choice_grade(rows: Sequence[Graded]) -> float:
    """The mean score of the likeliest choice."""
    return total(r.target_scores[best(r.log_probs)] for r in rows) / len(rows)


def _probabilities(row: Graded) -> tuple[Any, list[float]]:
    """The model's probabilities over the choices (C,), and the scores made to sum to 1 (zeros where they sum to 0)."""
    whole = total(row.target_scores)
    wanted = [0.0] * len(row.choices) if whole == 0 else [score / whole for score in row.target_scores]
    log_probs = np.array(row.log_probs)
    log_probs -= np.max(log_probs)
    return np.exp(log_probs) / np.sum(np.exp(log_probs)), wanted


def brier_score(rows: Sequence[Graded]) -> float:
    """The mean over all choices of all questions of the squared distance from right (1) and wrong (0)."""
    found, number = 0.0, 0
    for row in rows:
        of_row = 0.0
        probabilities, wanted = _probabilities(row)
        for right, probability in zip(wanted, probabilities, strict=True):
            of_row += right * (probability - 1) ** 2 + (1 - right) * (probability - 0) ** 2
            number += 1
        found += of_row
    return found / number


def expected_calibration_error(rows: Sequence[Graded]) -> float:
    """How far confidence is from the share that is right, over 15 buckets of like confidence (Naeini et al. 2015)."""
    confidences: list[list[Any]] = [[] for _ in range(BUCKETS)]
    right: list[list[int]] = [[] for _ in range(BUCKETS)]
    for row in rows:
        probabilities, wanted = _probabilities(row)
        confidence = np.max(probabilities)
        bucket = next((j for j in range(BUCKETS) if confidence < float((j + 1) / BUCKETS)), BUCKETS - 1)
        confidences[bucket].append(confidence)
        right[bucket].append(int(np.argmax(wanted) == np.argmax(probabilities)))
    error = 0.0
    for of_bucket, hits in zip(confidences, right, strict=True):
        if of_bucket:
            error += (len(of_bucket) / len(rows)) * abs(np.mean(hits) - np.mean(of_bucket))
    return float(error)


def weighted_log_probabilities(rows: Sequence[Graded]) -> float:
    """The mean over questions of the log-probabilities, each times the score of its choice."""
    with np.errstate(invalid="ignore"):  # a score of 0 times a log-probability of -Infinity is no number, as there
        return total(np.sum(np.array(r.target_scores) * np.array(r.absolute)) for r in rows) / len(rows)


def weighted_probabilities(rows: Sequence[Graded]) -> float:
    """The mean over questions of the probabilities, each times the score of its choice."""
    weighted = (np.sum(np.array(r.target_scores) * np.exp(np.array(r.absolute))) for r in rows)
    return total(weighted) / len(rows)


def macro_f1(rows: Sequence[Graded]) -> float:
    """The mean of F1 over all texts that are the right choice or the likeliest one somewhere."""
    for row in rows:
        if row.target_scores.count(1) != 1 or total(row.target_scores) != 1:
            raise DataError(f"{row.where}: macro_f1 needs one choice with score 1 and 0 for the others; mend it")
    gold = [r.choices[r.target_scores.index(1)] for r in rows]
    predicted = [r.choices[best(r.log_probs)] for r in rows]
    f1 = []
    for label in sorted({*gold, *predicted}):
        both = sum(g == p == label for g, p in zip(gold, predicted, strict=True))
        f1.append(2 * both / (gold.count(label) + predicted.count(label)))
    return float(np.mean(f1))


CHOICE_FUNCTIONS = {
    "multiple_choice_grade": multiple_choice_grade,
    "calibration_multiple_choice_brier_score": brier_score,
    "expected_calibration_error": expected_calibration_error,
    "weighted_log_probabilities": weighted_log_probabilities,
    "weighted_probabilities": weighted_probabilities,
    "macro_f1": macro_f1,
}


def log_likelihood(
    log_probs: Sequence[Sequence[float]], targets: Sequence[Sequence[str]], where: str
) -> dict[str, Any]:
    """The mean log-probability of the target, and per word and character; of several targets the sum, and only that."""
    from scipy.special import logsumexp

    if any(len(t) > 1 for t in targets):
        return {"log_likelihood": np.mean(np.array([logsumexp(of_targets) for of_targets in log_probs]))}
    per_word = per_character = whole = 0.0
    for (value,), (target,) in zip(log_probs, targets, strict=True):
        if not target.split():
            raise DataError(f"{where}: log_likelihood is per word, and a target has none; mend the task's file")
        whole += value
        per_character += value / len(target)
        per_word += value / len(target.split())
    number = len(log_probs)
    return {
        "log_likelihood": whole / number,
        "log_likelihood_per_word": per_word / number,
        "log_likelihood_per_char": per_character / number,
    }
