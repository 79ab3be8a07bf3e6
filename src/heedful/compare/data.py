"""What a comparison is made from and what it gives, as frozen dataclasses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from heedful.records import Message, Response
from heedful.stats import PairedComparison, Verdict

Role = Literal["main", "supporting", "descriptive"]


@dataclass(frozen=True)
class Rating:
    """One value of one metric for one example; `answer` is the id of what was rated, so that a later one counts."""

    metric: str
    example_id: str
    answer: str
    value: float | None


@dataclass(frozen=True)
class Side:
    """One of the two that are compared.

    `name` is as the user wrote it, `kind` what it turned out to be. `values` has for each metric the examples that
    were rated by it, None where no value could be had. `answers` are by example id, in order; a question sampled
    several times has several. `fields` has what an example can be grouped by. `facts` must be alike on both sides for
    the comparison to be fair, `recipe` is what a run was made by, and `told` is what a reader must know.
    """

    name: str
    kind: str
    values: Mapping[str, Mapping[str, float | None]]
    answers: Mapping[str, Sequence[Response]] = field(default_factory=dict)
    fields: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    told: tuple[str, ...] = ()
    recipe: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ids(self) -> dict[str, None]:
        """Every example id of this side once, in order."""
        rated = (example_id for values in self.values.values() for example_id in values)
        return dict.fromkeys([*self.answers, *rated])

    def question(self, example_id: str) -> str | None:
        """What was asked last in the conversation, None where this side does not know."""
        answers = self.answers.get(example_id)
        return _last_question(answers[0].messages) if answers else None


def _last_question(messages: Sequence[Message]) -> str | None:
    for message in reversed(messages):
        if message.role == "user":
            return f"{message.content}\n\n{message.context}" if message.context else message.content
    return None


@dataclass(frozen=True)
class Options:
    """What the user may choose; docs/commands/compare.md has what each means."""

    metrics: tuple[str, ...] = ()
    lower_is_better: tuple[str, ...] = ()
    cluster: str = "auto"
    test: str = "auto"
    level: float = 0.95
    seed: int = 0


@dataclass(frozen=True)
class MetricResult:
    """One metric before and after. `detectable` is the minimum detectable difference, NaN where there is none."""

    name: str
    role: Role
    higher_is_better: bool
    comparison: PairedComparison
    detectable: float


@dataclass(frozen=True)
class Comparison:
    """Whether B is better than A, and why.

    `joined` examples are on both sides, the others on one alone or, under one id, `other` questions. `cluster` names
    what the examples are grouped by, None where they stand alone.
    """

    a: Side
    b: Side
    joined: int
    only_a: int
    only_b: int
    other: int
    cluster: str | None
    metrics: tuple[MetricResult, ...]
    verdict: Verdict
    sentence: str
    rule: str
    caveats: tuple[str, ...]
    options: Options
