"""report.json: every number of the report, ``schema: "heedful.report/1"``; what is unknown is null."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from heedful.records import to_json
from heedful.report.data import (
    Answer,
    Benchmarks,
    BenchRow,
    Curves,
    LossPoint,
    MetricRow,
    Question,
    Rating,
    ReportData,
    SampleSeries,
)
from heedful.report.text import encodable
from heedful.report.verdict import RULE
from heedful.stats import Interval

SCHEMA = "heedful.report/1"


def report_json(data: ReportData) -> dict[str, Any]:
    """The report as plain JSON values without NaN."""
    return plain(
        {
            "schema": SCHEMA,
            "run": data.name,
            "verdict": {
                "kind": data.verdict.kind,
                "sentence": data.verdict.sentence,
                "reasons": data.verdict.reasons,
                "caveats": data.verdict.caveats,
                "rule": RULE,
            },
            "metrics": {row.spec.name: _metric(row) for row in data.metrics},
            "ratings": [_rating(r) for r in data.ratings],
            "benchmarks": _benchmarks(data.benchmarks) if data.benchmarks else None,
            "questions": [_question(q) for q in data.questions],
            "one_sided": data.one_sided,
            "curves": _curves(data.curves) if data.curves else None,
            "samples": [_samples(s) for s in data.samples],
            "ledger": data.ledger,
            "manifest": data.manifest,
            "missing": data.missing,
        }
    )


def _metric(row: MetricRow) -> dict[str, Any]:
    c = row.comparison
    tested = c if row.spec.role != "descriptive" else None
    return {
        "label": row.spec.label,
        "kind": row.spec.kind,
        "role": row.spec.role,
        "before": _interval(row.before),
        "after": _interval(row.after),
        "difference": _interval(c.difference) if c else None,
        "n": c.n if c else None,
        "unscored": c.unscored if c else None,
        "test": tested.test if tested else None,
        "p": tested.p_value if tested else None,
        "p_corrected": tested.adjusted_p if tested else None,
        "verdict": tested.verdict if tested else None,
    }


def _rating(r: Rating) -> dict[str, Any]:
    c = r.comparison
    return {
        "scorer": r.scorer, "rater": r.rater, "kind": r.kind, "scale": r.scale,
        "before": _interval(r.before), "after": _interval(r.after),
        "difference": _interval(c.difference) if c else None,
        "wins": r.wins, "losses": r.losses, "ties": r.ties, "n": c.n if c else None, "unscored": r.unscored,
        "not_of_this_run": r.strange, "test": c.test if c else None, "p": c.p_value if c else None,
        "p_corrected": c.adjusted_p if c else None, "verdict": c.verdict if c else None, "warnings": r.warnings,
    }  # fmt: skip


def _benchmarks(found: Benchmarks) -> dict[str, Any]:
    return {
        "verdict": found.verdict, "sentence": found.sentence, "notes": found.notes, "caveats": found.caveats,
        "rows": [_bench_row(r) for r in found.rows],
    }  # fmt: skip


def _bench_row(r: BenchRow) -> dict[str, Any]:
    c = r.comparison
    clean = None if r.clean is None else dict(zip(("before", "after", "n"), r.clean, strict=True))
    return {
        "task": r.task, "metric": r.metric, "clean": clean, "n": r.n, "unscored": r.unscored, "guess": r.guess,
        "before": {"value": r.before, "stderr": r.before_error}, "after": {"value": r.after, "stderr": r.after_error},
        "difference": _interval(c.difference) if c else None, "test": c.test if c else None,
        "p": c.p_value if c else None, "p_corrected": c.adjusted_p if c else None, "verdict": c.verdict if c else None,
    }  # fmt: skip


def _interval(i: Interval | None) -> dict[str, Any] | None:
    if i is None:
        return None
    return {"estimate": i.estimate, "low": i.low, "high": i.high, "n": i.n, "unscored": i.unscored}


def _question(q: Question) -> dict[str, Any]:
    return {
        "example_id": q.example_id,
        "messages": [to_json(m) for m in q.messages],
        "reference": q.reference,
        "before": _answer(q.before),
        "after": _answer(q.after),
        "change": q.change,
    }


def _answer(a: Answer | None) -> dict[str, Any] | None:
    if a is None:
        return None
    out = {"response": a.response_id, "text": a.text, "finish_reason": a.finish_reason, "tokens": a.tokens}
    return {**out, "seconds": a.seconds, "error": a.error, "scores": dict(a.scores)}


def _curves(c: Curves) -> dict[str, Any]:
    return {
        "columns": ["step", "trained_tokens", "loss"],
        "train": [_point(p) for p in c.train],
        "val": [_point(p) for p in c.val],
        "best": _point(c.best) if c.best else None,
        "end": _point(c.end) if c.end else None,
        "end_label": c.end_label,
    }


def _point(p: LossPoint) -> list[float]:
    return [p.step, p.trained_tokens, p.loss]


def _samples(s: SampleSeries) -> dict[str, Any]:
    answers = [{"step": a.step, "until": a.until, "text": a.text, "finish_reason": a.finish_reason} for a in s.answers]
    messages = [to_json(m) for m in s.messages]
    return {"example_id": s.example_id, "messages": messages, "reference": s.reference, "answers": answers}


def plain(value: Any) -> Any:
    """NaN and infinities become null, tuples lists, and lone surrogates (which UTF-8 cannot hold) U+FFFD."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value
