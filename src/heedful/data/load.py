"""The front door of the data: files in, examples and their ledger out.

examples, builder = load_examples(["train.json"])
split, builder = load_split(["train.json"], "85/5/10", seed=1)
for line in builder.ledger().lines(): print(line)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from heedful.data.audit import LedgerBuilder
from heedful.data.collect import Source, collect
from heedful.data.collector import seldom_collected
from heedful.data.contamination import Index
from heedful.data.reading import ReadOptions, nothing_left, read_sources
from heedful.data.splits import FileSplit, RatioSplit, Split, SplitSpec, divide, overlaps, parse_split, refuse_overlap
from heedful.data.survey import Survey
from heedful.errors import DataError, RequestError
from heedful.records import Example


@dataclass
class Loaded:
    """Examples in file order and their ledger.

    `values` has, by id, the row of each example that was a row by itself; `weights` those of examples from sources
    whose weight is not 1.
    """

    examples: list[Example] = field(default_factory=list)
    builder: LedgerBuilder = field(default_factory=LedgerBuilder)
    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Dividing:
    """How rows are divided into parts: the split, its seed, and columns whose rows stay together or are balanced."""

    spec: SplitSpec
    seed: int = 0
    group_by: str | None = None
    stratify: str | None = None


def load(
    paths: Sequence[str | Path],
    format: str | None = None,
    limit: int | None = None,
    answers: bool = True,
    *,
    columns: Mapping[str, str] | None = None,
    seed: int = 0,
    indexes: Sequence[Index] = (),
    look: bool = True,
    need_rows: bool = True,
) -> Loaded:
    """Read files into examples, each row accounted for.

    `paths` are files, folders, globs and ``hub:`` data sets, each perhaps with options (``a.jsonl::cap=500``);
    `format` names the format of all files (default: recognised file by file), `columns` the file's own columns;
    `limit` reads at most so many rows in all; with ``answers=False`` rows may end with a question. With ``look=False``
    the rows are read and not looked at. Ids are the rows' own, else ``r000001`` by place.
    Raises DataError where a file cannot be read, an id stands twice, or no row can be used (unless
    ``need_rows=False``).
    """
    how = ReadOptions(format, columns or {}, limit, answers, seed)
    loaded = Loaded()
    with seldom_collected():
        _add(loaded, sources_of(paths, loaded.builder), how)
    if not loaded.examples and need_rows:
        raise nothing_left(loaded.builder, str(paths[0]))
    if look:
        _look(loaded, indexes)
    return loaded


def sources_of(paths: Sequence[str | Path], builder: LedgerBuilder) -> list[Source]:
    """The files, folders, globs and data sets that were named; what was passed over is a warning of the ledger."""
    if not paths:
        raise RequestError("no data file was named; name at least one")
    notes: list[str] = []
    sources = collect(paths, notes)
    for note in notes:
        builder.warn(note)
    return sources


def _add(loaded: Loaded, sources: Sequence[Source], how: ReadOptions) -> None:
    for read in read_sources(sources, how, loaded.builder):
        loaded.builder.keep(read.example)
        loaded.examples.append(read.example)
        if read.value is not None:
            loaded.values[read.example.id] = read.value
        if read.source.weight != 1:
            loaded.weights[read.example.id] = read.source.weight


def _look(loaded: Loaded, indexes: Sequence[Index]) -> None:
    with Survey(loaded.builder, indexes) as survey:
        survey.add_all(loaded.examples).finish()


def load_examples(
    paths: Sequence[str | Path], format: str | None = None, limit: int | None = None, answers: bool = True
) -> tuple[list[Example], LedgerBuilder]:
    """`load`, as the examples and the ledger to go on with."""
    loaded = load(paths, format, limit, answers)
    return loaded.examples, loaded.builder


def read_examples(path: str | Path, format: str | None = None, answers: bool = True) -> list[Example]:
    """The examples of a file that ought to be clean, such as a run's split: a dropped row is a DataError."""
    loaded = load([path], format, answers=answers, look=False)
    if loaded.builder.drops:
        drop = loaded.builder.drops[0]
        raise DataError(f"{path}: the row at {drop.source} cannot be used: {drop.sentence} ({drop.reason}); mend it")
    return loaded.examples


def load_split(
    paths: Sequence[str | Path],
    spec: str | SplitSpec,
    *,
    seed: int = 0,
    format: str | None = None,
    limit: int | None = None,
    allow_overlap: bool = False,
    columns: Mapping[str, str] | None = None,
    group_by: str | None = None,
    stratify: str | None = None,
) -> tuple[Split, LedgerBuilder]:
    """Read files and divide their rows; the ledger has the parts and what they share.

    With a split by files `paths` must be empty. Rows with one value of the column `group_by` stay in one part; each
    part gets its share of every value of the column `stratify`. Raises what `load` and `split_examples` raise, and
    DataError where two parts ask the same question, unless `allow_overlap`.
    """
    dividing = Dividing(parse_split(spec) if isinstance(spec, str) else spec, seed, group_by, stratify)
    loaded, split = load_parts(paths, dividing, ReadOptions(format, columns or {}, limit, seed=seed))
    if not allow_overlap:
        refuse_overlap(loaded.builder.found_overlaps)
    return split, loaded.builder


def load_parts(
    paths: Sequence[str | Path], dividing: Dividing, how: ReadOptions, indexes: Sequence[Index] = ()
) -> tuple[Loaded, Split]:
    """`load_split` with the rows themselves, and with overlaps noted in the ledger but never refused."""
    spec = dividing.spec
    if isinstance(spec, FileSplit):
        if paths:
            raise RequestError("name the data files either by themselves or in the split (train=FILE,...), not both")
        loaded, split = _load_by_file(spec, how)
    else:
        loaded = Loaded()
        _add(loaded, sources_of(paths, loaded.builder), how)
        if not loaded.examples:
            raise nothing_left(loaded.builder, str(paths[0]))
        made = divide(loaded.examples, spec, dividing.seed, group_by=dividing.group_by, stratify=dividing.stratify)
        split, left = made.split, made.left
        more = [f"rows that are in no part of the split: {len(left):,}, from {left[0].source} on"] if left else []
        for note in (*made.notes, *more):
            loaded.builder.warn(note)
    _look(loaded, indexes)
    loaded.builder.add_split(split, overlaps(split, near=not isinstance(spec, RatioSplit)))
    return loaded, split


def _load_by_file(spec: FileSplit, how: ReadOptions) -> tuple[Loaded, Split]:
    """A file (a folder, a glob) for each part; the limit holds for each part, since none may be empty."""
    loaded, parts = Loaded(), {}
    named = {part: sources_of([file], loaded.builder) for part, file in spec.files}
    collect([file for _, file in spec.files])  # refuses a file that is named twice
    for part, sources in named.items():
        start, read = len(loaded.examples), loaded.builder.read
        limit = None if how.limit is None else read + how.limit
        _add(loaded, sources, ReadOptions(how.format, how.columns, limit, how.answers, how.seed))
        parts[part] = tuple(loaded.examples[start:])
        if not parts[part]:
            reason = nothing_left(loaded.builder, sources[0].path)
            raise DataError(f"{sources[0].path}: the {part} part has no row that can be used; {reason}")
    return loaded, Split(**parts)


def load_indexes(paths: Sequence[str]) -> list[Index]:
    """The indexes of benchmarks that `heedful data index` wrote."""
    return [Index.load(path) for path in paths]
