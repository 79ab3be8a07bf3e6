"""A comparison as text for a terminal of 80 columns: the word, two tables, the rule, and what to know."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from heedful.compare import Comparison, MetricResult
from heedful.compare.recipes import Spread, differences_told, is_seed_alone, split_told, spreads
from heedful.report.numbers import NOTHING, count_text, minus, p_text
from heedful.stats import Interval

WIDTH = 80
NAME = 12  # a longer name takes a line of its own


def table(c: Comparison) -> str:
    """All of it, lines of at most 80 columns but for long names."""
    lines = [*_wrapped(f"{c.verdict}: {c.sentence}."), "", f"A  {c.a.name}", f"B  {c.b.name}", *_counts(c), ""]
    lines += [_row("metric", "A", "B", "B - A", f"{c.options.level * 100:g}% interval", "p", "can see", "verdict")]
    for m in c.metrics:
        lines += _numbers(m)
    lines += ["", _second("metric", "test", "p alone", "n", "unscored", "clusters")]
    for m in c.metrics:
        lines += _details(m)
    lines.append("")
    for sentence in (*_legend(c), f"Rule: {c.rule}."):
        lines += _wrapped(sentence)
    for caveat in c.caveats:
        lines += _wrapped(f"Note: {caveat}")
    return "\n".join(line.rstrip() for line in lines)


def several_table(found: Sequence[Comparison]) -> str:
    """Several held against one: a table for each main metric, a row for each of them, and the words."""
    first = found[0]
    names = dict.fromkeys(m.name for c in found for m in c.metrics if m.role == "main")
    lines = [*_wrapped(f"against A, {first.a.name}: {_words(found)}."), ""]
    for letter, c in zip(_letters(len(found)), found, strict=True):
        apart = "" if not (c.only_a or c.only_b) else f"; only in A {c.only_a:,}, only here {c.only_b:,}"
        lines.append(f"{letter}  {c.b.name}: {c.verdict}, {c.joined:,} examples on both sides{apart}")
    interval = f"{first.options.level * 100:g}% interval"
    spread = spreads(found)
    for name in names:
        lines += ["", name, _row("", "A", "value", "- A", interval, "p", "can see", "verdict")]
        for letter, c in zip(_letters(len(found)), found, strict=True):
            lines += [line for m in c.metrics if m.name == name for line in _numbers(m, letter)]
        lines += [line for s in spread if s.metric == name for line in _spread(s)]
    lines.append("")
    for sentence in (
        f"p is corrected by Holm over all metrics of all {len(found)} comparisons; metrics that are not shown are in "
        "--json, and --metric names those that count.",
        f"Rule: {first.rule}.",
        "Note: the best of several is best in part by luck, so its lead is less on questions that did not choose it; "
        "hold it against A once more on new ones.",
        *_recipes(found),
        *_notes(found),
    ):
        lines += _wrapped(sentence)
    return "\n".join(line.rstrip() for line in lines)


def _spread(s: Spread) -> Iterator[str]:
    digits = 3 if max(abs(s.mean), abs(s.mean - s.difference)) <= 1 else 2
    mean, difference = _value(s.mean, digits), _signed(s.difference, digits)
    yield _row(f"mean of {s.n}", "", mean, difference, "", "", "", "")
    yield _row("sd", "", _value(s.deviation, digits), _value(s.difference_deviation, digits), "", "", "", "")


def _recipes(found: Sequence[Comparison]) -> Iterator[str]:
    """What the recipes of the several differ in, and how to read the spread over seeds."""
    told = differences_told(_letters(len(found)), [c.b for c in found])
    if told:
        yield told[0].upper() + told[1:]
    if is_seed_alone(found):
        yield (
            "sd is over their trainings (n - 1): how far another seed would have come. The intervals are over the "
            "questions: how sure the difference is for these weights."
        )
    divided = split_told(found)
    if divided:
        yield f"Note: {divided}"


def _notes(found: Sequence[Comparison]) -> Iterator[str]:
    """What holds for all comparisons once, what is one's own with its letter."""
    for note in dict.fromkeys(note for c in found for note in c.caveats):
        letters = [k for k, c in zip(_letters(len(found)), found, strict=True) if note in c.caveats]
        yield f"Note: {note}" if len(letters) == len(found) else f"Note ({', '.join(letters)} as B): {note}"


