"""Ratings gathered by metric and example: the metrics on texts, those of people and judges, and how they are named.

A metric of Heedful's own goes by its name (``chrf``); a rating by a person or a judge by ``SCORER@RATER``. A later
rating of the same answer replaces an earlier one. Where a question was answered several times the mean of its answers
counts (Miller, "Adding error bars to evals", 2024): answers to one question are no independent questions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from heedful.compare.data import Rating
from heedful.compare.lines import finite
from heedful.errors import DataError
from heedful.records import Response, Score, from_json
from heedful.scorers import METRICS, score_responses

# The report's rule; a test holds the two together (heedful.report.data.METRIC_SPECS).
MAIN_TEXT = ("stops", "chrf")
SUPPORTING_TEXT = ("exact_match", "token_f1", "rouge_l")
DESCRIPTIVE_TEXT = ("length",)
SHARES_TEXT = ("stops", "exact_match")
SHOWN_TEXT = MAIN_TEXT + SUPPORTING_TEXT + DESCRIPTIVE_TEXT


def by_metric(ratings: Iterable[Rating]) -> dict[str, dict[str, float | None]]:
    """For each metric the value of each example: the mean over its answers that have one, None where none has."""
    found: dict[str, dict[str, dict[str, float | None]]] = {}
    for r in ratings:
        found.setdefault(r.metric, {}).setdefault(r.example_id, {})[r.answer] = r.value
    return {m: {i: _mean(answers.values()) for i, answers in examples.items()} for m, examples in found.items()}


def _mean(values: Iterable[float | None]) -> float | None:
    kept = [v for v in values if v is not None]
    return sum(kept) / len(kept) if kept else None


def text_ratings(responses: Iterable[Response]) -> list[Rating]:
    """Every metric on texts, for each answer."""
    return [Rating(s.scorer, s.example_id, s.responses[0], s.value) for s in score_responses(responses)]


def metric_name(score: Score) -> str:
    """What a rating is called in a comparison."""
    return score.scorer if score.rater == "metric" else f"{score.scorer}@{score.rater}"


def read_scores(lines: Sequence[tuple[str, dict]]) -> tuple[list[Score], int]:
    """The Scores of single answers, and how many rate a pair: those belong to neither side alone."""
    out, pairs = [], 0
    for where, value in lines:
        finite(value.get("value"), where)
        score = from_json(Score, value, where)
        if not score.responses:
            raise DataError(f"{where}: a Score names no response; write the id of the answer that it rates")
        if len(score.responses) > 1:
            pairs += 1
        else:
            out.append(score)
    return out, pairs


def ratings_of(scores: Iterable[Score]) -> list[Rating]:
    """Scores as ratings."""
    return [Rating(metric_name(s), s.example_id, s.responses[0], s.value) for s in scores]


def is_text_metric(name: str) -> bool:
    """Whether a metric is one of Heedful's own on texts."""
    return name in METRICS
