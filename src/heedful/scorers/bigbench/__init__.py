"""BIG-bench's JSON tasks: their prompts, and their figures on saved outputs (`heedful score bigbench`).

Source: Srivastava et al. 2022, https://arxiv.org/abs/2206.04615; the package ``bigbench`` 1.0.0, of which every figure
is the owner's to the last digit (tests/oracles/bigbench_record.py).

    read_task(path)                 a task.json and its subtasks      -> BigBenchTask
    prompts(task, shots, seed)      what a model is given             -> Prompt, Prompt, ...
    metrics(task, outputs)          the figures                       -> Figures
    lite(scores)                    BIG-bench Lite's mean of 24 tasks
    refuse_programmatic(name)       an error for a task that is a program
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from heedful.scorers.bigbench.figures import Figures, Output, lite, metrics
from heedful.scorers.bigbench.log import is_log, read_log
from heedful.scorers.bigbench.names import LITE, PROGRAMMATIC, refuse_programmatic
from heedful.scorers.bigbench.predictions import read_predictions
from heedful.scorers.bigbench.prompts import Prompt, prompts, share
from heedful.scorers.bigbench.task import BigBenchTask, read_task
from heedful.scorers.owners_files import count

__all__ = [
    "LITE",
    "PROGRAMMATIC",
    "BigBenchTask",
    "Figures",
    "Output",
    "Prompt",
    "lite",
    "metrics",
    "prompts",
    "read_task",
    "refuse_programmatic",
    "score",
    "share",
]


def score(references: Path, predictions: Path | None) -> dict[str, Any]:
    """The owner's figures of a task; `scores` has the owner's ScoreData of every subtask and number of shots."""
    assert predictions is not None, "the kind is declared with predictions"
    task = read_task(references)
    if is_log(predictions):
        runs = [(shots, metrics(task, outputs)) for shots, outputs in read_log(predictions, task)]
        extra = 0
    else:
        outputs, extra = read_predictions(predictions, task)
        runs = [(None, metrics(task, outputs))]
    shots, figures = runs[0]
    found: dict[str, Any] = dict(figures.score_dict)
    found |= {key: getattr(figures, key) for key in ("preferred_score", "low_score", "high_score")}
    found |= {"subtask_description": figures.subtask_description, "n": figures.n}
    duplicates = sum(leaf.duplicates for leaf in task.leaves)
    found |= {"extra": extra, "duplicates": duplicates}
    if shots is not None:
        found["number_of_shots"] = shots
    found["scores"] = [_as_json(f, s) for s, whole in runs for f in (*whole.subtasks, whole)]
    return {**found, "note": _note(task, figures, extra, duplicates, [s for s, _ in runs])}


def _as_json(figures: Figures, shots: int | None) -> dict[str, Any]:
    """One ScoreData of the owner's file of scores."""
    return {
        "score_dict": figures.score_dict,
        "preferred_score": figures.preferred_score,
        "number_of_shots": shots,
        "low_score": figures.low_score,
        "high_score": figures.high_score,
        "subtask_description": figures.subtask_description,
    }


def _note(task: BigBenchTask, figures: Figures, extra: int, duplicates: int, shots: list[int | None]) -> str | None:
    """What a user should know of the files and the figures; None where there is nothing to say."""
    said = []
    if duplicates:
        said.append(f"{count(duplicates, 'example')} stood in the task before and counted once, as in the owner's code")
    if extra:
        said.append(f"{count(extra, 'line')} belonged to no example and counted nowhere")
    if any("bleurt" in leaf.metrics for leaf in task.leaves):
        said.append("bleurt is none: it needs a model that no package index serves")
    absent = [key for key, value in figures.score_dict.items() if value is None and key != "bleurt"]
    if absent:
        said.append(f"{', '.join(absent)}: none, since the outputs they need are not in the file or -Infinity")
    if len(shots) > 1:
        said.append(f"the log has {', '.join(map(str, shots))} shots, of which the first are shown; --json has all")
    return "; ".join(said) or None
