"""How long to wait, from the headers that servers send."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.backends.retry import backoff, retry_after


@settings(deadline=None)
@given(st.integers(0, 2000), st.floats(0.001, 10), st.floats(0.001, 100), st.integers(0, 99))
def test_waits_double_up_to_the_limit_with_half_of_it_random(attempt, first, longest, seed):
    whole = min(longest, first * 2 ** min(attempt, 200))
    wait = backoff(attempt, first, longest, random.Random(seed))
    assert whole / 2 * 0.999999 <= wait <= whole * 1.000001


def test_waits_differ():
    rng = random.Random(0)
    assert len({backoff(3, 1.0, 60.0, rng) for _ in range(50)}) == 50


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("0", 0.0),
        ("1.5", 1.5),
        (" 7 ", 7.0),
        ("-3", 0.0),
        ("nan", None),
        ("inf", None),
        ("", None),
        ("soon", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 99 Oct 2015 07:28:00 GMT", None),
    ],
)
def test_what_a_header_asks_for(value, expected):
    assert retry_after(value) == expected


def test_a_date_is_measured_by_the_servers_clock_else_by_ours():
    server = datetime(2020, 1, 1, tzinfo=UTC)
    later = format_datetime(server + timedelta(seconds=90), usegmt=True)
    assert retry_after(later, format_datetime(server, usegmt=True)) == 90
    assert retry_after(later, "no date") == 0
    ours = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    assert 95 <= (retry_after(ours) or 0) <= 100
