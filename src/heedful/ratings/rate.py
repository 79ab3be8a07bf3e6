"""Votes to ratings: which votes count, which fit, which intervals, and a sentence for everything that is not as usual.

    tally(files) -> Tally -> rate(tally, Options) -> Ratings

Profiles: `heedful` is the maximum likelihood itself and says where there is none; `fastchat`, `fastchat-main` and
`arena-rank` print what the code of these prints; `elo` is sequential. docs/ratings.md has each number with its source.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from heedful.errors import RequestError, did_you_mean
from heedful.ratings.cells import Floats
from heedful.ratings.connections import Group, groups
from heedful.ratings.fits import Fitted, Options, fitted
from heedful.ratings.notes import ANCHORS, notes
from heedful.ratings.tally import Take, Tally, tally
from heedful.ratings.votes import Vote


@dataclass(frozen=True, slots=True)
class Rated:
    """One model. `rating`, `lower` and `upper` are None where there is no finite one.

    `standing`: ``rated``; ``above`` or ``below`` those that are rated (it won, or lost, whenever it met them);
    ``apart`` where the votes do not say. `group`: models that were compared with each other, from 1; ratings and ranks
    of different groups have nothing to do with each other. `rank`: 1 and how many of its group have their lower bound
    above its upper bound.
    """

    model: str
    rating: float | None
    lower: float | None
    upper: float | None
    n: int
    rank: int
    wins: int
    losses: int
    ties: int
    standing: str
    group: int


@dataclass(frozen=True, slots=True)
class Ratings:
    """All models, best first within each group. `votes` and `wins` (M, M) are in the order of `models`: how often the
    row's model met the column's, and how often it won, ties as halves."""

    options: Options
    tally: Tally
    models: tuple[Rated, ...]
    votes: Floats
    wins: Floats
    coefficients: tuple[float, ...] | None
    notes: tuple[str, ...]


def rate(votes: Tally | str | Path | Sequence[str | Path] | Iterable[Vote], options: Options | None = None) -> Ratings:
    """Ratings of the votes of files, of Vote records, or of what `tally` counted.

    Raises DataError for a vote that cannot be read, RequestError where none is left or an anchor has no rating.
    """
    options = options or Options()
    counted = votes if isinstance(votes, Tally) else tally(votes, take_of(options))
    wins = counted.cells.wins()
    parts = groups(wins)
    found = fitted(counted, parts, options)
    shift = _anchored(counted, parts, found, options)
    rows = _rows(counted, parts, found, shift)
    order = np.array([counted.models.index(r.model) for r in rows])
    return Ratings(
        options=options,
        tally=counted,
        models=tuple(rows),
        votes=(wins + wins.T)[np.ix_(order, order)],
        wins=wins[np.ix_(order, order)],
        coefficients=None if found.coefficients is None else tuple(float(c) for c in found.coefficients),
        notes=tuple(notes(counted, parts, found, options)),
    )


def take_of(options: Options, where: Sequence[tuple[str, str]] = ()) -> Take:
    """Which votes a profile counts: as its code does, unless the options say otherwise."""
    named = options.profile == "arena-rank" if options.named is None else options.named
    repeated = options.profile != "heedful" if options.repeated is None else options.repeated
    return Take(named, repeated, tuple(where), options.style)


def _anchored(counted: Tally, parts: Sequence[Group], found: Fitted, options: Options) -> Floats:
    """(M,): what is added to each rating so that the anchors have theirs."""
    shift = np.zeros(len(counted.models))
    wanted = dict(options.anchors)
    if not wanted and (usual := ANCHORS.get(options.profile)) and usual[0] in counted.models:
        shift += usual[1] - found.rating[counted.models.index(usual[0])]
    seen: dict[int, str] = {}
    for model, rating in wanted.items():
        if model not in counted.models:
            near = did_you_mean(model, counted.models)
            raise RequestError(f"--anchor {model}={rating:g}: no vote that counts names {model}{near}")
        number = counted.models.index(model)
        if not np.isfinite(found.rating[number]):
            raise RequestError(f"--anchor {model}={rating:g}: {model} has no finite rating; anchor another model")
        part = next(k for k, g in enumerate(parts) if number in g.members)
        if part in seen:
            raise RequestError(f"--anchor {model}={rating:g}: {seen[part]} holds this scale already; name one of them")
        seen[part] = model
        shift[parts[part].members] = rating - found.rating[number]
    return shift


def _rows(counted: Tally, parts: Sequence[Group], found: Fitted, shift: Floats) -> list[Rated]:
    cells = counted.cells
    met = cells.per_model(cells.count).astype(int)
    ties = cells.per_model(cells.count * (cells.outcome == 0.5)).astype(int)
    won = np.bincount(cells.a, cells.count * (cells.outcome == 1), cells.models)
    won = (won + np.bincount(cells.b, cells.count * (cells.outcome == 0), cells.models)).astype(int)
    low, high = found.low + shift, found.high + shift
    out = []
    for number, part in enumerate(parts, 1):
        ranks = _ranks(low[part.members], high[part.members])
        rows = []
        for m, rank in zip(part.members.tolist(), ranks, strict=True):
            row = Rated(
                counted.models[m],
                *(_finite(float(v[m])) for v in (found.rating + shift, low, high)),
                n=int(met[m]),
                rank=rank,
                wins=int(won[m]),
                losses=int(met[m] - won[m] - ties[m]),
                ties=int(ties[m]),
                standing=_standing(m, part),
                group=number,
            )
            rows.append(row)
        out += sorted(rows, key=_place)
    return out


def _place(row: Rated) -> tuple[int, float, float, str]:
    """Those above, the rated ones by rating, those of which nothing is known, those below."""
    where = ("above", "rated", "apart", "below").index(row.standing) if row.rating is None else 1
    bound = row.lower if row.standing == "above" else row.upper
    return where, -(row.rating or 0), -(bound or 0), row.model


def _standing(model: int, part: Group) -> str:
    for name, members in (("rated", part.block), ("above", part.above), ("below", part.below)):
        if model in members:
            return name
    return "apart"


def _ranks(low: Floats, high: Floats) -> list[int]:
    low, high = np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)
    return [1 + int((low > h).sum()) for h in high]


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
