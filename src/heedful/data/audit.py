"""The ledger: what became of every row that was read.

Each row read is in exactly one of kept, truncated and dropped, and `LedgerBuilder.ledger` raises where that does not
hold. JSON form (``heedful.ledger/1``):

    files     [{path, kind, format, rows, sha256}]
    read, kept, truncated, dropped, unused (kept or truncated, but in no part of the split)
    reasons   [{reason, sentence, count, where: ["train.jsonl:17", ... at most 20]}]   for the dropped rows
    findings  [{finding, sentence, count, where}]                                      for rows that stay
    parts     {train: {rows, answer_characters, ..., tokens, trained_tokens, longest_tokens, ...}, ...}
    overlaps  [{parts: [a, b], count, where: ["x:940 repeats x:12", ...]}]
    warnings  [sentence, ...]

Token figures are there once `add_tokens` was called.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from heedful.data.findings import MARKERS, check_rows, several_bos, stop_is_trained
from heedful.data.formats import Drop
from heedful.data.ledger_text import ledger_lines
from heedful.data.splits import SHOWN, Overlap, Split
from heedful.errors import HeedfulError
from heedful.records import Example, TokenExample

SCHEMA = "heedful.ledger/1"


@dataclass(frozen=True)
class Ledger:
    """The finished ledger; `to_json` gives its document, `lines` its form on a terminal."""

    document: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        return self.document

    def lines(self, width: int = 80) -> list[str]:
        return ledger_lines(self.document, width)


@dataclass
class LedgerBuilder:
    """Collects what happens to the rows. `source_of` has the place of every row that was kept, by its id."""

    files: list[dict[str, Any]] = field(default_factory=list)
    read: int = 0
    source_of: dict[str, str] = field(default_factory=dict)
    drops: list[Drop] = field(default_factory=list)
    truncated: set[str] = field(default_factory=set)
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)
    in_parts: set[str] = field(default_factory=set)
    findings: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    found_overlaps: list[Overlap] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add_file(self, path: str, kind: str, form: str, rows: int, sha256: str) -> None:
        """A file that was read: its kind (json, csv, ...), the format of its rows, how many, and its hash."""
        self.files.append({"path": path, "kind": kind, "format": form, "rows": rows, "sha256": sha256})

    def keep(self, example: Example) -> None:
        """Count a row that was read and is kept."""
        self.read += 1
        self.source_of[example.id] = example.source

    def drop(self, drop: Drop) -> None:
        """Count a row that was read and is dropped."""
        self.read += 1
        self.drops.append(drop)

    def drop_kept(self, example_id: str, reason: str, sentence: str) -> None:
        """Drop a row that was kept until now (too long for the model, say); then call `add_split` (again)."""
        source = self.source_of.pop(example_id)
        self.truncated.discard(example_id)
        self.drops.append(Drop(reason, sentence, source))

    def warn(self, sentence: str) -> None:
        """Add a warning, once."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)

    def find(self, finding: str, sentence: str, where: Sequence[str]) -> None:
        """Note something about rows that stay: all their places, of which the ledger shows the first."""
        if where:
            old = self.findings.get(finding, (sentence, []))[1]
            self.findings[finding] = (sentence, [*old, *where])

    def add_split(self, split: Split, found: Sequence[Overlap] = ()) -> None:
        """The parts that the kept rows were divided into, and what they share; replaces what was added before."""
        self.parts.clear()
        self.in_parts.clear()
        for part, rows in split.parts().items():
            self.add_part(part, rows)
        self.found_overlaps = list(found)

    def add_part(self, part: str, examples: Sequence[Example]) -> None:
        """The rows of one part, measured in characters."""
        answers = [len(e.reference or "") for e in examples]
        prompts = [sum(len(m.content) + len(m.context or "") for m in e.prompt) for e in examples]
        self.in_parts.update(e.id for e in examples)
        self.parts[part] = {
            "rows": len(examples),
            "characters": sum(answers) + sum(prompts),
            "answer_characters": sum(answers),
            "median_answer_characters": _median(answers),
            "longest_characters": max((a + p for a, p in zip(answers, prompts, strict=True)), default=0),
        }

    def add_tokens(
        self, part: str, examples: Sequence[TokenExample], stop_id: int | Collection[int], bos_id: int | None = None
    ) -> None:
        """The rows of one part as the model sees them; call it once a part, after `add_split` or `add_part`.

        Counts tokens and, by row: the stop token (any of `stop_id`) is not trained at the end of the last answer,
        no token is trained at all, more than one BOS, truncated.
        """
        stops = {stop_id} if isinstance(stop_id, int) else set(stop_id)
        lengths = [len(e.ids) for e in examples]
        trained = [e.trained_tokens for e in examples]
        masked = [e for e, n in zip(examples, trained, strict=True) if n == 0]
        no_stop = [e for e, n in zip(examples, trained, strict=True) if n and not stop_is_trained(e, stops)]
        double = [e for e in examples if bos_id is not None and several_bos(e.ids, bos_id, stops)]
        cut = [e for e in examples if e.truncated]
        self.truncated.update(e.id for e in cut)
        self.parts.setdefault(part, {"rows": len(examples)})
        self.parts[part] |= {
            "tokens": sum(lengths),
            "trained_tokens": sum(trained),
            "longest_tokens": max(lengths, default=0),
            "median_tokens": _median(lengths),
            "median_answer_tokens": _median(trained),
            "truncated_rows": len(cut),
            "truncated_tokens": sum(e.truncated for e in cut),
            "wholly_masked_rows": len(masked),
            "stop_not_trained_rows": len(no_stop),
            "several_bos_rows": len(double),
        }
        for finding, sentence, rows in (
            ("wholly_masked", "rows that have no trained token: they teach nothing", masked),
            ("stop_not_trained", "rows that do not train the stop token: the model does not learn to stop", no_stop),
            ("several_bos", "rows that begin with, or hold, more than one BOS token", double),
            ("truncated", "rows that are cut to the length limit", cut),
        ):
            self.find(finding, sentence, [self.source_of.get(e.id, e.id) for e in rows])

    def check_rows(self, examples: Sequence[Example], markers: Sequence[str] = MARKERS) -> None:
        """Look at the kept rows: duplicates, contradictions, white space at the ends, markers of templates."""
        for finding, sentence, where in check_rows(examples, markers):
            self.find(finding, sentence, where)

    def ledger(self) -> Ledger:
        """The finished ledger. HeedfulError where its sums do not hold, which is a defect of the code that counted."""
        kept, cut = self.source_of.keys() - self.truncated, self.source_of.keys() & self.truncated
        if self.read != len(kept) + len(cut) + len(self.drops) or self.truncated - self.source_of.keys():
            raise HeedfulError(
                f"the ledger does not add up: {self.read} rows read, but {len(kept)} kept + {len(cut)} truncated + "
                f"{len(self.drops)} dropped; please report this"
            )
        rows = sum(p["rows"] for p in self.parts.values())
        unused = len(self.source_of.keys() - self.in_parts) if self.in_parts else 0
        if self.in_parts and rows + unused != len(self.source_of):
            raise HeedfulError(
                f"the ledger does not add up: {len(self.source_of)} rows stay, but {rows} are in a part and {unused} "
                "in none; please report this"
            )
        return Ledger(self._document(len(kept), len(cut), unused))

    def _document(self, kept: int, cut: int, unused: int) -> dict[str, Any]:
        counts = Counter(d.reason for d in self.drops)
        reasons = []
        for reason, count in counts.most_common():
            dropped = [d for d in self.drops if d.reason == reason]
            where = [d.source for d in dropped[:SHOWN]]
            reasons.append({"reason": reason, "sentence": dropped[0].sentence, "count": count, "where": where})
        findings = [
            {"finding": f, "sentence": s, "count": len(w), "where": w[:SHOWN]} for f, (s, w) in self.findings.items()
        ]
        return {
            "schema": SCHEMA,
            "files": [dict(f) for f in self.files],
            "read": self.read,
            "kept": kept,
            "truncated": cut,
            "dropped": len(self.drops),
            "unused": unused,
            "reasons": reasons,
            "findings": findings,
            "parts": {part: dict(figures) for part, figures in self.parts.items()},
            "overlaps": [
                {"parts": list(o.parts), "count": o.count, "where": list(o.where)} for o in self.found_overlaps
            ],
            "warnings": list(self.warnings),
        }


def _median(numbers: Sequence[int]) -> float:
    return statistics.median(numbers) if numbers else 0
