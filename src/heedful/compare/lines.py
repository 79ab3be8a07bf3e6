"""Reading the lines of a file that someone else may have written: each is an object, and none is lost unsaid."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from heedful.errors import DataError


def read_lines(path: Path) -> tuple[list[tuple[str, dict[str, Any]]], tuple[str, ...]]:
    """The objects of a JSONL file, each with its place (``file:3``), and what there is to tell.

    Blank lines do not count. A last line without a line break that is no JSON was cut short by a kill: it is left out
    and told. DataError for any other line that is no object, and for a file without one.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise DataError(f"{path}: not UTF-8 text at byte {e.start}; save it as UTF-8") from None
    lines = text.split("\n")
    out: list[tuple[str, dict[str, Any]]] = []
    told: tuple[str, ...] = ()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            value = json.loads(line)
        except ValueError as e:
            if number == len(lines) and out:
                told = (f"{where} was cut short and is left out.",)
                continue
            raise DataError(f"{where}: broken JSON ({getattr(e, 'msg', e)}); mend the line or make it again") from None
        if not isinstance(value, dict):
            raise DataError(f"{where}: holds no object but {type(value).__name__}; write one JSON object a line")
        out.append((where, value))
    if not out:
        raise DataError(f"{path}: is empty; name a file with answers or scores")
    return out, told


def finite(value: Any, where: str, name: str = "value") -> float | None:
    """A rating as a number; None is unscored. DataError for NaN, infinity or what is no number."""
    if value is None:
        return None
    if isinstance(value, bool | int | float) and math.isfinite(value):
        return float(value)
    raise DataError(f"{where}: {name} is {json.dumps(value)[:40]}; write a number, or null where there is none")


def numbers_in(value: Any, where: str, name: str) -> Iterator[tuple[str, float | None]]:
    """A score of a sample, a number or null, or an object of such: each with its name, '' where there is but one."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield key, finite(part, where, f"{name}.{key}")
    else:
        yield "", finite(value, where, name)
