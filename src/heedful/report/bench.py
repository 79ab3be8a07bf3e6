"""What did fine-tuning cost? A run's benchmarks before and after, where `heedful bench RUN` has put them.

    bench/base, bench/tuned  ->  a BenchRow for each metric of each task that both have

Values and their standard errors are the benchmark's own figures. Where items have scores of their own the two sides
are compared item by item, as `heedful compare` does: the difference with its interval, and a p-value that Holm's
method corrects for the number of metrics. A figure that is no mean of scores (a correlation, an F1 over all items) has
no such test; its difference stands alone.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

from heedful.compare import Comparison, Side, compare
from heedful.report.data import Benchmarks, BenchRow, OverallVerdict
from heedful.report.numbers import NOTHING, minus, p_text
from heedful.store import RunFolder, read_json

_FACTS = ("profile", "main")


def read_benchmarks(run: RunFolder) -> Benchmarks | None:
    """The benchmarks that a run's two sides have; None where there are none on both.

    DataError where a file in the folders is broken.
    """
    sides = [run.bench(which) for which in ("base", "tuned")]
    if not all((side / "results.json").is_file() for side in sides):
        return None
    base, tuned = (read_json(side / "results.json") for side in sides)
    keys = [key for key in tuned.get("tasks", {}) if key in base.get("tasks", {})]
    if not keys:
        return None
    compared = compare(str(sides[0]), str(sides[1]))
    rows = tuple(row for key in keys for row in _rows(key, base, tuned, compared))
    notes = [_note(key, tuned["tasks"][key]) for key in keys]
    return Benchmarks(rows, compared.sentence, compared.verdict, tuple(notes), compared.caveats)


def _rows(key: str, base: Mapping[str, Any], tuned: Mapping[str, Any], compared: Comparison) -> Iterator[BenchRow]:
    """The metrics of a whole task."""
    before, after = base["results"][key], tuned["results"][key]
    found = {m.name: m.comparison for m in compared.metrics}
    for metric in (m for m in after if m not in _FACTS and m in before):
        b, a = before[metric], after[metric]
        name = f"{key}.{metric}" if f"{key}.{metric}" in found else key if metric == after.get("main") else ""
        paired = name in found and _is_mean(b["value"], compared.a, name) and _is_mean(a["value"], compared.b, name)
        yield BenchRow(
            key, metric, b["value"], b["stderr"], a["value"], a["stderr"], found[name] if paired else None, a["n"],
            a["unscored"] + b["unscored"], a.get("guess"), _clean(b, a),
        )  # fmt: skip


def _clean(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[float | None, float | None, int] | None:
    """Both figures without the items that were trained on; None unless both sides have such figures."""
    if "clean" not in before or "clean" not in after:
        return None
    return before["clean"]["value"], after["clean"]["value"], after["clean"]["n"]


def _is_mean(value: float | None, side: Side, name: str) -> bool:
    """Whether a figure is the mean of the items' scores, so that the items' comparison is one of it."""
    scored = [v for v in side.values[name].values() if v is not None]
    return value is not None and bool(scored) and math.isclose(value, math.fsum(scored) / len(scored), abs_tol=1e-9)


def _note(key: str, task: Mapping[str, Any]) -> str:
    """How a task was asked, in a sentence."""
    template = task["template"]["name"]
    how = "plain text" if template == "none" else f"template {template}"
    limit = f"; only the first {task['limit']:,} of each part" if task["limit"] is not None else ""
    number = task.get("trained_on")
    stand = "1 item stands" if number == 1 else f"{number or 0:,} items stand"
    seen = f"; {stand} in the training rows, and clean is without" if number else ""
    return f"{key}: profile {task['profile']}, {task['shots']} shots, {how}{limit}{seen}."


def with_benchmarks(verdict: OverallVerdict, found: Benchmarks | None) -> OverallVerdict:
    """The verdict with what the benchmarks say, and a caveat where they got worse and it says otherwise."""
    if found is None:
        return verdict
    reasons = (*verdict.reasons, f"Benchmarks: {found.sentence}.")
    lost = any(r.comparison is not None and r.comparison.verdict == "worse" for r in found.rows)
    if not lost or verdict.kind == "worse":
        return dataclasses.replace(verdict, reasons=reasons)
    caveat = "A benchmark got worse: the tuning cost something that the test questions do not show."
    return dataclasses.replace(verdict, reasons=reasons, caveats=(*verdict.caveats, caveat))


def bench_cells(r: BenchRow) -> dict[str, str]:
    """The texts of one line of the table."""
    c = r.comparison
    difference = None if r.before is None or r.after is None else r.after - r.before
    told = c is not None and c.difference.low == c.difference.low
    return {
        "before": figure(r.before),
        "before_error": error(r.before_error),
        "after": figure(r.after),
        "after_error": error(r.after_error),
        "before_clean": f"clean {figure(r.clean[0])}" if r.clean else "",
        "after_clean": f"clean {figure(r.clean[1])}" if r.clean else "",
        "difference": figure(c.difference.estimate if c is not None else difference, signed=True),
        "interval": f"{figure(c.difference.low, True)} to {figure(c.difference.high, True)}" if c and told else "",
        "p": p_text(c.adjusted_p) if c is not None else NOTHING,
        "verdict": c.verdict if c is not None else "",
    }


def figure(value: float | None, signed: bool = False) -> str:
    """A figure with three decimals.

    >>> figure(0.25), figure(-0.0312, signed=True), figure(None)
    ('0.250', '−0.031', '–')
    """
    if value is None or value != value:
        return NOTHING
    text = f"{value:.3f}"
    return minus(f"+{text}" if signed and value > 0 else text)


def error(value: float | None) -> str:
    """A standard error, as ``± 0.012``; nothing where it is not known."""
    return f"± {value:.3f}" if value is not None else ""
