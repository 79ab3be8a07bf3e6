"""The architectures that are written as GGUF: llama.cpp's names of their weights, and what it takes for granted.

A configuration that asks for what llama.cpp's code for the architecture does not do is refused by name. Names:
https://github.com/ggml-org/llama.cpp/blob/master/gguf-py/gguf/constants.py
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_SHARED = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_NORMS = {"self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm"}
LLAMA = _SHARED | {"post_attention_layernorm": "ffn_norm"}
QWEN3 = LLAMA | _NORMS
GEMMA3 = (
    _SHARED
    | _NORMS
    | {
        "post_attention_layernorm": "post_attention_norm",
        "pre_feedforward_layernorm": "ffn_norm",
        "post_feedforward_layernorm": "post_ffw_norm",
    }
)
TOP = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}
# By the model's class: llama.cpp's name, its table, the projections that may have a bias.
NAMES = {
    "LlamaForCausalLM": ("llama", LLAMA, ()),
    "MistralForCausalLM": ("llama", LLAMA, ()),
    "Qwen2ForCausalLM": ("qwen2", LLAMA, ("q_proj", "k_proj", "v_proj")),
    "Qwen3ForCausalLM": ("qwen3", QWEN3, ()),
    "Gemma3ForCausalLM": ("gemma3", GEMMA3, ()),
}


def name_of(weight: str, architecture: str) -> str | None:
    """A weight's name in GGUF; None where it has none."""
    if weight == "lm_head.weight":
        return "output.weight"
    if weight in TOP:
        return TOP[weight]
    _, block, biased = NAMES[architecture]
    layer, _, rest = weight.removeprefix("model.layers.").partition(".")
    inner, _, kind = rest.rpartition(".")
    good = kind == "weight" or (kind == "bias" and inner.split(".")[-1] in biased)
    if not weight.startswith("model.layers.") or not layer.isdigit() or inner not in block or not good:
        return None
    return f"blk.{layer}.{block[inner]}.{kind}"


def scaled_positions(config: dict[str, Any]) -> bool:
    """Whether the model has Llama 3.1's scaled positions, which a GGUF has as a vector of divisors."""
    return (config.get("rope_parameters") or {}).get("rope_type") == "llama3"


def refusals(config: dict[str, Any]) -> Iterator[tuple[bool, str]]:
    """What llama.cpp takes for granted of an architecture: whether it holds, and the words for what it is not."""
    arch = NAMES[config["architectures"][0]][0]
    yield not config.get("rope_scaling"), "rope_scaling"
    yield not config.get("attention_bias") and not config.get("mlp_bias"), "biases"
    if arch == "gemma3":
        yield from _gemmas(config)
        return
    yield config.get("hidden_act", "silu") == "silu", f"the activation {config.get('hidden_act')}"
    kind = (config.get("rope_parameters") or {}).get("rope_type", "default")
    yield kind == "default" or (kind == "llama3" and arch == "llama"), f"rope_type {kind}"
    # Some configurations name a window that they do not use, or one that is no smaller than the longest text.
    window, longest = config.get("sliding_window"), config.get("max_position_embeddings") or 0
    used = config.get("use_sliding_window", True) and window is not None and window < longest
    yield not used, "a sliding window"


def _gemmas(config: dict[str, Any]) -> Iterator[tuple[bool, str]]:
    rope = config.get("rope_parameters") or {}
    kinds = config.get("layer_types") or []
    sixth = ["full_attention" if (k + 1) % 6 == 0 else "sliding_attention" for k in range(len(kinds))]
    each = [v for v in rope.values() if isinstance(v, dict)]
    yield len(each) == 2 and all(v.get("rope_type") == "default" for v in each), "scaled positions"
    yield (rope.get("sliding_attention") or {}).get("rope_theta") == 10_000, "another rope_theta in its sliding layers"
    yield kinds == sixth, "another pattern of sliding layers"
    yield config.get("query_pre_attn_scalar") == config.get("head_dim"), "another scale of attention"
    yield not config.get("final_logit_softcapping") and not config.get("attn_logit_softcapping"), "soft caps"
    yield not config.get("use_bidirectional_attention"), "attention in both directions"
