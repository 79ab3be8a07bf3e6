"""The kinds of `heedful score`: each benchmark's own figures on saved outputs, no model needed.

A kind is one entry here and one function, imported only when it is asked for:

    def score(references: Path, predictions: Path | None) -> dict[str, Any]
    def score(references: Path, predictions: Path | None, tables: Path | None) -> dict[str, Any]   where it has `tables`

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
    `function` is ``package.module:name``. `tables` says what a folder with more files of the owner's holds, which the
    kind can do without; None where it knows none.
    """

    summary: str
    references: str
    predictions: str | None
    function: str
    tables: str | None = None


KINDS: dict[str, Kind] = {
    "alpaca-eval": Kind(
        summary="AlpacaEval: win rate against a baseline, with and without the length of the answers",
        references="annotations.json as alpaca_eval writes it: pairs with a preference from 1 to 2",
        predictions=None,
        function="heedful.scorers.alpaca_eval:score",
        tables="df_gamed.csv, from which alpaca_eval fits the length-controlled win rate",
    ),
    "ifeval": Kind(
        summary="IFEval: does a response follow instructions that a program can verify, strict and loose",
        references="input_data.jsonl: prompts with the ids and arguments of their instructions",
        predictions="a line for each response, with prompt and response",
        function="heedful.scorers.ifeval:score",
    ),
}


def find_kind(name: str) -> Kind:
    """The kind of that name. RequestError, with the names there are, for another."""
    if name not in KINDS:
        raise RequestError(f"score '{name}'{did_you_mean(name, KINDS)}: choose {', '.join(KINDS)}")
    return KINDS[name]


def score_files(
    name: str, references: Path, predictions: Path | None = None, tables: Path | None = None
) -> dict[str, Any]:
    """The figures of a kind on its files. RequestError where a file is wanting or too many, or there is none such."""
    kind = find_kind(name)
    if kind.predictions is None and predictions is not None:
        raise RequestError(f"score {name} reads --references alone ({kind.references}); leave --predictions out")
    if kind.predictions is not None and predictions is None:
        raise RequestError(f"score {name} needs --predictions: {kind.predictions}")
    for option, path in (("--references", references), ("--predictions", predictions)):
        if path is not None and not path.is_file():
            raise RequestError(f"{option} {path}: {'is a folder' if path.is_dir() else 'no such file'}; name a file")
    if tables is not None:
        if kind.tables is None:
            raise RequestError(f"score {name} knows no --tables; leave the option out")
        if not tables.is_dir():
            raise RequestError(
                f"--tables {tables}: {'is a file' if tables.is_file() else 'no such folder'}; name a folder"
            )
    module, _, function = kind.function.partition(":")
    run: Callable[..., dict[str, Any]] = getattr(importlib.import_module(module), function)
    return run(references, predictions) if kind.tables is None else run(references, predictions, tables)
