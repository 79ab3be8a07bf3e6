"""From judgements to Scores.

A single answer gets one Score (and one for each criterion of a rubric). A pair gets one Score from its two orders:
1 where the second answer is better, 0 where the first is, 0.5 for a tie. A verdict that changes with the order is a
tie: nobody knows which of the two the judge meant (Zheng et al., "Judging LLM-as-a-judge with MT-Bench", NeurIPS 2023,
section 3.4). What was unreadable in one order has no value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from heedful.judge.items import Item
from heedful.judge.judgements import Judgement
from heedful.records import Score, hash_of

if TYPE_CHECKING:
    from heedful.judge.judge import Judge

PAIR_VALUES: Mapping[str, float] = {"first": 0.0, "second": 1.0, "tie": 0.5}
TURNED: Mapping[str, str] = {"first": "second", "second": "first", "tie": "tie"}


def judged_scores(judge: Judge, item: Item, judgements: Sequence[Judgement]) -> Iterator[Score]:
    """The Scores of an item that was asked about."""
    if len(item.answers) == 2:
        yield _pair_score(judge, item, *judgements) if len(judgements) == 2 else _one_order(judge, item, *judgements)
        return
    (one,) = judgements
    more: dict[str, Any] = {"read": one.by}
    if one.mass is not None:
        more["mass"] = round(one.mass, 6)
    yield _score(judge, item, judge.prompt.name, one.value, explanation=one.why or one.reason, more=more)
    for c in judge.rubric.criteria if judge.rubric else ():
        value = one.scores.get(c.name)
        why = None if value is not None else one.why or "no score on the scale"
        scale = {"lowest": c.lowest, "highest": c.highest, "read": one.by}
        name = f"{judge.prompt.name}/{c.name}"
        yield _score(judge, item, name, value, explanation=one.reasons.get(c.name) or why, more=scale)


def unasked_scores(judge: Judge, item: Item, why: str, tie: bool) -> Iterator[Score]:
    """The Scores of an item that no judge was asked about: a tie of two like answers, else without a value."""
    value, more = (0.5, {"identical": True}) if tie else (None, {})
    answer = "tie" if tie else None
    yield _score(judge, item, judge.prompt.name, value, explanation=why, more=more, answer=answer)
    for c in judge.rubric.criteria if judge.rubric else ():
        yield _score(judge, item, f"{judge.prompt.name}/{c.name}", None, explanation=why, more={})


def in_place(judgement: Judgement) -> str | None:
    """Which of the item's answers a judgement holds to be better, whatever the order in which they were shown."""
    if judgement.choice is None:
        return None
    return TURNED[judgement.choice] if judgement.order == "ba" else judgement.choice


def probability(judgement: Judgement) -> float | None:
    """The probability that the item's second answer is better, by one order."""
    if judgement.value is None:
        return None
    return 1 - judgement.value if judgement.order == "ba" else judgement.value


def _pair_score(judge: Judge, item: Item, ab: Judgement, ba: Judgement) -> Score:
    said = (in_place(ab), in_place(ba))
    more: dict[str, Any] = {"read": ab.by if ab.by == ba.by else f"{ab.by}, {ba.by}", "ab": said[0], "ba": said[1]}
    odds = [p for p in (probability(ab), probability(ba)) if p is not None]
    if None in said or len(odds) < 2:
        why = "; ".join(f"{'first' if j is ab else 'second'} order: {j.why}" for j in (ab, ba) if j.choice is None)
        return _score(judge, item, judge.prompt.name, None, explanation=why, more=more)
    same = said[0] == said[1]
    answer = said[0] if same and said[0] else "tie"
    more |= {"consistent": same, "probability": round(sum(odds) / 2, 6)}
    why = None if same else "the verdict changed with the order"
    reasons = [j.reason for j in (ab, ba) if j.reason]
    return _score(
        judge, item, judge.prompt.name, PAIR_VALUES[answer],
        explanation=why or ("\n\n".join(reasons) or None), more=more, answer=answer,
    )  # fmt: skip


def _one_order(judge: Judge, item: Item, one: Judgement) -> Score:
    """A pair that was shown in one order: the value is the probability that the second answer is better."""
    value = probability(one)
    more: dict[str, Any] = {"read": one.by, one.order: in_place(one)}
    if value is not None:
        more["probability"] = round(value, 6)
    return _score(
        judge, item, judge.prompt.name, value, explanation=one.why or one.reason, more=more, answer=in_place(one)
    )


def _score(
    judge: Judge,
    item: Item,
    scorer: str,
    value: float | None,
    *,
    explanation: str | None,
    more: Mapping[str, Any],
    answer: str | None = None,
) -> Score:
    verdict = judge.prompt.verdict
    scale = {"lowest": verdict.lowest, "highest": verdict.highest} if verdict.kind == "number" else {}
    about = judge.prompt.describe() | (judge.rubric.describe() if judge.rubric else {})
    return Score(
        id=hash_of([judge.asked, scorer, list(item.ids)]),
        example_id=item.example_id,
        responses=item.ids,
        scorer=scorer,
        rater=judge.rater,
        value=value,
        answer=answer,
        explanation=explanation,
        metadata={"mode": judge.prompt.mode, **about, "settings": judge.settings.hash, **scale, **more},
    )
