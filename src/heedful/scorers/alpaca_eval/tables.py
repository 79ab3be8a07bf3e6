"""The table from which alpaca_eval fits the length-controlled win rate: ``df_gamed.csv``.

    model,preference,index,std_delta_len,instruction_difficulty,not_gamed_baseline
    gpt4_1106_preview_concise,0.31,0,1.07,-0.42,False

Each row is an answer of the baseline that was told to be verbose or concise, judged against the baseline: its
`preference` from 0 to 1, the standardised difference of lengths, and how difficult the instruction is. These rows keep
the model from explaining by skill what is length. alpaca_eval downloads the file from the data set
``tatsu-lab/alpaca_eval`` of the Hugging Face hub; here the user supplies it, and nothing is downloaded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from heedful.data.sources import Row, read_rows
from heedful.errors import DataError

FILE = "df_gamed.csv"
COLUMNS = ("preference", "index", "std_delta_len", "instruction_difficulty", "not_gamed_baseline")


@dataclass(frozen=True)
class GamedTable:
    """The rows of the table, as arrays of shape (rows,). `preference` is NaN where there is none.

    `difficulty_of` gives the difficulty by the number of the row (from 0) at which an instruction stands first: so
    alpaca_eval looks it up, and in its own table that is the number of the instruction.
    """

    preference: np.ndarray
    std_delta_len: np.ndarray
    difficulty: np.ndarray
    not_gamed: np.ndarray
    difficulty_of: dict[int, float]


def read_table(folder: Path) -> GamedTable:
    """The table in a folder. DataError, with the line, where it is missing or a cell cannot be read."""
    path = folder / FILE
    if not path.is_file():
        raise DataError(
            f"{path}: no such file; put {FILE} there, from the data set tatsu-lab/alpaca_eval of the Hugging Face hub"
        )
    rows = list(read_rows(path))
    for column in COLUMNS:
        if column not in rows[0].value:
            raise DataError(f"{path}:1: no column '{column}'; the header needs {', '.join(COLUMNS)}")
    columns = {c: [_number(row, c) for row in rows] for c in COLUMNS[1:4]}
    first: dict[float, int] = {}
    for number, index in enumerate(columns["index"]):
        first.setdefault(index, number)
    difficulty = columns["instruction_difficulty"]
    return GamedTable(
        preference=np.array([math.nan if _blank(r) else _number(r, "preference", 0.0, 1.0) for r in rows]),
        std_delta_len=np.array(columns["std_delta_len"]),
        difficulty=np.array(difficulty),
        not_gamed=np.array([_truth(row) for row in rows]),
        difficulty_of={number: difficulty[number] for number in first.values()},
    )


def _blank(row: Row) -> bool:
    return row.value["preference"].strip().lower() in ("", "nan")


def _number(row: Row, column: str, low: float = -math.inf, high: float = math.inf) -> float:
    text = row.value[column]
    try:
        value = float(text)
    except ValueError:
        raise DataError(f"{row.source}: {column} '{text}' is no number; mend the cell") from None
    if not math.isfinite(value) or not low <= value <= high:
        within = f"from {low:g} to {high:g}" if math.isfinite(low) else "that is finite"
        raise DataError(f"{row.source}: {column} '{text}' is no number {within}; mend the cell")
    return value


def _truth(row: Row) -> bool:
    text = row.value["not_gamed_baseline"].strip().lower()
    if text not in ("true", "false"):
        raise DataError(f"{row.source}: not_gamed_baseline '{text}' is neither True nor False; mend the cell")
    return text == "true"
