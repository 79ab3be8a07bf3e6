"""The front door of the data: files in, examples and their ledger out.

examples, builder = load_examples(["train.json"])
split, builder = load_split(["train.json"], "85/5/10", seed=1)
for line in builder.ledger().lines(): print(line)
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from heedful.data.audit import LedgerBuilder
from heedful.data.formats import Drop, Format, named_format, recognise, to_example
from heedful.data.sources import Row, kind_of, read_rows, sha256_of
from heedful.data.splits import FileSplit, Split, SplitSpec, overlaps, parse_split, refuse_overlap, split_examples
from heedful.errors import DataError, RequestError
from heedful.records import Example

LOOKED_AT = 1000  # rows at the head of a file by which its format is recognised


@dataclass
class Loaded:
    """Examples in file order, their ledger, and the rows they were made from by id."""

    examples: list[Example] = field(default_factory=list)
    builder: LedgerBuilder = field(default_factory=LedgerBuilder)
    values: dict[str, dict[str, Any]] = field(default_factory=dict)


def load(
    paths: Sequence[str | Path], format: str | None = None, limit: int | None = None, answers: bool = True
) -> Loaded:
    """Read files into examples, each row accounted for.

    `format` names the format of all files (default: recognised file by file); `limit` reads at most so many rows in
    all; with ``answers=False`` rows may end with a question. Ids are the rows' own, else ``r000001`` by place.
    Raises DataError where a file cannot be read, an id stands twice, or no row can be used.
    """
    form = named_format(format) if format else None
    loaded = Loaded()
    for path, name in _named(paths):
        if limit is not None and loaded.builder.read >= limit:
            loaded.builder.warn(f"{path} was not read: the limit of {limit:,} rows was reached before it")
            continue
        _load_file(loaded, path, name, form, limit, answers)
    if not loaded.examples:
        raise DataError(_nothing_left(loaded.builder, str(paths[0])))
    loaded.builder.check_rows(loaded.examples)
    return loaded


def _named(paths: Sequence[str | Path]) -> list[tuple[str, str]]:
    """Each path with the name that stands in the places of its rows: the file's, where no two are the same."""
    if not paths:
        raise RequestError("no data file was named; name at least one")
    if len({Path(p).resolve() for p in paths}) < len(paths):
        raise RequestError("a data file was named twice; name each file once")
    names = Counter(Path(p).name for p in paths)
    return [(str(p), Path(p).name if names[Path(p).name] == 1 else str(p)) for p in paths]


def _load_file(loaded: Loaded, path: str, name: str, form: Format | None, limit: int | None, answers: bool) -> None:
    builder = loaded.builder
    kind = kind_of(path)
    form, rows = _recognised(read_rows(path, name), form)
    before, notes = builder.read, Counter[str]()
    for row in rows:
        if limit is not None and builder.read >= limit:
            builder.warn(f"{path} was read up to the limit of {limit:,} rows")
            break
        seen: list[str] = []
        made = to_example(row, form, f"r{builder.read + 1:06d}", seen, answers)
        notes.update(set(seen))
        if isinstance(made, Drop):
            builder.drop(made)
            continue
        if made.id in builder.source_of:
            raise DataError(
                f"{row.source}: the id {made.id[:60]!r} stands already at {builder.source_of[made.id]}; "
                "give every row an id of its own, or take the ids away"
            )
        builder.keep(made)
        loaded.examples.append(made)
        loaded.values[made.id] = row.value
    for note, count in notes.items():
        builder.warn(f"{path}: {note}: {count:,}")
    builder.add_file(path, kind, form.name, builder.read - before, sha256_of(path))


def _recognised(rows: Iterator[Row], form: Format | None) -> tuple[Format, Iterator[Row]]:
    """The format of rows by their first `LOOKED_AT`, and all the rows again."""
    if form:
        return form, rows
    head = list(itertools.islice(rows, LOOKED_AT))
    return recognise(head), itertools.chain(head, rows)


def _nothing_left(builder: LedgerBuilder, path: str) -> str:
    reasons = Counter(d.reason for d in builder.drops)
    reason, count = reasons.most_common(1)[0] if reasons else ("no rows", 0)
    first = next((d for d in builder.drops if d.reason == reason), None)
    where, why = (first.source, first.sentence) if first else (path, "no rows")
    return f"{where}: none of the {builder.read:,} rows can be used: {why} ({reason}, {count:,} rows); mend the file"


def load_examples(
    paths: Sequence[str | Path], format: str | None = None, limit: int | None = None, answers: bool = True
) -> tuple[list[Example], LedgerBuilder]:
    """`load`, as the examples and the ledger to go on with."""
    loaded = load(paths, format, limit, answers)
    return loaded.examples, loaded.builder


def read_examples(path: str | Path, format: str | None = None, answers: bool = True) -> list[Example]:
    """The examples of a file that ought to be clean, such as a run's split: a dropped row is a DataError."""
    examples, builder = load_examples([path], format, answers=answers)
    if builder.drops:
        drop = builder.drops[0]
        raise DataError(f"{path}: the row at {drop.source} cannot be used: {drop.sentence} ({drop.reason}); mend it")
    return examples


def load_split(
    paths: Sequence[str | Path],
    spec: str | SplitSpec,
    *,
    seed: int = 0,
    format: str | None = None,
    limit: int | None = None,
    allow_overlap: bool = False,
) -> tuple[Split, LedgerBuilder]:
    """Read files and divide their rows; the ledger has the parts and what they share.

    With a split by files `paths` must be empty. Raises what `load` and `split_examples` raise, and DataError where two
    parts ask the same question, unless `allow_overlap`.
    """
    loaded, split = load_parts(paths, spec, seed=seed, format=format, limit=limit)
    if not allow_overlap:
        refuse_overlap(loaded.builder.found_overlaps)
    return split, loaded.builder


def load_parts(
    paths: Sequence[str | Path],
    spec: str | SplitSpec,
    *,
    seed: int = 0,
    format: str | None = None,
    limit: int | None = None,
) -> tuple[Loaded, Split]:
    """`load_split` with the rows themselves, and with overlaps noted in the ledger but never refused."""
    spec = parse_split(spec) if isinstance(spec, str) else spec
    if isinstance(spec, FileSplit):
        if paths:
            raise RequestError("name the data files either by themselves or in the split (train=FILE,...), not both")
        loaded, split = _load_by_file(spec, named_format(format) if format else None, limit)
    else:
        loaded = load(paths, format, limit)
        split, left = split_examples(loaded.examples, spec, seed)
        if left:
            loaded.builder.warn(f"rows that are in no part of the split: {len(left):,}, from {left[0].source} on")
    loaded.builder.add_split(split, overlaps(split))
    return loaded, split


def _load_by_file(spec: FileSplit, form: Format | None, limit: int | None) -> tuple[Loaded, Split]:
    """A file for each part; the limit holds for each file, since no part may be empty."""
    loaded, parts = Loaded(), {}
    for (part, _), (path, name) in zip(spec.files, _named([file for _, file in spec.files]), strict=True):
        start, read = len(loaded.examples), loaded.builder.read
        _load_file(loaded, path, name, form, None if limit is None else read + limit, True)
        parts[part] = tuple(loaded.examples[start:])
        if not parts[part]:
            raise DataError(
                f"{path}: the {part} part has no row that can be used; {_nothing_left(loaded.builder, path)}"
            )
    loaded.builder.check_rows(loaded.examples)
    return loaded, Split(**parts)
