"""The page that is sent out, and what comes back: nothing to peek at, nothing taken that is not right."""

from __future__ import annotations

import html
import json
import re

import pytest

from heedful.errors import DataError
from heedful.review.items import left_side
from heedful.review.marks import Marks
from heedful.review.offline import import_marks, write_sheet


@pytest.fixture
def sent(review, tmp_path):
    """A page of eight pairs, the sheet's name, and a function that writes a file of marks."""
    r = review(8)
    page = tmp_path / "page.html"
    r.sheet = write_sheet(r.set, r.marks, page)
    r.page = page.read_text()

    def back(marks, name="marks.json", **changes):
        value = {"schema": "heedful.marks/1", "mode": "pair", "set": r.set.hash, "sheet": r.sheet, "reviewer": "Ann"}
        path = tmp_path / name
        path.write_text(json.dumps(value | {"marks": marks} | changes))
        return path

    r.back = back
    return r


def mark(number, verdict, **more):
    values = {
        "number": number,
        "verdict": verdict,
        "tags": [],
        "note": "",
        "seconds": 2.5,
        "key": f"k{number}{verdict}",
    }
    return values | {"at": "2026-11-25T10:00:00.000Z"} | more


def test_the_page_is_one_file_and_holds_nothing_but_the_texts(sent):
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', sent.page, re.DOTALL)[1])
    assert set(data) == {"sheet", "set", "mode", "items"}
    assert all(set(i) == {"messages", "reference", "answers"} for i in data["items"])
    assert all(set(a) == {"text", "cut"} for i in data["items"] for a in i["answers"])
    assert "-e1" not in sent.page  # no id of a response
    assert not re.search(r'(?:src|href)="(?!data:|#)', sent.page)
    assert "default-src 'none'" in html.unescape(sent.page)
    for item, shown in zip(sent.set.items, data["items"], strict=True):
        texts = [a.text for a in item.answers]
        left = left_side(0, f"sheet {sent.sheet}", item)
        assert [a["text"] for a in shown["answers"]] == (texts if left == "first" else texts[::-1])


def test_marks_come_back_as_who_made_the_answers(sent):
    shown = ["left", "right", "tie", "both_bad"]
    got = import_marks(sent.set, sent.marks, sent.back([mark(k, v) for k, v in enumerate(shown, 1)]))
    assert (got.reviewer, got.new, got.known) == ("Ann", 4, 0)
    for found, verdict, item in zip(sent.marks.current(), shown, sent.set.items, strict=False):
        left = left_side(0, f"sheet {sent.sheet}", item)
        assert (found.example_id, found.shown_left, found.origin) == (item.example_id, left, "file")
        assert found.at == "2026-11-25T10:00:00+00:00"
        expected = (
            verdict
            if verdict in ("tie", "both_bad")
            else left
            if verdict == "left"
            else {"first": "second", "second": "first"}[left]
        )
        assert found.verdict == expected


def test_importing_twice_adds_nothing_and_a_changed_mind_counts(sent):
    first = sent.back([mark(1, "tie"), mark(2, "tie")])
    import_marks(sent.set, sent.marks, first)
    assert import_marks(sent.set, sent.marks, first).new == 0
    later = sent.back([mark(1, "both_bad"), mark(2, "tie"), mark(3, "tie")], "later.json")
    assert (import_marks(sent.set, sent.marks, later).new, len(sent.marks.current())) == (2, 3)
    assert import_marks(sent.set, sent.marks, first).new == 0
    assert {m.verdict for m in sent.marks.current()} == {"both_bad", "tie"}


def test_the_sheet_is_the_same_when_it_is_written_again(sent, tmp_path):
    assert write_sheet(sent.set, sent.marks, tmp_path / "again.html") == sent.sheet
    assert (tmp_path / "again.html").read_text() == sent.page


WRONG = {
    "schema": ({"schema": "heedful.marks/2"}, "not a file of marks"),
    "no sheet": ({"sheet": "unknown"}, "was not made from these answers"),
    "sheet of another type": ({"sheet": ["a"]}, "was not made from these answers"),
    "set": ({"set": "0" * 16}, "was not made from these answers"),
    "mode": ({"mode": "single"}, "was not made from these answers"),
    "no name": ({"reviewer": None}, "1 to 40 letters"),
    "long name": ({"reviewer": "x" * 99}, "1 to 40 letters"),
    "no list": ({"marks": {"1": "left"}}, "has no list of marks"),
    "no object": ({"marks": ["left"]}, "mark 1: not an object"),
    "number": ({"marks": [mark(1, "tie"), mark(9, "tie")]}, "mark 2: its question must be a number from 1 to 8"),
    "truth": ({"marks": [mark(True, "tie")]}, "from 1 to 8"),
    "verdict": ({"marks": [mark(1, "first")]}, "mark 1: the verdict must be one of left"),
    "tags": ({"marks": [mark(1, "tie", tags=["format"])]}, "mark 1: tags are texts"),
    "note": ({"marks": [mark(1, "tie", note="x" * 4_001)]}, "no text of the usual length"),
    "half a character": ({"marks": [mark(1, "tie", note="\ud800")]}, "no text of the usual length"),
    "key": ({"marks": [mark(1, "tie", key="")]}, "no text of the usual length"),
    "same key": ({"marks": [mark(1, "tie", key="k"), mark(2, "tie", key="k")]}, "the same mark twice"),
    "seconds": ({"marks": [mark(1, "tie", seconds=-1)]}, "seconds are no number"),
    "time": ({"marks": [mark(1, "tie", at="yesterday")]}, "'yesterday' is no date"),
    "last": ({"marks": [mark(1, "tie"), mark(2, "none")]}, "mark 2"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not_right_is_refused_whole(sent, name):
    changes, reason = WRONG[name]
    changes = {"marks": [mark(1, "tie")], **changes}
    with pytest.raises(DataError, match=re.escape(reason)):
        import_marks(sent.set, sent.marks, sent.back(**changes))
    assert sent.marks.current() == []


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b"5", b'"text"'])
def test_what_is_no_file_of_marks_is_told(sent, tmp_path, text):
    path = tmp_path / "odd.json"
    path.write_bytes(text)
    with pytest.raises(DataError, match=r"odd.json: (not JSON|not a file of marks)"):
        import_marks(sent.set, sent.marks, path)
    with pytest.raises(DataError, match="no such file"):
        import_marks(sent.set, sent.marks, tmp_path / "none.json")


def test_the_marks_of_another_review_are_not_taken(sent, tmp_path):
    path = sent.back([mark(1, "tie")])
    other = Marks(tmp_path / "other.sqlite", "pair")
    with pytest.raises(DataError, match="was not made from these answers"):
        import_marks(sent.set, other, path)
    other.close()
