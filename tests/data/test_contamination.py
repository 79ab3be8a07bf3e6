"""Benchmark items in rows: hits by hand, on the owners' own layouts, and indexes that are damaged."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedful.data.benchmark_items import benchmark_texts
from heedful.data.contamination import Hit, Index, build_index, words
from heedful.errors import DataError, RequestError

QUESTION = "Which of the planets in our solar system has the shortest day measured in hours"  # 15 words, 8 grams
SHORT = "What is the capital of Norway?"  # 6 words: one gram
MMLU = Path(__file__).parents[3] / "shared" / "data" / "mmlu"


@pytest.fixture
def index(tmp_path: Path) -> Index:
    file = tmp_path / "test.csv"
    file.write_text(f'"{QUESTION}?",Jupiter,Mars,Venus,Earth,A\n"{SHORT}",Oslo,Bergen,Rome,Bonn,A\n')
    return build_index([file], name="planets")


def test_an_item_is_found_by_its_place(index: Index):
    assert (len(index), index.too_short, index.lengths) == (2, 10, [6, 8])  # ten answers and letters are too short
    assert index.check(f"Question: {QUESTION}?\nAnswer: Jupiter") == [Hit("test.csv:1 column 1", 1.0)]
    assert index.check("Tell me. " + SHORT) == [Hit("test.csv:2 column 1", 1.0)]
    assert index.check("What is the capital of Sweden?") == []
    assert index.check("") == []


def test_short_questions_are_looked_for_and_short_answers_are_not(tmp_path: Path):
    """An answer of 5 to 7 words stands in many rows by chance; 8 words are looked for whatever they are."""
    file = tmp_path / "qa.jsonl"
    file.write_text(
        json.dumps({"q": "Who are they, and where?", "a": ["the richest people in the world", "of it"]})
        + "\n"
        + json.dumps({"q": "Why?", "a": ["the eight richest people in the whole world"]})
    )
    index = build_index([file])
    assert [(h.item) for h in index.check("who are they and where")] == ["qa.jsonl:1 q"]
    assert index.check("They are the richest people in the world.") == []
    assert [h.item for h in index.check("They are the eight richest people in the whole world.")] == ["qa.jsonl:2 a[0]"]
    assert (len(index), index.too_short) == (2, 3)


def test_the_share_by_hand(index: Index):
    """Of 8 grams, a changed last word spoils one; without the last two words 6 are left, without three 5."""
    given = QUESTION.split()
    assert [h.share for h in index.check(" ".join([*given[:-1], "minutes"]))] == [7 / 8]
    assert [h.share for h in index.check(" ".join(given[:-2]))] == [6 / 8]
    assert index.check(" ".join(given[:-3])) == []
    assert index.check(" ".join(reversed(given))) == []


def test_case_width_and_punctuation_do_not_count(index: Index):
    changed = QUESTION.upper().replace(" ", ",  ").replace("DAY", "ＤＡＹ")
    assert [h.share for h in index.check(changed)] == [1.0]


def test_scripts_without_spaces(tmp_path: Path):
    file = tmp_path / "ja.txt"
    file.write_text("日本で一番高い山は何ですか\n山は高い\n")
    index = build_index([file])
    assert (len(index), index.too_short) == (1, 1)
    assert [h.share for h in index.check("質問:日本で一番高い山は何ですか。")] == [1.0]
    assert index.check("日本で一番長い川は何ですか") == []


def test_wording_of_a_benchmark_is_no_item(tmp_path: Path):
    file = tmp_path / "t.jsonl"
    rows = [{"prompt": "Choose the right answer from the list below", "q": f"{QUESTION} {i}"} for i in range(9)]
    file.write_text("".join(json.dumps(r) + "\n" for r in rows))
    index = build_index([file])
    assert len(index) == 9
    assert index.check("Choose the right answer from the list below") == []


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        (
            "a.json",
            json.dumps({"data": [{"qas": [{"id": "1", "question": QUESTION}]}]}),
            "a.json data[0].qas[0].question",
        ),
        ("a.json", json.dumps({"q": QUESTION}) + "\n" + json.dumps({"q": "x"}), "a.json:1 q"),
        ("a.jsonl", "\n" + json.dumps({"q": [QUESTION]}) + "\n", "a.jsonl:2 q[0]"),
        ("a.csv", f'question,answer\n"a\nb",x\n{QUESTION},y\n', "a.csv:4 column 1"),
        ("a.tsv", f'1\t"quoted {QUESTION}\tx\n', "a.tsv:1 column 2"),
        ("a.txt", f"first\n{QUESTION}\n", "a.txt:2"),
    ],
)
def test_owners_layouts(tmp_path: Path, name: str, text: str, place: str):
    (tmp_path / name).write_text(text)
    assert [p for t, p in benchmark_texts(tmp_path / name) if QUESTION in t] == [place]
    assert [h.item for h in build_index([tmp_path / name]).check(QUESTION + " quoted")] in ([place], [])


def test_files_that_cannot_be_read(tmp_path: Path):
    (tmp_path / "a.jsonl").write_text('{"q": 1}\n{"q": \n')
    with pytest.raises(DataError, match=r"a.jsonl:2: broken JSON"):
        build_index([tmp_path / "a.jsonl"])
    (tmp_path / "a.json").write_text('{"q": [1,\n 2,,]}')
    with pytest.raises(DataError, match=r"a.json:2: broken JSON"):
        build_index([tmp_path / "a.json"])
    (tmp_path / "b.txt").write_text("too short\n")
    with pytest.raises(DataError, match="no question of 5 words or text of 8"):
        build_index([tmp_path / "b.txt"])
    with pytest.raises(DataError, match="no such file"):
        build_index([tmp_path / "none.csv"])
    with pytest.raises(RequestError, match="no file was named"):
        build_index([])


def test_saved_and_read_again(index: Index, tmp_path: Path):
    index.save(tmp_path / "i.npz")
    again = Index.load(tmp_path / "i.npz")
    assert (again.name, again.items, again.too_short) == ("planets", index.items, 10)
    assert again.check(f"{QUESTION} {SHORT}") == index.check(f"{QUESTION} {SHORT}") != []


def test_a_damaged_index_is_refused_and_nothing_is_run(index: Index, tmp_path: Path):
    path = tmp_path / "i.npz"
    index.save(path)
    good = path.read_bytes()
    with pytest.raises(DataError, match="no such index"):
        Index.load(tmp_path / "none.npz")
    for bad in (b"", b"text", good[: len(good) // 2], good[:40] + b"\0" * 40 + good[80:]):
        path.write_bytes(bad)
        with pytest.raises(DataError, match="not an index of a benchmark"):
            Index.load(path)

    class Touch:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "run",))

    packed = io.BytesIO()
    np.savez(packed, facts=np.array([Touch()], dtype=object), grams=1, starts=1, owners=1, sizes=1)
    path.write_bytes(packed.getvalue())
    with pytest.raises(DataError, match="not an index"):
        Index.load(path)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("spoil", ["owners", "starts", "grams", "sizes", "n"])
def test_arrays_that_do_not_fit_are_refused(index: Index, tmp_path: Path, spoil: str):
    path = tmp_path / "i.npz"
    if spoil == "n":
        index.name = "x"
        index.save(path)
        with np.load(path) as found:
            arrays = dict(found)
        facts = json.loads(arrays["facts"].tobytes()) | {"n": 13}
        arrays["facts"] = np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8)
    else:
        index.save(path)
        with np.load(path) as found:
            arrays = dict(found)
        arrays[spoil] = {"owners": arrays["owners"] + 5, "grams": arrays["grams"][::-1]}.get(spoil, arrays[spoil][:-1])
    np.savez(path, **arrays)
    with pytest.raises(DataError, match="not an index"):
        Index.load(path)


@given(st.text(max_size=60))
def test_words_are_level(text: str):
    once = words(text)
    assert all(w and w == w.strip() for w in once)
    assert words(" ".join(once)) == once


@given(st.lists(st.sampled_from("abcdefghij"), min_size=5, max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_every_item_is_found_in_a_text_that_holds_it(tmp_path_factory, found: list[str], before: str, after: str):
    text = " ".join(w * 3 for w in found) + "?"
    file = tmp_path_factory.mktemp("i") / "x.txt"
    file.write_text(text + "\n")
    assert [h.share for h in build_index([file]).check(f"{before} {text} {after}")] == [1.0]


@pytest.mark.skipif(not MMLU.is_dir(), reason="MMLU's files are not at hand")
def test_mmlu_in_its_own_files():
    files = sorted(MMLU.rglob("*.csv"))
    index = build_index(files, name="mmlu")
    assert len(index) > 2000
    text, place = next((t, p) for t, p in benchmark_texts(files[0]) if len(words(t)) > 20)
    assert any(h.item == place for h in index.check(f"Please answer: {text}"))
