"""What can go wrong, as one tree of exceptions.

    HeedfulError             exit status 1: the work failed, or a check did not hold
      RequestError           exit status 2: what was asked for cannot be done as asked
        DataError            a file or a row that cannot be read: names the file and the line
        TemplateError        a chat template that is unknown, broken or never stops
        RecipeError          one or more mistakes in a recipe, all told together
        ModelError           a model that cannot be found, read or trusted
        RunError             a run's folder that exists, is not one, or cannot be written
      TrainingError          training stopped: the loss is not a number
      Interrupted            exit status 130: the user pressed Ctrl-C; what was done is kept

Every message is one sentence that says what is wrong, where, and what to do. The command line prints
it after ``heedful: error:`` and ends with ``exit_status``; a traceback is a defect.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable


class HeedfulError(Exception):
    """The root of every error that Heedful raises on purpose."""

    exit_status = 1


class RequestError(HeedfulError):
    """The request was wrong: bad arguments, bad files, bad settings."""

    exit_status = 2


class DataError(RequestError):
    """A data file or a row in it cannot be used."""


class TemplateError(RequestError):
    """A chat template cannot be used with this tokenizer or at all."""


class ModelError(RequestError):
    """A model cannot be found, read or trusted."""


class RunError(RequestError):
    """A run's folder is not what the command needs."""


class RecipeError(RequestError):
    """A recipe has mistakes; all of them are in the message, one a line."""

    def __init__(self, mistakes: Iterable[str]):
        self.mistakes = tuple(mistakes)
        super().__init__(self.mistakes[0] if len(self.mistakes) == 1 else "\n  ".join(self._headed()))

    def _headed(self) -> list[str]:
        return [f"the recipe has {len(self.mistakes)} mistakes:", *self.mistakes]


class TrainingError(HeedfulError):
    """Training cannot go on; the last checkpoint is usable."""


class Interrupted(HeedfulError):
    """The user stopped the work; the message says how to go on."""

    exit_status = 130


# Control characters, those that turn the direction of the text around, and bytes of a name that are no text.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    r"""Text of a user's file for a terminal: what could colour it, move in it or ring is written as its code.

    >>> printable("a\x1b[31m.jsonl:1\nb")
    'a\\x1b[31m.jsonl:1\nb'
    """
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the nearest of `known`, or the empty string.

    >>> did_you_mean("epoch", ["epochs", "seed"])
    " (did you mean 'epochs'?)"
    >>> did_you_mean("colour", ["epochs", "seed"])
    ''
    """
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean '{near[0]}'?)" if near else ""
