"""A run's model before and after its tuning, by real (tiny) models."""

from __future__ import annotations

import json
import math

import pytest

from heedful.tasks import find_task

pytestmark = pytest.mark.slow


def test_base_against_tuned(tiny_run, tmp_path, heedful, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in find_task("superglue").task.sample_rows.items():
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_text(text)
    (tmp_path / "own.txt").write_text("Say red\nSay blue\n")
    base, tuned = f"run:{tiny_run}@base", f"run:{tiny_run}"
    arguments = ("--scenario", "superglue:rte,superglue:copa", "--prompts", "own.txt", "--data-dir", "data")
    status, out, err = heedful("helm", base, tuned, *arguments, "--precision", "fp32", "--out", "out", "--watts", 100)
    assert status == 0, err
    assert [line for line in out.splitlines() if len(line) > 80 and str(tiny_run) not in line] == []
    found = json.loads((tmp_path / "out/helm.json").read_text())
    assert [m["name"] for m in found["models"]] == [base, tuned]
    assert {m["precision"] for m in found["models"]} == {"fp32"}
    assert len({m["model_facts"]["sha256"] for m in found["models"]}) == 2
    assert all(len(set(s["hashes"]["prompts"].values())) == 1 for s in found["scenarios"].values())
    for model in (base, tuned):
        cells = found["cells"][model]["superglue:copa"]
        assert cells["accuracy"]["value"] in (0, 0.5, 1)
        assert cells["robustness"]["value"] <= cells["accuracy"]["value"]
        # A choice's probability is its share of both, from what the journal kept.
        folder = next(m["folder"] for m in found["models"] if m["name"] == model)
        shares = []
        for line in (tmp_path / "out" / folder / "samples/superglue:copa.jsonl").read_text().splitlines():
            values = [math.exp(c["log_likelihood"]) for c in json.loads(line)["choices"]]
            shares.append(max(values) / sum(values))
        assert cells["calibration"]["parts"]["max_prob"] == pytest.approx(sum(shares) / len(shares), abs=1e-9)
        texts = found["cells"][model]["prompts:own"]
        assert texts["toxicity"]["n"] + texts["toxicity"]["parts"]["empty"] == 2
        took = texts["efficiency"]["parts"]
        assert (took["requests"], took["watts"]) == (2, {"watts": 100, "source": "given"})
        assert took["energy_kwh"] == pytest.approx(took["seconds"] * 100 / 3.6e6, abs=0.001 * 100 / 3.6e6)  # rounded
        assert took["tokens"] > 0
    assert {(c["a"], c["b"]) for c in found["comparisons"]} == {(base, tuned)}
