"""GLUE: nine tasks on sentences and pairs of them, their total, and the diagnostic set AX.

Source: Wang et al. 2018, https://arxiv.org/abs/1804.07461; https://gluebenchmark.com. The owner's files are tables with
tabs, a folder for each task; CoLA's has no line of names:

    index   sentence1               sentence2           label
    0       It rained all day.      It was sunny.       not_entailment

The labels of the test files are private, so figures are those of the validation files. Profiles: ``heedful`` has the
prompts of `glue_prompts` for every task, the owner's metrics and total; ``lm-eval`` has lm-evaluation-harness's prompts
and metrics for those tasks that it has (not STS-B nor AX, and it makes no total: ``average`` is ours). The likeliest
answer counts. For STS-B the model's score is the mean of 0 to 5, each weighted by how likely it is among the six.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from heedful.errors import RequestError, did_you_mean
from heedful.scorers.glue import TASKS as SCORED
from heedful.tasks.base import Item, Mark, Outcome, Plan, Prompt, Sample, Task
from heedful.tasks.correlations import correlations
from heedful.tasks.figures import Figure
from heedful.tasks.glue_prompts import HEEDFUL, LM_EVAL, Ask
from heedful.tasks.glue_rows import PARTS, SOURCE, Row, names, read_rows, training_rows
from heedful.tasks.measures import Measured, benchmark_figures, class_measure, class_rows, measure
from heedful.tasks.places import Places
from heedful.tasks.samples_glue import SAMPLE
from heedful.tasks.shots import examples, shots_of
from heedful.tasks.submissions import glue_files

# The tasks of the total, each with its parts.
TOTAL: dict[str, tuple[str, ...]] = {
    "cola": ("cola",),
    "sst2": ("sst2",),
    "mrpc": ("mrpc",),
    "stsb": ("stsb",),
    "qqp": ("qqp",),
    "mnli": ("mnli_matched", "mnli_mismatched"),
    "qnli": ("qnli",),
    "rte": ("rte",),
    "wnli": ("wnli",),
}


def items(places: Places, plan: Plan, prompts: Mapping[str, Ask]) -> list[Item]:
    """The questions of the parts that were asked for, or of all that are at hand."""
    split = plan.split or SOURCE.split
    shots = shots_of(plan, 0)
    made = []
    for part in _parts(places, plan, prompts):
        rows = read_rows(places, part, split)[: plan.limit]
        pool = training_rows(places, part) if shots else []
        drawn = random.Random(plan.seed)
        for row in rows:
            chosen = examples(pool, shots, drawn, lambda other, own=row: _same(other, own))
            made.append(_item(part, row, prompts[part], chosen))
    return made


def _item(part: str, row: Row, ask: Ask, shots: Sequence[Row]) -> Item:
    asked = tuple((ask.text(s), ask.choices[_class(s.label or 0)]) for s in shots)
    gold = row.label if part == "stsb" or row.label is None else _class(row.label)
    prompt = Prompt(ask.text(row), asked)
    found = Item(f"{part}/{row.index}", prompt, ask.choices, gold, part, fields={"index": row.index})
    return replace(found, inputs=ask.spans(row))


def _same(one: Row, other: Row) -> bool:
    return (one.first, one.second) == (other.first, other.second)


def _class(label: float) -> int:
    """A class's number; for STS-B the nearest whole score."""
    return math.floor(label + 0.5)


def _parts(places: Places, plan: Plan, prompts: Mapping[str, Ask]) -> list[str]:
    known = list(prompts)
    if plan.subset:
        wanted = plan.subset.lower().replace("-", "").replace("_", "")
        spelled = {p.replace("_", ""): (p,) for p in known} | {
            "mnlim": ("mnli_matched",),
            "mnlimm": ("mnli_mismatched",),
        }
        found = spelled.get(wanted) or (TOTAL["mnli"] if wanted == "mnli" else ())
        if not found and wanted in PARTS:
            raise RequestError(f"glue@lm-eval has no {wanted}, as lm-evaluation-harness has none; ask glue:{wanted}")
        if not found:
            raise RequestError(
                f"glue:{plan.subset}{did_you_mean(plan.subset, known)}: choose {', '.join([*known, 'mnli'])}, or none "
                "for all"
            )
        return list(found)
    if places.folder is None:  # the hub's AX has no labels, so it is asked for a submission only
        return [p for p in known if p != "ax" or plan.split == "test"]
    split = plan.split or SOURCE.split
    found = [p for p in known if places.find(*names(p, split))]
    if not found:
        places.need(SOURCE, *names(known[0], split))
    return found


def mark(outcome: Outcome) -> Mark:
    """Right where the likeliest class is the gold one; STS-B's ``closeness`` is 1 for the same score, 0 for 5 apart."""
    gold, values = outcome.item.gold, outcome.log_likelihoods
    metric = "closeness" if outcome.item.subset == "stsb" else "accuracy"
    if outcome.error or not values:
        return Mark(None, {metric: None})
    if metric == "closeness":
        weights = [math.exp(v - max(values)) for v in values]
        answer = math.fsum(k * w for k, w in enumerate(weights)) / math.fsum(weights)
        return Mark(answer, {metric: None if gold is None else 1 - abs(answer - gold) / 5})
    best = max(range(len(values)), key=values.__getitem__)
    return Mark(best, {metric: None if gold is None else float(best == gold)})


def measured(part: str, samples: Sequence[Sample]) -> Measured:
    """The owner's metrics of a part."""
    if part == "stsb":
        return correlations(samples, part)
    task = SCORED[PARTS[part].task]
    count = len(task.labels or ())
    return measure(
        samples, [class_measure(name, count) for name in task.figures], partial(class_rows, count=count), part
    )


def figures(samples: Sequence[Sample]) -> list[Figure]:
    """Each part's metrics, and the total as the leaderboard makes it: the mean over tasks of their metrics' means."""
    return benchmark_figures(samples, measured, TOTAL)


def _task(profile: str, prompts: Mapping[str, Ask], summary: str) -> Task:
    return Task(
        name="glue",
        profile=profile,
        summary=summary,
        source=SOURCE,
        shots=0,
        items=partial(items, prompts=prompts),
        mark=mark,
        figures=figures,
        subsets=(*prompts, "mnli"),
        sample_rows=SAMPLE,
        submission=glue_files if profile == "heedful" else None,
    )


TASKS = (
    _task("heedful", HEEDFUL, "nine tasks on sentences and pairs, their total, and the diagnostic AX"),
    _task("lm-eval", LM_EVAL, "eight tasks on sentences and pairs"),
)
