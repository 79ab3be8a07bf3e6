"""The few-shot inputs of a BIG-bench task, drawn as the owner's ``make_nshot_dataset`` (api/json_task.py) draws them.

With the same seed these are the owner's inputs, character by character: numpy's RandomState is asked for the same
draws in the same order. With shots the owner draws the order of the questions, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from heedful.errors import RequestError
from heedful.scorers.bigbench.task import BigBenchTask
from heedful.scorers.owners_files import count

SHOT_SEED = 42
"""The seed with which the owner's ``evaluate_model`` draws, unless it is told another."""


@dataclass(frozen=True)
class Prompt:
    """What a model is given for the example `index` of a task with examples.

    A text metric wants a text that goes on from `text`; a metric on choices the log-probability of each of `choices`
    right after it, and log_likelihood that of each of `targets`. `shots` are the examples in the text, each an input
    and its answer, and `question` is the input without them.
    """

    index: int
    text: str
    choices: tuple[str, ...]
    targets: tuple[str, ...]
    shots: tuple[tuple[str, str], ...] = ()
    question: str = ""


def prompts(
    task: BigBenchTask, shots: int = 0, seed: int = SHOT_SEED, max_examples: int | None = None
) -> Iterator[Prompt]:
    """The prompts of a task that has examples (see `BigBenchTask.leaves`), in the owner's order.

    `max_examples` takes the owner's random choice of so many. Raises RequestError where there are too few examples.
    """
    examples = task.examples
    if shots < 0 or not 0 <= seed < 2**32:
        raise RequestError(f"shots {shots}, seed {seed}: shots are 0 or more, a seed is from 0 to {2**32 - 1}")
    if not examples or len(examples) < shots + 1:
        raise RequestError(
            f"{task.name} has {count(len(examples), 'example')}, too few for {shots} shots; ask for fewer"
        )
    limit = min(max_examples or len(examples), len(examples))
    rng = np.random.RandomState(seed)
    if shots == 0:
        order = rng.choice(len(examples), limit, replace=False) if limit < len(examples) else range(limit)
        for index in order:
            yield _prompt(task, int(index), ())
        return
    alike = _alike(task)
    for index in rng.choice(len(examples), limit, replace=False):
        others = np.flatnonzero(alike != alike[index])
        if len(others) < shots:
            raise RequestError(f"{task.name} has {len(others)} examples unlike the others, too few for {shots} shots")
        parts = []
        for shot in others[rng.choice(len(others), shots, replace=False)]:
            example = examples[shot]
            parts.append((example.input, str(rng.choice(list(example.targets)))))
        yield _prompt(task, int(index), tuple(parts))


def share(task: BigBenchTask, max_examples: int | None) -> int | None:
    """How many examples each subtask may have where a whole task may have so many: the owner rounds down."""
    if max_examples is None or not task.subtasks:
        return max_examples
    if max_examples < len(task.subtasks):
        raise RequestError(
            f"{task.name} has {len(task.subtasks)} subtasks, and {max_examples} examples are fewer; "
            f"ask for {len(task.subtasks)} or more, or name one subtask"
        )
    return max_examples // len(task.subtasks)


def _prompt(task: BigBenchTask, place: int, shots: tuple[tuple[str, str], ...]) -> Prompt:
    example = task.examples[place]
    shown = "".join(question + answer + task.separator for question, answer in shots)
    text = task.task_prefix + shown + example.input
    return Prompt(example.index, text, example.choices, example.targets, shots, example.input)


def _alike(task: BigBenchTask) -> np.ndarray:
    """A number for each example, the same for equal ones: an example is no shot for one that equals it. (N,)"""
    numbers: dict[Any, int] = {}
    return np.array([numbers.setdefault(_key(e.fields), len(numbers)) for e in task.examples])


def _key(value: Any) -> Any:
    """A value that is equal, and can be put in a dict, where the owner's values are equal: the order of keys counts."""
    if isinstance(value, dict):
        return ("{}", *((k, _key(v)) for k, v in value.items()))
    if isinstance(value, list):
        return ("[]", *map(_key, value))
    return value
