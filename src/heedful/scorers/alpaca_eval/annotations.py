"""Reading ``annotations.json`` as alpaca_eval writes it: an array (or lines) of pairs with a preference.

    {"instruction": "Name a colour.", "output_1": "Blue.", "generator_1": "gpt4_1106_preview", "output_2": "Red.",
     "generator_2": "my-model", "annotator": "weighted_alpaca_eval_gpt4_turbo", "preference": 1.93, ...}

A preference is 1 where the baseline's answer (`output_1`) is better, 2 where the model's (`output_2`) is, 1.5 or 0 for
a draw, and null where the annotator could not be read. Format: https://github.com/tatsu-lab/alpaca_eval, README.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heedful.data.sources import read_rows
from heedful.errors import DataError


@dataclass(frozen=True, slots=True)
class Annotation:
    """One pair. `preference` is as written, None where there is none; `row` is the whole row, `where` its place."""

    preference: float | None
    row: dict[str, Any]
    where: str

    def text(self, name: str) -> str | None:
        """A field of the row where that is text, else None."""
        value = self.row.get(name)
        return value if isinstance(value, str) else None


def read_annotations(path: str | Path) -> list[Annotation]:
    """The pairs of a file in file order. DataError, with the line, where one cannot be read, or none has a preference.

    A preference may be written as text ("1.5"): some tools do so, and alpaca_eval takes it.
    """
    found = [Annotation(_preference(row.value, row.source), row.value, row.source) for row in read_rows(path)]
    if not any("preference" in a.row for a in found):
        raise DataError(f"{path}: no row has a 'preference'; name the annotations.json that an annotator wrote")
    return found


def _preference(row: dict[str, Any], where: str) -> float | None:
    value = row.get("preference")
    if value is None:
        return None
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise DataError(f"{where}: preference {value!r} is no number; write one from 1 to 2, or null")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise DataError(f"{where}: preference {value!r} is no number; write one from 1 to 2, or null") from None
    return None if math.isnan(number) else number
