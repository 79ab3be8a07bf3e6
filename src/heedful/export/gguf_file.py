"""A model in the hub's layout as one GGUF file, in 16 bits or in 8 with a scale for every 32 weights (Q8_0).

GGUF is llama.cpp's format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Which architectures are written,
and under which names, is in `gguf_names`; every weight of the model must have one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heedful.errors import HeedfulError, RequestError
from heedful.export.gguf_names import NAMES, name_of, refusals, scaled_positions
from heedful.export.gguf_split import READ_BACK
from heedful.export.gguf_vocab import SCRIPT, add_vocabulary, check_tokenizer
from heedful.store import read_json

QUANTS = ("f16", "q8_0")


@dataclass(frozen=True)
class Weight:
    """One weight on its way: its name there and here, the file that has it, its shape."""

    name: str
    ours: str
    file: Path
    shape: tuple[int, ...]


def check_architecture(folder: Path, runtime: bool = False) -> None:
    """RequestError where the model cannot be written as GGUF here; `runtime`: llama.cpp will compare it."""
    config = read_json(folder / "config.json")
    name = (config.get("architectures") or ["(unknown)"])[0]
    if name not in NAMES:
        raise RequestError(
            f"--to gguf: {name} is not written here, only {', '.join(NAMES)}; "
            f"export with --to hf and use {SCRIPT} on that folder"
        )
    for good, what in refusals(config):
        if not good:
            raise RequestError(f"--to gguf: {name} with {what} is not written here; use {SCRIPT} on an export --to hf")
    split = check_tokenizer(folder)
    if not runtime and (split not in READ_BACK or scaled_positions(config)):
        what = "scaled positions" if split in READ_BACK else f"a tokenizer that splits text as {split} does"
        raise RequestError(
            f"--to gguf: {name} with {what} is compared by llama.cpp itself or not at all, and there is no "
            "llama-cpp-python here; install it (pip install 'heedful[gguf-check]'), or name a Python that has it "
            "with --llama-python"
        )


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
    divisors = _divisors(folder, config)
    if divisors is not None:
        writer.add_tensor_info("rope_freqs.weight", divisors.shape, divisors.dtype, divisors.nbytes)
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
    if divisors is not None:
        writer.write_tensor_data(divisors)
    writer.close()


def _weights(folder: Path, config: dict[str, Any]) -> list[Weight]:
    """Every weight of the folder under its name in GGUF; RequestError where one has none."""
    from safetensors import safe_open

    out = []
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as f:
            for name in f.keys():  # noqa: SIM118 - no dictionary
                if name == "lm_head.weight" and config.get("tie_word_embeddings"):
                    continue
                ours = name_of(name, config["architectures"][0])
                if ours is None:
                    raise RequestError(
                        f"--to gguf: the weight {name} has no name in GGUF; use {SCRIPT} on an export --to hf"
                    )
                out.append(Weight(name, ours, file, tuple(f.get_slice(name).get_shape())))
    return sorted(out, key=lambda w: w.ours)


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
    if arch != "llama":
        return values
    heads = {"q_proj": "num_attention_heads", "k_proj": "num_key_value_heads"}.get(name.split(".")[-2])
    if heads is None:
        return values
    count = int(config.get(heads) or config["num_attention_heads"])
    halves = values.reshape(count, 2, values.shape[0] // count // 2, values.shape[1])
    return halves.swapaxes(1, 2).reshape(values.shape)


def _divisors(folder: Path, config: dict[str, Any]) -> Any:
    """By what each frequency of the positions is divided, in float32; None where positions are not scaled."""
    if not scaled_positions(config):
        return None
    from transformers import AutoConfig
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](AutoConfig.from_pretrained(folder, local_files_only=True), "cpu")
    theta = float(config["rope_parameters"]["rope_theta"])
    plain = [theta ** (-k / len(scaled)) for k in range(len(scaled))]
    return (scaled.new_tensor(plain) / scaled).numpy()


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
    if arch == "gemma3":
        writer.add_sliding_window(int(config["sliding_window"]))
    else:
        writer.add_rope_dimension_count(head)


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
