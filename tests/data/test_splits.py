"""Splits: how they are named, that they divide the rows, and that no question stands on two sides unseen."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.data.load import load_examples, load_split
from heedful.data.splits import (
    FileSplit,
    OrderSplit,
    RatioSplit,
    Split,
    divide,
    overlaps,
    parse_split,
    question_of,
    refuse_overlap,
    split_examples,
)
from heedful.errors import DataError, RequestError
from heedful.records import Example, Message

WORDS = ("Quickly:", "Homework.", "Geography lesson:", "For a friend:", "Before supper,", "In your own words,")
RASBT = Path(__file__).resolve().parents[2].parent / "shared/data/instruct/rasbt-instruction-data.json"


def ask(question: str, number: int = 0, answer: str = "a") -> Example:
    return Example(f"r{number:06d}", (Message("user", question), Message("assistant", answer)), f"t.jsonl:{number}")


def many(count: int) -> list[Example]:
    return [ask(f"question {i}", i) for i in range(1, count + 1)]


def ids(split: Split) -> dict[str, list[str]]:
    return {part: [e.id for e in rows] for part, rows in split.parts().items()}


# Naming a split


def test_ways_to_name_a_split():
    assert parse_split("85/5/10") == RatioSplit(Fraction(17, 20), Fraction(1, 20), Fraction(1, 10))
    assert (
        parse_split("0.85/0.05/0.1")
        == parse_split("85 / 5 / 10")
        == parse_split("85%/5%/10%")
        == parse_split("85/5/10")
    )
    assert parse_split("90/10") == RatioSplit(Fraction(9, 10), Fraction(1, 10), Fraction(0))
    assert parse_split("33.3/33.3/33.4") == RatioSplit(Fraction(333, 1000), Fraction(333, 1000), Fraction(334, 1000))
    assert parse_split("order:train=935,test=110,val=55") == OrderSplit((("train", 935), ("test", 110), ("val", 55)))
    assert parse_split("order: val=5, train=rest") == OrderSplit((("val", 5), ("train", None)))
    assert parse_split("train=a,b.json,val=c.json") == FileSplit((("train", "a,b.json"), ("val", "c.json")))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("85/5/5", "the shares sum to 95, not to 100"),
        ("0.9/0.2", "the shares sum to 1.1"),
        ("110/-10/0", "none may be negative"),
        ("0/50/50", "need a share above 0"),
        ("90/0/10", "need a share above 0"),
        ("100", "not understood"),
        ("25/25/25/25", "4 shares"),
        ("85//15", "not numbers"),
        ("1.2.3/4", "not numbers"),
        ("", "not understood"),
        ("random", "not understood"),
        ("order:", "no part ''"),
        ("order:train=5", "no val part"),
        ("order:val=5,test=5", "no train part"),
        ("order:train=5,vall=5", "no part 'vall' (the parts are train, val, test) (did you mean 'val'?)"),
        ("order:train=5,validation=5", "did you mean 'val'?"),
        ("order:train=5,val=2,train=5", "train stands twice"),
        ("order:train=rest,val=rest", "more than one part is the rest"),
        ("order:train=-5,val=5", "train=-5 rows"),
        ("order:train=0,val=5", "train=0 rows"),
        ("order:train=5,val=0", "val=0 rows"),
        ("order:train=85%,val=5", "'85%' is no number of rows"),
        ("order:train,val=5", "'' is no number of rows"),
        ("train=a.json,val=", "no file for val"),
        ("train=a.json,test=b.json", "no val part"),
        ("trian=a.json,val=b.json", "did you mean 'train'?"),
    ],
)
def test_splits_that_cannot_be_meant(spec: str, said: str):
    with pytest.raises(RequestError) as e:
        parse_split(spec)
    assert said in str(e.value)
    assert "\n" not in str(e.value)


# In order


def test_in_order():
    split, left = split_examples(many(10), parse_split("order:train=5,test=2,val=1"))
    assert ids(split) == {
        "train": [f"r{i:06d}" for i in (1, 2, 3, 4, 5)],
        "val": ["r000008"],
        "test": ["r000006", "r000007"],
    }
    assert [e.id for e in left] == ["r000009", "r000010"]
    split, left = split_examples(many(10), parse_split("order:val=2,train=rest,test=1"))
    assert [len(rows) for rows in split.parts().values()] == [7, 2, 1]
    assert split.test[0].id == "r000010"
    assert not left


@pytest.mark.parametrize("spec", ["order:train=9,val=2", "order:train=rest,val=10", "order:train=8,val=3,test=rest"])
def test_more_rows_wanted_than_there_are(spec: str):
    with pytest.raises(DataError, match=r"the split wants 1[12] rows or more \(.*\) and there are 10"):
        split_examples(many(10), parse_split(spec))


# By shares


def test_by_shares_gives_the_sizes_and_keeps_file_order():
    split, left = split_examples(many(200), parse_split("85/5/10"))
    assert [len(rows) for rows in split.parts().values()] == [170, 10, 20]
    assert not left
    for rows in split.parts().values():
        assert [e.id for e in rows] == sorted(e.id for e in rows)
    assert not split_examples(many(20), parse_split("90/10"))[0].test


def test_the_seed_decides_and_the_file_order_does_not():
    rows = many(100)
    first = ids(split_examples(rows, parse_split("80/10/10"), 1)[0])
    assert ids(split_examples(rows, parse_split("80/10/10"), 2)[0]) != first
    turned = ids(split_examples(rows[::-1], parse_split("80/10/10"), 1)[0])
    assert {part: sorted(v) for part, v in turned.items()} == first


def test_the_same_on_every_machine():
    """Golden: a change here changes every user's split, so it needs a new major version."""
    program = (
        "from heedful.data.splits import *; from heedful.records import *;"
        "rows = [Example(str(i), (Message('user', f'question {i}'), Message('assistant', 'a'))) for i in range(1, 13)];"
        "print([[int(e.id) for e in p] for p in split_examples(rows, parse_split('50/25/25'), 7)[0].parts().values()])"
    )
    for seed in ("0", "1", "random"):
        env = {"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src")}
        done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
        assert json.loads(done.stdout) == [[1, 3, 4, 5, 9, 10], [7, 11, 12], [2, 6, 8]]


