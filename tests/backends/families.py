"""Tiny models of every family that the engines know, with random weights."""

from __future__ import annotations

import pytest
import torch
import transformers as t

VOCABULARY = 61
SIZES = {
    "vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128,
    "bos_token_id": None, "eos_token_id": 3, "pad_token_id": 0,
}  # fmt: skip
HEAD = {"head_dim": 16}
# Of each way of the engines one in the fast tests: rotation, windows and norms, learned places, parallel blocks.
FAST = ("llama", "gemma3", "gpt2", "phi", "qwen3", "mistral")
CONFIGS = {
    "llama": lambda: t.LlamaConfig(**SIZES, attention_bias=True),
    "llama3": lambda: t.LlamaConfig(
        **SIZES, rope_parameters={"rope_type": "llama3", "rope_theta": 10000.0, "factor": 4.0, "low_freq_factor": 1.0,
                                  "high_freq_factor": 4.0, "original_max_position_embeddings": 32}),
    "mistral": lambda: t.MistralConfig(**SIZES, sliding_window=6),
    "qwen2": lambda: t.Qwen2Config(**SIZES, tie_word_embeddings=True),
    "qwen3": lambda: t.Qwen3Config(**SIZES, **HEAD),
    "gemma": lambda: t.GemmaConfig(**SIZES, **HEAD),
    "gemma2": lambda: t.Gemma2Config(
        **SIZES, **HEAD, sliding_window=6, attn_logit_softcapping=2.0, final_logit_softcapping=3.0),
    "gemma3": lambda: t.Gemma3TextConfig(
        **SIZES | {"num_hidden_layers": 3}, **HEAD, sliding_window=6, query_pre_attn_scalar=16,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"]),
    "gpt2": lambda: t.GPT2Config(
        vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4, n_positions=128, bos_token_id=None, eos_token_id=3),
    "phi": lambda: t.PhiConfig(**SIZES | {"num_key_value_heads": 4}),
    "phi3": lambda: t.Phi3Config(**SIZES, sliding_window=6),
    "olmo2": lambda: t.Olmo2Config(**SIZES),
    "granite": lambda: t.GraniteConfig(
        **SIZES, embedding_multiplier=3.0, residual_multiplier=0.5, logits_scaling=2.0, attention_multiplier=0.3),
    "smollm3": lambda: t.SmolLM3Config(**SIZES, no_rope_layers=[1, 0]),
    "starcoder2": lambda: t.Starcoder2Config(**SIZES | {"sliding_window": 6}),
}  # fmt: skip


def fast_first(families):
    """As parameters of a test: all but a few families are slow tests."""
    return [f if f in FAST else pytest.param(f, marks=pytest.mark.slow) for f in families]


def make_model(family: str, seed: int = 0):
    """Random weights larger than usual, so that what a model says depends on what it was asked."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = t.AutoModelForCausalLM.from_config(CONFIGS[family](), dtype=torch.float32).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(8) if parameter.ndim > 1 else parameter.add_(torch.randn_like(parameter) * 0.1)
    return model
