"""The likeliest token by a head in half precision and float32 for what is left: that of the whole head, always."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from heedful.backends.generation import shortlist as module
from heedful.backends.generation.shortlist import BLOCK, Shortlist, make_shortlist, shortlist_of


def made(entries: int, width: int, seed: int = 0, spread: float = 1.0) -> tuple[nn.Linear, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    head = nn.Linear(width, entries, bias=False)
    head.weight.data = torch.randn(entries, width, generator=generator) * spread
    return head, torch.randn(5, width, generator=generator) * 3


@pytest.fixture(autouse=True)
def _any_size(monkeypatch):
    monkeypatch.setattr(module, "LEAST_BYTES", 0)
    if make_shortlist(made(BLOCK, 8)[0]) == 0:
        pytest.skip("this torch has no FBGEMM for half precision")


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 400), st.integers(1, 40), st.integers(0, 10**6), st.sampled_from([1e-6, 0.02, 1.0, 50.0]))
@torch.no_grad()
def test_the_token_is_the_whole_heads(entries, width, seed, spread):
    head, h = made(entries, width, seed, spread)
    found = Shortlist(head.weight, head.weight.detach()).best(h)
    if found is not None:  # many entries come into question where all are alike
        logits = head(h)
        best = logits.amax(1)
        assert torch.all(best - logits.gather(1, found[:, None])[:, 0] <= 1e-6 * best.abs().clamp(min=1e-30))


@torch.no_grad()
def test_what_half_precision_cannot_tell_apart_is_told_by_float32():
    head, h = made(300, 32)
    best = int(head(h[:1]).argmax())
    for other in (best - 1, best + 1):  # the same in 16 bits; the right one is a little larger in 32
        head.weight[other % 300] = head.weight[best] * (1 - 2e-6)
    assert torch.equal(head.weight[best - 1].half(), head.weight[best].half())
    found = Shortlist(head.weight, head.weight.detach()).best(h[:1])
    assert found is not None
    assert found.tolist() == [best]


@torch.no_grad()
def test_of_equal_entries_the_first_is_taken_as_by_argmax():
    head, h = made(200, 16)
    best = int(head(h[:1]).argmax())
    head.weight[150:153] = head.weight[best]
    found = Shortlist(head.weight, head.weight.detach()).best(h[:1])
    assert found is not None
    assert found.tolist() == [min(best, 150)]


@torch.no_grad()
def test_it_gives_up_where_it_cannot_know():
    head, h = made(1000, 16)
    short = Shortlist(head.weight, head.weight.detach())
    assert short.best(h) is not None
    assert short.best(torch.zeros(2, 16)) is None, "every entry is as likely"
    assert short.best(torch.full((1, 16), float("nan"))) is None
    head.weight.mul_(2)
    assert short.best(h) is None, "the head has become another"


def test_heads_that_get_none(monkeypatch):
    head = made(BLOCK, 8)[0]
    assert make_shortlist(nn.Linear(8, 64)) == 0, "a bias"
    assert make_shortlist(head.bfloat16()) == 0
    large = made(BLOCK, 8)[0]
    large.weight.data[0, 0] = 1e6
    assert make_shortlist(large) == 0, "more than 16 bits can say"
    monkeypatch.setattr(module, "Shortlist", lambda *_: (_ for _ in ()).throw(RuntimeError("no such engine")))
    other = made(BLOCK, 8)[0]
    assert make_shortlist(other) == 0
    assert shortlist_of(other) is None
