"""What people, judge models and checks said of a run's answers: every Score in ``scores/`` that no text metric made.

    scores/review.jsonl, scores/judge-*.jsonl, ...  ->  a Rating for each scorer and rater

A Score of one answer counts on the side whose answer it rates, and the two sides are compared on the same questions.
A Score of a pair says how far the second answer won (1, 0 or 0.5); it is turned so that 1 is the answer after the
tuning, and the mean is tested against 0.5. The last Score of an answer or a pair counts. p-values are corrected
together by Holm's method. Where a judge left a summary beside its Scores its warnings are shown, too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from heedful.judge.measures import half_interval
from heedful.records import Response, Score, from_json
from heedful.report.data import OverallVerdict, Rating, Side
from heedful.report.numbers import NOTHING, minus, p_phrase
from heedful.stats import compare_means, correct, mean_interval
from heedful.store import RunFolder, read_json, read_jsonl

EVEN = 0.5  # the mean of a pair's values where neither side is better


def read_ratings(run: RunFolder, answers: Mapping[Side, Mapping[str, Response]]) -> tuple[Rating, ...]:
    """All ratings of a run, `answers` by side and example. DataError where a file of Scores is broken."""
    found: dict[tuple[str, str, int], list[Score]] = {}
    warnings: dict[tuple[str, str], tuple[str, ...]] = {}
    for path in sorted((run.path / "scores").glob("*.jsonl")):
        for number, line in enumerate(read_jsonl(path), 1):
            if not isinstance(line, Mapping) or str(line.get("schema", "")).partition("/")[0] != "heedful.score":
                continue  # what a judge keeps beside its Scores
            score = from_json(Score, line, f"{path}:{number}")
            if score.rater == "metric" or not 1 <= len(score.responses) <= 2:
                continue
            found.setdefault((score.scorer, score.rater, len(score.responses)), []).append(score)
            warnings.setdefault((score.scorer, score.rater), _warnings(path.with_name(f"{path.stem}.summary.json")))
    sides = {r.id: side for side, rows in answers.items() for r in rows.values()}
    rows = [
        (_pairs if count == 2 else _singles)(scorer, rater, _last(scores), sides, warnings[scorer, rater])
        for (scorer, rater, count), scores in found.items()
    ]
    return tuple(_corrected(rows))


def _warnings(path: Any) -> tuple[str, ...]:
    value = read_json(path) if path.is_file() else None
    told = value.get("warnings") if isinstance(value, Mapping) else None
    return tuple(str(w) for w in told) if isinstance(told, list) else ()


def _last(scores: Iterable[Score]) -> list[Score]:
    """Of several Scores of one answer, or of one pair in either order, the last."""
    return list({frozenset(s.responses): s for s in scores}.values())


def _singles(
    scorer: str, rater: str, scores: Sequence[Score], sides: Mapping[str, str], warnings: tuple[str, ...]
) -> Rating:
    values: dict[str, dict[str, float | None]] = {"base": {}, "tuned": {}}
    for s in scores:
        if s.responses[0] in sides:
            values[sides[s.responses[0]]][s.example_id] = s.value
    both = [i for i in values["tuned"] if i in values["base"]]
    comparison = compare_means([values["base"][i] for i in both], [values["tuned"][i] for i in both]) if both else None
    alone = [mean_interval(list(values[side].values())) if values[side] else None for side in ("base", "tuned")]
    before, after = (comparison.before, comparison.after) if comparison else alone
    scales = {(s.metadata["lowest"], s.metadata["highest"]) for s in scores if "lowest" in s.metadata}
    return Rating(
        scorer, rater, "single", before, after, comparison,
        scale=next(iter(scales)) if len(scales) == 1 else None,
        unscored=sum(s.value is None for s in scores if s.responses[0] in sides),
        strange=sum(s.responses[0] not in sides for s in scores), warnings=warnings,
    )  # fmt: skip


def _pairs(
    scorer: str, rater: str, scores: Sequence[Score], sides: Mapping[str, str], warnings: tuple[str, ...]
) -> Rating:
    known = [s for s in scores if {sides.get(r) for r in s.responses} == {"base", "tuned"}]
    values = [v if v is None or sides[s.responses[1]] == "tuned" else 1 - v for s in known for v in (s.value,)]
    comparison = compare_means([EVEN] * len(values), values) if values else None
    scored = [v for v in values if v is not None]
    if comparison and len(set(scored)) == 1:  # all alike: resampling finds no width, and few pairs are not certain
        comparison = dataclasses.replace(comparison, after=half_interval(values))
    return Rating(
        scorer, rater, "pairs", None, comparison.after if comparison else None, comparison,
        wins=sum(v > EVEN for v in scored), losses=sum(v < EVEN for v in scored), ties=sum(v == EVEN for v in scored),
        unscored=len(values) - len(scored), strange=len(scores) - len(known), warnings=warnings,
    )  # fmt: skip


def _corrected(rows: Sequence[Rating]) -> list[Rating]:
    tested = {str(n): r.comparison for n, r in enumerate(rows) if r.comparison is not None}
    corrected = correct(tested)
    return [dataclasses.replace(r, comparison=corrected.get(str(n), r.comparison)) for n, r in enumerate(rows)]


def with_ratings(verdict: OverallVerdict, ratings: Sequence[Rating]) -> OverallVerdict:
    """The verdict of the metrics on texts with what raters said: reasons, and a caveat where one says otherwise."""
    reasons, caveats = [], []
    for r in ratings:
        reasons.append(f"{r.name}: {rating_text(r)}.")
        said = r.comparison.verdict if r.comparison else "inconclusive"
        if said != "inconclusive" and said != verdict.kind:
            metrics = verdict.kind if verdict.kind in ("better", "worse") else "no clear difference"
            caveats.append(f"{r.name} says {said}, where the metrics on texts say {metrics}: read the answers.")
    return dataclasses.replace(verdict, reasons=(*verdict.reasons, *reasons), caveats=(*verdict.caveats, *caveats))


def rating_text(r: Rating) -> str:
    """What a rater said, its uncertainty included, without the rater's name and the full stop."""
    unscored = f"; {r.unscored:,} without a value" if r.unscored else ""
    if r.comparison is None or not r.comparison.n:
        values = [
            f"{rating_number(i.estimate)} {when}" for i, when in ((r.before, "before"), (r.after, "after")) if i and i.n
        ]
        return f"{', '.join(values) or 'no answer of this run has a value'}{unscored}"
    c = r.comparison
    said = {"better": "better", "worse": "worse", "inconclusive": "no clear difference"}[c.verdict]
    test = f"corrected {p_phrase(c.adjusted_p if c.adjusted_p is not None else c.p_value)}"
    if r.kind == "pairs":
        share, low, high = (f"{100 * v:.0f}%" for v in (c.after.estimate, c.after.low, c.after.high))
        return (
            f"the answer after won {share} of {c.n:,} pairs, a tie as a half (95% interval {low} to {high}; "
            f"{r.wins:,} won, {r.losses:,} lost, {r.ties:,} ties{unscored}, {test}): {said}"
        )
    by, low, high = (rating_number(v, True) for v in (c.difference.estimate, c.difference.low, c.difference.high))
    return (
        f"{rating_number(c.before.estimate)} before, {rating_number(c.after.estimate)} after{scale_text(r)}; "
        f"difference {by} (95% interval {low} to {high}, {c.n:,} questions{unscored}, {test}): {said}"
    )


def rating_number(value: float, signed: bool = False) -> str:
    """A mean rating in three digits or so.

    >>> rating_number(74.0941), rating_number(0.5), rating_number(-3.25, signed=True)
    ('74.1', '0.50', '−3.2')
    """
    if value != value:
        return NOTHING
    text = f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}"
    return minus(f"+{text}" if signed and value > 0 else text)


def scale_text(r: Rating) -> str:
    """The scale that a rater told, as `` of 0 to 100``."""
    return f" on a scale of {r.scale[0]:g} to {r.scale[1]:g}" if r.scale else ""
