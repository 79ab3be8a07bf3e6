"""Rows from real files: their places, and each way in which a file is bad."""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.data.sources import kind_of, read_rows, sha256_of
from heedful.errors import DataError

ROW = {"instruction": "Say hi.", "input": "", "output": "Hi."}


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def places(path: Path) -> list[str]:
    return [row.source for row in read_rows(path)]


def error_of(path: Path) -> str:
    with pytest.raises(DataError) as e:
        list(read_rows(path))
    message = str(e.value)
    assert "\n" not in message
    assert "Traceback" not in message
    return message


# Places


def test_jsonl_counts_blank_lines(tmp_path: Path):
    path = write(tmp_path, "a.jsonl", '{"a": 1}\n\n  \r\n{"a": 2}\r\n{"a": "\u2028"}')
    assert [(r.value, r.source) for r in read_rows(path)] == [
        ({"a": 1}, "a.jsonl:1"),
        ({"a": 2}, "a.jsonl:4"),
        ({"a": "\u2028"}, "a.jsonl:5"),
    ]


def test_json_array_names_the_line_where_each_element_begins(tmp_path: Path):
    assert places(write(tmp_path, "a.json", '[{"a":1}, {"a":\n2},\n\n  {"a": 3}\n]\n')) == [
        "a.json:1",
        "a.json:1",
        "a.json:4",
    ]


def test_csv_counts_the_line_breaks_inside_quotes(tmp_path: Path):
    path = write(tmp_path, "a.csv", 'q,a\r\n"one\r\ntwo",1\r\n\r\nthree,"say ""hi"""\r\n')
    rows = list(read_rows(path))
    assert [r.source for r in rows] == ["a.csv:2", "a.csv:5"]
    assert rows[0].value == {"q": "one\r\ntwo", "a": "1"}
    assert rows[1].value["a"] == 'say "hi"'


def test_places_name_the_file_as_asked(tmp_path: Path):
    path = write(tmp_path, "a.jsonl", '{"a": 1}')
    assert next(read_rows(path, "data/a.jsonl")).source == "data/a.jsonl:1"


@pytest.mark.parametrize("key", ["data", "train", "rows"])
def test_an_object_that_holds_one_list_of_rows(tmp_path: Path, key: str):
    path = write(tmp_path, "a.json", json.dumps({"version": "1", key: [{"a": 1}, {"a": 2}], "tags": ["x"]}, indent=1))
    assert [(r.value, r.source) for r in read_rows(path)] == [({"a": 1}, "a.json:4"), ({"a": 2}, "a.json:7")]


# Kinds


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.JSON", "[]", "json"),
        ("a.ndjson", "{}", "jsonl"),
        ("a.json", '{"a": 1}\n{"a": 2}\n', "jsonl"),
        ("a.json", '\ufeff{"a": 1}\n{"a": 2}\n', "jsonl"),
        ("a.json", '{\n"data": []}', "json"),
        ("a.txt", '{"a": 1}\n{"a": 2}', "jsonl"),
        ("a", ' [{"a": 1}]', "json"),
        ("a", "instruction,output\na,b\n", "csv"),
        ("a", b"PAR1....", "parquet"),
    ],
)
def test_kind_by_ending_and_else_by_content(tmp_path: Path, name: str, content: str | bytes, kind: str):
    assert kind_of(write(tmp_path, name, content)) == kind


def test_prose_is_of_no_kind(tmp_path: Path):
    assert "cannot tell" in error_of(
        write(tmp_path, "notes.txt", "Dear all,\nplease read this; then answer: yes or no.\n")
    )


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (b"BZh91AY&SY", "bunzip2"),
        (b"\xfd7zXZ\0", "unxz"),
        (b"\x1f\x8b\x08", "gzip data is cut short"),
        (b"PK\x03\x04", "CSV"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"ARROW1\0\0", "not a readable Arrow file"),
        (b"PAR1", "not a readable Parquet file"),
        (b"\x28\xb5\x2f\xfd", "zstd data is damaged"),
    ],
)
def test_files_that_only_look_like_data(tmp_path: Path, start: bytes, said: str):
    assert said in error_of(write(tmp_path, "a.json", start + b" rest"))


# Files that cannot be opened


def test_missing_file_names_its_nearest_sibling(tmp_path: Path):
    write(tmp_path, "train.jsonl", "{}")
    assert error_of(tmp_path / "trian.jsonl").endswith("no such file (did you mean 'train.jsonl'?)")
    assert "check the path" in error_of(tmp_path / "nowhere" / "x.jsonl")


