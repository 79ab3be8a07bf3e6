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
import textwrap
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from heedful.data.formats import Drop
from heedful.data.splits import SHOWN, Overlap, Split, question_of
from heedful.errors import HeedfulError
from heedful.records import Example, TokenExample

SCHEMA = "heedful.ledger/1"
# Markers of chat templates; inside a row's text they are usually left over from another template.
MARKERS = (
    "### Instruction:",
    "### Input:",
    "### Response:",
    "<|im_start|>",
    "<|im_end|>",
    "<|user|>",
    "<|assistant|>",
    "<|end|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<start_of_turn>",
    "<end_of_turn>",
    "[INST]",
    "[/INST]",
    "</s>",
)


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
        """Drop a row that was kept until now (too long for the model, say). Call it before `add_split`."""
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
        """The parts that the kept rows were divided into, and what they share."""
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
        no_stop = [e for e, n in zip(examples, trained, strict=True) if n and not _stop_is_trained(e, stops)]
        double = [e for e in examples if bos_id is not None and _several_bos(e.ids, bos_id, stops)]
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
            ("wholly_masked", "rows have no trained token: they teach nothing", masked),
            ("stop_not_trained", "rows do not train the stop token: the model does not learn to stop", no_stop),
            ("several_bos", "rows begin with, or hold, more than one BOS token", double),
            ("truncated", "rows are cut to the length limit", cut),
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


def _stop_is_trained(example: TokenExample, stops: set[int]) -> bool:
    """Whether a stop token is among the last two trained ones (a template may end a turn with a line break)."""
    trained = [i for i, mask in zip(example.ids, example.loss_mask, strict=True) if mask]
    return any(i in stops for i in trained[-2:])


def _several_bos(ids: Sequence[int], bos: int, stops: set[int]) -> bool:
    """Where BOS is also the stop token (GPT-2), only two at the very beginning are a mistake."""
    return tuple(ids[:2]) == (bos, bos) if bos in stops else ids.count(bos) > 1


def check_rows(examples: Sequence[Example], markers: Sequence[str] = MARKERS) -> list[tuple[str, str, list[str]]]:
    """What is odd about rows that stay, as (finding, sentence, places)."""
    first: dict[tuple[str, str], str] = {}
    answers: dict[str, dict[str, str]] = {}
    twice, conflicts, edges, marked = [], [], [], []
    for e in examples:
        question, answer = question_of(e), e.reference or ""
        if (question, answer) in first:
            twice.append(f"{e.source} repeats {first[question, answer]}")
        first.setdefault((question, answer), e.source)
        others = answers.setdefault(question, {})
        level = " ".join(answer.casefold().split())
        if others and level not in others:
            conflicts.append(f"{e.source} contradicts {next(iter(others.values()))}")
        others.setdefault(level, e.source)
        texts = [t for m in e.messages for t in (m.content, m.context or "")]
        if any(t != t.strip() for t in texts):
            edges.append(e.source)
        if any(marker in t for t in texts for marker in markers):
            marked.append(e.source)
    return [
        ("duplicates", "rows repeat the question and the answer of an earlier row", twice),
        ("conflicts", "rows answer the question of an earlier row in another way", conflicts),
        ("edge_whitespace", "rows have white space at the beginning or the end of a text; it is kept", edges),
        ("markers", "rows hold a marker of a chat template in their text", marked),
    ]


def ledger_lines(document: dict[str, Any], width: int = 80) -> list[str]:
    """A ledger's document as short plain lines of at most `width` characters (longer only where a path is)."""
    d = document
    out = ["Files"]
    for f in d["files"]:
        out += _wrap(f"{f['path']}: {f['kind']}, {f['format']}, {f['rows']:,} rows, sha256 {f['sha256'][:12]}", width)
    out += ["Rows"]
    out += _wrap(
        f"{d['read']:,} read = {d['kept']:,} kept + {d['truncated']:,} truncated + {d['dropped']:,} dropped", width
    )
    if d["unused"]:
        out += _wrap(f"{d['unused']:,} of them are in no part of the split", width)
    if d["reasons"]:
        out += ["Dropped"]
    for r in d["reasons"]:
        out += _wrap(f"{r['count']:,} {r['reason']}: {r['sentence']} ({_places(r, 3)})", width)
    if d["parts"]:
        out += ["Parts"]
    for part, p in d["parts"].items():
        out += _wrap(f"{part:<5} {_part_figures(p)}", width)
    if d["overlaps"]:
        out += ["Overlaps"]
    for o in d["overlaps"]:
        first, second = o["parts"]
        out += _wrap(f"{o['count']:,} {second} rows repeat a {first} question ({_places(o, 2)})", width)
    if d["findings"] or d["warnings"]:
        out += ["Look at"]
    for f in d["findings"]:
        out += _wrap(f"{f['count']:,} {f['sentence']} ({_places(f, 2)})", width)
    for warning in d["warnings"]:
        out += _wrap(warning, width)
    return out


def _part_figures(p: dict[str, Any]) -> str:
    if "tokens" not in p:
        return f"{p['rows']:,} rows, {p['characters']:,} characters, {p['answer_characters']:,} of them answer"
    share = 100 * p["trained_tokens"] / p["tokens"] if p["tokens"] else 0
    return (
        f"{p['rows']:,} rows, {p['tokens']:,} tokens, {p['trained_tokens']:,} trained ({share:.0f}%), "
        f"median {p['median_tokens']:g}, longest {p['longest_tokens']:,}"
    )


def _places(entry: dict[str, Any], most: int) -> str:
    shown = "; ".join(entry["where"][:most])
    return shown + (f"; and {entry['count'] - most:,} more" if entry["count"] > most else "")


def _wrap(text: str, width: int) -> Iterable[str]:
    return textwrap.wrap(
        text, width, initial_indent="  ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
