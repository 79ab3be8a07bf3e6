"""One example of a BIG-bench task, with its input as the owner's ``default_format_fn`` (api/json_task.py) writes it.

>>> row = {"input": "Is rain wet?", "target_scores": {"yes": 1, "no": 0}}
>>> found = read_example(row, 0, "task.json: examples[0]", Prefixes(), CHOICE_SEED, True, False)
>>> print(found.input + found.targets[0])
<BLANKLINE>
Q: Is rain wet?
  choice: yes
  choice: no
A: yes
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from heedful.errors import DataError
from heedful.scorers.owners_files import shown

CHOICE_SEED = 42
"""The seed with which the owner's code draws the order of the choices, in each example anew."""


@dataclass(frozen=True)
class Prefixes:
    """What stands before an input, an answer and each choice, and whether choices are listed in the input."""

    input: str = "\nQ: "
    output: str = "\nA: "
    choice: str = "\n  choice: "
    append_choices: bool = True


@dataclass(frozen=True)
class Example:
    """`index` is the example's place in the file, from 0; `input` is what the model is given, ready but for the shots.

    `choices` and `target_scores` are empty where the answer is free text. `fields` is the formatted row of the file.
    `places` says where in `input` the row's own text stands, and after it each choice that is listed: first, end.
    """

    index: int
    input: str
    targets: tuple[str, ...]
    choices: tuple[str, ...]
    target_scores: Mapping[str, float]
    fields: Mapping[str, Any]
    places: tuple[tuple[int, int], ...] = ()


def read_example(
    row: Any, index: int, where: str, prefixes: Prefixes, seed: int, needs_choices: bool, needs_target: bool
) -> Example:
    """Check and format one row. Raises DataError with `where` for a row that the owner's code does not take."""
    if not isinstance(row, dict) or not isinstance(row.get("input"), str):
        raise DataError(f'{where}: an example is an object with "input" as text; mend it')
    if needs_choices and "target_scores" not in row:
        raise DataError(f'{where}: has no "target_scores", which the task\'s metrics need; add them')
    if (needs_target or "target_scores" not in row) and "target" not in row:
        raise DataError(f'{where}: has no "target", which the task\'s metrics need; add it')
    fields = dict(row)
    choices: tuple[str, ...] = ()
    text = row["input"]
    end = len(prefixes.input) + len(text)
    places = [(len(prefixes.input), end)]
    if "target_scores" in row:
        scores = _target_scores(row, where)
        choices = tuple(scores)
        if prefixes.append_choices:
            listed = sorted(choices)
            # numpy's text, of which the owner's lists are made, has no NUL at its end.
            drawn = [listed[i].rstrip("\0") for i in _permutation(len(listed), seed)]
            for choice in drawn:
                start = end + len(prefixes.choice)
                end = start + len(choice)
                places.append((start, end))
            text += prefixes.choice + prefixes.choice.join(drawn)
        if "target" not in row:
            fields["target"] = _best(scores, where)
        fields["choice"] = list(choices)
    fields["input"] = prefixes.input + text + prefixes.output
    fields["target"] = list(_targets(fields["target"], where))
    said = row.get("target_scores", {})
    return Example(index, fields["input"], tuple(fields["target"]), choices, said, fields, tuple(places))


@functools.cache
def _permutation(length: int, seed: int) -> tuple[int, ...]:
    return tuple(np.random.RandomState(seed).permutation(length).tolist())


def _target_scores(row: Mapping[str, Any], where: str) -> dict[str, float]:
    scores = row["target_scores"]
    if not isinstance(scores, dict) or not scores:
        raise DataError(f'{where}: "target_scores" is not an object of choices, each with its score; mend it')
    for choice, score in scores.items():
        if not isinstance(score, int | float) or not math.isfinite(score):
            raise DataError(f"{where}: the score of {shown(choice)} is {shown(score)}; write it as a number")
    return scores


def _best(scores: Mapping[str, float], where: str) -> str:
    """The choice with the highest score, the first of several."""
    best, worst = max(scores.values()), min(scores.values())
    if best == 0 if len(scores) == 1 else best <= worst:
        raise DataError(f"{where}: no choice is better than the others; give the right one a higher score")
    return next(choice for choice, score in scores.items() if score == best)


def _targets(target: Any, where: str) -> Sequence[str]:
    targets = target if isinstance(target, list) else [target]
    if not targets or not all(isinstance(t, str) for t in targets):
        raise DataError(f'{where}: "target" is {shown(target)}; write it as text, or as a list of texts')
    return targets
