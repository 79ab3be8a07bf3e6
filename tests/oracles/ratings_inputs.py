"""Votes that we drew, for the records of FastChat's and arena-rank's numbers: `votes(name)` gives the same everywhere.

Models have a hidden strength and a habit of style; who votes prefers strength and, in the sets with style, long and
marked-up answers. Only `random` is used, whose numbers do not change with versions.
"""

from __future__ import annotations

import math
import random

# name: seed, models, votes, share of ties, spread of the strengths, style
SETS = {
    "four models": (1, 4, 60, 0.2, 0.5, False),
    "eight models": (2, 8, 400, 0.3, 0.8, False),
    "twenty models, unevenly often": (3, 20, 5000, 0.25, 0.7, False),
    "forty models": (4, 40, 12000, 0.35, 1.2, False),
    "no ties": (5, 6, 500, 0.0, 0.6, False),
    "two groups": (6, 8, 600, 0.2, 0.5, False),
    "many votes": (7, 15, 60000, 0.3, 0.8, False),
    "style": (8, 6, 1500, 0.25, 0.4, True),
    "style, ten models": (9, 10, 4000, 0.3, 0.6, True),
}
STYLE = ("sum_assistant_tokens", "header_count", "list_count", "bold_count")


def votes(name: str) -> list[dict]:
    """The votes of a set, in the published form; with style also `conv_metadata`."""
    seed, models, count, ties, spread, style = SETS[name]
    rng = random.Random(seed)
    strength = [rng.gauss(0, spread) for _ in range(models)]
    often = [rng.uniform(0.2, 1) for _ in range(models)] if "unevenly" in name else [1.0] * models
    out = []
    for number in range(count):
        a, b = _pair(rng, models, often, "groups" in name)
        looks = (_looks(rng, a), _looks(rng, b))
        lead = strength[a] - strength[b]
        if style:
            lead += 0.8 * (looks[0][0] - looks[1][0]) / (looks[0][0] + looks[1][0])
            lead += 0.2 * (looks[0][3] - looks[1][3]) / (looks[0][3] + looks[1][3] + 1)
        winner = "model_a" if rng.random() < 1 / (1 + math.exp(-lead)) else "model_b"
        if rng.random() < ties:
            winner = rng.choice(["tie", "tie (bothbad)"])
        row = {"model_a": f"model-{a:02d}", "model_b": f"model-{b:02d}", "winner": winner}
        row |= {"judge": f"arena_user_{number}", "turn": 1, "anony": True, "language": "English"}
        row["tstamp"] = 1690000000.0 + 60 * number
        if style:
            row["conv_metadata"] = {
                f"{key}_{side}": counts[k]
                for side, counts in zip("ab", looks, strict=True)
                for k, key in enumerate(("sum_assistant", "header_count", "list_count", "bold_count"))
            }
            row["conv_metadata"] = {
                key.replace("sum_assistant_a", "sum_assistant_a_tokens").replace(
                    "sum_assistant_b", "sum_assistant_b_tokens"
                ): value
                for key, value in row["conv_metadata"].items()
            }
        out.append(row)
    return out


def _pair(rng: random.Random, models: int, often: list[float], groups: bool) -> tuple[int, int]:
    """Two models; with groups both from the first half or both from the second."""
    while True:
        a, b = rng.choices(range(models), often, k=2)
        if a != b and (not groups or (a < models // 2) == (b < models // 2)):
            return a, b


def _looks(rng: random.Random, model: int) -> tuple[int, int, int, int]:
    """Tokens, headers, list items and bold words of an answer."""
    tokens = 20 + int(rng.expovariate(1 / (100 + 20 * model)))
    return tokens, rng.randrange(1 + model % 4), rng.randrange(2 + model % 6), rng.randrange(1 + model % 8)