@pytest.mark.parametrize("rows", [many(1), many(2), [ask("same", i) for i in range(10)]])
def test_too_few_questions_for_the_shares(rows: list[Example]):
    with pytest.raises(DataError, match=r"wants 3 parts, and \d+ rows with \d different questions"):
        split_examples(rows, parse_split("80/10/10"))


def test_questions_that_stand_in_many_rows_still_leave_no_part_empty():
    rows = [ask(q, i) for i, q in enumerate(["a"] * 98 + ["b", "c"])]
    for seed in range(5):
        split, _ = split_examples(rows, parse_split("85/5/10"), seed)
        assert sorted(len(part) for part in split.parts().values()) == [1, 1, 98]
    rows = [ask(f"q{i // 2}", i) for i in range(20)]  # every question twice, one validation row wanted
    assert [len(part) for part in split_examples(rows, parse_split("85/5/10"))[0].parts().values()] == [16, 2, 2]


QUESTIONS = st.lists(st.sampled_from([f"q{i}" for i in range(12)]), min_size=15, max_size=80)


@settings(deadline=None)
@given(QUESTIONS, st.integers(0, 5), st.sampled_from(["85/5/10", "60/20/20", "90/10", "order:test=3,val=4,train=rest"]))
def test_parts_divide_the_rows(questions: list[str], seed: int, spec: str):
    rows = [ask(q, i) for i, q in enumerate(questions)]
    try:
        split, left = split_examples(rows, parse_split(spec), seed)
    except DataError:
        assert "/" in spec
        assert len(set(questions)) < 3
        return
    everything = [e.id for part in split.parts().values() for e in part] + [e.id for e in left]
    assert sorted(everything) == [e.id for e in rows]
    if "/" in spec:
        assert not overlaps(split)


# Overlap


@pytest.mark.parametrize(
    "other", ["what is  it?", " What\nis it?", "WHAT IS IT?", "\uff37hat is it?", "What is it?\u00a0"]
)
def test_questions_that_are_the_same(other: str):
    assert question_of(ask("What is it?")) == question_of(ask(other))
    assert question_of(ask("What is it!")) != question_of(ask(other))


