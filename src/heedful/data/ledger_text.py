"""A ledger on a terminal."""

from __future__ import annotations

import textwrap
from typing import Any


def ledger_lines(document: dict[str, Any], width: int = 80) -> list[str]:
    """A ledger's document as short plain lines of at most `width` characters (longer only where a path is)."""
    d = document
    out = ["Files"]
    for f in d["files"]:
        out += _wrap(f"{f['path']}: {f['kind']}, {f['format']}, {_rows(f['rows'])}, sha256 {f['sha256'][:12]}", width)
    out += ["Rows"]
    out += _wrap(
        f"{d['read']:,} read = {d['kept']:,} kept + {d['truncated']:,} truncated + {d['dropped']:,} dropped", width
    )
    if d["unused"]:
        out += _wrap(f"{_rows(d['unused'])} in no part of the split", width)
    if d["reasons"]:
        out += ["Dropped"]
    for r in d["reasons"]:
        out += _wrap(f"{r['reason']}: {r['count']:,}; {r['sentence']} ({_places(r, 3)})", width)
    if d["parts"]:
        out += ["Parts"]
    for part, p in d["parts"].items():
        out += _wrap(f"{part:<5} {_part_figures(p)}", width)
    if d["overlaps"]:
        out += ["Overlaps"]
    for o in d["overlaps"]:
        first, second = o["parts"]
        out += _wrap(f"{second} rows that repeat a {first} question: {o['count']:,} ({_places(o, 2)})", width)
    if d["findings"] or d["warnings"]:
        out += ["Look at"]
    for f in d["findings"]:
        out += _wrap(f"{f['sentence']}: {f['count']:,} ({_places(f, 2)})", width)
    for warning in d["warnings"]:
        out += _wrap(warning, width)
    return out


def _part_figures(p: dict[str, Any]) -> str:
    if "tokens" not in p:
        return f"{_rows(p['rows'])}, {p['characters']:,} characters, {p['answer_characters']:,} of them answer"
    share = 100 * p["trained_tokens"] / p["tokens"] if p["tokens"] else 0
    return (
        f"{_rows(p['rows'])}, {p['tokens']:,} tokens, {p['trained_tokens']:,} trained ({share:.0f}%), "
        f"median {p['median_tokens']:g}, longest {p['longest_tokens']:,}"
    )


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"


def _places(entry: dict[str, Any], most: int) -> str:
    shown = "; ".join(entry["where"][:most])
    return shown + (f"; and {entry['count'] - most:,} more" if entry["count"] > most else "")


def _wrap(text: str, width: int) -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent="  ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
