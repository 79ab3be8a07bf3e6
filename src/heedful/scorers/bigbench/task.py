"""BIG-bench's JSON tasks, read as their owner reads them.

Source: Srivastava et al. 2022, https://arxiv.org/abs/2206.04615; the package ``bigbench`` 1.0.0, api/json_task.py. A
task.json has the task's `name`, its `metrics`, the `preferred_score` among their figures, and examples:

    {"input": "Six and one?", "target": "7"}
    {"input": "Is rain wet?", "target_scores": {"yes": 1, "no": 0}}

A task.json without examples stands for the task.json files in the folders beside it, its subtasks. Examples that stand
there twice count once. Keys that the owner's code does not use (`low_score`, `prefix`, ...) are not used here either.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heedful.errors import DataError, RequestError, did_you_mean
from heedful.scorers.bigbench.examples import CHOICE_SEED, Example, Prefixes, read_example
from heedful.scorers.bigbench.names import PROGRAMMATIC, refuse_programmatic
from heedful.scorers.owners_files import count, read_json, shown, total

# A metric and the figures that it gives. The three groups ask a model for a text, for the log-probability of every
# choice, and for that of every target.
TEXT_METRICS: dict[str, tuple[str, ...]] = {
    "bleu": ("bleu",),
    "bleurt": ("bleurt",),
    "exact_str_match": ("exact_str_match",),
    "case_insensitive_str_match": ("case_insensitive_str_match",),
    "sequence_f1": ("sequence_f1",),
    "numeric_match_with_0_1_relative_error": ("numeric_match_with_0_1_relative_error",),
    "rouge": ("rouge1", "rouge2", "rougeLsum"),
}
CHOICE_METRICS: dict[str, tuple[str, ...]] = {
    "multiple_choice_grade": (
        "multiple_choice_grade",
        "calibration_multiple_choice_brier_score",
        "expected_calibration_error",
    ),
    "calibration_multiple_choice_brier_score": ("calibration_multiple_choice_brier_score",),
    "expected_calibration_error": ("expected_calibration_error",),
    "weighted_log_probabilities": ("weighted_log_probabilities",),
    "weighted_probabilities": ("weighted_probabilities",),
    "macro_f1": ("macro_f1",),
}
TARGET_METRICS: dict[str, tuple[str, ...]] = {"log_likelihood": ("log_likelihood",)}
METRICS = TEXT_METRICS | CHOICE_METRICS | TARGET_METRICS

# A figure's lowest and highest score, from which the normalised score is made, where the figure is the preferred one.
RANGES: dict[str, tuple[float, float]] = {
    "bleu": (0.0, 100.0),
    "sequence_f1": (0.0, 100.0),
    "bleurt": (-0.1, 1.1),
    "calibration_multiple_choice_brier_score": (0.0, 1.0),
    "expected_calibration_error": (0.0, 1.0),
    "exact_str_match": (0.0, 1.0),
    "case_insensitive_str_match": (0.0, 1.0),
    "log_likelihood": (-10.0, 0.0),
    "multiple_choice_grade": (0.0, 1.0),
    "numeric_match_with_0_1_relative_error": (0.0, 1.0),
    "rouge1": (0.0, 100.0),
    "rouge2": (0.0, 100.0),
    "rougeLsum": (0.0, 100.0),
    "weighted_log_probabilities": (-10.0, 0.0),
    "weighted_probabilities": (-1.0, 1.0),
    "macro_f1": (0.0, 1.0),
}
_DEFAULT_REGEX = r"[^\.\?\!\;\n]+"  # an answer is the first that is no end of a sentence or line


@dataclass(frozen=True)
class BigBenchTask:
    """A task with examples, or one whose examples are in `subtasks`.

    `name` is the owner's `subtask_description`: a subtask's is ``task:subtask``. `folder` is the folder's name.
    `duplicates` counts examples that were left out because they stood there before.
    """

    name: str
    path: Path
    folder: str
    subtasks: tuple[BigBenchTask, ...] = ()
    examples: tuple[Example, ...] = ()
    metrics: tuple[str, ...] = ()
    preferred_score: str = "normalized_aggregate_score"
    low_score: float = 0.0
    high_score: float = 100.0
    task_prefix: str = ""
    separator: str = "\n"
    output_regex: str | None = None
    stop_string: str | None = None
    absolute_normalization: bool = False
    duplicates: int = 0

    @property
    def leaves(self) -> tuple[BigBenchTask, ...]:
        """The tasks that have examples: the subtasks, or the task itself."""
        return self.subtasks or (self,)

    def needs(self, metrics: Mapping[str, Any]) -> bool:
        """Whether one of its metrics is among these, say TEXT_METRICS: whether a model is to answer with text."""
        return any(m in metrics for m in self.metrics)

    def subtask(self, name: str) -> BigBenchTask:
        """A subtask by its name, with or without the task's before it, or by its folder's name; else RequestError."""
        for key in (lambda t: t.name, lambda t: t.name.removeprefix(f"{self.name}:"), lambda t: t.folder):
            for task in self.subtasks:
                if key(task) == name:
                    return task
        known = [t.folder for t in self.subtasks]
        listed = ", ".join(known[:12]) + (f" and {len(known) - 12} more" if len(known) > 12 else "")
        mend = f"choose {listed}" if known else "it has none"
        raise RequestError(f"{self.name} has no subtask '{name}'{did_you_mean(name, known)}; {mend}")


def read_task(path: Path, choice_seed: int = CHOICE_SEED) -> BigBenchTask:
    """Read a task.json, or the folder that holds one, and the subtasks' where it has no examples of its own.

    `choice_seed` draws the order in which choices are listed in an example's input. Raises DataError with the place of
    what cannot be read, RequestError for a programmatic task.
    """
    if path.name == "task.py":
        path = path.parent
    if path.is_dir():
        if not (path / "task.json").is_file():
            if path.name in PROGRAMMATIC or (path / "task.py").is_file():
                _refuse_program(path)
            raise DataError(f"{path}: has no task.json; name the folder of one task")
        path = path / "task.json"
    data = _read(path)
    name = _name(data, path)
    if "examples" in data:
        if "subtasks" in data:
            raise DataError(f"{path}: has both examples and subtasks, which no task of BIG-bench may; keep one of them")
        return _read_leaf(data, path, name, choice_seed)
    beside = (d / "task.json" for d in path.parent.iterdir() if (d / "task.json").is_file())
    files = sorted(beside, key=lambda p: f"{p.parent.name}/{p.name}")  # as the owner sorts whole paths
    if not files:
        raise DataError(f'{path}: has no "examples", and no folder beside it holds a task.json; name a task\'s file')
    subtasks: dict[str, BigBenchTask] = {}
    for file in files:
        data = _read(file)
        task = _read_leaf(data, file, f"{name}:{_name(data, file)}", choice_seed)
        if task.name in subtasks:
            raise DataError(f"{file}: is named {task.name}, as {subtasks[task.name].path} is; give it another name")
        subtasks[task.name] = task
    leaves = tuple(subtasks.values())
    preferred, low, high = "normalized_aggregate_score", 0.0, 100.0
    if all(t.preferred_score == "multiple_choice_grade" for t in leaves):
        import statistics

        preferred, low, high = "multiple_choice_grade", statistics.mean(t.low_score for t in leaves), 1.0
    return BigBenchTask(name, path, path.parent.name, leaves, (), (), preferred, low, high)


def _refuse_program(folder: Path) -> None:
    refuse_programmatic(folder.name)
    raise RequestError(
        f"{folder} is a programmatic task (task.py without a task.json), and Heedful runs no code of tasks; "
        "choose a task that has a task.json"
    )


def _read(path: Path) -> dict[str, Any]:
    found = read_json(path)
    if not isinstance(found, dict):
        raise DataError(f'{path}: not a task of BIG-bench, which is one object with "name", "metrics" and "examples"')
    return found


def _name(data: Mapping[str, Any], path: Path) -> str:
    """The name with `?` for what is no ASCII, as the owner writes it."""
    name = data.get("name")
    if not isinstance(name, str) or not name:
        raise DataError(f'{path}: has no "name"; name a task.json of BIG-bench')
    return name.encode("ascii", errors="replace").decode()


def _read_leaf(data: Mapping[str, Any], path: Path, name: str, choice_seed: int) -> BigBenchTask:
    metrics = _metrics(data, path)
    prefixes = Prefixes(
        input=_text(data, "example_input_prefix", "\nQ: ", path),
        output=_text(data, "example_output_prefix", "\nA: ", path),
        choice=_text(data, "choice_prefix", "\n  choice: ", path),
        append_choices=bool(data.get("append_choices_to_input", True)),
    )
    rows = data.get("examples")
    if not isinstance(rows, list) or not rows:
        raise DataError(f'{path}: "examples" is not a list of examples; a task has at least one')
    needs_choices = any(m in CHOICE_METRICS for m in metrics)
    needs_target = any(m in TEXT_METRICS or m in TARGET_METRICS for m in metrics)
    examples: dict[str, Example] = {}
    for index, row in enumerate(rows):
        key = json.dumps(row)
        if key not in examples:
            where = f"{path}: examples[{index}]"
            examples[key] = read_example(row, index, where, prefixes, choice_seed, needs_choices, needs_target)
    found = tuple(examples.values())
    preferred, low, high = _preferred(data, path, metrics, found)
    regex, stop = _ending(data, path)
    return BigBenchTask(
        name=name,
        path=path,
        folder=path.parent.name,
        examples=found,
        metrics=metrics,
        preferred_score=preferred,
        low_score=low,
        high_score=high,
        task_prefix=str(data.get("task_prefix", "")),
        separator=_text(data, "few_shot_example_separator", "\n", path),
        output_regex=regex,
        stop_string=stop,
        absolute_normalization=bool(data.get("absolute_normalization", False)),
        duplicates=len(rows) - len(found),
    )


def _text(data: Mapping[str, Any], key: str, default: str, path: Path) -> str:
    value = data.get(key, default)
    if not isinstance(value, str):
        raise DataError(f'{path}: "{key}" is {shown(value)}; write it as text in double quotes')
    return value


def _metrics(data: Mapping[str, Any], path: Path) -> tuple[str, ...]:
    """The metrics, each once, in the order of the file."""
    metrics = data.get("metrics")
    if not isinstance(metrics, list) or not metrics:
        raise DataError(f'{path}: "metrics" is not a list of metrics; choose of {", ".join(METRICS)}')
    for metric in metrics:
        if metric not in METRICS:
            near = did_you_mean(str(metric), METRICS)
            raise DataError(f"{path}: there is no metric {shown(metric)}{near}; choose of {', '.join(METRICS)}")
    return tuple(dict.fromkeys(metrics))


def _preferred(
    data: Mapping[str, Any], path: Path, metrics: tuple[str, ...], examples: tuple[Example, ...]
) -> tuple[str, float, float]:
    """The preferred score, and what poor and very good performance are. For a grade of choices poor is chance."""
    preferred = data.get("preferred_score")
    given = [figure for metric in metrics for figure in METRICS[metric]]
    if preferred not in given:
        raise DataError(
            f'{path}: "preferred_score" is {shown(preferred)}, which its metrics do not give; choose of '
            f"{', '.join(dict.fromkeys(given))}"
        )
    low, high = RANGES[str(preferred)]
    if preferred == "multiple_choice_grade":
        shares = (total(e.target_scores.values()) / len(e.target_scores) for e in examples)
        low = total(shares) / len(examples)
    if low >= high:
        raise DataError(f"{path}: chance gives {low}, and the highest score is {high}; mend the target_scores")
    return str(preferred), low, high


def _ending(data: Mapping[str, Any], path: Path) -> tuple[str | None, str | None]:
    """`output_regex` and `stop_string`; the default expression where there is neither."""
    regex, stop = data.get("output_regex"), data.get("stop_string")
    if stop is not None and not isinstance(stop, str):
        raise DataError(f'{path}: "stop_string" is {shown(stop)}; write it as text in double quotes')
    if regex is None:
        return (None if stop is not None else _DEFAULT_REGEX), stop
    try:
        groups = re.compile(regex).groups
    except (re.error, TypeError) as e:
        raise DataError(f'{path}: "output_regex" is no regular expression ({e}); mend it') from None
    if groups > 1:
        raise DataError(
            f'{path}: "output_regex" has {count(groups, "group")}; keep at most one, write (?:...) for others'
        )
    return regex, stop
