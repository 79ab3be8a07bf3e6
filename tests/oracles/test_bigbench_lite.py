"""BIG-bench Lite from its owner's files to results.json, beside the figures of its owner's `evaluate_model`.

`heedful bench --task bigbench:lite` has the tasks read, asked and marked; bigbench_lite_record.py had the owner's code
do it, and bigbench_lite_inputs.py is the model of both. Figures alone are recorded: the tasks are read where they lie.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heedful.backends.base import Answer, LogLikelihood
from heedful.bench import Bench, BenchFolder, prepare, run_bench
from heedful.scorers.bigbench import LITE, lite
from heedful.tasks import Plan, find_task

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import bigbench_lite_inputs as inputs  # noqa: E402  # pyright: ignore[reportMissingImports]

SHARED = Path("/work/shared/data/bigbench")
SOURCE = Path("/tmp/oracles/bigbench/bigbench-1.0.0/bigbench/benchmark_tasks")
PERCENT = ("normalized_aggregate_score", "bleu", "rouge1", "rouge2", "rougeLsum")


class Backend:
    """The models of several tasks as one: each is asked what belongs to its task."""

    name = "scripted"

    def __init__(self, said: Any):
        self.said = said

    def complete(self, prompts: Any, settings: Any) -> Iterator[Answer]:
        for index, prompt in enumerate(prompts):
            yield Answer(index, self.said.answer(prompt), "stop", 1, 1, 0.0)

    def log_likelihoods(self, rows: Any) -> Iterator[LogLikelihood]:
        for index, row in enumerate(rows):
            yield LogLikelihood(index, self.said.log_prob(row.context, row.continuation), False, 1)


class Silent:
    def phase(self, name: str, title: str) -> None: ...
    def advance(self, done: int, total: int) -> None: ...


def benched(task: str, folder: Path, shots: int, out: Path) -> dict[str, Any]:
    """The figures of a task as results.json has them, on the owner's scale."""
    prepared = prepare(find_task(f"bigbench:{task}"), Plan(shots=shots), folder)
    backend = Backend(inputs.Model(folder / task))
    results = run_bench(Bench("scripted", shots=shots), [prepared], lambda: backend, BenchFolder(out), Silent())
    figures = results["results"][f"bigbench:{task}"]
    entries = {k: v for k, v in figures.items() if k not in ("profile", "main")}
    assert all(e["unscored"] == 0 for e in entries.values())
    return {"preferred_score": figures["main"]} | {
        k: e["value"] * (100 if k in PERCENT else 1) for k, e in entries.items()
    }


def same(mine: dict[str, Any], theirs: dict[str, Any]) -> bool:
    return mine.keys() == theirs.keys() and all(
        v == theirs[k] if isinstance(v, str) else v == pytest.approx(theirs[k], rel=1e-9, abs=1e-9)
        for k, v in mine.items()
    )


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    return json.loads((HERE / "bigbench_lite.json").read_text(encoding="utf-8"))


def test_the_record_is_of_all_its_tasks_and_every_figure_is_really_there(record: dict[str, Any]) -> None:
    assert list(record["lite"]) == list(LITE)
    for figure in ("rouge1", "rouge2", "rougeLsum", "bleu", "exact_str_match", "multiple_choice_grade"):
        seen = {task[s][figure] for task in record["lite"].values() for s in task if figure in task[s]}
        assert len(seen) > 2
        assert max(seen) > 0


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"needs the real tasks in {SHARED}")
@pytest.mark.parametrize(
    "task",
    [pytest.param(t, marks=[pytest.mark.slow] * (t == "emoji_movie")) for t in inputs.SMALL],  # it has ROUGE
)
def test_whole_tasks_have_the_owners_figures(record: dict[str, Any], tmp_path: Path, task: str) -> None:
    for shots in inputs.SHOTS:
        mine = benched(task, SHARED, shots, tmp_path / str(shots))
        assert same(mine, record["small"][task][str(shots)]), (mine, record["small"][task])


@pytest.mark.slow
@pytest.mark.skipif(not SOURCE.is_dir(), reason=f"needs the source of bigbench 1.0.0 in {SOURCE.parents[1]}")
def test_all_24_tasks_have_the_owners_figures_and_lite_their_mean(record: dict[str, Any], tmp_path: Path) -> None:
    for shots in inputs.SHOTS:
        unlike, aggregates = [], {}
        for task in LITE:
            inputs.reduced(SOURCE / task, tmp_path / "tasks")
            mine = benched(task, tmp_path / "tasks", shots, tmp_path / task / str(shots))
            theirs = record["lite"][task][str(shots)]
            aggregates[task] = mine["normalized_aggregate_score"]
            unlike += [] if same(mine, theirs) else [(task, mine, theirs)]
        assert not unlike
        theirs = [record["lite"][t][str(shots)]["normalized_aggregate_score"] for t in LITE]
        assert lite(aggregates) == pytest.approx(sum(theirs) / len(LITE))
