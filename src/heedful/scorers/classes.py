"""Figures of predicted classes, as GLUE and SuperGLUE use them: accuracy, F1 and Matthews correlation, from 0 to 1.

The owners call scikit-learn; these say the same to the last digit (tests/oracles/test_benchmarks.py) and start at once.

>>> accuracy([1, 0, 1, 1], [1, 0, 0, 1])
0.75
>>> f1([1, 0, 1, 1], [1, 0, 0, 1])
0.8
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from heedful.scorers.owners_files import shown

BOOLEAN = ("false", "true")


def class_number(value: object, labels: Sequence[str]) -> int | None:
    """The number of a class given by its name or its number; None where it is none of them.

    Names are as the owner writes them; false and true also with capitals, since submissions to the leaderboards of WiC
    and of WSC differ in that. Numbers are those of the Hugging Face hub: places in `labels`.
    """
    text = str(value) if isinstance(value, bool | int) else value
    if not isinstance(text, str):
        return None
    if labels == BOOLEAN:
        text = text.lower()
    if text in labels:
        return labels.index(text)
    return int(text) if text.isascii() and text.isdigit() and len(text) == 1 and int(text) < len(labels) else None


def no_class(value: object, labels: Sequence[str]) -> str:
    """The end of a sentence on a value that is no class."""
    return f"{shown(value)} is no label; write {', '.join(labels[:-1])} or {labels[-1]}"


def accuracy(gold: Sequence[int], predicted: Sequence[int]) -> float:
    """The share of equal ones."""
    return sum(g == p for g, p in zip(gold, predicted, strict=True)) / len(gold)


def f1(gold: Sequence[int], predicted: Sequence[int], positive: int = 1) -> float:
    """F1 of one class; 0 where it neither stands in the gold labels nor was predicted."""
    both = sum(g == p == positive for g, p in zip(gold, predicted, strict=True))
    either = sum(g == positive for g in gold) + sum(p == positive for p in predicted)
    return 2 * both / either if either else 0.0


def macro_f1(gold: Sequence[int], predicted: Sequence[int]) -> float:
    """The mean of F1 over the classes that stand in the gold labels or were predicted."""
    seen = sorted({*gold, *predicted})
    return sum(f1(gold, predicted, k) for k in seen) / len(seen)


def matthews(gold: Sequence[int], predicted: Sequence[int]) -> float:
    """Matthews correlation, for any number of classes (Gorodkin's R_K); 0 where all gold or all predictions are one."""
    n, g, p = len(gold), Counter(gold), Counter(predicted)
    right = sum(a == b for a, b in zip(gold, predicted, strict=True))
    both = right * n - sum(g[k] * p[k] for k in g)
    gold_spread = n * n - sum(v * v for v in g.values())
    predicted_spread = n * n - sum(v * v for v in p.values())
    spread = float(gold_spread) * float(predicted_spread)
    return both / math.sqrt(spread) if spread else 0.0
