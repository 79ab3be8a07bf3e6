"""Packed files, Arrow and TSV, windows of JSON, and files that are made to fill the memory or the disk."""

from __future__ import annotations

import contextlib
import gzip
import json
import random
import tempfile
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.data import arrow, files, jsontext, textfiles
from heedful.data.jsontext import BrokenJson, rows_of
from heedful.data.sources import kind_of, read_rows, sha256_of
from heedful.errors import DataError

VALUES = [{"instruction": f"q {i} é 日本", "output": 'a "b",\tc\n' * (i % 3) + "y"} for i in range(5)]


def zstd(data: bytes) -> bytes:
    return pa.Codec("zstd").compress(data, asbytes=True)


PACK = {"": lambda data: data, ".gz": gzip.compress, ".zst": zstd}


def table(mark: str) -> bytes:
    quoted = [[v.replace('"', '""') for v in value.values()] for value in VALUES]
    lines = ["instruction" + mark + "output", *(mark.join(f'"{cell}"' for cell in row) for row in quoted)]
    return "\n".join(lines).encode()


def ipc(stream: bool, values: list[dict] = VALUES) -> bytes:
    sink = pa.BufferOutputStream()
    rows = pa.Table.from_pylist(values)
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(sink, rows.schema) as writer:
        writer.write_table(rows, max_chunksize=2)
    return sink.getvalue().to_pybytes()


def parquet() -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(VALUES), sink)
    return sink.getvalue().to_pybytes()


CONTENTS = {
    "a.json": ("json", json.dumps(VALUES).encode()),
    "b.json": ("json", json.dumps({"v": 1, "data": VALUES}).encode()),
    "c.json": ("jsonl", b"".join(json.dumps(v).encode() + b"\n" for v in VALUES)),
    "a.jsonl": ("jsonl", b"".join(json.dumps(v).encode() + b"\n" for v in VALUES)),
    "a.csv": ("csv", table(",")),
    "a.tsv": ("tsv", table("\t")),
    "a.parquet": ("parquet", parquet()),
    "a.arrow": ("arrow", ipc(stream=True)),
    "b.arrow": ("arrow", ipc(stream=False)),
}


