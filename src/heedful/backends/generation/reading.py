"""A transformers causal model, read for generation: its own small modules, called as they are, in a walk of ours.

    x = embed(ids)
    each layer   h = before(x);  q, k, v = project(h);  rotate;  x = x + after_attention(out(attend(q, k, v)))
                 h = middle(x);  x = x + after_mlp(mlp(h))            parallel (Phi): both additions come from one h
    at wanted places   norm, head

Projections, gated layers and heads are called as modules, so adapters, quantised layers, hooks and biases act as in the
model itself, and weights are never copied: a model in training is answered with as it is at this moment. Ours are the
cache, the attention over it, rotation and RMS norms. What is read here is proved by `check` before it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from heedful.backends.generation.layout import side_by_side
from heedful.backends.generation.shortlist import shortlist_of
from heedful.models.layers import windows_of

Change = Callable[[Tensor], Tensor]
NORMS = {"input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm"}
CHANGING = {"dynamic", "longrope"}  # rotations that depend on how long the row is


@dataclass(frozen=True)
class Block:
    """A layer. Norms are None where it has none; `middle` is None where attention and MLP read the same input.

    `project` gives queries and keys side by side, (N, H + G, D), and values (N, G, D). `kind` names the rotation, None
    for no rotation. `window` is how far back it sees (0: all), `cap` what scores are capped at (0: nothing).
    """

    before: Change | None
    project: Callable[[Tensor], tuple[Tensor, Tensor]]
    out: Change
    after_attention: Change | None
    middle: Change | None
    parallel: bool
    mlp: Change
    after_mlp: Change | None
    kind: str | None
    window: int
    scale: float
    cap: float


@dataclass(frozen=True)
class Reading:
    """A model as `forward` needs it. `angles(T)` are cosines and signed sines (T, 1, D) by kind of layer. `head` gives
    logits, `best` the likeliest token alone."""

    embed: Callable[[Tensor, Tensor], Tensor]
    blocks: tuple[Block, ...]
    norm: Change
    head: Change
    best: Callable[[Tensor], Tensor]
    heads: int
    groups: int
    width: int
    turned: int
    residual: float
    angles: Callable[[int], dict[str | None, tuple[Tensor, Tensor]]]
    dtype: torch.dtype
    device: torch.device


def read(model: Any) -> Reading:
    """Read a model. TypeError or AttributeError where it is built in another way."""
    backbone = model.base_model
    if backbone is model or getattr(model.config, "is_encoder_decoder", False):
        raise TypeError("it is no decoder with a head of its own")
    parameters = list(model.parameters())
    if any(type(p).__name__ == "DTensor" for p in parameters) or len({p.device for p in parameters}) != 1:
        raise TypeError("its weights are spread over devices or processes")
    return _read_gpt2(model, backbone) if hasattr(backbone, "wpe") else _read_llama(model, backbone)


def _read_llama(model: Any, backbone: Any) -> Reading:
    config, layers = model.config, list(backbone.layers)
    _only(backbone, {"embed_tokens", "layers", "norm", "final_layernorm", "rotary_emb"})
    rotary = backbone.rotary_emb
    by_kind = bool(getattr(rotary, "layer_types", None))
    types = rotary.rope_type.values() if isinstance(rotary.rope_type, dict) else [rotary.rope_type]
    if CHANGING & set(types):
        raise TypeError("its rotation changes with the length of the row")
    kinds = getattr(config, "layer_types", None) or [""] * len(layers)
    windows = windows_of(config, len(layers))
    attention = layers[0].self_attn
    width = int(attention.head_dim)
    groups = int(config.num_key_value_heads or config.num_attention_heads)
    embedding = model.get_input_embeddings()
    example = embedding.weight
    turned = _table(rotary, 1, kinds[0] if by_kind else None, example)[0].shape[-1]

    def angles(places: int) -> dict[str | None, tuple[Tensor, Tensor]]:
        wanted = set(kinds) if by_kind else {""}
        return {kind: _angles(rotary, places, kind if by_kind else None, example, width) for kind in wanted}

    factor, residual = (float(getattr(config, f"{name}_multiplier", None) or 1) for name in ("embedding", "residual"))
    blocks = [
        _read_layer(layer, config, groups, kind if by_kind else "", window)
        for layer, kind, window in zip(layers, kinds, windows, strict=True)
    ]
    return Reading(
        (lambda ids, at: embedding(ids)) if factor == 1 else (lambda ids, at: embedding(ids) * factor), tuple(blocks),
        read_norm(backbone.norm if hasattr(backbone, "norm") else backbone.final_layernorm), *_read_head(model),
        int(config.num_attention_heads), groups, width, turned, residual,
        angles, example.dtype, example.device,
    )  # fmt: skip


def _read_layer(layer: Any, config: Any, groups: int, kind: str, window: int) -> Block:
    attention, names = layer.self_attn, {name for name, _ in layer.named_children()}
    _only(layer, {"self_attn", "mlp", *NORMS})
    project, out = _read_attention(attention, int(config.num_attention_heads), groups)
    norm = {name: read_norm(getattr(layer, name)) for name in NORMS & names}
    # Four norms (Gemma), two after the parts (OLMo 2), two before them (most), one for both parts (Phi).
    around = "post_feedforward_layernorm" in names
    middle = norm.get("pre_feedforward_layernorm") if around else norm.get("post_attention_layernorm")
    return Block(
        norm.get("input_layernorm"), project, out, norm["post_attention_layernorm"] if around else None,
        middle, "post_attention_layernorm" not in names, _read_mlp(layer.mlp), norm.get("post_feedforward_layernorm"),
        kind if getattr(attention, "use_rope", True) else None, window, float(attention.scaling),
        float(getattr(attention, "attn_logit_softcapping", None) or 0),
    )  # fmt: skip


def _read_attention(
    attention: Any, heads: int, groups: int
) -> tuple[Callable[[Tensor], tuple[Tensor, Tensor]], Change]:
    width = int(attention.head_dim)
    inner = {name for name, _ in attention.named_children()}
    out = attention.o_proj if "o_proj" in inner else attention.dense
    if "qkv_proj" in inner:
        _only(attention, {"qkv_proj", "o_proj", "dense"})
        return _side_by_side(attention.qkv_proj, heads, groups, width), out
    _only(
        attention,
        {"q_proj", "k_proj", "v_proj", "o_proj", "dense", "q_norm", "k_norm", "q_layernorm", "k_layernorm"},
    )
    query, key, value = attention.q_proj, attention.k_proj, attention.v_proj
    found = next((n for n in ("norm", "layernorm") if f"q_{n}" in inner), None)
    q_norm, k_norm = (read_norm(getattr(attention, f"{x}_{found}")) for x in "qk") if found else (None, None)
    size = getattr(attention, f"q_{found}").weight.shape[-1] if found else width
    whole = size != width  # OLMo 2: all heads are one norm
    joined = side_by_side([query, key, value])
    if joined is not None and found is None:
        weight, bias = joined
        return _side_by_side(lambda h: functional.linear(h, weight, bias), heads, groups, width), out
    split = [heads * width, groups * width, groups * width]

    def project(h: Tensor) -> tuple[Tensor, Tensor]:
        if joined is None:
            q, k, v = query(h), key(h), value(h)
        else:
            q, k, v = functional.linear(h, *joined).split(split, 1)
        if q_norm is not None and k_norm is not None and whole:
            q, k = q_norm(q), k_norm(k)
        q, k = q.view(-1, heads, width), k.view(-1, groups, width)
        if q_norm is not None and k_norm is not None and not whole:
            q, k = q_norm(q), k_norm(k)
        return torch.cat([q, k], 1), v.view(-1, groups, width)

    return project, out


def _read_mlp(mlp: Any) -> Change:
    """A gated layer whose first two weights stand side by side as one product; any other is the module itself."""
    both = None
    if {name for name, _ in mlp.named_children()} == {"gate_proj", "up_proj", "down_proj", "act_fn"}:
        both = side_by_side([mlp.gate_proj, mlp.up_proj])
    if both is None:
        return mlp
    (weight, bias), down, act, width = both, mlp.down_proj, mlp.act_fn, len(mlp.gate_proj.weight)

    def change(h: Tensor) -> Tensor:
        gate_and_up = functional.linear(h, weight, bias)
        return down(act(gate_and_up[:, :width]).mul_(gate_and_up[:, width:]))

    return change


def _side_by_side(module: Any, heads: int, groups: int, width: int) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    """One projection that gives queries, keys and values, in this order (Phi-3, GPT-2)."""

    def project(h: Tensor) -> tuple[Tensor, Tensor]:
        whole = module(h).view(-1, heads + 2 * groups, width)
        return whole[:, : heads + groups], whole[:, heads + groups :]

    return project


def _read_gpt2(model: Any, backbone: Any) -> Reading:
    config, layers = model.config, list(backbone.h)
    _only(backbone, {"wte", "wpe", "drop", "h", "ln_f"})
    tokens, positions = backbone.wte, backbone.wpe
    heads = int(config.num_attention_heads)
    width = int(layers[0].attn.head_dim)
    blocks = []
    for layer in layers:
        _only(layer, {"ln_1", "attn", "ln_2", "mlp"})
        _only(layer.attn, {"c_attn", "c_proj", "attn_dropout", "resid_dropout"})
        project = _side_by_side(layer.attn.c_attn, heads, heads, width)
        blocks.append(
            Block(layer.ln_1, project, layer.attn.c_proj, None, layer.ln_2, False, layer.mlp, None, None, 0,
                  float(layer.attn.scaling), 0.0)
        )  # fmt: skip
    return Reading(
        lambda ids, at: tokens(ids) + positions(at), tuple(blocks), backbone.ln_f, *_read_head(model), heads, heads,
        width, 0, 1.0, lambda places: {}, tokens.weight.dtype, tokens.weight.device,
    )  # fmt: skip


def _read_head(model: Any) -> tuple[Change, Callable[[Tensor], Tensor]]:
    """The output head with what some families do to its logits: a cap (Gemma 2), a factor (Granite); and the likeliest
    token, which neither changes."""
    head, config = model.get_output_embeddings(), model.config
    cap = float(getattr(config, "final_logit_softcapping", None) or 0)
    factor = 1 / float(getattr(config, "logits_scaling", None) or 1)

    def logits(h: Tensor) -> Tensor:
        made = head(h).float()
        if factor != 1:
            made = made * factor
        return torch.tanh(made / cap) * cap if cap else made

    def best(h: Tensor) -> Tensor:
        found = shortlist.best(h) if shortlist is not None else None
        return logits(h).argmax(-1) if found is None else found

    shortlist = shortlist_of(head) if factor > 0 else None
    return logits, best


def read_norm(module: Any) -> Change:
    """An RMS norm in few operations (torch's own is made of many on a CPU); any other norm is the module itself."""
    weight, eps = getattr(module, "weight", None), getattr(module, "variance_epsilon", getattr(module, "eps", None))
    known = weight is not None and weight.ndim == 1 and eps is not None and getattr(module, "bias", None) is None
    if isinstance(module, nn.LayerNorm) or not known or weight is None or eps is None:
        return module
    gain = weight.detach().float()
    probe = torch.linspace(-1, 1, len(gain), dtype=torch.float32, device=gain.device)[None]
    with torch.no_grad():
        wanted = module(probe.to(weight.dtype)).float()
        made = {offset: _rms(probe, (gain + offset) * len(gain) ** 0.5, float(eps)) for offset in (0.0, 1.0)}
        offset = min(made, key=lambda o: float((made[o] - wanted).abs().max()))
        if float((made[offset] - wanted).abs().max()) > 0.02 * float(wanted.abs().max()):
            return module
        gain = (gain + offset) * len(gain) ** 0.5
    if weight.dtype == torch.float32:
        return lambda x: _rms(x, gain, float(eps))
    return lambda x: _rms(x.float(), gain, float(eps)).to(x.dtype)


def _rms(x: Tensor, gain: Tensor, eps: float) -> Tensor:
    """RMSNorm (Zhang and Sennrich 2019, https://arxiv.org/abs/1910.07467); `gain` bears the root of the width."""
    if x.shape[0] == 1 and x.ndim == 2 and x.device.type == "cpu":  # each operation counts in a step of one token
        return torch.mul(x, gain).mul_((float(torch.linalg.vector_norm(x)) ** 2 + eps * x.shape[-1]) ** -0.5)
    r = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square_().add_(eps * x.shape[-1]).rsqrt_()
    return torch.mul(x, r).mul_(gain)


def _table(rotary: Any, places: int, kind: str | None, example: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines (T, R) of the model's own rotary module, so every kind of scaling is the model's."""
    at = torch.arange(places, device=example.device)[None]
    cos, sin = rotary(
        torch.zeros(1, places, 1, dtype=torch.float32, device=at.device), at, **({"layer_type": kind} if kind else {})
    )
    return cos[0], sin[0]


def _angles(rotary: Any, places: int, kind: str | None, example: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """(T, 1, D) each: x * cos + swap(x) * sin turns the first R entries and leaves the others as they are."""
    cos, sin = _table(rotary, places, kind, example)
    half = cos.shape[-1] // 2
    if cos.shape[-1] > width:
        raise TypeError("its rotation is wider than its heads")
    rest = torch.ones(places, width - 2 * half, dtype=torch.float32, device=cos.device)
    whole = torch.cat([cos, rest], -1), torch.cat([-sin[:, :half], sin[:, half:], torch.zeros_like(rest)], -1)
    return whole[0][:, None].to(example.dtype), whole[1][:, None].to(example.dtype)


def _only(module: Any, known: set[str]) -> None:
    """TypeError where a module has children that are not known; dropout is none while answers are made."""
    for name, child in module.named_children():
        if name not in known and not isinstance(child, nn.Dropout | nn.Identity):
            raise TypeError(f"{type(module).__name__} has a part that the engine does not know ({name})")
