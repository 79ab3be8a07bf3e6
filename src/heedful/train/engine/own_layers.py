"""Models whose layers the decoder does not know: their own layers over rows without padding, with our attention.

transformers models take their attention from a table of functions (`AttentionInterface`). The function here gives each
row its own keys and those of the common beginning, so that all else in a layer sees N tokens and no padding. What a
model does across positions by other means (convolutions, recurrences, positions counted for itself) makes its losses
differ, which `check` finds out.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface

from heedful.models.layers import windows_of
from heedful.train.engine.attention import Around, attend
from heedful.train.engine.head import Head
from heedful.train.engine.layout import Layout, Masks
from heedful.train.engine.memory import Memory

NAME = "heedful_rows"
# Arguments of attention functions that change nothing here, because no cache and no padding mask is in use.
IDLE = {"position_ids", "cache_position", "use_cache", "output_attentions", "position_embeddings", "is_causal"}
IDLE |= {"output_hidden_states", "return_dict", "past_key_values", "past_key_value", "layer_idx", "attn_implementation"}


class _Pass:
    """A forward pass that is going on: what its layers share, and the window that each was called with."""

    def __init__(self, around: Around):
        self.around = around
        self.windows: list[int] = []


_now: list[_Pass] = []


def _attention(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None,
    scaling: float | None = None, dropout: float = 0.0, sliding_window: int | None = None, **more: Any,
) -> tuple[Tensor, None]:  # fmt: skip
    """transformers' interface: query (1, H, N, D), key and value (1, G, N, D); returns (1, N, H, D)."""
    if not _now:
        raise RuntimeError("this attention serves Heedful's training pass alone")
    others = sorted(k for k, v in more.items() if k not in IDLE and v is not None and v is not False)
    if others or attention_mask is not None or value.shape[-1] != query.shape[-1]:
        raise TypeError(f"attention with {', '.join(others) or 'a mask or values of another width'}")
    if not getattr(module, "is_causal", True):
        raise TypeError("attention that sees what follows")
    _now[-1].windows.append(int(sliding_window or 0))
    q, k, v = (x[0].transpose(0, 1) for x in (query, key, value))  # (N, H, D)
    scale = float(scaling) if scaling is not None else query.shape[-1] ** -0.5
    out = attend(q, k, v, _now[-1].around, scale, int(sliding_window or 0), float(dropout))
    return out.view(1, len(q), -1, query.shape[-1]), None


AttentionInterface.register(NAME, _attention)


class OwnLayers:
    """A transformers causal model that takes its attention from the table. Raises TypeError for others."""

    name = "the model's layers with the engine's attention"

    def __init__(self, model: Any, dtype: torch.dtype):
        self.model, self.dtype, self.memory = model, dtype, Memory()
        self.backbone = model.base_model
        if self.backbone is model:
            raise TypeError("it has no head of its own")
        if getattr(model.config, "final_logit_softcapping", None):
            raise TypeError("its logits are capped")
        self.head = Head(model, dtype, self.memory)
        self.windows = windows_of(model.config.get_text_config(), model.config.get_text_config().num_hidden_layers)
        dropouts = [m for m in model.modules() if isinstance(m, nn.Dropout) and m.p > 0]
        # Noise that the rows' common beginning had only once would be the same for all rows.
        self.share = not dropouts and not _asks_for_dropout(model.config.get_text_config())
        configs = [model.config, *(m.config for m in self.backbone.modules() if hasattr(m, "config"))]
        self.configs = list({id(c): c for c in configs if hasattr(c, "_attn_implementation")}.values())

    def losses(self, layout: Layout, targets: Tensor) -> Tensor:
        """-log p of each target, (T,), float32, at the layout's wanted places."""
        return self.head.losses(self.hidden(layout).to(self.dtype), targets)

    def hidden(self, layout: Layout) -> Tensor:
        """What the head is applied to at the wanted places, (T, D)."""
        device = layout.ids.device
        going = _Pass(Around(layout, Masks(device), self.memory))
        with self._attending(going), torch.autocast(device.type, self.dtype, self.dtype != torch.float32):
            out = self.backbone(
                input_ids=layout.ids[None], position_ids=layout.positions[None], attention_mask=None, use_cache=False
            )
        if going.windows != self.windows:
            raise TypeError("its layers do not tell their attention how far they see")
        return out.last_hidden_state[0].index_select(0, layout.wanted)

    @contextlib.contextmanager
    def _attending(self, going: _Pass) -> Iterator[None]:
        """Take the attention of this module for one pass; generation and evaluation keep the model's own."""
        before = [c._attn_implementation for c in self.configs]
        _now.append(going)
        try:
            for config in self.configs:
                config._attn_implementation = NAME
            yield
        finally:
            _now.pop()
            for config, name in zip(self.configs, before, strict=True):
                config._attn_implementation = name


def _asks_for_dropout(config: Any) -> bool:
    """Whether a setting asks for dropout, which some models (OPT) draw without a module for it."""
    settings = {k: v for k, v in config.to_dict().items() if "drop" in k and not k.startswith("summary")}  # GPT-2's
    return any(isinstance(v, int | float) and v > 0 for v in settings.values())
