"""The files of benchmarks' owners, read with the place of every fault: JSON, JSON lines and tables with tabs.

Python's own reading is used, since the owners' scripts use it: of a key that stands twice in one object the last value
counts. How often that was is told.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from heedful.errors import DataError


class Prediction(NamedTuple):
    """What was answered, and where it stands."""

    where: str
    value: Any


def _text(path: Path) -> str:
    try:
        text = _bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise DataError(f"{path}: not UTF-8 text at byte {e.start}; save it as UTF-8") from None
    if not text.strip():
        raise DataError(f"{path}: is empty; name the file that holds the rows")
    return text


def _bytes(path: Path) -> bytes:
    if path.suffix.lower() != ".gz":
        return path.read_bytes()
    from heedful.data.files import open_stream  # the packages of data are needed for packed files only

    with open_stream(path) as stream:
        return stream.read()


def _decoded(text: str, where: str, first: int | None = None) -> tuple[Any, int]:
    """The value and how many keys stood twice. `first`: the line of the file with which the text begins."""
    twice = 0

    def kept(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal twice
        value = dict(pairs)
        twice += len(pairs) - len(value)
        return value

    try:
        return json.loads(text, object_pairs_hook=kept), twice
    except json.JSONDecodeError as e:
        place = where if first is not None else f"{where}:{e.lineno}"
        raise DataError(f"{place}: broken JSON ({e.msg} at column {e.colno}); mend the line") from None
    except RecursionError:
        raise DataError(f"{where}: nested too deep to be read; name the benchmark's own file") from None
    except ValueError:  # a whole number of more digits than Python converts
        raise DataError(f"{where}: a number has too many digits to be read; mend it") from None


def read_json(path: Path) -> Any:
    """The one value of a JSON file."""
    return _decoded(_text(path), str(path))[0]


def read_answers(path: Path) -> tuple[dict[str, str], int]:
    """Predictions as one object from the id of a question to its answer, and how many ids stood twice.

    Raises DataError for an answer that is no text, null among them: the owners' scripts stop there, too.
    """
    found, twice = _decoded(_text(path), str(path))
    if not isinstance(found, dict):
        raise DataError(f'{path}: not one object; write {{"the question\'s id": "the answer", ...}}')
    for key, answer in found.items():
        if not isinstance(answer, str):
            raise DataError(
                f"{path}: the answer to {key} is {shown(answer)}; write it as text in double quotes, "
                'and "" where there is none'
            )
    return found, twice


def read_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of a JSONL file, each with its place; blank lines are passed over."""
    for number, line in enumerate(_text(path).split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        row = _decoded(line, where, number)[0]
        if not isinstance(row, dict):
            raise DataError(f"{where}: not an object; each line is one object in braces")
        yield where, row


def read_table(
    path: Path, headless: Sequence[str] | None = None, cut_rows: bool = False
) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of a table with tabs and without quoting, as the owners write it; each with its place.

    `headless`: the columns of a file that may come without a line of names; it has none where its first line has as
    many cells, and none of the names. `cut_rows`: rows with too few cells are left out; else they are a DataError.
    """
    lines = [line.removesuffix("\r") for line in _text(path).split("\n")]
    names, start = lines[0].split("\t"), 1
    if headless is not None and len(names) == len(headless) and not set(names) & set(headless):
        names, start = list(headless), 0
    for number, line in enumerate(lines[start:], start + 1):
        if not line.strip():
            continue
        cells = line.split("\t")
        if cut_rows and len(cells) < len(names):
            continue
        if len(cells) != len(names):
            raise DataError(
                f"{path}:{number}: has {count(len(cells), 'cell')} where the columns are {len(names)}; "
                "the cells stand between single tabs"
            )
        yield f"{path}:{number}", dict(zip(names, cells, strict=True))


def column(row: Mapping[str, str], names: Iterable[str], where: str) -> str:
    """The cell of the first of the columns that there is; DataError where there is none."""
    for name in names:
        if name in row:
            return row[name]
    raise DataError(f"{where}: there is no column {' or '.join(names)}; there are {', '.join(row)}")


def join(
    wanted: Mapping[Any, str], predictions: Iterable[tuple[Any, str, Any]], source: Path
) -> tuple[dict[Any, Prediction], int]:
    """One prediction for each row of the references, in their order, and how many belong to none.

    `wanted`: key -> place. `predictions`: key, place and what was predicted. Raises DataError for a row without a
    prediction and for one with two: the leaderboards take no such file.
    """
    found: dict[Any, Prediction] = {}
    for key, where, value in predictions:
        if key in found:
            raise DataError(f"{where}: {shown(key)} was predicted before, at {found[key].where}; keep one of the two")
        found[key] = Prediction(where, value)
    absent = [key for key in wanted if key not in found]
    if absent:
        raise DataError(
            f"{source}: no prediction for {count(len(absent), 'row')} of {len(wanted)}, the first of them "
            f"{shown(absent[0])} ({wanted[absent[0]]}); predict every row"
        )
    return {key: found[key] for key in wanted}, len(found) - len(wanted)


def note_of(counts: Mapping[str, int], sentences: Iterable[str] = ()) -> str | None:
    """What a user should know of the files, as one text; None where there is nothing to say."""
    said = list(sentences)
    if counts.get("missing"):
        said.append(f"{count(counts['missing'], 'question')} without a prediction counted as 0")
    if counts.get("extra"):
        said.append(f"{count(counts['extra'], 'prediction')} belonged to no question and counted nowhere")
    if counts.get("repeated"):
        said.append(f"{count(counts['repeated'], 'prediction')} stood there before with the same id; the last counts")
    return "; ".join(said) or None


def one_each(keys: Iterable[tuple[str, Any]], path: Path | str) -> dict[Any, str]:
    """Key -> place, for a file in which each key stands once; DataError where one stands twice or there is none."""
    found: dict[Any, str] = {}
    for where, key in keys:
        if key in found:
            raise DataError(f"{where}: {shown(key)} stands at {found[key]}, too; each row has its own number")
        found[key] = where
    if not found:
        raise DataError(f"{path}: has no rows; name the file that holds them")
    return found


def belongs(answers: Mapping[str, str], keys: Iterable[str], predictions: Path, references: Path) -> None:
    """DataError where there are predictions and none belongs to a question: another file was meant."""
    known = dict.fromkeys(keys)
    if answers and not known.keys() & answers.keys():
        raise DataError(
            f"{predictions}: no id belongs to a question of {references}; the ids there look like "
            f"{next(iter(known), '(none)')}, and here like {next(iter(answers))}"
        )


def shown(value: Any) -> str:
    """A value for a message, on one line and not long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def count(number: int, noun: str) -> str:
    """``1 row``, ``2 rows``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def total(values: Iterable[float]) -> float:
    """The sum from left to right: from Python 3.12 on, `sum` rounds floats otherwise than when the figures were made.

    >>> total([0.1] * 10)
    0.9999999999999999
    """
    found = 0
    for value in values:
        found += value
    return found
