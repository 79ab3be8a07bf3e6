"""Rows of tokens as a tree of prefixes, and the order in which its parts are computed.

    rows     [7 8 9 | 1 2], [7 8 9 | 1 3], [7 8 9 | 4]          what is scored stands after the bar
    tree     7 8 9 -> 1 -> 2, 3          every token once, however many rows begin with it
                   -> 4
    walk     Stretch(7 8 9)              the trunk: its keys and values are kept
             Bundle(1 (2, 3); 4)         families that hang from the end of the trunk, computed side by side

A subtree of few tokens is a family: it is computed in one go, each token seeing the trunk and its own ancestors. A
larger one has its first segment made part of the trunk, and what follows is walked in turn; when that is done the
trunk is cut back. So the keys and values of one path alone are ever kept. A segment of a token or two (questions that
begin with "What") is not worth a pass through the model: each child gets a copy of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class TokenRow:
    """What is scored: `continuation`, after `context`. At least one token each."""

    context: Sequence[int] | NDArray[np.uint32]
    continuation: Sequence[int]


@dataclass
class Node:
    """A run of tokens that no row leaves; `start` is its first token's position in every row through it.

    `asked` has, for places in the segment, the row and the token that the row has next: (offset, row, token).
    """

    start: int
    ids: list[int]
    children: list[Node] = field(default_factory=list)
    asked: list[tuple[int, int, int]] = field(default_factory=list)
    size: int = 0  # tokens in its subtree, its own among them

    @property
    def end(self) -> int:
        return self.start + len(self.ids)


@dataclass(frozen=True)
class Stretch:
    """Tokens that are added to the trunk at `start`; what the trunk has there and after is dropped."""

    start: int
    ids: Sequence[int]
    asked: Sequence[tuple[int, int, int]]


@dataclass(frozen=True)
class Bundle:
    """Families that hang from a trunk of `trunk` tokens."""

    trunk: int
    families: Sequence[Node]


def build_tree(rows: Sequence[TokenRow]) -> list[Node]:
    """The roots of the tree of all rows; a row's last token is never computed, since nothing is asked after it."""
    paths = [np.concatenate([row.context, row.continuation[:-1]]).astype(">u4") for row in rows]
    order = sorted(range(len(rows)), key=lambda r: paths[r].tobytes())  # big-endian, so bytes order as tokens do
    roots: list[Node] = []
    open_path: list[Node] = []  # the nodes from a root to the end of the row before
    before: NDArray[np.uint32] = np.empty(0, dtype=">u4")
    for r in order:
        path = paths[r]
        shared = _common(before, path)
        while open_path and open_path[-1].start >= shared:
            open_path.pop()
        if open_path and open_path[-1].end > shared:
            _cut(open_path[-1], shared)
        if shared < len(path):
            node = Node(shared, path[shared:].tolist())
            (open_path[-1].children if open_path else roots).append(node)
            open_path.append(node)
        _ask(open_path, r, rows[r])
        before = path
    for root in roots:
        _measure(root)
    return roots


def _common(a: NDArray[np.uint32], b: NDArray[np.uint32]) -> int:
    """How many tokens two rows begin with in common."""
    n = min(len(a), len(b))
    different = np.flatnonzero(a[:n] != b[:n])
    return int(different[0]) if len(different) else n


def _cut(node: Node, at: int) -> None:
    """Cut a node in two at a position, the second half becoming the child of the first."""
    offset = at - node.start
    rest = Node(at, node.ids[offset:], node.children, [(o - offset, r, t) for o, r, t in node.asked if o >= offset])
    node.ids, node.children = node.ids[:offset], [rest]
    node.asked = [(o, r, t) for o, r, t in node.asked if o < offset]


def _ask(path: Sequence[Node], r: int, row: TokenRow) -> None:
    """Note where a row's continuation is predicted: each of its tokens by the place before it."""
    first = len(row.context) - 1
    at = len(path) - 1
    for number in range(len(row.continuation) - 1, -1, -1):
        position = first + number
        while path[at].start > position:
            at -= 1
        path[at].asked.append((position - path[at].start, r, row.continuation[number]))


def _measure(root: Node) -> None:
    """The sizes of all subtrees, without recursion: a conversation may branch at every token."""
    order = [root]
    for node in order:
        order.extend(node.children)
    for node in reversed(order):
        node.size = len(node.ids) + sum(child.size for child in node.children)


def walk(roots: Sequence[Node], family: int, bundle: int, stretch: int, copied: int = 0) -> Iterator[Stretch | Bundle]:
    """The parts of the tree in an order in which each finds its ancestors on the trunk.

    `family` is the most tokens of a subtree that is computed in one go, `bundle` of families side by side, `stretch` of
    one addition to the trunk; up to `copied` tokens are computed more than once rather than added to it by themselves.
    """
    waiting: list[tuple[int, Sequence[Node]]] = [(0, roots)]
    while waiting:
        trunk, nodes = waiting.pop()
        nodes = _without_short(nodes, family, copied)
        small = [node for node in nodes if node.size <= family]
        yield from _bundles(trunk, small, bundle)
        large = [node for node in nodes if node.size > family]
        if not large:
            continue
        node, rest = large[0], large[1:]
        if rest:
            waiting.append((trunk, rest))
        for at in range(0, len(node.ids), stretch):
            ids = node.ids[at : at + stretch]
            asked = [(o - at, r, t) for o, r, t in node.asked if at <= o < at + len(ids)]
            yield Stretch(node.start + at, ids, asked)
        if node.children:
            waiting.append((node.end, node.children))


def _without_short(nodes: Sequence[Node], family: int, copied: int) -> list[Node]:
    """The nodes, but of large ones whose segment is short the children, each with a copy of it."""
    out: list[Node] = []
    left = list(reversed(nodes))
    while left:
        node = left.pop()
        if node.size <= family or len(node.ids) * (len(node.children) - 1) > copied or not node.children:
            out.append(node)
            continue
        for number, child in enumerate(node.children):
            asked = [(o + len(node.ids), r, t) for o, r, t in child.asked]
            ids = node.ids + child.ids
            size = child.size + len(node.ids)
            left.append(Node(node.start, ids, child.children, asked if number else node.asked + asked, size))
    return out


def _bundles(trunk: int, families: Sequence[Node], most: int) -> Iterator[Bundle]:
    """Families of like size together, as many as `most` tokens hold."""
    together: list[Node] = []
    tokens = 0
    for node in sorted(families, key=lambda n: -n.size):
        if together and tokens + node.size > most:
            yield Bundle(trunk, together)
            together, tokens = [], 0
        together.append(node)
        tokens += node.size
    if together:
        yield Bundle(trunk, together)


def flatten(family: Node) -> list[tuple[Node, int]]:
    """The nodes of a family from its root on, each after its parent, with its parent's place in the list (-1: none)."""
    order = [(family, -1)]
    for place, (node, _) in enumerate(order):
        order.extend((child, place) for child in node.children)
    return order
