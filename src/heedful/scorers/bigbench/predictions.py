"""What was answered to a BIG-bench task, from a file: a line for each example, or the owner's own log.

A line says which example it answers (`id`, its place in the file's `examples` from 0; `subtask` where there are any),
and what the task's metrics need: the text that the model gave (`output`), the log-probability of each choice
(`scores`), that of each target (`target_log_probs`), by text or as a list in the file's order:

    {"id": 0, "output": "7"}
    {"id": 1, "scores": {"yes": -1.25, "no": -3.5}}
    {"subtask": "weather", "id": 1, "scores": [-1.25, -3.5]}
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from heedful.errors import DataError, RequestError
from heedful.scorers.bigbench.examples import Example
from heedful.scorers.bigbench.figures import Output
from heedful.scorers.bigbench.task import CHOICE_METRICS, TARGET_METRICS, TEXT_METRICS, BigBenchTask
from heedful.scorers.owners_files import count, read_lines, shown

Outputs = dict[str, dict[int, Output]]


def read_predictions(path: Path, task: BigBenchTask) -> tuple[Outputs, int]:
    """The outputs by subtask and index, in the task's order, and how many lines belong to no example.

    Raises DataError for an example without a line or with two, and for a line that cannot be read.
    """
    found: dict[str, dict[int, tuple[str, Output]]] = {leaf.name: {} for leaf in task.leaves}
    known = {leaf.name: {e.index: e for e in leaf.examples} for leaf in task.leaves}
    extra = 0
    for where, row in read_lines(path):
        leaf = _leaf(task, row, where)
        index = _index(row, where)
        example = known[leaf.name].get(index)
        if example is None:
            extra += 1
            continue
        if index in found[leaf.name]:
            first = found[leaf.name][index][0]
            raise DataError(f"{where}: example {index} was answered before, at {first}; keep one of the two")
        found[leaf.name][index] = (where, _output(leaf, example, row, where))
    if not any(found.values()):
        raise DataError(f"{path}: no line belongs to an example of {task.path}; name the outputs of that task")
    for leaf in task.leaves:
        _check_all(leaf, found[leaf.name], path, bool(task.subtasks))
    in_order = {leaf.name: {e.index: found[leaf.name][e.index][1] for e in leaf.examples} for leaf in task.leaves}
    return in_order, extra


def _leaf(task: BigBenchTask, row: Mapping[str, Any], where: str) -> BigBenchTask:
    if not task.subtasks:
        return task
    name = row.get("subtask")
    if not isinstance(name, str):
        raise DataError(f'{where}: has no "subtask"; name one of the {len(task.subtasks)} subtasks of {task.name}')
    try:
        return task.subtask(name)
    except RequestError as e:
        raise DataError(f"{where}: {e}") from None


def _index(row: Mapping[str, Any], where: str) -> int:
    index = row.get("id")
    if isinstance(index, str) and index.isascii() and index.isdigit() and len(index) < 10:
        return int(index)
    if not isinstance(index, int) or isinstance(index, bool):
        raise DataError(f'{where}: "id" is {shown(index)}; write the place of the example in the file, from 0')
    return index


def _output(task: BigBenchTask, example: Example, row: Mapping[str, Any], where: str) -> Output:
    text = row.get("output")
    if text is not None and not isinstance(text, str):
        raise DataError(f'{where}: "output" is {shown(text)}; write it as text in double quotes')
    scores = _log_probs(row, "scores", example.choices, where) if task.needs(CHOICE_METRICS) else None
    targets = _log_probs(row, "target_log_probs", example.targets, where) if task.needs(TARGET_METRICS) else None
    return Output(text if task.needs(TEXT_METRICS) else None, scores, targets)


def _log_probs(row: Mapping[str, Any], key: str, names: Sequence[str], where: str) -> tuple[float, ...] | None:
    """The log-probabilities in the order of the names; None where the line has none."""
    given = row.get(key)
    if given is None:
        return None
    if isinstance(given, dict):
        wrong = next((n for n in (*names, *given) if (n in given) != (n in names)), None)
        if wrong is not None:
            what = "is wanting" if wrong in names else f"is none of the {len(names)} there are"
            raise DataError(f'{where}: "{key}": {shown(wrong)} {what}; write them as the file does')
        given = [given[name] for name in names]
    if not isinstance(given, list) or len(given) != len(names):
        raise DataError(f'{where}: "{key}" is {shown(given)}; write one number for each of {count(len(names), "text")}')
    for value in given:
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value) or value == math.inf:
            raise DataError(f'{where}: "{key}" has {shown(value)}; a log-probability is a number, or -Infinity')
    if key == "scores" and all(value == -math.inf for value in given):
        raise DataError(
            f'{where}: "{key}" has -Infinity alone, and the owner\'s code gives no grade of that; ask again'
        )
    return tuple(map(float, given))


def _check_all(task: BigBenchTask, found: Mapping[int, tuple[str, Output]], path: Path, is_subtask: bool) -> None:
    absent = [e.index for e in task.examples if e.index not in found]
    if absent:
        mend = f", or score one subtask with its own file ({task.path})" if is_subtask else ""
        raise DataError(
            f"{path}: no line for {count(len(absent), 'example')} of {len(task.examples)} of {task.name}, the first of "
            f"them {absent[0]}; answer every example{mend}"
        )
    kinds = {"output": TEXT_METRICS, "scores": CHOICE_METRICS, "target_log_probs": TARGET_METRICS}
    needed = [key for key, metrics in kinds.items() if task.needs(metrics)]
    first = next(iter(found.values()))[1]
    has = {"output": first.text, "scores": first.scores, "target_log_probs": first.target_log_probs}
    if all(has[key] is None for key in needed):
        where = next(iter(found.values()))[0]
        raise DataError(f'{where}: has no "{needed[0]}", which the metrics of {task.name} need; add it to each line')
    for key in needed:
        lacking = next((w for w, o in found.values() if (_value(o, key) is None) != (has[key] is None)), None)
        if lacking is not None:
            raise DataError(f'{lacking}: of "{key}" some lines have it and others do not; give it to all or to none')


def _value(output: Output, key: str) -> Any:
    return output.text if key == "output" else getattr(output, key)
