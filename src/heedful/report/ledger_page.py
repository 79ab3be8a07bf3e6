"""The ledger as a page: whether these rows can be trained on, the sums, and everything that was found, with places.

One file without a network, made from ledger.html.j2, page.css with ledger.css, and page.js, under the same policy as a
report: its one style sheet and its one script are allowed by their hashes, and nothing else. Widths are therefore
attributes of SVG and never styles.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

from markupsafe import Markup

from heedful.data.checks.kinds import SEVERITIES
from heedful.data.ledger_text import findings_by_severity, overlap_text, share_text
from heedful.report import numbers
from heedful.report.page import policy
from heedful.report.text import visible

RULE = (
    "No, where no row is left, a finding is an error (no token is trained, the stop token is not trained, a secret), "
    "parts of the split share questions, or rows hold the test items of a benchmark. Look first, where rows were "
    "dropped, where a finding is a warning, or where questions are nearly the same. Else yes. What is only good to "
    "know changes nothing. The page tells what programs can find; whether the answers are right it does not tell."
)
GROUPS = {"error": "Mend these", "warning": "Look at these", "note": "Good to know"}


@dataclass(frozen=True)
class Item:
    """Something that was found: its sentence, the number of rows, and the first places."""

    sentence: str
    count: int
    where: tuple[str, ...]
    name: str = ""


@dataclass(frozen=True)
class LedgerVerdict:
    """Whether the rows can be trained on: `kind` is yes, look or no."""

    kind: Literal["yes", "look", "no"]
    sentence: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Bar:
    """A line of a bar chart: `width` of 0 to 100 is that of the bar, `share` the text of its share."""

    label: str
    count: int
    width: str
    share: str


def ledger_page(document: Mapping[str, Any], title: str) -> str:
    """The page of a ledger's document (see `heedful.data.audit`); keys that an older one lacks are left out.

    Whatever stands in the document is escaped, and its control characters are shown as pictures.
    """
    style, script = f"{_file('page.css')}\n{_file('ledger.css')}", _file("page.js")
    distributions = document.get("distributions") or {}
    groups = _groups(document)
    page = _template().render(
        title=title,
        d=document,
        policy=policy(style, script),
        style=Markup(style),
        script=Markup(script),
        rule=RULE,
        verdict=verdict(document),
        sums=list(_sums(document)),
        groups=[(severity, GROUPS[severity], groups[severity]) for severity in SEVERITIES if groups[severity]],
        reasons=[_item(r, r["reason"]) for r in document.get("reasons", ())],
        lengths=list(_lengths(distributions)),
        shares=list(_share_charts(distributions)),
        system=distributions.get("system_prompts") or {},
        parts=[(name, dict(p)) for name, p in document.get("parts", {}).items()],
    )
    return visible(page)


@functools.cache
def _template() -> Any:
    from jinja2 import Environment, FunctionLoader  # slow to import

    environment = Environment(loader=FunctionLoader(_file), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"count": numbers.count_text, "figures": _figures}
    return environment.get_template("ledger.html.j2")


def _figures(value: Any) -> str:
    """A count, or what `describe` says of many: their median, least and most."""
    if not isinstance(value, Mapping):
        return numbers.count_text(value)
    if not value.get("count"):
        return numbers.count_text(0)
    return f"{value['p50']:,} ({value['min']:,} to {value['max']:,})"


def _file(name: str) -> str:
    return resources.files("heedful.report").joinpath(name).read_text(encoding="utf-8").replace("\r\n", "\n")


def verdict(document: Mapping[str, Any]) -> LedgerVerdict:
    """Decide by `RULE`; the reasons are the gravest findings, five at most."""
    groups = _groups(document)
    if not document["kept"] + document["truncated"]:
        return LedgerVerdict("no", "No: no row is left to train on.", tuple(_lines(groups["error"])))
    if groups["error"]:
        return LedgerVerdict(
            "no", f"Not yet: {_things(groups['error'])} to mend first.", tuple(_lines(groups["error"]))
        )
    warned = list(groups["warning"])
    if document["dropped"]:
        share = share_text(document["dropped"], document["read"])
        warned.insert(0, Item(f"rows were dropped, {share} of those read", document["dropped"], ()))
    if warned:
        return LedgerVerdict("look", f"It can be trained on; look at {_things(warned)} first.", tuple(_lines(warned)))
    return LedgerVerdict("yes", "Yes: nothing was found that stands against training on these rows.", ())


def _things(items: Sequence[Item]) -> str:
    return "one thing" if len(items) == 1 else f"{len(items)} things"


def _lines(items: Sequence[Item], most: int = 5) -> Iterator[str]:
    for item in items[:most]:
        yield (
            f"{item.count:,} {_ended(item.sentence)}"
            if item.count > 1
            else _ended(f"{_capital(item.sentence)}{': 1' * item.count}")
        )
    if len(items) > most:
        yield f"And {len(items) - most} more below."


def _ended(sentence: str) -> str:
    """A sentence with its full stop, where it does not end in the words of a row that have one."""
    return sentence if re.search(r"[.!?。！？]'$", sentence) else f"{sentence}."


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _groups(document: Mapping[str, Any]) -> dict[str, list[Item]]:
    """All that was found, by how grave it is."""
    groups: dict[str, list[Item]] = {s: [] for s in SEVERITIES}
    groups["error"] += [_item({"sentence": overlap_text(o), **o}) for o in document.get("overlaps", ()) if o["count"]]
    for c in document.get("contamination", ()):
        if c.get("rows"):
            sentence = f"rows that hold the text of test items of {c['index']}"
            groups["error"].append(Item(sentence, c["rows"], tuple(c.get("where", ()))))
    groups["warning"] += [Item(str(w), 0, ()) for w in document.get("warnings", ())]
    near = document.get("near_duplicates") or {}
    if near.get("count"):
        sentence = "rows whose question is nearly that of an earlier row"
        groups["warning"].append(Item(sentence, near["count"], tuple(near.get("where", ()))))
    for severity, findings in findings_by_severity(document).items():
        groups[severity] += [_item(f, f["finding"]) for f in findings]
    return groups


def _item(entry: Mapping[str, Any], name: str = "") -> Item:
    return Item(entry["sentence"], entry["count"], tuple(entry.get("where", ())), name)


def _sums(document: Mapping[str, Any]) -> Iterator[tuple[str, int, str, str, str]]:
    """Kept, truncated and dropped as (name, rows, share, x, width) on a bar of 1,000."""
    at = 0.0
    for name in ("kept", "truncated", "dropped"):
        rows = document[name]
        width = 1000 * rows / document["read"] if document["read"] else 0.0
        yield name, rows, share_text(rows, document["read"]), f"{at:.2f}", f"{width:.2f}"
        at += width


def bars(counts: Sequence[tuple[str, int]]) -> list[Bar]:
    """A bar for each count, the largest one of full width."""
    most, total = max((n for _, n in counts), default=0), sum(n for _, n in counts)
    return [Bar(label, n, f"{100 * n / most:.2f}" if most else "0", share_text(n, total)) for label, n in counts]


def _lengths(distributions: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], list[Bar]]]:
    for key in ("answers", "questions"):
        figures = distributions.get(key) or {}
        if figures.get("count"):
            bins = [(_bin(b["from"], b["to"]), b["count"]) for b in figures.get("histogram", ())]
            yield key, figures, bars(bins)


def _bin(first: int, last: int) -> str:
    return f"{first:,}" if first == last else f"{first:,}–{last:,}"


def _share_charts(distributions: Mapping[str, Any], most: int = 12) -> Iterator[tuple[str, str, str, list[Bar]]]:
    """Charts as (caption, what a bar is, what is counted, bars); one of a single bar says nothing and is left out."""
    for key, caption, head, counted in (
        ("languages", "Languages of the answers", "Language", "Rows"),
        ("scripts", "Scripts of the answers", "Script", "Rows"),
        ("turns", "Messages in a row", "Messages", "Rows"),
        ("roles", "Roles", "Role", "Messages"),
    ):
        counts = [(str(name), int(n)) for name, n in (distributions.get(key) or {}).items()]
        shown, rest = counts[:most], sum(n for _, n in counts[most:])
        if len(counts) > 1:
            yield caption, head, counted, bars([*shown, ("others", rest)] if rest else shown)
