"""A model in the hub's layout as one GGUF file, in 16 bits or in 8 with a scale for every 32 weights (Q8_0).

GGUF is llama.cpp's format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Two architectures are written,
each by a table of names; every weight of the model must be in it. What a configuration asks for that llama.cpp's own
code for the architecture does not do is refused by name.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heedful.errors import HeedfulError, RequestError
from heedful.export.gguf_vocab import SCRIPT, add_vocabulary, check_tokenizer
from heedful.store import read_json

QUANTS = ("f16", "q8_0")
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
LLAMA = _SHARED | {"post_attention_layernorm": "ffn_norm"}
GEMMA3 = _SHARED | {
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "post_attention_layernorm": "post_attention_norm",
    "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
}
TOP = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}
NAMES = {"LlamaForCausalLM": ("llama", LLAMA), "Gemma3ForCausalLM": ("gemma3", GEMMA3)}


@dataclass(frozen=True)
class Weight:
    """One weight on its way: its name there and here, the file that has it, its shape."""

    name: str
    ours: str
    file: Path
    shape: tuple[int, ...]


def check_architecture(folder: Path) -> None:
    """RequestError where the model cannot be written as GGUF here."""
    config = read_json(folder / "config.json")
    name = (config.get("architectures") or ["(unknown)"])[0]
    if name not in NAMES:
        raise RequestError(
            f"--to gguf: {name} is not written here, only {' and '.join(NAMES)}; "
            f"export with --to hf and use {SCRIPT} on that folder"
        )
    for good, what in _asked_for(NAMES[name][0], config):
        if not good:
            raise RequestError(f"--to gguf: {name} with {what} is not written here; use {SCRIPT} on an export --to hf")
    check_tokenizer(folder)


def _asked_for(arch: str, config: dict[str, Any]) -> Iterator[tuple[bool, str]]:
    """What llama.cpp takes for granted of an architecture, each with the words for what it is not."""
    rope = config.get("rope_parameters") or {}
    yield not config.get("rope_scaling"), "rope_scaling"
    yield not config.get("attention_bias") and not config.get("mlp_bias"), "biases"
    if arch == "llama":
        yield config.get("hidden_act", "silu") == "silu", f"the activation {config.get('hidden_act')}"
        yield rope.get("rope_type", "default") == "default", f"rope_type {rope.get('rope_type')}"
        return
    kinds = config.get("layer_types") or []
    sixth = ["full_attention" if (k + 1) % 6 == 0 else "sliding_attention" for k in range(len(kinds))]
    each = [v for v in rope.values() if isinstance(v, dict)]
    yield len(each) == 2 and all(v.get("rope_type") == "default" for v in each), "scaled positions"
    yield (rope.get("sliding_attention") or {}).get("rope_theta") == 10_000, "another rope_theta in its sliding layers"
    yield kinds == sixth, "another pattern of sliding layers"
    yield config.get("query_pre_attn_scalar") == config.get("head_dim"), "another scale of attention"
    yield not config.get("final_logit_softcapping") and not config.get("attn_logit_softcapping"), "soft caps"
    yield not config.get("use_bidirectional_attention"), "attention in both directions"


def write_gguf(folder: Path, target: Path, quant: str, name: str, chat: Any) -> None:
    """Write a model's folder as one file; weights are read and written one at a time. `chat` is bound to it."""
    import gguf
    import numpy as np
    from safetensors import safe_open

    config = read_json(folder / "config.json")
    arch = NAMES[config["architectures"][0]][0]
    weights = _weights(folder, config)
    writer = gguf.GGUFWriter(target, arch)
    writer.add_name(name)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16 if quant == "f16" else gguf.LlamaFileType.MOSTLY_Q8_0)
    if quant != "f16":
        writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    _add_shape(writer, arch, config)
    rows = next(w.shape[0] for w in weights if w.name == "model.embed_tokens.weight")
    add_vocabulary(writer, folder, chat.tokenizer, rows, chat.stop_id, chat.text)
    kinds = [_kind_of(w, quant) for w in weights]
    for w, kind in zip(weights, kinds, strict=True):
        block, size = gguf.GGML_QUANT_SIZES[kind]
        count = math.prod(w.shape)
        writer.add_tensor_info(w.ours, w.shape, np.dtype(np.float32), count // block * size, kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for w, kind in zip(weights, kinds, strict=True):
        with safe_open(w.file, framework="pt") as f:
            values = f.get_tensor(w.name).float().numpy()
        values = _as_llama_cpp_has_it(values, w.name, arch, config)
        if kind == gguf.GGMLQuantizationType.F16 and abs(values).max(initial=0) > 65_504:
            raise RequestError(f"--quant f16: {w.name} has weights beyond 16 bits' range; choose q8_0")
        writer.write_tensor_data(gguf.quants.quantize(values, kind))
    writer.close()


def _weights(folder: Path, config: dict[str, Any]) -> list[Weight]:
    """Every weight of the folder under its name in GGUF; RequestError where one has none."""
    from safetensors import safe_open

    _, block = NAMES[config["architectures"][0]]
    out = []
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as f:
            for name in f.keys():  # noqa: SIM118 - no dictionary
                if name == "lm_head.weight" and config.get("tie_word_embeddings"):
                    continue
                out.append(Weight(name, _name(name, block), file, tuple(f.get_slice(name).get_shape())))
    return sorted(out, key=lambda w: w.ours)


def _name(name: str, block: dict[str, str]) -> str:
    if name == "lm_head.weight":
        return "output.weight"
    if name in TOP:
        return TOP[name]
    start, _, rest = name.removeprefix("model.layers.").partition(".")
    inner = rest.removesuffix(".weight")
    if not name.startswith("model.layers.") or not start.isdigit() or inner not in block or inner == rest:
        raise RequestError(f"--to gguf: the weight {name} has no name in GGUF; use {SCRIPT} on an export --to hf")
    return f"blk.{start}.{block[inner]}.weight"


def _kind_of(w: Weight, quant: str) -> Any:
    """Vectors stay in 32 bits; a matrix whose rows are no multiple of 32 stays in 16."""
    from gguf import GGMLQuantizationType as Kind

    if len(w.shape) == 1:
        return Kind.F32
    return Kind.Q8_0 if quant == "q8_0" and w.shape[-1] % 32 == 0 else Kind.F16


def _as_llama_cpp_has_it(values: Any, name: str, arch: str, config: dict[str, Any]) -> Any:
    """Llama's queries and keys with the two halves of a head interleaved; Gemma's norms with the 1 that is added."""
    if arch == "gemma3":
        return values + 1 if values.ndim == 1 else values
    heads = {"q_proj": "num_attention_heads", "k_proj": "num_key_value_heads"}.get(name.split(".")[-2])
    if heads is None:
        return values
    count = int(config.get(heads) or config["num_attention_heads"])
    halves = values.reshape(count, 2, values.shape[0] // count // 2, values.shape[1])
    return halves.swapaxes(1, 2).reshape(values.shape)


def _add_shape(writer: Any, arch: str, config: dict[str, Any]) -> None:
    """The configuration as GGUF's keys."""
    heads = int(config["num_attention_heads"])
    head = int(config.get("head_dim") or config["hidden_size"] // heads)
    rope = config.get("rope_parameters") or {}
    theta = rope.get("rope_theta") or (rope.get("full_attention") or {}).get("rope_theta") or config.get("rope_theta")
    writer.add_context_length(int(config["max_position_embeddings"]))
    writer.add_embedding_length(int(config["hidden_size"]))
    writer.add_block_count(int(config["num_hidden_layers"]))
    writer.add_feed_forward_length(int(config["intermediate_size"]))
    writer.add_head_count(heads)
    writer.add_head_count_kv(int(config.get("num_key_value_heads") or heads))
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_layer_norm_rms_eps(float(config["rms_norm_eps"]))
    writer.add_rope_freq_base(float(theta or 10_000))
    writer.add_vocab_size(int(config["vocab_size"]))
    if arch == "llama":
        writer.add_rope_dimension_count(head)
    else:
        writer.add_sliding_window(int(config["sliding_window"]))


def check_keys(path: Path, chat: Any) -> None:
    """HeedfulError where the file does not say the template and stop tokens that the model was trained with."""
    import gguf

    fields = gguf.GGUFReader(path).fields
    wanted = {
        "tokenizer.chat_template": chat.text,
        "tokenizer.ggml.eos_token_id": int(chat.tokenizer.eos_token_id),
        "tokenizer.ggml.eot_token_id": int(chat.stop_id),
    }
    for key, value in wanted.items():
        found = fields[key].contents() if key in fields else None
        if found != value:
            raise HeedfulError(
                f"the GGUF says {key} is {str(found)[:60]!r}, not {str(value)[:60]!r}; please report this"
            )
