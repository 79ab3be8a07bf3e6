"""report.html: one file without a network, made from page.html.j2, page.css and page.js.

The page's Content-Security-Policy allows the one style sheet and the one script by their hashes and nothing else,
so that even an answer that slipped through the escaping could neither run nor load anything.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

from markupsafe import Markup

from heedful.data.ledger_text import findings_by_severity, overlap_text
from heedful.report import numbers
from heedful.report.bench import bench_cells
from heedful.report.curves import draw
from heedful.report.data import Answer, MetricRow, Question, ReportData
from heedful.report.ratings import rating_text
from heedful.report.run_facts import again_text
from heedful.report.text import visible
from heedful.report.verdict import RULE
from heedful.stats import Interval

FILTERS = (
    ("all", "All"),
    ("improved", "Improved"),
    ("worsened", "Worsened"),
    ("unchanged", "Unchanged"),
    ("no-stop", "Did not stop"),
    ("exact", "Exact match"),
)


def report_html(data: ReportData) -> str:
    """The whole page."""
    style, script = _file("page.css"), _file("page.js")
    page = _template().render(
        data=data,
        manifest=data.manifest,
        outcome=data.manifest.get("outcome") or {},
        ledger=data.ledger or {},
        findings=findings_by_severity(data.ledger or {}),
        overlap_text=overlap_text,
        policy=policy(style, script),
        style=Markup(style),
        script=Markup(script),
        rule=RULE,
        metrics=[m for m in data.metrics if m.before or m.after],
        cells=metric_cells,
        range_plot=range_plot,
        draw=draw,
        rating_text=rating_text,
        bench_cells=bench_cells,
        bar=bar,
        filters=[(name, label, sum(name in tags(q) for q in data.questions)) for name, label in FILTERS],
        tags=tags,
        exact=lambda a: a.scores.get("exact_match") == 1,
        answer_scores=answer_scores,
        flat=flat,
        curve_verdict=curve_verdict(data.manifest.get("outcome") or {}),
        model=model_pairs(data.manifest.get("model") or {}),
        recipe=recipe_pairs(data.manifest),
        again=again_text(data.manifest.get("again_of")),
        hashes=list(_hashes(data.manifest)),
    )
    return visible(page)


@functools.cache
def _template() -> Any:
    from jinja2 import ChainableUndefined, Environment, FunctionLoader, Undefined  # slow to import

    environment = Environment(
        loader=FunctionLoader(_file),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = {
        "count": numbers.count_text,
        "loss": numbers.loss_text,
        "duration": numbers.seconds_text,
        "time": numbers.time_text,
        "breakable": lambda name: Markup("_<wbr>").join(str(name).split("_")),  # a phone breaks names at underscores
    }
    # A key that a file does not have reads as nothing.
    environment.filters |= {k: lambda v, f=f: f(None if isinstance(v, Undefined) else v) for k, f in filters.items()}
    return environment.get_template("page.html.j2")


def _file(name: str) -> str:
    return resources.files("heedful.report").joinpath(name).read_text(encoding="utf-8").replace("\r\n", "\n")


def policy(style: str, script: str) -> str:
    """The Content-Security-Policy that allows exactly this style sheet and this script."""
    hashed = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script))
    style_hash, script_hash = hashed
    return (
        f"default-src 'none'; style-src 'sha256-{style_hash}'; script-src 'sha256-{script_hash}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def tags(q: Question) -> list[str]:
    """The filters that show a question. What stopped and what is exact is told of the answer after, if there is one."""
    last = q.after or q.before
    out = ["all", q.change]
    if last and last.scores.get("stops") == 0:
        out.append("no-stop")
    if last and last.scores.get("exact_match") == 1:
        out.append("exact")
    return out


def answer_scores(a: Answer) -> list[tuple[str, str]]:
    """The two overlap scores shown with an answer."""
    shown = (("F1", "token_f1"), ("chrF", "chrf"))
    return [(label, numbers.value_text(a.scores.get(name), "overlap")) for label, name in shown]


def metric_cells(m: MetricRow) -> dict[str, str]:
    """The texts of one line of the table."""
    kind, c = m.spec.kind, m.comparison
    tested = c is not None and m.spec.role != "descriptive"
    return {
        "before": numbers.value_text(m.before.estimate, kind) if m.before else numbers.NOTHING,
        "before_interval": _interval(m.before, m),
        "after": numbers.value_text(m.after.estimate, kind) if m.after else numbers.NOTHING,
        "after_interval": _interval(m.after, m),
        "difference": numbers.difference_text(c.difference, kind) if c else numbers.NOTHING,
        "difference_interval": numbers.interval_text(c.difference, kind, signed=True) if c else "",
        "p": numbers.p_text(c.adjusted_p) if c and tested else numbers.NOTHING,
        "verdict": c.verdict if c and tested else "",
    }


def _interval(i: Interval | None, m: MetricRow) -> str:
    text = numbers.interval_text(i, m.spec.kind) if i else numbers.NOTHING
    return "" if text == numbers.NOTHING else text


def range_plot(m: MetricRow) -> Markup:
    """Before (hollow) and after (filled) with their intervals on a scale of 0 to 1; nothing for counts."""
    if m.spec.kind == "count":
        return Markup("")
    rows = [(i, name, y) for i, name, y in ((m.before, "before", 7), (m.after, "after", 17)) if i and i.n]
    parts = ['<line class="scale" x1="6" x2="126" y1="12" y2="12"/>']
    parts += [f'<line class="scale" x1="{x}" x2="{x}" y1="9" y2="15"/>' for x in (6, 66, 126)]
    for i, name, y in rows:
        if i.low == i.low:  # not NaN
            parts.append(f'<line class="{name}" x1="{_at(i.low)}" x2="{_at(i.high)}" y1="{y}" y2="{y}"/>')
        parts.append(f'<circle class="{name}" cx="{_at(i.estimate)}" cy="{y}" r="3.6"/>')
    return Markup(f'<svg class="range" viewBox="0 0 132 24" aria-hidden="true">{"".join(parts)}</svg>')


def bar(won: float, tied: float) -> Markup:
    """Shares of pairs as a bar: won, tied, and the rest."""
    a, b = 300 * won, 300 * tied
    return Markup(
        '<svg class="bar" viewBox="0 0 300 12" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="won" width="{a:.1f}" height="12"/><rect class="tied" x="{a:.1f}" width="{b:.1f}" height="12"/>'
        f'<rect class="lost" x="{a + b:.1f}" width="{300 - a - b:.1f}" height="12"/></svg>'
    )


def _at(share: float) -> str:
    return f"{6 + 120 * min(max(share, 0.0), 1.0):.1f}"


def flat(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """A mapping as (key, text) pairs for a table; nested keys are joined by points.

    >>> flat({"a": {"b": 1.5}, "c": [True, None]})
    [('a.b', '1.5'), ('c', 'yes, –')]
    """
    if not isinstance(value, Mapping):
        return [(prefix, _scalar(value))]
    return [pair for key, v in value.items() for pair in flat(v, f"{prefix}.{key}" if prefix else str(key))]


def curve_verdict(outcome: Mapping[str, Any]) -> str:
    """The verdict on the curves and its evidence as one sentence; empty where there is none.

    >>> curve_verdict({"verdict": {"kind": "overfitting", "step": 50, "evidence": "the validation loss rose"}})
    'Overfitting from step 50: the validation loss rose.'
    """
    verdict = outcome.get("verdict") or {}
    if not verdict.get("kind"):
        return ""
    start = f" from step {numbers.count_text(verdict['step'])}" if verdict.get("step") is not None else ""
    evidence = str(verdict.get("evidence") or "").strip().rstrip(".")
    return f"{str(verdict['kind']).capitalize()}{start}{': ' if evidence else ''}{evidence}."


def model_pairs(model: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is said of the model; its hash stands with the other hashes."""
    shown = {k: numbers.count_text(v) if k.endswith("parameters") else v for k, v in model.items() if k != "sha256"}
    return flat(shown)


def recipe_pairs(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The recipe, with what each ``auto`` was in this run."""
    known = manifest.get("resolved") or {}
    pairs = flat(manifest.get("recipe") or {})
    return [(k, f"{v}: {_scalar(known[k])}" if v == "auto" and k in known else v) for k, v in pairs]


def _scalar(value: Any) -> str:
    if value is None:
        return numbers.NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_scalar(v) for v in value) or numbers.NOTHING
    return str(value)


def _hashes(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is hashed in a manifest: the model, the template, the data's files and parts."""
    for key in ("model", "template"):
        part = manifest.get(key) or {}
        if part.get("sha256"):
            yield f"{key} {part.get('name') or ''}".strip(), str(part["sha256"])
    data = manifest.get("data") or {}
    for file in data.get("files") or ():
        if file.get("sha256"):
            yield f"file {file.get('path') or ''}".strip(), str(file["sha256"])
    for name, part in (data.get("splits") or {}).items():
        if isinstance(part, Mapping) and part.get("sha256"):
            yield f"{name} rows", str(part["sha256"])
