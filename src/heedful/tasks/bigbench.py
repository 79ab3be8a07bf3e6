"""BIG-bench: any of its tasks that is a file, by its owner's prompts and metrics.

Source: Srivastava et al. 2022, https://arxiv.org/abs/2206.04615; https://github.com/google/BIG-bench, a folder for each
task with a task.json, of which subtasks have folders of their own:

    {"name": "weather", "metrics": ["multiple_choice_grade"], "preferred_score": "multiple_choice_grade", "examples": [
        {"input": "Is rain wet?", "target_scores": {"yes": 1, "no": 0}}]}

``bigbench:emoji_movie`` is a task, ``bigbench:arithmetic:1_digit_addition`` one of its subtasks, ``bigbench:lite`` the
24 of BIG-bench Lite that are at hand, ``bigbench`` all that are at hand. An example is asked once for its choices and
once for a text, as the task's metrics need. Prompts are `heedful.scorers.bigbench.prompts`'s, figures its `metrics`'s,
the owner's, from 0 to 1 where the owner has percent. Each task's own figure is its preferred score; that of several is
the mean of their normalised scores, 0 for what poor performance gives and 1 for very good one.

The owner draws examples with the seed 42; so do we unless --seed names another than 0. What is written is cut by the
task's own stop string and expression; there are at most 64 tokens of it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from heedful.errors import RequestError
from heedful.scorers.bigbench import (
    LITE,
    BigBenchTask,
    Figures,
    Output,
    metrics,
    prompts,
    read_task,
    refuse_programmatic,
)
from heedful.scorers.bigbench.choice_metrics import best
from heedful.scorers.bigbench.examples import Example
from heedful.scorers.bigbench.figures import NORMALISED
from heedful.scorers.bigbench.prompts import SHOT_SEED
from heedful.scorers.bigbench.prompts import Prompt as OwnersPrompt
from heedful.scorers.bigbench.task import CHOICE_METRICS, RANGES, TARGET_METRICS, TEXT_METRICS
from heedful.scorers.bigbench.text_metrics import answer_in
from heedful.tasks.base import Generation, Item, Mark, Outcome, Plan, Prompt, Sample, Source, Task
from heedful.tasks.figures import Figure, by_subset, macro_figure, mean_figure
from heedful.tasks.places import Places

SOURCE = Source(
    paper="https://arxiv.org/abs/2206.04615",
    hub="",
    revision="",
    split="all",
    shots_split="all",
    files="the owner's TASK/task.json, of https://github.com/google/BIG-bench or the package bigbench",
    licence="Apache-2.0",
)
_FOLDERS = ("", "benchmark_tasks/", "bigbench/benchmark_tasks/")
_CHOICES, _TARGETS, _TEXT = "choices", "targets", "text"


def items(places: Places, plan: Plan) -> list[Item]:
    """The examples of the tasks that were asked for, each as often as the task's metrics need it."""
    shots, seed = plan.shots or 0, plan.seed or SHOT_SEED
    made = []
    for name, whole, leaves in _tasks(places, plan.subset):
        for leaf in leaves:
            examples = {e.index: e for e in leaf.examples}
            for prompt in islice(prompts(leaf, shots, seed), plan.limit):
                made += _items(name, whole, leaf, prompt, examples[prompt.index])
    return made


def _items(
    name: str, whole: BigBenchTask, leaf: BigBenchTask, prompt: OwnersPrompt, example: Example
) -> Iterator[Item]:
    part = name if leaf is whole else f"{name}:{leaf.folder}"
    asked = Prompt(prompt.question, prompt.shots, leaf.task_prefix, leaf.separator)
    kinds = (
        (_CHOICES, CHOICE_METRICS, prompt.choices, [example.target_scores.get(c, 0) for c in prompt.choices]),
        (_TARGETS, TARGET_METRICS, prompt.targets, 0),
        (_TEXT, TEXT_METRICS, (), list(prompt.targets)),
    )
    for kind, needed, choices, gold in kinds:
        if leaf.needs(needed):
            fields = {"kind": kind, "index": prompt.index, "task": whole, "leaf": leaf}
            item = Item(f"{part}/{prompt.index}/{kind}", asked, choices, gold, name, fields=fields)
            if kind == _TARGETS:  # how likely its targets are is no score from 0 to 1
                yield item
                continue
            at = example.places
            yield replace(item, inputs=at[:1], options=at[1:], row_choices=bool(choices))


