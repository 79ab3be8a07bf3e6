"""Everything that is said after judging, as one JSON value: what the judge found, and what the judge is worth.

Intervals are `{"estimate", "low", "high", "n", "unscored"}`; NaN is null. `warnings` are sentences for a reader who
reads nothing else.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from heedful.judge.agreement import Marks, label_of, pair_agreement, pair_mark, score_agreement
from heedful.judge.correlation import spearman
from heedful.judge.items import Answers
from heedful.judge.judge import Judge
from heedful.judge.judgements import totals
from heedful.judge.judging import IDENTICAL, Judged
from heedful.judge.measures import PairOutcome, length, longer_values, position, win_rate
from heedful.judge.warn import warnings_of
from heedful.stats import compare_means, mean_interval, share_interval

SCHEMA = "heedful.judging/1"


def summarise(
    judge: Judge, answers: Answers, judged: Sequence[Judged], one_sided: int = 0, marks: Marks | None = None
) -> dict[str, Any]:
    """The whole summary of judged items."""
    pairs = judge.prompt.mode == "pairs"
    out: dict[str, Any] = {
        "schema": SCHEMA,
        "judge": judge.name,
        "mode": judge.prompt.mode,
        **judge.prompt.describe(),
        **(judge.rubric.describe() if judge.rubric else {}),
        "fenced": judge.prompt.fence,
        "settings": judge.settings.hash,
        "answers": [{"file": str(s.path), "model": s.name, "answers": len(s.answers)} for s in answers.sides],
        "one_sided": one_sided,
        **_counts(judged),
        **totals(j for item in judged for j in item.judgements),
        **(_pairs(judge, judged) if pairs else _singles(judge, answers, judged)),
        "people": None,
    }
    if marks is not None:
        out["people"] = _pair_people(judge, judged, marks) if pairs else _single_people(judged, marks)
    out["comparable"] = comparable(judge)
    out["warnings"] = warnings_of(out)
    return plain(out)


def comparable(judge: Judge) -> str:
    """With what the figures can be compared."""
    rubric = f", rubric {judge.rubric.name} v{judge.rubric.version}" if judge.rubric else ""
    if judge.prompt.one_order:
        return (
            f"Only win rates by this judge under annotator {judge.prompt.name} ({judge.prompt.hash[:8]}) against the "
            "same baseline can be compared with this one; another prompt, judge or baseline gives others."
        )
    return (
        f"Only figures by this judge with prompt {judge.prompt.name} v{judge.prompt.version} "
        f"({judge.prompt.hash[:8]}){rubric} can be compared with these; another prompt or judge gives others."
    )


def plain(value: Any) -> Any:
    """Dataclasses as dictionaries and NaN as None, all the way down."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _counts(judged: Sequence[Judged]) -> dict[str, Any]:
    """How many items have a verdict and why the others have none; each item is in exactly one of them."""
    asked = [j for j in judged if j.judgements]
    failed = sum(any(x.error is not None for x in j.judgements) for j in asked)
    unread = [_unreadable(j) for j in asked]
    return {
        "items": len(judged),
        "judged": sum(j.scores[0].value is not None for j in judged),
        "unreadable": share_interval(unread),
        "unreadable_items": sum(v == 1 for v in unread),
        "failed": failed,
        "unasked": dict(Counter(j.unasked.split(",")[0] for j in judged if j.unasked and j.unasked != IDENTICAL)),
        "identical": sum(j.unasked == IDENTICAL for j in judged),
        "read_by": dict(Counter(x.by for j in asked for x in j.judgements if x.by)),
        "first_unreadable": next((j.scores[0].explanation for j, u in zip(asked, unread, strict=True) if u == 1), None),
        "first_failure": next((x.error for j in asked for x in j.judgements if x.error is not None), None),
    }


def _unreadable(judged: Judged) -> float | None:
    """Whether a verdict could not be read; None where the judge's request failed, which says nothing about it."""
    if any(x.error is not None for x in judged.judgements):
        return None
    return float(judged.scores[0].value is None)


