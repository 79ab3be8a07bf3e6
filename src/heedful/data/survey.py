"""A look at every row that is kept: what is odd, what is nearly the same, and what stands in a benchmark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any

from heedful.data.audit import LedgerBuilder
from heedful.data.contamination import Index
from heedful.data.findings import RowChecks
from heedful.data.near import NearDuplicates
from heedful.data.overlap import SHOWN, asked
from heedful.records import Example


class Survey:
    """Takes the kept rows one by one, in the builder's order, and writes what it found into the ledger at the end.

        with Survey(builder, indexes) as survey:
            for example in examples: survey.add(example)
            survey.finish()

    Texts are not kept in memory. Near-duplicate questions can be left out (``near=False``): they take most of the
    time.
    """

    def __init__(self, builder: LedgerBuilder, indexes: Sequence[Index] = (), near: bool = True):
        self._builder = builder
        self._checks = RowChecks()
        self._indexes = [_Contamination(index) for index in indexes]
        self._stack = ExitStack()
        self._near = self._stack.enter_context(NearDuplicates()) if near else None

    def __enter__(self) -> Survey:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def add(self, example: Example) -> None:
        """Look at one row."""
        self._checks.add(example)
        if self._near is not None:
            self._near.add(asked(example))
        for index in self._indexes:
            index.add(example)

    def add_all(self, examples: Iterable[Example]) -> Survey:
        """Look at many rows."""
        for example in examples:
            self.add(example)
        return self

    def finish(self) -> None:
        """Write findings, distributions, near-duplicates and contamination into the ledger."""
        for found in self._checks.findings():
            self._builder.add_finding(found.finding, found.sentence, found.count, found.where, found.severity)
        self._builder.more["distributions"] = self._checks.distributions()
        if self._near is not None:
            self._builder.more["near_duplicates"] = self._near_duplicates(self._near)
        if self._indexes:
            self._builder.more["contamination"] = [i.to_json() for i in self._indexes]

    def _near_duplicates(self, near: NearDuplicates) -> dict[str, Any]:
        pairs = [p for p in near.pairs() if p.similarity < 1]
        at = self._builder.places()
        shown = [f"{at[p.second]} is {p.similarity:.2f} like {at[p.first]}" for p in pairs[:SHOWN]]
        return {"compared": len(near), "count": len(pairs), "where": shown}


class _Contamination:
    """Rows that hold an item of one benchmark's index."""

    def __init__(self, index: Index):
        self._index = index
        self._items: set[str] = set()
        self._rows = 0
        self._where: list[str] = []

    def add(self, example: Example) -> None:
        texts = [t for m in example.messages for t in (m.content, m.context) if t]
        hits = self._index.check("\n".join(texts))
        if not hits:
            return
        self._rows += 1
        self._items.update(hit.item for hit in hits)
        if len(self._where) < SHOWN:
            self._where.append(f"{example.source} holds {hits[0].item}")

    def to_json(self) -> dict[str, Any]:
        """index, items (in it), found (items that stand in a row), rows, where."""
        return {
            "index": self._index.name,
            "items": len(self._index),
            "found": len(self._items),
            "rows": self._rows,
            "where": self._where,
        }
