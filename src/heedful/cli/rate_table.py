"""Ratings as text for a terminal of 80 columns: a table, who beats whom, how it was made, and what to know."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from heedful.ratings import Rated, Ratings
from heedful.ratings.style import FEATURES
from heedful.report.numbers import NOTHING, minus

WIDTH = 80
NAME = 29  # columns; a longer name takes a line of its own
_MOST = 9  # models of a matrix that fits


def table(found: Ratings, matrix: bool) -> str:
    """All of it."""
    level = f"{found.options.level * 100:g}% interval"
    lines = []
    several = max(m.group for m in found.models) > 1
    for number in range(1, max(m.group for m in found.models) + 1):
        if several:
            lines += [f"group {number}"]
        lines += [_row("rank", "model", "rating", level, "votes", "won", "tied")]
        for m in found.models:
            if m.group == number:
                lines += _model(m)
        lines.append("")
    if matrix:
        lines += [*_matrix(found), ""]
    for sentence in (*_how(found), *(f"Note: {n}." for n in found.notes)):
        lines += textwrap.wrap(sentence, WIDTH, break_long_words=False, break_on_hyphens=False)
    return "\n".join(line.rstrip() for line in lines)


def _row(rank: str, name: str, rating: str, interval: str, votes: str, won: str, tied: str) -> str:
    return f"{rank:>4}  {name:<{NAME}}{rating:>7}  {interval:^15}{votes:>9}{won:>6}{tied:>6}"


def _model(m: Rated) -> Iterator[str]:
    name = m.model
    if len(name) > NAME - 1:
        yield f"      {name}"
        name = ""
    known = m.standing if m.standing in ("above", "below") else NOTHING
    rating = known if m.rating is None else f"{m.rating:.0f}"
    yield _row(
        str(m.rank),
        name,
        minus(rating),
        _interval(m),
        f"{m.n:,}",
        f"{m.wins / m.n:.0%}",
        f"{m.ties / m.n:.0%}",
    )


def _interval(m: Rated) -> str:
    if m.lower is not None and m.upper is not None:
        return minus(f"{m.lower:.0f} to {m.upper:.0f}")
    if m.lower is not None:
        return minus(f"{m.lower:.0f} or more")
    return minus(f"{m.upper:.0f} or less") if m.upper is not None else NOTHING


def _matrix(found: Ratings) -> Iterator[str]:
    """Shares of wins in percent, the row's over the column's; the first nine models."""
    count = min(len(found.models), _MOST)
    wide = 20
    yield "won by the row's model against the column's, ties as halves" + (
        f" (the first {count}; --json has all)" if count < len(found.models) else ""
    )
    yield " " * (wide + 4) + "".join(f"{k:>6}" for k in range(1, count + 1))
    for row in range(count):
        name = found.models[row].model
        name = name if len(name) <= wide else name[: wide - 1] + "…"
        cells = [
            f"{found.wins[row, k] / found.votes[row, k]:.0%}" if found.votes[row, k] else NOTHING for k in range(count)
        ]
        cells[row] = ""
        yield f"{row + 1:>2}  {name:<{wide}}" + "".join(f"{c:>6}" for c in cells)


_FITS = {
    "heedful": "Bradley-Terry by maximum likelihood, ties as halves",
    "fastchat": "as FastChat's package: Bradley-Terry with its penalty, ties as halves",
    "fastchat-main": "as FastChat's later code: Bradley-Terry, ties as halves",
    "arena-rank": "as arena-rank: Bradley-Terry, ties as halves",
    "elo": "Elo, vote after vote, K = 4",
}


def _how(found: Ratings) -> Iterator[str]:
    options = found.options
    interval = f"bootstrap, {options.resamples:,} resamples" if options.method == "bootstrap" else "sandwich"
    style = ", with style held equal" if options.style else ""
    yield (
        f"{found.tally.used:,} of {found.tally.read:,} votes. {_FITS[options.profile]}{style}; 400 points are odds of "
        f"10 to 1. Intervals: {interval}. rank: 1 and how many models are surely better."
    )
    if found.coefficients is not None:
        parts = ", ".join(f"{n} {minus(f'{c:+.3f}')}" for n, c in zip(FEATURES, found.coefficients, strict=True))
        yield f"Style, in log odds for each standard deviation more: {parts}."
