"""What the marks say: who won, with intervals and a test; how far reviewers agree; tags; the pull of the left side.

A question counts once, however many reviewers marked it: by the verdict that most of them gave, else as split. Shares
have Wilson's interval. For pairs, the questions that one side won are tested by the exact sign test (McNemar's), and
the word is that of heedful.stats: better only where p < 0.05 and the interval of the wins among them leaves out one
half.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from heedful.agreement import cohen_kappa, fleiss_kappa, fleiss_table, krippendorff_alpha
from heedful.review.items import TAGS, VERDICTS, Mode, ReviewSet
from heedful.review.marks import Mark, Marks
from heedful.stats import Interval, mcnemar_test, wilson_interval

SPLIT = "split"
VALUES = {"first": 0.0, "second": 1.0, "tie": 0.5, "both_bad": 0.5, "right": 1.0, "partly": 0.5, "wrong": 0.0}
"""What a verdict is worth: of a pair how far the second answer won."""


@dataclass(frozen=True)
class Two:
    """Two reviewers on the questions that both marked."""

    names: tuple[str, str]
    n: int
    same: Interval
    kappa: float


@dataclass(frozen=True)
class Agreement:
    """NaN where nothing can be said. `fleiss` is over `fleiss_n` questions that every reviewer marked, `alpha` over
    the `alpha_n` that at least two did; for single answers alpha is ordinal: right and wrong are further apart."""

    pairs: tuple[Two, ...]
    fleiss: float
    fleiss_n: int
    alpha: float
    alpha_n: int
    alpha_level: str


@dataclass(frozen=True)
class Line:
    """One reviewer: how many marks, of which how many were not blind, by verdict, and the usual time for one."""

    name: str
    marked: int
    not_blind: int
    verdicts: Mapping[str, int]
    median_seconds: float


@dataclass(frozen=True)
class Result:
    """All of it. `shares` are of the `marked` questions; `decided` is the second side's share of those that one won."""

    mode: Mode
    names: tuple[str, ...]
    asked: int
    marked: int
    failed: int
    left_out: int
    shares: Mapping[str, tuple[int, Interval]]
    decided: Interval | None
    p_value: float | None
    verdict: str | None
    left: Interval | None
    reviewers: tuple[Line, ...]
    agreement: Agreement | None
    tags: Mapping[str, tuple[int, Interval]]

    @property
    def not_blind(self) -> int:
        return sum(r.not_blind for r in self.reviewers)


def result_of(review: ReviewSet, marks: Marks) -> Result:
    """The result of the questions of a set; marks of other questions in the file do not count."""
    known = {i.example_id for i in review.items}
    current = [m for m in marks.current() if m.example_id in known]
    by_question: dict[str, list[Mark]] = {i.example_id: [] for i in review.items}
    for m in current:
        by_question[m.example_id].append(m)
    questions = [found for found in by_question.values() if found]
    winners = Counter(majority([m.verdict for m in q]) for q in questions)
    names = [r.name for r in marks.reviewers() if any(m.reviewer == r.name for m in current)]
    kinds = (*VERDICTS[review.mode], *([SPLIT] if winners[SPLIT] else []))
    first, second = winners["first"], winners["second"]
    decided = wilson_interval(second, first + second) if review.mode == "pair" else None
    p = mcnemar_test(first, second) if decided else None
    return Result(
        mode=review.mode,
        names=review.names,
        asked=len(review.items),
        marked=len(questions),
        failed=len(review.failed),
        left_out=review.left_out,
        shares={k: (winners[k], wilson_interval(winners[k], len(questions))) for k in kinds},
        decided=decided,
        p_value=p,
        verdict=_word(decided, p),
        left=_left(current) if decided else None,
        reviewers=tuple(_line(name, [m for m in current if m.reviewer == name], review.mode) for name in names),
        agreement=agreement_of(names, questions, review.mode) if len(names) > 1 else None,
        tags=_tags(questions) if review.mode == "single" else {},
    )


def majority(verdicts: Sequence[str]) -> str:
    """The verdict that more gave than any other, else split.

    >>> majority(["tie"]), majority(["first", "first", "tie"]), majority(["first", "tie"])
    ('tie', 'first', 'split')
    """
    (top, most), *others = Counter(verdicts).most_common(2)
    return SPLIT if others and others[0][1] == most else top


def _word(decided: Interval | None, p: float | None) -> str | None:
    if decided is None or p is None:
        return None
    if decided.n < 2 or p >= 0.05 or decided.low <= 0.5 <= decided.high:
        return "inconclusive"
    return "better" if decided.estimate > 0.5 else "worse"


def _left(marks: Sequence[Mark]) -> Interval:
    """How often the side shown left won, of the marks with a winner: near one half where the side says nothing."""
    won = [m.verdict == m.shown_left for m in marks if m.verdict in ("first", "second") and m.shown_left]
    return wilson_interval(sum(won), len(won))


def _line(name: str, own: Sequence[Mark], mode: Mode) -> Line:
    seconds = sorted(m.seconds for m in own)
    counts = Counter(m.verdict for m in own)
    return Line(
        name=name,
        marked=len(own),
        not_blind=sum(not m.blind for m in own),
        verdicts={v: counts[v] for v in VERDICTS[mode]},
        median_seconds=seconds[len(seconds) // 2] if seconds else math.nan,
    )


def _tags(questions: Sequence[Sequence[Mark]]) -> dict[str, tuple[int, Interval]]:
    """For each tag the questions to which at least one reviewer gave it."""
    counts = {tag: sum(any(tag in m.tags for m in q) for q in questions) for tag in TAGS}
    return {tag: (n, wilson_interval(n, len(questions))) for tag, n in counts.items()}


def agreement_of(names: Sequence[str], questions: Sequence[Sequence[Mark]], mode: Mode) -> Agreement:
    """The agreement of two reviewers or more."""
    table = [{m.reviewer: m.verdict for m in q} for q in questions]
    pairs = []
    for a, b in itertools.combinations(names, 2):
        both = [(row[a], row[b]) for row in table if a in row and b in row]
        same = wilson_interval(sum(x == y for x, y in both), len(both))
        pairs.append(Two((a, b), len(both), same, cohen_kappa([x for x, _ in both], [y for _, y in both])))
    full = [list(row.values()) for row in table if len(row) == len(names)]
    units = [[VALUES[v] if mode == "single" else v for v in row.values()] for row in table]
    level = "ordinal" if mode == "single" else "nominal"
    return Agreement(
        pairs=tuple(pairs),
        fleiss=fleiss_kappa(fleiss_table(full, VERDICTS[mode])),
        fleiss_n=len(full),
        alpha=krippendorff_alpha(units, level),
        alpha_n=sum(len(u) > 1 for u in units),
        alpha_level=level,
    )