def mark(outcome: Outcome) -> Mark:
    """The score of the likeliest choice, the likelihood of the targets, or whether the text is one of the targets."""
    item, values = outcome.item, outcome.log_likelihoods
    kind, leaf = item.fields["kind"], item.fields["leaf"]
    name = {_CHOICES: "multiple_choice_grade", _TARGETS: "log_likelihood", _TEXT: "exact_str_match"}[kind]
    if outcome.error or not (values or outcome.texts):
        return Mark(None, {name: None})
    if kind == _CHOICES:
        chosen = best(values)
        return Mark(item.choices[chosen], {name: float(item.gold[chosen])})
    if kind == _TARGETS:
        highest = max(values)
        whole = highest + math.log(math.fsum(math.exp(v - highest) for v in values)) if highest > -math.inf else highest
        return Mark(item.choices[values.index(highest)], {name: whole})
    answer = answer_in(outcome.texts[0], leaf.output_regex, leaf.stop_string)
    return Mark(answer, {name: float(answer in item.gold)})


def figures(samples: Sequence[Sample]) -> list[Figure]:
    """Each task's figures by the owner's keys; its preferred score is first."""
    parts = by_subset(samples)
    found = {name: _of_task(of, name) for name, of in parts.items()}
    if len(parts) == 1:
        only = next(iter(found.values()))
        return [replace(f, part="", main=n == 0) for n, f in enumerate(only)]
    each = [f for of in found.values() for f in of]
    normal = [f for f in each if f.metric == NORMALISED]
    whole = "bigbench_lite" if set(found) == set(LITE) else NORMALISED
    return [macro_figure(normal, whole, main=True), *each]


def _of_task(samples: Sequence[Sample], name: str) -> list[Figure]:
    whole: BigBenchTask = samples[0].item.fields["task"]
    outputs, asked = _outputs(samples)
    n = sum(map(len, outputs.values()))
    missed = asked - n
    if not n:
        names = dict.fromkeys([whole.preferred_score, NORMALISED])
        return [Figure(key, None, None, 0, missed, name) for key in names]
    leaves = tuple(leaf for leaf in whole.leaves if leaf.name in outputs)
    found = metrics(replace(whole, subtasks=leaves) if whole.subtasks else whole, outputs)
    keys = dict.fromkeys([whole.preferred_score, NORMALISED, *found.score_dict])
    return [_figure(found, key, samples, Figure(key, None, None, n, missed, name), len(leaves)) for key in keys]


def _figure(found: Figures, key: str, samples: Sequence[Sample], empty: Figure, leaves: int) -> Figure:
    """The owner's figure from 0 to 1; its error where it is a mean over examples, or follows from one."""
    value = found.score_dict.get(key)
    if value is None:
        return replace(empty, n=0)
    scale = 100 if key == NORMALISED or RANGES.get(key, (0, 1))[1] == 100 else 1
    of = found.preferred_score if key == NORMALISED else key
    error = None
    means = [s for s in samples if of in s.mark.scores]
    if leaves == 1 and means:
        error = mean_figure(means, of).stderr
        if error is not None and key == NORMALISED:
            error = error / (found.high_score - found.low_score)
    chance = found.preferred_score == "multiple_choice_grade" and key in (found.preferred_score, NORMALISED)
    guess = (found.low_score if key != NORMALISED else 0.0) if chance else None  # 0 is where the owner has put chance
    return replace(empty, value=value / scale, stderr=error, guess=guess)


def _outputs(samples: Sequence[Sample]) -> tuple[dict[str, dict[int, Output]], int]:
    """What the model said, by subtask and example, and how many examples were asked; one with a failure is left out."""
    said: dict[tuple[str, int], dict[str, Outcome]] = {}
    for s in samples:
        fields = s.item.fields
        said.setdefault((fields["leaf"].name, fields["index"]), {})[fields["kind"]] = s.outcome
    outputs: dict[str, dict[int, Output]] = {}
    for (leaf, index), of in said.items():
        if any(o.error for o in of.values()):
            continue
        text = of[_TEXT].texts[0] if _TEXT in of else None
        scores = of[_CHOICES].log_likelihoods if _CHOICES in of else None
        targets = of[_TARGETS].log_likelihoods if _TARGETS in of else None
        outputs.setdefault(leaf, {})[index] = Output(text, scores, targets)
    return outputs, len(said)


