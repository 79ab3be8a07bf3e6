"""Training, validation and test rows: dividing them so that none leaks into another part, and telling where one does.

How a split is named stands in `split_spec`. Rows belong together, and a split by ratio keeps them in one part, where

- they ask the same: their prompts are the same after Unicode normalisation (NFKC), case folding and white space are
  levelled, or nearly the same (`near`),
- they are of one group (`Example.group`: a conversation, a tree, a source),
- they have the same value in the column `group_by`, where one is named,

directly or through other rows.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from heedful.data.overlap import SHOWN, Overlap, Split, asked, overlap_sentence, overlaps, question_of, refuse_overlap
from heedful.data.shares import Group, share_out
from heedful.data.split_spec import FileSplit, OrderSplit, RatioSplit, SplitSpec, parse_split
from heedful.errors import DataError, RequestError, did_you_mean
from heedful.records import Example

__all__ = [
    "SHOWN",
    "Division",
    "FileSplit",
    "OrderSplit",
    "Overlap",
    "Part",
    "RatioSplit",
    "Split",
    "SplitSpec",
    "divide",
    "overlap_sentence",
    "overlaps",
    "parse_split",
    "question_of",
    "refuse_overlap",
    "split_examples",
]

Part = Literal["train", "val", "test"]


@dataclass(frozen=True)
class Division:
    """A split, the rows that are in no part of it, and sentences on what could not be as it was asked for."""

    split: Split
    left: tuple[Example, ...] = ()
    notes: tuple[str, ...] = ()


def split_examples(
    examples: Sequence[Example],
    spec: SplitSpec,
    seed: int = 0,
    *,
    group_by: str | None = None,
    stratify: str | None = None,
    near: bool = True,
) -> tuple[Split, list[Example]]:
    """`divide`, as the split and the rows that are in no part of it."""
    made = divide(examples, spec, seed, group_by=group_by, stratify=stratify, near=near)
    return made.split, list(made.left)


def divide(
    examples: Sequence[Example],
    spec: SplitSpec,
    seed: int = 0,
    *,
    group_by: str | None = None,
    stratify: str | None = None,
    near: bool = True,
) -> Division:
    """Divide examples.

    Deterministic: the same rows, split and seed give the same parts on every machine, whatever the order of the rows.
    By ratio, rows that belong together (see the module) stay in one part; ``near=False`` leaves near-duplicates out of
    that. With `stratify` each part gets its share of every value of a column, as near as whole groups allow. Raises
    DataError with the figures where the rows do not suffice, and RequestError where no row has a column.
    """
    if isinstance(spec, RatioSplit):
        return _by_ratio(examples, spec, seed, group_by, stratify, near)
    for option, column in (("group-by", group_by), ("stratify", stratify)):
        if column is not None:
            raise RequestError(
                f"{option} '{column}' is for a split by ratio; name one such as 85/5/10, or leave it out"
            )
    if isinstance(spec, OrderSplit):
        return _in_order(examples, spec)
    raise RequestError("a split by files is read from its files; leave the other data files out")


def _in_order(examples: Sequence[Example], spec: OrderSplit) -> Division:
    fixed = sum(size for _, size in spec.sizes if size is not None)
    wanted = " + ".join(f"{part} {'rest' if size is None else size}" for part, size in spec.sizes)
    has_rest = any(size is None for _, size in spec.sizes)
    if fixed + has_rest > len(examples):
        raise DataError(
            f"the split wants {fixed + has_rest} rows or more ({wanted}) and there are {len(examples)}; "
            "make its sizes smaller or one of them 'rest'"
        )
    parts: dict[str, tuple[Example, ...]] = {}
    at = 0
    for part, size in spec.sizes:
        end = at + (len(examples) - fixed if size is None else size)
        parts[part] = tuple(examples[at:end])
        at = end
    return Division(Split(**parts), tuple(examples[at:]))


def _by_ratio(
    examples: Sequence[Example], spec: RatioSplit, seed: int, group_by: str | None, stratify: str | None, near: bool
) -> Division:
    questions = [question_of(e) for e in examples]
    sets = _together(examples, questions, None if group_by is None else _column(examples, group_by, "group-by"), near)
    values = None if stratify is None else _column(examples, stratify, "stratify")
    groups = [
        # The smallest question names a group, so that neither the order of the file nor other groups matter.
        Group(min(questions[i] for i in rows), rows, () if values is None else tuple(str(values[i]) for i in rows))
        for rows in sets
    ]
    wanted = {part: share for part, share in (("val", spec.val), ("test", spec.test)) if share}
    if len(groups) < 1 + len(wanted):
        raise DataError(
            f"the split wants {1 + len(wanted)} parts, and {len(examples)} rows with {len(groups)} different questions "
            "(or groups of rows that belong together) do not fill them; use more rows or fewer parts"
        )
    chosen, sizes = share_out(groups, wanted, seed)
    split = Split(**{part: tuple(examples[i] for i in sorted(rows)) for part, rows in chosen.items()})
    return Division(split, (), tuple(_notes(examples, groups, split, sizes)))


def _notes(examples: Sequence[Example], groups: Sequence[Group], split: Split, sizes: dict[str, int]) -> Iterable[str]:
    """What the groups did to the sizes of the parts."""
    largest = max(groups, key=lambda g: (len(g.rows), g.key))
    if len(largest.rows) > min(sizes.values()):
        yield (
            f"the largest set of rows that belong together has {len(largest.rows):,} of {len(examples):,} rows "
            f"(the first at {examples[largest.rows[0]].source}); rows that belong together stay in one part"
        )
    for part, size in sizes.items():
        got = len(split.parts()[part])
        if abs(got - size) > max(1, size // 20):
            yield f"{part} has {got:,} rows where {size:,} were wanted, since rows that belong together are not divided"


def _column(examples: Sequence[Example], name: str, option: str) -> list[Hashable]:
    """The value of a column in each row, as JSON text where it is neither a text nor a number."""
    if not any(name in e.fields for e in examples):
        known = sorted({k for e in examples for k in e.fields})
        have = f"; there are {', '.join(known[:12])}" if known else "; the rows have no other columns than those used"
        raise RequestError(f"{option} '{name}': no row has such a column{did_you_mean(name, known)}{have}")
    return [_key(e.fields.get(name)) for e in examples]


def _key(value: Any) -> Hashable:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def _together(
    examples: Sequence[Example], questions: Sequence[str], column: Sequence[Hashable] | None, near: bool
) -> list[list[int]]:
    """The rows that belong together, as sets that divide them all; a row alone is a set of one."""
    parents = list(range(len(examples)))

    def root(i: int) -> int:
        while parents[i] != i:
            parents[i] = i = parents[parents[i]]
        return i

    first: dict[Hashable, int] = {}
    for i, example in enumerate(examples):
        named: list[Hashable] = [("question", questions[i])]
        if example.group is not None:
            named.append(("group", example.group))
        if column is not None and column[i] is not None:
            named.append(("column", column[i]))
        for name in named:
            a, b = root(first.setdefault(name, i)), root(i)
            parents[max(a, b)] = min(a, b)
    if near:
        for a, b in _near_questions(examples):
            a, b = root(a), root(b)
            parents[max(a, b)] = min(a, b)
    sets: dict[int, list[int]] = {}
    for i in range(len(examples)):
        sets.setdefault(root(i), []).append(i)
    return list(sets.values())


def _near_questions(examples: Sequence[Example]) -> list[tuple[int, int]]:
    """Pairs of rows that ask nearly the same. The order of the rows does not matter to them."""
    from heedful.data.near import NearDuplicates

    texts = [asked(e) for e in examples]
    first = {text: i for i, text in reversed(list(enumerate(texts)))}
    different = sorted(first)
    with NearDuplicates() as found:
        for text in different:
            found.add(text)
        return [(first[different[c[0]]], first[different[k]]) for c in found.clusters() for k in c[1:]] + [
            (first[text], i) for i, text in enumerate(texts) if first[text] != i
        ]
