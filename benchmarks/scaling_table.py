"""The table of docs/scaling.md: what models from 135M to 70B need, by arithmetic from their configurations alone.

    python benchmarks/scaling_table.py

Settings: bf16, 8 rows of 512 tokens a step of which 150 are trained, one row at a time with gradient checkpointing.
Memory is `memory_parts` of heedful.train.estimate without the process itself. Operations are of the method;
seconds are at 40% of the rate that an A100 has by its data sheet.
"""

from __future__ import annotations

import transformers as t

from heedful.train.estimate import Work, activation_bytes, memory_parts, operations, peak, shape_of
from heedful.train.recipe import make_recipe

ROWS, LENGTH, TRAINED = 8, 512, 150
GPU = 312e12  # bf16 operations a second of one A100 by its data sheet


def llama(width: int, layers: int, inner: int, heads: int, kv: int, vocabulary: int, tied: bool) -> t.LlamaConfig:
    return t.LlamaConfig(
        hidden_size=width, num_hidden_layers=layers, intermediate_size=inner, num_attention_heads=heads,
        num_key_value_heads=kv, vocab_size=vocabulary, tie_word_embeddings=tied,
    )  # fmt: skip


def qwen(width: int, layers: int, inner: int, heads: int) -> t.Qwen3Config:
    return t.Qwen3Config(
        hidden_size=width, num_hidden_layers=layers, intermediate_size=inner, num_attention_heads=heads,
        num_key_value_heads=8, head_dim=128, vocab_size=151_936, tie_word_embeddings=width < 4096,
    )  # fmt: skip


def gemma() -> t.Gemma3TextConfig:
    return t.Gemma3TextConfig(
        hidden_size=640, num_hidden_layers=18, intermediate_size=2048, num_attention_heads=4, num_key_value_heads=1,
        head_dim=256, vocab_size=262_144, query_pre_attn_scalar=256,
    )  # fmt: skip


MODELS = {
    "SmolLM2 135M": llama(576, 30, 1536, 9, 3, 49_152, True),
    "Gemma 3 270M": gemma(),
    "Qwen3 0.6B": qwen(1024, 28, 3072, 16),
    "Llama 3.2 1B": llama(2048, 16, 8192, 32, 8, 128_256, True),
    "Qwen3 4B": qwen(2560, 36, 9728, 32),
    "Llama 3.1 8B": llama(4096, 32, 14_336, 32, 8, 128_256, False),
    "Qwen3 14B": t.Qwen3Config(
        hidden_size=5120, num_hidden_layers=40, intermediate_size=17_408, num_attention_heads=40, num_key_value_heads=8,
        head_dim=128, vocab_size=151_936, tie_word_embeddings=False,
    ),
    "Llama 3.1 70B": llama(8192, 80, 28_672, 64, 8, 128_256, False),
}  # fmt: skip


def main() -> None:
    print(
        "| model | parameters | LoRA: GB | TFLOP a step | full: GB | TFLOP a step | GB on each of 8 | s a step on 8 |"
    )
    print("|---|---|---|---|---|---|---|---|")
    positions = ROWS * (LENGTH - 1)
    work = Work(1, positions, ROWS * TRAINED, LENGTH - 1, TRAINED, LENGTH - 1, 0, 0)
    for name, config in MODELS.items():
        shape = shape_of(config)
        cells = []
        for tuning in ("lora", "full"):
            recipe = make_recipe({"tuning": tuning, "micro_batch_size": 1, "gradient_checkpointing": True})
            parts = memory_parts(shape, recipe, work, "bf16", activation_bytes(shape, recipe, "bf16"), 0.0, 0.0)
            parts["saving"] = 0.0
            done = operations(shape, recipe, work.positions, work.trained, LENGTH)
            cells += [f"{peak(parts) / 1e9:,.1f}", f"{done / 1e12:,.1f}"]
        state = (parts["weights"] + parts["moments"] + parts["gradients"]) / 8
        one = state + parts["activations"] + parts["logits"] + 4 * shape.layer
        cells += [f"{one / 1e9:,.1f}", f"{done / (8 * GPU * 0.4):.2g}"]
        print(f"| {name} | {shape.parameters / 1e6:,.0f}M | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
