"""`heedful compare`: the table, the JSON document, the exit status, and every mistake."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


@pytest.fixture
def two(tmp_path: Path, monkeypatch) -> Path:
    """Files of scores by one judge: a.jsonl lower than b.jsonl."""
    for who, lift in (("a", 0), ("b", 20)):
        lines = [
            {"id": f"{who}{k}", "example_id": f"q{k}", "responses": [f"{who}-{k}"], "scorer": "score"}
            | {"rater": "judge:m", "value": 40.0 + lift + k % 7}
            for k in range(30)
        ]
        (tmp_path / f"{who}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_table_fits_80_columns(heedful, two):
    status, out, err = heedful("compare", "a.jsonl", "b.jsonl")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "better: score@judge:m got better."
    assert all(len(line) <= 80 for line in lines)
    row = lines[lines.index("score@judge:m*") + 1].split()
    assert row[:3] == ["42.83", "62.83", "+20.00"]
    assert row[-1] == "better"
    assert "Rule: " in out


def test_json_is_one_document_with_every_number(heedful, two):
    status, out, _ = heedful("compare", "a.jsonl", "b.jsonl", "--json", "--seed", 3, "--level", 0.9)
    found = json.loads(out)
    assert status == 0
    assert (found["schema"], found["verdict"], found["level"], found["seed"]) == ("heedful.compare/1", "better", 0.9, 3)
    m = found["metrics"]["score@judge:m"]
    assert m["difference"]["estimate"] == 20.0
    assert (m["n"], m["unscored"], m["clusters"], m["test"]) == (30, 0, None, "sign-flip, 9,999 draws")
    assert m["minimum_detectable_difference"] is None  # all differences are equal
    assert "NaN" not in out


def test_several_are_held_against_the_first_and_corrected_together(heedful, two):
    """Worked by hand: the numbers of each comparison are those of two alone, but for Holm's correction over all."""
    lines = [json.loads(line) for line in (two / "a.jsonl").read_text().splitlines()]
    for name, lift in (("c", (6, -3)), ("d", (-20, -20))):  # c is a little better, d clearly worse
        rows = [{**line, "value": line["value"] + lift[k % 2]} for k, line in enumerate(lines)]
        rows = [{**row, "id": f"{name}{k}", "responses": [f"{name}-{k}"]} for k, row in enumerate(rows)]
        (two / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    alone = {
        name: json.loads(heedful("compare", "a.jsonl", f"{name}.jsonl", "--json")[1])["metrics"]["score@judge:m"]
        for name in "bcd"
    }
    status, out, _ = heedful("compare", "a.jsonl", "b.jsonl", "c.jsonl", "d.jsonl", "--json")
    found = json.loads(out)
    together = [one["metrics"]["score@judge:m"] for one in found["comparisons"]]
    assert (status, found["schema"], found["a"]["name"]) == (0, "heedful.compare-several/1", "a.jsonl")
    assert [one["p"] for one in together] == [alone[name]["p"] for name in "bcd"]
    assert [one["difference"] for one in together] == [alone[name]["difference"] for name in "bcd"]
    low, middle, high = sorted(one["p"] for one in together)
    holm = [3 * low, max(3 * low, 2 * middle), max(3 * low, 2 * middle, high)]
    assert sorted(one["p_adjusted"] for one in together) == pytest.approx(holm)
    assert together[0]["p_adjusted"] == pytest.approx(3 * alone["b"]["p_adjusted"])
    assert found["verdicts"]["b.jsonl"] == "better"
    assert found["verdicts"]["d.jsonl"] == "worse"

    status, out, err = heedful("compare", "a.jsonl", "b.jsonl", "d.jsonl", "--fail-if", "worse")
    lines = out.splitlines()
    assert lines[0] == "against A, a.jsonl: better B; worse C."
    assert lines[2:4] == [
        "B  b.jsonl: better, 30 examples on both sides",
        "C  d.jsonl: worse, 30 examples on both sides",
    ]
    rows = [line.split() for line in lines if line.startswith(("B ", "C ")) and "jsonl" not in line]
    assert [row[:4] + row[-1:] for row in rows] == [
        ["B", "42.83", "62.83", "+20.00", "better"],
        ["C", "42.83", "22.83", "−20.00", "worse"],
    ]
    assert all(len(line) <= 80 for line in lines)
    assert (status, "d.jsonl is worse and --fail-if is worse" in err) == (1, True)


def test_one_of_several_is_not_named_twice(heedful, two):
    status, _, err = heedful("compare", "a.jsonl", "b.jsonl", "a.jsonl")
    assert (status, "a.jsonl: is named twice" in err) == (2, True)


def test_the_exit_status_tells_a_verdict_only_where_it_is_asked_to(heedful, two):
    assert heedful("compare", "b.jsonl", "a.jsonl")[0] == 0
    status, out, err = heedful("compare", "b.jsonl", "a.jsonl", "--fail-if", "worse")
    assert (status, out.splitlines()[0]) == (1, "worse: score@judge:m got worse.")
    assert err == "heedful: B is worse and --fail-if is worse\n"
    assert heedful("compare", "a.jsonl", "b.jsonl", "--fail-if", "worse")[0] == 0
    assert heedful("compare", "a.jsonl", "a.jsonl", "--fail-if", "worse")[0] == 0
    assert heedful("compare", "a.jsonl", "a.jsonl", "--fail-if", "not-better")[0] == 1


def test_clusters_from_a_file_of_questions(heedful, two):
    rows = [{"id": f"q{k}", "instruction": f"Question {k}?", "output": "x", "topic": k % 3} for k in range(30)]
    (two / "rows.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    status, out, _ = heedful("compare", "a.jsonl", "b.jsonl", "--data", "rows.jsonl", "--cluster", "topic", "--json")
    found = json.loads(out)
    assert (status, found["cluster"], found["metrics"]["score@judge:m"]["clusters"]) == (0, "topic", 3)
    assert found["verdict"] == "inconclusive"  # three clusters


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--level", "95"], "--level 95: name a share from 0.5 to below 1, such as 0.95"),
        (["--level", "1"], "--level 1: name a share"),
        (["--test", "wilcoxn"], "--test 'wilcoxn' (did you mean 'wilcoxon'?): choose auto or wilcoxon"),
        (["--fail-if", "bad"], "--fail-if 'bad': choose worse or not-better"),
        (["--seed", "-1"], "--seed -1: name a whole number"),
        (["--metric", "scores"], "--metric 'scores'"),
        (["--cluster", "topic"], "no example has this field; name a file of the questions with --data"),
        (["--scores", "none.jsonl"], "--scores none.jsonl: no such file"),
        (["--data", "none.jsonl"], "none.jsonl"),
    ],
)
def test_each_mistake_is_one_sentence(heedful, two, arguments, message):
    status, out, err = heedful("compare", "a.jsonl", "b.jsonl", *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("heedful: error: ")
    assert message in err
    assert err.count("\n") == 1
