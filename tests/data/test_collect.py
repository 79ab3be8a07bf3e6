"""Sources from paths: folders, patterns, options, files named twice, and what the notes tell."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from heedful.data.choosing import choose
from heedful.data.collect import Source, collect
from heedful.errors import DataError, RequestError

ROW = '{"instruction": "a", "output": "b"}\n'


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(ROW)


def paths(*given: str) -> list[str]:
    return [s.path for s in collect(given)]


def error_of(*given: str) -> str:
    with pytest.raises(RequestError) as e:
        collect(given)
    assert "\n" not in str(e.value)
    return str(e.value)


def test_files_keep_their_order_and_are_named_apart_only_where_they_must_be(here: Path):
    make("b.jsonl", "a/x.jsonl", "c/x.jsonl")
    assert [(s.path, s.name) for s in collect(["b.jsonl", "c/x.jsonl", Path("a/x.jsonl")])] == [
        ("b.jsonl", "b.jsonl"),
        ("c/x.jsonl", "c/x.jsonl"),
        ("a/x.jsonl", "a/x.jsonl"),
    ]
    source = collect(["a/x.jsonl"])[0]
    assert source == Source("a/x.jsonl", "x.jsonl")
    assert [r.source for r in source.rows()] == ["x.jsonl:1"]
    assert source.kind == "jsonl"
    assert source.revision is None
    assert len(source.sha256() or "") == 64


def test_a_folder_is_searched_to_its_end_and_what_is_passed_over_is_told(here: Path):
    make("d/z.csv", "d/a.jsonl.gz", "d/sub/deep/b.parquet", "d/.hidden.jsonl", "d/.cache/c.jsonl", "d/README.md")
    make("d/dataset_infos.json", "d/state.json.gz")
    os.mkfifo("d/pipe.jsonl")
    Path("d/gone.jsonl").symlink_to("nowhere.jsonl")
    notes: list[str] = []
    assert [s.path for s in collect(["d"], notes)] == ["d/a.jsonl.gz", "d/sub/deep/b.parquet", "d/z.csv"]
    read, passed = notes
    assert read == "d: 3 files read: a.jsonl.gz, sub/deep/b.parquet, z.csv"
    for said in (".cache (hidden)", ".hidden.jsonl (hidden)", "README.md (no data by its ending)", "and 2 more"):
        assert said in passed
    assert "dataset_infos.json (describes a data set)" in passed
    assert "gone.jsonl (a broken link)" in passed


def test_a_long_list_of_files_is_cut_and_counted(here: Path):
    make(*(f"d/{i}.jsonl" for i in range(1200)))
    notes: list[str] = []
    assert len(collect(["d"], notes)) == 1200
    assert notes == ["d: 1,200 files read: 0.jsonl, 1.jsonl, 10.jsonl, 100.jsonl, 1000.jsonl and 1,195 more"]


def test_links_in_a_circle_end(here: Path):
    make("d/a.jsonl", "d/sub/b.jsonl")
    Path("d/sub/up").symlink_to("..", target_is_directory=True)
    Path("d/sub/self").symlink_to(".", target_is_directory=True)
    notes: list[str] = []
    assert [s.path for s in collect(["d"], notes)] == ["d/a.jsonl", "d/sub/b.jsonl"]
    assert "sub/up (a link to a folder that was searched already)" in notes[1]
    assert paths("d/**/*.jsonl") == ["d/a.jsonl", "d/sub/b.jsonl"]


def test_folders_without_data(here: Path):
    make("d/README.md")
    assert "d: no data file in this folder" in error_of("d")
    assert "README.md" in error_of("d")


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("d/*.jsonl", ["d/a.jsonl", "d/b.jsonl"]),
        ("d/[ab].jsonl", ["d/a.jsonl", "d/b.jsonl"]),
        ("d/*", ["d/a.jsonl", "d/b.jsonl", "d/c.csv"]),
        ("d/**", ["d/a.jsonl", "d/b.jsonl", "d/c.csv", "d/sub/e.jsonl"]),
        ("**/*.jsonl", ["d/a.jsonl", "d/b.jsonl", "d/sub/e.jsonl"]),
        ("*/sub/?.jsonl", ["d/sub/e.jsonl"]),
        ("d/*.txt", ["d/n.txt"]),
        ("d/.h*", []),
    ],
)
def test_patterns(here: Path, pattern: str, found: list[str]):
    make("d/b.jsonl", "d/a.jsonl", "d/c.csv", "d/n.txt", "d/sub/e.jsonl", "d/.h.jsonl", "d/.git/x.jsonl")
    if found:
        assert paths(pattern) == found
    else:
        assert "no data file matches" in error_of(pattern)


def test_patterns_tell_what_they_pass_over_and_give_absolute_paths(here: Path):
    make("d/a.jsonl", "d/notes.md", "d/sub/e.jsonl")
    notes: list[str] = []
    assert [s.path for s in collect([f"{here}/d/*"], notes)] == [f"{here}/d/a.jsonl"]
    assert f"{here}/d/notes.md (no data by its ending), {here}/d/sub (a folder)" in notes[1]
    assert "cannot be searched" in error_of("d/**.jsonl")
    assert "no data file matches" in error_of("d/*.parquet")


def test_a_file_with_a_name_like_a_pattern_or_like_options_is_itself(here: Path):
    make("a[1].jsonl", "a1.jsonl", "x.jsonl::cap=1")
    assert paths("a[1].jsonl") == ["a[1].jsonl"]
    assert collect(["x.jsonl::cap=1"])[0].cap is None
    assert collect(["x.jsonl::cap=1::cap=2"])[0] == Source("x.jsonl::cap=1", "x.jsonl::cap=1", cap=2)


@pytest.mark.parametrize(
    "second", ["a.jsonl", "./a.jsonl", "*.jsonl", ".", "a.jsonl::cap=3", "link.jsonl", "hard.jsonl"]
)
def test_the_same_file_twice_is_refused(here: Path, second: str):
    make("a.jsonl")
    if second == "link.jsonl":
        Path(second).symlink_to("a.jsonl")
    if second == "hard.jsonl":
        os.link("a.jsonl", second)
    message = error_of("a.jsonl", second)
    assert "named twice" in message
    assert repr(second) in message


def test_what_cannot_be_opened_is_told_at_once(here: Path):
    make("train.jsonl")
    assert "did you mean 'train.jsonl'" in error_of("trian.jsonl")
    assert "at least one" in error_of()
    os.mkfifo("pipe")
    assert "not a regular file" in error_of("pipe")
    assert "not a regular file" in error_of("/dev/null")
    assert "check the path" in error_of("a\0b")
    assert "cannot be opened" in error_of("x" * 300)


# Options


def test_options(here: Path):
    make("d/a.jsonl", "d/b.jsonl")
    assert collect(["d/a.jsonl:: cap=500 ,weight=0.5,format=alpaca"]) == [
        Source("d/a.jsonl", "a.jsonl", 500, 0.5, "alpaca")
    ]
    assert [s.weight for s in collect(["d::weight=2"])] == [2.0, 2.0]
    assert [s.cap for s in collect(["d/*::cap=7"])] == [7, 7]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("wieght=2", "a.jsonl::wieght=2: there is no option 'wieght' (did you mean 'weight'?)"),
        ("", "there is no option ''"),
        ("cap", "cap needs a value"),
        ("cap=", "cap needs a value"),
        ("cap=1,cap=2", "cap is given twice"),
        ("cap=0", "from 1 on, not '0'"),
        ("cap=-1", "from 1 on"),
        ("cap=1.5", "from 1 on"),
        ("cap=" + "9" * 5000, "from 1 on"),
        ("cap=\u0663", "from 1 on"),
        ("weight=0", "above 0"),
        ("weight=nan", "above 0"),
        ("weight=inf", "above 0"),
        ("weight=half", "above 0"),
        ("weight=1e9", "up to 100"),
        ("format=alpacca", "did you mean 'alpaca'"),
        ("cap=0,weight=0", "'0'; weight must"),
    ],
)
def test_wrong_options(here: Path, text: str, said: str):
    make("a.jsonl")
    assert said in error_of(f"a.jsonl::{text}")
    assert "--format" not in error_of(f"a.jsonl::{text}")


def test_options_without_a_path(here: Path):
    assert "no path" in error_of("::cap=3")


def test_the_rows_that_options_take(here: Path):
    Path("a.jsonl").write_text("".join(f'{{"n": {i}}}\n' for i in range(100)))
    source = collect(["a.jsonl::cap=10"])[0]
    first, again, other = (
        [r.source for r in choose(source.rows, cap=source.cap, seed=seed, name=source.name)] for seed in (1, 1, 2)
    )
    assert len(first) == 10
    assert first == again != other
    assert len(list(source.rows())) == 100


def test_a_broken_file_is_refused_by_reading_not_by_collecting(here: Path):
    Path("a.jsonl").write_text("{")
    source = collect(["a.jsonl"])[0]
    with pytest.raises(DataError, match=r"a\.jsonl:1"):
        list(source.rows())
