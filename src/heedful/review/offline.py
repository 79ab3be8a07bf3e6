"""A page to send out, as one file without a network, and the marks that come back from it.

The file has each question's texts in the order in which they are shown, and nothing else: no model's name, no id. Which
side is which stands in the marks' SQLite file, under the name of the sheet, so there is nothing to peek at. What comes
back is checked as a stranger's file is.
"""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from heedful.errors import DataError, RequestError
from heedful.records import hash_of
from heedful.report.page import policy
from heedful.review.items import Item, ReviewSet, Side, left_side
from heedful.review.marks import Mark, Marks, clean_name
from heedful.review.pages import review_page
from heedful.review.session import LONGEST_NOTE, check_verdict, texts, to_maker
from heedful.store import write_text
from heedful.web.assets import ICON, asset

SCHEMA = "heedful.marks/1"
LARGEST = 100_000_000  # bytes of a file of marks
_SCRIPTS = (("heedful.web", "look.js"), ("heedful.review", "offline-store.js"), ("heedful.review", "review.js"))
_STYLES = (("heedful.web", "look.css"), ("heedful.review", "review.css"))


@dataclass(frozen=True)
class Imported:
    """What a file of marks brought: `new` ones, and those that were `known` from before."""

    reviewer: str
    new: int
    known: int


def write_sheet(review: ReviewSet, marks: Marks, path: Path) -> str:
    """Write the page and keep its sides; the name of the sheet."""
    sheet = hash_of(["sheet", review.hash], length=16)
    pairs = review.mode == "pair"
    sides: list[Side] = [left_side(review.seed, f"sheet {sheet}", i) if pairs else "first" for i in review.items]
    data = {
        "sheet": sheet,
        "set": review.hash,
        "mode": review.mode,
        "items": [texts(i, left) for i, left in zip(review.items, sides, strict=True)],
    }
    kept = [
        {"example_id": i.example_id, "hash": i.hash, "left": left} for i, left in zip(review.items, sides, strict=True)
    ]
    marks.add_sheet(sheet, review, kept)  # first: a page whose sides nobody knows would be lost work
    write_text(path, review_page(review.mode, head=_head(data), offline=True))
    return sheet


def _head(data: Mapping[str, Any]) -> Markup:
    """Style, data and scripts, with a policy that allows these by their hashes and nothing else."""
    style = "\n".join(asset(*name) for name in _STYLES)
    script = "\n".join(asset(*name) for name in _SCRIPTS)
    # A < could end the element early; JSON has another way to write it.
    items = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
    icon = "data:image/svg+xml," + "".join(c if c.isalnum() else f"%{ord(c):02x}" for c in ICON)
    return Markup(
        '<meta http-equiv="Content-Security-Policy" content="{}">\n<link rel="icon" href="{}">\n<style>{}</style>\n'
        '<script type="application/json" id="data">{}</script>\n<script>{}</script>'
    ).format(policy(style, script), icon, Markup(style), Markup(items), Markup(script))


def import_marks(review: ReviewSet, marks: Marks, path: Path) -> Imported:
    """Add the marks of a file that a page gave out; all of them, or none where one is wrong.

    DataError where the file is not one of marks, or its page was not made from the answers of this review.
    """
    value = _read(path)
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        raise DataError(f"{path}: not a file of marks ({SCHEMA}); name the one that the page saved")
    found = marks.sheet(value["sheet"]) if isinstance(value.get("sheet"), str) else None
    if found is None or found[0] != value.get("set") or value.get("mode") != review.mode:
        raise DataError(
            f"{path}: was not made from these answers; name the run or the files (and the --marks) that its page was "
            "made with"
        )
    sheet = found[1]
    items = {i.example_id: i for i in review.items}
    for asked in sheet:
        now = items.get(asked["example_id"])
        if now and now.hash != asked["hash"]:
            raise DataError(f"{path}: the answers to {asked['example_id']} have changed since its page was made")
    try:
        name = clean_name(text if isinstance(text := value.get("reviewer"), str) else "")
    except RequestError as e:
        raise DataError(f"{path}: {e}") from None
    entries = value.get("marks")
    if not isinstance(entries, list):
        raise DataError(f"{path}: has no list of marks")
    read = [_mark(path, k, entry, review, sheet, items, name) for k, entry in enumerate(entries, 1)]
    keys = [m.key for _, m in read]
    if len(set(keys)) != len(keys):
        raise DataError(f"{path}: has the same mark twice; ask for the file as the page saved it")
    new = marks.add(marks.reviewer(name), read)
    return Imported(name, new, len(read) - new)


def _read(path: Path) -> Any:
    if not path.is_file():
        raise DataError(f"{path}: no such file; name the one that the page saved")
    if path.stat().st_size > LARGEST:
        raise DataError(f"{path}: has over {LARGEST // 1_000_000} MB, which no file of marks has")
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError):
        raise DataError(f"{path}: not JSON; name the file that the page saved") from None


def _mark(
    path: Path,
    number: int,
    entry: Any,
    review: ReviewSet,
    sheet: list[dict[str, Any]],
    items: Mapping[str, Item],
    name: str,
) -> tuple[Item, Mark]:
    """One mark of the file, checked; DataError that names it."""
    where = f"{path}: mark {number}"
    if not isinstance(entry, dict):
        raise DataError(f"{where}: not an object")
    place, seconds = entry.get("number"), entry.get("seconds", 0)
    if isinstance(place, bool) or not isinstance(place, int) or not 1 <= place <= len(sheet):
        raise DataError(f"{where}: its question must be a number from 1 to {len(sheet)}")
    asked = sheet[place - 1]
    if asked["example_id"] not in items:
        raise DataError(
            f"{where}: is of {asked['example_id']}, which is not in this review; use the same --limit or none"
        )
    try:
        shown, tags = check_verdict(review.mode, entry.get("verdict"), entry.get("tags", []))
    except RequestError as e:
        raise DataError(f"{where}: {e}") from None
    note, key, at = (entry.get(k, "") for k in ("note", "key", "at"))
    if not all(_is_text(t, most) for t, most in ((note, LONGEST_NOTE), (key, 64), (at, 40))) or not key:
        raise DataError(f"{where}: its note, key or time is no text of the usual length")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < math.inf:
        raise DataError(f"{where}: its seconds are no number")
    mark = Mark(
        reviewer=name,
        example_id=asked["example_id"],
        verdict=to_maker(review.mode, shown, asked["left"]),
        shown_left=asked["left"] if review.mode == "pair" else None,
        tags=tags,
        note=note,
        seconds=min(float(seconds), 86_400.0),
        at=_time(where, at),
        origin="file",
        key=key,
    )
    return items[asked["example_id"]], mark


def _is_text(value: Any, most: int) -> bool:
    return isinstance(value, str) and len(value) <= most and not any("\ud800" <= c <= "\udfff" for c in value)


def _time(where: str, text: str) -> str:
    """An ISO time in UTC, to the second."""
    try:
        when = datetime.datetime.fromisoformat(text)
        return when.astimezone(datetime.UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError):
        raise DataError(f"{where}: its time '{text}' is no date and time") from None
