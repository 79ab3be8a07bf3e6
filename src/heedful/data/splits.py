"""Training, validation and test rows: three ways to name a split, and a check that none leaks into another.

    85/5/10                             train, validation, test in percent or fractions; by seed, leak-safe
    order:train=935,test=110,val=55     rows in file order; one of the sizes may be "rest"
    train=a.jsonl,val=b.jsonl           files by name

Two rows ask the same question where their prompts are the same after Unicode normalisation (NFKC), case folding and
white space are levelled. A split by ratio keeps such rows on one side.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from heedful.errors import DataError, RequestError, did_you_mean
from heedful.records import Example
from heedful.store import PARTS

Part = Literal["train", "val", "test"]
_FORMS = "write 85/5/10, order:train=935,test=110,val=55 or train=FILE,val=FILE,test=FILE"
_ALIASES = {"validation": "val", "valid": "val", "dev": "val", "eval": "val", "training": "train", "testing": "test"}
SHOWN = 20  # places listed at most


@dataclass(frozen=True)
class RatioSplit:
    """Shares of the rows, which sum to 1. A test share of 0 means that there is no test part."""

    train: Fraction
    val: Fraction
    test: Fraction


@dataclass(frozen=True)
class OrderSplit:
    """Numbers of rows in file order, in the order named; None means the rest."""

    sizes: tuple[tuple[str, int | None], ...]


@dataclass(frozen=True)
class FileSplit:
    """A file for each part named."""

    files: tuple[tuple[str, str], ...]


SplitSpec = RatioSplit | OrderSplit | FileSplit


@dataclass(frozen=True)
class Split:
    """The rows of each part, each in file order."""

    train: tuple[Example, ...]
    val: tuple[Example, ...]
    test: tuple[Example, ...] = ()

    def parts(self) -> dict[str, tuple[Example, ...]]:
        """The parts by name, in the order train, val, test."""
        return {"train": self.train, "val": self.val, "test": self.test}


@dataclass(frozen=True)
class Overlap:
    """Rows of one part that ask a question of another: `count` rows of ``parts[1]``, and where both stand."""

    parts: tuple[str, str]
    count: int
    where: tuple[str, ...]


def parse_split(spec: str) -> SplitSpec:
    """Read a split as it stands in a recipe or after --split; RequestError where it cannot be meant."""
    spec = spec.strip()
    if spec.startswith("order:"):
        return _parse_order(spec)
    if re.match(r"\w+=", spec):
        pairs = _pairs(re.split(r",\s*(?=\w+=)", spec), spec)
        for part, file in pairs:
            if not file:
                raise RequestError(f"split '{spec}': no file for {part}; {_FORMS}")
        _need_train_and_val([p for p, _ in pairs], spec)
        return FileSplit(tuple(pairs))
    if "/" in spec and re.fullmatch(r"[-+\d./%\s]+", spec):
        return _parse_ratio(spec)
    raise RequestError(f"split '{spec}': not understood; {_FORMS}")


def _pairs(items: list[str], spec: str) -> list[tuple[str, str]]:
    out: list[tuple[str, str]] = []
    for item in items:
        part, _, value = (s.strip() for s in item.partition("="))
        if part not in PARTS:
            near = f" (did you mean '{_ALIASES[part]}'?)" if part in _ALIASES else did_you_mean(part, PARTS)
            raise RequestError(f"split '{spec}': no part '{part}' (the parts are train, val, test){near}")
        if part in [p for p, _ in out]:
            raise RequestError(f"split '{spec}': {part} stands twice; name each part once")
        out.append((part, value))
    return out


def _need_train_and_val(parts: list[str], spec: str) -> None:
    for part in ("train", "val"):
        if part not in parts:
            raise RequestError(f"split '{spec}': no {part} part; training needs train and val (test may be left out)")


def _parse_order(spec: str) -> OrderSplit:
    sizes: list[tuple[str, int | None]] = []
    for part, value in _pairs(spec.removeprefix("order:").split(","), spec):
        if value == "rest":
            sizes.append((part, None))
            continue
        if not re.fullmatch(r"[-+]?\d+", value):
            raise RequestError(f"split '{spec}': '{value}' is no number of rows; write a whole number or rest")
        size = int(value)
        if size < 0 or (size == 0 and part != "test"):
            raise RequestError(f"split '{spec}': {part}={size} rows; train and val need at least 1")
        sizes.append((part, size))
    _need_train_and_val([p for p, _ in sizes], spec)
    if sum(size is None for _, size in sizes) > 1:
        raise RequestError(f"split '{spec}': more than one part is the rest; give a number to all but one")
    return OrderSplit(tuple(sizes))


def _parse_ratio(spec: str) -> RatioSplit:
    items = [item.strip().removesuffix("%") for item in spec.split("/")]
    if len(items) not in (2, 3):
        raise RequestError(f"split '{spec}': {len(items)} shares; write train/validation/test, such as 85/5/10")
    try:
        shares = [Fraction(item) for item in items]
    except (ValueError, ZeroDivisionError):
        raise RequestError(f"split '{spec}': not numbers; {_FORMS}") from None
    total = sum(shares)
    whole = 1 if abs(total - 1) < Fraction(1, 10**6) else 100
    if abs(total - whole) >= Fraction(whole, 10**6):
        raise RequestError(f"split '{spec}': the shares sum to {float(total):g}, not to 100 (or 1); mend one of them")
    train, val, test = [share / total for share in [*shares, Fraction(0)][:3]]
    if min(train, val, test) < 0 or not train or not val:
        raise RequestError(f"split '{spec}': train and validation need a share above 0, and none may be negative")
    return RatioSplit(train, val, test)


def question_of(example: Example) -> str:
    """The normalised prompt of an example: two examples that ask the same have the same one.

    >>> from heedful.records import Message
    >>> question_of(Example("1", (Message("user", "Name  a Colour."), Message("assistant", "Red."))))
    'user: name a colour.'
    """
    turns = (f"{m.role}: {m.content} {m.context or ''}" for m in example.prompt)
    return " ".join(unicodedata.normalize("NFKC", " ".join(turns)).casefold().split())


def split_examples(examples: Sequence[Example], spec: SplitSpec, seed: int = 0) -> tuple[Split, list[Example]]:
    """Divide examples; returns the split and the rows that are in no part of it.

    Deterministic: the same rows, split and seed give the same parts on every machine. Raises DataError with the
    figures where the rows do not suffice.
    """
    if isinstance(spec, RatioSplit):
        return _by_ratio(examples, spec, seed), []
    if isinstance(spec, OrderSplit):
        return _in_order(examples, spec)
    raise RequestError("a split by files is read from its files; leave the other data files out")


def _in_order(examples: Sequence[Example], spec: OrderSplit) -> tuple[Split, list[Example]]:
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
    return Split(**parts), list(examples[at:])


def _by_ratio(examples: Sequence[Example], spec: RatioSplit, seed: int) -> Split:
    groups: dict[str, list[int]] = {}
    for index, example in enumerate(examples):
        groups.setdefault(question_of(example), []).append(index)
    total = len(examples)
    wanted = {part: max(1, round(total * share)) for part, share in (("val", spec.val), ("test", spec.test)) if share}
    if len(groups) < 1 + len(wanted):
        raise DataError(
            f"the split wants {1 + len(wanted)} parts, and {total} rows with {len(groups)} different questions do not "
            "fill them; use more rows or fewer parts"
        )
    room = dict(sorted(wanted.items(), key=lambda item: item[1]))  # the small part first, or it finds nothing left
    taken: dict[str, list[list[int]]] = {"train": [], **{part: [] for part in room}}
    # Groups in the order of their hash: no random generator, no dependence on the order of the file.
    for key in sorted(groups, key=lambda k: hashlib.sha256(f"{seed}\n{k}".encode()).digest()):
        rows = groups[key]
        part = next((p for p, left in room.items() if len(rows) <= left), "train")
        taken[part].append(rows)
        if part in room:
            room[part] -= len(rows)
    for part in taken:  # where every group was too large for a part, it gets the smallest of the part with the most
        if not taken[part]:
            donor = max(taken, key=lambda p: len(taken[p]))
            taken[part].append(taken[donor].pop(min(range(len(taken[donor])), key=lambda i: len(taken[donor][i]))))
    chosen = {part: sorted(i for rows in found for i in rows) for part, found in taken.items()}
    return Split(**{part: tuple(examples[i] for i in rows) for part, rows in chosen.items()})


def overlaps(split: Split) -> list[Overlap]:
    """Rows that ask, in another part, a question that an earlier part asks; pairs without any are left out."""
    parts = split.parts()
    questions: dict[str, dict[str, str]] = {}
    for part, rows in parts.items():
        questions[part] = {}
        for example in rows:
            questions[part].setdefault(question_of(example), example.source)
    out = []
    for first, second in (("train", "val"), ("train", "test"), ("val", "test")):
        both = [(e.source, questions[first].get(question_of(e))) for e in parts[second]]
        where = [f"{b} repeats {a}" for b, a in both if a is not None]
        if where:
            out.append(Overlap((first, second), len(where), tuple(where[:SHOWN])))
    return out


def overlap_sentence(found: Sequence[Overlap]) -> str:
    """How many rows overlap, the first pair, and what to do."""
    counts = ", ".join(f"{o.parts[1]} rows that repeat a {o.parts[0]} question: {o.count}" for o in found)
    return (
        f"the parts of the split share questions ({counts}; the first: {found[0].where[0]}); "
        "--allow-overlap to go on anyway, or another --split (85/5/10 keeps them apart)"
    )


def refuse_overlap(found: Sequence[Overlap]) -> None:
    """DataError where any rows overlap."""
    if found:
        raise DataError(overlap_sentence(found))
