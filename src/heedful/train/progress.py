"""Where a training run stands: what a checkpoint saves beside the weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from heedful.train.verdict import Evaluation

COUNTERS = ("step", "epoch", "position", "examples", "tokens", "trained_tokens", "seconds", "bad_evaluations")


@dataclass
class Progress:
    """`epoch` and `position` say which batch comes next; counts are sums since step 0, `seconds` of training alone."""

    step: int = 0
    epoch: int = 0
    position: int = 0
    examples: int = 0
    tokens: int = 0
    trained_tokens: int = 0
    seconds: float = 0.0
    bad_evaluations: int = 0
    attempt: int = 1
    finished: str | None = None  # why training ended: "all steps done", "stopped early"
    evaluations: list[Evaluation] = field(default_factory=list)

    @property
    def best(self) -> Evaluation | None:
        """The evaluation with the lowest validation loss; the earliest of equals."""
        return min(self.evaluations, key=lambda e: e.loss, default=None)

    def to_json(self) -> dict[str, Any]:
        out: dict[str, Any] = {name: getattr(self, name) for name in COUNTERS}
        return {
            **out,
            "finished": self.finished,
            "attempt": self.attempt,
            "evaluations": [e.to_json() for e in self.evaluations],
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Progress:
        counters = {name: value[name] for name in COUNTERS}
        evaluations = [Evaluation.from_json(e) for e in value["evaluations"]]
        return cls(**counters, finished=value["finished"], attempt=value["attempt"], evaluations=evaluations)


def learning_rate_at(step: int, total: int, rate: float, schedule: str, warmup: int) -> float:
    """The learning rate of step number `step` (from 1) of `total`.

    Rises linearly over `warmup` steps (never more than a third of all) to `rate`, then falls to 0 after the last
    step, as a line or a half cosine (Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983).
    """
    import math

    warmup = min(warmup, total // 3)
    if step <= warmup:
        return rate * step / (warmup + 1)
    if schedule == "constant":
        return rate
    share = (step - warmup - 1) / max(1, total - warmup)  # 0 at the first step after the warm-up, below 1 at the last
    return rate * (1 - share) if schedule == "linear" else rate * 0.5 * (1 + math.cos(math.pi * share))
