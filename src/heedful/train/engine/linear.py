"""Projections that read the same input, as one matrix product, with their LoRA factors.

    query, key, value        y = x [Wq Wk Wv]'        one product forward, one for each of the two gradients
    with factors (rank r)    y += (x [Aq Ak Av]') B'  the A of all as one, each B on its own slice

Weights that are not of the type that products are computed in are copied into it, frozen ones once, trained ones at
every forward pass. Master weights and gradients stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from heedful.train.engine.memory import Memory


@dataclass(frozen=True)
class Factors:
    """LoRA factors of one projection: a (r, in), b (out, r); the product is multiplied by `scale`."""

    a: Tensor
    b: Tensor
    scale: float


class Projections:
    """One or more linear modules with the same input. Calling it gives (N, all their outputs side by side)."""

    def __init__(self, modules: list[Any], dtype: torch.dtype, memory: Memory):
        self.modules, self.dtype, self.memory = modules, dtype, memory
        self.plain = [getattr(m, "base_layer", m) for m in modules]
        for module, plain in zip(modules, self.plain, strict=True):
            if type(plain) is not nn.Linear or not _readable(module, plain):
                raise TypeError(f"{type(module).__name__} is no plain linear layer")
        self.sizes = [p.weight.shape[0] for p in self.plain]
        self.biased = [p for p in self.plain if p.bias is not None]
        if self.biased and len(self.biased) < len(self.plain):
            raise TypeError("only some of the projections have a bias")
        self.factors = [_factors(m) for m in modules]
        adapted = [f for f in self.factors if f is not None]
        if adapted and len(adapted) < len(self.factors):
            raise TypeError("only some of the projections have LoRA factors")
        if adapted and any(p.weight.requires_grad for p in self.plain):
            raise TypeError("weights are trained beside LoRA factors")
        self._copy: Tensor | None = None
        self._versions: list[Any] | None = None

    def weights(self) -> list[Tensor]:
        """The matrices to multiply by, of `dtype`: one that holds all, or the parameters themselves."""
        own = [p.weight for p in self.plain]
        if all(w.dtype == self.dtype for w in own) and (own[0].requires_grad or len(own) == 1):
            return [w.detach() for w in own]
        # The fused AdamW changes a weight and not its version, so copies of trained weights serve one pass.
        trained = torch.is_grad_enabled() and any(w.requires_grad for w in own)
        versions = None if trained else [(w._version, w.data_ptr()) for w in own]
        if self._copy is None or versions is None or self._versions != versions:
            if self._copy is None:
                self._copy = torch.empty(sum(self.sizes), own[0].shape[1], dtype=self.dtype, device=own[0].device)
            for part, weight in zip(self._copy.split(self.sizes), own, strict=True):
                part.copy_(weight.detach())
            self._versions = versions
        return [self._copy]

    @property
    def copied_bytes(self) -> int:
        """Memory of the copy of the weights, 0 where they are multiplied by as they are."""
        return 0 if self._copy is None else self._copy.nbytes

    def __call__(self, x: Tensor) -> Tensor:
        if self.factors[0] is not None:
            found: list[Any] = self.factors
            y = _Adapted.apply(x, self, self.weights(), *(f.a for f in found), *(f.b for f in found))
        else:
            y = _Linear.apply(x, self, self.weights(), *(p.weight for p in self.plain))
        if self.biased:
            y = y + torch.cat([p.bias for p in self.plain]).to(self.dtype)  # type: ignore[operator]
        return y  # type: ignore[return-value]


def _readable(module: Any, plain: nn.Linear) -> bool:
    """Whether a module is the linear layer itself or peft's plain LoRA around it, without dropout or variants."""
    if module is plain:
        return True
    names = list(getattr(module, "active_adapters", []))
    if type(module).__name__ != "Linear" or len(names) != 1 or names[0] not in module.lora_A or module.merged:
        return False
    dropout = module.lora_dropout[names[0]]
    bare = isinstance(dropout, nn.Identity) or getattr(dropout, "p", 1) == 0
    return bare and module.lora_B[names[0]].bias is None and not getattr(module, "lora_variant", {})


def _factors(module: Any) -> Factors | None:
    if not hasattr(module, "base_layer"):
        return None
    name = module.active_adapters[0]
    return Factors(module.lora_A[name].weight, module.lora_B[name].weight, float(module.scaling[name]))


def _forward(x: Tensor, weights: list[Tensor]) -> Tensor:
    if len(weights) == 1:
        return torch.mm(x, weights[0].t())
    sizes = [w.shape[0] for w in weights]
    y = x.new_empty(len(x), sum(sizes))
    for part, weight in zip(y.split(sizes, -1), weights, strict=True):
        torch.mm(x, weight.t(), out=part)
    return y


def _to_input(dy: Tensor, weights: list[Tensor]) -> Tensor:
    """The input's gradient."""
    parts = dy.split([w.shape[0] for w in weights], -1)
    dx = torch.mm(parts[0], weights[0])
    for part, weight in zip(parts[1:], weights[1:], strict=True):
        dx.addmm_(part, weight)
    return dx


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, projections: Projections, weights: list[Tensor], *parameters: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        ctx.projections, ctx.weights, ctx.parameters = projections, weights, parameters
        return _forward(x, weights)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:  # type: ignore[override]
        (x,) = ctx.saved_tensors
        dx = _to_input(dy, ctx.weights) if ctx.needs_input_grad[0] else None
        if any(ctx.needs_input_grad[3:]):
            ctx.projections.memory.add_products(ctx.parameters, dy, x)
        return dx, None, None, *(None for _ in ctx.parameters)


class _Adapted(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, projections: Projections, weights: list[Tensor], *factors: Tensor) -> Tensor:
        count = len(projections.sizes)
        a = torch.cat(factors[:count]).to(x.dtype)  # (count * r, in)
        scales = [f.scale for f in projections.factors if f is not None]
        b = [(f * s).to(x.dtype) for f, s in zip(factors[count:], scales, strict=True)]  # (out, r) each
        ranks = [f.shape[0] for f in factors[:count]]
        small = torch.mm(x, a.t())  # (N, count * r)
        y = _forward(x, weights)
        for part, s, f in zip(y.split(projections.sizes, -1), small.split(ranks, -1), b, strict=True):
            part.addmm_(s, f.t())
        ctx.save_for_backward(x, small, a, *b)
        ctx.weights, ctx.sizes, ctx.ranks, ctx.scales = weights, projections.sizes, ranks, scales
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:  # type: ignore[override]
        x, small, a, *b = ctx.saved_tensors
        parts = dy.split(ctx.sizes, -1)
        dsmall = torch.cat([torch.mm(part, f) for part, f in zip(parts, b, strict=True)], -1)
        db = [
            torch.mm(part.t(), s).float().mul_(scale)
            for part, s, scale in zip(parts, small.split(ctx.ranks, -1), ctx.scales, strict=True)
        ]
        da = torch.mm(dsmall.t(), x).float().split(ctx.ranks)
        dx = None
        if ctx.needs_input_grad[0]:
            dx = _to_input(dy, ctx.weights)
            dx.addmm_(dsmall, a)
        return dx, None, None, *da, *db
