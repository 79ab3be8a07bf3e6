"""Lengths of texts in figures: quantiles, and a histogram with bins that double."""

from __future__ import annotations

from array import array
from typing import Any

QUANTILES = {"p5": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95, "p99": 0.99}


def describe(lengths: array[int]) -> dict[str, Any]:
    """Figures of whole numbers: count, min, p5 ... p99, max, mean, and bins of [from, to] with their counts.

    Quantiles are values that occur (the lower of two). Bins: 0, 1, 2-3, 4-7, 8-15, ...; empty ones between the first
    and the last are kept.

    >>> describe(array("i", [1, 2, 3, 10]))["histogram"][1]
    {'from': 2, 'to': 3, 'count': 2}
    """
    import numpy as np

    if not lengths:
        return {"count": 0}
    values = np.sort(np.frombuffer(lengths, np.int32))
    bins = np.bincount(np.frexp(values.astype(np.float64))[1])  # 0 -> 0, 1 -> 1, 2..3 -> 2, 4..7 -> 3
    first = int(np.flatnonzero(bins)[0])
    return {
        "count": len(values),
        "min": int(values[0]),
        **{name: int(values[int(share * (len(values) - 1))]) for name, share in QUANTILES.items()},
        "max": int(values[-1]),
        "mean": round(float(values.mean()), 1),
        "histogram": [
            {"from": 1 << (b - 1) if b else 0, "to": (1 << b) - 1, "count": int(bins[b])}
            for b in range(first, len(bins))
        ],
    }
