"""`heedful compare`: the table, the JSON document, the exit status, and every mistake."""

from __future__ import annotations

import csv
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


def make_run(folder: Path, lift: float, ids=range(12), **recipe) -> Path:
    """A run's folder with a judge's scores of its answers, before and after."""
    (folder / "responses").mkdir(parents=True)
    (folder / "scores").mkdir()
    chosen = {"model": "pip:m", "split": "85/5/10", "max_new_tokens": 32, "seed": 0, "epochs": 2, **recipe}
    files = {"files": [{"path": "rows.json", "sha256": "ab" * 32}]}
    (folder / "manifest.json").write_text(json.dumps({"schema": "heedful.run/1", "recipe": chosen, "data": files}))
    word = {"schema": "heedful.judgement/1", "example_id": "q0", "order": "ab", "text": "A"}  # beside a judge's Scores
    (folder / "scores/judge.judgements.jsonl").write_text(json.dumps(word) + "\n")
    for which, value in (("base", 40.0), ("tuned", 40.0 + lift)):
        answers, scores = [], []
        for k in ids:
            answer = {"id": f"{folder.name}-{which}-{k}", "example_id": f"q{k}", "model": "m", "settings": "s"}
            answer |= {"messages": [{"role": "user", "content": f"Question {k}?"}], "reference": None, "text": "Yes."}
            answers.append(answer | {"finish_reason": "stop", "prompt_tokens": 3, "tokens": 2, "seconds": 0.1})
            score = {"id": answer["id"], "example_id": f"q{k}", "responses": [answer["id"]], "scorer": "score"}
            scores.append(score | {"rater": "judge:m", "value": value + k % 3})
        for name, lines in (("responses", answers), ("scores", scores)):
            text = "".join(json.dumps(line) + "\n" for line in lines)
            (folder / name / f"{which}.jsonl").write_text(text)
    return folder


def test_runs_that_differ_in_their_seed_alone_have_a_spread(heedful, tmp_path, monkeypatch):
    """Worked by hand: lifts of 2, 4 and 9 have the mean 5 and, with n - 1, the deviation √13."""
    monkeypatch.chdir(tmp_path)
    for seed, lift in enumerate((2, 4, 9)):
        make_run(tmp_path / f"r{seed}", lift, seed=seed, data=[f"copy{seed}.json"])  # the same bytes, another path
    several = ("compare", "run:r0@base", "r0", "r1", "r2", "--metric", "score")
    found = json.loads(heedful(*several, "--json")[1])
    assert found["recipes_differ_in"] == {"seed": [0, 1, 2]}
    spread = found["over_seeds"]["score@judge:m"]
    assert (spread["n"], spread["mean"], spread["difference"]["mean"]) == (3, pytest.approx(46), pytest.approx(5))
    assert spread["sd"] == spread["difference"]["sd"] == pytest.approx(13**0.5)
    assert not any("recipe" in note for one in found["comparisons"] for note in one["caveats"])

    status, out, err = heedful(*several, "--table", "t.md")
    lines = [line.split() for line in out.splitlines()]
    assert (status, err) == (0, "written: t.md\n")
    assert ["mean", "of", "3", "46.00", "+5.00"] in lines
    assert ["sd", "3.61", "3.61"] in lines
    assert "B to D differ in their seed alone (0, 1, 2)." in out
    assert all(len(line) <= 80 for line in out.splitlines())
    table = (tmp_path / "t.md").read_text().splitlines()
    assert table[2] == "| run:r0@base | 41.00 |  |  |"
    assert [cell.strip() for cell in table[4].split("|")][1:3] == ["r1", "45.00"]
    assert table[6] == "| mean ± sd of 3 | 46.00 ± 3.61 | +5.00 ± 3.61 |  |"


def test_recipes_that_differ_are_told_and_have_no_spread(heedful, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_run(tmp_path / "r0", 2)
    make_run(tmp_path / "r1", 4, seed=1, epochs=3, max_new_tokens=64)
    make_run(tmp_path / "r2", 4, ids=range(4, 16), seed=2)
    out = heedful("compare", "run:r0@base", "r0", "r1", "--metric", "score")[1]
    assert "The recipes of B to C differ in max_new_tokens (32, 64); seed (0, 1); epochs (2,\n3)." in out
    assert "Note (C as B): The recipes differ in max_new_tokens: 32 in A, 64 in B." in out
    assert "mean of" not in out
    assert "The recipes differ in seed: 0 in A, 2 in B." in heedful("compare", "r0", "r2", "--metric", "score")[1]
    out = heedful("compare", "run:r0@base", "r0", "r2", "--metric", "score")[1]
    assert "the seed also divides the rows (split 85/5/10)" in out.replace("\n", " ")
    assert "mean of" not in out  # over other questions


def test_tables_to_take_along(heedful, two):
    assert heedful("compare", "a.jsonl", "b.jsonl", "--table", "t.csv")[0] == 0
    rows = list(csv.DictReader((two / "t.csv").read_text().splitlines()))
    known = json.loads(heedful("compare", "a.jsonl", "b.jsonl", "--json")[1])["metrics"]["score@judge:m"]
    assert [(r["a"], r["b"], r["metric"], r["verdict"]) for r in rows] == [
        ("a.jsonl", "b.jsonl", "score@judge:m", "better")
    ]
    assert float(rows[0]["p_adjusted"]) == known["p_adjusted"]  # unrounded
    assert rows[0]["minimum_detectable_difference"] == ""  # unknown, no NaN
    (two / "b_2 & 3%.jsonl").write_text((two / "b.jsonl").read_text())
    assert heedful("compare", "a.jsonl", "b_2 & 3%.jsonl", "--table", "t.tex")[0] == 0
    lines = (two / "t.tex").read_text().splitlines()
    assert lines[1:3] == [r"\begin{tabular}{lrrr}", r"\toprule"]
    assert lines[3] == r" & score@judge:m & difference [95\%] & p \\"
    assert lines[6] == r"b\_2 \& 3\%.jsonl & 62.83 & +20.00 [+20.00, +20.00] & $<$ 0.001 \\"
    assert lines[-1] == r"\end{tabular}"


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
        (["--table", "t.xlsx"], "--table t.xlsx: what kind of table is '.xlsx'? Name a file that ends in .csv"),
        (["--table", "no/t.csv"], "--table no/t.csv: there is no folder no; name a file"),
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