def test_folder_instead_of_file(tmp_path: Path):
    write(tmp_path, "train.jsonl", "{}")
    message = error_of(tmp_path)
    assert "this is a folder" in message
    assert "train.jsonl" in message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(tmp_path: Path):
    path = write(tmp_path, "a.jsonl", "{}")
    path.chmod(0)
    assert "permissions" in error_of(path)


def test_pipe_and_impossible_names(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.jsonl")
    assert "not a regular file" in error_of(tmp_path / "pipe.jsonl")
    assert "check the path" in error_of(Path("a\0b.jsonl"))
    assert "cannot be opened" in error_of(tmp_path / ("x" * 300 + ".jsonl"))


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.csv", "a.parquet", "a"])
@pytest.mark.parametrize("content", [b"", b" \n\n", b"\xef\xbb\xbf", b"\n" * 5000])
def test_empty_file(tmp_path: Path, name: str, content: bytes):
    assert "the file is empty" in error_of(write(tmp_path, name, content))


@pytest.mark.parametrize(("name", "content"), [("a.json", "[]"), ("a.csv", "instruction,output\n")])
def test_files_without_rows(tmp_path: Path, name: str, content: str):
    assert "no rows in it" in error_of(write(tmp_path, name, content))


# Encodings


def test_byte_order_mark_of_utf8_is_accepted(tmp_path: Path):
    bom = b"\xef\xbb\xbf"
    assert next(read_rows(write(tmp_path, "a.jsonl", bom + b'{"a": 1}'))).value == {"a": 1}
    assert next(read_rows(write(tmp_path, "a.json", bom + b'[{"a": 1}]'))).value == {"a": 1}
    assert next(read_rows(write(tmp_path, "a.csv", bom + b"a,b\n1,2\n"))).value == {"a": "1", "b": "2"}


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.csv"])
def test_utf16_is_named(tmp_path: Path, name: str):
    text = '[{"instruction": "a", "output": "b"}]'
    assert "UTF-16, and UTF-8 is read; convert it with: iconv -f UTF-16" in error_of(
        write(tmp_path, name, text.encode("utf-16"))
    )
    assert "iconv -f UTF-16LE" in error_of(write(tmp_path, name, text.encode("utf-16-le")))
    assert "iconv -f UTF-16BE" in error_of(write(tmp_path, name, text.encode("utf-16-be")))
    assert "UTF-32" in error_of(write(tmp_path, name, text.encode("utf-32")))


@pytest.mark.parametrize(
    ("name", "content", "at"),
    [
        ("a.json", b'[{"a": 1},\n {"a": "caf\xe9"}]', 22),
        ("a.jsonl", b'{"a": 1}\n{"a": "caf\xe9"}\n', 19),
        ("a.csv", b"a,b\ncaf\xe9,1\n", 7),
        ("a.csv", b"\xef\xbb\xbfa,b\ncaf\xe9,1\n", 10),
    ],
)
def test_latin1_names_line_and_byte(tmp_path: Path, name: str, content: bytes, at: int):
    assert content[at] == 0xE9
    message = error_of(write(tmp_path, name, content))
    assert f"{name}:2: byte {at} (0xe9) is not UTF-8" in message
    assert "iconv -f WINDOWS-1252" in message


@pytest.mark.parametrize(
    ("name", "content"), [("a.json", '[{"a": 1},\n{"a": "\0"}]'), ("a.jsonl", '{"a": 1}\n\0'), ("a.csv", "a\n\0")]
)
def test_nul_bytes(tmp_path: Path, name: str, content: str):
    assert f"{name}:2: a NUL byte" in error_of(write(tmp_path, name, content))


# Broken JSON


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"a": 1}\n{"a": \n', ":2: broken JSON"),
        ('{"a": 1}\n{"a": "b\n', "cut short"),
        ("{\"a\": 1}\n{'a': 1}\n", "double quotes"),
        ('{"a": 1}\n{"a": 1,}\n', "comma"),
        ('{"a": 1}\n{"a": "x "y" z"}\n', '\\"'),
        ('{"a": 1}\n{"a": "\\d"}\n', "backslash"),
        ('{"a": 1}\n{"a": "x\ty"}\n', "\\t"),
        ('{"a": 1}\n{"a": NaN}\n', ":2: NaN is not JSON"),
        ('{"a": 1}\n{"a": -Infinity}\n', "-Infinity is not JSON"),
        ('{"a": 1}\n{"a": 1, "a": 2}\n', ":2: the key 'a' stands twice"),
        ('{"a": 1}\n{"a": 1}{"a": 2}\n', ":2: more than one value"),
        ('{"a": 1}\n["a"]\n', ":2: a row must be an object with named fields, and this is a list"),
        ('{"a": 1}\n"a"\n', "this is text"),
        ('{"a": 1}\n3\n', "this is a number"),
        ('{"a": 1}\nnull\n', "this is null"),
        ('{"a": 1}\n' + "[" * 100_000 + "\n", ":2: "),
        ('{"a": 1}\n{"a": ' + "9" * 5000 + "}\n", "thousands of digits"),
        ('[{"a": 1}]\n', ".json if it is one array"),
        ('{\n"a": 1\n}\n', "one object a line"),
    ],
)
def test_broken_jsonl(tmp_path: Path, content: str, said: str):
    assert said in error_of(write(tmp_path, "a.jsonl", content))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[{"a": 1},\n{"a": 2}', "a.json:2: broken JSON (the text ends before the list does)"),
        ('[{"a": 1},\n{"a": "x', "cut short"),
        ('[{"a": 1}\n{"a": 2}]', "a.json:2: broken JSON (unexpected '{'); a comma is missing"),
        ('[{"a": 1},\n]', "a comma after the last row"),
        ('[{"a": 1}]\n[]', "a.json:2: something stands after"),
        ('[{"a": 1},\n3]', "a.json:2: a row must be an object"),
        ('[{"a": 1},\n{"a": 1, "a": 1}]', "a.json:2: the key 'a' stands twice"),
        ('{"a": 1,\n"a": 1}', "a.json:2: the key 'a' stands twice"),
        ('[{"a": 1},\n{"a": NaN}]', "a.json:2: NaN"),
        ('{"train": [{"a": 1}], "test": [{"a": 2}]}', "several lists of objects ('train', 'test')"),
        ('{"instruction": "a", "output": "b"}', "one object (its keys: 'instruction', 'output')"),
        ('{"messages": [{"role": "user"}]}', "not a list of rows"),
        ('{"data": [1, 2]}', "not a list of rows"),
        ("{}", "its keys: none"),
        ('{"data": [{}] "x": 1}', "a comma is missing between two keys"),
        ('{"data"  [{}]}', "a ':' is missing"),
        ("{1: 2}", "a.json:1: broken JSON"),
        ('"text"', "not a list of rows"),
        ("hello", "broken JSON"),
        ('{"a": 1}\n{"a": \n', "a.json:2: broken JSON"),
    ],
)
def test_broken_json(tmp_path: Path, content: str, said: str):
    assert said in error_of(write(tmp_path, "a.json", content))


