"""Which examples stand before a question: drawn by seed from the training rows, anew for each question.

The draws are those of lm-evaluation-harness: one ``random.Random(seed)`` for a task, and for each question in turn
``sample`` of one training row more than is shown, in case the question itself is among them. With ``--seed 1234``,
which is its own, the examples are the same.

>>> examples(["a", "b", "c"], 2, random.Random(1234), lambda row: row == "c")
['a', 'b']
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from heedful.errors import RequestError
from heedful.tasks.base import Plan
from heedful.tasks.places import Places

Row = TypeVar("Row")


def examples(pool: Sequence[Row], count: int, drawn: random.Random, is_own: Callable[[Row], bool]) -> list[Row]:
    """`count` rows of the pool, none of which is the question itself."""
    if count == 0:
        return []
    if count > len(pool):
        raise RequestError(f"there are {len(pool)} examples to draw from; choose --shots {len(pool)} or fewer")
    chosen = [pool[k] for k in drawn.sample(range(len(pool)), min(count + 1, len(pool)))]
    others = [row for row in chosen if not is_own(row)]
    if len(others) < count:
        rest = [row for row in pool if not is_own(row)]
        if count > len(rest):
            raise RequestError(
                f"there are {len(rest)} examples that are not the question itself; choose --shots {len(rest)}"
            )
        others = [rest[k] for k in drawn.sample(range(len(rest)), count)]
    return others[:count]


def shots_of(plan: Plan, default: int) -> int:
    """How many examples were asked for."""
    return default if plan.shots is None else plan.shots


def train_file(places: Places, part: str, names: Sequence[str]) -> Path:
    """The file with the training rows; RequestError, where there is none, that says what else can be done."""
    found = places.find(*names)
    if found is None:
        raise RequestError(
            f"{part}: --shots needs training rows to draw from ({names[0]}), and {places.folder} has none; add the "
            "file, or choose --shots 0"
        )
    return found
