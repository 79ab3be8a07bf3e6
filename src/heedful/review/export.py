"""Marks as Scores and as a table: review.jsonl and review.csv.

Each reviewer's last mark of a question is a Score. A question that was not asked, since a request had failed, is one
without a value for every reviewer, so that whoever reads the file counts it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from heedful.records import Score, hash_of, to_json
from heedful.review.items import TAGS, Item, ReviewSet
from heedful.review.marks import Mark, Marks
from heedful.review.result import VALUES
from heedful.store import json_line, write_text

COLUMNS = ("example_id", "reviewer", "verdict", "value", "tags", "note", "shown_left", "seconds", "at", "blind")


def scores(review: ReviewSet, marks: Marks) -> list[Score]:
    """All marks of a set as Scores, in the order of their making, then those without a value."""
    items = {i.example_id: i for i in review.items}
    current = [m for m in marks.current() if m.example_id in items]
    raters = list(dict.fromkeys(m.reviewer for m in current))
    out = [_score(review, items[m.example_id], m) for m in current]
    return out + [_unscored(review, item, name) for name in raters for item in review.failed]


def _score(review: ReviewSet, item: Item, m: Mark) -> Score:
    metadata: dict[str, Any] = {"at": m.at, "seconds": round(m.seconds, 1), "blind": m.blind, "set": review.hash}
    if m.shown_left:
        metadata["shown_left"] = m.shown_left
    if m.tags:
        metadata["tags"] = list(m.tags)
    return Score(
        id=_id(review, item, m.reviewer),
        example_id=item.example_id,
        responses=tuple(a.id for a in item.answers),
        scorer=_scorer(review),
        rater=f"human:{m.reviewer}",
        value=VALUES[m.verdict],
        answer=m.verdict,
        explanation=m.note or None,
        metadata=metadata,
    )


def _unscored(review: ReviewSet, item: Item, reviewer: str) -> Score:
    return Score(
        id=_id(review, item, reviewer),
        example_id=item.example_id,
        responses=tuple(a.id for a in item.answers),
        scorer=_scorer(review),
        rater=f"human:{reviewer}",
        value=None,
        explanation=f"not asked, since a request had failed: {item.failure}",
    )


def _scorer(review: ReviewSet) -> str:
    return f"review.{review.mode}"


def _id(review: ReviewSet, item: Item, reviewer: str) -> str:
    return hash_of([_scorer(review), reviewer, item.hash])


def csv_text(review: ReviewSet, marks: Marks) -> str:
    """The table, a line for every Score. Tags are joined by spaces; the winner of a pair is named as its side is."""
    names: dict[str, str] = dict(zip(("first", "second"), review.names, strict=True)) if review.mode == "pair" else {}
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    for s in scores(review, marks):
        table.writerow([_cell(v) for v in _row(s, names)])
    return out.getvalue()


def _row(s: Score, names: Mapping[str, str]) -> Iterator[Any]:
    left = s.metadata.get("shown_left", "")
    yield from (s.example_id, s.rater.removeprefix("human:"), names.get(s.answer or "", s.answer or "not asked"))
    yield "" if s.value is None else s.value
    yield " ".join(t for t in TAGS if t in s.metadata.get("tags", ()))
    yield from (s.explanation or "", names.get(left, left))
    yield from (s.metadata.get(k, "") for k in ("seconds", "at", "blind"))


def _cell(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula: before such a text stands an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def jsonl_text(review: ReviewSet, marks: Marks) -> str:
    """The Scores, a line each."""
    return "".join(json_line(to_json(s)) for s in scores(review, marks))


def write(review: ReviewSet, marks: Marks, folder: Path) -> tuple[Path, Path]:
    """Write review.jsonl and review.csv whole; a byte order mark tells spreadsheets that the table is UTF-8."""
    stem = "review" if review.mode == "pair" else "review-single"
    paths = folder / f"{stem}.jsonl", folder / f"{stem}.csv"
    write_text(paths[0], jsonl_text(review, marks))
    write_text(paths[1], "\ufeff" + csv_text(review, marks))
    return paths
