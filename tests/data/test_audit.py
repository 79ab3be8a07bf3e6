"""The ledger: every row is counted once, the sums are checked, and what is odd is told with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.data import Drop, LedgerBuilder, Split, load_examples, load_split, overlaps
from heedful.data.findings import RowChecks
from heedful.data.survey import Survey
from heedful.errors import DataError, HeedfulError
from heedful.records import Example, Message, TokenExample

BOS, STOP, PAD = 1, 2, 0


def ask(question: str, answer: str = "a", number: int = 0) -> Example:
    return Example(f"r{number}", (Message("user", question), Message("assistant", answer)), f"t.jsonl:{number}")


def builder_of(*examples: Example, dropped: int = 0) -> LedgerBuilder:
    builder = LedgerBuilder()
    builder.add_file("t.jsonl", "jsonl", "alpaca", len(examples) + dropped, "ab" * 32)
    for e in examples:
        builder.keep(e)
    for i in range(dropped):
        builder.drop(Drop("empty_answer", "an answer is empty", f"t.jsonl:{1000 + i}"))
    return builder


def tokens(ids: list[int], trained: str, example_id: str = "r1", truncated: int = 0) -> TokenExample:
    """`trained` marks each token: x is trained, - is not."""
    return TokenExample(example_id, tuple(ids), tuple(c == "x" for c in trained), truncated)


def look_at(rows: list[Example], builder: LedgerBuilder) -> None:
    with Survey(builder, near=False) as survey:
        survey.add_all(rows).finish()


def test_sums_and_places():
    document = builder_of(ask("A", number=1), ask("B", number=2), dropped=25).ledger().to_json()
    assert (document["read"], document["kept"], document["truncated"], document["dropped"]) == (27, 2, 0, 25)
    assert document["schema"] == "heedful.ledger/1"
    (reason,) = document["reasons"]
    assert (reason["reason"], reason["count"], len(reason["where"])) == ("empty_answer", 25, 20)
    assert reason["where"][0] == "t.jsonl:1000"
    json.dumps(document, allow_nan=False)


def test_wrong_sums_are_refused():
    builder = builder_of(ask("A", number=1))
    builder.read += 1
    with pytest.raises(HeedfulError, match="does not add up: 2 rows read, but 1 kept"):
        builder.ledger()
    builder = builder_of(ask("A", number=1))
    with pytest.raises(DataError, match=r"t.jsonl:1: the id 'r1' stands already at t.jsonl:1"):
        builder.keep(ask("B", number=1))  # an id for two rows would hide one of them
    builder = builder_of(ask("A", number=1))
    builder.add_part("train", [ask("A", number=1), ask("A", number=1)])
    with pytest.raises(HeedfulError, match="2 are in a part"):
        builder.ledger()
    builder = builder_of(ask("A", number=1))
    builder.add_tokens("train", [tokens([5], "x", "stranger", truncated=3)], STOP)
    with pytest.raises(HeedfulError, match="does not add up"):
        builder.ledger()


@settings(deadline=None)
@given(st.lists(st.sampled_from(["kept", "truncated", "dropped"]), max_size=60))
def test_rows_that_are_only_counted_add_up_too(fates: list[str]):
    builder = LedgerBuilder(remember=False)
    for i, fate in enumerate(fates):
        if fate == "dropped":
            builder.drop(Drop("x", "x", str(i)))
        else:
            builder.keep(ask("q", number=i), truncated=fate == "truncated")
    document = builder.ledger().to_json()
    assert {f: document[f] for f in ("kept", "truncated", "dropped")} == {
        f: fates.count(f) for f in ("kept", "truncated", "dropped")
    }
    assert not builder.source_of


def test_the_same_id_twice_is_found_where_rows_are_only_counted():
    builder = LedgerBuilder(remember=False)
    for number in (5, 1, 7, 1):
        builder.keep(ask("q", number=number))
    with pytest.raises(DataError, match=r"t.jsonl:1: the row has the id of t.jsonl:1; give"):
        builder.ledger()


def test_places_are_bounded():
    builder = builder_of()
    builder.find("x", "odd", (f"t:{i}" for i in range(500)))
    builder.find("x", "odd", ["t:500"])
    builder.find("nothing", "never", [])
    (found,) = builder.ledger().to_json()["findings"]
    assert (found["count"], len(found["where"]), found["severity"]) == (501, 20, "warning")


@settings(deadline=None)
@given(st.lists(st.sampled_from(["kept", "truncated", "dropped", "too_long"]), max_size=60))
def test_each_row_is_in_exactly_one_place(fates: list[str]):
    builder, stay = LedgerBuilder(), []
    for i, fate in enumerate(fates):
        if fate == "dropped":
            builder.drop(Drop("x", "x", str(i)))
            continue
        builder.keep(ask("q", number=i))
        if fate == "too_long":
            builder.drop_kept(f"r{i}", "too_long", "longer than the limit")
        else:
            stay.append(tokens([5, STOP], "-x", f"r{i}", truncated=int(fate == "truncated")))
    builder.add_part("train", [ask("q", number=int(t.id[1:])) for t in stay])
    builder.add_tokens("train", stay, STOP)
    document = builder.ledger().to_json()
    assert document["kept"] == fates.count("kept")
    assert document["truncated"] == fates.count("truncated")
    assert document["dropped"] == fates.count("dropped") + fates.count("too_long")
    assert document["parts"]["train"]["truncated_rows"] == document["truncated"]


def test_token_figures_by_hand():
    rows = [
        tokens([BOS, 5, 6, 7, STOP], "---xx", "r1"),
        tokens([BOS, 5, 6, 7, 8, 9, 10], "-----xx", "r2", truncated=4),  # cut: the stop token is gone
        tokens([BOS, BOS, 5, STOP], "----", "r3"),  # wholly masked, two BOS
        tokens([BOS, 5, STOP, 10], "--xx", "r4"),  # a line break after the stop token is no fault
        tokens([5, 6, STOP], "-xx", "r5"),  # the template writes no BOS, and the model is used to one
    ]
    builder = builder_of(*(ask("q", number=i) for i in (1, 2, 3, 4, 5)))
    builder.add_tokens("train", rows, STOP, BOS)
    document = builder.ledger().to_json()
    part = document["parts"]["train"]
    assert part == {
        "rows": 5,
        "tokens": 23,
        "trained_tokens": 8,
        "longest_tokens": 7,
        "median_tokens": 4,
        "median_answer_tokens": 2,
        "trained_a_row": part["trained_a_row"],
        "bos_counts": {"0": 1, "1": 3, "2": 1},
        "truncated_rows": 1,
        "truncated_tokens": 4,
        "wholly_masked_rows": 1,
        "stop_not_trained_rows": 1,
        "several_bos_rows": 1,
        "no_bos_rows": 1,
    }
    assert {key: part["trained_a_row"][key] for key in ("count", "min", "p50", "max", "mean")} == {
        "count": 5, "min": 0, "p50": 2, "max": 2, "mean": 1.6,
    }  # fmt: skip
    assert {f["finding"]: f["where"] for f in document["findings"]} == {
        "wholly_masked": ["t.jsonl:3"],
        "stop_not_trained": ["t.jsonl:2"],
        "several_bos": ["t.jsonl:3"],
        "no_bos": ["t.jsonl:5"],
        "truncated": ["t.jsonl:2"],
    }
    assert (document["kept"], document["truncated"]) == (4, 1)
    lines = " ".join(" ".join(builder.ledger().lines()).split())
    assert "trained a row: median 2, from 0 to 2; BOS a row: 1 in 3 rows, 0 in 1 row, 2 in 1 row" in lines


def test_stop_tokens_and_bos():
    def figures(rows: list[TokenExample], stop: Any, bos: int | None) -> tuple[int, int]:
        builder = builder_of(ask("q", number=1))
        builder.add_tokens("train", rows, stop, bos)
        part = builder.parts["train"]
        return part["stop_not_trained_rows"], part["several_bos_rows"]

    assert figures([tokens([5, 9], "-x")], {STOP, 9}, None) == (0, 0)
    assert figures([tokens([5, STOP, 6, 7], "-x-x")], STOP, None) == (0, 0)
    assert figures([tokens([5, STOP, 6, 7, 8], "-x-xx")], STOP, None) == (1, 0)  # an earlier turn's does not count
    assert figures([tokens([STOP, 5, STOP], "--x")], STOP, STOP) == (0, 0)  # GPT-2: one token is both
    assert figures([tokens([STOP, STOP, 5, STOP], "---x")], STOP, STOP) == (0, 1)


def test_what_is_odd_about_rows():
    rows = [
        ask("Name a colour.", "Red.", 1),
        ask("name a  colour.", "Red.", 2),
        ask("Name a colour.", "Blue.", 3),
        ask("Other", " Yes.", 4),
        ask("Third", "Yes.### Response:", 5),
        ask("Fourth", "ok %%", 6),
    ]
    builder = builder_of(*rows)
    look_at(rows, builder)
    found = {f["finding"]: f["where"] for f in builder.ledger().to_json()["findings"]}
    assert found == {
        "duplicates": ["t.jsonl:2 repeats t.jsonl:1"],
        "conflicts": ["t.jsonl:3 contradicts t.jsonl:1"],
        "edge_whitespace": ["t.jsonl:4"],
        "markers": ["t.jsonl:5"],
    }
    checks = RowChecks(markers=["%%"])
    for example in rows:
        checks.add(example)
    assert {f.finding: f.where for f in checks.findings()}["markers"] == ("t.jsonl:6",)


def test_parts_in_characters():
    split = Split((ask("abc", "de", 1), ask("a", "bcdef", 2)), (ask("ABC", "x", 3),))
    builder = builder_of(*split.train, *split.val)
    builder.add_split(split, overlaps(split))
    document = builder.ledger().to_json()
    assert document["parts"]["train"] == {
        "rows": 2,
        "characters": 11,
        "answer_characters": 7,
        "median_answer_characters": 3.5,
        "longest_characters": 6,
    }
    assert document["parts"]["test"]["rows"] == 0
    assert document["overlaps"][0]["where"] == ["t.jsonl:3 repeats t.jsonl:1"]


def test_lines_are_short_and_say_everything():
    split = Split(tuple(ask(f"q{i}", " a", i) for i in range(40)), (ask("q1", "b", 50),), (ask("q2", "c", 51),))
    rows = [*split.train, *split.val, *split.test]
    builder = builder_of(*rows, ask("left over", "x", 60), dropped=30)
    look_at(rows, builder)
    builder.add_split(split, overlaps(split))
    builder.warn("a warning")
    builder.warn("a warning")
    for with_tokens in (False, True):
        if with_tokens:
            builder.add_tokens("train", [tokens([5, STOP], "-x", e.id) for e in split.train], STOP, BOS)
        lines = builder.ledger().lines()
        text = "\n".join(lines)
        assert max(map(len, lines)) <= 80
        for said in (
            "73 read = 43 kept + 0 truncated + 30 dropped",
            "1 row in no part",
            "empty_answer: 30",
            "and 27 more",
            "train 40 rows",
            "val rows that repeat a train question: 1",
            "white space at the",
            "a warning",
        ):
            assert said in text, said
        assert text.count("a warning") == 1
        assert ("80 tokens, 40 trained (50%)" in text) == with_tokens


def test_the_ledger_of_real_files(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    values = [{"instruction": f"q{i}", "output": "" if i % 5 == 0 else "a"} for i in range(50)]
    path.write_text("".join(json.dumps(v) + "\n" for v in values))
    _, builder = load_examples([path])
    assert builder.ledger().to_json()["dropped"] == 10
    split, builder = load_split([path], "80/10/10")
    document = builder.ledger().to_json()
    assert [document["parts"][p]["rows"] for p in ("train", "val", "test")] == [32, 4, 4]
    assert document["files"] == [
        {"path": str(path), "kind": "jsonl", "format": "alpaca", "rows": 50, "sha256": document["files"][0]["sha256"]}
    ]
    assert len(document["files"][0]["sha256"]) == 64
    # Rows that turn out to be too long once there is a tokenizer leave their part, or the ledger does not add up.
    builder.drop_kept(split.train[0].id, "too_long", "longer than the limit")
    with pytest.raises(HeedfulError, match="does not add up"):
        builder.ledger()
    builder.add_split(Split(split.train[1:], split.val, split.test))
    assert (builder.ledger().to_json()["kept"], builder.ledger().to_json()["dropped"]) == (39, 11)
