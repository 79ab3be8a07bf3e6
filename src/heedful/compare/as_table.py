"""A comparison as a table to take along: CSV for a spreadsheet, Markdown for a page, LaTeX for a paper.

CSV has a line for each comparison and metric with every number unrounded. Markdown and LaTeX (``booktabs``) have a line
for each model and the main metrics side by side, rounded as on the terminal, and the rule below.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from heedful.compare.data import Comparison, MetricResult
from heedful.compare.recipes import spreads
from heedful.errors import RequestError, did_you_mean
from heedful.stats import Interval

KINDS = (".csv", ".md", ".tex")
COLUMNS = (
    "a", "b", "metric", "role", "higher_is_better", "before", "before_low", "before_high", "after", "after_low",
    "after_high", "difference", "low", "high", "level", "test", "p", "p_adjusted", "minimum_detectable_difference",
    "n", "unscored", "clusters", "verdict",
)  # fmt: skip
_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "−": "$-$", "<": "$<$"} | {
    c: "\\" + c for c in "&%$#_{}"
}


def check_table(path: Path) -> None:
    """RequestError where the file's ending names no kind of table or there is no such folder."""
    if path.suffix not in KINDS:
        raise RequestError(
            f"--table {path}: what kind of table is '{path.suffix}'{did_you_mean(path.suffix, KINDS)}? "
            "Name a file that ends in .csv, .md or .tex"
        )
    if path.is_dir() or not path.parent.is_dir():
        what = "is a folder" if path.is_dir() else f"there is no folder {path.parent}"
        raise RequestError(f"--table {path}: {what}; name a file")


def comparison_table(found: Sequence[Comparison], kind: str) -> str:
    """The table of one comparison or of several with the same A; `kind` is one of `KINDS`."""
    if kind == ".csv":
        return _csv(found)
    rows = _rows(found)
    notes = [f"Rule: {found[0].rule}.", *(["Mean and sd (n - 1) are over seeds."] if spreads(found) else [])]
    return _latex(rows, notes) if kind == ".tex" else _markdown(rows, notes)


def _csv(found: Sequence[Comparison]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for c in found:
        writer.writerows(_line(c, m) for m in c.metrics)
    return out.getvalue()


def _line(c: Comparison, m: MetricResult) -> Mapping[Any, object]:
    x, tested = m.comparison, m.role != "descriptive"
    numbers = {
        "before": x.before.estimate, "before_low": x.before.low, "before_high": x.before.high,
        "after": x.after.estimate, "after_low": x.after.low, "after_high": x.after.high,
        "difference": x.difference.estimate, "low": x.difference.low, "high": x.difference.high,
        "p": x.p_value if tested else None, "p_adjusted": x.adjusted_p if tested else None,
        "minimum_detectable_difference": m.detectable,
    }  # fmt: skip
    words = {
        "a": _cell(c.a.name), "b": _cell(c.b.name), "metric": _cell(m.name), "role": m.role,
        "higher_is_better": str(m.higher_is_better).lower(), "level": c.options.level, "n": x.n,
        "unscored": x.unscored, "clusters": x.clusters, "test": x.test if tested else None,
        "verdict": x.verdict if tested else None,
    }  # fmt: skip
    return words | {key: v if v is not None and math.isfinite(v) else None for key, v in numbers.items()}


def _cell(text: str) -> str:
    """A name that a spreadsheet would take for a formula begins with an apostrophe."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text


def _rows(found: Sequence[Comparison]) -> list[list[str]]:
    """A head, then A, then each of the others: the value, the difference with its interval, and p of each metric."""
    names = list(dict.fromkeys(m.name for c in found for m in c.metrics if m.role == "main"))
    level = f"{found[0].options.level * 100:g}%"
    rows = [["", *(cell for name in names for cell in (name, f"difference [{level}]", "p"))]]
    rows.append([found[0].a.name, *(cell for name in names for cell in (_before(found, name), "", ""))])
    for c in found:
        by_name = {m.name: m for m in c.metrics}
        rows.append([c.b.name, *(cell for name in names for cell in _cells(by_name.get(name)))])
    over = {s.metric: s for s in spreads(found)}
    if over:
        cells = []
        for name in names:
            s = over.get(name)
            values = (s.mean, s.deviation, s.difference, s.difference_deviation) if s else ()
            mean, sd, difference, its_sd = (_number(v) for v in values) if s else ("", "", "", "")
            cells += [f"{mean} ± {sd}", f"{_sign(difference)} ± {its_sd}", ""] if s else ["", "", ""]
        rows.append([f"mean ± sd of {len(found)}", *cells])
    return rows


def _before(found: Sequence[Comparison], name: str) -> str:
    return next((_number(m.comparison.before.estimate) for c in found for m in c.metrics if m.name == name), "")


def _cells(m: MetricResult | None) -> Iterable[str]:
    if m is None:
        return ("", "", "")
    c = m.comparison
    p = c.adjusted_p
    shown = "" if p is None or not math.isfinite(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"
    return (_number(c.after.estimate), _interval(c.difference), shown)


def _interval(i: Interval) -> str:
    if not math.isfinite(i.estimate):
        return "–"
    bounds = f" [{_sign(_number(i.low))}, {_sign(_number(i.high))}]" if math.isfinite(i.low + i.high) else ""
    return _sign(_number(i.estimate)) + bounds


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "–"
    return f"{value:.{3 if abs(value) <= 1 else 2}f}".replace("-", "−")


def _sign(number: str) -> str:
    return number if number[0] in "−–" else f"+{number}"


def _markdown(rows: Sequence[Sequence[str]], notes: Sequence[str]) -> str:
    escaped = [[re.sub(r"([\\`*_\[\]<>|])", r"\\\1", cell) for cell in row] for row in rows]
    lines = ["| " + " | ".join(row) + " |" for row in escaped]
    lines.insert(1, "|" + "|".join(["---", *["---:"] * (len(rows[0]) - 1)]) + "|")
    return "\n".join([*lines, "", *notes]) + "\n"


def _latex(rows: Sequence[Sequence[str]], notes: Sequence[str]) -> str:
    def line(row: Sequence[str]) -> str:
        cells = ("".join(_LATEX.get(c, c) for c in cell).replace("±", r"$\pm$") for cell in row)
        return " & ".join(cells).replace("\n", " ") + r" \\"

    head, first, *rest = rows
    lines = [r"\begin{tabular}{l" + "r" * (len(head) - 1) + "}", r"\toprule", line(head), r"\midrule", line(first)]
    lines += [line(row) for row in rest]
    lines += [r"\bottomrule", r"\end{tabular}"]
    comments = [f"% Made by heedful compare; needs \\usepackage{{booktabs}}. {' '.join(notes)}"]
    return "\n".join(comments + lines).replace("\r", " ") + "\n"
