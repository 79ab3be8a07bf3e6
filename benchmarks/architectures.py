"""Which architectures of transformers get which engine: small random models, each compared with its own pass.

    python benchmarks/architectures.py

Prints a line for each; no weights are loaded and nothing is timed.
"""

from __future__ import annotations

import os
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"
NAMES = [
    "Llama",
    "Mistral",
    "Ministral3",
    "Qwen2",
    "Qwen3",
    "Gemma",
    "Gemma2",
    "Gemma3Text",
    "Phi",
    "Phi3",
    "Olmo",
    "Olmo2",
    "Olmo3",
    "Granite",
    "SmolLM3",
    "StableLm",
    "Starcoder2",
    "Cohere",
    "Cohere2",
    "Glm",
    "Glm4",
    "Exaone4",
    "SeedOss",
    "Ernie4_5",
    "Helium",
    "Arcee",
    "Apertus",
    "Nemotron",
    "GPT2",
    "GPTNeoX",
    "OPT",
    "Falcon",
    "Mpt",
    "Bloom",
    "GPTJ",
    "CodeGen",
    "Qwen3_5Text",
    "Lfm2",
    "Youtu",
    "NanoChat",
]


def main() -> None:
    import torch
    import transformers

    from heedful.train.engine import make_engine

    transformers.logging.set_verbosity_error()
    warnings.simplefilter("ignore")
    sizes = {"vocab_size": 300, "hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 4}
    sizes |= {"num_key_value_heads": 2, "max_position_embeddings": 256, "num_hidden_layers": 4}
    sizes |= {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    for name in NAMES:
        config_class = getattr(transformers, f"{name}Config", None)
        if config_class is None:
            print(f"{name:<12} not in transformers {transformers.__version__}")
            continue
        config = config_class(**sizes)
        if getattr(config, "head_dim", None) not in (None, 16):
            config.head_dim = 16
        engine, note = make_engine(transformers.AutoModelForCausalLM.from_config(config).eval(), torch.float32)
        print(f"{name:<12} {note if engine else f'its own pass: {note}'}", flush=True)


if __name__ == "__main__":
    main()
