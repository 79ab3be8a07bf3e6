"""best_exact and best_f1 of SQuAD 2.0: what the figures would be with the best threshold for having no answer.

Source: the owner's evaluate-v2.0.py (find_best_thresh), which lm-evaluation-harness's squadv2 reports. Questions that
the model finds unlikelier than the threshold to have no answer keep what was written; the others count as unanswered.
The threshold is chosen with the right answers in sight, so these are figures of what a model could do at best.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from heedful.tasks.figures import RESAMPLES, Figure

if TYPE_CHECKING:
    from heedful.tasks.base import Sample

NO_ANSWER = "unanswerable"
NO_ANSWER_SCORE = "no_answer_log_likelihood"
"""What an item is worth that asks how likely it is that a question has no answer."""


def best_figures(samples: Sequence[Sample]) -> list[Figure]:
    """Both figures, of samples among which each question has an item whose answer is written, and one for how likely no
    answer is. A question of which one of the two failed is unscored. Errors are a bootstrap's, over passages."""
    written = {s.item.id: s for s in samples if not s.item.choices}
    none = {s.item.id.removesuffix(f"/{NO_ANSWER}"): s for s in samples if s.item.choices}
    pairs = [(written[i], none[i]) for i in written if i in none]
    known = [(w, n) for w, n in pairs if w.mark.scores["f1"] is not None and n.mark.scores[NO_ANSWER_SCORE] is not None]
    missed = len(written) - len(known)
    if not known:
        return [Figure(f"best_{m}", None, None, 0, missed) for m in ("exact", "f1")]
    order = np.argsort([math.exp(n.mark.scores[NO_ANSWER_SCORE] or 0.0) for _, n in known], kind="stable")
    ranked = [known[i][0] for i in order]
    answerable = np.array([w.item.fields["answerable"] for w in ranked])
    said = np.array([bool(w.mark.answer) for w in ranked])
    passages: dict[object, int] = {}
    groups = np.array([passages.setdefault(w.item.group, len(passages)) for w in ranked])
    found = []
    for metric in ("exact", "f1"):
        scores = np.array([w.mark.scores[metric] for w in ranked], dtype=float)
        gains = np.where(answerable, scores, np.where(said, -1.0, 0.0))  # of keeping what was written
        value = _best(gains, ~answerable, np.ones(len(ranked)))
        found.append(Figure(f"best_{metric}", value, _error(gains, ~answerable, groups), len(ranked), missed))
    return found


def _best(gains: np.ndarray, unanswerable: np.ndarray, weights: np.ndarray) -> float:
    """The best share over all thresholds: none is answered, then one after the other. (N,) each"""
    sums = np.cumsum(np.concatenate([[float(weights[unanswerable].sum())], gains * weights]))
    return float(sums.max() / weights.sum())


def _error(gains: np.ndarray, unanswerable: np.ndarray, groups: np.ndarray) -> float | None:
    number = int(groups.max()) + 1
    if number < 2:
        return None
    drawn = np.random.default_rng(0)
    times = (np.bincount(drawn.integers(number, size=number), minlength=number) for _ in range(RESAMPLES))
    return float(np.std([_best(gains, unanswerable, t[groups].astype(float)) for t in times], ddof=1))
