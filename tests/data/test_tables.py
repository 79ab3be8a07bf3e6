"""CSV and Parquet: what their cells become, and the ways in which tables are broken."""

from __future__ import annotations

import csv
import datetime
import decimal
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from heedful.data.sources import read_rows
from heedful.errors import DataError


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def error_of(path: Path) -> str:
    with pytest.raises(DataError) as e:
        list(read_rows(path))
    message = str(e.value)
    assert "\n" not in message
    assert "Traceback" not in message
    return message


def test_parquet_numbers_rows_and_gives_json_values(tmp_path: Path):
    table = pa.table(
        {
            "instruction": ["a", None],
            "n": [1.5, float("nan")],
            "day": [datetime.date(2024, 1, 2), None],
            "price": [decimal.Decimal("1.10"), None],
            "raw": [b"bytes", None],
            "turns": [[{"role": "user", "content": "x"}], []],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    rows = list(read_rows(tmp_path / "a.parquet"))
    assert [r.source for r in rows] == ["a.parquet: row 1", "a.parquet: row 2"]
    assert rows[0].value == {
        "instruction": "a",
        "n": 1.5,
        "day": "2024-01-02",
        "price": "1.10",
        "raw": "bytes",
        "turns": [{"role": "user", "content": "x"}],
    }
    assert rows[1].value["n"] is None
    json.dumps([r.value for r in rows], allow_nan=False)


# Broken tables


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,b\n1,2\n1,2,3\n", "a.csv:3: 3 cells where the header has 2"),
        ('a,b\n"1\n2",2\n1\n', "a.csv:4: 1 cells where the header has 2"),
        ('a,b\n1,2\n"1,2\n3,4\n', "a.csv:3: a quote opens in this record and is not closed by line 4"),
        ('a,b\n"x"y,2\n', "a.csv:2: broken CSV"),
        ("a,b\r1,2\r3,4", "carriage returns"),
        ("a,a\n1,2\n", "two columns are called 'a'"),
        ("instruction;output\na;b;c\n", "3 cells where the header has 2; put text with semicolons"),
        ("instruction|output\na|b\n", "separated by '|'"),
        ("instruction\toutput\na\tb\n", "separated by 'a tab'"),
        ("a,,b\n1,2,3\n", "no header"),
        ("1,2\n3,4\n", "no header ('1' is no column name)"),
        (f"{'long ' * 30},b\n1,2\n", "no header"),
    ],
)
def test_broken_csv(tmp_path: Path, content: str, said: str):
    assert said in error_of(write(tmp_path, "a.csv", content))


def test_csv_with_the_semicolons_of_a_spreadsheet(tmp_path: Path):
    rows = list(read_rows(write(tmp_path, "a.csv", '\n"the question";n\n"a; b, c";1,5\n')))
    assert [row.value for row in rows] == [{"the question": "a; b, c", "n": "1,5"}]
    assert rows[0].source == "a.csv:3"
    # One column whose name has a semicolon, and a header that has commas too, are what they were.
    assert next(read_rows(write(tmp_path, "b.csv", '"q; a"\nx\n'))).value == {"q; a": "x"}
    assert next(read_rows(write(tmp_path, "c.csv", "q;a,b\nx,y\n"))).value == {"q;a": "x", "b": "y"}


def test_csv_with_the_index_that_pandas_writes(tmp_path: Path):
    assert next(read_rows(write(tmp_path, "a.csv", ",a\n0,x\n"))).value == {"": "0", "a": "x"}


def test_csv_fields_may_be_long(tmp_path: Path):
    long = "x" * 300_000
    assert next(read_rows(write(tmp_path, "a.csv", f"a,b\n{long},1\n"))).value["a"] == long
    assert csv.field_size_limit() >= 300_000


def test_broken_parquet(tmp_path: Path):
    pq.write_table(pa.table({"a": [str(i) for i in range(5000)]}), tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    for name, content in (
        ("cut", whole[:-100]),
        ("text", b'[{"a": 1}]'),
        ("middle", whole[:4] + b"\0" * 3000 + whole[3004:]),
    ):
        message = error_of(write(tmp_path, f"{name}.parquet", content))
        assert "not a readable Parquet file" in message
        assert len(message) < 400


def test_parquet_that_is_no_text(tmp_path: Path):
    pq.write_table(pa.table({"image": [b"\xff\xd8"]}), tmp_path / "a.parquet")
    assert "row 1: column 'image' holds bytes" in error_of(tmp_path / "a.parquet")
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]), tmp_path / "b.parquet")
    assert "two columns are called 'a'" in error_of(tmp_path / "b.parquet")


def test_parquet_timestamps_in_nanoseconds(tmp_path: Path):
    odd = pa.array([1_700_000_000_123_456_789, None], pa.timestamp("ns"))
    pq.write_table(pa.table({"at": odd}), tmp_path / "a.parquet")
    assert [r.value["at"] for r in read_rows(tmp_path / "a.parquet")] == ["2023-11-14T22:13:20.123456", None]
