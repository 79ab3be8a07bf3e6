"""From a run's folder to `ReportData`: read, join on example ids, score, compare.

Only the manifest must be there. A run that was stopped early, has no answers yet or only those of the base model
gives a report all the same; `ReportData.missing` says what is not there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from heedful.records import Message, Response, Score, from_json, to_json
from heedful.report.bench import read_benchmarks, with_benchmarks
from heedful.report.curves import read_curves
from heedful.report.data import (
    METRIC_SPECS,
    Answer,
    Change,
    MetricRow,
    MetricSpec,
    Question,
    ReportData,
    SampleAnswer,
    SampleSeries,
    Side,
)
from heedful.report.ratings import read_ratings, with_ratings
from heedful.report.verdict import overall
from heedful.scorers import score_responses
from heedful.stats import Interval, PairedComparison, compare_means, compare_shares, correct, mean_interval
from heedful.stats import share_interval as share_of
from heedful.store import RunFolder, read_json, read_jsonl, read_metrics, write_jsonl

CHANGE_AT_LEAST = 0.01
"""chrF must move by this much for an answer to count as improved or worsened: what two decimals can show."""

Answers = Mapping[Side, Mapping[str, Response]]  # by example id
Scores = Mapping[Side, Mapping[str, Mapping[str, float | None]]]  # by response id and metric
_SIDES: tuple[Side, Side] = ("base", "tuned")


def build(run: RunFolder) -> ReportData:
    """Read and score a run. Writes ``scores/base.jsonl`` and ``scores/tuned.jsonl`` and nothing else.

    Raises RunError where the folder is not a run and DataError where one of its files is broken.
    """
    manifest = run.read_manifest()
    ledger = read_json(run.ledger) if run.ledger.is_file() else None
    answers: Answers = {side: _read_responses(run, side) for side in _SIDES}
    scores: Scores = {side: _score(run, side, answers[side]) for side in _SIDES}
    questions, one_sided = _join(answers, scores)
    metrics = _metric_rows(questions)
    curves = read_curves(read_metrics(run.metrics), manifest.get("outcome") or {})
    samples = _samples(read_metrics(run.samples))
    ratings = read_ratings(run, answers)
    benchmarks = read_benchmarks(run)
    caveats = _caveats(answers, questions, one_sided, ledger or {})
    joined = sum(q.before is not None and q.after is not None for q in questions)
    return ReportData(
        name=run.path.resolve().name,
        manifest=manifest,
        ledger=ledger if isinstance(ledger, dict) else None,
        verdict=with_benchmarks(with_ratings(overall(metrics, joined, caveats), ratings), benchmarks),
        metrics=metrics,
        questions=questions,
        one_sided=one_sided,
        curves=curves,
        samples=samples,
        missing=_missing(manifest, ledger, answers, curves is not None and len(curves.val), bool(samples))
        + _told(manifest),
        ratings=ratings,
        benchmarks=benchmarks,
    )


def _read_responses(run: RunFolder, side: Side) -> dict[str, Response]:
    """By example id; of an example answered twice (a retry after a failure) the last answer."""
    path = run.responses(side)
    lines = (from_json(Response, v, f"{path}:{n}") for n, v in enumerate(read_jsonl(path), 1))
    return {r.example_id: r for r in lines}


def _score(run: RunFolder, side: Side, answers: Mapping[str, Response]) -> dict[str, dict[str, float | None]]:
    """Score, write the scores (ratings by others in the file are kept), and return them by response and metric."""
    if not answers:
        return {}
    path = run.scores(side)
    scores = score_responses(answers.values())
    others = [v for n, v in enumerate(read_jsonl(path), 1) if from_json(Score, v, f"{path}:{n}").rater != "metric"]
    lines = [to_json(s) for s in scores] + others
    if lines != read_jsonl(path):
        write_jsonl(path, lines)
    out: dict[str, dict[str, float | None]] = {}
    for s in scores:
        out.setdefault(s.responses[0], {})[s.scorer] = s.value
    return out


def _join(answers: Answers, scores: Scores) -> tuple[tuple[Question, ...], int]:
    """All questions in the order they were answered, and how many have an answer on one side only while both exist."""
    base, tuned = answers["base"], answers["tuned"]
    questions = []
    for example_id in dict.fromkeys([*tuned, *base]):
        before, after = base.get(example_id), tuned.get(example_id)
        either = after or before
        assert either is not None
        b = _answer(before, scores["base"]) if before else None
        a = _answer(after, scores["tuned"]) if after else None
        questions.append(Question(example_id, either.messages, either.reference, b, a, _change(b, a)))
    one_sided = sum((q.before is None) != (q.after is None) for q in questions) if base and tuned else 0
    return tuple(questions), one_sided


def _answer(r: Response, scores: Mapping[str, Mapping[str, float | None]]) -> Answer:
    return Answer(r.id, r.text, r.finish_reason, r.tokens, r.seconds, r.error, scores[r.id])


def _change(before: Answer | None, after: Answer | None) -> Change:
    b, a = (x.scores.get("chrf") if x else None for x in (before, after))
    if a is None or b is None:
        return "unscored"
    if abs(a - b) < CHANGE_AT_LEAST:
        return "unchanged"
    return "improved" if a > b else "worsened"


def _metric_rows(questions: Sequence[Question]) -> tuple[MetricRow, ...]:
    """Compare where both sides answered; else describe the one side there is."""
    joined = [(q.before, q.after) for q in questions if q.before is not None and q.after is not None]
    comparisons: dict[str, PairedComparison] = {}
    for spec in METRIC_SPECS if joined else ():
        before, after = [b.scores[spec.name] for b, _ in joined], [a.scores[spec.name] for _, a in joined]
        compare = compare_shares if spec.kind == "share" else compare_means
        comparisons[spec.name] = compare(before, after)
    tested = [s.name for s in METRIC_SPECS if s.role != "descriptive" and s.name in comparisons]
    comparisons |= correct({name: comparisons[name] for name in tested})
    return tuple(_metric_row(spec, comparisons.get(spec.name), questions) for spec in METRIC_SPECS)


def _metric_row(spec: MetricSpec, comparison: PairedComparison | None, questions: Sequence[Question]) -> MetricRow:
    if comparison is not None:
        return MetricRow(spec, comparison.before, comparison.after, comparison)
    before, after = ([a.scores[spec.name] for a in side if a] for side in _columns(questions))
    return MetricRow(spec, _interval(spec, before), _interval(spec, after), None)


def _columns(questions: Sequence[Question]) -> tuple[list[Answer | None], list[Answer | None]]:
    return [q.before for q in questions], [q.after for q in questions]


def _interval(spec: MetricSpec, values: Sequence[float | None]) -> Interval | None:
    if not values:
        return None
    return share_of(values) if spec.kind == "share" else mean_interval(values)


def _samples(lines: Iterable[Mapping[str, Any]]) -> tuple[SampleSeries, ...]:
    by_prompt: dict[str, list[Mapping[str, Any]]] = {}
    for line in lines:
        by_prompt.setdefault(str(line.get("example_id")), []).append(line)
    return tuple(_series(example_id, group) for example_id, group in by_prompt.items())


def _series(example_id: str, lines: Sequence[Mapping[str, Any]]) -> SampleSeries:
    answers: list[SampleAnswer] = []
    for step, line in sorted({int(v["step"]): v for v in lines}.items()):
        text = str(line.get("text") or "")
        finish = str(line.get("finish_reason") or "")
        if answers and (answers[-1].text, answers[-1].finish_reason) == (text, finish):
            answers[-1] = dataclasses.replace(answers[-1], until=step)
        else:
            answers.append(SampleAnswer(step, step, text, finish))
    messages = tuple(from_json(Message, m, "samples.jsonl") for m in lines[0].get("messages") or ())
    return SampleSeries(example_id, messages, lines[0].get("reference"), tuple(answers))


_OVERLAPS: dict[str, Callable[[int], str]] = {
    "question": lambda n: "1 test row repeats a training row" if n == 1 else f"{n:,} test rows repeat training rows",
    "near": lambda n: (
        "1 test row nearly repeats a training row" if n == 1 else f"{n:,} test rows nearly repeat training rows"
    ),
    "group": lambda n: (
        "1 test row is of one group with training rows"
        if n == 1
        else f"{n:,} test rows are of one group with training rows"
    ),
}


def _caveats(answers: Answers, questions: Sequence[Question], one_sided: int, ledger: Mapping) -> tuple[str, ...]:
    """What a reader must know before believing the numbers."""
    out = []
    for overlap in ledger.get("overlaps") or ():
        parts = list(overlap.get("parts") or ())
        if set(parts) == {"train", "test"} and overlap.get("count"):
            n = int(overlap["count"])
            rows = _OVERLAPS[overlap.get("kind", "question")](n)
            out.append(f"{rows}: those answers may be remembered, not learned.")
    if one_sided:
        were, count = ("1 question was", "counts") if one_sided == 1 else (f"{one_sided:,} questions were", "count")
        out.append(f"{were} answered on one side only and {count} in no comparison.")
    failed = {side: sum(r.finish_reason == "error" for r in answers[side].values()) for side in _SIDES}
    if any(failed.values()):
        out.append(f"Failed requests, left out of every number: {failed['base']} before, {failed['tuned']} after.")
    unreferenced = sum(q.reference is None for q in questions)
    if unreferenced:
        out.append(f"Questions without an expected answer, which only stopping and length can score: {unreferenced:,}.")
    both = [(answers["base"][i], r) for i, r in answers["tuned"].items() if i in answers["base"]]
    if any(b.settings != a.settings for b, a in both):
        out.append("The answers before and after were not made with the same generation settings.")
    if any(b.messages != a.messages or b.reference != a.reference for b, a in both):
        out.append("Some questions or expected answers are not the same before and after.")
    return tuple(out)


def _told(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """What went otherwise than asked while the run was made."""
    told = manifest.get("told")
    return tuple(str(sentence) for sentence in told) if isinstance(told, list) else ()


def _missing(
    manifest: Mapping[str, Any],
    ledger: Any,
    answers: Answers,
    evaluations: int,
    samples: bool,
) -> tuple[str, ...]:
    out = []
    status = (manifest.get("outcome") or {}).get("status")
    if status and status not in ("finished", "stopped early"):
        reason = (manifest.get("outcome") or {}).get("reason")
        said = {"running": "is still going on or was killed", "interrupted": "was interrupted", "failed": "failed"}
        out.append(f"The training {said.get(status, f'is {status}')}" + (f" ({reason})." if reason else "."))
    if ledger is None:
        out.append("There is no data ledger (ledger.json).")
    if not evaluations:
        out.append("There is no validation loss yet (metrics.jsonl).")
    elif evaluations == 1:
        out.append("There is only one validation loss, so no curve.")
    if not samples:
        out.append("There are no samples over time (samples.jsonl).")
    for side, when in zip(_SIDES, ("before", "after"), strict=True):
        if not answers[side]:
            out.append(f"There are no answers from {when} the tuning (responses/{side}.jsonl).")
    return tuple(out)
