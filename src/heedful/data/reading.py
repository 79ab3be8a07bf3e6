"""Files to examples, one at a time and each row accounted for: what `load` keeps and `survey` only looks at."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from heedful.data.audit import LedgerBuilder
from heedful.data.choosing import choose
from heedful.data.collect import Source
from heedful.data.formats import FORMATS, Drop, Format, Recognised, mapped_format, named_format, recognise, to_examples
from heedful.data.sources import Row
from heedful.errors import DataError, RequestError
from heedful.records import Example

NOT_CHOSEN = "left out by its source's cap or weight"
LOOKED_AT = 1000  # rows at the head of a file by which its format is recognised


@dataclass(frozen=True)
class ReadOptions:
    """How files are read.

    `format` names the format of all files (default: recognised file by file), `columns` maps Heedful's names to the
    file's own (``{"instruction": "question"}``); `limit` reads at most so many rows in all; with ``answers=False``
    rows may end with a question; `seed` chooses the rows of a source that has a cap or a weight below 1.
    """

    format: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    limit: int | None = None
    answers: bool = True
    seed: int = 0

    def form(self, source: Source) -> Format | None:
        """The format that was asked for, or None; RequestError where two were or there is none of that name."""
        named = self.format if source.format is None else source.format
        if self.columns:
            if named is not None:
                raise RequestError("name either a format or the columns (--map), not both")
            return mapped_format(self.columns)
        return None if named is None else named_format(named)


@dataclass(frozen=True, slots=True)
class ReadExample:
    """An example and where it came from: its source, and the row that holds it and nothing else (else None)."""

    example: Example
    source: Source
    value: dict[str, Any] | None


def read_sources(sources: Sequence[Source], how: ReadOptions, builder: LedgerBuilder) -> Iterator[ReadExample]:
    """Each example that can be used, in order; what is dropped and what each file was goes to the builder.

    The one who iterates calls ``builder.keep`` (or ``builder.drop``) for each example, once. Raises DataError where a
    file cannot be read.
    """
    for source in sources:
        if how.limit is not None and builder.read >= how.limit:
            builder.warn(f"{source.path} was not read: the limit of {how.limit:,} rows was reached before it")
            continue
        yield from _read(source, how, builder)


def _read(source: Source, how: ReadOptions, builder: LedgerBuilder) -> Iterator[ReadExample]:
    form, rows, why = _recognised(source.rows(), how.form(source), how.answers)
    chosen = _chosen(source, form, how.seed)
    notes: Counter[str] = Counter()
    before = builder.read
    for number, row in enumerate(_gathered(form, rows), 1):
        if how.limit is not None and builder.read >= how.limit:
            builder.warn(f"{source.path} was read up to the limit of {how.limit:,} rows")
            break
        if not chosen(number):
            builder.drop(Drop("not_chosen", NOT_CHOSEN, row.source))
            continue
        seen: list[str] = []
        made = to_examples(row, form, f"r{builder.read + 1:06d}", seen, how.answers)
        notes.update(set(seen))
        for one in made:
            if isinstance(one, Drop):
                builder.drop(one)
            else:
                yield ReadExample(one, source, row.value if len(made) == 1 and not form.gather else None)
    for note, count in notes.items():
        builder.warn(f"{source.path}: {note}: {count:,}")
    builder.add_file(
        source.path,
        source.kind,
        form.name,
        builder.read - before,
        source.sha256(),
        why=why,
        revision=source.revision,
        cap=source.cap,
        weight=None if source.weight == 1 else source.weight,
    )


def _gathered(form: Format, rows: Iterator[Row]) -> Iterable[Row]:
    return form.gather(rows) if form.gather else rows


def _chosen(source: Source, form: Format, seed: int) -> Callable[[int], bool]:
    """Whether row number `n` (from 1, asked for in order) is taken by the source's cap and a weight below 1."""
    if source.cap is None and source.weight >= 1:
        return lambda number: True
    counted: list[int] = []

    def numbers() -> Iterable[int]:
        if source.cap is None:
            return itertools.count(1)
        if not counted:
            counted.append(sum(1 for _ in _gathered(form, source.rows())))
        return range(1, counted[0] + 1)

    taken = choose(numbers, cap=source.cap, weight=min(1.0, source.weight), seed=seed, name=source.name)
    upcoming = [next(taken, 0)]

    def chosen(number: int) -> bool:
        while 0 < upcoming[0] < number:
            upcoming[0] = next(taken, 0)
        return upcoming[0] == number

    return chosen


def _recognised(rows: Iterator[Row], form: Format | None, answers: bool) -> tuple[Format, Iterator[Row], str | None]:
    """The format of rows by their first `LOOKED_AT`, all the rows again, and what else they could have been."""
    if form and form.name == "mapped":
        first = next(rows, None)
        rows = rows if first is None else itertools.chain([first], rows)
        if first is not None and not form.fits(first.value) and FORMATS["heedful"].fits(first.value):
            return FORMATS["heedful"], rows, "its rows are as Heedful writes them, and need no --map"
    if form:
        return form, rows, None
    head = list(itertools.islice(rows, LOOKED_AT))
    found: Recognised = recognise(head, answers)
    return found.format, itertools.chain(head, rows), found.why


# What to do where all rows are dropped for one reason, which is seldom the file's fault.
_MENDS = {
    "too_long": "raise --max-length, or take --overlong truncate",
    "template": "choose another --template",
    "missing_column": "name a column that is there with --map",
    "missing_messages": "take --format away or name another, or mend the file",
}


def nothing_left(builder: LedgerBuilder, path: str) -> DataError:
    """The error for files of which no row can be used: the commonest reason and its first place."""
    reason, counted = max(builder.reasons.items(), key=lambda item: item[1].count, default=("no rows", None))
    sentence, where, count = (counted.sentence, counted.where[0], counted.count) if counted else ("no rows", path, 0)
    none = "the only row cannot" if builder.read == 1 else f"none of the {builder.read:,} rows can"
    counted_rows = f"{count:,} row" + "s" * (count != 1)
    mend = _MENDS.get(
        reason, "mend the file, or name its columns with --map" if "missing" in reason else "mend the file"
    )
    return DataError(f"{where}: {none} be used: {sentence} ({reason}, {counted_rows}); {mend}")
