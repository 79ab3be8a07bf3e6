"""The kinds of `heedful score`: each benchmark's own figures on saved outputs, no model needed.

A kind is one entry here and one function, imported only when it is asked for:

    def score(references: Path, predictions: Path | None) -> dict[str, Any]

It returns the owner's keys on the owner's scale, figures first; lists of verdicts may follow. It raises DataError, with
file and line, for what it cannot read.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heedful.errors import RequestError, did_you_mean


@dataclass(frozen=True)
class Kind:
    """One metric on saved outputs.

    `references` and `predictions` say what the two files hold; `predictions` is None where there is but one file.
    `function` is ``package.module:name``.
    """

    summary: str
    references: str
    predictions: str | None
    function: str


KINDS: dict[str, Kind] = {}


def find_kind(name: str) -> Kind:
    """The kind of that name. RequestError, with the names there are, for another."""
    if name not in KINDS:
        raise RequestError(f"score '{name}'{did_you_mean(name, KINDS)}: choose {', '.join(KINDS)}")
    return KINDS[name]


def score_files(name: str, references: Path, predictions: Path | None) -> dict[str, Any]:
    """The figures of a kind on two files. RequestError where a file is wanting or one too many, or there is none such."""
    kind = find_kind(name)
    if kind.predictions is None and predictions is not None:
        raise RequestError(f"score {name} reads --references alone ({kind.references}); leave --predictions out")
    if kind.predictions is not None and predictions is None:
        raise RequestError(f"score {name} needs --predictions: {kind.predictions}")
    for option, path in (("--references", references), ("--predictions", predictions)):
        if path is not None and not path.is_file():
            raise RequestError(f"{option} {path}: {'is a folder' if path.is_dir() else 'no such file'}; name a file")
    module, _, function = kind.function.partition(":")
    run: Callable[[Path, Path | None], dict[str, Any]] = getattr(importlib.import_module(module), function)
    return run(references, predictions)
