"""`heedful data check` without a split: every row is looked at once and none is kept, however long the files are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from heedful.data.audit import LedgerBuilder
from heedful.data.contamination import Index
from heedful.data.figures import CharacterFigures, TokenFigures
from heedful.data.formats import Drop
from heedful.data.load import sources_of
from heedful.data.reading import ReadOptions, nothing_left, read_sources
from heedful.data.survey import Survey
from heedful.records import Example, TokenExample

TOLD_EVERY = 2000  # rows
ANSWER_CUT = "rows whose answer was cut short to meet the length limit"
CONTROL_TOKENS = "rows whose text holds a control token of this model, which every tokenizer will read as one"


class Fitted(Protocol):
    """A row as the model sees it."""

    @property
    def example(self) -> Example: ...
    @property
    def row(self) -> TokenExample: ...
    @property
    def answer_cut(self) -> bool: ...


@dataclass(frozen=True)
class Tokenizing:
    """How rows become tokens: a function that gives the row or a Drop, what their tokens are counted with, and
    whether a row's own text holds a control token."""

    fit: Callable[[Example], Fitted | Drop]
    figures: TokenFigures
    holds_control: Callable[[Example], bool] = lambda example: False


def check_files(
    paths: Sequence[str | Path],
    how: ReadOptions,
    indexes: Sequence[Index] = (),
    near: bool = True,
    tokens: Tokenizing | None = None,
    tell: Callable[[str], None] = lambda sentence: None,
) -> LedgerBuilder:
    """Read files row by row and write down what becomes of each; with `tokens` as the model would see them.

    `tell` hears every now and then how far it is. Returns the builder, whose only part is called ``all``. Raises what
    `load` raises.
    """
    builder = LedgerBuilder(remember=False)
    characters = CharacterFigures()
    with Survey(builder, indexes, near) as survey:
        for read in read_sources(sources_of(paths, builder), how, builder):
            example = read.example
            if builder.read % TOLD_EVERY == TOLD_EVERY - 1:
                tell(f"{builder.read + 1:,} rows read")
            if tokens:
                fitted = tokens.fit(example)
                if isinstance(fitted, Drop):
                    builder.drop(fitted)
                    continue
                builder.keep(example, truncated=fitted.row.truncated > 0)
                if fitted.answer_cut:
                    builder.find("answer_cut", ANSWER_CUT, [example.source])
                if tokens.holds_control(fitted.example):
                    builder.find("control_tokens", CONTROL_TOKENS, [example.source])
                builder.add_token_faults(tokens.figures.add(fitted.row), example.source)
            else:
                builder.keep(example)
            characters.add(example)
            survey.add(example)
        if not builder.staying:
            raise nothing_left(builder, str(paths[0]))
        tell(f"{builder.read:,} rows read; comparing them")
        survey.finish()
    builder.set_part("all", characters.to_json() | (tokens.figures.to_json() if tokens else {}))
    return builder
