"""How long to wait before a question is put to a server again.

Each wait is twice the one before, up to a limit, of which a random part is taken, so that those who failed together
do not come back together (full jitter kept above a half: https://aws.amazon.com/builders-library/
timeouts-retries-and-backoff-with-jitter). What the server itself asks for in `Retry-After` (RFC 9110, section 10.2.3:
seconds or a date) is waited for at least.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def backoff(attempt: int, first: float, longest: float, rng: random.Random) -> float:
    """Seconds to wait after failed request number `attempt` (from 0).

    >>> 2 <= backoff(2, 1.0, 60.0, random.Random(0)) <= 4
    True
    """
    whole = min(longest, first * 2 ** min(attempt, 30))
    return whole * rng.uniform(0.5, 1.0)


def retry_after(value: str | None, date: str | None = None) -> float | None:
    """The seconds that a Retry-After header asks to wait; None where there is none that can be read.

    A date is measured from the server's own clock (its Date header) where it tells it, since ours may differ.

    >>> retry_after("20"), retry_after("soon")
    (20.0, None)
    >>> retry_after("Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:27:30 GMT")
    30.0
    """
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        until = _date(value)
        if until is None:
            return None
        seconds = (until - (_date(date or "") or datetime.now(UTC))).total_seconds()
    if seconds != seconds or seconds == float("inf"):
        return None
    return max(0.0, seconds)


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
