"""The sentence at the top of a report: better, worse, or nobody can tell.

The rule. Two metrics are main: the share of answers that stop by themselves, and chrF against the expected
answers; exact match, token F1 and ROUGE-L support them. All five are tested, before against after on the same
questions, and their p-values corrected together by Holm's method. The verdict is "better" where at least one main
metric got better and neither got worse, "worse" the other way round, and inconclusive in every other case, and
always with fewer than two questions answered on both sides. A metric got better (or worse) where its corrected
p-value is below 0.05 and the 95% interval of the difference leaves out 0.
"""

from __future__ import annotations

from collections.abc import Sequence

from heedful.report.data import MetricRow, OverallVerdict
from heedful.report.numbers import difference_text, interval_text, p_phrase, value_text

RULE = " ".join((__doc__ or "").split("\n\n", 1)[1].split()).removeprefix("The rule. ")


def overall(metrics: Sequence[MetricRow], questions: int, caveats: Sequence[str]) -> OverallVerdict:
    """Decide by the rule above; `questions` were answered both before and after."""
    compared = [m for m in metrics if m.comparison is not None]
    if not compared:
        return OverallVerdict("none", "There are no answers from before and after to compare yet.", (), tuple(caveats))
    tested = [m for m in compared if m.spec.role != "descriptive"]
    reasons = tuple(_reason(m) for m in tested if m.spec.role == "main" or m.spec.name == "exact_match")
    if questions < 2:
        sentence = f"Nobody can tell from {_count(questions)}: at least two must be answered before and after."
        return OverallVerdict("inconclusive", sentence, reasons, tuple(caveats))
    main = [m for m in tested if m.spec.role == "main"]
    better = [m for m in main if m.comparison and m.comparison.verdict == "better"]
    worse = [m for m in main if m.comparison and m.comparison.verdict == "worse"]
    if bool(better) != bool(worse):
        kind, word = ("better", "Better") if better else ("worse", "Worse")
        return OverallVerdict(kind, f"{word}: {_what(better or worse)}{_rest(main)}.", reasons, tuple(caveats))
    if better and worse:
        sentence = f"Nobody can tell: {_what(better)}, but {_what(worse)}."
    else:
        sentence = f"Nobody can tell from these {_count(questions)} whether the answers got better."
    return OverallVerdict("inconclusive", sentence, reasons, tuple(caveats))


def _count(questions: int) -> str:
    return "1 question" if questions == 1 else f"{questions:,} questions"


def _what(rows: Sequence[MetricRow]) -> str:
    return " and ".join(_change(m) for m in rows)


def _rest(main: Sequence[MetricRow]) -> str:
    """What the claim does not cover: main metrics without a clear difference."""
    unclear = [m.spec.label for m in main if m.comparison and m.comparison.verdict == "inconclusive"]
    names = {"Stops by itself": "how many end by themselves", "chrF": "the likeness to the expected answers (chrF)"}
    if not unclear:
        return ""
    return f"; nobody can tell about {' and '.join(names.get(label, label) for label in unclear)}"


def _change(m: MetricRow) -> str:
    c = m.comparison
    assert c is not None
    before, after = (value_text(i.estimate, m.spec.kind) for i in (c.before, c.after))
    if m.spec.name == "stops":
        return f"{after} of the answers end by themselves ({before} before)"
    verb = "rose" if c.difference.estimate > 0 else "fell"
    return f"their likeness to the expected answers ({m.spec.label}) {verb} from {before} to {after}"


def _reason(m: MetricRow) -> str:
    c = m.comparison
    assert c is not None
    before, after = (value_text(i.estimate, m.spec.kind) for i in (c.before, c.after))
    if c.n == 0:
        return f"{m.spec.label}: no question could be scored on both sides."
    p = c.adjusted_p if c.adjusted_p is not None else c.p_value
    said = {"better": "better", "worse": "worse", "inconclusive": "no clear difference"}[c.verdict]
    return (
        f"{m.spec.label}: {before} before, {after} after; difference {difference_text(c.difference, m.spec.kind)} "
        f"(95% interval {interval_text(c.difference, m.spec.kind, signed=True)}, corrected {p_phrase(p)}): {said}."
    )