def write(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def error_of(path: Path) -> str:
    with pytest.raises(DataError) as e:
        list(read_rows(path))
    assert "\n" not in str(e.value)
    return str(e.value)


@pytest.mark.parametrize("ending", PACK)
@pytest.mark.parametrize("name", CONTENTS)
def test_every_kind_packed_and_not_by_its_name_and_by_its_content(tmp_path: Path, name: str, ending: str):
    kind, content = CONTENTS[name]
    path = write(tmp_path, name + ending, PACK[ending](content))
    assert kind_of(path) == kind
    assert [r.value for r in read_rows(path)] == VALUES
    assert kind_of(write(tmp_path, "nameless", PACK[ending](content))) == kind
    assert [r.value for r in read_rows(tmp_path / "nameless")] == VALUES


def test_places_and_hashes_of_packed_files(tmp_path: Path):
    path = write(tmp_path, "a.jsonl.gz", gzip.compress(b'{"a": 1}\n\n{"a": 2}\n', mtime=0))
    assert [r.source for r in read_rows(path)] == ["a.jsonl.gz:1", "a.jsonl.gz:3"]
    write(tmp_path, "b", path.read_bytes())
    assert sha256_of(path) == sha256_of(tmp_path / "b") != sha256_of(write(tmp_path, "c", b'{"a": 1}\n\n{"a": 2}\n'))


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_several_members_are_one_file(tmp_path: Path, ending: str):
    whole = b"".join(
        PACK[ending](part) for part in (b'{"a": 1}\n{"a"', b"", b': 2}\n{"a": 3}', b"\n" * 100_000, b'{"a": 4}')
    )
    assert [r.value["a"] for r in read_rows(write(tmp_path, f"a.jsonl{ending}", whole))] == [1, 2, 3, 4]


def test_a_skippable_frame_of_zstd_is_skipped(tmp_path: Path):
    frame = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"note"
    assert next(read_rows(write(tmp_path, "a.jsonl.zst", frame + zstd(b'{"a": 1}\n')))).value == {"a": 1}


def noise(rows: int) -> bytes:
    luck = random.Random(1)
    return b"".join(b'{"a": "%x"}\n' % luck.getrandbits(400) for _ in range(rows))


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst", "a.json.gz", "a.csv.zst", "a.parquet.gz", "b.arrow.zst"])
def test_packed_files_that_are_cut_or_damaged(tmp_path: Path, name: str):
    inner, _, packing = name.rpartition(".")
    ending = f".{packing}"
    content = {"a.jsonl": noise(20_000), "a.json": b"[" + noise(20_000)[:-1].replace(b"\n", b",") + b"]"}.get(inner)
    content = content or CONTENTS[inner][1] + noise(20_000)
    whole = PACK[ending](content)
    for cut in (len(whole) - 1, len(whole) // 2, 5):
        assert error_of(write(tmp_path, name, whole[:cut])).startswith(f"{tmp_path}/{name}: the ")
    spoilt = whole[: len(whole) // 2] + bytes(64) + whole[len(whole) // 2 + 64 :]
    if ending == ".gz":  # zstd is packed without a checksum here, and damage may pass
        assert "the gzip data is damaged" in error_of(write(tmp_path, name, spoilt))


def test_text_after_the_end_of_packed_data_is_damage(tmp_path: Path):
    for ending in (".gz", ".zst"):
        path = write(tmp_path, f"a.jsonl{ending}", PACK[ending](b'{"a": 1}\n') + b"rubbish after it")
        assert "data is damaged" in error_of(path)


def test_names_that_say_what_the_bytes_are_not(tmp_path: Path):
    assert "the name says gzip and the bytes do not" in error_of(write(tmp_path, "a.jsonl.gz", b'{"a": 1}\n'))
    assert "the name says gzip" in error_of(write(tmp_path, "b.jsonl.gz", zstd(b'{"a": 1}\n')))
    assert "web page" in error_of(write(tmp_path, "c.jsonl.gz", b"<!DOCTYPE html>"))
    assert "the file is empty" in error_of(write(tmp_path, "d.jsonl.gz", b""))
    assert "the file is empty" in error_of(write(tmp_path, "e.jsonl.gz", gzip.compress(b"\n\n")))
    assert "tar archive" in error_of(write(tmp_path, "f.gz", gzip.compress(b"x".ljust(257, b"\0") + b"ustar\0")))


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_bytes_that_are_no_utf8_have_their_line_in_the_unpacked_text(tmp_path: Path, ending: str):
    row = b'{"a": "' + b"x" * 90 + b'"}\n'
    path = write(tmp_path, f"a.jsonl{ending}", PACK[ending](row * 18_000 + b'{"a": "caf\xe9"}\n'))
    assert len(row) == 100
    assert f"a.jsonl{ending}:18001: byte 1800010 (0xe9) is not UTF-8" in error_of(path)  # in the second block
    rows = read_rows(path)
    assert sum(1 for _ in zip(range(18_000), rows, strict=False)) == 18_000  # the rows before it come first


# Memory, disk, and long lines


def peak(path: Path) -> int:
    tracemalloc.start()
    for _ in read_rows(path):
        pass
    size = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return size


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.json", "b.json", "a.csv.zst"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, name: str):
    row = json.dumps({"a": "x" * 1000}).encode()
    many = {
        "a.jsonl.gz": lambda n: gzip.compress((row + b"\n") * n, 1),
        "a.json": lambda n: b"[" + b",".join([row] * n) + b"]",
        "b.json": lambda n: b'{"data": [' + b",".join([row] * n) + b"]}",
        "a.csv.zst": lambda n: zstd(b"a,b\n" + (b"x" * 1000 + b",1\n") * n),
    }[name]
    small, large = (peak(write(tmp_path, name, many(n))) for n in (6_000, 18_000))
    assert large < small * 1.3 < 14e6  # 6 and 18 MB of text


def test_a_line_and_a_value_that_would_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(textfiles, "LINE_LIMIT", 1 << 20)
    monkeypatch.setattr(jsontext, "VALUE_LIMIT", 1 << 20)
    long = b'{"a": 1}\n{"a": "' + b"x" * (5 << 20) + b'"}\n'
    assert "a.jsonl.gz:2: a line of more than 1 MiB" in error_of(write(tmp_path, "a.jsonl.gz", gzip.compress(long)))
    assert "a line of more than 1 MiB" in error_of(write(tmp_path, "a.csv", b"a\n" + long[9:]))
    array = b"[" + long.replace(b"\n", b",\n")[:-2] + b"]"
    assert "a.json:2: a value of more than 1 MiB" in error_of(write(tmp_path, "a.json", array))
    assert len(list(read_rows(write(tmp_path, "b.jsonl", long.replace(b"x" * (5 << 20), b"x" * (900 << 10)))))) == 2


def test_a_parquet_file_that_unpacks_to_more_than_the_disk_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    usage = type("Usage", (), {"free": 2_000_000})
    monkeypatch.setattr(files.shutil, "disk_usage", lambda _: usage)
    bomb = write(tmp_path, "a.parquet.gz", gzip.compress(b"PAR1" + bytes(8_000_000)))
    assert "cannot be unpacked into" in error_of(bomb)
    assert "it would fill the disk" in error_of(bomb)


def test_a_reader_that_stops_early_closes_its_file(tmp_path: Path):
    for name, (_, content) in CONTENTS.items():
        rows = read_rows(write(tmp_path, name + ".gz", gzip.compress(content)))
        next(rows)
        del rows
    with contextlib.suppress(FileNotFoundError):  # the one by which the folder is listed
        for entry in Path("/proc/self/fd").iterdir():
            assert str(tmp_path) not in str(entry.readlink())


# TSV and Arrow


def test_tsv_quotes_as_csv_does_and_its_mistakes(tmp_path: Path):
    path = write(tmp_path, "a.tsv", b'q\ta\nsay "hi", you\t"1\t2"\n')
    assert next(read_rows(path)).value == {"q": 'say "hi", you', "a": "1\t2"}
    assert "2 cells where the header has 1; put text with tabs" in error_of(write(tmp_path, "a.tsv", b"q\na\tb\n"))
    assert "separated by ','; name the file .csv" in error_of(write(tmp_path, "a.tsv", b"q,a\nb,c\n"))
    assert "separated by 'a tab'; name the file .tsv" in error_of(write(tmp_path, "a.csv", b"q\ta\nb\tc\n"))
    assert "broken TSV" in error_of(write(tmp_path, "a.tsv", b'q\ta\n"x"y\tc\n'))


def test_broken_arrow(tmp_path: Path):
    for stream in (True, False):
        whole = ipc(stream, [{"a": str(i)} for i in range(1000)])
        for bad in (whole[: len(whole) // 2], whole[:20], whole[:200] + b"\xff" * 64 + whole[264:]):
            message = error_of(write(tmp_path, "a.arrow", bad))
            assert "not a readable Arrow file" in message
            assert len(message) < 400


def test_arrow_batches_larger_than_ours_and_dictionaries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(arrow, "BATCH", 3)
    rows = pa.table({"a": pa.array(["x", "y"] * 5).dictionary_encode(), "n": [float("nan")] * 10})
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as sink, pa.ipc.new_file(sink, rows.schema) as writer:
        writer.write_table(rows)
    found = list(read_rows(tmp_path / "a.arrow"))
    assert [r.value["a"] for r in found] == ["x", "y"] * 5
    assert found[9].source == "a.arrow: row 10"
    assert found[9].value["n"] is None


# JSON in windows gives what JSON in one piece gives


def outcome(pieces: list[str]) -> object:
    rows = []
    try:
        rows += rows_of(lambda: (p for p in pieces))
    except BrokenJson as e:
        return e.sentence, e.line
    return rows


_TEXTS = st.sampled_from(
    [
        '[{"a": 1.5e+3, "b": "\\ud83d\\ude00 \\n x"},\n {"c": [true, null, -Infinity]}]',
        '{"v": 12, "tags": ["x"],\n "data": [{"a": -1}, {"b": "\\u00e9"}\n]\n }',
        '[{"a": 1},\n\n{"b": "x" "y"}]',
        "[12345, 1.5, tru, 7]",
        '{"data": [{}],\n"data": 2}',
        '[{"a": {"b": [1, 2, {"c": ""}]}}, 17 ]  x',
        f"[{'9' * 4400}.5, {'9' * 4400}]",
        '{"a": "unfinished',
        "  12 ",
    ]
)


@settings(deadline=None, max_examples=150)
@given(_TEXTS, st.lists(st.integers(0, 90), max_size=12))
def test_windows_cut_anywhere_change_nothing(text: str, cuts: list[int]):
    places = sorted({0, *cuts, len(text)})
    pieces = [text[a:b] for a, b in zip(places, [*places[1:], len(text)], strict=True)]
    assert outcome(pieces) == outcome([text]) == outcome(list(text))


def test_characters_cut_by_a_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    content = '[{"a": "é日本😀"},\n{"a": "é日本😀"}]'.encode()
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), "a.json", content)
        for block in range(1, 12):
            monkeypatch.setattr(textfiles, "BLOCK", block)
            assert [r.value["a"] for r in read_rows(path)] == ["é日本😀"] * 2
            cut = write(Path(folder), "b.json", content[:12])
            assert "b.json:1: byte 11" not in error_of(cut) or "is not UTF-8" in error_of(cut)
            assert "b.json:1: byte 10 (0xe6) is not UTF-8" in error_of(cut)
