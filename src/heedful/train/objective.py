"""The loss of a batch: cross-entropy at trained positions, and the vocabulary computed nowhere else.

A vocabulary of 262,144 entries makes the output head the larger part of a small model's work. Most positions of an
instruction row are masked, so the head is applied to trained positions only, in chunks whose logits are thrown away
and computed again in the backward pass where they would fill the memory. Some architectures do more after the head
(they cap or scale logits); `Objective` compares itself with the model's own forward once and takes that where the
two differ.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from heedful.batches import IGNORE_INDEX
from heedful.models.adapters import plain_model

LOGITS_AT_ONCE = 1 << 26  # 256 MiB of float32


class Objective(nn.Module):
    """A model and its loss as one module, so that data-parallel wrappers see one forward.

    `forward(input_ids, attention_mask, labels)`, all (B, T), returns the summed loss of each row, (B,), float32.
    Divide by the trained tokens of the whole step, not of this batch: with rows of unequal length a mean of means
    weights tokens wrongly.
    """

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model
        self.head_apart = False  # until `check_head` has shown that it is the same

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> Tensor:
        """The summed cross-entropy of each row, in nats."""
        rows, positions = torch.nonzero(labels != IGNORE_INDEX, as_tuple=True)  # (N,), (N,)
        targets = labels[rows, positions]
        if self.head_apart:
            hidden = self._backbone(input_ids, attention_mask)[rows, positions]  # (N, D)
            losses = self._head_losses(hidden, targets)
        else:
            logits = self.model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).logits
            losses = F.cross_entropy(logits[rows, positions].float(), targets, reduction="none")
        return torch.zeros(len(input_ids), device=losses.device).index_add(0, rows, losses)

    def _backbone(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        inner: Any = plain_model(self.model)
        return inner.base_model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).last_hidden_state

    def _head_losses(self, hidden: Tensor, targets: Tensor) -> Tensor:
        head = plain_model(self.model).get_output_embeddings()
        chunk = max(1, LOGITS_AT_ONCE // head.weight.shape[0])
        if len(targets) <= chunk:
            return _cross_entropy(head, hidden, targets)
        losses = [
            checkpoint(_cross_entropy, head, h, y, use_reentrant=False)
            for h, y in zip(hidden.split(chunk), targets.split(chunk), strict=True)
        ]
        return torch.cat(losses)  # type: ignore[arg-type]

    @torch.no_grad()
    def check_head(self) -> bool:
        """Whether backbone then head gives the model's own logits; from now on the cheaper way is taken if so."""
        inner: Any = plain_model(self.model)
        try:
            backbone, head = inner.base_model, inner.get_output_embeddings()
        except (AttributeError, NotImplementedError):
            return False
        if backbone is inner or head is None or not hasattr(head, "weight"):
            return False
        # A cap on logits hardly shows in small ones, and they grow in training.
        if getattr(inner.config, "final_logit_softcapping", None):
            return False
        device = next(self.model.parameters()).device
        training = self.model.training
        self.model.eval()
        try:
            ids = torch.arange(5, 13, device=device).remainder(head.weight.shape[0])[None]  # (1, 8)
            mask = torch.ones_like(ids)
            own = self.model(input_ids=ids, attention_mask=mask, use_cache=False).logits.float()
            apart = head(self._backbone(ids, mask)).float()
            scale = own.abs().max().clamp(min=1e-6)
            self.head_apart = bool((own - apart).abs().max() <= 1e-3 * scale)
        except (AttributeError, TypeError):
            self.head_apart = False
        finally:
            self.model.train(training)
        return self.head_apart


def _cross_entropy(head: nn.Module, hidden: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(head(hidden).float(), targets, reduction="none")
