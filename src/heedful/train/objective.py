"""The loss of a batch: cross-entropy at trained positions, and the vocabulary computed nowhere else.

A vocabulary of 262,144 entries makes the output head the larger part of a small model's work. Most positions of an
instruction row are masked, so the head is applied to trained positions only, in chunks whose logits are thrown away
and computed again in the backward pass where they would fill the memory. Some architectures do more after the head
(they cap or scale logits); `Objective` compares itself with the model's own forward once and takes that where the
two differ.

Packed rows lie end to end in a sequence, and their `position_ids` begin anew with each. transformers (version 5) makes
of that, where no attention mask is given, a mask for every kind of layer in which each row sees itself alone. Not every
architecture goes by it (recurrent ones carry a state over; some count positions for themselves), so `need_packing`
compares packed rows with the same rows apart before anything is trained.

`use_engine` puts `heedful.train.engine` in the place of the model's own forward, for architectures that it knows.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from heedful.batches import IGNORE_INDEX, collate
from heedful.errors import RequestError
from heedful.models.adapters import plain_model
from heedful.records import TokenExample
from heedful.train.engine import Decoder, OwnLayers, make_engine
from heedful.train.engine.layout import make_layout

LOGITS_AT_ONCE = 1 << 26  # 256 MiB of float32


class Objective(nn.Module):
    """A model and its loss as one module, so that data-parallel wrappers see one forward.

    `forward(input_ids, attention_mask, labels)`, all (B, T), returns the summed loss of each row, (B,), float32; with
    a packed batch's `position_ids` and `row_of`, (B, T), and its number of rows R, that of each packed row, (R,).
    Divide by the trained tokens of the whole step, not of this batch: with rows of unequal length a mean of means
    weights tokens wrongly.
    """

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model
        self.head_apart = False  # until `check_head` has shown that it is the same
        self.engine: Decoder | OwnLayers | None = None
        self.engine_note = "not asked for"

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        labels: Tensor,
        position_ids: Tensor | None = None,
        row_of: Tensor | None = None,
        rows: int | None = None,
    ) -> Tensor:
        """The summed cross-entropy of each row, in nats."""
        places = torch.nonzero(labels != IGNORE_INDEX, as_tuple=True)  # (N,), (N,)
        targets = labels[places]
        owner = places[0] if row_of is None else row_of[places]
        count = rows or len(input_ids)
        if self.engine is not None:
            with torch.autocast(input_ids.device.type, enabled=False):  # it casts for itself, and less often
                layout = make_layout(input_ids, attention_mask, labels, row_of, self.engine.share)
                losses = self.engine.losses(layout, targets)
            return torch.zeros(count, device=losses.device).index_add(0, owner, losses)
        inputs = self._inputs(input_ids, attention_mask, position_ids)
        if self.head_apart:
            losses = self._head_losses(self._backbone(inputs).reshape(*labels.shape, -1)[places], targets)  # of (N, D)
        else:
            logits = self.model(**inputs).logits
            losses = F.cross_entropy(logits.reshape(*labels.shape, -1)[places].float(), targets, reduction="none")
        return torch.zeros(count, device=losses.device).index_add(0, owner, losses)

    @property
    def _no_split_modules(self) -> list[str]:
        """The classes of layers, where accelerate looks for them: under FSDP each is gathered by itself, not all."""
        here = {type(module).__name__ for module in self.modules()}
        return [n for n in getattr(plain_model(self.model), "_no_split_modules", None) or () if n in here]

    def use_engine(self, precision: str) -> str:
        """Compute by the engine from now on if it knows this model; returns a sentence on whether and why."""
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        self.engine, self.engine_note = make_engine(self.model, dtype)
        return self.engine_note

    def _inputs(self, input_ids: Tensor, attention_mask: Tensor, position_ids: Tensor | None) -> dict[str, Any]:
        """What the model is called with. Of packed rows the positions tell which tokens see one another."""
        if position_ids is None:
            return {"input_ids": input_ids, "attention_mask": attention_mask, "use_cache": False}
        config: Any = getattr(plain_model(self.model), "config", None)
        if "flash" in str(getattr(config, "_attn_implementation", "")):
            # Flash attention takes packed rows as one sequence only; padding is a row of its own there.
            input_ids, position_ids = input_ids.reshape(1, -1), position_ids.reshape(1, -1)
        return {"input_ids": input_ids, "attention_mask": None, "position_ids": position_ids, "use_cache": False}

    def _backbone(self, inputs: dict[str, Any]) -> Tensor:
        inner: Any = plain_model(self.model)
        return inner.base_model(**inputs).last_hidden_state

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
            apart = head(self._backbone(self._inputs(ids, mask, None))).float()
            scale = own.abs().max().clamp(min=1e-6)
            self.head_apart = bool((own - apart).abs().max() <= 1e-3 * scale)
        except (AttributeError, TypeError):
            self.head_apart = False
        finally:
            self.model.train(training)
        return self.head_apart

    @torch.no_grad()
    def need_packing(self) -> None:
        """RequestError where this model's packed rows are not what they are apart."""
        training, why = self.model.training, ""
        self.model.eval()
        try:
            exact = self._packing_is_exact()
        except (AttributeError, TypeError, ValueError, NotImplementedError) as e:
            exact, why = False, f": {str(e).splitlines()[0][:200] if str(e) else type(e).__name__}"
        finally:
            self.model.train(training)
        if not exact:
            name = type(plain_model(self.model)).__name__
            raise RequestError(f"packing is not exact for this architecture ({name}{why}); set packing: false")

    def _packing_is_exact(self) -> bool:
        """Whether packed rows neither see one another nor differ from the same rows by themselves, up to rounding."""
        inner: Any = plain_model(self.model)
        parameter = next(self.model.parameters())
        vocabulary = int(inner.get_input_embeddings().weight.shape[0])
        low, high = (1e-5, 1e-4) if parameter.dtype == torch.float32 else (1e-2, 5e-2)

        def packed(rows: list[list[int]]) -> list[Tensor]:
            examples = [TokenExample(str(r), (*row, 0), (False,) * (len(row) + 1)) for r, row in enumerate(rows)]
            batch = collate(examples, 0, packed=True, max_length=16).to(parameter.device)  # two sequences, one padded
            inputs = self._inputs(batch.input_ids, batch.attention_mask, batch.position_ids)
            out = self.model(**inputs).logits.float().reshape(*batch.input_ids.shape, -1)
            assert batch.row_of is not None
            return [out[batch.row_of == r] for r in range(len(rows))]  # (n, V) each

        def differ(a: Tensor, b: Tensor, tolerance: float) -> bool:
            spread = (a - a.mean(-1, keepdim=True)).square().mean().sqrt()
            return not bool((a - b).square().mean(-1).sqrt().max() <= tolerance * spread)

        rows = [[(7 * k + 3 * n) % vocabulary for k in range(n)] for n in (6, 9, 5, 7)]
        whole = packed(rows)
        for r, row in enumerate(rows):
            # What is masked weighs nothing in any precision: a change in one row may not be felt in another.
            mixed = packed([[(i + 1) % vocabulary for i in row] if other == r else rows[other] for other in range(4)])
            if any(differ(whole[other], mixed[other], low) for other in range(4) if other != r):
                return False
            ids = torch.tensor([row], device=parameter.device)
            alone = self.model(**self._inputs(ids, torch.ones_like(ids), None)).logits[0].float()
            if differ(alone, whole[r], high):
                return False
        return True


def _cross_entropy(head: nn.Module, hidden: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(head(hidden).float(), targets, reduction="none")
