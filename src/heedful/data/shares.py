"""Dealing groups of rows out to the parts of a split by their shares, the same on every machine."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Group:
    """Rows that stay in one part: a text that names them, their numbers, and each row's stratum where there are any."""

    key: str
    rows: Sequence[int]
    strata: tuple[str, ...] = ()

    @property
    def stratum(self) -> str:
        """The commonest stratum of the rows, the first in the alphabet where several are."""
        counts = Counter(self.strata)
        return min(counts, key=lambda s: (-counts[s], s)) if counts else ""


def share_out(
    groups: Sequence[Group], shares: Mapping[str, Fraction], seed: int
) -> tuple[dict[str, list[int]], dict[str, int]]:
    """The numbers of the rows of each part, and how many rows each part of `shares` was to have.

    `shares` are those of the parts other than train, which gets what is left, groups too large for a part among it.
    Groups are taken in the order of their hash with the seed: no random generator, no dependence on the file's order.
    Within each stratum a part has room for its share of the stratum's rows. There must be a group for every part.
    """
    total = sum(len(g.rows) for g in groups)
    sizes = {part: max(1, round(total * share)) for part, share in shares.items()}
    sizes = dict(sorted(sizes.items(), key=lambda item: item[1]))  # the small part first, or it finds nothing left
    strata: dict[str, list[Group]] = {}
    for group in sorted(groups, key=lambda g: hashlib.sha256(_bytes(f"{seed}\n{g.key}")).digest()):
        strata.setdefault(group.stratum, []).append(group)
    rows = {stratum: sum(len(g.rows) for g in found) for stratum, found in strata.items()}
    room = {part: _quotas(rows, size, total) for part, size in sizes.items()}
    taken: dict[str, list[Group]] = {"train": [], **{part: [] for part in sizes}}
    for stratum, found in sorted(strata.items()):
        for group in found:
            part = next((p for p in sizes if len(group.rows) <= room[p][stratum]), "train")
            taken[part].append(group)
            if part in room:
                room[part][stratum] -= len(group.rows)
    for part in taken:  # where every group was too large for a part, it gets the smallest of the part with the most
        if not taken[part]:
            donor = max(taken, key=lambda p: len(taken[p]))
            smallest = min(range(len(taken[donor])), key=lambda i: len(taken[donor][i].rows))
            taken[part].append(taken[donor].pop(smallest))
    return {part: [i for g in found for i in g.rows] for part, found in taken.items()}, sizes


def _quotas(rows: Mapping[str, int], size: int, total: int) -> dict[str, int]:
    """How many of `size` rows each stratum gives: its share rounded down, what is missing by the largest remainder."""
    exact = {stratum: Fraction(count * size, total) for stratum, count in rows.items()}
    out = {stratum: int(share) for stratum, share in exact.items()}
    order = sorted(exact, key=lambda s: (out[s] - exact[s], hashlib.sha256(_bytes(s)).digest()))
    for stratum in order[: size - sum(out.values())]:
        out[stratum] += 1
    return out


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
