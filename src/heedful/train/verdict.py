"""What the two loss curves say: improving, plateau, overfitting from a step on, or inconclusive.

A validation loss has noise: it is the mean over the rows that happen to be in the validation set. So an evaluation
counts as worse or better than another only if the losses of the same rows differ by more than twice the standard
error of that difference (a paired comparison), and by more than half a percent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Kind = Literal["improving", "plateau", "overfitting", "inconclusive"]
SMALLEST = 0.005  # a smaller relative change is called none


@dataclass(frozen=True)
class Evaluation:
    """The validation loss at a step: `row_losses` summed by row, in nats, and `row_tokens` trained, both (R,)."""

    step: int
    row_losses: tuple[float, ...]
    row_tokens: tuple[int, ...]

    @property
    def loss(self) -> float:
        """Mean loss of a trained token over the whole set, in nats."""
        return float(np.sum(self.row_losses) / max(1, np.sum(self.row_tokens)))

    def to_json(self) -> dict[str, Any]:
        return {"step": self.step, "row_losses": list(self.row_losses), "row_tokens": list(self.row_tokens)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Evaluation:
        return cls(int(value["step"]), tuple(value["row_losses"]), tuple(value["row_tokens"]))


@dataclass(frozen=True)
class Verdict:
    """A kind, the step from which it holds (overfitting only), and one sentence of evidence."""

    kind: Kind
    step: int | None
    evidence: str

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "step": self.step, "evidence": self.evidence}


def difference(a: Evaluation, b: Evaluation) -> tuple[float, float]:
    """How much larger the loss at `b` is than at `a`, and that figure's standard error, in nats a token.

    A ratio estimator (Cochran 1977, Sampling Techniques, section 2.11): the mean loss is sum over sum, so the
    residual of row r is its difference less the mean difference times its tokens.
    """
    tokens = np.asarray(a.row_tokens, dtype=float)
    rows = np.asarray(b.row_losses) - np.asarray(a.row_losses)
    mean = rows.sum() / max(1.0, tokens.sum())
    n = len(rows)
    if n < 2:
        return float(mean), float("inf")
    residual = rows - mean * tokens
    return float(mean), float(np.sqrt(n / (n - 1) * np.square(residual).sum()) / max(1.0, tokens.sum()))


def compare(a: Evaluation, b: Evaluation) -> int:
    """-1 if the loss at `b` is clearly lower than at `a`, 1 if clearly higher, 0 if nobody can tell."""
    mean, error = difference(a, b)
    if abs(mean) <= max(SMALLEST * a.loss, 2 * error):
        return 0
    return 1 if mean > 0 else -1


def judge_curves(evaluations: Sequence[Evaluation], train_losses: Sequence[tuple[int, float]] = ()) -> Verdict:
    """The verdict on a run from its evaluations in order of steps and the training loss (step, loss) of each step.

    - overfitting from step N: the best loss was at N and the last one is clearly worse;
    - improving: the last is clearly better than the one before it and none is better;
    - plateau: the last two cannot be told apart, and the best is clearly better than the start;
    - inconclusive: fewer than three evaluations, or no clear change at all.
    """
    rows = len(evaluations[0].row_losses) if evaluations else 0
    if len(evaluations) < 3 or rows < 2:
        return Verdict(
            "inconclusive",
            None,
            f"{len(evaluations)} evaluations on {rows} validation rows are too few to tell; "
            "evaluate more often or on more rows",
        )
    first, last = evaluations[0], evaluations[-1]
    best = min(evaluations, key=lambda e: e.loss)
    before = evaluations[-2]
    if best is not last and compare(best, last) > 0:
        falling = _train_trend(train_losses, best.step)
        return Verdict(
            "overfitting",
            best.step,
            f"the validation loss was lowest at step {best.step} ({best.loss:.3f}) "
            f"and rose to {last.loss:.3f} by step {last.step}{falling}",
        )
    if compare(first, best) >= 0:
        return Verdict(
            "inconclusive",
            None,
            f"the validation loss went from {first.loss:.3f} to {last.loss:.3f}, "
            f"which is within its noise on {rows} rows",
        )
    if compare(before, last) < 0:
        return Verdict(
            "improving",
            None,
            f"the validation loss was still falling at the end: {before.loss:.3f} at step {before.step}, "
            f"{last.loss:.3f} at step {last.step}",
        )
    if best is last:
        return Verdict(
            "plateau",
            None,
            f"the validation loss fell from {first.loss:.3f} to {last.loss:.3f} at step {last.step}, the last one; "
            f"its change since step {before.step} ({before.loss:.3f}) is within its noise, and more steps may lower it "
            "further",
        )
    return Verdict(
        "plateau",
        None,
        f"the validation loss fell from {first.loss:.3f} to {best.loss:.3f} at step {best.step} "
        f"and then did not clearly change ({last.loss:.3f} at step {last.step})",
    )


def _train_trend(losses: Sequence[tuple[int, float]], step: int) -> str:
    """Whether the training loss went on falling after a step, as a clause of a sentence."""
    before = [v for s, v in losses if s <= step][-10:]
    after = [v for s, v in losses if s > step][-10:]
    if not before or not after:
        return ""
    a, b = float(np.mean(before)), float(np.mean(after))
    if b < a:
        return f", while the training loss went on falling from {a:.3f} to {b:.3f}"
    return f", and the training loss did not fall either ({a:.3f} to {b:.3f}): the learning rate may be too high"
