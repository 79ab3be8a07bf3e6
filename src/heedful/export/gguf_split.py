"""How a byte-level tokenizer splits text before it merges, by the names that llama.cpp has for it.

llama.cpp writes each rule in its own code, chosen by the key `tokenizer.ggml.pre`; a tokenizer.json says its rule as
regular expressions. Here are those that are known to be the same: on the texts of `hard_texts`, with a tokenizer that
splits so, llama.cpp made the same ids (tests/export/test_llama_cpp.py). Those that llama.cpp calls gpt-4o and tekken
are left out: there it parts words at combining marks, as in Hindi, where the tokenizers do not. The names are those of
llama.cpp's src/llama-vocab.cpp; a regular expression is the tokenizer's own.
"""

from __future__ import annotations

from typing import Any

_CASED = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+"
_REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"

# By the regular expression and whether a word that is a token as a whole is taken without merging.
_NAMES = {
    (f"{_CASED}|{_WORDS}|\\p{{N}}{{1,3}}|{_REST}", True): "llama-bpe",
    (f"{_CASED}|{_WORDS}|\\p{{N}}{{1,3}}|{_REST}", False): "dbrx",
    (f"{_CASED}|{_WORDS}|\\p{{N}}|{_REST}", False): "qwen2",
}
# Those that transformers' reader of GGUF knows, so that a file can be read back without llama.cpp.
READ_BACK = ("gpt-2", "smollm", "default")


def split_name(written: dict[str, Any]) -> str | None:
    """The name for a byte-level tokenizer.json; None where there is none that is known to be the same."""
    split, model = written.get("pre_tokenizer") or {}, written["model"]
    normalizer = (written.get("normalizer") or {}).get("type")
    if normalizer not in (None, "NFC"):
        return None
    parts = split.get("pretokenizers") or [split]
    kinds = [p.get("type") for p in parts]
    if not parts or kinds[-1] != "ByteLevel" or parts[-1].get("add_prefix_space"):
        return None
    whole, own = bool(model.get("ignore_merges")), parts[-1].get("use_regex", True)
    if own and not whole and not normalizer:
        digits = parts[0].get("individual_digits")
        return "gpt-2" if kinds == ["ByteLevel"] else "smollm" if kinds == ["Digits", "ByteLevel"] and digits else None
    if own or kinds != ["Split", "ByteLevel"]:
        return None
    if parts[0].get("behavior") != "Isolated" or parts[0].get("invert"):
        return None
    return _NAMES.get((str((parts[0].get("pattern") or {}).get("Regex")), whole))