def _files() -> dict[str, bytes]:
    values = [{"instruction": f"q {i} é 日本", "input": 'a "b", c\n' * (i % 3), "output": "y\t\\"} for i in range(6)]
    with io.StringIO(newline="") as f:
        writer = csv.DictWriter(f, list(values[0]))
        writer.writeheader()
        writer.writerows(values)
        table = f.getvalue()
    return {
        "a.jsonl": "".join(json.dumps(v, ensure_ascii=False) + "\n" for v in values).encode(),
        "a.json": json.dumps(values, indent=1).encode(),
        "b.json": json.dumps({"data": values}).encode(),
        "a.csv": table.encode(),
        "a.txt": json.dumps(values).encode(),
    }


_PIECES = (
    st.sampled_from([b'"', b"{", b"}", b"[", b"]", b",", b"\n", b"\r", b"\0", b"\xff\xfe", b"NaN", b"\\", b":"])
    | st.binary()
)


@settings(deadline=None, max_examples=400)
@given(st.sampled_from(sorted(_files())), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 20), _PIECES), max_size=4))
def test_damaged_files_give_rows_or_one_sentence(name: str, damage: list[tuple[float, int, bytes]]):
    content = _files()[name]
    for place, cut, piece in damage:
        at = int(place * len(content))
        content = content[:at] + piece + content[at + cut :]
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), name, content)
        try:
            rows, said = list(read_rows(path)), ""
        except DataError as e:
            rows, said = [], str(e)
    assert "\n" not in said
    assert said.startswith(str(path)) or not said
    assert bool(rows) != bool(said)
    assert all(isinstance(r.value, dict) for r in rows)


def test_sha256(tmp_path: Path):
    assert sha256_of(write(tmp_path, "a", b"abc")).startswith("ba7816bf8f01cfea")


def test_a_large_array_is_read_in_time_that_grows_with_its_length(tmp_path: Path):
    row = json.dumps(ROW | {"output": "x" * 200}, indent=1)
    path = write(tmp_path, "a.json", "[" + ",\n".join([row] * 20_000) + "]")
    begin = time.process_time()
    rows = list(read_rows(path))
    assert rows[-1].source == f"a.json:{1 + 19_999 * 5}"
    assert time.process_time() - begin < 10  # about 0.2 s; quadratic counting of lines would take minutes
