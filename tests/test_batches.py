"""Tensors by hand, the usual rule beside ours, and the order of rows."""

from __future__ import annotations

import doctest
import os
import subprocess
import sys
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful import batches
from heedful.batches import IGNORE_INDEX, LengthBatches, by_length, collate, make_loader, make_loaders
from heedful.errors import RequestError
from heedful.records import TokenExample

F, T = False, True
EOT = 9  # stop, padding and end-of-text in one
LONG = TokenExample("long", (1, 2, 3, 4, EOT), (F, F, T, T, T))
SHORT = TokenExample("short", (5, 6, EOT), (F, T, T))


def test_by_hand():
    batch = collate([LONG, SHORT], pad_id=0)
    assert batch.input_ids.tolist() == [[1, 2, 3, 4], [5, 6, 0, 0]]
    assert batch.labels.tolist() == [[-100, 3, 4, EOT], [6, EOT, -100, -100]]
    assert batch.attention_mask.tolist() == [[1, 1, 1, 1], [1, 1, 0, 0]]
    assert batch.rows == ("long", "short")
    assert (batch.tokens, batch.trained_tokens) == (6, 5)
    assert {t.dtype for t in (batch.input_ids, batch.labels, batch.attention_mask)} == {torch.int64}


def usual_rule(rows: Sequence[Sequence[int]], eot: int) -> tuple[list[list[int]], list[list[int]]]:
    """Inputs and targets as they are usually made where end-of-text pads: from lists, by the rule's own words.

    Rows without their end are followed by one end-of-text, then padded with it to the longest; the inputs are all
    but the last, the targets all but the first; of a row's end-of-text targets all but the first become -100.
    """
    width = max(map(len, rows)) + 1
    inputs, targets = [], []
    for row in rows:
        padded = [*row, eot] + [eot] * (width - len(row) - 1)
        target, seen = [], False
        for token in padded[1:]:
            target.append(-100 if token == eot and seen else token)
            seen = seen or token == eot
        inputs.append(padded[:-1])
        targets.append(target)
    return inputs, targets


def test_the_usual_rule_beside_ours():
    """rasbt's rows, by hand: [0,1,2,3,4], [5,6], [7,8,9] with end-of-text 50256."""
    eot = 50256
    rows = [[0, 1, 2, 3, 4], [5, 6], [7, 8, 9]]
    inputs, targets = usual_rule(rows, eot)
    assert targets == [[1, 2, 3, 4, eot], [6, eot, -100, -100, -100], [8, 9, eot, -100, -100]]
    ours = collate([TokenExample(str(r), (*r, eot), (F,) + (T,) * len(r)) for r in rows], pad_id=eot)
    assert ours.labels.tolist() == targets
    # The inputs differ in one place that no label and no attention sees: we do not read a row's own stop token.
    assert ours.input_ids.tolist() == inputs


@given(st.lists(st.lists(st.integers(0, 8), min_size=1, max_size=12), min_size=1, max_size=6))
def test_equals_the_usual_rule_where_all_is_trained(rows):
    inputs, targets = usual_rule(rows, EOT)
    ours = collate([TokenExample("r", (*r, EOT), (F,) + (T,) * len(r)) for r in rows], pad_id=EOT)
    assert ours.labels.tolist() == targets
    assert ours.input_ids.tolist() == inputs


@st.composite
def token_rows(draw, least: int = 2):
    ids = draw(st.lists(st.integers(0, 20), min_size=least, max_size=15))
    mask = draw(st.lists(st.booleans(), min_size=len(ids), max_size=len(ids)))
    return TokenExample(draw(st.text("ab", max_size=3)), tuple(ids), tuple(mask))


@given(st.lists(token_rows(), min_size=1, max_size=6), st.integers(1, 8), st.integers(0, 20))
def test_every_label_is_the_next_token_or_nothing(rows, multiple_of, pad_id):
    batch = collate(rows, pad_id, multiple_of=multiple_of)
    width = batch.input_ids.shape[1]
    assert width % multiple_of == 0
    assert width - multiple_of < max(len(r.ids) for r in rows) - 1
    for b, row in enumerate(rows):
        for t in range(width):
            reads = t < len(row.ids) - 1
            assert batch.attention_mask[b, t] == reads
            assert batch.input_ids[b, t] == (row.ids[t] if reads else pad_id)
            assert batch.labels[b, t] == (row.ids[t + 1] if reads and row.loss_mask[t + 1] else IGNORE_INDEX)
    assert batch.tokens == sum(len(r.ids) - 1 for r in rows)
    assert batch.trained_tokens == sum(sum(r.loss_mask[1:]) for r in rows)


def test_widths():
    assert collate([LONG], 0, pad_to=6).input_ids.shape == (1, 6)
    assert collate([LONG], 0, multiple_of=8).input_ids.shape == (1, 8)
    assert collate([LONG], 0, multiple_of=4).input_ids.shape == (1, 4)
    # A fixed length is the context length: rounded up it would ask for positions that the model does not have.
    assert collate([LONG], 0, pad_to=6, multiple_of=8).input_ids.shape == (1, 6)
    assert collate([LONG], 0, pad_to=4).labels.tolist() == [[-100, 3, 4, EOT]]


