"""Tensors by hand, the usual rule beside ours, and the order of rows."""

from __future__ import annotations

import doctest
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful import batches
from heedful.batches import (
    IGNORE_INDEX,
    LengthBatches,
    by_length,
    collate,
    make_loader,
    make_loaders,
    micro_batches,
    pack,
)
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
    packed = collate([LONG, SHORT], 0, packed=True).to("meta")
    assert packed.position_ids is not None
    assert packed.row_of is not None
    assert packed.position_ids.device.type == packed.row_of.device.type == "meta"


# ---- packed -----------------------------------------------------------------------------------------------------

# system, q1, a1 (train: false), q2, a2: what is trained is the second answer and its stop token, 6 and EOT.
TALK = TokenExample("talk", (1, 2, 3, EOT, 4, 5, 6, EOT), (F, F, F, F, F, F, T, T))


def test_packed_by_hand():
    batch = collate([TALK, SHORT, LONG], pad_id=0, packed=True, max_length=9)
    assert batch.input_ids.tolist() == [[1, 2, 3, EOT, 4, 5, 6], [5, 6, 1, 2, 3, 4, 0]]
    # No row's last token (which is not read) predicts the first of the next: after 6 comes 1, and 6's label is EOT.
    assert batch.labels.tolist() == [[-100, -100, -100, -100, -100, 6, EOT], [6, EOT, -100, 3, 4, EOT, -100]]
    assert batch.position_ids is not None
    assert batch.position_ids.tolist() == [[0, 1, 2, 3, 4, 5, 6], [0, 1, 0, 1, 2, 3, 0]]
    assert batch.row_of is not None
    assert batch.row_of.tolist() == [[0] * 7, [1, 1, 2, 2, 2, 2, -1]]
    assert batch.attention_mask.tolist() == [[1] * 7, [1] * 6 + [0]]
    assert batch.rows == ("talk", "short", "long")
    assert (batch.tokens, batch.trained_tokens) == (13, 7)
    assert {t.dtype for t in (batch.position_ids, batch.row_of)} == {torch.int64}
    # The same rows apart: the same labels, each at the same place of its row.
    plain = collate([TALK, SHORT, LONG], pad_id=0)
    assert plain.labels.tolist() == [
        [-100, -100, -100, -100, -100, 6, EOT],
        [6, EOT, -100, -100, -100, -100, -100],
        [-100, 3, 4, EOT, -100, -100, -100],
    ]
    assert plain.position_ids is plain.row_of is None


def test_a_rows_first_token_is_no_target_wherever_the_row_lies():
    """Even where its mask says so: nothing in its own row comes before it."""
    greedy = [TokenExample(str(k), (k, k + 10, EOT), (T, T, T)) for k in (1, 2, 3)]
    batch = collate(greedy, 0, packed=True)
    assert batch.input_ids.tolist() == [[1, 11, 2, 12, 3, 13]]
    assert batch.labels.tolist() == [[11, EOT, 12, EOT, 13, EOT]]


def test_packed_widths():
    assert collate([LONG, SHORT], 0, packed=True, multiple_of=4).input_ids.shape == (1, 8)
    assert collate([LONG, SHORT], 0, packed=True, max_length=5).input_ids.shape == (2, 4)
    assert collate([LONG, SHORT], 0, packed=True, pad_to=5).input_ids.shape == (2, 5)
    assert collate([LONG, SHORT], 0, packed=True, pad_to=9, max_length=5).input_ids.shape == (2, 9)
    assert collate([TokenExample("r", (3,), (T,))], 0, packed=True).input_ids.tolist() == [[0]]
    with pytest.raises(RequestError, match="row long fills 4 positions, more than the 3 asked for; raise max_length"):
        collate([SHORT, LONG], 0, packed=True, max_length=3)
    assert collate([SHORT, LONG], 0, max_length=3).input_ids.shape == (2, 4)  # of packed sequences only


