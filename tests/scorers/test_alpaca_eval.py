"""AlpacaEval's figures: those of alpaca_eval's own code on made files, the published ones on the published files."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.errors import DataError
from heedful.scorers.alpaca_eval import score
from heedful.scorers.alpaca_eval.figures import head_to_head

ORACLES = Path(__file__).parents[1] / "oracles"
sys.path.insert(0, str(ORACLES))
import alpaca_eval_inputs as made  # noqa: E402  # pyright: ignore[reportMissingImports]

RECORD = json.loads((ORACLES / "alpaca_eval.json").read_text(encoding="utf-8"))
SHARED = Path("/work/shared/data/alpaca_eval")
LEADERBOARD = SHARED / "weighted_alpaca_eval_gpt4_turbo_leaderboard.csv"
HEAD_TO_HEAD = ("win_rate", "standard_error", "n_wins", "n_wins_base", "n_draws", "n_total", "discrete_win_rate")


def written(folder: Path, preferences: list[Any], **more: Any) -> Path:
    """An annotations.json with these preferences and nothing that the length-controlled win rate needs."""
    path = folder / "annotations.json"
    path.write_text(json.dumps([{"instruction": f"i{k}", "preference": p} | more for k, p in enumerate(preferences)]))
    return path


def same(got: dict[str, Any], wanted: dict[str, Any]) -> None:
    for key, value in wanted.items():
        assert (got[key] is None) == (value is None), key
        assert got[key] == (value if value is None else pytest.approx(value, abs=1e-9)), key


@pytest.mark.parametrize("name", made.PREFERENCES)
def test_figures_are_those_of_alpaca_eval(name, tmp_path):
    found = score(written(tmp_path, made.PREFERENCES[name]), None, None)
    same(found, RECORD["figures"][name])
    assert found["n_annotations"] == found["n_total"] + found["n_null"] + found["n_out_of_range"]


# Each fit takes 0.3 seconds; every kind of row and of table is among the fast ones.
SLOW = {"better", "perfect", "hopeless", "binary", "short answers"}
FITS = [
    pytest.param(a, t, marks=[pytest.mark.slow] if a in SLOW or t == "whole preferences" else []) for a, t in made.PAIRS
]


@pytest.mark.parametrize(("name", "table"), FITS)
def test_the_length_controlled_win_rate_is_that_of_alpaca_eval(name, table, tmp_path):
    made.write_table(tmp_path, table)
    found = score(made.write_annotations(tmp_path, name), None, tmp_path)
    same(found, RECORD["length_controlled"][f"{name} / {table}"])
    assert found["length_controlled_reason"] is None
    assert (found["length_controlled_note"] is not None) == (name == "the first 23")


def test_the_record_is_of_these_inputs():
    assert set(RECORD["figures"]) == set(made.PREFERENCES)
    assert set(RECORD["length_controlled"]) == {f"{a} / {t}" for a, t in made.PAIRS}


def test_figures_by_hand():
    # 2, 2 win; 1 loses; 0 is a draw; null does not count. Shares 1, 1, 0, 0.5: mean 0.625, deviation 0.478714.
    found = head_to_head([2, 2, 1, 0, None])
    assert found["win_rate"] == 62.5
    assert found["standard_error"] == pytest.approx(100 * 0.4787135538781691 / 2)
    assert [found[k] for k in HEAD_TO_HEAD[2:]] == [2, 1, 1, 4, 62.5]


PREFERENCE = st.one_of(st.none(), st.just(0), st.floats(1, 2))


@given(st.lists(PREFERENCE, max_size=30))
@settings(max_examples=100, deadline=None)
def test_the_rate_of_the_other_side_is_the_rest(preferences):
    """Properties: swapping the two answers turns the win rate around; the parts add up to the whole."""
    found = head_to_head(preferences)
    other = head_to_head([p if p is None or p == 0 else 3 - p for p in preferences])
    assert found["n_total"] == other["n_total"] == sum(p is not None for p in preferences)
    assert found["n_wins"] + found["n_wins_base"] <= found["n_total"]
    if found["win_rate"] is None:
        assert found["n_total"] == 0
        return
    assert found["win_rate"] + other["win_rate"] == pytest.approx(100)
    if found["standard_error"] is not None:
        assert found["standard_error"] == pytest.approx(other["standard_error"], abs=1e-6)
        assert found["standard_error"] <= 50 * math.sqrt(2) + 1e-9


@pytest.mark.skipif(not LEADERBOARD.is_file(), reason=f"needs {LEADERBOARD}")
@pytest.mark.parametrize("model", ["alpaca-7b", "gpt4_1106_preview", "text_davinci_003"])
def test_the_published_leaderboard(model):
    with LEADERBOARD.open(encoding="utf-8") as f:
        published = {row[""]: row for row in csv.DictReader(f)}
    found = score(SHARED / f"annotations-{model}.json", None, None)
    if model not in published:  # text_davinci_003 has no row; what alpaca_eval's code says of the file
        wanted = {"win_rate": 1.9621476654161492, "standard_error": 0.4346747594257604, "n_wins": 14, "n_draws": 4}
        same(found, wanted | {"n_wins_base": 787, "n_total": 805, "discrete_win_rate": 1.9875776397515528})
    else:
        same(found, {key: float(published[model][key]) for key in (*HEAD_TO_HEAD, "avg_length")})
    assert found["length_controlled_winrate"] is None
    assert "--tables" in found["length_controlled_reason"]


def test_without_the_table_it_is_null_with_the_reason(tmp_path):
    found = score(made.write_annotations(tmp_path, "worse"), None, None)
    assert found["length_controlled_winrate"] is found["lc_standard_error"] is None
    assert found["length_controlled_reason"] == "it is fitted with df_gamed.csv; name its folder with --tables"


ROW = {"output_1": "a b", "output_2": "abc", "generator_1": "base", "generator_2": "model", "preference": 1.5}


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([ROW, ROW | {"output_2": "abcd", "generator_2": "other"}], "there are 2 models in generator_2"),
        ([ROW, {k: v for k, v in ROW.items() if k != "generator_1"}], "annotations.json:1 has no generator_1"),
        ([ROW, ROW | {"output_2": None}], "annotations.json:1 has no output_2"),
        ([ROW, ROW], "lengths differ by the same everywhere"),
        ([ROW], "lengths differ by the same everywhere"),
        ([ROW, ROW | {"output_2": "abcd", "preference": 3}], "the preference 3, outside of 1 to 2"),
        ([ROW, ROW | {"output_2": "abcd", "index": 99}], "no difficulty of instruction number"),
    ],
)
def test_rows_that_allow_no_fit_are_told_and_the_rest_is_computed(rows, reason, tmp_path):
    made.write_table(tmp_path, made.TABLES[0])
    (tmp_path / "annotations.json").write_text(json.dumps(rows))
    found = score(tmp_path / "annotations.json", None, tmp_path)
    assert found["length_controlled_winrate"] is None
    assert reason in found["length_controlled_reason"]
    assert found["win_rate"] is not None


def test_a_table_in_another_order_knows_instructions_by_its_own_rows(tmp_path):
    """As alpaca_eval: the difficulty stands under the number of the row where the instruction comes first."""
    made.write_table(tmp_path, "models side by side")
    found = score(made.write_annotations(tmp_path, "worse"), None, tmp_path)
    assert found["length_controlled_reason"] == "the table knows no difficulty of instruction number 1"


HEADER = "model,preference,index,std_delta_len,instruction_difficulty,not_gamed_baseline\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "df_gamed.csv: the file is empty"),
        ("model,preference\nm,0.5\n", "df_gamed.csv:1: no column 'index'"),
        (HEADER + "m,0.5,0,x,0.1,False\n", "df_gamed.csv:2: std_delta_len 'x' is no number"),
        (HEADER + "m,0.5,0,,0.1,False\n", "df_gamed.csv:2: std_delta_len '' is no number"),
        (HEADER + "m,1.5,0,1,0.1,False\n", "df_gamed.csv:2: preference '1.5' is no number from 0 to 1"),
        (HEADER + "m,0.5,0,1,0.1,0\n", "df_gamed.csv:2: not_gamed_baseline '0' is neither True nor False"),
        (HEADER, "no rows in it"),
        (None, "no such file; put df_gamed.csv there"),
    ],
)
def test_a_broken_table_is_told_with_its_line(text, said, tmp_path):
    if text is not None:
        (tmp_path / "df_gamed.csv").write_text(text)
    with pytest.raises(DataError) as e:
        score(made.write_annotations(tmp_path, "worse"), None, tmp_path)
    assert said in str(e.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("[]", "no rows in it"),
        ('[{"preference": 1},\n {"preference": "good"}]', "annotations.json:2: preference 'good' is no number"),
        ('[{"preference": true}]', "annotations.json:1: preference True is no number"),
        ('[{"preference": [1]}]', "annotations.json:1: preference [1] is no number"),
        ('[{"preference": 1},\n {"preference": 1', "annotations.json:2: broken JSON"),
        ('[{"instruction": "i"}]', "no row has a 'preference'"),
        ("[1, 2]", "a row must be an object"),
    ],
)
def test_broken_annotations_are_told_with_their_line(text, said, tmp_path, heedful):
    path = tmp_path / "annotations.json"
    path.write_text(text)
    status, out, err = heedful("score", "alpaca-eval", "--references", path, "--json")
    assert (status, out) == (2, "")
    assert said in err


def test_one_pair_a_line_is_read_too(tmp_path):
    path = tmp_path / "annotations.jsonl"
    path.write_text('{"preference": 2}\n{"preference": null}\n')
    assert score(path, None, None)["win_rate"] == 100


def test_the_command(tmp_path, heedful):
    made.write_table(tmp_path, made.TABLES[0])
    path = made.write_annotations(tmp_path, "the baseline itself")
    status, out, err = heedful("score", "alpaca-eval", "--references", path, "--tables", tmp_path, "--json")
    found = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert (status, err) == (0, "")
    assert list(found)[:2] == ["win_rate", "standard_error"]
    assert (found["generator_1"], found["generator_2"], found["annotator"]) == ("base", "base", "made")
    status, out, _ = heedful("score", "alpaca-eval", "--references", path)
    assert status == 0
    assert "length_controlled_winrate  none" in out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--references", "none.json"], "--references none.json: no such file"),
        (["--references", "a.json", "--predictions", "a.json"], "reads --references alone"),
        (["--references", "a.json", "--tables", "none"], "--tables none: no such folder; name a folder"),
        (["--references", "a.json", "--tables", "a.json"], "--tables a.json: is a file; name a folder"),
    ],
)
def test_wrong_requests(options, said, tmp_path, heedful, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.json").write_text('[{"preference": 1}]')
    status, _, err = heedful("score", "alpaca-eval", *options)
    assert status == 2
    assert said in err


def test_a_kind_that_knows_no_tables_refuses_them(tmp_path, heedful, monkeypatch):
    from heedful.scorers import official

    monkeypatch.setitem(official.KINDS, "plain", official.Kind("a kind", "a file", None, "nowhere:nothing"))
    (tmp_path / "a.json").write_text("{}")
    status, _, err = heedful("score", "plain", "--references", tmp_path / "a.json", "--tables", tmp_path)
    assert (status, "score plain knows no --tables" in err) == (2, True)


def test_neither_torch_nor_scikit_learn_is_imported_without_a_fit(tmp_path):
    path = made.write_annotations(tmp_path, "worse")
    code = f"""
import sys
sys.argv = ["heedful", "score", "alpaca-eval", "--references", {str(path)!r}]
from heedful.cli.main import main
try:
    main()
finally:
    print("IMPORTED", *(m for m in ("torch", "transformers", "sklearn", "pandas") if m in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "IMPORTED"


@pytest.mark.slow
@pytest.mark.skipif(
    not Path("/tmp/oracles/alpaca-eval/bin/python").is_file(), reason="needs the environment of alpaca_eval_record.py"
)
def test_the_record_can_be_made_again(tmp_path):
    code = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(ORACLES)!r})
import alpaca_eval_record as r
r.RECORD = Path({str(tmp_path / "record.json")!r})
r.main()
"""
    subprocess.run(["/tmp/oracles/alpaca-eval/bin/python", "-c", code], check=True, capture_output=True)
    again = json.loads((tmp_path / "record.json").read_text(encoding="utf-8"))
    assert again["figures"] == RECORD["figures"]
    assert again["annotated"] == RECORD["annotated"]
    for name, found in again["length_controlled"].items():
        same(found, RECORD["length_controlled"][name])
