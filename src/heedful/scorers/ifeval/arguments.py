"""The arguments of an instruction, read strictly: what is missing or makes no sense is refused, never guessed.

The reference draws a missing number, relation or word at random, so that its verdict says nothing. Here such an
instruction cannot be verified, and the reason is told.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from heedful.errors import did_you_mean

Arguments = Mapping[str, Any]
LESS, LEAST = "less than", "at least"


class CannotVerify(Exception):
    """An instruction that cannot be verified; the message is the reason, for the user."""


def number(arguments: Arguments, name: str, *, negative: bool = False) -> int:
    """A whole number, by default not below 0."""
    value = _given(arguments, name)
    if isinstance(value, float) and value.is_integer():  # as tables with gaps store them
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or (value < 0 and not negative):
        raise CannotVerify(f"{name} is {value!r} and must be a whole number{'' if negative else ' from 0'}")
    return value


def compared(arguments: Arguments, relation: str, threshold: str, *, negative: bool = False) -> Callable[[int], bool]:
    """The test of a count against a threshold, by a relation: ``less than`` or ``at least``."""
    limit = number(arguments, threshold, negative=negative)
    word = _given(arguments, relation)
    if word == LESS:
        return lambda count: count < limit
    if word == LEAST:
        return lambda count: count >= limit
    raise CannotVerify(f"{relation} is {word!r} and must be '{LESS}' or '{LEAST}'")


def text(arguments: Arguments, name: str, *, empty: bool = False) -> str:
    """A string, by default not an empty one."""
    value = _given(arguments, name)
    if not isinstance(value, str) or (not value and not empty):
        raise CannotVerify(f"{name} is {value!r} and must be a text")
    return value


def words(arguments: Arguments, name: str) -> list[str]:
    """A list of at least one string."""
    value = _given(arguments, name)
    if not isinstance(value, list | tuple) or not value or not all(isinstance(w, str) for w in value):
        raise CannotVerify(f"{name} is {value!r} and must be a list of words")
    return list(value)


def pattern(source: str, flags: int = 0) -> re.Pattern[str]:
    """A word as the reference takes it: a regular expression."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "possible nested set" and the like: what it matches today is what counts
            return re.compile(source, flags)
    except (re.error, OverflowError, RecursionError) as e:
        raise CannotVerify(f"'{source}' is not a regular expression ({e})") from None


def known(arguments: Arguments, names: tuple[str, ...]) -> Arguments:
    """The arguments that are set, all of them among `names`. Tables give every row every column, empty where unused."""
    given = {name: value for name, value in arguments.items() if value is not None}
    for name in given:
        if name not in names:
            takes = f"it takes {', '.join(names)}" if names else "it takes none"
            raise CannotVerify(f"it has no argument '{name}'{did_you_mean(name, names)}: {takes}")
    return given


def _given(arguments: Arguments, name: str) -> Any:
    if arguments.get(name) is None:
        raise CannotVerify(f"{name} is missing")
    return arguments[name]