def _tasks(places: Places, subset: str) -> Iterator[tuple[str, BigBenchTask, Sequence[BigBenchTask]]]:
    """The tasks that were asked for: the name, the task, and those of its subtasks that are meant."""
    if places.folder is None:
        places.need(SOURCE, f"{subset or 'TASK'}/task.json")
    if subset and subset != "lite":
        yield _named(places, subset)
        return
    names = LITE if subset else tuple(dict.fromkeys(_at_hand(places)))
    found = [name for name in names if _find(places, name) is not None]
    if not found:
        places.need(SOURCE, "TASK/task.json")
    for name in found:
        yield _named(places, name)


def _named(places: Places, subset: str) -> tuple[str, BigBenchTask, Sequence[BigBenchTask]]:
    """One task, or a subtask as ``task:subtask``."""
    name, _, part = subset.replace("/", ":").partition(":")
    alone = _find(places, f"{name}/{part}") if part else _find(places, name)
    if alone is None:
        refuse_programmatic(name)
        whole = _find(places, name)
        parts = sorted({p for p in _at_hand(places) if p.startswith(f"{name}/")}) if whole is None else []
        if parts:
            names = ", ".join(f"bigbench:{p.replace('/', ':')}" for p in parts)
            raise RequestError(f"bigbench:{subset}: only parts of it are there; ask {names}")
        task = read_task(whole if whole is not None else places.need(SOURCE, f"{name}/task.json"))
        return name, task, [task.subtask(part)]
    task = read_task(alone)
    return (f"{name}:{part}" if part else name), task, task.leaves


def _find(places: Places, name: str) -> Path | None:
    return places.find(*(f"{folder}{name}/task.json" for folder in _FOLDERS))


def _at_hand(places: Places) -> Iterator[str]:
    """The names of the tasks in the folder; subtasks of a task that is not there itself as ``task:subtask``."""
    for folder in _FOLDERS:
        yield from (p.parent.name for p in places.matching(f"{folder}*/task.json"))
        for path in places.matching(f"{folder}*/*/task.json"):
            if not (path.parent.parent / "task.json").is_file() and path.parent.parent.name != "benchmark_tasks":
                yield f"{path.parent.parent.name}/{path.parent.name}"


def _file(name: str, metric_names: Sequence[str], rows: Sequence[dict[str, object]]) -> str:
    return json.dumps(
        {"name": name, "description": "", "keywords": [], "metrics": list(metric_names),
         "preferred_score": metric_names[0], "examples": list(rows)}
    )  # fmt: skip


_SAMPLE = {
    "weather/task.json": _file(
        "weather",
        ["multiple_choice_grade", "exact_str_match"],
        [
            {"input": "Is rain wet?", "target_scores": {"yes": 1, "no": 0}, "target": "yes"},
            {"input": "Is sand wet?", "target_scores": {"yes": 0, "no": 1}, "target": "no"},
            {"input": "Is the sea wet?", "target_scores": {"yes": 1, "no": 0}, "target": "yes"},
        ],
    ),
    "sums/task.json": json.dumps({"name": "sums", "description": "", "keywords": []}),
    "sums/one/task.json": _file(
        "one", ["exact_str_match"], [{"input": "1+1", "target": "2"}, {"input": "1+2", "target": "3"}]
    ),
    "sums/two/task.json": _file(
        "two", ["exact_str_match"], [{"input": "11+1", "target": "12"}, {"input": "9+9", "target": "18"}]
    ),
}

TASKS = (
    Task(
        name="bigbench",
        profile="official",
        summary="any task of BIG-bench that is a file",
        source=SOURCE,
        shots=0,
        items=items,
        mark=mark,
        figures=figures,
        generation=Generation(max_new_tokens=64),
        subsets=("lite", *LITE),
        sample_rows=_SAMPLE,
    ),
)