def test_what_is_refused():
    with pytest.raises(RequestError, match="row long fills 4 positions, more than the 3 asked for"):
        collate([SHORT, LONG], 0, pad_to=3)
    with pytest.raises(RequestError, match="at least one row"):
        collate([], 0)
    with pytest.raises(RequestError, match="multiple_of is 0"):
        collate([LONG], 0, multiple_of=0)
    with pytest.raises(RequestError, match="batch_size is 0"):
        make_loader([LONG], 0, 0)


@pytest.mark.parametrize("ids", [(), (3,)])
def test_rows_of_nothing_teach_nothing(ids):
    batch = collate([TokenExample("r", ids, (T,) * len(ids)), SHORT], 0)
    assert batch.labels[0].tolist() == [-100, -100]
    assert batch.attention_mask[0].tolist() == [0, 0]
    assert collate([TokenExample("r", ids, (T,) * len(ids))], 0).input_ids.tolist() == [[0]]


def test_to_another_device():
    batch = collate([LONG, SHORT], 0).to("meta")
    assert {t.device.type for t in (batch.input_ids, batch.labels, batch.attention_mask)} == {"meta"}
    assert batch.rows == ("long", "short")


LENGTHS = st.lists(st.integers(1, 400), max_size=200)


@settings(deadline=None)
@given(LENGTHS, st.integers(1, 9), st.integers(0, 5), st.integers(0, 3))
def test_every_row_comes_once_an_epoch(lengths, size, seed, epoch):
    order = list(LengthBatches(lengths, size, seed, epoch))
    assert sorted(i for b in order for i in b) == list(range(len(lengths)))
    assert len(order) == len(LengthBatches(lengths, size, seed, epoch))
    assert all(1 <= len(b) <= size for b in order)
    assert order == list(LengthBatches(lengths, size, seed, epoch))
    assert sorted(i for b in by_length(lengths, size) for i in b) == list(range(len(lengths)))
    longest_first = [lengths[i] for b in by_length(lengths, size) for i in b]
    assert longest_first == sorted(lengths, reverse=True)


def test_another_order_each_epoch_and_seed_and_little_padding():
    lengths = [(i * 37) % 211 + 1 for i in range(500)]
    orders = [tuple(map(tuple, LengthBatches(lengths, 8, s, e))) for s in range(3) for e in range(3)]
    assert len(set(orders)) == 9
    sampler = LengthBatches(lengths, 8, 0)
    assert list(sampler) == list(sampler)
    sampler.set_epoch(1)
    assert tuple(map(tuple, sampler)) == orders[1]

    def padding(order):
        return sum(max(lengths[i] for i in b) * len(b) - sum(lengths[i] for i in b) for b in order) / sum(lengths)

    plain = [range(i, min(i + 8, 500)) for i in range(0, 500, 8)]
    assert padding(orders[0]) < 0.1 < 0.5 < padding(plain)


def test_the_order_is_the_same_in_every_process():
    code = "from heedful.batches import LengthBatches; print(list(LengthBatches(range(1, 100), 7, 5, 2)))"
    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": s},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for s in ("1", "2")
    }
    assert runs == {f"{list(LengthBatches(range(1, 100), 7, 5, 2))}\n"}


def rows_of(n: int) -> list[TokenExample]:
    return [TokenExample(f"r{i}", tuple(range(i % 7 + 2)), (F,) + (T,) * (i % 7 + 1)) for i in range(n)]


def test_loaders():
    loaders = make_loaders(rows_of(23), rows_of(9), rows_of(5), batch_size=4, pad_id=0, seed=3, multiple_of=4)
    epochs = [[b.rows for b in loaders.train] for _ in range(3)]
    assert [sorted(r for b in e for r in b) for e in epochs] == [sorted(r.id for r in rows_of(23))] * 3
    assert epochs[0] != epochs[1] != epochs[2]
    again = make_loaders(rows_of(23), rows_of(9), rows_of(5), batch_size=4, pad_id=0, seed=3)
    assert [[b.rows for b in again.train] for _ in range(3)] == epochs
    assert [b.rows for b in make_loader(rows_of(23), 4, 0, shuffle_seed=3, epoch=1)] == epochs[1]
    assert [b.rows for b in loaders.val] == [b.rows for b in loaders.val]
    first = next(iter(loaders.test))
    assert first.input_ids.shape == (4, 8)
    assert first.rows[0] == "r4"  # the longest
    assert (len(loaders.train), len(loaders.val), len(loaders.test)) == (6, 3, 2)
    assert list(make_loader([], 4, 0)) == []


@pytest.mark.parametrize("name", ["heedful.batches", "heedful.chat", "heedful.templates", "heedful.train.prepare"])
def test_examples_in_docstrings(name):
    module = __import__(name, fromlist=["x"])
    result = doctest.testmod(module)
    assert result.failed == 0
    if module is batches:
        assert result.attempted
