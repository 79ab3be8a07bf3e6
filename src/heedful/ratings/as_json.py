"""Ratings as the JSON that `heedful rate --json` prints and the arena's page reads."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from heedful.ratings.bradley_terry import BASE, INIT, SCALE
from heedful.ratings.cells import Floats
from heedful.ratings.elo import K
from heedful.ratings.rate import Ratings
from heedful.ratings.style import FEATURES

SCHEMA = "heedful.ratings/1"


def ratings_json(found: Ratings) -> dict[str, Any]:
    """Plain JSON values; what has no finite number is null."""
    options, t = found.options, found.tally
    out: dict[str, Any] = {
        "schema": SCHEMA,
        "profile": options.profile,
        "settings": {
            "interval": options.method,
            "level": options.level,
            "rounds": options.resamples if options.method == "bootstrap" else None,
            "seed": options.seed,
            "style_control": options.style,
            "anchors": dict(options.anchors),
            "scale": SCALE,
            "base": BASE,
            "init": INIT,
        },
        "votes": {
            "read": t.read,
            "used": t.used,
            "ties": t.ties,
            "both_bad": t.both_bad,
            "filtered": t.filtered,
            "against_itself": t.themselves,
            "names_shown": t.named,
            "repeated": t.repeated,
            "without_style": t.unstyled,
        },
        "ratings": {m.model: {k: v for k, v in dataclasses.asdict(m).items() if k != "model"} for m in found.models},
        "groups": _groups(found),
        "matrix": {
            "models": [m.model for m in found.models],
            "votes": found.votes.astype(int).tolist(),
            "win_rate": _rates(found.wins, found.votes),
        },
        "notes": list(found.notes),
    }
    if options.profile == "elo":
        out["settings"]["k"] = K
    if found.coefficients is not None:
        out["style"] = dict(zip(FEATURES, found.coefficients, strict=True))
    return out


def _groups(found: Ratings) -> list[list[str]]:
    count = max(m.group for m in found.models)
    return [[m.model for m in found.models if m.group == k] for k in range(1, count + 1)]


def _rates(wins: Floats, votes: Floats) -> list[list[float | None]]:
    """The row's share of wins against the column, ties as halves; null where they never met."""
    share = np.divide(wins, votes, out=np.full_like(wins, np.nan), where=votes > 0)
    return [[None if v != v else round(v, 6) for v in row] for row in share.tolist()]
