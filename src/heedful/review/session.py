"""What a reviewer's page is sent, and what it sends back.

Nothing that leaves here says who wrote an answer: an item has its texts in the order in which they are shown, and a
verdict is of what stands left or right. Who that was is looked up on this side.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from heedful.errors import RequestError
from heedful.report.text import visible
from heedful.review.items import TAGS, Item, Mode, ReviewSet, Side, left_side
from heedful.review.marks import Mark, Marks, Reviewer

SHOWN: dict[Mode, tuple[str, ...]] = {
    "pair": ("left", "right", "tie", "both_bad"),
    "single": ("right", "partly", "wrong"),
}
LONGEST_NOTE = 4_000  # characters
_OTHER: dict[Side, Side] = {"first": "second", "second": "first"}


def texts(item: Item, left: Side) -> dict[str, Any]:
    """The texts of an item as they are shown, control characters visible."""
    answers = item.answers if left == "first" else item.answers[::-1]
    return {
        "messages": [
            {"role": m.role, "content": visible(m.content)} | ({"context": visible(m.context)} if m.context else {})
            for m in item.messages
        ],
        "reference": None if item.reference is None else visible(item.reference),
        "answers": [{"text": visible(a.text), "cut": a.finish_reason == "length"} for a in answers],
    }


def to_maker(mode: Mode, shown: str, left: Side) -> str:
    """A verdict on what was shown as a verdict on who made it.

    >>> to_maker("pair", "right", "second"), to_maker("pair", "tie", "second"), to_maker("single", "right", "first")
    ('first', 'tie', 'right')
    """
    if mode == "single" or shown not in ("left", "right"):
        return shown
    return left if shown == "left" else _OTHER[left]


def to_shown(mode: Mode, verdict: str, left: Side) -> str:
    """The other way round.

    >>> to_shown("pair", "first", "second"), to_shown("pair", "both_bad", "first"), to_shown("single", "wrong", "first")
    ('right', 'both_bad', 'wrong')
    """
    if mode == "single" or verdict not in _OTHER:
        return verdict
    return "left" if verdict == left else "right"


def check_verdict(mode: Mode, verdict: Any, tags: Any) -> tuple[str, tuple[str, ...]]:
    """A verdict and tags that there are, the tags in their usual order; else RequestError."""
    if verdict not in SHOWN[mode]:
        raise RequestError(f"the verdict must be one of {', '.join(SHOWN[mode])}")
    if not isinstance(tags, list) or any(t not in TAGS for t in tags if isinstance(t, str)):
        raise RequestError(f"the tags must be a list of {', '.join(TAGS)}")
    if any(not isinstance(t, str) for t in tags) or (tags and mode == "pair"):
        raise RequestError("tags are texts, and only single answers have them")
    return str(verdict), tuple(t for t in TAGS if t in tags)


class Session:
    """One review with all its reviewers."""

    def __init__(self, review: ReviewSet, marks: Marks):
        self.review, self.marks = review, marks
        self.numbers = {item.example_id: number for number, item in enumerate(review.items, 1)}

    def left(self, who: Reviewer, item: Item) -> Side:
        return left_side(self.review.seed, who.name, item) if self.review.mode == "pair" else "first"

    def own(self, who: Reviewer) -> dict[int, Mark]:
        """A reviewer's marks by the number of the question."""
        marks = self.marks.current(who)
        return {self.numbers[m.example_id]: m for m in marks if m.example_id in self.numbers}

    def state(self, who: Reviewer | None, number: int | None = None, after: int = 0) -> dict[str, Any]:
        """Where a reviewer stands, with question `number`, else the next without a mark `after` one, else none."""
        total = len(self.review.items)
        out: dict[str, Any] = {"mode": self.review.mode, "set": self.review.hash, "total": total}
        if who is None:
            return out | {"reviewer": None}
        own = self.own(who)
        if number is None:
            open_ones = (n for n in [*range(after + 1, total + 1), *range(1, after + 1)] if n not in own)
            number = next(open_ones, None)
        item = self._item(who, number, own.get(number)) if number else None
        undo = any(m.origin == "page" for m in own.values())
        return out | {
            "reviewer": who.name,
            "marked": len(own),
            "item": item,
            "undo": undo,
            "unblinded": who.unblinded is not None,
        }

    def _item(self, who: Reviewer, number: int, mark: Mark | None) -> dict[str, Any]:
        item = self.item(number)
        left = self.left(who, item)
        shown = None
        if mark:
            verdict = to_shown(self.review.mode, mark.verdict, left)
            shown = {"verdict": verdict, "tags": list(mark.tags), "note": mark.note}
        return {"number": number, **texts(item, left), "mark": shown}

    def item(self, number: int) -> Item:
        """Question `number`, counted from 1; RequestError where there is none."""
        if not 1 <= number <= len(self.review.items):
            raise RequestError(f"there is no question {number}")
        return self.review.items[number - 1]

    def mark(self, who: Reviewer, sent: Mapping[str, Any]) -> None:
        """Keep a mark: `number`, `verdict`, `tags`, `note`, `seconds` and `key`, all checked before."""
        item = self.item(sent["number"])
        left = self.left(who, item)
        mark = Mark(
            reviewer=who.name,
            example_id=item.example_id,
            verdict=to_maker(self.review.mode, sent["verdict"], left),
            shown_left=left if self.review.mode == "pair" else None,
            tags=sent["tags"],
            note=sent["note"],
            seconds=sent["seconds"],
            key=sent["key"],
        )
        self.marks.add(who, [(item, mark)])

    def undo(self, who: Reviewer) -> int | None:
        """Take the last mark back; the number of its question."""
        example_id = self.marks.undo(who, list(self.numbers))
        return self.numbers[example_id] if example_id is not None else None
