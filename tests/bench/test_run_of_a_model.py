"""A run's model before and after its tuning, by real (tiny) models: folders, figures and the report's part."""

from __future__ import annotations

import json
import math
import shutil

import pytest

from heedful.backends.base import Continuation
from heedful.store import RunFolder, read_json


@pytest.fixture
def run(tiny_run, tmp_path):
    return shutil.copytree(tiny_run, tmp_path / "run")


@pytest.mark.slow
def test_base_and_tuned_into_the_run_and_its_report(run, desk, heedful):
    status, out, err = heedful(
        "bench", run, "--task", "mmlu", "--data-dir", "data", "--shots", 0, "--precision", "fp32"
    )
    assert status == 0, err
    assert [line for line in out.splitlines() if len(line) > 80 and str(run) not in line] == []
    sides = {which: read_json(RunFolder(run).bench(which) / "results.json") for which in ("base", "tuned")}
    for which, found in sides.items():
        assert found["model"] == (f"run:{run}@base" if which == "base" else f"run:{run}")
        assert found["precision"] == "fp32"
        assert found["model_facts"]["parameters"] > 0
        assert len(found["model_facts"]["sha256"]) == 64
        assert found["training_data"] == [str(RunFolder(run).split("train"))]
        assert found["machine"]["device"] == "cpu"
        assert found["results"]["mmlu"]["accuracy"]["n"] == 10
    assert sides["base"]["tasks"]["mmlu"]["hashes"] == sides["tuned"]["tasks"]["mmlu"]["hashes"]
    report = read_json(RunFolder(run).report("json"))
    (row, macro) = report["benchmarks"]["rows"]
    assert (row["task"], row["metric"], row["n"], row["guess"]) == ("mmlu", "accuracy", 10, 0.25)
    before, after = (sides[w]["results"]["mmlu"]["accuracy"]["value"] for w in ("base", "tuned"))
    assert (row["before"]["value"], row["after"]["value"]) == (before, after)
    assert row["difference"]["estimate"] == pytest.approx(after - before)
    assert row["test"].startswith("McNemar")
    assert (macro["metric"], macro["difference"]) == ("accuracy_macro", None)
    assert any(r.startswith("Benchmarks: ") for r in report["verdict"]["reasons"])
    page = RunFolder(run).report("html").read_text()
    assert "What did fine-tuning cost?" in page
    assert "| mmlu, accuracy |" in RunFolder(run).report("md").read_text()
    # What the folder says is what the model says, row by row.
    line = json.loads((RunFolder(run).bench("tuned") / "samples" / "mmlu.jsonl").read_text().splitlines()[0])
    from heedful.backends.load import local_backend

    backend = local_backend(f"run:{run}", precision="fp32")
    for choice in line["choices"]:
        (one,) = backend.log_likelihoods([Continuation(line["prompt"], choice["text"])])
        assert math.isclose(one.log_likelihood, choice["log_likelihood"], abs_tol=1e-4)
    status, _, err = heedful("bench", run, "--task", "mmlu", "--data-dir", "data")
    assert (status, "exists; add --resume" in err) == (2, True)
