"""A ledger on a terminal: the most serious first, and quiet where nothing is wrong."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from heedful.data.checks.kinds import SEVERITIES, severity_of
from heedful.errors import printable

_HEADS = {"error": "Mend these", "warning": "Look at", "note": "Good to know"}
_SHOWN_PLACES = 3  # places shown with a finding
_BARS = "▁▂▃▄▅▆▇█"
_FIXED = "\ue000"  # a space at which no line is broken, while lines are made
_LINE = re.compile(r"(.+):(\d+)")
_TWO_LINES = re.compile(r"(.+):(\d+) (repeats|contradicts|is [\d.]+ like|is of one group with) (.+):(\d+)")


def ledger_lines(document: Mapping[str, Any], width: int = 80) -> list[str]:
    """A ledger's document as short plain lines of at most `width` characters (longer only where a path is).

    Keys that a ledger of an earlier version does not have are passed over.
    """
    d = document
    out = ["Files"]
    for f in d.get("files", ()):
        known = f"sha256 {f['sha256'][:12]}" if f["sha256"] else f"revision {(f.get('revision') or 'unknown')[:12]}"
        taken = "".join(f"{key} {f[key]:g}, " for key in ("cap", "weight") if f.get(key) is not None)
        out += _wrap(f"{f['path']}: {f['kind']}, {f['format']}, {_rows(f['rows'])}, {taken}{known}", width)
        if f.get("why"):
            out += [f"  {line}" for line in _wrap(f["why"], width - 2)]
    out += ["Rows"]
    out += _wrap(
        f"{d['read']:,} read = {d['kept']:,} kept + {d['truncated']:,} truncated + {d['dropped']:,} dropped", width
    )
    if d.get("unused"):
        out += _wrap(f"{_rows(d['unused'])} in no part of the split", width)
    out += _section("Dropped", (_reason(r) for r in d.get("reasons", ())), width)
    out += _section("Overlaps", (_overlap(o) for o in d.get("overlaps", ())), width)
    out += _section("Test questions of benchmarks", _contaminated(d.get("contamination", ())), width)
    by_severity = findings_by_severity(d)
    for severity in SEVERITIES:
        entries = [f"{f['sentence']}: {_count_and_places(f)}" for f in by_severity[severity]]
        if severity == "warning":
            entries = [*d.get("warnings", ()), *_near(d.get("near_duplicates")), *entries]
        out += _section(_HEADS[severity], entries, width)
    out += _section("Parts", _parts(d.get("parts", {})), width)
    out += _section("Text", _text_figures(d.get("distributions") or {}), width)
    return out


def findings_by_severity(document: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """The findings of a ledger under "error", "warning" and "note", in their order; an old ledger names no severity."""
    out: dict[str, list[Mapping[str, Any]]] = {severity: [] for severity in SEVERITIES}
    for f in document.get("findings", ()):
        severity = f.get("severity")
        out[severity if severity in out else severity_of(f["finding"])].append(f)
    return out


def _section(head: str, entries: Iterator[str] | Sequence[str], width: int) -> list[str]:
    lines = [line for entry in entries for line in _wrap(entry, width)]
    return [head, *lines] if lines else []


def _reason(r: Mapping[str, Any]) -> str:
    return f"{r['reason']}: {r['count']:,}; {r['sentence']} ({_places(r, _SHOWN_PLACES)})"


def _overlap(o: Mapping[str, Any]) -> str:
    return f"{overlap_text(o)}: {_count_and_places(o)}"


def overlap_text(overlap: Mapping[str, Any]) -> str:
    """What rows of one part share with another: a question, nearly a question, or the conversation they are from."""
    first, second = overlap["parts"]
    if overlap.get("kind") == "group":
        return f"{second} rows of a conversation or source that {first} has rows of"
    return f"{second} rows that {'nearly repeat' if overlap.get('kind') == 'near' else 'repeat'} a {first} question"


def _contaminated(entries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for c in entries:
        if c.get("rows"):
            where = "; ".join(_grouped(c.get("where", ())[:_SHOWN_PLACES]))
            more = f" ({where})" if where else ""
            found = f"{c['found']:,} of {c['items']:,}" if "found" in c else f"{c['items']:,}"
            yield f"{c['index']}: {_rows(c['rows'])} with the text of {found} test items{more}"


def _near(near: Mapping[str, Any] | None) -> Iterator[str]:
    if near and near.get("count"):
        clusters = f" in {near['clusters']:,} groups" if near.get("clusters") else ""
        where = _places({"count": near["count"], "where": near.get("where", ())}, _SHOWN_PLACES)
        yield f"rows whose question is nearly that of an earlier row: {near['count']:,}{clusters} ({where})"


def _part_figures(p: Mapping[str, Any]) -> str:
    if "tokens" not in p:
        return f"{_rows(p['rows'])}, {p['characters']:,} characters, {p['answer_characters']:,} of them answer"
    share = 100 * p["trained_tokens"] / p["tokens"] if p["tokens"] else 0
    return (
        f"{_rows(p['rows'])}, {p['tokens']:,} tokens, {p['trained_tokens']:,} trained ({share:.0f}%), "
        f"median {p['median_tokens']:g}, longest {p['longest_tokens']:,}"
    )


def _parts(parts: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, part in parts.items():
        yield f"{name:<5} {_part_figures(part)}"
        of_a_row = list(_figures_of_a_row(part))
        if of_a_row:
            yield _FIXED * 6 + "; ".join(of_a_row)


def _figures_of_a_row(p: Mapping[str, Any]) -> Iterator[str]:
    trained = p.get("trained_a_row") or {}
    if trained.get("count"):
        yield f"trained a row: median {trained['p50']:,}, from {trained['min']:,} to {trained['max']:,}"
    bos = sorted((p.get("bos_counts") or {}).items(), key=lambda item: -item[1])
    if len(bos) == 1:
        yield f"BOS a row: {bos[0][0]}"
    elif bos:
        yield "BOS a row: " + ", ".join(f"{n} in {_rows(rows)}" for n, rows in bos)


def _text_figures(d: Mapping[str, Any]) -> Iterator[str]:
    """Lengths, turns, languages and system prompts, a line each."""
    for key in ("answers", "questions"):
        f = d.get(key) or {}
        if f.get("count"):
            spark = _spark([b["count"] for b in f.get("histogram", ())])
            most = f"5% to 95%: {f['p5']:,} to {f['p95']:,}, longest {f['max']:,}"
            characters = "character" if f["p50"] == 1 else "characters"
            yield f"{key}: median {f['p50']:,} {characters}, {most}  {spark}"
    turns = {n: count for n, count in (d.get("turns") or {}).items() if count}
    if turns and set(turns) != {"2"}:
        yield "messages in a row: " + _shares(turns)
    languages = d.get("languages") or {}
    if languages:
        yield "languages of the answers: " + _shares(languages)
    if len([s for s in d.get("scripts") or {} if s != "none"]) > 1:
        yield "scripts of the answers: " + _shares(d["scripts"])
    system = d.get("system_prompts") or {}
    if system.get("count"):
        yield f"system prompts: {system['count']:,}, {system['distinct']:,} of them different"


def _shares(counts: Mapping[str, int], most: int = 6) -> str:
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    total = sum(counts.values())
    shown = [f"{name} {share_text(count, total)}" for name, count in ordered[:most]]
    rest = sum(count for _, count in ordered[most:])
    return ", ".join(shown) + (f", others {share_text(rest, total)}" if rest else "")


def share_text(count: int, total: int) -> str:
    """A share in percent that is never 0% or 100% for what is not quite.

    >>> share_text(1, 1000), share_text(999, 1000), share_text(1, 3), share_text(0, 0)
    ('under 1%', 'over 99%', '33%', '0%')
    """
    if not total or count in (0, total):
        return "100%" if total and count else "0%"
    percent = 100 * count / total
    return "under 1%" if percent < 1 else "over 99%" if percent > 99 else f"{percent:.0f}%"


def _spark(counts: Sequence[int]) -> str:
    """A histogram as a row of blocks; an empty bin is a space, so that a bar is always a count."""
    most = max(counts, default=0)
    return "".join(_BARS[-(-len(_BARS) * n // most) - 1] if n else _FIXED for n in counts).strip(_FIXED) if most else ""


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"


def _count_and_places(entry: Mapping[str, Any]) -> str:
    where = _places(entry, _SHOWN_PLACES)
    return f"{entry['count']:,}" + (f" ({where})" if where else "")


def _places(entry: Mapping[str, Any], most: int) -> str:
    shown = "; ".join(_grouped(entry["where"][:most]))
    return shown + (f"; and {entry['count'] - most:,} more" if entry["count"] > most else "")


def _grouped(places: Sequence[str]) -> list[str]:
    """Places, with the name of a file once: a.jsonl:3, 17 and a.jsonl:7 repeats line 2; 9 repeats line 4."""
    out: list[str] = []
    last = None
    for place in places:
        pair, line = _TWO_LINES.fullmatch(place), _LINE.fullmatch(place)
        if pair and pair[1] == pair[4]:
            name, said = pair[1], f"{pair[2]} {pair[3]} line {pair[5]}"
            out.append(said if (name, True) == last else f"{name}:{said}")
            last = name, True
        elif line and " " not in line[1]:
            if (line[1], False) == last:
                out[-1] += f", {line[2]}"
            else:
                out.append(place)
            last = line[1], False
        else:
            out.append(place)
            last = None
    return out


def _wrap(text: str, width: int) -> list[str]:
    lines = textwrap.wrap(
        printable(text),
        width,
        initial_indent="  ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_FIXED, " ") for line in lines]
