"""The average of the weights over a run, which is judged, kept and answered with in place of the last step's weights.

After step t the average moves towards the new weights by 1 - (1 - 1/t)^(POWER + 1), so that the weights of step s count
as s^POWER: those of the last quarter of the steps so far for two thirds, however long the run is to become. It is the
power-function average of Karras et al. 2024 (https://arxiv.org/abs/2312.02696, section 3.1); Polyak and Juditsky 1992
say why to average at all. Noise of single steps cancels out, as it does where a learning rate falls to 0, and the rate
need not fall.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import nn

POWER = 3


class Average:
    """The average of a model's trainable parameters, in their own shapes and on their own devices.

    With parameters that are spread over processes each process averages its parts.
    """

    def __init__(self, model: nn.Module):
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.values: list[torch.Tensor] = []  # none before the first step: then the weights are their own average

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after step number `step` (from 1)."""
        if not self.values:
            self.values = [p.detach().clone() for p in self.parameters]
        share = 1 - (1 - 1 / step) ** (POWER + 1)
        for value, parameter in zip(self.values, self.parameters, strict=True):
            value.lerp_(parameter.detach(), share)

    @torch.no_grad()
    def begin_from_weights(self) -> None:
        """Take the weights that are now in the model for the average, as a checkpoint holds them."""
        self.values = [p.detach().clone() for p in self.parameters]

    @torch.no_grad()
    def put_in_place(self) -> None:
        """Write the average into the model, for good."""
        for value, parameter in zip(self.values, self.parameters, strict=bool(self.values)):
            parameter.copy_(value)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """The model with the average for its weights, for as long as the block takes."""
        trained = [p.detach().clone() for p in self.parameters] if self.values else []
        self.put_in_place()
        try:
            yield
        finally:
            with torch.no_grad():
                for value, parameter in zip(trained, self.parameters, strict=bool(trained)):
                    parameter.copy_(value)
