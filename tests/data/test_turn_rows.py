"""Rows that hold one turn each, joined by the column that names their conversation."""

from __future__ import annotations

import pytest

from heedful.data.formats import parse_map
from heedful.data.load import load
from heedful.errors import DataError, RequestError

MAP = "conversation=Nr,role=Von,content=Text"


def read(tmp_path, text, written=MAP, answers=True):
    path = tmp_path / "tickets.csv"
    path.write_text("Nr;Von;Text;Kunde\n" + text, encoding="utf-8-sig")
    return load([path], columns=parse_map(written), answers=answers)


def said(example):
    return [(m.role, m.content) for m in example.messages]


def test_turns_of_several_tickets_are_joined_wherever_they_stand(tmp_path):
    loaded = read(
        tmp_path,
        "7;Kunde;Wo ist es?;K1\n8;Kunde;Ciao;K2\n7;Support;Unterwegs.;K1\n7;Kunde;Wann?;K1\n"
        "8;Support;Hallo.;K2\n7;Support;Morgen.;K1\n",
    )
    seven, eight = loaded.examples
    assert said(seven) == [
        ("user", "Wo ist es?"),
        ("assistant", "Unterwegs."),
        ("user", "Wann?"),
        ("assistant", "Morgen."),
    ]
    assert (seven.id, seven.source, seven.fields) == ("7", "tickets.csv:2", {"Nr": "7", "Kunde": "K1"})
    assert (said(eight), eight.id) == ([("user", "Ciao"), ("assistant", "Hallo.")], "8")
    assert any("of several rows, joined by 'Nr': 2" in w for w in loaded.builder.warnings)


def test_one_side_in_several_rows_an_empty_one_a_greeting_and_an_open_question(tmp_path):
    text = "7;Support;Willkommen!;\n7;Kunde;Hilfe;\n7;Kunde;Bitte.;\n7;Support; ;\n7;Support;Gern.;\n7;Kunde;Danke;\n"
    (example,) = read(tmp_path, text).examples
    assert said(example) == [("user", "Hilfe\n\nBitte."), ("assistant", "Gern.")]
    (asked,) = read(tmp_path, text, answers=False).examples
    assert said(asked)[-1] == ("user", "Danke")


def test_everybody_else_is_the_side_that_is_not_named(tmp_path):
    text = "7;Frau Abe;Hilfe;\n7;Herr Ito;Gern.;\n"
    for written in (MAP + ",user=frau abe", MAP + ",assistant=Herr Ito", MAP + ",user=Frau Abe,assistant=Herr Ito"):
        (example,) = read(tmp_path, text, written).examples
        assert said(example) == [("user", "Hilfe"), ("assistant", "Gern.")]
    with pytest.raises(DataError, match=r"'Frau Abe' of message 1 .*tickets.csv:2.*user=Customer,assistant=Support"):
        read(tmp_path, text)


def test_rows_without_a_ticket_and_wrong_names(tmp_path):
    loaded = read(tmp_path, ";Kunde;Hilfe;\n7;Kunde;a;\n7;Support;b;\n")
    assert [d.reason for d in loaded.builder.drops] == ["missing_conversation"]
    with pytest.raises(DataError, match=r"no column 'Nummer'.*reads as conversation"):
        read(tmp_path, "7;Kunde;a;\n", "conversation=Nummer,role=Von,content=Text")
    with pytest.raises(DataError, match="no column 'text' \\(did you mean 'Text'\\?\\), which --map reads as content"):
        read(tmp_path, "7;Kunde;a;\n", "conversation=Nr,role=Von,content=text")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("conversation=Nr", "'role', 'content' has no column; write conversation=COLUMN,role=COLUMN,content=COLUMN"),
        ("conversation=Nr,role=Von,content=Von", "the column 'Von' is named twice"),
        ("conversation=Nr,role=Von,content=Text,output=x", "'output' does not go with 'conversation'"),
        ("messages=m,user=Kunde", "'user' does not go with 'messages'"),
    ],
)
def test_mappings_that_make_no_sense(written, message):
    with pytest.raises(RequestError, match=message):
        parse_map(written)


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        ("Nr;Von;Text\n7;Kunde;a\n7;Support;b\n", "one turn: .*conversation=COLUMN,role=Von,content=COLUMN"),
        ("Nr;Frage;Antwort\n7;a;b\n", 'name them with --map "instruction=Frage,output=Antwort"'),
        ("番号;質問;回答\n7;a;b\n", 'name them with --map "instruction=質問,output=回答"'),
    ],
)
def test_what_to_write_is_proposed(tmp_path, text, mend):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError, match=mend):
        load([tmp_path / "t.csv"])


def test_rows_that_heedful_wrote_need_no_map(tmp_path):
    """Next month's training: new rows by --map, and the test questions of the run before."""
    row = '{"id": "a", "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "b"}], '
    (tmp_path / "test.jsonl").write_text(row + '"source": "old.csv:2"}\n')
    (tmp_path / "new.csv").write_text("Frage;Antwort\nWo?;Da.\n")
    loaded = load(
        [tmp_path / "new.csv", tmp_path / "test.jsonl"], columns=parse_map("instruction=Frage,output=Antwort")
    )
    assert [said(e)[0][1] for e in loaded.examples] == ["Wo?", "q"]
