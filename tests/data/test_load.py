"""The front door: caps and weights, columns, groups, benchmarks; and checking files row by row, which keeps nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from heedful.cli.data import app
from heedful.data import Drop
from heedful.data.contamination import Index
from heedful.data.figures import TokenFigures
from heedful.data.load import Dividing, load, load_parts
from heedful.data.reading import ReadOptions
from heedful.data.splits import parse_split
from heedful.data.stream import Tokenizing, check_files
from heedful.errors import DataError, HeedfulError, RequestError
from heedful.records import TokenExample
from heedful.train.prepare import repeated

QUESTION = "Which of the planets in our solar system has the shortest day measured in hours"


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return path


def alpaca(count: int, start: int = 0, **more: Any) -> list[dict[str, Any]]:
    words = ["amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath", "inlet", "jetty"]
    return [
        {"instruction": f"{words[i % 10]} {words[i // 10 % 10]} {i}?", "output": f"It is {i}.", **more}
        for i in range(start, start + count)
    ]


def run(*arguments: str | Path | int) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_a_cap_takes_so_many_rows_and_every_other_one_is_accounted_for(tmp_path: Path):
    file = write(tmp_path / "a.jsonl", *alpaca(50))
    loaded = load([f"{file}::cap=7"], seed=3)
    document = loaded.builder.ledger().to_json()
    assert (document["read"], document["kept"], document["dropped"]) == (50, 7, 43)
    assert document["reasons"][0]["reason"] == "not_chosen"
    assert document["reasons"][0]["sentence"] == "left out by its source's cap or weight"
    assert [f.get("cap") for f in document["files"]] == [7]
    assert [e.id for e in load([f"{file}::cap=7"], seed=3).examples] == [e.id for e in loaded.examples]
    assert [e.id for e in load([f"{file}::cap=7"], seed=4).examples] != [e.id for e in loaded.examples]
    # Each place is a line of the file, whichever rows are taken.
    assert all(e.source == f"a.jsonl:{int(e.id[1:])}" for e in loaded.examples)


def test_a_weight_below_one_thins_a_source_and_leaves_the_others(tmp_path: Path):
    one, other = write(tmp_path / "a.jsonl", *alpaca(200)), write(tmp_path / "b.jsonl", *alpaca(20, 500))
    loaded = load([f"{one}::weight=0.25", str(other)])
    taken = [e for e in loaded.examples if e.source.startswith("a.")]
    assert 25 <= len(taken) <= 80
    assert len(loaded.examples) - len(taken) == 20
    assert set(loaded.weights.values()) == {0.25}
    assert not repeated(loaded.examples, [TokenExample(e.id, (), ()) for e in loaded.examples], loaded.weights, 0)


def test_a_weight_above_one_repeats_training_rows(tmp_path: Path):
    file = write(tmp_path / "a.jsonl", *alpaca(100))
    examples = load([f"{file}::weight=2.5"]).examples
    rows = [TokenExample(e.id, (1, 2), (False, True)) for e in examples]
    copies = repeated(examples, rows, dict.fromkeys([e.id for e in examples], 2.5), seed=1)
    assert all(e.id == t.id and t.ids == (1, 2) for e, t in copies)
    assert len({e.id for e, _ in copies}) == len(copies)
    assert sum(e.id.endswith("#2") for e, _ in copies) == 100
    assert 30 <= sum(e.id.endswith("#3") for e, _ in copies) <= 70


def test_columns_by_name_and_a_format_do_not_go_together(tmp_path: Path):
    file = write(tmp_path / "a.jsonl", {"frage": "Wo?", "antwort": "Hier."})
    loaded = load([file], columns={"instruction": "frage", "output": "antwort"})
    assert loaded.examples[0].reference == "Hier."
    with pytest.raises(RequestError, match="either a format or the columns"):
        load([file], "alpaca", columns={"instruction": "frage", "output": "antwort"})
    assert run("check", file, "--map", "instruction=frage,output=antwort").exit_code == 0


def test_what_two_formats_fit_is_told(tmp_path: Path):
    both = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "instruction": "x"}
    file = write(tmp_path / "a.jsonl", *[both | {"output": "y"}] * 3)
    (entry,) = load([file]).builder.ledger().to_json()["files"]
    assert entry["format"] == "messages"
    assert "alpaca" in entry["why"]


def test_rows_of_one_group_stay_together(tmp_path: Path):
    rows = [r | {"book": f"b{i // 5}"} for i, r in enumerate(alpaca(60))]
    file = write(tmp_path / "a.jsonl", *rows)
    _, split = load_parts([file], Dividing(parse_split("60/20/20"), 0, group_by="book"), ReadOptions())
    books = [{e.fields["book"] for e in part} for part in split.parts().values()]
    assert all(books)
    assert not books[0] & books[1]
    assert not books[0] & books[2]
    assert not books[1] & books[2]
    result = run("check", file, "--group-by", "book")
    assert isinstance(result.exception, RequestError)


def test_a_nearly_equal_question_in_another_part_is_a_leak(tmp_path: Path):
    rows = [*alpaca(8), {"instruction": f"{QUESTION}?", "output": "Jupiter."}]
    file = write(tmp_path / "a.jsonl", *rows, {"instruction": f"Now tell me: {QUESTION.lower()}", "output": "Jupiter."})
    result = run("check", file, "--split", "order:train=9,val=1")
    assert isinstance(result.exception, HeedfulError)
    assert "a.jsonl:10" in str(result.exception)
    assert result.exception.exit_status == 1
    for seed in range(5):
        done = run("check", file, "--split", "60/40", "--seed", seed, "--json")
        assert json.loads(done.stdout)["overlaps"] == []
    near = json.loads(run("check", file, "--json").stdout)["near_duplicates"]
    assert (near["count"], near["compared"]) == (1, 10)
    assert "a.jsonl:10 is " in near["where"][0]
    assert "near_duplicates" not in json.loads(run("check", file, "--no-near", "--json").stdout)


def test_rows_that_hold_a_benchmarks_items(tmp_path: Path):
    test = tmp_path / "test.csv"
    test.write_text(f'"{QUESTION}?",Jupiter,Mars,A\n')
    made = run("index", test, "--out", tmp_path / "planets.npz", "--json")
    assert json.loads(made.stdout)["items"] == 1
    assert isinstance(run("index", test, "--out", tmp_path / "planets.npz").exception, HeedfulError)
    file = write(tmp_path / "a.jsonl", *alpaca(5), {"instruction": f"Quiz. {QUESTION}!", "output": "Jupiter."})
    result = run("check", file, "--against", tmp_path / "planets.npz", "--json")
    (found,) = json.loads(result.stdout)["contamination"]
    assert found == {
        "index": "planets",
        "items": 1,
        "found": 1,
        "rows": 1,
        "where": ["a.jsonl:6 holds test.csv:1 column 1"],
    }
    assert "rows that hold items of planets: 1 (the first" in str(result.exception)
    clean = write(tmp_path / "b.jsonl", *alpaca(5))
    assert run("check", clean, "--against", tmp_path / "planets.npz").exit_code == 0
    loaded = load([file], indexes=[Index.load(tmp_path / "planets.npz")])
    assert loaded.builder.ledger().to_json()["contamination"] == [found]


def test_row_by_row_finds_what_reading_at_once_finds(tmp_path: Path):
    rows = [
        *alpaca(40),
        *alpaca(3),
        {"instruction": "", "output": "x"},
        {"instruction": "y", "output": " As an AI model"},
    ]
    file = write(tmp_path / "a.jsonl", *rows)
    streamed = check_files([file], ReadOptions()).ledger().to_json()
    whole = load([file]).builder.ledger().to_json()
    assert streamed.pop("parts")["all"]["rows"] == 44
    whole.pop("parts")
    assert streamed == whole
    assert {f["finding"] for f in streamed["findings"]} >= {"duplicates", "edge_whitespace"}


def test_tokens_row_by_row(tmp_path: Path):
    file = write(tmp_path / "a.jsonl", *alpaca(6))

    class Fitted:
        answer_cut = False

        def __init__(self, example: Any, truncated: int):
            self.example = example
            self.row = TokenExample(example.id, (5, 6, 2), (False, True, example.id != "r000002"), truncated)

    def fit(example: Any) -> Any:
        if example.id == "r000001":
            return Drop("too_long", "longer than 3 tokens", example.source)
        return Fitted(example, int(example.id == "r000003"))

    builder = check_files([file], ReadOptions(), tokens=Tokenizing(fit, TokenFigures({2})))
    document = builder.ledger().to_json()
    assert [document[k] for k in ("read", "kept", "truncated", "dropped")] == [6, 4, 1, 1]
    assert document["parts"]["all"]["tokens"] == 15
    found = {f["finding"]: (f["where"], f["severity"]) for f in document["findings"]}
    assert found["stop_not_trained"] == (["a.jsonl:2"], "error")
    assert found["truncated"] == (["a.jsonl:3"], "note")


def test_the_same_id_twice_is_told_with_both_places(tmp_path: Path):
    file = write(tmp_path / "a.jsonl", *(r | {"id": i % 4} for i, r in enumerate(alpaca(5))))
    with pytest.raises(DataError, match=r"a.jsonl:5: the row has the id of a.jsonl:1"):
        check_files([file], ReadOptions()).ledger()
    with pytest.raises(DataError, match=r"a.jsonl:5: the id '0' stands already at a.jsonl:1"):
        load([file])


def test_no_row_that_can_be_used(tmp_path: Path):
    file = write(tmp_path / "a.jsonl", {"instruction": "", "output": "x"})
    for read in (lambda: load([file]), lambda: check_files([file], ReadOptions())):
        with pytest.raises(DataError, match=r"a.jsonl:1: the only row cannot be used: an instruction is empty"):
            read()
    assert load([file], need_rows=False).examples == []


def test_the_mend_is_where_the_fault_is(tmp_path: Path):
    file = write(tmp_path / "a.jsonl", *alpaca(3))
    assert "; mend the file, or name its columns with --map" in str(
        run("check", file, "--map", "instruction=instruction").exception
    )
    assert "; take --format away or name another" in str(run("check", file, "--format", "messages").exception)

    def too_long(example: Any) -> Drop:
        return Drop("too_long", "longer than max_length 8 tokens", example.source)

    with pytest.raises(DataError, match="; raise --max-length, or take --overlong truncate"):
        check_files([file], ReadOptions(), tokens=Tokenizing(too_long, TokenFigures({2})))


def test_the_page_of_a_ledger(tmp_path: Path):
    file = write(tmp_path / "a.jsonl", *alpaca(5))
    assert run("check", file, "--html", tmp_path / "page.html").exit_code == 0
    page = (tmp_path / "page.html").read_text()
    assert "a.jsonl" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_conversations_of_one_row_are_written_as_examples(tmp_path: Path):
    rows = [
        {"instruction": f"task {i}", "instances": [{"input": f"{k} of {i}", "output": f"out {k}"} for k in range(2)]}
        for i in range(6)
    ]
    file = write(tmp_path / "a.jsonl", *rows)
    done = run("split", file, "--split", "50/25/25", "--out", tmp_path / "parts", "--json")
    assert done.exit_code == 0, done.exception
    assert sum(json.loads(done.stdout)["written"].values()) == 12
    parts = [load([tmp_path / "parts" / f"{p}.jsonl"]).examples for p in ("train", "val", "test")]
    groups = [{e.group for e in part} for part in parts]
    assert not groups[0] & groups[1] | groups[0] & groups[2] | groups[1] & groups[2]
