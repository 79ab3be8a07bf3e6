"""report.md: the verdict, the table, five questions and what was run, for a pull request, a model card or a paper."""

from __future__ import annotations

import re
from collections.abc import Sequence

from heedful.report.bench import bench_cells
from heedful.report.data import BenchRow, MetricRow, Question, ReportData
from heedful.report.numbers import difference_text, interval_text, p_text, value_text
from heedful.report.run_facts import run_facts
from heedful.report.text import instruction_text, visible

SHOWN_QUESTIONS = 5
SHOWN_CHARACTERS = 400


def report_markdown(data: ReportData) -> str:
    """A short report; answers stand in fenced blocks that they cannot leave."""
    lines = [f"# {_inline(data.name)}", "", f"**{_inline(data.verdict.sentence)}**", ""]
    lines += [f"- {_inline(r)}" for r in data.verdict.reasons]
    lines += [f"- Note: {_inline(c)}" for c in (*data.verdict.caveats, *data.missing)]
    rows = [_row(m) for m in data.metrics if m.before or m.after]
    if rows:
        lines += [
            "",
            "| metric | before | after | difference | 95% interval | p (corrected) |",
            "|---|---|---|---|---|---|",
        ]
        lines += rows
    if data.benchmarks is not None:
        lines += ["", "## What did fine-tuning cost?", "", f"{_inline(data.benchmarks.sentence)}.", ""]
        lines += [
            "| benchmark | before | after | difference | 95% interval | p (corrected) |",
            "|---|---|---|---|---|---|",
        ]
        lines += [_bench_row(r) for r in data.benchmarks.rows]
        lines += ["", *(f"- {_inline(t)}" for t in (*data.benchmarks.notes, *data.benchmarks.caveats))]
    chosen = _choose(data.questions)
    if chosen:
        lines += ["", f"## {len(chosen)} of {len(data.questions)} questions"]
    for number, q in enumerate(chosen, 1):
        lines += ["", f"### {number}. {q.change}", ""]
        parts = [("Question", instruction_text(q.messages)), ("Expected", q.reference)]
        parts += [("Before", q.before.text if q.before else None), ("After", q.after.text if q.after else None)]
        for label, text in parts:
            if text is not None:
                lines += [f"{label}:", "", *_fenced(text), ""]
    facts = run_facts(data.manifest)
    if facts:
        lines += ["", "## What was run", "", "| what | which |", "|---|---|"]
        lines += [f"| {_inline(name)} | {_inline(text)} |" for name, text in facts]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def _choose(questions: Sequence[Question]) -> list[Question]:
    """Spread evenly over the file, so that nobody picked them."""
    n = len(questions)
    count = min(SHOWN_QUESTIONS, n)
    return [questions[i * n // count] for i in range(count)]


def _row(m: MetricRow) -> str:
    c, kind = m.comparison, m.spec.kind
    before, after = (value_text(i.estimate, kind) if i else "–" for i in (m.before, m.after))
    if c is None:
        return f"| {m.spec.label} | {before} | {after} | – | – | – |"
    difference, interval = difference_text(c.difference, kind), interval_text(c.difference, kind, signed=True)
    p = p_text(c.adjusted_p)
    return f"| {m.spec.label} | {before} | {after} | {difference} | {interval} | {p} |"


def _bench_row(r: BenchRow) -> str:
    c = bench_cells(r)
    values = ((c[side], c[f"{side}_error"], c[f"{side}_clean"]) for side in ("before", "after"))
    before, after = (" ".join(filter(None, parts)) for parts in values)
    name = _inline(f"{r.task}, {r.metric}")
    return f"| {name} | {before} | {after} | {c['difference']} | {c['interval'] or '–'} | {c['p']} |"


def _inline(text: str) -> str:
    """Text in a line of Markdown: nothing in it is markup."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", visible(" ".join(text.split())))


def _fenced(text: str) -> list[str]:
    text = visible(text)
    if len(text) > SHOWN_CHARACTERS:
        text = text[:SHOWN_CHARACTERS] + " …"
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", *text.split("\n"), fence]
