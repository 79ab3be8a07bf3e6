"""The small functions of a layer, each with its own backward pass: what is kept and what is computed again is chosen.

The residual stream is float32; what goes into matrix products is of the type they compute in (`dtype`).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def _rms(x: Tensor, eps: float) -> Tensor:
    """1 / root mean square over the last dimension, which stays with length 1."""
    norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32)
    return norm.square_().div_(x.shape[-1]).add_(eps).rsqrt_()


def _scaled(x: Tensor, r: Tensor, gain: Tensor, dtype: torch.dtype) -> Tensor:
    """x * r * gain, rounded once."""
    whole = torch.mul(x, r)
    return whole.mul_(gain) if dtype == torch.float32 else torch.mul(whole, gain, out=torch.empty_like(x, dtype=dtype))


def _norm_backward(dy: Tensor, x: Tensor, r: Tensor, gain: Tensor, want_gain: bool) -> tuple[Tensor, Tensor | None]:
    """Gradients of ``x * r(x) * gain`` with regard to x, float32, and gain."""
    unit = torch.mul(x, r)  # float32, since r is
    dgain = torch.mul(dy, unit).sum(tuple(range(dy.ndim - 1))) if want_gain else None
    g = torch.mul(dy, gain)
    dot = torch.linalg.vecdot(g, unit).div_(x.shape[-1]).unsqueeze_(-1)
    return g.addcmul_(unit, dot, value=-1).mul_(r), dgain


class _Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: Tensor, eps: float, dtype: torch.dtype) -> Tensor:
        r = _rms(x, eps)
        ctx.save_for_backward(x, r, gain)
        return _scaled(x, r, gain, dtype)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:  # type: ignore[override]
        x, r, gain = ctx.saved_tensors
        dx, dgain = _norm_backward(dy, x, r, gain, ctx.needs_input_grad[1])
        return dx.to(x.dtype), dgain, None, None


class _AddNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, o: Tensor, gain: Tensor, eps: float, dtype: torch.dtype) -> Any:
        total = torch.add(x, o)
        r = _rms(total, eps)
        ctx.save_for_backward(total, r, gain)
        ctx.dtype = o.dtype
        return total, _scaled(total, r, gain, dtype)

    @staticmethod
    def backward(ctx: Any, dtotal: Tensor, dh: Tensor) -> Any:  # type: ignore[override]
        total, r, gain = ctx.saved_tensors
        dx, dgain = _norm_backward(dh, total, r, gain, ctx.needs_input_grad[2])
        dx.add_(dtotal)
        return dx, dx.to(ctx.dtype), dgain, None, None


def norm(x: Tensor, gain: Tensor, eps: float, dtype: torch.dtype) -> Tensor:
    """RMSNorm (Zhang and Sennrich 2019, https://arxiv.org/abs/1910.07467) over the last dimension, in `dtype`."""
    return _Norm.apply(x, gain, eps, dtype)  # type: ignore[return-value]


def add_norm(x: Tensor, o: Tensor, gain: Tensor, eps: float, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """``x + o``, float32, and its RMSNorm in `dtype`."""
    return _AddNorm.apply(x, o, gain, eps, dtype)  # type: ignore[return-value]


class _Gated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, both: Tensor, kind: str) -> Tensor:
        gate, up = both.chunk(2, -1)
        ctx.save_for_backward(both)
        ctx.kind = kind
        return _activate(gate, kind).mul_(up)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:  # type: ignore[override]
        (both,) = ctx.saved_tensors
        gate, up = both.chunk(2, -1)
        out = torch.empty_like(both)
        dgate, dup = out.chunk(2, -1)
        torch.mul(dy, _activate(gate, ctx.kind), out=dup)
        inner = torch.mul(dy, up)
        if ctx.kind == "silu":
            torch.ops.aten.silu_backward.grad_input(inner, gate, grad_input=dgate)
        else:
            how = "tanh" if ctx.kind == "gelu_tanh" else "none"
            torch.ops.aten.gelu_backward.grad_input(inner, gate, approximate=how, grad_input=dgate)
        return out, None


def _activate(gate: Tensor, kind: str) -> Tensor:
    if kind == "silu":
        return torch.nn.functional.silu(gate)
    return torch.nn.functional.gelu(gate, approximate="tanh" if kind == "gelu_tanh" else "none")


def gated(both: Tensor, kind: str) -> Tensor:
    """``act(gate) * up`` of (N, 2F), gate first; `kind` is silu, gelu_tanh or gelu. (N, F)."""
    return _Gated.apply(both, kind)  # type: ignore[return-value]


def _turn(x: Tensor, cos: Tensor, sin: Tensor, sign: int) -> Tensor:
    """Each pair (x[i], x[i + D/2]) turned by its angle; the opposite way where sign is -1."""
    a, b = x.chunk(2, -1)
    out = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    left, right = out.chunk(2, -1)
    torch.sub(a * cos, b * sin, alpha=sign, out=left)
    torch.add(b * cos, a * sin, alpha=sign, out=right)
    return out


class _Rotate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        return _turn(x, cos, sin, 1)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:  # type: ignore[override]
        cos, sin = ctx.saved_tensors
        return _turn(dy, cos, sin, -1), None, None


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions (Su et al. 2021, https://arxiv.org/abs/2104.09864): x (N, H, D), cos and sin (N, 1, D/2)."""
    return _Rotate.apply(x, cos, sin)  # type: ignore[return-value]
