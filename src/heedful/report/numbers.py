"""How numbers are written on the page and in the sentences: few digits, true minus signs, an en dash for nothing."""

from __future__ import annotations

import datetime
import math
from typing import Any

from heedful.report.data import Kind
from heedful.stats import Interval

NOTHING = "–"


def _known(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def value_text(value: float | None, kind: Kind) -> str:
    """A share as a percentage, an overlap with two decimals, a count with one.

    >>> value_text(0.981, "share"), value_text(0.981, "overlap"), value_text(35.04, "count"), value_text(None, "share")
    ('98%', '0.98', '35.0', '–')
    """
    if value is None or not _known(value):
        return NOTHING
    if kind == "share":
        return f"{_shares(value)}%"
    return minus(f"{value:.2f}" if kind == "overlap" else f"{value:,.1f}")


def _shares(value: float) -> str:
    """Percent without decimals, but never 0 or 100 for what is not quite."""
    percent = value * 100
    if 0 < abs(percent) < 1 or 99 < abs(percent) < 100:
        return minus(f"{math.floor(abs(percent) * 10) / 10 * (1 if percent > 0 else -1):.1f}")
    return minus(f"{percent:.0f}")


def difference_text(difference: Interval, kind: Kind) -> str:
    """The estimate with its sign; shares in percentage points.

    >>> difference_text(Interval(-0.25, -0.5, 0.0, 4), "share")
    '−25 points'
    """
    if not _known(difference.estimate):
        return NOTHING
    return _signed(difference.estimate, kind) + (" points" if kind == "share" else "")


def _signed(value: float, kind: Kind) -> str:
    text = _shares(value) if kind == "share" else value_text(value, kind)
    return text if text.startswith("−") or not any(c in "123456789" for c in text) else f"+{text}"


def interval_text(interval: Interval, kind: Kind, *, signed: bool = False) -> str:
    """The two bounds.

    >>> interval_text(Interval(0.5, 0.25, 0.75, 9), "share"), interval_text(Interval(0.1, -0.05, 0.25, 9), "overlap")
    ('25% to 75%', '−0.05 to 0.25')
    """
    if not (_known(interval.low) and _known(interval.high)):
        return NOTHING
    if signed:
        return f"{_signed(interval.low, kind)} to {_signed(interval.high, kind)}"
    return f"{value_text(interval.low, kind)} to {value_text(interval.high, kind)}"


def p_text(p: float | None) -> str:
    """A p-value with two decimals, three below 0.1, and a bound below 0.001.

    >>> p_text(0.25), p_text(0.0421), p_text(0.00002), p_text(None)
    ('0.25', '0.042', '< 0.001', '–')
    """
    if p is None or not _known(p):
        return NOTHING
    if p < 0.001:
        return "< 0.001"
    return f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def p_phrase(p: float | None) -> str:
    """A p-value in a sentence.

    >>> p_phrase(0.25), p_phrase(0.00002)
    ('p = 0.25', 'p < 0.001')
    """
    text = p_text(p)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def loss_text(value: Any) -> str:
    """A loss with three decimals."""
    return minus(f"{value:.3f}") if _known(value) else NOTHING


def count_text(value: Any) -> str:
    """A whole number with thin groups; other values as they are.

    >>> count_text(12345), count_text(None), count_text("many")
    ('12,345', '–', 'many')
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return NOTHING if value is None else str(value)
    return minus(f"{value:,.0f}" if float(value).is_integer() else f"{value:,.3g}") if _known(value) else NOTHING


def seconds_text(value: Any) -> str:
    """A duration in the largest sensible unit.

    >>> seconds_text(4.21), seconds_text(95), seconds_text(7325)
    ('4.2 s', '1 min 35 s', '2 h 2 min')
    """
    if not _known(value):
        return NOTHING
    if value < 60:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def time_text(value: Any) -> str:
    """An ISO time as a reader wants it; anything else as it is.

    >>> time_text("2026-11-20T08:05:11.123+00:00")
    '20 November 2026, 08:05 UTC'
    """
    try:
        when = datetime.datetime.fromisoformat(str(value))
    except ValueError:
        return str(value)
    zone = f" {when.tzname()}" if when.tzinfo else ""
    return f"{when.day} {when:%B %Y, %H:%M}{zone}"


def minus(text: str) -> str:
    """A true minus sign, and none before a zero."""
    return text.replace("-", "−") if any(c in "123456789" for c in text) else text.replace("-", "")
