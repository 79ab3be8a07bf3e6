"""The ledger: what became of every row that was read.

Each row read is in exactly one of kept, truncated and dropped, and `LedgerBuilder.ledger` raises where that does not
hold. A row of a file that holds several (a tree of replies, nested instances) counts as that many. JSON form
(``heedful.ledger/1``):

    files     [{path, kind, format, why?, rows, sha256, revision?}]   why: what else the rows could have been
    read, kept, truncated, dropped, unused (kept or truncated, but in no part of the split)
    reasons   [{reason, sentence, count, where: ["train.jsonl:17", ... at most 20]}]   for the dropped rows
    findings  [{finding, sentence, count, where, severity: error|warning|note}]        for rows that stay
    parts     {train: {rows, answer_characters, ..., tokens, trained_tokens, longest_tokens, ...}, ...}
    overlaps  [{parts: [a, b], kind: question|near|group, count, where: ["x:940 repeats x:12", ...]}]
    near_duplicates  {compared, clusters, count, where: ["x:940 is 0.91 like x:12", ...]}
    contamination    [{index, items, found, rows, where}]
    distributions    lengths, turns, scripts, languages, system prompts: see heedful.data.findings
    warnings  [sentence, ...]

Token figures are there once `add_tokens` was called (or `TokenFigures` given to `set_part`).
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from heedful.data.figures import TOKEN_FAULTS, CharacterFigures, TokenFigures
from heedful.data.formats import Drop
from heedful.data.ledger_text import ledger_lines
from heedful.data.splits import SHOWN, Overlap, Split
from heedful.errors import DataError, HeedfulError
from heedful.records import Example, TokenExample

SCHEMA = "heedful.ledger/1"
MOST_DROPS = 10_000  # dropped rows that are remembered one by one; the others are counted


class Places(Sequence[str]):
    """The places of rows in one block of bytes: some 30 bytes a row."""

    def __init__(self) -> None:
        self._text = bytearray()
        self._ends = array("Q")

    def add(self, place: str) -> None:
        self._text += place.encode()
        self._ends.append(len(self._text))

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, k: Any) -> Any:
        return bytes(self._text[self._ends[k - 1] if k else 0 : self._ends[k]]).decode()


@dataclass(frozen=True)
class Ledger:
    """The finished ledger; `to_json` gives its document, `lines` its form on a terminal."""

    document: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        return self.document

    def lines(self, width: int = 80) -> list[str]:
        return ledger_lines(self.document, width)


@dataclass
class Counted:
    """Rows of one kind: how many, and the first places."""

    sentence: str
    severity: str = "warning"
    count: int = 0
    where: list[str] = field(default_factory=list)

    def add(self, where: Iterable[str]) -> None:
        for place in where:
            self.count += 1
            if len(self.where) < SHOWN:
                self.where.append(place)

    def to_json(self) -> dict[str, Any]:
        return {"sentence": self.sentence, "count": self.count, "where": list(self.where)}


@dataclass
class LedgerBuilder:
    """Collects what happens to the rows.

    With ``remember=True`` `source_of` has the place of every row that was kept, by its id, so that rows can be
    dropped later and each be found in one part. With ``remember=False`` rows are only counted, some 45 bytes each,
    for reading that must not grow with the file.
    """

    remember: bool = True
    files: list[dict[str, Any]] = field(default_factory=list)
    read: int = 0
    source_of: dict[str, str] = field(default_factory=dict)
    drops: list[Drop] = field(default_factory=list)
    truncated: set[str] = field(default_factory=set)
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)
    in_parts: set[str] = field(default_factory=set)
    findings: dict[str, Counted] = field(default_factory=dict)
    found_overlaps: list[Overlap] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)  # near_duplicates, contamination, distributions
    reasons: dict[str, Counted] = field(default_factory=dict)  # of dropped rows
    _kept: int = 0
    _cut: int = 0
    _ids: array[int] = field(default_factory=lambda: array("Q"))
    _places: Places = field(default_factory=Places)

    def add_file(self, path: str, kind: str, form: str, rows: int, sha256: str | None, **more: Any) -> None:
        """A file that was read: its kind (json, csv, ...), the format of its rows, how many, and its hash (None for
        a data set of the hub itself)."""
        facts = {"path": path, "kind": kind, "format": form, "rows": rows, "sha256": sha256}
        self.files.append(facts | {k: v for k, v in more.items() if v is not None})

    def keep(self, example: Example, truncated: bool = False) -> None:
        """Count a row that was read and is kept. DataError where its id stands already (checked at the end, by
        `ledger`, where rows are only counted)."""
        if self.remember:
            if example.id in self.source_of:
                raise DataError(
                    f"{example.source}: the id {example.id[:60]!r} stands already at {self.source_of[example.id]}; "
                    "give every row an id of its own, or take the ids away"
                )
            self.source_of[example.id] = example.source
            if truncated:
                self.truncated.add(example.id)
        else:
            self._kept += not truncated
            self._cut += truncated
            self._ids.frombytes(blake2b(example.id.encode(), digest_size=16).digest())
            self._places.add(example.source)
        self.read += 1

    def places(self) -> Sequence[str]:
        """The places of the rows that were kept, in the order in which they were."""
        return list(self.source_of.values()) if self.remember else self._places

    def drop(self, drop: Drop) -> None:
        """Count a row that was read and is dropped."""
        self.read += 1
        self._drop(drop)

    def _drop(self, drop: Drop) -> None:
        self.reasons.setdefault(drop.reason, Counted(drop.sentence)).add([drop.source])
        if len(self.drops) < MOST_DROPS:
            self.drops.append(drop)

    @property
    def dropped(self) -> int:
        """How many rows were dropped."""
        return sum(r.count for r in self.reasons.values())

    @property
    def staying(self) -> int:
        """How many rows were kept, truncated ones with them."""
        return len(self.source_of) if self.remember else self._kept + self._cut

    def drop_kept(self, example_id: str, reason: str, sentence: str) -> None:
        """Drop a row that was kept until now (too long for the model, say); then call `add_split` (again)."""
        source = self.source_of.pop(example_id)
        self.truncated.discard(example_id)
        self._drop(Drop(reason, sentence, source))

    def warn(self, sentence: str) -> None:
        """Add a warning, once."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)

    def find(self, finding: str, sentence: str, where: Iterable[str], severity: str = "warning") -> None:
        """Note something about rows that stay: their places, of which the first are shown and all are counted."""
        found = self.findings.get(finding, Counted(sentence, severity))
        found.add(where)
        if found.count:
            self.findings[finding] = found

    def add_finding(self, finding: str, sentence: str, count: int, where: Sequence[str], severity: str) -> None:
        """Note something that was counted elsewhere."""
        if count:
            self.findings[finding] = Counted(sentence, severity, count, list(where[:SHOWN]))

    def add_split(self, split: Split, found: Sequence[Overlap] = ()) -> None:
        """The parts that the kept rows were divided into, and what they share; replaces what was added before."""
        self.parts.clear()
        self.in_parts.clear()
        for part, rows in split.parts().items():
            self.add_part(part, rows)
        self.found_overlaps = list(found)

    def add_part(self, part: str, examples: Sequence[Example]) -> None:
        """The rows of one part, measured in characters."""
        figures = CharacterFigures()
        for example in examples:
            figures.add(example)
        self.in_parts.update(e.id for e in examples)
        self.parts[part] = figures.to_json()

    def add_tokens(
        self, part: str, examples: Sequence[TokenExample], stop_id: int | Collection[int], bos_id: int | None = None
    ) -> None:
        """The rows of one part as the model sees them; call it once a part, after `add_split` or `add_part`.

        Counts tokens and, by row: the stop token (any of `stop_id`) is not trained at the end of the last answer,
        no token is trained at all, more than one BOS, truncated.
        """
        figures = TokenFigures({stop_id} if isinstance(stop_id, int) else set(stop_id), bos_id)
        for row in examples:
            faults = figures.add(row)
            if row.truncated:
                self.truncated.add(row.id)
            self.add_token_faults(faults, self.source_of.get(row.id, row.id))
        self.set_part(part, {"rows": len(examples)} | self.parts.get(part, {}) | figures.to_json())

    def add_token_faults(self, faults: Sequence[str], source: str) -> None:
        """Note what `TokenFigures.add` found in a row."""
        for fault in faults:
            severity, sentence = TOKEN_FAULTS[fault]
            self.find(fault, sentence, [source], severity)

    def set_part(self, part: str, figures: dict[str, Any]) -> None:
        """The figures of a part that was measured elsewhere."""
        self.parts[part] = figures

    def ledger(self) -> Ledger:
        """The finished ledger. HeedfulError where its sums do not hold, which is a defect of the code that counted."""
        if self.remember:
            kept = len(self.source_of.keys() - self.truncated)
            cut = len(self.source_of.keys() & self.truncated)
        else:
            kept, cut = self._kept, self._cut
            self._need_different_ids()
        if self.read != kept + cut + self.dropped or self.truncated - self.source_of.keys():
            raise HeedfulError(
                f"the ledger does not add up: {self.read} rows read, but {kept} kept + {cut} truncated + "
                f"{self.dropped} dropped; please report this"
            )
        rows = sum(p["rows"] for p in self.parts.values())
        unused = len(self.source_of.keys() - self.in_parts) if self.in_parts else 0
        if self.in_parts and rows + unused != len(self.source_of):
            raise HeedfulError(
                f"the ledger does not add up: {len(self.source_of)} rows stay, but {rows} are in a part and {unused} "
                "in none; please report this"
            )
        return Ledger(self._document(kept, cut, unused))

    def _need_different_ids(self) -> None:
        import numpy as np

        hashes = np.frombuffer(self._ids, dtype=np.uint64).reshape(-1, 2)
        order = np.lexsort((hashes[:, 1], hashes[:, 0]))
        same = np.flatnonzero((hashes[order[1:]] == hashes[order[:-1]]).all(axis=1))
        if len(same):
            first, second = sorted((int(order[same[0]]), int(order[same[0] + 1])))
            raise DataError(
                f"{self._places[second]}: the row has the id of {self._places[first]}; give every row an id of its "
                "own, or take the ids away"
            )

    def _document(self, kept: int, cut: int, unused: int) -> dict[str, Any]:
        reasons = sorted(self.reasons.items(), key=lambda item: -item[1].count)
        return {
            "schema": SCHEMA,
            "files": [dict(f) for f in self.files],
            "read": self.read,
            "kept": kept,
            "truncated": cut,
            "dropped": self.dropped,
            "unused": unused,
            "reasons": [{"reason": reason, **counted.to_json()} for reason, counted in reasons],
            "findings": [
                {"finding": finding, **counted.to_json(), "severity": counted.severity}
                for finding, counted in self.findings.items()
            ],
            "parts": {part: dict(figures) for part, figures in self.parts.items()},
            "overlaps": [
                {
                    "parts": list(o.parts),
                    "kind": o.kind,
                    "count": o.count,
                    "where": list(o.where),
                }
                for o in self.found_overlaps
            ],
            **self.more,
            "warnings": list(self.warnings),
        }
