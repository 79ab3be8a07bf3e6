"""All kinds of row, gathered from the files of this folder."""

from starter.kinds import (
    calendar,
    classifying,
    correcting,
    counting,
    culture,
    extracting,
    japanese,
    languages,
    listing,
    measures,
    ordering,
    rewriting,
    science,
    sentences,
    words,
    world,
)
from starter.kinds.core import Row

FILES = (
    correcting,
    sentences,
    rewriting,
    words,
    classifying,
    ordering,
    extracting,
    measures,
    counting,
    calendar,
    world,
    science,
    culture,
    listing,
    languages,
    japanese,
)


def all_rows() -> list[Row]:
    """Every row of every kind, kind by kind."""
    return [row for file in FILES for row in file.rows()]
