"""Marks on disk: kept, changed by new ones, taken back, never mixed, safe with many writers."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.errors import DataError, HeedfulError, RequestError
from heedful.review.items import read_set
from heedful.review.marks import Mark, Marks, clean_name


def verdicts(marks, name=None):
    return {(m.reviewer, m.example_id): m.verdict for m in marks.current(marks.find(name) if name else None)}


def test_the_last_mark_counts_and_nothing_is_rewritten(review):
    r = review()
    r.mark("Ann", {"e1": "first", "e2": "tie"})
    r.mark("Ann", {"e1": "second"})
    assert verdicts(r.marks) == {("Ann", "e1"): "second", ("Ann", "e2"): "tie"}
    with sqlite3.connect(r.marks.path) as db:
        assert db.execute("SELECT verdict FROM marks ORDER BY id").fetchall() == [("first",), ("tie",), ("second",)]
    db.close()


def test_undo_goes_back_step_by_step_and_only_in_ones_own_marks(review):
    r = review()
    r.mark("Ann", {"e1": "first", "e2": "tie"})
    r.mark("Ben", {"e3": "tie"})
    r.mark("Ann", {"e1": "second"})
    ann, every = r.marks.reviewer("ann"), [f"e{k}" for k in range(10)]
    assert r.marks.undo(ann, every) == "e1"
    assert verdicts(r.marks)["Ann", "e1"] == "first"
    assert [r.marks.undo(ann, every) for _ in range(3)] == ["e2", "e1", None]
    assert verdicts(r.marks) == {("Ben", "e3"): "tie"}


def test_a_mark_sent_twice_counts_once(review):
    r = review()
    who = r.marks.reviewer("Ann")
    mark = (r.set.items[0], Mark("Ann", r.set.items[0].example_id, "tie", key="k"))
    assert [r.marks.add(who, [mark]) for _ in range(3)] == [1, 0, 0]
    assert r.marks.add(r.marks.reviewer("Ben"), [mark]) == 1  # another's key is another key


def test_names_are_known_again_however_they_are_written(review):
    r = review()
    assert r.marks.reviewer("  Ann   Lee ").id == r.marks.reviewer("ann lee").id
    assert [x.name for x in r.marks.reviewers()] == ["Ann Lee"]
    assert r.marks.find("ANN LEE").name == "Ann Lee"
    assert r.marks.find("Bo") is None
    assert clean_name("田中 さん") == "田中 さん"
    for bad in ("", "   ", "x" * 41, "a\x00b", "a\u202eb", "\ud800"):
        with pytest.raises(RequestError, match="1 to 40 letters"):
            clean_name(bad)


def test_what_is_marked_after_unblinding_is_not_blind(review):
    r = review()
    r.mark("Ann", {"e1": "tie"})
    r.marks.unblind(r.marks.reviewer("Ann"))
    r.mark("Ann", {"e2": "tie"})
    r.mark("Ben", {"e2": "tie"})
    assert [(m.reviewer, m.blind) for m in r.marks.current()] == [("Ann", True), ("Ann", False), ("Ben", True)]
    when = r.marks.find("Ann").unblinded
    r.marks.unblind(r.marks.reviewer("Ann"))
    assert r.marks.find("Ann").unblinded == when


def test_other_answers_under_the_same_ids_are_refused(review, tmp_path, lines, make_response):
    r = review(3)
    r.mark("Ann", {"e1": "tie"})
    r.marks.check(r.set)
    items = tuple(replace(i, hash="x") for i in r.set.items)
    with pytest.raises(DataError, match="the answers to e1 have changed"):
        r.marks.check(replace(r.set, items=items))
    r.marks.check(replace(r.set, items=tuple(i for i in items if i.example_id != "e1")))


def test_a_file_that_holds_something_else_is_left_alone(tmp_path, review):
    r = review()
    with pytest.raises(RequestError, match="two answers side by side"):
        Marks(r.marks.path, "single")
    text = tmp_path / "text.sqlite"
    text.write_text("not a database, but long enough to be taken for one " * 50)
    with pytest.raises(DataError, match="not a file of marks"):
        Marks(text, "pair")
    assert text.read_text().startswith("not a database")
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE mine (a)")
    db.close()
    with pytest.raises(RequestError, match="not a file of marks"):
        Marks(other, "pair")
    with sqlite3.connect(other) as db:
        assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("mine",)]
    db.close()
    with pytest.raises(RequestError, match="is a folder"):
        Marks(tmp_path, "pair")
    with pytest.raises(HeedfulError, match="cannot be written"):
        Marks(text / "below.sqlite", "pair")


def test_many_writers_in_threads_and_connections_lose_nothing(review):
    r = review(20)
    second = Marks(r.marks.path, "pair")

    def work(marks, name):
        who = marks.reviewer(name)
        for item in r.set.items:
            assert marks.add(who, [(item, Mark(name, item.example_id, "tie", key=item.example_id))]) == 1

    threads = [
        threading.Thread(target=work, args=(m, f"{n}{k}")) for k in range(3) for n, m in (("a", r.marks), ("b", second))
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(r.marks.current()) == len(second.current()) == 6 * 20
    second.close()


def test_the_file_is_as_durable_as_sqlite_can_be(review):
    r = review()
    pragma = {p: r.marks._db.execute(f"PRAGMA {p}").fetchone()[0] for p in ("journal_mode", "synchronous")}
    assert pragma == {"journal_mode": "wal", "synchronous": 2}


@settings(max_examples=25, deadline=None)
@given(st.lists(st.one_of(st.tuples(st.integers(0, 3), st.sampled_from(["first", "tie"])), st.none()), max_size=12))
def test_marks_and_undos_are_as_a_list_of_them_would_be(tmp_path_factory, steps):
    """A model of three lines: marks are appended, undo removes the last, the last of an item counts."""
    folder = tmp_path_factory.mktemp("marks")
    lines = [
        f'{{"id": "{k}", "example_id": "e{k}", "model": "m", "settings": "s", "messages": [], "reference": null, '
        '"text": "t", "finish_reason": "stop", "prompt_tokens": 1, "tokens": 1, "seconds": 0}\n'
        for k in range(4)
    ]
    (folder / "a.jsonl").write_text("".join(lines))
    (folder / "b.jsonl").write_text("".join(lines))
    found = read_set([folder / "a.jsonl", folder / "b.jsonl"])
    marks, model = Marks(folder / "m.sqlite", "pair"), []
    who = marks.reviewer("Ann")
    for k, step in enumerate(steps):
        if step is None:
            undone = marks.undo(who, [i.example_id for i in found.items])
            assert undone == (model.pop()[0] if model else None)
        else:
            item = found.items[step[0]]
            marks.add(who, [(item, Mark("Ann", item.example_id, step[1], key=str(k)))])
            model.append((item.example_id, step[1]))
    assert {m.example_id: m.verdict for m in marks.current()} == dict(model)
    marks.close()
