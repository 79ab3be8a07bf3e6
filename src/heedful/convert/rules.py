"""One field of another program's configuration, and what it becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Fields = Mapping[str, Any]


class Left(Exception):
    """This value cannot be carried over; the text says why, and what to do in its place."""


@dataclass(frozen=True)
class Rule:
    """What becomes of a field.

    `ours` is the recipe's field, or None where there is none. `value` makes ours from theirs (the value, and all the
    file's fields); it raises Left for a value that has no like here, or gives None where nothing need be said. `note`
    says what changes in meaning, or why the field is left; with `noted_for` it holds for these values alone.
    `harmless`: nothing is lost by leaving it.
    """

    theirs: str
    ours: str | None
    note: str = ""
    value: Callable[[Any, Fields], Any] = lambda value, fields: value
    harmless: bool = False
    noted_for: tuple[Any, ...] = ()


def left(note: str, *names: str) -> tuple[Rule, ...]:
    """Fields that cannot be carried over, for one reason."""
    return tuple(Rule(name, None, note) for name in names)


def needless(note: str, *names: str) -> tuple[Rule, ...]:
    """Fields of which nothing is lost: they are about their program, or Heedful finds out by itself."""
    return tuple(Rule(name, None, note, harmless=True) for name in names)


@dataclass(frozen=True)
class Program:
    """Another program: its name, the keys that only its files have, its fields, its own defaults.

    `defaults` are recipe fields by which it does other than Heedful where a file says nothing. `batch` has the names
    of rows a device and pass, and of the number of passes a step, with their defaults. `prepare` adds what follows from
    other fields, `warn` says what cannot be known from the file.
    """

    name: str
    signs: tuple[str, ...]
    rules: tuple[Rule, ...]
    defaults: Mapping[str, Any]
    batch: tuple[tuple[str, int], tuple[str, int]]
    prepare: Callable[[dict[str, Any]], dict[str, Any]] = field(default=lambda fields: fields)
    warn: Callable[[Fields], list[str]] = field(default=lambda fields: [])

    @property
    def by_name(self) -> dict[str, Rule]:
        return {rule.theirs: rule for rule in self.rules}
