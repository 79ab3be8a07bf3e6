"""The owner's final reports: what an eval's verdicts come to, under its names (evals/metrics.py, each `run`)."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from heedful.evals.verdicts import Verdict, as_list, corpus_bleu

BOOTSTRAP = 1000
Report = Callable[[Sequence[Verdict], random.Random], dict[str, Any]]


def _right(marks: Sequence[Verdict]) -> list[bool]:
    return [data["correct"] for v in marks for kind, data in v.events if kind == "match"]


def accuracy(marks: Sequence[Verdict], rng: random.Random) -> dict[str, Any]:
    """The share of right answers."""
    right = _right(marks)
    return {"accuracy": sum(right) / len(right) if right else math.nan}


def accuracy_std(marks: Sequence[Verdict], rng: random.Random) -> dict[str, Any]:
    """`boostrap_std` (the owner's word): the deviation of the accuracy of halves, drawn without replacement."""
    right, half = _right(marks), len(marks) // 2
    spread = [sum(rng.sample(right, half)) / half for _ in range(BOOTSTRAP)] if half else []
    return accuracy(marks, rng) | {"boostrap_std": float(np.std(spread)) if half else math.nan}


def mean_of(*names: str) -> Report:
    """A report of the means of these scores."""
    return lambda marks, rng: {n: float(np.mean([v.scores[n] for v in marks])) if marks else math.nan for n in names}


def translations(marks: Sequence[Verdict], rng: random.Random) -> dict[str, Any]:
    """The share of right translations, and the BLEU of all of them together."""
    data = [d for v in marks for kind, d in v.events if kind == "match"]
    pairs = [(d["sampled"], as_list(d["expected"])) for d in data]
    return accuracy(marks, rng) | {"sacrebleu_score": corpus_bleu(pairs)}


def counted(marks: Sequence[Verdict], rng: random.Random) -> dict[str, Any]:
    """How often a judge made each choice, in the order in which they came, and the means of what they are worth."""
    found: dict[str, Any] = {f"counts/{c}": n for c, n in Counter(v.answer for v in marks).items()}
    for name in ("score", "metascore"):
        values = [v.scores[name] for v in marks if name in v.scores]
        if values:
            found[name] = sum(values) / len(values)
    return found
