"""A means of isolation for each test: every one that holds on this machine, each in a run of its own."""

from __future__ import annotations

import pytest

from heedful.errors import HeedfulError
from heedful.sandbox import MEANS, Isolation, isolation


@pytest.fixture(scope="session", params=MEANS)
def means(request) -> Isolation:
    try:
        return isolation(request.param)
    except HeedfulError as e:
        pytest.skip(f"no {request.param} here: {e}")


@pytest.fixture
def any_means() -> Isolation:
    try:
        return isolation()
    except HeedfulError as e:
        pytest.skip(str(e))
