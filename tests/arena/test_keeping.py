"""What is kept: together and each by itself, exported and imported, and after a kill."""

from __future__ import annotations

import json
import sqlite3
import threading

import pytest

from heedful.arena import ledger
from heedful.arena.exchange import Imported, export_votes, import_votes
from heedful.arena.journal import Journal
from heedful.errors import DataError, HeedfulError, RequestError
from heedful.ratings import read_votes


@pytest.fixture
def journal(tmp_path):
    kept = Journal(tmp_path / "votes.sqlite", ledger.FORM)
    yield kept
    kept.close()


def count(journal, table="visitors"):
    with journal.reading() as db:
        return db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_jobs_that_come_together_go_to_the_disk_together_and_fail_alone(journal):
    begun, go = threading.Event(), threading.Event()

    def hold(db):
        begun.set()
        assert go.wait(300)

    first = journal.submit(hold)
    assert begun.wait(300)
    good = [journal.submit(lambda db, k=k: ledger.add_visitor(db, f"s{k}", None).id) for k in range(3)]

    def bad(db):
        ledger.add_visitor(db, "half", None)
        raise RequestError("no")

    wrong = journal.submit(bad)
    last = journal.submit(lambda db: ledger.add_visitor(db, "last", None).id)
    given_up = journal.submit(lambda db: ledger.add_visitor(db, "nobody waits", None).id)
    assert given_up.cancel()
    begins = []
    journal._writer.set_trace_callback(lambda sql: begins.append(sql) if sql.startswith(("BEGIN", "COMMIT")) else None)
    go.set()
    first.result()
    assert sorted(g.result() for g in good) == [1, 2, 3]
    assert last.result() == 4
    with pytest.raises(RequestError):
        wrong.result()
    assert begins == ["COMMIT", "BEGIN IMMEDIATE", "COMMIT"]
    assert count(journal) == 4


def test_a_full_disk_takes_back_all_and_says_so(journal):
    def full(db):
        raise sqlite3.OperationalError("database or disk is full")

    with pytest.raises(HeedfulError, match="free some room"):
        journal.write(full)
    assert journal.write(lambda db: ledger.add_visitor(db, "x", None)).id == 1


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough", None])
def test_other_files_are_left_alone(tmp_path, content):
    path = tmp_path / "other.sqlite"
    if content is None:
        with sqlite3.connect(path) as db:
            db.execute("CREATE TABLE mine (x)")
        db.close()
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    if content == b"":
        Journal(path, ledger.FORM).close()
        return
    with pytest.raises(RequestError, match="not a file of votes"):
        Journal(path, ledger.FORM)
    assert path.read_bytes() == before


PUBLISHED = {"question_id": "q1", "model_a": "m1", "model_b": "m2", "winner": "model_b", "judge": "arena_user_973",
             "turn": 1, "anony": True, "language": "English", "tstamp": 1682351591.1322}  # fmt: skip
SAID = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "# Yes\n- **one**"}]


def test_votes_of_the_published_form_come_in_once_and_go_out_as_they_were(journal, tmp_path):
    bare = {"model_a": "m1", "model_b": "m2", "winner": "tie"}
    said = {"conversation_a": SAID, "conversation_b": SAID}
    rows = [PUBLISHED, PUBLISHED | {"winner": "tie (bothbad)", "question_id": "q2"} | said, bare, bare]
    path = tmp_path / "theirs.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    assert import_votes(journal, path) == Imported(4, 0)  # two alike are two
    assert import_votes(journal, path) == Imported(0, 4)
    out = tmp_path / "out.jsonl"
    assert export_votes(journal, out, conversations=True) == 4
    got = [json.loads(line) for line in out.read_text().splitlines()]
    assert got[0] == PUBLISHED
    counted = got[1].pop("conv_metadata")
    assert (counted["header_count_a"], counted["list_count_b"], counted["bold_count_a"]) == (1, 1, 1)
    assert got[1] == rows[1]
    assert got[2] == bare | {"anony": True}
    broken = tmp_path / "broken.jsonl"
    broken.write_text(json.dumps(PUBLISHED | {"question_id": "new"}) + '\n{"model_a": "m1"}\n')
    with pytest.raises(DataError, match=r"broken\.jsonl:2"):
        import_votes(journal, broken)
    assert count(journal, "votes") == 4


def test_an_export_reads_back_and_its_own_votes_are_known(world, tmp_path, fake):
    w = world(fake("north", ["I am north-1."]), fake("south", ["Fine."]), names={"north": "hf:x/north-1"})
    ann = w.person("Ann")
    ann.battle("a", "What is the point of this?")
    w.fakes["north"].pieces = ["Well."]
    talk = ann.battle("tie", "Why is that so, and what is it for?", key="k2")
    out = tmp_path / "votes.jsonl"
    assert export_votes(w.journal, out, conversations=True) == 1
    (vote,) = read_votes(out)
    assert (vote.question_id, vote.judge, vote.winner, vote.language, vote.turn) == (
        talk["id"],
        "Ann",
        "tie",
        "English",
        1,
    )
    assert vote.conversation_a == [
        {"role": "user", "content": "Why is that so, and what is it for?"},
        {"role": "assistant", "content": "Well." if vote.model_a == "north" else "Fine."},
    ]
    assert export_votes(w.journal, tmp_path / "all.csv", everything=True) == 2
    assert len(list(read_votes(tmp_path / "all.csv"))) == 2
    assert import_votes(w.journal, out).known == 1
    assert len(w.rows("SELECT * FROM votes")) == 2


def test_a_file_goes_on_where_it_was(world, tmp_path):
    w = world()
    ann = w.person("Ann")
    talk = ann.begin()["id"]
    ann.ask(talk, "before")
    w.stop.close()
    again = world()
    same = type(ann)(again.site, ann.cookie)
    state = same.get("/api/state").json
    assert (state["name"], state["talk"]["id"], state["talk"]["can_vote"]) == ("Ann", talk, True)
    assert same.vote(talk).status == 200


def test_a_leaderboard_that_cannot_be_rated_says_why(world, monkeypatch):
    """As where each model looks the same in all votes and style is to be held equal."""
    from heedful.arena import board

    def untold(*_):
        raise HeedfulError("with style held equal no ratings are told; leave out --style-control")

    w = world()
    ann = w.person()
    ann.battle("a")
    monkeypatch.setattr(board, "rate", untold)
    got = ann.get("/api/board?style=1").json
    assert (got["ratings"], got["why"]) == (None, "with style held equal no ratings are told")
    assert ann.get(f"/api/board?style=1&version={got['version']}").json == {"version": got["version"]}
