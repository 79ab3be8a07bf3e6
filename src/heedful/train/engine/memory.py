"""What is written at every step and allocated once: gradients of trained weights, logits, room to round from.

Fresh memory is mapped page by page as it is first written. For the gradients of a hundred million float32 values that
takes longer than their products (docs/performance.md). So backward passes write here, and set ``parameter.grad``
themselves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


class Memory:
    """The gradients of a model's trained weights, each in its weight's type, and room for what a step needs at once.

    ``parameter.grad`` is the kept tensor itself: what must outlive the next backward pass is to be cloned. The logits
    of one forward pass are those of the next, too; torch refuses a backward pass whose logits were overwritten.
    """

    def __init__(self) -> None:
        self._kept: dict[Tensor, Tensor] = {}
        self._rooms: dict[str, Tensor] = {}

    def add(self, parameter: Tensor, value: Tensor) -> Tensor:
        """Add to a parameter's gradient, which begins anew where it was None; returns it."""
        if parameter.grad is not None:
            return parameter.grad.add_(value)
        parameter.grad = self._of(parameter).copy_(value)
        return parameter.grad

    def start(self, parameter: Tensor) -> Tensor:
        """A parameter's gradient, of zeros where it was None."""
        if parameter.grad is None:
            parameter.grad = self._of(parameter).zero_()
        return parameter.grad

    def add_products(self, parameters: Sequence[Tensor], dy: Tensor, x: Tensor) -> None:
        """Add ``dy' x`` to the gradients of parameters whose outputs lie side by side: dy (N, all out), x (N, in)."""
        sizes = [p.shape[0] for p in parameters]
        if any(p.dtype != x.dtype for p in parameters):
            made = torch.mm(dy.t(), x, out=self.room("weight", (dy.shape[1], x.shape[1]), x.dtype, x.device))
            for parameter, part in zip(parameters, made.split(sizes), strict=True):
                if parameter.requires_grad:
                    self.add(parameter, part)
            return
        for parameter, part in zip(parameters, dy.split(sizes, -1), strict=True):
            if parameter.grad is not None:
                parameter.grad.addmm_(part.t(), x)
            elif parameter.requires_grad:
                parameter.grad = torch.mm(part.t(), x, out=self._of(parameter))

    def room(self, name: str, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
        """Room that may hold anything, good until it is asked for by the same name again."""
        wanted = math.prod(shape)
        flat = self._rooms.get(name)
        if flat is None or flat.numel() < wanted or flat.dtype != dtype or flat.device != device:
            flat = self._rooms[name] = torch.empty(wanted, dtype=dtype, device=device)
        return flat[:wanted].view(shape)

    def _of(self, parameter: Tensor) -> Tensor:
        kept = self._kept.get(parameter)
        if kept is None or kept.dtype != parameter.dtype or kept.device != parameter.device:
            kept = self._kept[parameter] = torch.empty_like(parameter, memory_format=torch.contiguous_format).detach()
        return kept
