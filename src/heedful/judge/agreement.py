"""How far a judge agrees with people: on pairs, accuracy and Cohen's kappa; on scores, correlations.

Marks by people are Scores in JSONL, as `heedful review` writes them. They are joined with the judge's by the ids of
the responses; a pair that was marked the other way round is turned. Of several marks on one thing the mean counts.

`each_order` is what LLMBar reports (Zeng et al., "Evaluating large language models at evaluating instruction
following", ICLR 2024): the accuracy of the two orders' own verdicts and their mean, where an unreadable one is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from heedful.agreement import cohen_kappa
from heedful.errors import DataError, RequestError
from heedful.judge.correlation import Correlations, correlations
from heedful.judge.measures import half_interval
from heedful.records import Score, from_json
from heedful.stats import Interval, share_interval
from heedful.store import read_jsonl


@dataclass(frozen=True)
class EachOrder:
    """The two orders against the right labels, as shares of all pairs; an unreadable verdict is wrong.

    `same` is the share of pairs on which the orders agree (two unreadable ones do), `kappa` their agreement beyond
    chance.
    """

    first: float
    second: float
    average: Interval
    both: float
    same: float
    kappa: float


@dataclass(frozen=True)
class PairAgreement:
    """A judge's verdicts on pairs against people's. `accuracy` is over pairs with both; a tie is a label like others.

    `each_order` is over the pairs that people decided.
    """

    accuracy: Interval
    kappa: float
    each_order: EachOrder | None
    marked: int
    people: tuple[str, ...]


@dataclass(frozen=True)
class ScoreAgreement:
    """A judge's scores against people's, over answers with both."""

    correlations: Correlations
    n: int
    unscored: int
    marked: int
    people: tuple[str, ...]


@dataclass(frozen=True)
class Marks:
    """People's marks: by response id, and by pair of ids (1: the second of the two is better)."""

    singles: Mapping[str, float]
    pairs: Mapping[tuple[str, str], float]
    people: tuple[str, ...]
    path: str = ""


def read_marks(path: Path) -> Marks:
    """The marks of people in a file of Scores. RequestError or DataError where there is none that could be used."""
    if not path.is_file():
        raise RequestError(
            f"--human {path}: {'is a folder' if path.is_dir() else 'no such file'}; name a file of Scores"
        )
    text = path.read_bytes()
    if text and not text.endswith(b"\n") and b"\n" not in text:
        raise DataError(f"--human {path}: holds no line of JSON with a line break; name a file of Scores (JSONL)")
    scores = [from_json(Score, value, f"{path}:{number}") for number, value in enumerate(read_jsonl(path), 1)]
    by_people = [s for s in scores if s.rater != "metric" and not s.rater.startswith("judge:")]
    if not by_people:
        raise DataError(f"--human {path}: has no mark by a person; name what `heedful review` wrote")
    return marks_of({s.id: s for s in by_people}.values(), str(path))


def marks_of(scores: Iterable[Score], path: str = "") -> Marks:
    """Scores by people as marks; those without a value say nothing."""
    singles: dict[str, list[float]] = {}
    pairs: dict[tuple[str, str], list[float]] = {}
    people: dict[str, None] = {}
    for s in scores:
        if s.value is None:
            continue
        people[s.rater] = None
        if len(s.responses) == 1:
            singles.setdefault(s.responses[0], []).append(s.value)
        elif len(s.responses) == 2:
            if not 0 <= s.value <= 1:
                raise DataError(f"{path}: the mark {s.id} of a pair is {s.value:g}; it must lie between 0 and 1")
            a, b = s.responses
            known = (b, a) in pairs
            pairs.setdefault((b, a) if known else (a, b), []).append(1 - s.value if known else s.value)
    return Marks(
        {k: sum(v) / len(v) for k, v in singles.items()},
        {k: sum(v) / len(v) for k, v in pairs.items()},
        tuple(people),
        path,
    )


def label_of(value: float | None) -> str | None:
    """A pair's value as who is better.

    >>> label_of(0.0), label_of(0.75), label_of(0.5), label_of(None)
    ('first', 'second', 'tie', None)
    """
    if value is None:
        return None
    return "tie" if value == 0.5 else "second" if value > 0.5 else "first"


def pair_mark(marks: Marks, ids: tuple[str, ...]) -> float | None:
    """People's mark of a pair, whichever way round they saw it; None where there is none."""
    a, b = ids
    if (a, b) in marks.pairs:
        return marks.pairs[a, b]
    return 1 - marks.pairs[b, a] if (b, a) in marks.pairs else None


def pair_agreement(
    people: Sequence[str | None],
    judge: Sequence[str | None],
    orders: Sequence[tuple[str | None, str | None]],
    raters: Sequence[str] = (),
) -> PairAgreement:
    """Labels (first, second, tie) by people and by the judge, pair by pair, and the judge's by each order."""
    both = [(p, j) for p, j in zip(people, judge, strict=True) if p is not None]
    right = [None if j is None else float(j == p) for p, j in both]
    decided = [(p, o) for p, o in zip(people, orders, strict=True) if p in ("first", "second")]
    return PairAgreement(
        share_interval(right),
        cohen_kappa([p for p, _ in both], [j for _, j in both]),
        each_order([p for p, _ in decided], [o for _, o in decided]) if decided else None,
        len(both),
        tuple(raters),
    )


def each_order(labels: Sequence[str | None], orders: Sequence[tuple[str | None, str | None]]) -> EachOrder:
    """LLMBar's figures: each order's verdicts against the labels.

    >>> e = each_order(["first", "second"], [("first", "first"), ("first", "second")])
    >>> e.first, e.second, e.average.estimate, e.both, e.same
    (0.5, 1.0, 0.75, 0.5, 0.5)
    """
    n = len(labels)
    if n == 0:
        nan = math.nan
        return EachOrder(nan, nan, Interval(nan, nan, nan, 0), nan, nan, nan)
    one = [float(o[0] == label) for label, o in zip(labels, orders, strict=True)]
    two = [float(o[1] == label) for label, o in zip(labels, orders, strict=True)]
    return EachOrder(
        sum(one) / n,
        sum(two) / n,
        half_interval([(a + b) / 2 for a, b in zip(one, two, strict=True)]),
        sum(a * b for a, b in zip(one, two, strict=True)) / n,
        sum(a == b for a, b in orders) / n,
        cohen_kappa([a for a, _ in orders], [b for _, b in orders]),
    )


def score_agreement(
    people: Sequence[float], judge: Sequence[float | None], raters: Sequence[str] = ()
) -> ScoreAgreement:
    """The scores of the same answers by people and by the judge."""
    known = [(p, j) for p, j in zip(people, judge, strict=True) if j is not None]
    return ScoreAgreement(
        correlations([p for p, _ in known], [j for _, j in known]),
        len(known),
        len(people) - len(known),
        len(people),
        tuple(raters),
    )
