"""What every task of `heedful bench` keeps, profile by profile, on its own rows in the form of the owner's files."""

from __future__ import annotations

import importlib
import json
import math
import re
from collections.abc import Iterator
from typing import Any

import pytest

from heedful.tasks import MODULES, Mark, Outcome, Places, Plan, Sample, find_task

TASKS = {
    f"{task.name}@{task.profile}": task
    for module in dict.fromkeys(MODULES.values())
    for task in importlib.import_module(f"heedful.tasks.{module}").TASKS
}
# Prompts that end with white space, as their owners have it: a statement or a function on lines of its own, "A: ".
SPACE_AT_THE_END = ("superglue/record", "humaneval/", "bigbench/")


@pytest.fixture(params=TASKS, scope="module")
def task(request):
    return TASKS[request.param]


@pytest.fixture(scope="module")
def folder(task, tmp_path_factory):
    """The task's own rows, on disk."""
    made = tmp_path_factory.mktemp(task.name)
    for name, text in task.sample_rows.items():
        path = made / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def items(task, folder):
    return list(task.items(Places(task.name, folder), Plan()))


def texts_in(gold: Any) -> Iterator[str]:
    """Every text in a gold answer, whatever its form, and the empty one, which is right where there is no answer."""
    if isinstance(gold, str):
        yield gold
    elif isinstance(gold, dict):
        for value in gold.values():
            yield from texts_in(value)
    elif isinstance(gold, list | tuple | set | frozenset):
        for value in gold:
            yield from texts_in(value)
    yield from ("", "unanswerable")


def outcomes(task, item) -> Iterator[Outcome]:
    """What a model may say of an item: each choice as the likeliest one, or each text of the gold answer."""
    if item.choices:
        for said in range(len(item.choices)):
            values = tuple(0.0 if n == said else -9.0 for n in range(len(item.choices)))
            yield Outcome(item, values, tuple(v == 0 for v in values), (1,) * len(values))
    else:
        space = "" if item.prompt.text()[-1:].isspace() else " "
        for text in dict.fromkeys(texts_in(item.gold)):
            yield Outcome(item, texts=(f"{space}{text}",) * task.generation.tries)


def best(task, item) -> Sample:
    """The outcome that is worth most."""

    def worth(mark: Mark) -> float:
        return math.fsum(v for v in mark.scores.values() if v is not None)

    return max((Sample(o, task.mark(o)) for o in outcomes(task, item)), key=lambda s: worth(s.mark))


def test_its_source_can_be_found_again(task):
    source = task.source
    if source.hub:  # BIG-bench's files are on no hub
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", source.hub)
        assert re.fullmatch(r"[0-9a-f]{40}", source.revision)
    assert source.licence
    assert source.files
    assert source.paper.startswith("https://")
    assert source.split
    assert task.summary
    assert find_task(f"{task.name}@{task.profile}").task is task


def test_its_items_can_be_asked(task, folder, items):
    assert len(items) >= 2
    assert len({i.id for i in items}) == len(items)
    assert task.generation is not None or all(i.choices for i in items)
    for item in items:
        text = item.prompt.text()
        assert text.strip()
        assert text == text.rstrip() or f"{task.name}/{item.subset}".startswith(SPACE_AT_THE_END)
        turns = item.prompt.messages(True)
        assert [m.role for m in turns if m.role != "system"][-1] == "user"
        assert all(c.strip() for c in item.choices)
        assert len(set(item.choices)) == len(item.choices)
        if item.choices and type(item.gold) is int:
            assert 0 <= item.gold < len(item.choices)
        if task.name == "mmlu":  # a letter, as the owner has it
            assert f" {item.gold}" in item.choices
        json.dumps([item.gold, item.id, item.subset, item.group])
    few = list(task.items(Places(task.name, folder), Plan(limit=1)))
    prompts = {i.id: i.prompt for i in items}
    assert all(prompts.get(i.id) == i.prompt for i in few)
    none = list(task.items(Places(task.name, folder), Plan(limit=1, shots=0)))
    assert all(not i.prompt.shots for i in none)


def test_the_right_answers_score_one(task, items):
    if task.runs_code:
        pytest.skip("what it writes is run: tests/tasks/test_humaneval.py")
    samples = [best(task, item) for item in items]
    for sample in (s for s in samples if s.item.fields.get("kind") != "targets"):  # how likely a text is, is no score
        scores = [v for v in sample.mark.scores.values() if v is not None]
        assert max(scores) == (pytest.approx(1, abs=0.11) if type(sample.item.gold) is float else 1), sample.item.id
        json.dumps([sample.mark.answer, dict(sample.mark.scores)])
    figures = task.figures(samples)
    (main,) = [f for f in figures if f.main]
    assert main.part == ""
    assert main.value is None or main.value == pytest.approx(1, abs=1e-3)
    assert all(f.n > 0 and f.unscored == 0 for f in figures if f.value is not None)
    assert len({(f.part, f.metric) for f in figures}) == len(figures)
    if task.submission is not None:
        for name, text in task.submission(samples).items():
            assert re.fullmatch(r"[\w.-]+", name)
            assert text


def test_what_could_not_be_asked_is_unscored(task, items):
    samples = [Sample(o, task.mark(o)) for o in (Outcome(i, error="the request failed") for i in items)]
    assert all(v is None for s in samples for v in s.mark.scores.values())
    assert all(s.mark.scores for s in samples)
    assert all(f.value is None and f.stderr is None and f.n == 0 for f in task.figures(samples))


def test_the_rows_own_text_stands_where_the_item_says(task, items):
    """Outside of these places the questions of a part are all alike: what is left is the task's own."""
    if task.runs_code:
        pytest.skip("a program is not perturbed")
    around: dict[tuple[str, int], set[str]] = {}
    for item in items:
        question, places = item.prompt.question, (*item.inputs, *item.options)
        ends = [0, *(end for place in places for end in place), len(question)]
        assert ends == sorted(ends), item.id
        assert item.inputs or item.fields.get("kind") == "targets", item.id
        if item.inputs and item.subset not in ("wsc", "wic", "copa"):  # a span, a word and "because" stand there too
            pieces = "".join(question[a:b] + "|" for a, b in zip(ends[::2], ends[1::2], strict=True))
            around.setdefault((item.subset, len(places)), set()).add(pieces)
    assert all(len(of) == 1 for of in around.values()), around
