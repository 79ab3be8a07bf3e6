"""The parts of a split, and the rows of one that repeat a row of another: a leak, told with both places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from heedful.data.shingles import normalise
from heedful.errors import DataError
from heedful.records import Example

Kind = Literal["question", "near", "group"]
SHOWN = 20  # places listed at most
_PAIRS = (("train", "val"), ("train", "test"), ("val", "test"))


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
    """Rows of one part that repeat another: `count` rows of ``parts[1]``, and where both stand.

    `kind`: "question" (the same question), "near" (nearly the same, counted only where it is not the same), "group"
    (a row of the same conversation or source).
    """

    parts: tuple[str, str]
    count: int
    where: tuple[str, ...]
    kind: Kind = "question"


def question_of(example: Example) -> str:
    """The normalised prompt of an example: two examples that ask the same have the same one.

    >>> from heedful.records import Message
    >>> question_of(Example("1", (Message("user", "Name  a Colour."), Message("assistant", "Red."))))
    'user: name a colour.'
    """
    return normalise(" ".join(f"{m.role}: {m.content} {m.context or ''}" for m in example.prompt))


def asked(example: Example) -> str:
    """What a row asks, as near-duplicates compare it: its prompt without system messages, which many rows share."""
    turns = (f"{m.content}\n{m.context}" if m.context else m.content for m in example.prompt if m.role != "system")
    return "\n".join(turns)


def overlaps(split: Split, near: bool = True) -> list[Overlap]:
    """Rows that repeat, in another part, a row of an earlier part; pairs of parts without any are left out.

    A split by ratio has none, so that near-duplicates need not be looked for again (``near=False``).
    """
    parts = split.parts()
    asked = {part: _first_places((question_of(e), e.source) for e in rows) for part, rows in parts.items()}
    groups = {part: _first_places((e.group, e.source) for e in rows if e.group) for part, rows in parts.items()}
    nearly = _near_overlaps(parts) if near else {}
    out = []
    for pair in _PAIRS:
        first, second = pair
        same = [(e.source, asked[first].get(question_of(e))) for e in parts[second]]
        together = [(e.source, groups[first].get(e.group or "")) for e in parts[second]]
        where: dict[Kind, list[str]] = {
            "question": [f"{b} repeats {a}" for b, a in same if a is not None],
            "near": nearly.get(pair, []),
            "group": [f"{b} is of one group with {a}" for b, a in together if a is not None],
        }
        out += [Overlap(pair, len(where[k]), tuple(where[k][:SHOWN]), k) for k in get_args(Kind) if where[k]]
    return out


def _first_places(named: Iterable[tuple[str | None, str]]) -> dict[str, str]:
    out: dict[str, str] = {}
    for name, place in named:
        if name is not None:
            out.setdefault(name, place)
    return out


def _near_overlaps(parts: dict[str, tuple[Example, ...]]) -> dict[tuple[str, str], list[str]]:
    """For each pair of parts, the rows of the second that nearly repeat a question of the first."""
    from heedful.data.near import NearDuplicates

    numbers: dict[str, range] = {}
    places: list[str] = []
    questions: list[str] = []
    out = {}
    with NearDuplicates() as found:
        for part, rows in parts.items():
            for example in rows:
                found.add(asked(example))
                places.append(example.source)
                questions.append(question_of(example))
            numbers[part] = range(len(places) - len(rows), len(places))
        for pair in _PAIRS:
            pairs = found.repeats(numbers[pair[1]], numbers[pair[0]])
            same = {questions[n] for n in numbers[pair[0]]}  # told as the same question already
            told = [p for p in pairs if questions[p.second] not in same]
            out[pair] = [f"{places[p.second]} is {p.similarity:.2f} like {places[p.first]}" for p in told]
    return out


_SHARED = {
    "question": "rows that repeat a {} question",
    "near": "rows that nearly repeat a {} question",
    "group": "rows of one group with a {} row",
}


def overlap_sentence(found: Sequence[Overlap]) -> str:
    """How many rows overlap, the first pair, and what to do."""
    counts = ", ".join(f"{o.parts[1]} {_SHARED[o.kind].format(o.parts[0])}: {o.count}" for o in found)
    shared = "questions" if any(o.kind != "group" for o in found) else "groups"
    return (
        f"the parts of the split share {shared} ({counts}; the first: {found[0].where[0]}); "
        "--allow-overlap to go on anyway, or another --split (85/5/10 keeps them apart)"
    )


def refuse_overlap(found: Sequence[Overlap]) -> None:
    """DataError where any rows overlap."""
    if found:
        raise DataError(overlap_sentence(found))