def test_a_context_is_part_of_the_question():
    apart = Example("1", (Message("user", "Sort.", context="b a"), Message("assistant", "a b")))
    assert question_of(apart) == question_of(ask("Sort.\n\nb a"))
    assert question_of(apart) != question_of(ask("Sort."))


def test_overlaps_are_counted_with_their_places():
    split = Split((ask("A", 1), ask("B", 2)), (ask("a", 3), ask("C", 4)), (ask("b", 5), ask("B ", 6), ask("c", 7)))
    found = {o.parts: (o.count, o.where) for o in overlaps(split)}
    assert found == {
        ("train", "val"): (1, ("t.jsonl:3 repeats t.jsonl:1",)),
        ("train", "test"): (2, ("t.jsonl:5 repeats t.jsonl:2", "t.jsonl:6 repeats t.jsonl:2")),
        ("val", "test"): (1, ("t.jsonl:7 repeats t.jsonl:4",)),
    }
    with pytest.raises(
        DataError, match=r"test rows that repeat a train question: 2.*t.jsonl:3 repeats.*--allow-overlap"
    ):
        refuse_overlap(overlaps(split))
    refuse_overlap([])


NEARLY = (
    "Name three countries in South America and their capitals.",
    "Name three countries in South Amerca and their capitals!",
)
OTHER = "Explain in one sentence why the sky is blue at noon and red in the evening."


def test_rows_that_nearly_repeat_a_question_are_an_overlap_of_their_own_kind():
    split = Split((ask(NEARLY[0], 1), ask(OTHER, 2)), (ask(NEARLY[1], 3), ask(OTHER, 4)), (ask(OTHER + " Why?", 5),))
    assert [(o.parts, o.kind, o.count) for o in overlaps(split)] == [
        (("train", "val"), "question", 1),
        (("train", "val"), "near", 1),
        (("train", "test"), "near", 1),
        (("val", "test"), "near", 1),
    ]
    (near,) = [o for o in overlaps(split) if o.parts == ("train", "val") and o.kind == "near"]
    assert re.fullmatch(r"t.jsonl:3 is 0\.\d\d like t.jsonl:1", near.where[0])
    assert [o.kind for o in overlaps(split, near=False)] == ["question"]
    with pytest.raises(DataError, match="val rows that nearly repeat a train question: 1"):
        refuse_overlap(overlaps(split))


def test_rows_of_one_group_in_two_parts_are_an_overlap():
    rows = [dataclasses.replace(ask(f"question {i}", i), group=g) for i, g in enumerate(["a", "b", "b", None])]
    (found,) = overlaps(Split(tuple(rows[:2]), tuple(rows[2:])))
    assert (found.kind, found.count, found.where) == ("group", 1, ("t.jsonl:2 is of one group with t.jsonl:1",))
    with pytest.raises(
        DataError, match=r"share groups \(val rows of one group with a train row: 1; the first: t.jsonl:2"
    ):
        refuse_overlap([found])


# Rows that belong together


def part_of(split: Split) -> dict[str, str]:
    return {e.id: part for part, rows in split.parts().items() for e in rows}


def with_fields(example: Example, group: str | None = None, **fields: Any) -> Example:
    return dataclasses.replace(example, group=group, fields=fields)


def test_near_duplicates_stay_on_one_side():
    rows = [*(ask(f"{w} {q}", i * 2 + k) for i, w in enumerate(WORDS) for k, q in enumerate(NEARLY)), *many(60)[20:]]
    for seed in range(5):
        split = split_examples(rows, parse_split("60/20/20"), seed)[0]
        part = part_of(split)
        assert all(part[f"r{i:06d}"] == part[f"r{i + 1:06d}"] for i in range(0, 2 * len(WORDS), 2))
        assert not overlaps(split)
    apart = [part_of(split_examples(rows, parse_split("60/20/20"), s, near=False)[0]) for s in range(5)]
    assert any(part[f"r{i:06d}"] != part[f"r{i + 1:06d}"] for part in apart for i in range(0, 2 * len(WORDS), 2))