def _singles(judge: Judge, answers: Answers, judged: Sequence[Judged]) -> dict[str, Any]:
    names = list(dict.fromkeys(s.scorer for j in judged for s in j.scores))
    sides = []
    by_side: list[dict[str, dict[str, float | None]]] = []  # scorer -> example id -> value
    for side in answers.sides:
        ids = {a.id for a in side.answers}
        here = [j for j in judged if j.item.ids[0] in ids]
        values = {name: [s.value for j in here for s in j.scores if s.scorer == name] for name in names}
        main = values.get(judge.prompt.name, [])
        lengths = [len(j.item.answers[0].text) for j in here]
        known = [(n, v) for n, v in zip(lengths, main, strict=True) if v is not None]
        sides.append(
            {
                "model": side.name,
                "means": {name: mean_interval(values[name]) for name in names},
                "length_correlation": spearman([float(n) for n, _ in known], [v for _, v in known]),
                "distinct": len({v for v in main if v is not None}),
            }
        )
        by_side.append(
            {n: {j.item.example_id: s.value for j in here for s in j.scores if s.scorer == n} for n in names}
        )
    return {"sides": sides, "differences": _differences(names, by_side)}


def _differences(names: Sequence[str], by_side: Sequence[Mapping[str, Mapping[str, float | None]]]) -> dict[str, Any]:
    """The second side against the first, on the examples that both answered."""
    if len(by_side) < 2:
        return {}
    out: dict[str, Any] = {}
    for name in names:
        first, second = by_side[0][name], by_side[1][name]
        both = [e for e in first if e in second]
        if both:
            out[name] = compare_means([first[e] for e in both], [second[e] for e in both])
    return out


def outcomes_of(judged: Sequence[Judged]) -> list[PairOutcome]:
    """Judged pairs as `measures` takes them."""
    out = []
    for j in judged:
        if j.unasked and j.unasked != IDENTICAL:
            continue
        score = j.scores[0]
        first, second = j.item.answers
        m = score.metadata
        out.append(
            PairOutcome(
                (len(first.text), len(second.text)), m.get("ab"), m.get("ba"), score.value, m.get("probability"),
                asked=j.unasked is None,
            )
        )  # fmt: skip
    return out


def _pairs(judge: Judge, judged: Sequence[Judged]) -> dict[str, Any]:
    outcomes = outcomes_of(judged)
    labels = Counter(label_of(o.value) for o in outcomes)
    soft = any(x.by == "log-probabilities" for j in judged for x in j.judgements)
    return {
        "won": labels["second"],
        "lost": labels["first"],
        "ties": labels["tie"],
        "turned": sum(o.ab is not None and o.ba is not None and o.ab != o.ba for o in outcomes),
        "one_order": judge.prompt.one_order,
        "win_rate": win_rate(outcomes),
        "mean_probability": mean_interval([o.probability for o in outcomes if o.asked]) if soft else None,
        "position": position(outcomes),
        "length": length(outcomes),
    }


def _pair_people(judge: Judge, judged: Sequence[Judged], marks: Marks) -> dict[str, Any]:
    marked = [(j, mark) for j in judged if (mark := pair_mark(marks, j.item.ids)) is not None]
    outcomes = outcomes_of([j for j, _ in marked])
    kept = [(j, m) for j, m in marked if not j.unasked or j.unasked == IDENTICAL]
    people = [label_of(m) for _, m in kept]
    orders = [_by_order(o, judge.prompt.one_order) for o in outcomes]
    found = pair_agreement(people, [label_of(o.value) for o in outcomes], orders, marks.people)
    both = [(o, m) for o, (_, m) in zip(outcomes, kept, strict=True) if o.value is not None]
    theirs = longer_values([dataclasses.replace(o, value=m) for o, m in both])
    judges = longer_values([o for o, _ in both])
    extra = compare_means(theirs, judges) if theirs else None
    return {
        "file": marks.path,
        **plain(found),
        "longer_wins": mean_interval(theirs),
        "longer_beyond_people": extra.difference if extra else None,
        "longer_beyond_people_p": extra.p_value if extra else None,
    }


def _by_order(outcome: PairOutcome, one_order: bool) -> tuple[str | None, str | None]:
    """The verdict of each order; twice the one of the only order that was asked, or of none where nobody was asked."""
    if one_order or not outcome.asked:
        only = label_of(outcome.value)
        return only, only
    return outcome.ab, outcome.ba


def _single_people(judged: Sequence[Judged], marks: Marks) -> dict[str, Any]:
    marked = [(marks.singles[j.item.ids[0]], j.scores[0].value) for j in judged if j.item.ids[0] in marks.singles]
    found = score_agreement([m for m, _ in marked], [v for _, v in marked], marks.people)
    return {"file": marks.path, **plain(found)}
