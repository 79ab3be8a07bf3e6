"""The tree of prefixes, by hand, and that every order of walking it computes each token that is needed, once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from heedful.backends.scoring.tree import Bundle, Node, Stretch, TokenRow, build_tree, flatten, walk


def shape(node: Node) -> tuple:
    return (node.start, node.ids, sorted(node.asked), [shape(child) for child in node.children])


def test_three_rows_by_hand():
    rows = [
        TokenRow([7, 8, 9], [1, 2, 5]),
        TokenRow([7, 8, 9], [1, 3]),
        TokenRow([7, 8, 9, 4], [6]),
        TokenRow([2], [3]),
    ]
    other, root = build_tree(rows)
    assert shape(other) == (0, [2], [(0, 3, 3)], [])
    # 7 8 9, where the first two rows have 1 next; 1, where the first has 2 and the second 3; 2, where it has 5
    assert shape(root) == (
        0,
        [7, 8, 9],
        [(2, 0, 1), (2, 1, 1)],
        [(3, [1], [(0, 0, 2), (0, 1, 3)], [(4, [2], [(0, 0, 5)], [])]), (3, [4], [(0, 2, 6)], [])],
    )
    assert (root.size, other.size) == (6, 1)


def test_a_trunk_with_two_families():
    rows = [TokenRow([1] * 100 + [5, 6], [c]) for c in (7, 8)] + [TokenRow([1] * 100 + [9], [7, 3])]
    pieces = list(walk(build_tree(rows), family=10, bundle=20, stretch=64))
    assert [type(p).__name__ for p in pieces] == ["Stretch", "Stretch", "Bundle"]
    assert [(p.start, len(p.ids)) for p in pieces[:2]] == [(0, 64), (64, 36)]
    last = pieces[2]
    assert (last.trunk, [f.ids for f in last.families]) == (100, [[5, 6], [9, 7]])
    assert [sorted(f.asked) for f in last.families] == [[(1, 0, 7), (1, 1, 8)], [(0, 2, 7), (1, 2, 3)]]


def test_a_short_beginning_is_copied_not_walked():
    rows = [TokenRow([1, 10 + k] + [k] * 60, [5]) for k in range(4)]
    pieces = list(walk(build_tree(rows), family=80, bundle=200, stretch=64, copied=3))
    assert [type(p).__name__ for p in pieces] == ["Bundle", "Bundle"]
    assert sorted(f.ids[:2] for p in pieces for f in p.families) == [[1, 10], [1, 11], [1, 12], [1, 13]]


tokens = st.lists(st.integers(1, 3), min_size=1, max_size=9)


@given(
    st.lists(st.tuples(tokens, tokens), min_size=1, max_size=12),
    st.integers(1, 12), st.integers(1, 12), st.integers(1, 5), st.integers(0, 9), st.integers(0, 12),
)  # fmt: skip
def test_each_row_finds_its_tokens(pairs, family, bundle, stretch, copied, repeated):
    """What a walk computes, put together again: below each place that is asked stands the row's own beginning."""
    rows = [TokenRow(context, continuation) for context, continuation in pairs]
    rows += rows[:repeated]
    trunk: list[int] = []
    found: dict[int, list[tuple[int, int]]] = {}

    def ask(path, asked):
        for offset, row, token in asked:
            at = offset + 1
            whole = [*rows[row].context, *rows[row].continuation]
            assert path[: len(path) - part_length + at] == whole[: len(path) - part_length + at]
            assert whole[len(path) - part_length + at] == token
            found.setdefault(row, []).append((len(path) - part_length + at, token))

    for piece in walk(build_tree(rows), family, bundle, stretch, copied):
        if isinstance(piece, Stretch):
            assert piece.start <= len(trunk)
            assert len(piece.ids) <= stretch
            trunk = trunk[: piece.start] + list(piece.ids)
            part_length = len(piece.ids)
            ask(trunk, piece.asked)
            continue
        assert isinstance(piece, Bundle)
        assert piece.trunk <= len(trunk)
        for root in piece.families:
            paths: list[list[int]] = []
            for node, parent in flatten(root):
                path = (paths[parent] if parent >= 0 else trunk[: piece.trunk]) + node.ids
                assert node.start == len(path) - len(node.ids)
                paths.append(path)
                part_length = len(node.ids)
                ask(path, node.asked)
    for number, row in enumerate(rows):
        places = range(len(row.context), len(row.context) + len(row.continuation))
        assert sorted(found[number]) == list(zip(places, row.continuation, strict=True))
