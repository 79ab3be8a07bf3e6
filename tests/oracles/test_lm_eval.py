"""Our ``@lm-eval`` profiles beside lm-evaluation-harness: the same prompts, continuations, examples and figures."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heedful.tasks.base import Item, Outcome, Plan, Sample, Source, Task
from heedful.tasks.find import find_task
from heedful.tasks.places import Places

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import lm_eval_inputs as inputs  # noqa: E402  # pyright: ignore[reportMissingImports]

SAYS: dict[str, Any] = json.loads((HERE / "lm_eval.json").read_text("utf-8"))["says"]
OURS = {
    "mnli": "glue@lm-eval:mnli_matched",
    "mnli_mismatch": "glue@lm-eval:mnli_mismatched",
    "sglue_rte": "superglue@lm-eval:rte",
    "squadv2": "squad2@lm-eval",
    "triviaqa": "triviaqa@lm-eval",
    **{name: f"glue@lm-eval:{name}" for name in ("cola", "sst2", "mrpc", "qqp", "qnli", "rte", "wnli")},
    **{name: f"superglue@lm-eval:{name}" for name in ("boolq", "cb", "copa", "multirc", "record", "wic", "wsc")},
}
METRICS = {
    "acc": "accuracy",
    "mcc": "matthews_correlation",
    "f1": "f1",
    "em": "exact_match",
    "exact_match": "exact_match",
}


class Drawn(Places):
    """The hub with our rows in the place of its own."""

    name = ""

    def hub_rows(self, source: Source, config: str | None, split: str) -> Iterator[tuple[dict[str, Any], str]]:
        for number, row in enumerate(inputs.rows(self.name, "train" if split == "train" else "validation")):
            yield row, f"{source.hub}:{split}: row {number}"


def items_of(name: str, shots: int) -> tuple[Task, list[Item]]:
    named = find_task(OURS[name])
    places = Drawn(named.task.name)
    places.name = name
    return named.task, list(named.task.items(places, Plan(named.subset, shots, inputs.SEED)))


def test_every_task_is_compared() -> None:
    assert SAYS.keys() == OURS.keys() == inputs.MAKERS.keys()


@pytest.mark.parametrize("name", OURS)
def test_asked_as_lm_evaluation_harness_asks(name: str) -> None:
    task, plain = items_of(name, 0)
    _, with_examples = items_of(name, inputs.SHOTS)
    if name == "squadv2":  # asked a second time, for how likely no answer is
        none = plain[1::2]
        assert [(i.prompt, list(i.choices)) for i in none] == [
            (i.prompt, w["continuations"]) for i, w in zip(plain[::2], SAYS[name]["items"], strict=True)
        ]
        plain, with_examples = plain[::2], with_examples[::2]
    for item, shown, wanted in zip(plain, with_examples, SAYS[name]["items"], strict=True):
        assert item.prompt.text() == wanted["prompt"]
        if name != "squadv2":  # lm-evaluation-harness 0.4.13 fails where squadv2 has examples
            assert shown.prompt.text() == wanted["prompt_2"]
        if "until" in wanted:
            assert task.generation is not None
            assert list(task.generation.stop) == wanted["until"]
        else:
            assert list(item.choices) == wanted["continuations"]


@pytest.mark.parametrize("name", OURS)
def test_the_same_figures_of_the_same_answers(name: str) -> None:
    task, items = items_of(name, 0)
    samples = []
    for place, item in enumerate(items):
        number = place // 2 if name == "squadv2" else place
        if item.choices:
            outcome = Outcome(item, tuple(inputs.log_likelihoods(name, number, len(item.choices))))
        else:
            outcome = Outcome(item, texts=(inputs.written(name, number, list(item.gold)),))
        samples.append(Sample(outcome, task.mark(outcome)))
    found = {f.metric: f.value for f in task.figures(samples)}
    wanted = {METRICS.get(metric, metric): value for metric, value in SAYS[name]["figures"].items()}
    if name == "squadv2":
        wanted = {metric: value / 100 for metric, value in wanted.items()}
        assert wanted["best_f1"] > wanted["f1"]
    assert found == pytest.approx(wanted, abs=1e-12)
