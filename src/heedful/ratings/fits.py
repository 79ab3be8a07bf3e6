"""One fit and its intervals for each profile, in rating points; NaN or infinite where there is no finite number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.special import ndtri

from heedful.errors import RequestError
from heedful.ratings import peers
from heedful.ratings.bradley_terry import BASE, INIT, POINTS, bootstrap, fit, sandwich
from heedful.ratings.cells import Cells, Floats, Ints, pairs_of
from heedful.ratings.connections import Group, one_sided_bound
from heedful.ratings.elo import elo, elo_interval
from heedful.ratings.style import (
    StyledVotes,
    fastchat_styled,
    features_of,
    fit_styled,
    pair_weights,
    styled_sandwich,
)
from heedful.ratings.tally import Tally

Profile = Literal["heedful", "fastchat", "fastchat-main", "arena-rank", "elo"]
PROFILES: tuple[Profile, ...] = ("heedful", "fastchat", "fastchat-main", "arena-rank", "elo")
INTERVALS = ("sandwich", "bootstrap")


@dataclass(frozen=True, slots=True)
class Options:
    """How to rate. What is None is as the profile has it.

    `interval`: ``sandwich`` or ``bootstrap``; `rounds`: resamples of the bootstrap; `anchors`: models with the ratings
    they are given; `named` and `repeated`: whether votes that show the names, and votes that a judge gave before,
    count.
    """

    profile: Profile = "heedful"
    interval: str | None = None
    level: float = 0.95
    rounds: int | None = None
    seed: int = 0
    anchors: tuple[tuple[str, float], ...] = ()
    style: bool = False
    named: bool | None = None
    repeated: bool | None = None

    @property
    def method(self) -> str:
        """The interval that is made."""
        return self.interval or ("sandwich" if self.profile in ("heedful", "arena-rank") else "bootstrap")

    @property
    def resamples(self) -> int:
        """Rounds of the bootstrap: FastChat's and arena-rank's 100, and 1,000 of our own."""
        return self.rounds or (1000 if self.profile == "heedful" and not self.style else 100)


@dataclass(frozen=True, slots=True)
class Fitted:
    """Ratings and bounds in points, (M,) each. `flat`: models of which only ties are known. `unbounded`: resamples
    without a finite fit. `short`: the most points by which a peer's solver stopped before its maximum."""

    rating: Floats
    low: Floats
    high: Floats
    coefficients: Floats | None = None
    flat: tuple[int, ...] = ()
    unbounded: int = 0
    short: float = 0.0


def fitted(counted: Tally, parts: Sequence[Group], options: Options) -> Fitted:
    """The ratings of a profile with their intervals."""
    if options.profile == "elo":
        if options.style or options.interval == "sandwich":
            what = "--style-control" if options.style else "--interval sandwich"
            raise RequestError(f"{what} is for Bradley-Terry ratings; leave it out, or choose another --profile")
        rating = elo(counted.cells, counted.sequence)
        rng = np.random.default_rng(options.seed)
        return Fitted(rating, *elo_interval(counted.cells, rating, options.level, options.resamples, rng))
    if options.style:
        return _styled(counted, parts, options)
    if options.profile in ("fastchat", "fastchat-main"):
        return _regular(counted.cells, options)
    return _by_blocks(counted.cells, parts, options)


def _regular(cells: Cells, options: Options) -> Fitted:
    """FastChat's fits, which always end somewhere."""
    old = options.profile == "fastchat"
    theta = peers.fastchat(cells) if old else peers.fastchat_main(cells)
    ridge = peers.FASTCHAT_RIDGE if old else 1e-9
    short = float(np.abs(theta - fit(pairs_of(cells), ridge)).max()) * POINTS if old else 0.0
    low, high, unbounded = _bounds(theta, cells, options, ridge if old else 0.0, None)
    return replace(_points(theta, low, high), unbounded=unbounded, short=short)


def _points(theta: Floats, low: Floats, high: Floats) -> Fitted:
    return Fitted(INIT + POINTS * theta, INIT + POINTS * low, INIT + POINTS * high)


def _bounds(
    theta: Floats, cells: Cells, options: Options, ridge: float, on_diagonal: float | None
) -> tuple[Floats, Floats, int]:
    if options.method == "sandwich":
        width = ndtri((1 + options.level) / 2) * sandwich(theta, cells, on_diagonal)
        return theta - width, theta + width, 0
    found = bootstrap(theta, cells, options.level, options.resamples, np.random.default_rng(options.seed), ridge)
    return found.low, found.high, found.unbounded