def test_groups_and_columns_stay_on_one_side_also_through_each_other():
    """r1 and r2 share a group, r2 and r3 a column's value, r3 and r4 a question."""
    rows = [
        with_fields(ask("one", 1), "g", topic="x"),
        with_fields(ask("two", 2), "g", topic="y"),
        with_fields(ask("three", 3), topic="y"),
        with_fields(ask("Three ", 4), topic=None),
        *many(60)[10:],
    ]
    for seed in range(8):
        part = part_of(split_examples(rows, parse_split("60/20/20"), seed, group_by="topic")[0])
        assert len({part[f"r{i:06d}"] for i in (1, 2, 3, 4)}) == 1
    alone = [part_of(split_examples(rows, parse_split("60/20/20"), s)[0]) for s in range(8)]
    assert any(part["r000002"] != part["r000003"] for part in alone)
    assert all(part["r000001"] == part["r000002"] and part["r000003"] == part["r000004"] for part in alone)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from([None, "a", "b", "c"])), min_size=12, max_size=50),
    st.integers(0, 3),
    st.randoms(use_true_random=False),
)
def test_no_group_is_divided_and_the_order_of_rows_does_not_matter(made: list[Any], seed: int, rng: Any):
    rows = [with_fields(ask(f"q{q}", i), group) for i, (q, group) in enumerate(made)]
    mixed = list(rows)
    rng.shuffle(mixed)
    try:
        split = split_examples(rows, parse_split("60/20/20"), seed)[0]
    except DataError:
        return
    assert not overlaps(split)
    assert part_of(split) == part_of(split_examples(mixed, parse_split("60/20/20"), seed)[0])


def test_each_part_gets_its_share_of_every_value():
    rows = [with_fields(ask(f"question {i}", i), kind="rare" if i % 10 == 0 else "common") for i in range(200)]
    for seed in range(5):
        split = split_examples(rows, parse_split("80/10/10"), seed, stratify="kind")[0]
        counted = [Counter(e.fields["kind"] for e in part) for part in split.parts().values()]
        assert counted == [{"rare": 16, "common": 144}, {"rare": 2, "common": 18}, {"rare": 2, "common": 18}]


def test_shares_that_do_not_come_out_even_go_to_the_largest_remainders():
    """20 rows, 2 for validation: of 13 a 1.3, of 7 b 0.7, so one each."""
    rows = [with_fields(ask(f"question {i}", i), kind="a" if i < 13 else "b") for i in range(20)]
    split = split_examples(rows, parse_split("90/10"), stratify="kind")[0]
    assert sorted(e.fields["kind"] for e in split.val) == ["a", "b"]


def test_a_set_too_large_for_a_part_goes_to_train_and_is_told():
    rows = [with_fields(ask(f"question {i}", i), "big" if i < 70 else None) for i in range(100)]
    made = divide(rows, parse_split("80/10/10"))
    assert [len(part) for part in made.split.parts().values()] == [80, 10, 10]
    assert {part_of(made.split)[f"r{i:06d}"] for i in range(70)} == {"train"}
    assert made.notes == (
        "the largest set of rows that belong together has 70 of 100 rows (the first at t.jsonl:0); rows that belong "
        "together stay in one part",
    )
    pairs = [with_fields(ask(f"question {i}", i), f"g{i // 25}") for i in range(100)]
    notes = divide(pairs, parse_split("80/10/10")).notes
    assert "val has 25 rows where 10 were wanted, since rows that belong together are not divided" in notes


def test_columns_that_cannot_be_meant():
    rows = [with_fields(e, topic="a") for e in many(20)]
    with pytest.raises(RequestError, match=r"stratify 'topics': no row has such a column \(did you mean 'topic'\?\)"):
        divide(rows, parse_split("80/10/10"), stratify="topics")
    with pytest.raises(RequestError, match="group-by 'topic' is for a split by ratio"):
        divide(rows, parse_split("order:train=5,val=5"), group_by="topic")


# From files


def write(path: Path, *values: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(v) + "\n" for v in values))
    return path


def row(question: str, answer: str = "a") -> dict[str, Any]:
    return {"instruction": question, "output": answer}


def test_load_split_refuses_overlap_unless_allowed(tmp_path: Path):
    path = write(tmp_path / "a.jsonl", row("A"), row("B"), row("a"), row("C"))
    spec = "order:train=2,val=1"
    with pytest.raises(DataError, match=r"a.jsonl:3 repeats a.jsonl:1"):
        load_split([path], spec)
    split, builder = load_split([path], spec, allow_overlap=True)
    document = builder.ledger().to_json()
    assert document["overlaps"] == [
        {"parts": ["train", "val"], "kind": "question", "count": 1, "where": ["a.jsonl:3 repeats a.jsonl:1"]}
    ]
    assert document["unused"] == 1
    assert document["warnings"] == ["rows that are in no part of the split: 1, from a.jsonl:4 on"]
    assert len(split.train) == 2


