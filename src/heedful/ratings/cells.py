"""Votes as counts: how often each pair of models came to each outcome. Everything but the order of the votes is in it.

A million votes among a hundred models are at most 9,900 cells of (model_a, model_b, outcome), so fits and resamples
take the time of the cells and not of the votes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


def sums(index: Ints, values: Any, size: int) -> Floats:
    """(size,): the sum of the values at each index."""
    return np.asarray(np.bincount(index, values, size), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Cells:
    """`count[c]` votes in which model `a[c]` stood against `b[c]` and got `outcome[c]`: 1 won, 0.5 a tie, 0 lost.

    Shapes: all (C,). `models` is the number of models, which are numbered from 0.
    """

    models: int
    a: Ints
    b: Ints
    outcome: Floats
    count: Floats

    @property
    def votes(self) -> float:
        """How many votes there are."""
        return float(self.count.sum())

    def among(self, members: Ints) -> Cells:
        """The votes between these models, which are numbered anew in this order."""
        new = np.full(self.models, -1)
        new[members] = np.arange(len(members))
        kept = (new[self.a] >= 0) & (new[self.b] >= 0)
        return Cells(len(members), new[self.a[kept]], new[self.b[kept]], self.outcome[kept], self.count[kept])

    def wins(self) -> Floats:
        """(M, M): how often the row's model beat the column's, ties as halves."""
        table = np.zeros((self.models, self.models))
        np.add.at(table, (self.a, self.b), self.count * self.outcome)
        np.add.at(table, (self.b, self.a), self.count * (1 - self.outcome))
        return table

    def per_model(self, values: Any) -> Floats:
        """(M,): the sum of one value per cell over the cells in which a model stands."""
        return sums(self.a, values, self.models) + sums(self.b, values, self.models)


@dataclass(frozen=True, slots=True)
class Pairs:
    """What the likelihood needs of the cells: of `total[p]` votes between `i[p]` and `j[p]`, i < j, i won `won[p]`.

    Shapes: all (P,); a tie is half a win for both.
    """

    models: int
    i: Ints
    j: Ints
    won: Floats
    total: Floats


def pairs_of(cells: Cells) -> Pairs:
    """The cells of each two models added up, whichever of them stood left."""
    wins = cells.wins()
    i, j = np.nonzero(np.triu(wins + wins.T, 1))
    return Pairs(cells.models, i, j, wins[i, j], wins[i, j] + wins[j, i])


def pair_matrix(models: int, i: Ints, j: Ints, values: Floats) -> Floats:
    """(M, M): the sum over pairs of value * (e_i - e_j)(e_i - e_j)^T."""
    out = np.zeros((models, models))
    np.add.at(out, (i, j), -values)
    np.add.at(out, (j, i), -values)
    out[np.diag_indices(models)] = sums(i, values, models) + sums(j, values, models)
    return out
