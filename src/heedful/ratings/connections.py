"""Which models the votes tie together, and how: whether ratings are finite, and between whom.

Ratings are finite exactly where no group of models lost to another group and never beat or tied it (Ford 1957). So an
arrow goes from each model to every one that it has beaten or tied. Models that reach each other along arrows form a
block, within which all differences are finite. Two blocks with arrows in one direction are infinitely far apart, and
two groups without any arrow between them were never compared, so nothing is known of their difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components
from scipy.special import log_expit

from heedful.ratings.cells import Floats, Ints


@dataclass(frozen=True, slots=True)
class Group:
    """Models that the votes compare with each other, straight or over others.

    `block` are those whose ratings are finite, on one scale; empty where no two models won and lost both ways.
    `above` beat some of the block, straight or over others, and never lost to it; `below` the other way round;
    `apart` are neither.
    """

    members: Ints
    block: Ints
    above: Ints
    below: Ints
    apart: Ints


def groups(wins: Floats) -> list[Group]:
    """The groups of (M, M) wins (ties as halves), largest first, then in the order of their first model."""
    beaten = csr_array(wins > 0)
    count, label = connected_components(beaten, directed=False)
    _, block = connected_components(beaten, directed=True, connection="strong")
    votes = (wins + wins.T).sum(axis=1)
    found = [_group(np.flatnonzero(label == k), block, votes, beaten) for k in range(count)]
    return sorted(found, key=lambda g: (-len(g.members), g.members[0]))


def _group(members: Ints, block: Ints, votes: Floats, beaten: csr_array) -> Group:
    sizes = {int(k): np.flatnonzero(block == k) for k in np.unique(block[members])}
    several = {k: who for k, who in sizes.items() if len(who) > 1}
    nobody = np.array([], dtype=np.intp)
    if not several:
        return Group(members, nobody, nobody, nobody, nobody if len(members) == 1 else members)
    above = {k: _reached(beaten.T.tocsr(), who[0]) for k, who in several.items()}
    # The largest block bears the scale; of equals the one with more votes, then the one with fewer models above it.
    chosen = min(several, key=lambda k: (-len(several[k]), -votes[several[k]].sum(), len(above[k])))
    inside = set(several[chosen].tolist())
    up = above[chosen] - inside
    down = _reached(beaten, several[chosen][0]) - inside
    rest = set(members.tolist()) - inside - up - down
    return Group(members, several[chosen], *(np.array(sorted(s), dtype=np.intp) for s in (up, down, rest)))


def _reached(arrows: csr_array, start: int) -> set[int]:
    return set(breadth_first_order(arrows, start, return_predecessors=False).tolist())


def one_sided_bound(against: Floats, votes: Floats, tail: float) -> float | None:
    """The lowest strength with which a model wins all these `votes` against these strengths with probability `tail`.

    Shapes: (K,) both. None where it met nobody. For one opponent and n votes it is that of Clopper and Pearson (1934),
    p = tail^(1/n).
    """
    if votes.sum() == 0:
        return None
    low, high = against.min() - 50.0, against.max() + 50.0
    for _ in range(200):
        middle = (low + high) / 2
        if votes @ log_expit(middle - against) < np.log(tail):
            low = middle
        else:
            high = middle
    return float((low + high) / 2)
