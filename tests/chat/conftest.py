# ruff: noqa: E501 - tables of texts read better in long lines
"""Small real tokenizers of every kind, trained in a second from a few hundred lines of mixed text."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE, Unigram
from tokenizers.trainers import BpeTrainer, UnigramTrainer

os.environ["HF_HUB_OFFLINE"] = "1"

from transformers import PreTrainedTokenizerFast

LINES = [
    "Below is an instruction that describes a task. Write a response that appropriately completes the request.",
    "### Instruction:\nName the capital of France.\n\n### Response:\nThe capital of France is Paris.",
    "### Response:", "### Input:\n3 + 4 = 7", "a smile is written :) or :( and sometimes ;-) ::)", ":) :) :)",
    "def add(a, b):\n    return a + b\n\n\nclass Point:\n    x: int = 0  # note\n", "for i in range(10):\n\tprint(i)",
    "日本の首都は東京です。", "吾輩は猫である。名前はまだ無い。", "「はい」と答えた。\n\n「いいえ」", "🙂 👍🏽 👨‍👩‍👧 🇯🇵 emoji", "café naïve e\u0301 o\u0308",
    "the quick brown fox jumps over the lazy dog", "What is the meaning of the word 'heedful'? It is careful.",
    "user assistant system model tool\n", "x = {'a': [1, 2, 3]}\n\n", "Hello, world!  Two  spaces.   Three.", "\n\n\n", "1. one\n2. two\n3. three",
] * 20  # fmt: skip
SPECIALS = (
    "<s>", "</s>", "<|endoftext|>", "<|begin_of_text|>", "<|im_start|>", "<|im_end|>", "<|system|>", "<|user|>",
    "<|assistant|>", "<|end|>", "<start_of_turn>", "<end_of_turn>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>",
)  # fmt: skip
# Which tokens swallow white space after them, as Microsoft's tokenizer of Phi-3-mini has it.
PHI3_RSTRIP = ("</s>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>")
# Meta-Llama-3's split of a text into pieces that no merge crosses (its tokenizer.json, pre_tokenizer).
LLAMA3_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SIZE = 700


def byte_level(add_prefix_space: bool = False, split: str | None = None, size: int = SIZE) -> Tokenizer:
    """BPE over bytes: GPT-2's, or Llama 3's where `split` is given; with `size` 256 one token a byte, as ByT5."""
    tokenizer = Tokenizer(BPE())
    byte = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space, use_regex=split is None)
    pieces = [pre_tokenizers.Split(Regex(split), "isolated")] if split else []
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*pieces, byte])  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.decoder = decoders.ByteLevel()  # pyright: ignore[reportAttributeAccessIssue]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(LINES, BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False))
    return tokenizer


def sentence_piece(prefix: str | None) -> Tokenizer:
    """SentencePiece-BPE with byte fallback.

    `prefix`: ``first`` (Metaspace before the text), ``always`` (before every segment, as Llama 2's normalizer), or
    None (Gemma).
    """
    trained = Tokenizer(BPE())
    trained.pre_tokenizer = pre_tokenizers.Metaspace()  # pyright: ignore[reportAttributeAccessIssue]
    trained.train_from_iterator(LINES, BpeTrainer(vocab_size=SIZE, show_progress=False))
    model = json.loads(trained.to_str())["model"]
    names = ["<unk>", *(f"<0x{b:02X}>" for b in range(256)), *model["vocab"]]
    vocab = {name: i for i, name in enumerate(names)}
    merges = [tuple(m) for m in model["merges"]]
    tokenizer: Any = Tokenizer(BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    back = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    if prefix == "first":
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    elif prefix == "always":
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    else:
        tokenizer.normalizer = normalizers.Replace(" ", "▁")
    if prefix:
        back.append(decoders.Strip(" ", 1, 0))
    tokenizer.decoder = decoders.Sequence(back)
    return tokenizer


def unigram() -> Tokenizer:
    """Unigram SentencePiece with NFKC and without byte fallback: what it does not know becomes <unk>."""
    tokenizer: Any = Tokenizer(Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    lines = [line.replace("\n", " ") for line in LINES]
    trainer: Any = UnigramTrainer
    tokenizer.train_from_iterator(
        lines, trainer(vocab_size=400, show_progress=False, special_tokens=["<unk>"], unk_token="<unk>")
    )
    return tokenizer


def wrap(
    tokenizer: Any,
    eos: str,
    bos: str | None = None,
    add_bos: bool = False,
    rstrip: tuple[str, ...] = (),
    **options: Any,
) -> PreTrainedTokenizerFast:
    """As transformers has it, with the special tokens added; without a `pad_token`, padding is end-of-text."""
    for text in SPECIALS:
        tokenizer.add_special_tokens([AddedToken(text, normalized=False, rstrip=text in rstrip)])
    if add_bos:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", special_tokens=[(bos, tokenizer.token_to_id(bos))]
        )
    options.setdefault("pad_token", eos)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=eos, bos_token=bos, **options)


KINDS: dict[str, Callable[[], PreTrainedTokenizerFast]] = {
    "gpt2": lambda: wrap(byte_level(), "<|endoftext|>", "<|endoftext|>", unk_token="<|endoftext|>"),
    "gpt2-prefix": lambda: wrap(byte_level(add_prefix_space=True), "<|endoftext|>", "<|endoftext|>"),
    "llama3": lambda: wrap(byte_level(split=LLAMA3_SPLIT), "<|eot_id|>", "<|begin_of_text|>", add_bos=True),
    "llama2": lambda: wrap(sentence_piece("always"), "</s>", "<s>", add_bos=True, unk_token="<unk>"),
    "metaspace": lambda: wrap(sentence_piece("first"), "</s>", "<s>", add_bos=True, unk_token="<unk>"),
    "gemma": lambda: wrap(sentence_piece(None), "</s>", "<s>", add_bos=True, pad_token="<|end|>"),
    "phi3": lambda: wrap(
        sentence_piece("always"), "<|endoftext|>", "<s>", rstrip=PHI3_RSTRIP, unk_token="<unk>"
    ),
    "unigram": lambda: wrap(unigram(), "</s>", unk_token="<unk>"),
    "bytes": lambda: wrap(byte_level(size=256), "</s>"),
}  # fmt: skip
# Those that give back every text exactly as it was (Gemma's but for ▁, which it reads as a space).
LOSSLESS = ("gpt2", "llama3", "gemma", "bytes")


@functools.cache
def _serialised(kind: str) -> tuple[str, dict[str, Any]]:
    made = KINDS[kind]()
    return made.backend_tokenizer.to_str(), {k: str(v) for k, v in made.special_tokens_map.items()}


def make_tokenizer(kind: str) -> PreTrainedTokenizerFast:
    """A fresh tokenizer of a kind: tests put templates into them."""
    text, names = _serialised(kind)
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(text), **names)


@pytest.fixture(scope="session")
def make() -> Callable[[str], PreTrainedTokenizerFast]:
    """`make(kind)`: a fresh tokenizer of that kind."""
    return make_tokenizer


@pytest.fixture(scope="session", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Every kind of tokenizer by name."""
    return request.param


@pytest.fixture(scope="session")
def lossless() -> tuple[str, ...]:
    """The kinds that give back every text exactly."""
    return LOSSLESS
