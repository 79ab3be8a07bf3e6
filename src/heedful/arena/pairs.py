"""Which two models come next: those whose vote is expected to tell most, or any two.

What a vote between i and j is expected to tell of the strengths, in nats, is ln(1 + p (1 - p) v) / 2: p the chance that
i wins by the ratings so far, v the variance of the difference of the two by the inverse of the information matrix.

- Lindley, "On a measure of the information provided by an experiment", Annals of Mathematical Statistics 27 (1956).
- Chaloner and Verdinelli, "Bayesian experimental design: a review", Statistical Science 10 (1995): D-optimal designs.

Conversations without a vote yet count as if they had one that said what was expected: it narrows v and moves nothing.
"""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np

from heedful.ratings.cells import Floats

Pair = tuple[str, str]
PRIOR = 350 / (400 / np.log(10))  # standard deviation of a strength before any vote: 350 points, in log odds
UNDER_WAY = 600.0  # seconds that a conversation without a vote counts as one
KINDS = ("learn", "random")


def strengths(wins: Floats, prior: float = PRIOR, steps: int = 50) -> Floats:
    """(M,): the likeliest strengths under a normal prior; `wins` (M, M) counts the row's wins, ties as halves."""
    total = wins + wins.T
    theta = np.zeros(len(wins))
    for _ in range(steps):
        p = _chance(theta)
        slope = (wins - total * p).sum(axis=1) - theta / prior**2
        step = np.linalg.solve(_information(total, p, prior), slope)
        theta = theta + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-8:
            break
    return theta


def gains(wins: Floats, under_way: Floats, prior: float = PRIOR) -> Floats:
    """(M, M): what a vote on each pair is expected to tell, in nats; 0 on the diagonal.

    >>> wins = np.array([[0.0, 30.0, 1.0], [30.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
    >>> found = gains(wins, np.zeros((3, 3)))
    >>> bool(found[0, 2] > found[0, 1])
    True
    """
    p = _chance(strengths(wins, prior))
    cover = np.linalg.inv(_information(wins + wins.T + under_way, p, prior))
    variance = np.diag(cover)[:, None] + np.diag(cover) - 2 * cover
    return 0.5 * np.log1p(p * (1 - p) * np.maximum(variance, 0))


def _chance(theta: Floats) -> Floats:
    return 1 / (1 + np.exp(np.clip(theta[None, :] - theta[:, None], -60, 60)))


def _information(total: Floats, p: Floats, prior: float) -> Floats:
    weight = total * p * (1 - p)
    np.fill_diagonal(weight, 0)
    return np.diag(weight.sum(axis=1) + prior**-2) - weight


class Chooser:
    """Chooses pairs. `votes` gives the (M, M) wins so far and is asked at most every `every` seconds."""

    def __init__(
        self, models: Sequence[str], kind: str, rng: random.Random, votes: Callable[[], Floats], every: float = 0.2
    ):
        self.models, self.kind, self.rng, self.votes, self.every = list(models), kind, rng, votes, every
        self.place = {m: k for k, m in enumerate(self.models)}
        self._open: OrderedDict[str, tuple[Pair, float]] = OrderedDict()
        self._wins: Floats = np.zeros((len(models), len(models)))
        self._asked = float("-inf")
        self._lock = threading.Lock()

    def ranked(self, among: Sequence[Pair] | None = None) -> list[Pair]:
        """The pairs, the one to take first; those that tell equally much in a random order."""
        pairs = list(among) if among is not None else list(itertools.combinations(self.models, 2))
        self.rng.shuffle(pairs)
        if self.kind == "random":
            return pairs
        with self._lock:
            if time.monotonic() - self._asked >= self.every:
                self._wins, self._asked = self.votes(), time.monotonic()
            gain = gains(self._wins, self._under_way())
        return sorted(pairs, key=lambda p: -round(float(gain[self.place[p[0]], self.place[p[1]]]), 9))

    def sides(self, pair: Pair) -> Pair:
        """Who of the two stands left."""
        return pair if self.rng.random() < 0.5 else (pair[1], pair[0])

    def begun(self, talk: str, pair: Pair) -> None:
        """A conversation has begun; `ended` when it has a vote or was left."""
        with self._lock:
            self._open[talk] = (pair, time.monotonic())

    def ended(self, talk: str) -> None:
        with self._lock:
            self._open.pop(talk, None)

    def _under_way(self) -> Floats:
        out = np.zeros_like(self._wins)
        now = time.monotonic()
        while self._open and now - next(iter(self._open.values()))[1] > UNDER_WAY:
            self._open.popitem(last=False)
        for (one, other), _ in self._open.values():
            i, j = self.place[one], self.place[other]
            out[i, j] += 1
            out[j, i] += 1
        return out