def pairs(rows, batch) -> list[tuple[str, tuple[int, ...], int]]:
    """(row, what it has read, what it shall predict) of every trained position, read off the tensors."""
    out = []
    for b in range(len(batch.input_ids)):
        for t in range(batch.input_ids.shape[1]):
            if batch.labels[b, t] == IGNORE_INDEX:
                continue
            row = b if batch.row_of is None else int(batch.row_of[b, t])
            start = 0 if batch.position_ids is None else t - int(batch.position_ids[b, t])
            if batch.row_of is not None:
                assert set(batch.row_of[b, start : t + 1].tolist()) == {row}
            out.append((row, tuple(batch.input_ids[b, start : t + 1].tolist()), int(batch.labels[b, t])))
    return sorted(out)


@given(st.lists(token_rows(least=0), min_size=1, max_size=8), st.none() | st.integers(14, 40), st.integers(1, 5))
def test_packed_and_unpacked_train_the_same_pairs(rows, max_length, multiple_of):
    plain = collate(rows, 0)
    packed = collate(rows, 0, packed=True, max_length=max_length, multiple_of=multiple_of)
    assert pairs(rows, packed) == pairs(rows, plain)
    assert pairs(rows, plain) == sorted(
        (r, row.ids[:t], row.ids[t]) for r, row in enumerate(rows) for t in range(1, len(row.ids)) if row.loss_mask[t]
    )
    assert (packed.tokens, packed.trained_tokens, packed.rows) == (plain.tokens, plain.trained_tokens, plain.rows)
    assert packed.position_ids is not None
    assert packed.row_of is not None
    # What transformers goes by: a row begins exactly where positions do not go on by one.
    step = torch.diff(packed.position_ids, dim=1) == 1
    same_row = torch.diff(packed.row_of, dim=1) == 0
    assert (step == same_row).all()
    assert ((packed.row_of >= 0) == (packed.attention_mask == 1)).all()


@given(st.lists(st.integers(0, 30), min_size=1, max_size=40), st.integers(30, 90))
def test_sequences_hold_every_row_once_and_not_too_much(lengths, limit):
    sequences = pack(lengths, limit)
    assert sorted(r for rows in sequences for r in rows) == list(range(len(lengths)))
    fills = [sum(lengths[r] for r in rows) for rows in sequences]
    assert max(fills) <= limit
    # A sequence more than twice what a perfect packing could need would be no packing.
    assert len(sequences) <= max(1, 2 * -(-sum(lengths) // limit))


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


RECORDED = [[4, 5, 6, 7], [12, 13, 14, 15], [8, 9, 10, 11], [16, 17, 18], [0, 1, 2, 3]]


def test_the_order_is_the_same_in_every_process():
    """As it was recorded: Python hashes texts otherwise in each process, and this is another one at each run."""
    assert list(LengthBatches(range(1, 20), 4, 5, 2)) == RECORDED


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
    packed = make_loaders(rows_of(23), rows_of(9), [], 4, 0, seed=3, packed=True, max_length=10)
    assert [b.rows for b in packed.train] == epochs[0]
    assert all(b.row_of is not None and b.input_ids.shape[1] <= 10 for b in packed.train)
    assert all(b.row_of is None for b in packed.val)


@pytest.mark.parametrize("name", ["heedful.batches", "heedful.chat", "heedful.templates", "heedful.train.prepare"])
def test_examples_in_docstrings(name):
    module = __import__(name, fromlist=["x"])
    result = doctest.testmod(module)
    assert result.failed == 0
    if module is batches:
        assert result.attempted


@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=20),
    st.one_of(st.none(), st.integers(1, 25)),
    st.one_of(st.none(), st.integers(1, 200)),
)
def test_micro_batches_are_all_rows_in_order_and_as_few_as_fit(lengths, size, positions):
    parts = micro_batches(lengths, size, positions)
    assert [i for part in parts for i in range(part.start, min(part.stop, len(lengths)))] == list(range(len(lengths)))
    if size:
        assert len(parts) == -(-len(lengths) // size)
    elif positions is None:
        assert len(parts) == 1
    else:
        filled = [max(lengths[part]) * len(lengths[part]) for part in parts]
        assert all(n <= positions or len(lengths[p]) == 1 for n, p in zip(filled, parts, strict=True))
        for one in parts[:-1]:  # another row would not have fitted
            more = lengths[one.start : one.stop + 1]
            assert max(more) * len(more) > positions
