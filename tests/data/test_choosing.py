"""Samples of rows: how many, which, and in which order."""

from __future__ import annotations

import hashlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedful.data.choosing import choose


def take(count: int, **options) -> list[int]:
    return list(choose(lambda: range(count), **options))


def test_all_rows_are_read_once_where_nothing_is_asked():
    calls = []
    assert list(choose(lambda: calls.append(1) or range(5))) == [0, 1, 2, 3, 4]
    assert calls == [1]


@given(st.integers(0, 200), st.integers(1, 50), st.floats(0.01, 4), st.integers(0, 3))
def test_a_cap_is_kept_and_the_order_too(count: int, cap: int, weight: float, seed: int):
    taken = take(count, cap=cap, weight=weight, seed=seed, name="a")
    weighed = take(count, weight=weight, seed=seed, name="a")
    assert taken == sorted(taken)
    assert len(taken) == min(cap, len(weighed))
    assert all(taken.count(n) <= weighed.count(n) for n in taken)
    assert all(int(weight) <= weighed.count(n) <= int(weight) + 1 for n in range(count))


@pytest.mark.parametrize(
    ("weight", "least", "most"), [(0.25, 4_800, 5_200), (1, 20_000, 20_000), (2.5, 49_700, 50_300)]
)
def test_a_weight_takes_its_share(weight: float, least: int, most: int):
    assert least <= len(take(20_000, weight=weight)) <= most  # the share, within 3 standard deviations or so


def test_a_smaller_cap_or_weight_takes_a_part_of_the_larger():
    for small, large in itertools.pairwise([5, 50, 500]):
        assert set(take(1000, cap=small)) < set(take(1000, cap=large))
    for small, large in itertools.pairwise([0.1, 0.5, 0.9]):
        assert set(take(1000, weight=small)) < set(take(1000, weight=large))


def test_more_rows_at_the_end_change_nothing_before_them_under_a_weight():
    assert take(2000, weight=0.3)[: len(take(1000, weight=0.3))] == take(1000, weight=0.3)


def test_names_and_seeds_give_other_rows():
    samples = [take(100, cap=10, seed=seed, name=name) for seed in (0, 1) for name in ("a", "b")]
    assert len({tuple(s) for s in samples}) == 4


def test_all_parts_of_a_file_are_as_likely_under_a_cap():
    hits = [n // 250 for seed in range(20) for n in take(1000, cap=100, weight=1.5, seed=seed)]
    for quarter in range(4):
        assert 400 < hits.count(quarter) < 600  # 500 expected, a standard deviation of 19


def test_the_rows_of_a_seed_stay_the_same_for_ever():
    luck = {
        n: hashlib.blake2b(f"7\0train.jsonl\0{n + 1}\0{0}".encode(), digest_size=16).digest()[8:] for n in range(20)
    }
    expected = sorted(sorted(range(20), key=lambda n: luck[n])[:4])
    assert take(20, cap=4, seed=7, name="train.jsonl") == expected == [4, 5, 10, 16]