def _by_blocks(cells: Cells, parts: Sequence[Group], options: Options) -> Fitted:
    """The maximum where there is one: each group by itself, the block whose differences are finite; the others are
    held against it."""
    rating, low, high = (np.full(cells.models, np.nan) for _ in range(3))
    flat: list[int] = []
    unbounded = 0
    arena = options.profile == "arena-rank"
    for part in parts:
        if not len(part.block):
            continue
        own = cells.among(part.block)
        theta = fit(pairs_of(own))
        bounds = _bounds(theta, own, options, 0.0, peers.ARENA_RANK_HESSIAN * cells.votes if arena else None)
        rating[part.block], low[part.block], high[part.block] = theta, bounds[0], bounds[1]
        unbounded += bounds[2]
        if not arena and (own.outcome == 0.5).all():
            flat += part.block.tolist()
            low[part.block] = high[part.block] = np.nan
        tail = (1 - options.level) / 2
        for models, sign in ((part.above, 1), (part.below, -1)):
            _one_sided(models, sign, cells, part.block, rating, tail, low if sign > 0 else high)
            (high if sign > 0 else low)[models] = sign * math.inf
    return replace(_points(rating, low, high), flat=tuple(flat), unbounded=unbounded)


def _one_sided(models: Ints, sign: int, cells: Cells, block: Ints, rating: Floats, tail: float, out: Floats) -> None:
    """The bound of each model that only won (1) or only lost (-1) against the block."""
    met = cells.wins()
    for m in models:
        bound = one_sided_bound(sign * rating[block], (met[m] + met[:, m])[block], tail)
        out[m] = np.nan if bound is None else sign * bound


def _styled(counted: Tally, parts: Sequence[Group], options: Options) -> Fitted:
    """The fit with style: over the block of the largest group, with FastChat over all."""
    cells, count = counted.cells, counted.cells.models
    theirs = options.profile in ("fastchat", "fastchat-main")
    arena = options.profile == "arena-rank"
    members = np.arange(count) if theirs else parts[0].block
    if len(members) < 2:
        raise RequestError("no two models both won and lost, so style cannot be held equal; leave out --style-control")
    assert counted.counts is not None
    inside = np.isin(cells.a, members) & np.isin(cells.b, members)
    kept = inside[counted.sequence]
    new = np.full(count, -1)
    new[members] = np.arange(len(members))
    one = counted.sequence[kept]
    a, b = new[cells.a[one]], new[cells.b[one]]
    weight = pair_weights(a, b, len(members)) if arena else np.ones(len(a))
    features = features_of(counted.counts[kept], add_one=not arena)
    votes = StyledVotes(len(members), a, b, cells.outcome[one], weight, features)
    ridge = _style_ridge(votes, options)
    theta, coefficients = fastchat_styled(votes, math.log(BASE)) if theirs else fit_styled(votes, ridge)
    low, high = _styled_bounds(theta, coefficients, votes, ridge, options)
    out = [np.full(count, np.nan) for _ in range(3)]
    for values, found in zip(out, (theta, low, high), strict=True):
        values[members] = found
    return replace(_points(*out), coefficients=coefficients)


def _style_ridge(votes: StyledVotes, options: Options) -> Floats:
    """FastChat's 0.5 on w = theta / ln 10 and the coefficients; arena-rank's 1 on the coefficients, of a mean loss."""
    ridge = np.zeros(votes.models + votes.features.shape[1])
    if options.profile == "arena-rank":
        ridge[votes.models :] = len(votes.a)
    elif options.profile != "heedful":
        ridge[: votes.models] = 0.5 / math.log(BASE) ** 2
        ridge[votes.models :] = 0.5
    return ridge


def _styled_bounds(
    theta: Floats, coefficients: Floats, votes: StyledVotes, ridge: Floats, options: Options
) -> tuple[Floats, Floats]:
    arena = options.profile == "arena-rank"
    if options.method == "sandwich":
        error = styled_sandwich(theta, coefficients, votes, 1e-5 if arena else None, 1.0 if arena else 0.0)
        width = ndtri((1 + options.level) / 2) * error[: votes.models]
        return theta - width, theta + width
    rng, count = np.random.default_rng(options.seed), len(votes.a)
    own, start = np.maximum(ridge, 1e-6), np.concatenate([theta, coefficients])
    found = np.empty((options.resamples, votes.models))
    for k in range(options.resamples):
        drawn = np.bincount(rng.integers(0, count, count), minlength=count)
        found[k] = fit_styled(replace(votes, weight=votes.weight * drawn), own, start.copy())[0]
    tail = (1 - options.level) / 2
    low, high = np.quantile(found, [tail, 1 - tail], axis=0)
    return low, high
