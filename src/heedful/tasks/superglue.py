"""SuperGLUE: eight tasks of understanding, their total, and the diagnostic sets AX-b and AX-g.

Source: Wang et al. 2019, https://arxiv.org/abs/1905.00537; https://super.gluebenchmark.com. The owner's files are JSON
lines, a folder for each task:

    {"premise": "It rained.", "hypothesis": "It was wet.", "label": "entailment", "idx": 0}

The labels of the test files are private, so figures are those of the validation files. Profiles: ``heedful`` has the
prompts of `superglue_prompts` for every task, the owner's metrics and total; ``lm-eval`` has lm-evaluation-harness's
prompts and metrics for the eight tasks (no diagnostics; for MultiRC accuracy alone; it makes no total of its own). The
likeliest answer counts. Questions on one passage (BoolQ, MultiRC, ReCoRD) belong together when errors are estimated.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from heedful.errors import DataError, RequestError, did_you_mean
from heedful.records import hash_of
from heedful.scorers.answers import exact_and_f1, normalised
from heedful.scorers.superglue import TASKS as SCORED
from heedful.tasks.base import Item, Mark, Outcome, Plan, Prompt, Sample, Task
from heedful.tasks.figures import Figure
from heedful.tasks.measures import Measured, benchmark_figures
from heedful.tasks.places import Places
from heedful.tasks.samples_superglue import SAMPLE
from heedful.tasks.shots import examples, shots_of
from heedful.tasks.submissions import superglue_files
from heedful.tasks.superglue_measures import measured, measured_lm_eval
from heedful.tasks.superglue_pieces import inputs_of, row_choices
from heedful.tasks.superglue_prompts import HEEDFUL, LM_EVAL, Asked
from heedful.tasks.superglue_rows import DIAGNOSTIC, SOURCE, Row, names, read_rows, training_rows

Prompts = Mapping[str, Callable[[Row], Asked]]
TOTAL: dict[str, tuple[str, ...]] = {task: (task,) for task in SCORED if task not in DIAGNOSTIC}


def items(places: Places, plan: Plan, prompts: Prompts) -> list[Item]:
    """The questions of the tasks that were asked for, or of all that are at hand."""
    split = plan.split or SOURCE.split
    shots = shots_of(plan, 0)
    made = []
    for task in _tasks(places, plan, prompts):
        rows = read_rows(places, task, split)
        pool = training_rows(places, task) if shots else []
        drawn = random.Random(plan.seed)
        if task == "axg":
            _check_pairs(rows)
        for row in rows[: plan.limit]:
            chosen = examples(pool, shots, drawn, lambda other, own=row: other.value == own.value)
            made.append(_item(task, row, prompts, chosen))
    return made


def _item(task: str, row: Row, prompts: Prompts, shots: Sequence[Row]) -> Item:
    ask = prompts[task]
    question, choices = ask(row)
    asked = tuple(_example(s, prompts["rte" if task in DIAGNOSTIC else task]) for s in shots)
    fields = {"index": row.index}
    gold: object = row.label
    if task == "record":
        fields["entities"] = row.value["entities"]
        gold = row.answers
    name = "-".join(map(str, row.index)) if isinstance(row.index, tuple) else str(row.index)
    item = Item(f"{task}/{name}", Prompt(question, asked), choices, gold, task, group=_group(task, row), fields=fields)
    return replace(item, inputs=inputs_of(task, row, question), row_choices=row_choices(task))


def _example(row: Row, ask: Callable[[Row], Asked]) -> tuple[str, str]:
    """A training row with its answer; of ReCoRD's several answers the first."""
    if row.answers:
        question, choices = ask(replace(row, value=row.value | {"entities": list(row.answers[:1])}))
        return question, choices[0]
    question, choices = ask(row)
    return question, choices[row.label or 0]


def _group(task: str, row: Row) -> str | None:
    if task == "boolq":
        return f"boolq/{hash_of(row.value['passage'], 12)}"
    return None if row.passage is None else f"{task}/{row.passage}"


def _check_pairs(rows: Sequence[Row]) -> None:
    """AX-g's rows come in pairs with one hypothesis, or gender parity would mean nothing."""
    for one, other in zip(rows[::2], rows[1::2], strict=False):
        if one.value["hypothesis"] != other.value["hypothesis"]:
            raise DataError(
                f"superglue:axg: rows {one.index} and {other.index} are no pair, their hypotheses differ; use the "
                "owner's AX-g.jsonl as it is"
            )


def _tasks(places: Places, plan: Plan, prompts: Prompts) -> list[str]:
    known = list(prompts)
    if plan.subset:
        wanted = plan.subset.lower().replace("-", "").replace("_", "")
        if wanted in DIAGNOSTIC and wanted not in known:
            raise RequestError(
                f"superglue@lm-eval has no {wanted}, as lm-evaluation-harness has none; ask superglue:{wanted}"
            )
        if wanted not in known:
            raise RequestError(
                f"superglue:{plan.subset}{did_you_mean(plan.subset, known)}: choose {', '.join(known)}, or none for all"
            )
        return [wanted]
    if places.folder is None:
        return known
    split = plan.split or SOURCE.split
    found = [t for t in known if places.find(*names(t, split))]
    if not found:
        places.need(SOURCE, *names(known[0], split))
    return found


def mark(outcome: Outcome, f1: Callable[[str, Sequence[str]], tuple[int, float]]) -> Mark:
    """Right where the likeliest choice is the gold one; ReCoRD's entity is compared as a text with all gold answers."""
    item, values = outcome.item, outcome.log_likelihoods
    metrics = ("exact_match", "f1") if item.subset == "record" else ("accuracy",)
    if outcome.error or not values:
        return Mark(None, dict.fromkeys(metrics))
    best = max(range(len(values)), key=values.__getitem__)
    if item.subset == "record":
        answer = item.fields["entities"][best]
        scores = (None, None) if item.gold is None else f1(answer, item.gold)
        return Mark(answer, {k: None if v is None else float(v) for k, v in zip(metrics, scores, strict=True)})
    return Mark(best, {"accuracy": None if item.gold is None else float(best == item.gold)})


def _lm_exact_and_f1(answer: str, golds: Sequence[str]) -> tuple[int, float]:
    """As ReCoRD's owner, but two answers of which nothing is left when they are normalised are alike."""
    exact, f1 = exact_and_f1(answer, golds)
    return exact, 1.0 if exact and not normalised(answer) else f1


def figures(samples: Sequence[Sample], by: Callable[[str, Sequence[Sample]], Measured]) -> list[Figure]:
    """Each task's metrics, and the total as the leaderboard makes it: the mean over tasks of their metrics' means."""
    return benchmark_figures(samples, by, TOTAL)


def _task(profile: str, prompts: Prompts, summary: str) -> Task:
    ours = profile == "heedful"
    return Task(
        name="superglue",
        profile=profile,
        summary=summary,
        source=SOURCE,
        shots=0,
        items=partial(items, prompts=prompts),
        mark=partial(mark, f1=exact_and_f1 if ours else _lm_exact_and_f1),
        figures=partial(figures, by=measured if ours else measured_lm_eval),
        subsets=tuple(prompts),
        sample_rows=SAMPLE,
        submission=superglue_files if ours else None,
    )


TASKS = (
    _task("heedful", HEEDFUL, "eight tasks of understanding, their total, and the diagnostics AX-b and AX-g"),
    _task("lm-eval", LM_EVAL, "eight tasks of understanding"),
)
