"""A rubric: the criteria of a rating by name, each with its question and scale, as a versioned YAML file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heedful.errors import RequestError
from heedful.judge.yamlfiles import Fields, find_file, read_yaml
from heedful.records import hash_of

FOLDER = Path(__file__).parent / "rubrics"


@dataclass(frozen=True)
class Criterion:
    """What is asked about an answer, and between which whole numbers the score lies."""

    name: str
    asks: str
    lowest: int
    highest: int

    def share(self, score: float) -> float:
        """A score as a share of its scale, 0 to 1."""
        return (score - self.lowest) / (self.highest - self.lowest)


@dataclass(frozen=True)
class Rubric:
    """Criteria with a name and a version; `hash` changes with anything that the judge is told."""

    name: str
    version: str
    criteria: tuple[Criterion, ...]

    @property
    def hash(self) -> str:
        return hash_of(list(self.criteria))

    @property
    def text(self) -> str:
        """The criteria as the judge reads them."""
        return "\n".join(f"- {c.name} ({c.lowest} to {c.highest}): {c.asks}" for c in self.criteria)

    def describe(self) -> dict[str, Any]:
        """What a Score and a summary say of the rubric."""
        return {"rubric": self.name, "rubric_version": self.version, "rubric_hash": self.hash}


def load_rubric(name: str) -> Rubric:
    """A rubric by the name of a packaged one or the path of a file. RequestError where it cannot be used.

    >>> [c.name for c in load_rubric("answers").criteria]
    ['follows', 'correct', 'clear']
    """
    path = find_file(name, FOLDER, "--rubric")
    where = name if path.parent != FOLDER else path.name
    fields = Fields(read_yaml(path), where, ("name", "version", "criteria"))
    fields.refuse_others(("about",))
    criteria = tuple(_criterion(c, where, i) for i, c in enumerate(fields.items("criteria"), 1))
    names = [c.name for c in criteria]
    for twice in {n for n in names if names.count(n) > 1}:
        raise RequestError(f"{where}: two criteria are called '{twice}'; rename one")
    return Rubric(fields.text("name"), fields.text("version"), criteria)


def _criterion(value: Any, where: str, number: int) -> Criterion:
    fields = Fields(value, f"{where}: criterion {number}", ("name", "asks", "highest"))
    fields.refuse_others(("lowest",))
    name = fields.text("name")
    if not re.fullmatch(r"[A-Za-z][\w-]*", name):
        raise RequestError(f"{fields.where}: the name '{name}' must be one word of letters, digits, - and _")
    lowest, highest = fields.whole("lowest", 1, 0), fields.whole("highest", 5, 1)
    if lowest >= highest:
        raise RequestError(f"{fields.where}: lowest {lowest} is not below highest {highest}; change one of them")
    return Criterion(name, fields.text("asks"), lowest, highest)