def test_split_by_files(tmp_path: Path):
    train = write(tmp_path / "a.jsonl", row("A"), row("B"), row("C"))
    val, test = write(tmp_path / "b.jsonl", row("D"), row("")), write(tmp_path / "c.jsonl", row("E"))
    split, builder = load_split([], f"val={val},train={train},test={test}")
    assert [[e.source for e in rows] for rows in split.parts().values()] == [
        ["a.jsonl:1", "a.jsonl:2", "a.jsonl:3"],
        ["b.jsonl:1"],
        ["c.jsonl:1"],
    ]
    assert builder.ledger().to_json()["dropped"] == 1
    split, _ = load_split([], f"train={train},val={val}", limit=1)
    assert [len(rows) for rows in split.parts().values()] == [1, 1, 0]
    with pytest.raises(RequestError, match="not both"):
        load_split([train], f"train={train},val={val}")
    with pytest.raises(DataError, match=r"no such file \(did you mean 'b.jsonl'"):
        load_split([], f"train={train},val={tmp_path / 'bb.jsonl'}")
    write(val, row(""))
    with pytest.raises(DataError, match="the val part has no row that can be used"):
        load_split([], f"train={train},val={val}")


@pytest.mark.skipif(not RASBT.is_file(), reason="the shared instruction data is not beside this checkout")
def test_the_published_instruction_data():
    examples, builder = load_examples([RASBT])
    assert (len(examples), builder.drops) == (1100, [])
    with pytest.raises(
        DataError,
        match="val rows that repeat a train question: 4, val rows that nearly repeat a train question: 1, "
        "test rows that repeat a train question: 2;",
    ):
        load_split([RASBT], "order:train=935,test=110,val=55")
    split, builder = load_split([RASBT], "order:train=935,test=110,val=55", allow_overlap=True)
    assert [len(rows) for rows in split.parts().values()] == [935, 55, 110]
    assert {(*o["parts"], o["kind"]): o["count"] for o in builder.ledger().to_json()["overlaps"]} == {
        ("train", "val", "question"): 4,
        ("train", "val", "near"): 1,  # "past continuous tense" beside "past perfect continuous tense"
        ("train", "test", "question"): 2,
    }
    split, builder = load_split([RASBT], "85/5/10", seed=3)
    assert [len(rows) for rows in split.parts().values()] == [935, 55, 110]
    assert builder.found_overlaps == []


SYSTEM = " ".join(f"rule{i} applies" for i in range(200)) + "."
COUNTRIES = ("France", "Norway", "Ghana", "Chile", "Japan", "Nepal", "Cuba", "Malta", "Spain", "Kenya", "Qatar", "Peru")


def test_a_long_system_message_makes_no_near_duplicates():
    """In 400 shared words one word in a hundred may differ: then all questions would be one."""
    rows = [
        Example(
            f"r{i}",
            (Message("system", SYSTEM), Message("user", f"Where is {c}?"), Message("assistant", "There.")),
            f"t.jsonl:{i}",
        )
        for i, c in enumerate(COUNTRIES)
    ]
    made = divide(rows, parse_split("50/25/25"))
    assert [len(part) for part in made.split.parts().values()] == [6, 3, 3]
    assert not made.notes
    assert overlaps(Split(tuple(rows[:6]), tuple(rows[6:]))) == []


def test_the_same_question_under_another_system_message_is_a_leak():
    def under(system: str, i: int) -> Example:
        turns = (Message("system", system), Message("user", "Where is Peru?"), Message("assistant", "There."))
        return Example(f"r{i}", turns, f"t.jsonl:{i}")

    (found,) = overlaps(Split((under("Be brief.", 1),), (under("Answer as a pirate does.", 2),)))
    assert (found.kind, found.count, found.where) == ("near", 1, ("t.jsonl:2 is 1.00 like t.jsonl:1",))
    (same,) = overlaps(Split((under("Be brief.", 1),), (under("Be brief.", 2),)))
    assert same.kind == "question"
