"""A decoder of the Llama family walked through the engine's way: the model's modules and parameters, other arithmetic.

    x = embed(ids)
    each layer   h = norm(x);  q, k, v = project(h);  rotate;  x = x + project(attend(q, k, v))
                 h = norm(x);  x = x + project(act(gate(h)) * up(h))
    at trained positions   norm, head, cross-entropy

With norms of queries and keys (Qwen 3, Gemma 3) and after attention and the gated layer (Gemma) where the model has
them. Nothing here is a parameter: modules are read at every step, so adapters, checkpoints and optimisers see the
transformers model as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from heedful.models.layers import windows_of
from heedful.train.engine.attention import Around, attend
from heedful.train.engine.head import Head, embed
from heedful.train.engine.layout import Layout, Masks
from heedful.train.engine.linear import Projections
from heedful.train.engine.memory import Memory
from heedful.train.engine.pieces import add_norm, gated, norm, rotate

ACTIVATIONS = {"SiLUActivation": "silu", "SiLU": "silu", "GELUTanh": "gelu_tanh", "PytorchGELUTanh": "gelu_tanh"}


class Norm:
    """An RMSNorm module, read: its gain is the weight, or 1 + weight."""

    def __init__(self, module: Any):
        self.module = module
        self.eps = float(module.variance_epsilon if hasattr(module, "variance_epsilon") else module.eps)
        width = module.weight.shape[0]
        probe = torch.linspace(-1, 1, width, device=module.weight.device)
        unit = probe * torch.rsqrt(probe.square().mean() + self.eps)
        with torch.no_grad():
            found = (module(probe).float() - unit * module.weight.float()).abs().max()
        self.offset = 0.0 if float(found) < 0.02 else 1.0

    @property
    def gain(self) -> Tensor:
        weight = self.module.weight
        weight = weight.float() if weight.dtype != torch.float32 else weight
        return weight + self.offset if self.offset else weight


class Layer:
    """One decoder layer, read. TypeError or AttributeError where it is built in another way."""

    def __init__(self, module: Any, dtype: torch.dtype, kind: str | None, window: int, memory: Memory):
        attention, mlp = module.self_attn, module.mlp
        self.module, self.dtype, self.kind, self.window, self.memory = module, dtype, kind, window, memory
        self.scale, self.width = float(attention.scaling), int(attention.head_dim)
        self.qkv = Projections([attention.q_proj, attention.k_proj, attention.v_proj], dtype, memory)
        self.out = Projections([attention.o_proj], dtype, memory)
        self.gate_up = Projections([mlp.gate_proj, mlp.up_proj], dtype, memory)
        self.down = Projections([mlp.down_proj], dtype, memory)
        self.activation = ACTIVATIONS[type(mlp.act_fn).__name__]
        names = {name for name, _ in module.named_children()}
        self.before = Norm(module.input_layernorm)
        gemma = "pre_feedforward_layernorm" in names
        self.middle = Norm(module.pre_feedforward_layernorm if gemma else module.post_attention_layernorm)
        self.after_attention = Norm(module.post_attention_layernorm) if gemma else None
        self.after_mlp = Norm(module.post_feedforward_layernorm) if gemma else None
        inner = {name for name, _ in attention.named_children()}
        self.q_norm = Norm(attention.q_norm) if "q_norm" in inner else None
        self.k_norm = Norm(attention.k_norm) if "k_norm" in inner else None
        known = {"self_attn", "mlp", "input_layernorm", "post_attention_layernorm"}
        known |= {"pre_feedforward_layernorm", "post_feedforward_layernorm"} if gemma else set()
        if names != known or inner - {"q_proj", "k_proj", "v_proj", "o_proj", "q_norm", "k_norm"}:
            raise TypeError(f"{type(module).__name__} has parts that the engine does not know")
        if getattr(attention, "attn_logit_softcapping", None) or getattr(attention, "attention_dropout", 0):
            raise TypeError("attention with capped scores or dropout")

    def __call__(self, x: Tensor, h: Tensor, step: Step, last: bool = False) -> tuple[Tensor, Tensor]:
        """(x, what is to be added to it) of the layer's input x, float32, and its norm h; all (N, D).

        Of the last layer nothing is asked after its attention but at the wanted places: (T, D).
        """
        cos, sin = step.angles[self.kind]
        q, k, v = (part.unflatten(-1, (-1, self.width)) for part in self.qkv(h).split(self.qkv.sizes, -1))
        if self.q_norm is not None and self.k_norm is not None:
            q = norm(q, self.q_norm.gain, self.q_norm.eps, self.dtype)
            k = norm(k, self.k_norm.gain, self.k_norm.eps, self.dtype)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        seen = attend(q, k, v, step.around, self.scale, self.window)
        if last:
            seen, x = (t.index_select(0, step.around.layout.wanted) for t in (seen, x))
        o = self.out(seen)
        if self.after_attention is not None:
            o = norm(o, self.after_attention.gain, self.after_attention.eps, self.dtype)
        x, h = add_norm(x, o, self.middle.gain, self.middle.eps, self.dtype)
        o = self.down(gated(self.gate_up(h), self.activation))
        if self.after_mlp is not None:
            o = norm(o, self.after_mlp.gain, self.after_mlp.eps, self.dtype)
        return x, o


@dataclass(frozen=True)
class Step:
    """What all layers of a forward pass share; `angles` are cosines and sines (N, 1, D/2) by kind of layer."""

    around: Around
    angles: dict[str | None, tuple[Tensor, Tensor]]


class Decoder:
    """A transformers causal model of the Llama family, read. Raises TypeError or AttributeError for others."""

    name, share = "the engine's layers", True

    def __init__(self, model: Any, dtype: torch.dtype):
        backbone = model.base_model
        windows = windows_of(model.config, len(backbone.layers))
        kinds = getattr(model.config, "layer_types", None) or [None] * len(backbone.layers)
        self.rotary = backbone.rotary_emb
        self.by_kind = bool(getattr(self.rotary, "layer_types", None))
        self.dtype, self.embedding, self.memory = dtype, model.get_input_embeddings(), Memory()
        self.head = Head(model, dtype, self.memory)
        self.layers = [
            Layer(layer, dtype, kind if self.by_kind else None, window, self.memory)
            for layer, kind, window in zip(backbone.layers, kinds, windows, strict=True)
        ]
        self.last = Norm(backbone.norm)
        if {name for name, _ in backbone.named_children()} != {"embed_tokens", "layers", "norm", "rotary_emb"}:
            raise TypeError(f"{type(backbone).__name__} has parts that the engine does not know")
        if not isinstance(self.embedding, nn.Embedding):
            raise TypeError("the embedding is no plain table")

    def losses(self, layout: Layout, targets: Tensor) -> Tensor:
        """-log p of each target, (T,), float32, at the layout's wanted places."""
        return self.head.losses(self.hidden(layout), targets)

    def hidden(self, layout: Layout) -> Tensor:
        """The last norm at the wanted places, (T, D)."""
        table = self.embedding.weight
        scale = getattr(self.embedding, "embed_scale", None)
        x = embed(table, layout.ids, 1.0 if scale is None else float(scale.to(table.dtype)), self.memory)
        step = Step(Around(layout, Masks(x.device), self.memory), self._angles(layout, x))
        h = norm(x, self.layers[0].before.gain, self.layers[0].before.eps, self.dtype)
        norms = [*(layer.before for layer in self.layers[1:]), self.last]
        for number, (layer, following) in enumerate(zip(self.layers, norms, strict=True), 1):
            x, o = layer(x, h, step, last=number == len(self.layers))
            x, h = add_norm(x, o, following.gain, following.eps, self.dtype)
        return h

    def _angles(self, layout: Layout, x: Tensor) -> dict[str | None, tuple[Tensor, Tensor]]:
        """By the model's own rotary module, in float32, so every kind of scaling is the model's."""
        made = {}
        for kind in {layer.kind for layer in self.layers}:
            more = {"layer_type": kind} if self.by_kind else {}
            cos, sin = self.rotary(x[None], layout.positions[None], **more)  # (1, N, D)
            half = cos.shape[-1] // 2
            if cos.shape[-1] != self.layers[0].width:
                raise TypeError("only a part of each head is rotated")
            made[kind] = (cos[0, :, None, :half].contiguous(), sin[0, :, None, :half].contiguous())
        return made
