"""What rows mean: each layout, each reason for which a row is dropped, and the front door."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.data import FORMATS, Drop, Row, load_examples, read_examples, recognise, starter_path, to_example
from heedful.errors import DataError, RequestError
from heedful.records import Example, Message, to_json
from heedful.store import write_jsonl

USER = {"role": "user", "content": "Hello"}
ANSWER = {"role": "assistant", "content": "Hi"}


def example(value: dict[str, Any], form: str = "alpaca", **options: Any) -> Example:
    made = to_example(Row(value, "t.jsonl:1"), FORMATS[form], "r000001", **options)
    assert isinstance(made, Example), made
    return made


def dropped(value: dict[str, Any], form: str = "alpaca", **options: Any) -> str:
    made = to_example(Row(value, "t.jsonl:1"), FORMATS[form], "r000001", **options)
    assert isinstance(made, Drop), made
    assert made.source == "t.jsonl:1"
    assert made.sentence
    assert "\n" not in made.sentence
    return made.reason


def alpaca(**changes: Any) -> dict[str, Any]:
    value = {"instruction": "Convert to metres.", "input": "45 km", "output": "45,000 m"} | changes
    return {k: v for k, v in value.items() if v is not ...}


def talk(*turns: dict[str, Any], **columns: Any) -> dict[str, Any]:
    return {"messages": list(turns), **columns}


# Alpaca


def test_alpaca_with_input():
    assert example(alpaca()) == Example(
        "r000001",
        (Message("user", "Convert to metres.", context="45 km"), Message("assistant", "45,000 m")),
        "t.jsonl:1",
    )


@pytest.mark.parametrize("empty", ["", None, ..., "  \n"])
def test_alpaca_without_input(empty: Any):
    notes: list[str] = []
    assert example(alpaca(input=empty), notes=notes).messages[0].context is None
    assert bool(notes) == (empty == "  \n")


def test_alpaca_keeps_text_id_system_and_other_columns():
    made = example(alpaca(instruction="  Hi\n", output="\tyes ", id=7, system="Be short.", kind="units", n=[1]))
    assert [m.role for m in made.messages] == ["system", "user", "assistant"]
    assert (made.messages[1].content, made.reference) == ("  Hi\n", "\tyes ")
    assert made.id == "7"
    assert made.fields == {"kind": "units", "n": [1]}
    assert [m.role for m in example(alpaca(system="")).messages] == ["user", "assistant"]
    assert example(alpaca(id="")).id == "r000001"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"output": ""}, "empty_answer"),
        ({"output": " \n"}, "empty_answer"),
        ({"output": None}, "missing_answer"),
        ({"output": ...}, "missing_answer"),
        ({"output": 3}, "not_text"),
        ({"output": ["a"]}, "not_text"),
        ({"instruction": ""}, "empty_instruction"),
        ({"instruction": "\u3000"}, "empty_instruction"),
        ({"instruction": None}, "missing_instruction"),
        ({"instruction": {"a": 1}}, "not_text"),
        ({"input": 0}, "not_text"),
        ({"system": False}, "not_text"),
        ({"id": 1.5}, "bad_id"),
        ({"id": True}, "bad_id"),
        ({"history": "a, b"}, "bad_history"),
        ({"history": [["a", "b", "c"]]}, "bad_history"),
        ({"history": [["a", ""]]}, "empty_answer"),
        ({"output": "\ud83d"}, "broken_text"),
        ({"extra": float("inf")}, "not_json"),
    ],
)
def test_alpaca_rows_that_are_dropped(changes: dict[str, Any], reason: str):
    assert dropped(alpaca(**changes)) == reason


def test_questions_without_answers_on_request():
    made = example(alpaca(output=...), answers=False)
    assert made.reference is None
    assert made.prompt == made.messages
    assert example(talk(USER), "messages", answers=False).messages == (Message("user", "Hello"),)


# Messages


def test_messages():
    made = example(
        talk({"role": "system", "content": "Be kind."}, USER, ANSWER, USER, ANSWER, id="x", source="web"), "messages"
    )
    assert [m.role for m in made.messages] == ["system", "user", "assistant", "user", "assistant"]
    assert (made.id, made.fields) == ("x", {"source": "web"})


def test_train_and_weight_flags():
    first, last = ANSWER | {"weight": 0}, ANSWER | {"weight": 1}
    assert [m.train for m in example(talk(USER, first, USER, last), "messages").messages] == [None, False, None, True]
    first, last = ANSWER | {"train": False}, ANSWER | {"train": True, "weight": None}
    assert [m.train for m in example(talk(USER, first, USER, last), "messages").messages] == [None, False, None, True]
    assert example(talk(USER | {"weight": 1}, ANSWER), "messages").messages[0].train is None
    assert example(talk(USER, ANSWER | {"weight": 1.0}), "messages").messages[1].train is True


def test_what_is_seen_and_not_used_is_noted():
    notes: list[str] = []
    example(talk(USER | {"name": "Ann"}, ANSWER | {"refusal": None, "tool_calls": None}), "messages", notes=notes)
    assert notes == ["rows with messages that have the key 'name', which is not used"]
    notes = []
    assert len(example(talk({"role": "system", "content": ""}, USER, ANSWER), "messages", notes=notes).messages) == 2
    assert "empty system message" in notes[0]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"messages": None}, "missing_messages"),
        ({}, "missing_messages"),
        ({"messages": []}, "missing_messages"),
        ({"messages": "hello"}, "not_a_list"),
        ({"messages": ["hello"]}, "not_a_message"),
        (talk({"role": "Narrator", "content": "a"}, ANSWER), "unknown_role"),
        (talk({"from": "user", "value": "a"}, ANSWER), "not_a_message"),
        (talk({"role": ["user"], "content": "a"}, ANSWER), "unknown_role"),
        (talk(USER, {"role": "assistant", "content": None}), "not_text"),
        (talk(USER, {"role": "assistant"}), "not_text"),
        (talk(USER, {"role": "assistant", "content": [{"type": "image_url", "image_url": "x"}]}), "content_parts"),
        (talk(USER, {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}), "bad_tool_calls"),
        (talk(USER, ANSWER | {"reasoning_content": ["hm"]}), "not_text"),
        (talk(USER, ANSWER | {"weight": 0.5}), "bad_flag"),
        (talk(USER, ANSWER | {"weight": True}), "bad_flag"),
        (talk(USER, ANSWER | {"train": "yes"}), "bad_flag"),
        (talk(USER, ANSWER | {"train": True, "weight": 0}), "bad_flag"),
        (talk(USER, {"role": "assistant", "content": ""}), "empty_answer"),
        (talk(USER, {"role": "assistant", "content": " "}, USER, ANSWER), "empty_answer"),
        (talk({"role": "user", "content": " "}, ANSWER), "empty_instruction"),
        (talk(USER), "missing_answer"),
        (talk(USER, ANSWER, {"role": "tool", "content": "1"}), "missing_answer"),
        (talk(ANSWER), "wrong_turn_order"),
        (talk(USER, USER, ANSWER), "wrong_turn_order"),
        (talk(USER, ANSWER, ANSWER), "wrong_turn_order"),
        (talk(USER, {"role": "system", "content": "a"}, ANSWER), "wrong_turn_order"),
        (talk({"role": "tool", "content": "a"}, ANSWER), "wrong_turn_order"),
        (talk({"role": "system", "content": "a"}), "missing_instruction"),
        (talk(USER, ANSWER | {"train": False}), "nothing_trained"),
        (talk(USER, ANSWER | {"weight": 0}, USER, ANSWER | {"weight": 0}), "nothing_trained"),
    ],
)
def test_messages_rows_that_are_dropped(value: dict[str, Any], reason: str):
    assert dropped(value, "messages") == reason


# Recognition


def rows(*values: dict[str, Any]) -> list[Row]:
    return [Row(v, f"t.jsonl:{i}") for i, v in enumerate(values, 1)]


def test_recognise_looks_at_many_rows():
    assert recognise(rows(alpaca(), alpaca(input=...))).name == "alpaca"
    assert recognise(rows(talk(USER, ANSWER))).name == "messages"
    assert recognise(rows({"junk": 1}, alpaca(), alpaca())).name == "alpaca"
    assert recognise(rows({"instruction": "a"}, {"instruction": "b", "input": "c"})).name == "alpaca"


def test_a_source_column_of_the_users_own_is_not_a_place():
    tulu = {"id": "1", "messages": [USER, ANSWER], "source": "ai2-adapt-dev/flan"}
    assert recognise(rows(tulu)).name == "messages"
    assert example(tulu, "messages").fields == {"source": "ai2-adapt-dev/flan"}


def test_a_mixture_is_refused_and_told():
    with pytest.raises(DataError, match="1 of 3 rows are alpaca"):
        recognise(rows(alpaca(), {"a": 1}, {"b": 1}))
    with pytest.raises(DataError, match="no known format"):
        recognise([])


# The front door


def write(folder: Path, name: str, *values: dict[str, Any]) -> Path:
    (folder / name).write_text("".join(json.dumps(v) + "\n" for v in values))
    return folder / name


def test_an_open_question_at_the_end_does_not_cost_the_answers_before_it(tmp_path: Path):
    path = write(tmp_path, "a.jsonl", talk(USER, ANSWER, USER), talk(USER, ANSWER))
    examples, builder = load_examples([path])
    assert examples[0].messages == examples[1].messages
    assert "rows that end with a question that is not answered, which is left out: 1" in builder.warnings[0]
    asked, _ = load_examples([path], answers=False)
    assert [m.role for m in asked[0].messages] == ["user", "assistant", "user"]


def test_load_examples_accounts_for_every_row(tmp_path: Path):
    path = write(tmp_path, "a.jsonl", alpaca(), alpaca(output=""), alpaca(instruction="Other"), {"x": 1})
    examples, builder = load_examples([str(path)])
    assert [(e.id, e.source) for e in examples] == [("r000001", "a.jsonl:1"), ("r000003", "a.jsonl:3")]
    document = builder.ledger().to_json()
    assert (document["read"], document["kept"], document["dropped"]) == (4, 2, 2)
    assert {r["reason"]: r["where"] for r in document["reasons"]} == {
        "empty_answer": ["a.jsonl:2"],
        "missing_instruction": ["a.jsonl:4"],
    }
    with pytest.raises(DataError, match=r"a.jsonl:2 cannot be used: an answer is empty"):
        read_examples(path)


def test_ids_must_be_unique_and_both_lines_are_named(tmp_path: Path):
    path = write(tmp_path, "a.jsonl", alpaca(id=1), alpaca(id=2), alpaca(id="1"))
    with pytest.raises(DataError, match=r"a.jsonl:3: the id '1' stands already at a.jsonl:1"):
        load_examples([path])
    path = write(tmp_path, "b.jsonl", alpaca(id="r000002"), alpaca())
    with pytest.raises(DataError, match=r"b.jsonl:2: the id 'r000002' stands already at b.jsonl:1"):
        load_examples([path])


def test_files_of_one_name_are_told_apart(tmp_path: Path):
    paths = []
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        paths.append(write(tmp_path / folder, "a.jsonl", alpaca(instruction=folder)))
    examples, builder = load_examples(paths)
    assert [e.source for e in examples] == [f"{p}:1" for p in paths]
    assert [e.id for e in examples] == ["r000001", "r000002"]
    assert [f["rows"] for f in builder.ledger().to_json()["files"]] == [1, 1]
    with pytest.raises(RequestError, match="named twice"):
        load_examples([paths[0], paths[0]])


def test_limit_counts_rows_read(tmp_path: Path):
    path = write(tmp_path, "a.jsonl", alpaca(output=""), alpaca(), alpaca())
    other = write(tmp_path, "b.jsonl", alpaca())
    examples, builder = load_examples([path, other], limit=2)
    assert len(examples) == 1
    assert builder.read == 2
    assert any("a.jsonl was read up to the limit of 2 rows" in w for w in builder.warnings)
    assert any("b.jsonl was not read" in w for w in builder.warnings)
    assert not load_examples([other], limit=1)[1].warnings


def test_nothing_usable_and_nothing_asked(tmp_path: Path):
    path = write(tmp_path, "a.jsonl", alpaca(output=...), alpaca(output=...))
    with pytest.raises(DataError, match=r"a.jsonl:1: none of the 2 rows can be used: there is no answer at the end"):
        load_examples([path], format="alpaca")
    assert len(load_examples([path], answers=False)[0]) == 2
    with pytest.raises(RequestError, match="did you mean 'alpaca'"):
        load_examples([path], format="alpacca")
    with pytest.raises(RequestError, match="no data file"):
        load_examples([])


def test_examples_written_by_heedful_come_back_the_same(tmp_path: Path):
    path = write(tmp_path, "a.jsonl", alpaca(kind="x", system="s"), talk(USER, ANSWER), alpaca(id="own"))
    examples, _ = load_examples([path], format="alpaca")
    write_jsonl(tmp_path / "out.jsonl", map(to_json, examples))
    again, builder = load_examples([tmp_path / "out.jsonl"])
    assert again == examples
    assert builder.files[0]["format"] == "heedful"
    assert dropped({"id": "1", "messages": [{"role": "user"}], "source": "a:1"}, "heedful") == "not_an_example"


def test_reading_data_starts_without_the_heavy_packages():
    program = "import sys, heedful.data, heedful.cli.data; print([m for m in sys.argv[1:] if m in sys.modules])"
    heavy = ["torch", "transformers", "pyarrow", "pydantic"]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src")}
    done = subprocess.run([sys.executable, "-c", program, *heavy], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_packaged_rows_are_clean():
    assert len(read_examples(starter_path())) > 100


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
FULL = TEXT.filter(lambda t: bool(t.strip()))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.fixed_dictionaries({"instruction": FULL, "input": TEXT, "output": FULL, "kind": TEXT}), min_size=1))
def test_every_kind_of_file_gives_the_same_examples(values: list[dict[str, str]]):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "a.jsonl").write_text("".join(json.dumps(v, ensure_ascii=False) + "\n" for v in values), newline="")
        (folder / "a.json").write_text(json.dumps(values, indent=2))
        with (folder / "a.csv").open("w", newline="") as f:
            writer = csv.DictWriter(f, list(values[0]), quoting=csv.QUOTE_ALL)
            writer.writeheader()
            writer.writerows(values)
        pq.write_table(pa.Table.from_pylist(values), folder / "a.parquet")
        read = [load_examples([folder / f"a.{kind}"])[0] for kind in ("jsonl", "json", "csv", "parquet")]
    plain = [[(e.id, e.messages, e.fields) for e in examples] for examples in read]
    assert plain[0] == plain[1] == plain[2] == plain[3]
    assert [(e.messages[0].content, e.reference, e.fields) for e in read[0]] == [
        (v["instruction"], v["output"], {"kind": v["kind"]}) for v in values
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["role", "content", "train", "x"]), inner)
    ),
    max_leaves=8,
)
COLUMNS = st.sampled_from(["id", "instruction", "input", "output", "system", "messages", "source", "fields", "x"])


@settings(deadline=None, max_examples=300)
@given(st.dictionaries(COLUMNS, JSON), st.sampled_from(sorted(FORMATS)), st.booleans())
def test_no_row_whatever_it_holds_gives_a_traceback(value: dict[str, Any], form: str, answers: bool):
    made = to_example(Row(value, "t:1"), FORMATS[form], "r000001", answers=answers)
    assert isinstance(made, Example | Drop)
    if isinstance(made, Example):
        json.dumps(to_json(made), allow_nan=False).encode()
