"""AlpacaEval's win rate and the counts beside it, as ``alpaca_eval.metrics.get_winrate`` computes them.

Which rows count: those with a preference from 1 to 2, and draws written as 0, which are 1.5. A null preference or one
outside of 1 to 2 is left out of everything but `n_draws`, and counted. All rates are in percent.

Source: https://github.com/tatsu-lab/alpaca_eval, ``metrics/winrate.py`` and ``metrics/helpers.py``, version 0.6.6;
Dubois et al., "AlpacaFarm", NeurIPS 2023.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

DRAW = 1.5


def head_to_head(preferences: Sequence[float | None]) -> dict[str, Any]:
    """The figures of preferences, in alpaca_eval's keys. A figure that too few rows allow is None.

    >>> head_to_head([2, 2, 1, 0, None])["win_rate"], head_to_head([2, 2, 1, 0, None])["n_total"]
    (62.5, 4)
    """
    known = [DRAW if p == 0 else p for p in preferences if p is not None]
    shares = np.array([p - 1 for p in known if 1 <= p <= 2], dtype=np.float64)
    return {
        "win_rate": mean_percent(shares),
        "standard_error": standard_error_percent(shares),
        "n_wins": int((shares > 0.5).sum()),
        "n_wins_base": int((shares < 0.5).sum()),
        "n_draws": sum(p == DRAW for p in known),
        "n_total": len(shares),
        "discrete_win_rate": mean_percent(_discrete(known)),
    }


def _discrete(known: Sequence[float]) -> np.ndarray:
    """Each preference as a loss, a draw or a win: 1.5 alone is a draw, all else goes to the nearest whole number."""
    whole = [0 if p == DRAW else round(p) for p in known if math.isfinite(p)]  # a half to the even one, as pandas does
    draws_named = [DRAW if p == 0 else p for p in whole]
    return np.array([p - 1 for p in draws_named if 1 <= p <= 2], dtype=np.float64)


def mean_percent(shares: np.ndarray) -> float | None:
    """The mean in percent; None of nothing."""
    return float(shares.mean()) * 100 if len(shares) else None


def standard_error_percent(shares: np.ndarray) -> float | None:
    """The standard error of the mean in percent (with n - 1); None where there are fewer than two."""
    return float(shares.std(ddof=1)) / math.sqrt(len(shares)) * 100 if len(shares) > 1 else None


def left_out(preferences: Sequence[float | None]) -> dict[str, int]:
    """How many rows do not count, by reason: no preference, and one that is outside of 1 to 2."""
    return {
        "n_null": sum(p is None for p in preferences),
        "n_out_of_range": sum(p is not None and p != 0 and not 1 <= p <= 2 for p in preferences),
    }
