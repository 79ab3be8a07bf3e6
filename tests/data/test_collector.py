"""Rows are read while Python's collector comes seldom, and afterwards it comes as before."""

from __future__ import annotations

import contextlib
import gc

import pytest

from heedful.data.collector import OBJECTS, seldom_collected


@pytest.mark.parametrize("before", [(700, 10, 10), (0, 10, 10), (200_000, 5, 500)])
def test_the_setting_of_others_comes_back(before: tuple[int, int, int]):
    own = gc.get_threshold()
    try:
        gc.set_threshold(*before)
        with contextlib.suppress(KeyError), seldom_collected():
            assert gc.get_threshold() == (before if not before[0] else tuple(map(max, before, OBJECTS)))
            raise KeyError
        assert gc.get_threshold() == before
    finally:
        gc.set_threshold(*own)
