"""Cross-entropy over the vocabulary at trained positions: what the backward pass needs is one matrix of probabilities.

With ``p`` the probabilities and ``g`` the gradient of each loss, the gradients are ``g (p E - E[target])`` for hidden
states and ``p' (g h)``, less ``g h`` at the target's row, for the embedding E: no further pass over (T, V).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from heedful.train.engine.memory import Memory

AT_ONCE = 1 << 28  # bytes of logits at once
CACHED = 1 << 22  # bytes of float32 logits at once, so that what is done with them stays in the processor's cache


class Head:
    """A model's output head, read. TypeError where it is no plain linear layer."""

    def __init__(self, model: Any, dtype: torch.dtype, memory: Memory):
        module = model.get_output_embeddings()
        if type(module) is not nn.Linear or module.bias is not None:
            raise TypeError("the output head is no plain linear layer")
        self.module, self.dtype, self.memory = module, dtype, memory
        self._matrix: Tensor | None = None
        self._version: Any = None

    def losses(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """-log p(target) at each of T positions, float32: hidden (T, D), of `dtype`.

        The weight's gradient is added in `memory`: where the embedding is the same matrix, both add to it.
        """
        weight = self.module.weight
        matrix = self._in_type_of_products(weight)
        if weight.requires_grad:
            return _HeadLoss.apply(hidden, weight, matrix, targets, self.memory)  # type: ignore[return-value]
        return _FrozenHeadLoss.apply(hidden, matrix, targets, self.memory)  # type: ignore[return-value]

    def _in_type_of_products(self, weight: Tensor) -> Tensor:
        """The weight itself or a copy, which is made once where the head is frozen."""
        if weight.dtype == self.dtype:
            return weight.detach()
        trained = torch.is_grad_enabled() and weight.requires_grad  # see `Projections.weights`
        version = None if trained else (weight._version, weight.data_ptr())
        if self._matrix is None or version is None or self._version != version:
            if self._matrix is None:
                self._matrix = torch.empty_like(weight, dtype=self.dtype).detach()
            self._matrix.copy_(weight.detach())
            self._version = version
        return self._matrix


class _HeadLoss(torch.autograd.Function):
    """A trained head: probabilities are kept, or computed again where they are too many."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, matrix: Tensor, targets: Tensor, memory: Memory) -> Tensor:
        rows = _rows(matrix)
        keep = len(targets) <= rows and ctx.needs_input_grad[1]
        losses, kept = [], None
        for h, y in zip(hidden.split(rows), targets.split(rows), strict=True):
            logits = _logits(h, matrix, memory)
            losses.append(_losses(logits, y, keep))
            kept = logits if keep else None
        ctx.save_for_backward(hidden, matrix, targets, *([kept] if kept is not None else []))
        ctx.rows, ctx.weight, ctx.memory = rows, weight, memory
        return torch.cat(losses)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:  # type: ignore[override]
        hidden, matrix, targets, *kept = ctx.saved_tensors
        dhidden = torch.empty_like(hidden)
        for start in range(0, len(targets), ctx.rows):
            part = slice(start, start + ctx.rows)
            h, y, scale = hidden[part], targets[part], g[part, None].float()
            p = kept[0] if kept else torch.softmax(_logits(h, matrix, ctx.memory), -1)
            dhidden[part] = _to_hidden(p, matrix, y).mul_(scale)
            scaled = (h.float() * scale).to(h.dtype)
            ctx.memory.add_products([ctx.weight], p, scaled)
            ctx.memory.start(ctx.weight).index_add_(0, y, scaled.to(ctx.weight.dtype), alpha=-1)
        return dhidden, None, None, None, None


class _FrozenHeadLoss(torch.autograd.Function):
    """A head that is not trained: what each loss gives to its hidden state is known as soon as its logits are."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, matrix: Tensor, targets: Tensor, memory: Memory) -> Tensor:
        rows = _rows(matrix)
        wanted = ctx.needs_input_grad[0]
        unit = torch.empty_like(hidden) if wanted else hidden
        losses = []
        for h, y, out in zip(hidden.split(rows), targets.split(rows), unit.split(rows), strict=True):
            logits = _logits(h, matrix, memory)
            losses.append(_losses(logits, y, wanted))
            if wanted:
                out.copy_(_to_hidden(logits, matrix, y))
        ctx.save_for_backward(unit)
        return torch.cat(losses)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:  # type: ignore[override]
        (unit,) = ctx.saved_tensors
        return (unit * g[:, None]).to(unit.dtype), None, None, None


def _rows(matrix: Tensor) -> int:
    """How many positions at a time."""
    return max(1, AT_ONCE // (matrix.shape[0] * matrix.element_size()))


def _logits(h: Tensor, matrix: Tensor, memory: Memory) -> Tensor:
    room = memory.room("logits", (len(h), matrix.shape[0]), matrix.dtype, matrix.device)
    return torch.mm(h, matrix.t(), out=room)


def _to_hidden(p: Tensor, matrix: Tensor, targets: Tensor) -> Tensor:
    """The gradient of each loss with regard to its hidden state, float32."""
    return torch.mm(p, matrix).float().sub_(matrix.index_select(0, targets))


def _losses(logits: Tensor, targets: Tensor, keep: bool) -> Tensor:
    """The loss at each row of logits, float32; with `keep` the logits become probabilities, in place."""
    at_once = max(1, CACHED // (logits.shape[1] * 4))
    exact = torch.empty(min(at_once, len(logits)), logits.shape[1], dtype=torch.float32, device=logits.device)
    out = []
    for part, y in zip(logits.split(at_once), targets.split(at_once), strict=True):
        some = exact[: len(part)].copy_(part)
        most = some.amax(-1, keepdim=True)
        right = some.gather(1, y[:, None]).sub_(most)
        total = some.sub_(most).exp_().sum(-1, keepdim=True)
        out.append((total.log() - right).squeeze(1))
        if keep:
            part.copy_(some.mul_(total.reciprocal_()))
    return torch.cat(out)


class _Embed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, ids: Tensor, scale: float, memory: Memory) -> Tensor:
        ctx.save_for_backward(ids)
        ctx.scale, ctx.weight, ctx.memory = scale, weight, memory
        out = weight.index_select(0, ids).float()
        return out.mul_(scale) if scale != 1 else out

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:  # type: ignore[override]
        (ids,) = ctx.saved_tensors
        if ctx.needs_input_grad[0]:
            ctx.memory.start(ctx.weight).index_add_(0, ids, dy.to(ctx.weight.dtype), alpha=ctx.scale)
        return None, None, None, None


def embed(weight: Tensor, ids: Tensor, scale: float, memory: Memory) -> Tensor:
    """Rows of the embedding times `scale`, float32: (N, D)."""
    return _Embed.apply(weight, ids, scale, memory)  # type: ignore[return-value]
