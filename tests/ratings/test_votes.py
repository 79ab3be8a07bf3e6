"""Reading and writing votes: the published form, whatever the file, and the line of what is broken."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedful.errors import DataError, RequestError
from heedful.ratings import WINNERS, Take, Vote, read_votes, tally, write_votes
from heedful.ratings.style import looks

NAMES = st.sampled_from(["gpt", "claude 2", 'a "quoted", name', "日本", "x=y"])
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8)
CONVERSATION = st.lists(st.fixed_dictionaries({"role": st.just("assistant"), "content": TEXTS}), min_size=1, max_size=2)
VOTES = st.builds(
    Vote,
    model_a=NAMES,
    model_b=NAMES,
    winner=st.sampled_from(WINNERS),
    judge=st.none() | TEXTS,
    turn=st.none() | st.integers(0, 9),
    anony=st.booleans(),
    language=st.none() | st.just("English"),
    tstamp=st.none() | st.floats(0, 2e9),
    question_id=st.none() | TEXTS,
    conversation_a=st.none() | CONVERSATION,
)


@given(st.lists(VOTES, min_size=1, max_size=6), st.sampled_from(["json", "jsonl"]))
def test_what_is_written_is_read(tmp_path_factory, votes, kind):
    path = tmp_path_factory.mktemp("votes") / f"v.{kind}"
    assert write_votes(path, votes) == len(votes)
    assert list(read_votes(path)) == votes


@given(st.lists(VOTES, min_size=1, max_size=6))
def test_csv_keeps_all_but_conversations(tmp_path_factory, votes):
    import dataclasses

    path = tmp_path_factory.mktemp("votes") / "v.csv"
    write_votes(path, votes)
    assert list(read_votes(path)) == [dataclasses.replace(v, conversation_a=None) for v in votes]


@given(st.lists(VOTES, min_size=1, max_size=30), st.sampled_from(["json", "jsonl", "csv"]))
def test_quick_and_strict_reading_count_alike(tmp_path_factory, votes, kind):
    path = tmp_path_factory.mktemp("votes") / f"v.{kind}"
    write_votes(path, [*votes, Vote("gpt", "日本", "tie")])
    take = Take(named=True, repeated=True)
    from_file, given_votes = tally(path, take), tally(read_votes(path), take)
    assert (from_file.models, from_file.read, from_file.themselves, from_file.repeated, from_file.ties) == (
        given_votes.models,
        given_votes.read,
        given_votes.themselves,
        given_votes.repeated,
        given_votes.ties,
    )
    assert from_file.cells.wins().tolist() == given_votes.cells.wins().tolist()
    assert from_file.sequence.tolist() == given_votes.sequence.tolist()


GOOD = {"model_a": "a", "model_b": "b", "winner": "model_a"}
BROKEN = [
    ({"winner": "modela"}, "winner is 'modela'; write model_a, model_b, tie or tie (bothbad)"),
    ({"winner": None}, "winner is None"),
    ({"model_b": ""}, "model_b is ''; a vote names both models"),
    ({"model_a": 3}, "model_a is 3"),
    ({"tstamp": "yesterday"}, "tstamp is 'yesterday'; write seconds since 1970"),
    ({"tstamp": True}, "tstamp is True"),
    ({"anony": "maybe"}, "anony is 'maybe'; write true or false"),
    ({"judge": ["x"]}, "judge is a list; write a text"),
]


@pytest.mark.parametrize(("change", "says"), BROKEN, ids=lambda v: str(v)[:24])
@pytest.mark.parametrize("kind", ["jsonl", "json"])
def test_a_broken_vote_is_named(tmp_path, change, says, kind):
    rows = [GOOD] * 5 + [GOOD | change] + [GOOD]
    path = tmp_path / f"v.{kind}"
    lines = [json.dumps(r) for r in rows]
    path.write_text("\n".join(lines) if kind == "jsonl" else "[" + ",\n".join(lines) + "]")
    for read in (lambda: tally(path), lambda: list(read_votes(path))):
        with pytest.raises(DataError) as told:
            read()
        assert f"{path}:6: {says}" in str(told.value)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("v.csv", "model_a,model_b,winer\na,b,tie\n", ":2: no winner (did you mean 'winer'?)"),
        ("v.csv", "model_a,model_b,winner\na,b,tie\na,b\n", ":3: 2 cells where the header has 3"),
        ("v.csv", "model_a,model_b,winner\n", "no rows in it"),
        ("v.csv", "", "the file is empty"),
        ("v.jsonl", '{"model_a": "a", "model_b": "b", "winner": "tie"}\n{"model_a":\n', ":2: broken JSON"),
        ("v.json", "[]", "no rows in it"),
        ("v.json", '[{"model_a": "a", "model_b": "b", "winner": "tie"}', ":1: "),
    ],
)
def test_a_broken_file_is_named(tmp_path, name, text, says):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(DataError) as told:
        tally(path)
    assert str(path) in str(told.value)
    assert says in str(told.value)


def test_packed_files_and_several(tmp_path):
    line = json.dumps(GOOD) + "\n"
    with gzip.open(tmp_path / "one.jsonl.gz", "wt") as f:
        f.write(line * 3)
    (tmp_path / "two.csv").write_text("model_a,model_b,winner,anony\nb,a,both_bad,True\nb,a,tie,0\n")
    found = tally([tmp_path / "one.jsonl.gz", tmp_path / "two.csv"])
    assert (found.read, found.used, found.both_bad, found.named) == (5, 4, 1, 1)


def test_an_array_longer_than_a_window(tmp_path):
    """Rows that are cut by the end of what was read, and white space of all kinds between them."""
    rows = [GOOD | {"conversation_a": [{"role": "user", "content": "ü" * (k % 997)}]} for k in range(4000)]
    path = tmp_path / "v.json"
    path.write_text(json.dumps(rows, indent=1, ensure_ascii=False))
    assert path.stat().st_size > 3 << 20
    assert tally(path).used == 4000


def test_only_known_endings_are_written(tmp_path):
    with pytest.raises(RequestError, match=r"ends in \.json, \.jsonl or \.csv"):
        write_votes(tmp_path / "v.parquet", [])
    assert not list(tmp_path.iterdir())


def test_a_writer_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "v.jsonl"
    path.write_text("old\n")

    def votes():
        yield Vote("a", "b", "tie")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_votes(path, votes())
    assert path.read_text() == "old\n"
    assert [p.name for p in tmp_path.iterdir()] == ["v.jsonl"]


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("plain words here", (0, 0, 0)),
        ("# One\n## Two\n#none\n####### seven", (2, 0, 0)),
        ("- a\n* b\n + c\n1. d\n2) e", (0, 4, 0)),
        ("**a** and __b__ and **c\nd**", (0, 0, 2)),
        ("```\n# code\n- x\n```\n# out", (1, 0, 0)),
    ],
)
def test_markdown_is_counted_as_fastchat_counts_it(text, counts):
    assert looks(text)[1:] == counts


def test_counts_in_a_table_are_json_text(tmp_path):
    """Published counts in a cell, as pandas would write them with json.dumps; headers and the like by kind."""
    counts = {f"sum_assistant_{s}_tokens": 10 for s in "ab"} | {f"header_count_{s}": {"h1": 1, "h2": 2} for s in "ab"}
    counts |= {f"list_count_{s}": {"ordered": 0} for s in "ab"} | {f"bold_count_{s}": 4 for s in "ab"}
    path = tmp_path / "v.csv"
    text = json.dumps(counts).replace('"', '""')
    path.write_text(f'model_a,model_b,winner,conv_metadata\na,b,tie,"{text}"\nb,a,tie,\n')
    found = tally(path, Take(style=True))
    assert (found.counts.tolist(), found.unstyled) == ([[10, 3, 0, 4] * 2], 1)
    path.write_text('model_a,model_b,winner,conv_metadata\na,b,tie,"{""header_count_a"": 1}"\n')
    with pytest.raises(DataError, match=r"v\.csv:2: conv_metadata has no count sum_assistant_a_tokens"):
        tally(path, Take(style=True))


def test_names_that_are_no_names(tmp_path):
    path = tmp_path / "v.csv"
    path.write_text("model_a,model_b,winner\n" + "".join(f"text {k},other {k},tie\n" for k in range(1100)))
    with pytest.raises(RequestError, match=r"the votes name 2,200 models, such as 'other 0'"):
        tally(path)
