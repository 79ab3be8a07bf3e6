"""The scoring engine: how likely continuations are, what rows have in common being computed once.

    rows -> tree of prefixes -> stretches and bundles in walking order -> one forward pass each -> sums by row

In float32 the numbers are those of one row at a time, to rounding; neither the batch sizes nor the order of rows
changes them beyond that. Memory: the weights, the keys and values of one path, and a bundle's activations.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from heedful.backends.generation.reading import read
from heedful.backends.scoring.forward import Part, Place, ScoringForward, Trunk
from heedful.backends.scoring.tree import Stretch, TokenRow, build_tree, walk

FAMILY = 512  # tokens of a subtree that is computed in one go
BUNDLE = 2048  # tokens of families side by side
STRETCH = 1024  # tokens added to the trunk at a time
COPIED = 48  # tokens that are computed more than once, to save a pass through the model


@dataclass(frozen=True)
class Scored:
    """Row number `row`: the logarithm of its continuation's probability, and whether each token is the likeliest."""

    row: int
    log_likelihood: float
    greedy: bool


class ScoringEngine:
    """Log-likelihoods by a transformers causal model that can be read (`reading`).

    TypeError or AttributeError for others. Whether what it computes equals the model's own is for `check` to say. It
    copies no weights.
    """

    name = "the scoring engine"

    def __init__(
        self, model: Any, family: int = FAMILY, bundle: int = BUNDLE, stretch: int = STRETCH, copied: int = COPIED
    ):
        read(model)
        self.model = model
        self.sizes = (family, bundle, stretch, copied)

    def score(self, rows: Sequence[TokenRow]) -> Iterator[Scored]:
        """Each row's value, as soon as it is known. Rows have at least one token of context and one of continuation."""
        sums = [0.0] * len(rows)
        greedy = [True] * len(rows)
        left = [len(row.continuation) for row in rows]
        roots = build_tree(rows)
        with self._no_gradients():
            reading = read(self.model)
            forward = ScoringForward(reading, max(len(row.context) + len(row.continuation) for row in rows))
            trunk = Trunk(reading)
        for piece in walk(roots, *self.sizes):
            with self._no_gradients():
                part = Part(piece, reading.device)
                states = forward(part, trunk)
                values = [] if states is None else forward.values(states, part.asked)
            for row, value, best in values:
                sums[row] += value
                greedy[row] &= best
                left[row] -= 1
                if not left[row]:
                    yield Scored(row, sums[row], greedy[row])

    def places(self, ids: Sequence[int], top: int = 0) -> list[Place]:
        """For each token of a text but the first: how likely it is where it stands, and the `top` likeliest there."""
        out: list[Place] = []
        step = self.sizes[2]
        with self._no_gradients():
            reading = read(self.model)
            forward, trunk = ScoringForward(reading, len(ids)), Trunk(reading)
            for start in range(0, len(ids) - 1, step):
                here, after = ids[start : start + step][: len(ids) - 1 - start], ids[start + 1 : start + 1 + step]
                part = Part(Stretch(start, here, [(n, 0, i) for n, i in enumerate(after)]), reading.device)
                states = forward(part, trunk)
                out += [] if states is None else forward.likeliest(states, after, top)
        return out

    def _no_gradients(self) -> torch.inference_mode | torch.no_grad:
        """Inference mode, or less where the model is in training: what it keeps for itself must be usable there."""
        trained = any(p.requires_grad for p in self.model.parameters())
        return torch.no_grad() if trained else torch.inference_mode()