def _letters(count: int) -> list[str]:
    """B, C, ... and numbers after Z."""
    return [chr(ord("B") + k) if k < 25 else str(k + 2) for k in range(count)]


def _words(found: Sequence[Comparison]) -> str:
    """How many are better, worse, or cannot be told, and which."""
    letters = dict(zip(_letters(len(found)), (c.verdict for c in found), strict=True))
    told = {
        word: [k for k, verdict in letters.items() if verdict == word] for word in ("better", "worse", "inconclusive")
    }
    return "; ".join(f"{word} {', '.join(which)}" for word, which in told.items() if which)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def _counts(c: Comparison) -> Iterator[str]:
    what = "example" if c.joined == 1 else "examples"
    yield f"{c.joined:,} {what} on both sides; only in A {c.only_a:,}, only in B {c.only_b:,}"
    if c.cluster:
        yield f"clustered by {c.cluster}"


def _row(name: str, *cells: str) -> str:
    a, b, difference, interval, p, sees, verdict = cells
    return f"{name:<{NAME}}{a:>7}{b:>7}{difference:>8} {interval:<16} {p:>7}{sees:>8} {verdict}"


def _numbers(m: MetricResult, label: str | None = None) -> Iterator[str]:
    c = m.comparison
    tested = m.role != "descriptive"
    digits = _digits(c.before, c.after)
    name = label or m.name + ("*" if m.role == "main" else "")
    if len(name) > NAME - 1:
        yield name
        name = ""
    yield _row(
        name,
        _value(c.before.estimate, digits),
        _value(c.after.estimate, digits),
        _signed(c.difference.estimate, digits),
        _bounds(c.difference, digits),
        p_text(c.adjusted_p) if tested else NOTHING,
        _value(m.detectable, digits),
        c.verdict if tested else NOTHING,
    )


def _second(name: str, test: str, p: str, n: str, unscored: str, clusters: str) -> str:
    return f"{name:<{NAME}}{test:<32}{p:>8}{n:>8}{unscored:>10}{clusters:>9}"


def _details(m: MetricResult) -> Iterator[str]:
    c = m.comparison
    tested = m.role != "descriptive"
    name = m.name
    if len(name) > NAME - 1:
        yield name
        name = ""
    test, p = (c.test, p_text(c.p_value)) if tested else (NOTHING, NOTHING)
    yield _second(name, test, p, count_text(c.n), count_text(c.unscored), count_text(c.clusters))


def _legend(c: Comparison) -> Iterator[str]:
    tested = [m for m in c.metrics if m.role != "descriptive"]
    holm = "p is corrected by Holm. " if len(tested) > 1 else ""
    yield (
        f"* main. {holm}can see: the smallest true difference that so many examples would have shown in 4 of 5 "
        "such comparisons."
    )
    if any(m.comparison.test.startswith("Wilcoxon") for m in c.metrics):
        yield "By Wilcoxon's test B - A is the pseudo-median of the differences that are not 0."


def _digits(*sides: Interval) -> int:
    """Decimals: three for values of 0 to 1, fewer for larger ones."""
    largest = max((abs(s.estimate) for s in sides if s.estimate == s.estimate), default=0.0)
    return 3 if largest <= 1 else 2 if largest < 100 else 1 if largest < 10_000 else 0


def _value(value: float, digits: int) -> str:
    return minus(f"{value:.{digits}f}") if value == value else NOTHING


def _signed(value: float, digits: int) -> str:
    return minus(f"{value:+.{digits}f}") if value == value else NOTHING


def _bounds(i: Interval, digits: int) -> str:
    if i.low != i.low or i.high != i.high:
        return NOTHING
    return f"{_signed(i.low, digits)} to {_signed(i.high, digits)}"
