"""Verdicts, events and reports beside the owner's: evals.json on what we made, and, slow, the package's whole registry.

evals_record.py says how the record and the venv of the slow test are made.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from heedful.backends.base import Answer
from heedful.bench import BenchFolder
from heedful.errors import HeedfulError
from heedful.evals import DIRECT, CompletionFn, EvalsBench, Prepared, Registry, completion_fn, prepare, run_evals
from heedful.evals.kinds import why_not
from heedful.evals.prompts import as_text
from heedful.evals.registry import EvalSpec
from heedful.store import read_jsonl

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import evals_inputs as inputs  # noqa: E402  # pyright: ignore[reportMissingImports]

PYTHON = Path("/tmp/oracles/evals/bin/python")
PACKAGE = Path("/tmp/oracles/evals/lib/python3.11/site-packages/evals/registry")
SAMPLES = 8  # of each eval of the registry
ALIKE = 5  # evals of one class with the same arguments: 288 are Match, and differ in their samples only
EVERY = "HEEDFUL_EVERY_EVAL"  # set: all of the registry, which takes ten times as long


class Model:
    """Says what a function of the text says."""

    name = "scripted"

    def __init__(self, said: Any):
        self.said = said

    def complete(self, prompts, settings):
        for index, prompt in enumerate(prompts):
            yield Answer(index, self.said(prompt), "stop", 1, 1, 0.0)


class Silent:
    def phase(self, name, title): ...
    def advance(self, done, total): ...


def ours(registry: Registry, prepared: Prepared, said: Any, folder: Path, fn: CompletionFn = DIRECT) -> dict:
    """What Heedful makes of an eval, as evals_record.py tells it: from the log that it writes."""
    bench = EvalsBench("scripted", registry.folder, limit=prepared.limit, fn=fn)
    run_evals(bench, [prepared], lambda: Model(said), None, BenchFolder(folder), Silent())
    (log,) = (folder / "evals").iterdir()
    lines = read_jsonl(log)
    assert list(lines[0]) == ["spec"]
    assert lines[0]["spec"]["run_id"] == lines[-1]["run_id"]
    events = [[e["sample_id"], e["type"], e["data"]] for e in lines[1:-1]]
    return {"key": lines[0]["spec"]["eval_name"], "report": lines[-1]["final_report"], "events": events}


def same(ours: Any, theirs: Any) -> bool:
    """Equal, numbers to the last bits; a number that is none is null here."""
    if isinstance(theirs, float) and isinstance(ours, int | float):
        return ours == pytest.approx(theirs, abs=1e-12, rel=1e-12)
    if isinstance(theirs, dict):
        return isinstance(ours, dict) and ours.keys() == theirs.keys() and all(same(ours[k], theirs[k]) for k in ours)
    if isinstance(theirs, list):
        return isinstance(ours, list) and len(ours) == len(theirs) and all(map(same, ours, theirs))
    return ours == theirs or (ours is None and theirs != theirs)


@pytest.fixture(scope="module")
def record() -> dict:
    return json.loads((HERE / "evals.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Registry:
    folder = tmp_path_factory.mktemp("registry")
    inputs.write_registry(folder)
    return Registry(folder)


@pytest.mark.parametrize("name", inputs.EVALS)
def test_events_and_report_are_the_owners(made, record, name, tmp_path):
    theirs = next(f for f in record["found"] if f["key"] == f"{name}.dev.v0")
    (spec,) = made.named(name)
    mine = ours(made, prepare(made, spec, None, 0, None, made.folder / "hub"), inputs.answer, tmp_path / "out")
    assert same(mine["events"], theirs["events"])
    assert same(mine["report"], theirs["report"]), (mine["report"], theirs["report"])


@pytest.mark.parametrize(("name", "through"), inputs.THROUGH)
def test_what_a_completion_function_asks_and_logs_is_the_owners(made, record, name, through, tmp_path):
    theirs = record["through"][inputs.THROUGH.index((name, through))]
    assert theirs["key"] == f"{name}.dev.v0"
    prepared = prepare(made, made.spec(name), inputs.THROUGH_SAMPLES, 0, None, made.folder / "hub")
    mine = ours(made, prepared, inputs.answer, tmp_path / "out", completion_fn(made, through))
    assert same(mine["events"], [json.loads(e) for e in theirs["events"]])
    assert same(mine["report"], theirs["report"])


def test_sets_and_patterns_name_the_owners_evals(made, record):
    for name, keys in record["sets"].items():
        assert sorted(s.key for s in made.named(name)) == sorted(set(keys))
    assert [s.key for s in made.named("json-*")] == ["json-match.dev.v0", "json-valid.dev.v0"]


def chosen(specs: list[EvalSpec]) -> list[EvalSpec]:
    """Of each class with each set of arguments a few evals, by the hash of their names."""
    kinds: dict[Any, list[EvalSpec]] = {}
    for spec in sorted(specs, key=lambda s: hashlib.sha256(s.key.encode()).digest()):
        told = {k: v if k in ("eval_type", "modelgraded_spec") else None for k, v in spec.args.items()}
        kinds.setdefault((spec.cls, tuple(sorted(told.items()))), []).append(spec)
    return specs if os.environ.get(EVERY) else [spec for alike in kinds.values() for spec in alike[:ALIKE]]


@pytest.mark.slow
def test_the_registry_of_the_package(tmp_path):
    """Evals of the package's registry on their first samples, beside `oaieval`: of every kind that there is."""
    if not PYTHON.is_file():
        pytest.skip("the package evals is not installed in /tmp/oracles/evals (see evals_record.py)")
    registry = Registry(PACKAGE)
    specs = list({s.key: s for name in registry.evals for s in registry.named(name)}.values())
    assert (len(specs), sum(why_not(s) is None for s in specs)) == (
        849,
        627,
    )  # 61 of these lack data, the hub's most of all, or models
    reasons: Counter[str] = Counter()
    answers, mine = {}, {}
    for spec in chosen(specs):
        if why_not(spec):
            reasons["another class"] += 1
            continue
        if spec.cls.endswith(":MultipleChoice"):
            reasons["rows on the hub"] += 1
            continue
        try:
            prepared = prepare(registry, spec, SAMPLES, 0, None, None)
        except HeedfulError as e:
            reasons[str(e)] += 1
            continue
        table = {}
        for q in prepared.questions:
            right = q.values.get("ideal") if prepared.grading else q.gold
            right = right[0] if isinstance(right, list) and right else right
            table |= {as_text(c.prompt): inputs.made_answer(as_text(c.prompt), str(right)) for c in q.calls}
        answers[spec.key] = table
        said = lambda text, t=table: inputs.table_answer(text, t)  # noqa: E731
        mine[spec.key] = ours(registry, prepared, said, tmp_path / "out" / spec.key)
    (tmp_path / "job.json").write_text(json.dumps({"keys": list(mine), "max_samples": SAMPLES, "answers": answers}))
    command = [PYTHON, HERE / "evals_record.py", PACKAGE, tmp_path / "job.json", tmp_path / "theirs.jsonl"]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    theirs = {t["key"]: t for t in read_jsonl(tmp_path / "theirs.jsonl")}
    stopped = {k: t["error"] for k, t in theirs.items() if "error" in t}
    unlike = [
        k
        for k, m in mine.items()
        if k not in stopped and not (same(m["events"], theirs[k]["events"]) and same(m["report"], theirs[k]["report"]))
    ]
    told = {"evals": len(specs), "ran": len(mine), "equal": len(mine) - len(unlike) - len(stopped)}
    print(json.dumps(told | {"unlike": unlike, "stopped": stopped, "reasons": reasons}, indent=1))
    assert not unlike
    assert told["equal"] == len(mine) > (500 if os.environ.get(EVERY) else 60)
