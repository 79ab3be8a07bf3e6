"""The next token: penalties and filters against transformers' own, draws against the distribution they are from."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from heedful.backends.base import GenerationSettings
from heedful.backends.generation import choosing
from heedful.backends.generation.choosing import choose, draw, leave, likeliest, penalise, row_key, uniform


def random_logits(seed: int, rows: int = 3, vocabulary: int = 40, spread: float = 3.0) -> torch.Tensor:
    return torch.randn(rows, vocabulary, generator=torch.Generator().manual_seed(seed)) * spread


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([0.5, 1.1, 1.3, 2.0]), st.data())
def test_the_penalty_is_transformers_own(seed, penalty, data):
    logits = random_logits(seed)
    ids = [data.draw(st.lists(st.integers(0, 39), min_size=5, max_size=5)) for _ in range(3)]
    wanted = RepetitionPenaltyLogitsProcessor(penalty)(torch.tensor(ids), logits)
    torch.testing.assert_close(penalise(logits, ids, penalty), wanted, rtol=0, atol=0)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 1000),
    st.sampled_from([0.3, 1.0, 2.5]),
    st.sampled_from([0, 1, 5, 40, 99]),
    st.sampled_from([0.1, 0.5, 0.9, 0.99, 1.0]),
    st.sampled_from([0.0, 0.02, 0.3, 1.0]),
)
def test_filters_leave_what_transformers_leave_in_the_same_order(seed, temperature, top_k, top_p, min_p):
    logits = random_logits(seed)
    theirs = LogitsProcessorList([TemperatureLogitsWarper(temperature)])
    if top_k:
        theirs.append(TopKLogitsWarper(top_k))
    if top_p < 1:
        theirs.append(TopPLogitsWarper(top_p))
    if min_p:
        theirs.append(MinPLogitsWarper(min_p))
    wanted = theirs(torch.zeros(3, 1, dtype=torch.long), logits.clone())
    torch.testing.assert_close(leave(logits / temperature, top_k, top_p, min_p), wanted, rtol=0, atol=0)


def test_top_p_that_needs_more_tokens_than_it_looks_at_first(monkeypatch):
    monkeypatch.setattr(choosing, "LIKELIEST", 8)
    logits = random_logits(1, vocabulary=300, spread=0.1)
    wanted = TopPLogitsWarper(0.9)(torch.zeros(3, 1, dtype=torch.long), logits.clone())
    made = leave(logits, 0, 0.9, 0.0)
    assert int(made.isfinite().sum(-1).min()) > 200
    torch.testing.assert_close(made, wanted, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, [0.4, 0.3, 0.2, 0.1]),
        ({"temperature": 0.5}, [16 / 30, 9 / 30, 4 / 30, 1 / 30]),
        ({"top_k": 2}, [4 / 7, 3 / 7, 0, 0]),
        ({"top_p": 0.7}, [4 / 7, 3 / 7, 0, 0]),
        ({"min_p": 0.4}, [4 / 9, 3 / 9, 2 / 9, 0]),
    ],
    ids=str,
)
def test_draws_have_the_distribution_they_are_from(changes, wanted):
    """Worked by hand; 2,000 draws by chi-square, as many rows as places."""
    given_settings = GenerationSettings(**({"temperature": 1.0} | changes))
    count = 2000
    logits = torch.tensor([0.4, 0.3, 0.2, 0.1]).log().expand(count, -1)
    keys = [row_key(7, [i // 20]) for i in range(count)]
    drawn = choose(logits, given_settings, [()] * count, keys, [i % 20 for i in range(count)])
    seen = [drawn.count(i) for i in range(4)]
    kept = [i for i, p in enumerate(wanted) if p]
    assert sum(seen[i] for i in kept) == count
    assert chisquare([seen[i] for i in kept], [wanted[i] * count for i in kept]).pvalue > 0.001


def test_a_draw_never_takes_what_has_no_probability():
    logits = torch.tensor([-math.inf, 1.0, -math.inf, 0.0, -math.inf])
    assert [draw(logits, n) for n in (0.0, 0.7, 0.74, 1 - 2**-53)] == [1, 1, 3, 3]


def test_numbers_depend_on_seed_prompt_and_place_alone():
    numbers = {uniform(row_key(s, p), n) for s in (0, 1, 2**63 - 1) for p in ([5], [5, 0], [6]) for n in range(50)}
    assert len(numbers) == 450
    assert all(0 <= n < 1 for n in numbers)
    assert 0.45 < sum(numbers) / 450 < 0.55


def test_the_likeliest_tokens_with_their_log_probabilities():
    logits = torch.tensor([[0.1, 0.6, 0.3]]).log() + 5
    ((first, second),) = likeliest(logits, 2)
    assert (first[0], second[0]) == (1, 2)
    assert (first[1], second[1]) == pytest.approx((math.log(0.6), math.log(0.3)))
    assert len(likeliest(logits, 9)[0]) == 3
