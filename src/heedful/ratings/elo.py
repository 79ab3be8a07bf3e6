"""Elo's ratings, vote after vote (Elo, "The Rating of Chessplayers, Past and Present", 1978), for comparison.

After each vote the winner takes K (1 - p) points of the loser, p being the probability that its rating gave it; a tie
counts as half. As in FastChat K is 4, the scale 400, the base 10, and all begin at 1000. The result depends on the
order of the votes, and early votes fade: at K = 4 a vote's weight halves with every 120 later votes of even models.
"""

from __future__ import annotations

import numpy as np

from heedful.ratings.bradley_terry import BASE, INIT, SCALE
from heedful.ratings.cells import Cells, Floats, Ints

K = 4.0
LONGEST_CHAIN = 100_000  # votes that a resample replays
_PART = 1 << 16


def elo(cells: Cells, sequence: Ints) -> Floats:
    """(M,): ratings after the votes in this order, each given by its cell."""
    rating = [INIT] * cells.models
    a, b, outcome = cells.a.tolist(), cells.b.tolist(), cells.outcome.tolist()
    for start in range(0, len(sequence), _PART):
        for cell in sequence[start : start + _PART].tolist():
            i, j = a[cell], b[cell]
            change = K * (outcome[cell] - 1 / (1 + BASE ** ((rating[j] - rating[i]) / SCALE)))
            rating[i] += change
            rating[j] -= change
    return np.array(rating)


def elo_interval(
    cells: Cells, rating: Floats, level: float, rounds: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """(M,) twice: percentile intervals over votes drawn anew, in drawn order, as FastChat's.

    A resample of more than 100,000 votes starts from `rating` and replays that many: what came before has faded.
    """
    length = min(round(cells.votes), LONGEST_CHAIN)
    table = np.full((rounds, cells.models), INIT) if length == round(cells.votes) else np.tile(rating, (rounds, 1))
    flat, offset = table.reshape(-1), np.arange(rounds) * cells.models
    chance = np.cumsum(cells.count) / cells.count.sum()
    factor = np.log(BASE) / SCALE
    for start in range(0, length, 1000):
        drawn = np.searchsorted(chance, rng.random((min(1000, length - start), rounds)), side="right")
        drawn = np.minimum(drawn, len(chance) - 1)
        for i, j, outcome in zip(cells.a[drawn] + offset, cells.b[drawn] + offset, cells.outcome[drawn], strict=True):
            change = K * (outcome - 1 / (1 + np.exp(factor * (flat[j] - flat[i]))))
            flat[i] += change
            flat[j] -= change
    tail = (1 - level) / 2
    low, high = np.quantile(table, [tail, 1 - tail], axis=0)
    return low, high
