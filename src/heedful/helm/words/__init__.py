"""The lists of words of the perturbations and of the figures of bias and toxicity.

All of them were written for Heedful; the head of each file says how. A line is a row, its fields parted by tabs; a line
that begins with # is a remark. Each figure and perturbation takes other lists in their place.
"""

from __future__ import annotations

import functools
from importlib import resources


@functools.cache
def rows(name: str) -> tuple[tuple[str, ...], ...]:
    """The rows of a list by its name, ``dialect``."""
    text = (resources.files("heedful.helm.words") / f"{name}.tsv").read_text(encoding="utf-8")
    return tuple(tuple(line.split("\t")) for line in text.splitlines() if line and not line.startswith("#"))


def words(name: str) -> tuple[str, ...]:
    """The first field of each row."""
    return tuple(row[0] for row in rows(name))
