"""The log that BIG-bench's own ``evaluate_task.py`` writes, ``full-log_FAMILY_MODEL.json``, as outputs.

Source: bigbench 1.0.0, api/results.py (ResultsFileData). `queries` has, for each subtask and number of shots, what the
model was asked and what it said. The inputs tell which example is which: they are drawn again, with the owner's seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from heedful.errors import DataError
from heedful.scorers.bigbench.figures import Output
from heedful.scorers.bigbench.prompts import Prompt, prompts
from heedful.scorers.bigbench.task import CHOICE_METRICS, TARGET_METRICS, TEXT_METRICS, BigBenchTask
from heedful.scorers.owners_files import read_json, shown

Outputs = dict[str, dict[int, Output]]


def is_log(path: Path) -> bool:
    """Whether a file looks like a log and not like lines: one object that goes over lines, or has `queries`."""
    with path.open("rb") as file:
        first = file.readline(1_000_000).strip()
    return first == b"{" or (first.startswith(b"{") and b'"queries":' in first and b'"scores":' in first)


def read_log(path: Path, task: BigBenchTask) -> Iterator[tuple[int, Outputs]]:
    """The outputs for each number of shots, fewest first. Raises DataError where the log is of another task."""
    found = read_json(path)
    queries = found.get("queries") if isinstance(found, dict) else None
    if not isinstance(queries, list) or not queries:
        raise DataError(f'{path}: has no "queries"; name a log (full-log_...json) of BIG-bench, or a file of lines')
    by_shots: dict[int, dict[str, list[tuple[str, Any]]]] = {}
    for n, query in enumerate(queries):
        where = f"{path}: queries[{n}]"
        if not isinstance(query, dict) or not isinstance(query.get("samples"), list):
            raise DataError(f'{where}: is no query, which has "samples"; name a log of BIG-bench')
        shots, name = query.get("shots", 0), query.get("task")
        if not isinstance(shots, int) or shots < 0:
            raise DataError(f"{where}: has {shown(shots)} shots; name a log of a JSON task")
        if name not in {leaf.name for leaf in task.leaves}:
            raise DataError(f"{where}: is of the task {shown(name)}, not of {task.name}; name that task's file")
        by_shots.setdefault(shots, {}).setdefault(name, []).append((where, query))
    for shots in sorted(by_shots):
        yield shots, {leaf.name: _outputs(path, leaf, shots, by_shots[shots]) for leaf in task.leaves}


def _outputs(
    path: Path, task: BigBenchTask, shots: int, queries: Mapping[str, list[tuple[str, Any]]]
) -> dict[int, Output]:
    groups = {"text": TEXT_METRICS, "scores": CHOICE_METRICS, "target_log_probs": TARGET_METRICS}
    asked = [_kind(query) for _, query in queries.get(task.name, [])]
    wanted = [field for field, metrics in groups.items() if task.needs(metrics)]
    # The owner asks for choices first, then for text, then for targets.
    in_order = [f for f in ("scores", "text", "target_log_probs") if f in wanted]
    if asked != ["text" if f == "text" else "log" for f in in_order]:
        raise DataError(
            f"{path}: has other queries of {task.name} with {shots} shots than its metrics need; run it again"
        )
    values: dict[int, dict[str, Any]] = {}
    for field, (where, query) in zip(in_order, queries[task.name], strict=True):
        samples = query["samples"]
        drawn = list(prompts(task, shots, max_examples=len(samples)))
        if len(drawn) != len(samples):
            raise DataError(f"{where}: has {len(samples)} samples, and {task.name} has {len(task.examples)} examples")
        for n, (prompt, sample) in enumerate(zip(drawn, samples, strict=True)):
            place = f"{where}.samples[{n}]"
            if not isinstance(sample, dict) or sample.get("input") != prompt.text:
                raise DataError(
                    f"{place}: is not the input of example {prompt.index}; the log is of other examples or shots"
                )
            values.setdefault(prompt.index, {})[field] = _said(field, sample, query, prompt, place)
    return {index: Output(**given) for index, given in values.items()}


def _kind(query: Mapping[str, Any]) -> str:
    return "text" if query.get("function") == "generate_text" else "log"


def _said(field: str, sample: Mapping[str, Any], query: Mapping[str, Any], prompt: Prompt, where: str) -> Any:
    if field == "text":
        text = sample.get("raw_output")
        text = sample.get("output") if text is None else text
        if not isinstance(text, str):
            raise DataError(f"{where}: has no output; name a log of BIG-bench")
        return text
    scores = sample.get("absolute_scores")
    if scores is None and query.get("absolute_normalization"):
        scores = sample.get("scores")
    names = prompt.choices if field == "scores" else prompt.targets
    numbers = isinstance(scores, list) and all(isinstance(v, int | float) for v in scores)
    if not numbers or sample.get("targets") != list(names):
        raise DataError(
            f"{where}: has no log-probability for each of {len(names)} texts; name a log of BIG-bench 1.0.0"
        )
    return tuple(map(float, scores or ()))
