"""The tables of `heedful helm`, 80 columns wide: win rates, figures, what was not measured, differences."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from heedful.helm.columns import COLUMNS
from heedful.helm.results import letter, why_not
from heedful.helm.texts import (
    WORDS,
    bounds,
    interval_text,
    missing_lines,
    p_text,
    pair_sentences,
    sentence,
    signed,
    value_text,
)

WIDTH = 80
_NAME = 24  # of the first column
_CELL = 8
_LINES = 24  # of differences, shown


def helm_lines(results: Mapping[str, Any]) -> Iterator[str]:
    """The whole picture as lines."""
    models = [m["name"] for m in results["models"]]
    for name in models:
        yield from _wrapped(f"{letter(results, name):<2} {name}", "   ")
    yield ""
    yield " " * _NAME + "".join(f"{c.short:>{_CELL}}" for c in COLUMNS.values())
    if len(models) > 1:
        yield "mean win rate"
        for name in models:
            cells = [("", results["mean_win_rates"][c].get(name)) for c in COLUMNS]
            yield from _rows(letter(results, name), cells)
    yield f"{'figures; better is':<{_NAME}}" + "".join(
        f"{'less' if c.lower_is_better else 'more':>{_CELL}}" for c in COLUMNS.values()
    )
    for key, scenario in results["scenarios"].items():
        yield _cut(f"{key}, {scenario['items']:,} items", WIDTH)
        for name in models:
            yield from _rows(letter(results, name), list(results["cells"][name][key].items()))
    yield ""
    yield from _notes(results)
    yield from _differences(results)


def _rows(name: str, cells: Sequence[tuple[str, Mapping[str, Any] | None]]) -> Iterator[str]:
    """A line of values, and one of intervals where there are any."""
    values = [value_text(column, c["value"] if c else None) for column, c in cells]
    yield f"  {name:<{_NAME - 2}}" + "".join(f"{v:>{_CELL}}" for v in values)
    ranges = [interval_text(c.get("low"), c.get("high")) if c and c["value"] is not None else "" for _, c in cells]
    if any(ranges):
        yield (" " * _NAME + "".join(f"{r:>{_CELL}}" for r in ranges)).rstrip()


def _notes(results: Mapping[str, Any]) -> Iterator[str]:
    """What a reader must know of the figures."""
    for where, why in missing_lines(why_not(results)):
        yield from _wrapped(f"– not measured: {where}: {why}")
    for key, scenario in results["scenarios"].items():
        for model, failed in scenario["failed"].items():
            if failed:
                yield from _wrapped(f"{key}: {failed:,} of {scenario['items']:,} unscored of {letter(results, model)}")
    limits = {s["limit"] for s in results["scenarios"].values() if s["limit"] is not None}
    if limits:
        yield from _wrapped(
            f"Only the first {max(limits):,} items of each part (--limit): no figures of the benchmarks"
        )


def _differences(results: Mapping[str, Any]) -> Iterator[str]:
    """Model against model on the same items; clear differences first where there are many."""
    found = results["comparisons"]
    for a, b in dict.fromkeys((c["a"], c["b"]) for c in found):
        lines = [c for c in found if (c["a"], c["b"]) == (a, b)]
        shown = lines if len(lines) <= _LINES else sorted(lines, key=lambda c: c["verdict"] == "inconclusive")[:_LINES]
        head = f"{letter(results, b)} against {letter(results, a)}"
        yield ""
        yield f"{head:<30}{'differs':>8} {'95% interval':<16}{'p':>6}  {letter(results, b)} is"
        for c in shown:
            name = _cut(f"{c['scenario']} {c['column']}", 29)
            yield (
                f"{name:<30}{signed(c['difference']):>8} {bounds(c['low'], c['high']):<16}{p_text(c['adjusted_p']):>6}"
                f"  {WORDS[c['verdict']]}"
            )
        if len(shown) < len(lines):
            yield f"{len(lines) - len(shown)} more are in helm.json"
    if len(results["models"]) > 1:
        yield ""
        yield from _wrapped(sentence(results))
        told = pair_sentences(results)
        for one in told if len(told) > 1 else ():
            yield from _wrapped(f"- {one}")


def _wrapped(line: str, indent: str = "  ") -> list[str]:
    return textwrap.wrap(line, WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def _cut(text: str, most: int) -> str:
    """A text that fits; of a scenario's figure the end says more than the middle."""
    return text if len(text) <= most else text[: most - 13] + "…" + text[-12:]
