"""Where a tokenizer certainly cuts: pieces have the ids of the whole, for every text and every build that has seams."""

from __future__ import annotations

import functools
import itertools
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from heedful.models.loading import load_tokenizer
from heedful.models.packaged import packaged_folder
from heedful.seams import PATTERNS, Seams, seams_of

LLAMA, QWEN = sorted(PATTERNS, key=lambda pattern: "{1,3}" not in pattern)
TEXT = "a: b:c say:: it's: I'LL: 12:30\n\n### Input:\nx\n\ny: \n a\n\t:z\r\n:: abc: abc:\n" * 20
PIECES = st.sampled_from(
    ["a", "b", "abc", "Z", ":", "::", ": ", ":\n", "\n", "\n\n", "\r\n", " ", "  ", "\t", "'s", "'LL", "'", "7", "123",
     "é", "e\u0301", "\u0301", "猫", "🙂", "ß", "###", "-", "<end>", "<end", "end>", "<|x|>", "ß:", "é:", "x:",
     "e\u0301:"]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=25).map("".join) | st.text(max_size=40)


def byte_level(splitter: Any, normalizer: Any = None) -> Tokenizer:
    """A tokenizer of a build, trained on a text in which letters and colons stand side by side."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = splitter
    if normalizer:
        made.normalizer = normalizer
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator([TEXT], trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet))  # type: ignore[arg-type]
    made.add_special_tokens(["<end>", "<|x|>"])
    return made


def split_by(pattern: str) -> Any:
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def gemma(*tokens: str) -> Tokenizer:
    """A tokenizer that joins without splitting, as Gemma's; `tokens` besides."""
    words = ["\n\n", "\n\n\n", "▁▁", "▁a", "a:", "ab", "abc", ":\n", *tokens]
    alphabet = sorted({c for word in words for c in word} | set("Z7x'#-<>|end<"))
    vocab = {t: i for i, t in enumerate(["<unk>", *(f"<0x{b:02X}>" for b in range(256)), *alphabet, *words])}
    merges = [("\n", "\n"), ("\n\n", "\n"), ("▁", "▁"), ("▁", "a"), ("a", ":"), ("a", "b"), ("ab", "c"), (":", "\n")]
    merges += [(t[:-1], t[-1]) for t in tokens]
    made = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    made.normalizer = normalizers.Replace(" ", "▁")
    made.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    made.add_special_tokens(["<end>", "<|x|>"])
    return made


@functools.cache
def builds() -> dict[str, Tokenizer]:
    plain = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return {
        "gpt-2": byte_level(plain),
        "smollm": byte_level(pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), plain])),
        "llama 3": byte_level(split_by(LLAMA)),
        "qwen 2": byte_level(split_by(QWEN), normalizers.NFC()),
        "gemma": gemma(),
    }


def seams(made: Tokenizer) -> Seams | None:
    return seams_of(SimpleNamespace(backend_tokenizer=made))


def ids_of(made: Tokenizer, texts: list[str]) -> list[int]:
    found = made.encode_batch_fast(texts, add_special_tokens=False)
    return list(itertools.chain.from_iterable(one.ids for one in found))


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_pieces_have_the_ids_of_the_whole(text: str):
    for name, made in builds().items():
        found = seams(made)
        assert found is not None, name
        pieces = found.split(text)
        assert "".join(pieces) == text, name
        assert all(pieces), name
        assert ids_of(made, pieces) == ids_of(made, [text]), (name, pieces)


def test_where_texts_are_cut():
    text = "Instruction:\nWhat: 1:2?\n\nResponse:\nYes<end>"
    cut = {name: found.split(text) for name, made in builds().items() if (found := seams(made))}
    assert cut["gpt-2"] == ["Instruction", ":\nWhat", ": 1:2?\n\nResponse", ":\nYes", "<end>"]
    assert cut["gemma"] == ["Instruction:\n", "What: 1:2?\n\n", "Response:\n", "Yes", "<end>"]
    # What the tokenizers really do with a colon after a letter: with these patterns it never goes with it.
    assert all(":" not in t.strip("Ġ: Ċ") for t in builds()["llama 3"].encode("a: b:c abc:\n").tokens)


def test_builds_without_seams():
    assert seams_of(SimpleNamespace()) is None
    assert seams(Tokenizer(models.WordLevel({"a": 0}, "a"))) is None
    assert seams(byte_level(pre_tokenizers.ByteLevel(add_prefix_space=True))) is None
    assert seams(byte_level(split_by(r"\S+|\s+"))) is None  # here "a:" is one word
    assert seams(byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False), normalizers.Lowercase())) is None
    assert seams(gemma("\na")) is None  # a token that reaches across a line break
    for strange in (AddedToken("Note:"), AddedToken("word", single_word=True)):
        made = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False))
        made.add_tokens([strange])
        assert seams(made) is None
    greedy = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False))
    greedy.add_special_tokens([AddedToken("<eat>", rstrip=True)])
    assert seams(greedy) == Seams(None, lines=False)  # colons still are seams


@pytest.mark.slow
@pytest.mark.parametrize("model", ["smollm2-135m-instruct", "gemma3-270m"])
def test_real_tokenizers_have_seams_that_hold(model: str):
    tokenizer = load_tokenizer(str(packaged_folder(model)))
    made, found = tokenizer.backend_tokenizer, seams_of(tokenizer)
    assert found is not None

    @settings(max_examples=2_000, deadline=None)
    @given(TEXTS)
    def holds(text: str) -> None:
        assert ids_of(made, found.split(text)) == ids_of(made, [text])

    holds()
