"""`heedful rate` as a user types it: a table of 80 columns, JSON alone on stdout, one sentence for a mistake."""

from __future__ import annotations

import json

import pytest

CSV = """model_a,model_b,winner,judge,tstamp,language
A,B,model_a,j,1,English
B,C,model_b,j,2,English
C,B,model_b,j,3,German
B,C,tie,k,4,English
a-model-with-a-name-that-is-longer-than-its-column-has-room,B,model_b,k,5,English
B,a-model-with-a-name-that-is-longer-than-its-column-has-room,model_b,k,6,English
"""


@pytest.fixture
def votes(tmp_path):
    path = tmp_path / "votes.csv"
    path.write_text(CSV)
    return path


def test_the_table_fits(heedful, votes):
    for more in ([], ["--matrix"], ["--profile", "fastchat"], ["--profile", "elo"], ["--interval", "bootstrap"]):
        status, out, err = heedful("rate", votes, *more)
        assert (status, err) == (0, "")
        assert max(len(line) for line in out.splitlines()) <= 80
    assert "above" in heedful("rate", votes)[1]


def test_json(heedful, votes, tmp_path):
    out_file = tmp_path / "ratings.json"
    status, out, err = heedful("rate", votes, "--json", "--out", out_file, "--anchor", "B=500", "--filter", "judge=j")
    assert (status, err) == (0, f"written: {out_file}\n")
    document = json.loads(out)
    assert document == json.loads(out_file.read_text())
    assert document["ratings"]["B"]["rating"] == 500
    assert document["ratings"]["A"]["rating"] is None
    assert (document["votes"]["read"], document["votes"]["used"], document["votes"]["filtered"]) == (6, 3, 3)
    assert document["ratings"]["B"]["n"] == 3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--profile", "fastchats"], "--profile 'fastchats' (did you mean 'fastchat'?): choose heedful, fastchat"),
        (["--interval", "normal"], "--interval 'normal': choose sandwich, bootstrap"),
        (["--anchor", "B"], "--anchor 'B': write MODEL=RATING"),
        (["--anchor", "B=inf"], "--anchor 'B=inf': write MODEL=RATING"),
        (["--anchor", "b=1"], "--anchor b=1: no vote that counts names b"),
        (["--anchor", "A=1"], "A has no finite rating"),
        (["--filter", "English"], "--filter 'English': write NAME=VALUE, such as language=English"),
        (["--filter", "langauge=English"], "no vote has a column langauge (did you mean 'language'?)"),
        (["--filter", "language=Dutch"], "no vote is left of 6: 6 are not what --filter names"),
        (["--style-control"], "no vote is left of 6: 6 have neither conversations nor conv_metadata"),
        (["--profile", "elo", "--interval", "sandwich"], "--interval sandwich is for Bradley-Terry ratings"),
        (["--level", "95"], "--level 95: name a share"),
        (["--rounds", "3"], "--rounds 3: name a number from 20"),
        (["--out", "votes.csv"], "--out votes.csv: the numbers are written to a file that ends in .json"),
        (["--seed", "-1"], "--seed -1"),
    ],
)
def test_a_mistake_is_one_sentence(heedful, votes, arguments, says):
    status, out, err = heedful("rate", votes, *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("heedful: error: ")
    assert says in err
    assert err.count("\n") == 1


def test_names_cannot_write_to_the_terminal(heedful, tmp_path):
    path = tmp_path / "v.jsonl"
    path.write_text(json.dumps({"model_a": "\x1b[31mred", "model_b": "b", "winner": "tie"}) + "\n")
    assert "\x1b" not in heedful("rate", path)[1]
