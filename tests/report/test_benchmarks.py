"""What fine-tuning cost, on the page: figures, pairs, what is no mean, hostile names, folders that are not whole."""

from __future__ import annotations

import pytest
from tests.report.report_run import ALL, HOSTILE, write_run

from heedful.report import build, write_report
from heedful.store import RunFolder, read_json, write_json, write_jsonl


@pytest.fixture
def run(tmp_path) -> RunFolder:
    return RunFolder(write_run(tmp_path / "run", *ALL))


def put(run, which, right, key="mmlu", **more):
    """A bench folder: items that are right or wrong, their mean, and a figure that is no mean."""
    folder, n = run.bench(which), len(right)
    scores = [{"id": f"law/{k}", "score": None if r is None else float(r)} for k, r in enumerate(right)]
    write_jsonl(folder / "samples" / f"{key}.jsonl", scores)
    scored = [r for r in right if r is not None]
    entry = {"value": sum(scored) / len(scored), "stderr": 0.05, "n": len(scored), "unscored": n - len(scored)}
    macro = {"value": 0.5, "stderr": None, "n": n, "unscored": 0}
    task = {"profile": "hendrycks", "shots": 5, "limit": None, "template": {"name": "none"}, "trained_on": 2} | more
    results = {key: {"profile": "hendrycks", "accuracy": entry | {"guess": 0.25}, "accuracy_macro": macro}}
    results[key]["main"] = "accuracy"
    write_json(folder / "results.json", {"schema": "heedful.bench/1", "results": results, "tasks": {key: task}})


def test_both_sides_are_compared_item_by_item(run):
    put(run, "base", [1] * 20 + [0] * 10)
    put(run, "tuned", [1] * 5 + [0] * 24 + [None])
    found = build(run)
    assert found.benchmarks is not None
    accuracy, macro = found.benchmarks.rows
    assert (accuracy.before, accuracy.after, accuracy.unscored, accuracy.guess) == (20 / 30, 5 / 29, 1, 0.25)
    # One item has no score after: the figure before is over 30 items, the comparison over 29.
    assert accuracy.comparison is not None
    assert accuracy.comparison.verdict == "worse"
    assert (macro.comparison, macro.before) == (None, 0.5)
    assert found.verdict.kind == "better"
    assert "Benchmarks: mmlu got worse." in found.verdict.reasons
    assert any("A benchmark got worse" in c for c in found.verdict.caveats)
    page = write_report(run)["html"].read_text()
    assert "What did fine-tuning cost?" in page
    assert "guessing gives 0.25" in page
    assert "2 items stand in the training rows" in page
    told = read_json(run.report("json"))["benchmarks"]
    assert [r["verdict"] for r in told["rows"]] == ["worse", None]
    assert "| mmlu, accuracy | 0.667 ± 0.050 | 0.172 ± 0.050 | −0.517 |" in run.report("md").read_text()


def test_figures_without_what_was_trained_on_stand_beside_the_others(run):
    for which, right in (("base", [1, 1, 0, 0]), ("tuned", [1, 1, 1, 0])):
        put(run, which, right)
        path = run.bench(which) / "results.json"
        found = read_json(path)
        found["results"]["mmlu"]["accuracy"]["clean"] = {"value": sum(right[2:]) / 2, "stderr": 0.3, "n": 2}
        write_json(path, found)
    page = write_report(run)["html"].read_text()
    assert "clean 0.000" in page
    assert "clean 0.500" in page
    assert "| mmlu, accuracy | 0.500 ± 0.050 clean 0.000 | 0.750 ± 0.050 clean 0.500 |" in run.report("md").read_text()
    (accuracy, macro) = read_json(run.report("json"))["benchmarks"]["rows"]
    assert (accuracy["clean"], macro["clean"]) == ({"before": 0.0, "after": 0.5, "n": 2}, None)


def test_other_shots_are_told_and_names_are_escaped(run):
    key = "x<img src=y>"
    put(run, "base", [1, 0, 1], key)
    put(run, "tuned", [1, 1, 1], key, shots=0, template={"name": HOSTILE})
    page = write_report(run)["html"].read_text()
    assert "<img src" not in page
    found = build(run).benchmarks
    assert found is not None
    assert any("A and B differ in the shots" in c for c in found.caveats)


def test_one_side_alone_has_no_part(run):
    assert build(run).benchmarks is None
    put(run, "base", [1, 0])
    assert build(run).benchmarks is None
    put(run, "tuned", [1, 0], "glue")
    assert build(run).benchmarks is None
    assert "What did fine-tuning cost?" not in write_report(run)["html"].read_text()
