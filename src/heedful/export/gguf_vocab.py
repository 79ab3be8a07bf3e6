"""A tokenizer as GGUF's keys: tokens, their types, merges or scores, stop tokens, the chat template.

Two kinds are written, told apart by what tokenizer.json says of itself: byte-level BPE (GPT-2's, llama.cpp's model
"gpt2", whose splitting of text goes by a name, `gguf_split`), and SentencePiece-like BPE with bytes to fall back on
(Gemma's, llama.cpp's model "llama", which merges by scores). Keys:
https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from heedful.control_tokens import adds_bos
from heedful.errors import RequestError
from heedful.export.gguf_split import split_name
from heedful.store import read_json

SCRIPT = "llama.cpp's convert_hf_to_gguf.py"
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6  # llama.cpp's types of tokens


def check_tokenizer(folder: Path) -> str:
    """The name of the way in which text is split. RequestError where the tokenizer is of neither kind."""
    return _kind(_read(folder))[1]


def add_vocabulary(writer: Any, folder: Path, tokenizer: Any, rows: int, stop_id: int, template: str) -> None:
    """Write the tokenizer's keys; `rows` is the number of rows of the embedding, `stop_id` what ends an answer."""
    written = _read(folder)
    kind, pre = _kind(written)
    model = written["model"]
    tokens, types = _tokens(written, rows, kind)
    writer.add_tokenizer_model(kind)
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    if kind == "llama":
        writer.add_token_scores(_scores(model, tokens))
        writer.add_add_space_prefix(False)
    writer.add_token_types(types)
    if kind == "gpt2":
        writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in model["merges"]])
    for name, add in (("bos", writer.add_bos_token_id), ("unk", writer.add_unk_token_id)):
        if (number := getattr(tokenizer, f"{name}_token_id", None)) is not None:
            add(int(number))
    if tokenizer.pad_token_id is not None:
        writer.add_pad_token_id(int(tokenizer.pad_token_id))
    writer.add_eos_token_id(int(tokenizer.eos_token_id))
    writer.add_eot_token_id(int(stop_id))  # a runtime ends an answer at either
    writer.add_add_bos_token(adds_bos(tokenizer))
    writer.add_add_eos_token(False)
    writer.add_chat_template(template)


def _read(folder: Path) -> dict[str, Any]:
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise RequestError(f"{folder}: no tokenizer.json, which a GGUF is made from; use {SCRIPT} on an export --to hf")
    return read_json(path)


def _kind(written: dict[str, Any]) -> tuple[str, str]:
    """llama.cpp's name of the model, and of the way in which text is split before."""
    model = written["model"]
    if beside := next((t for t in written.get("added_tokens") or () if t.get("lstrip") or t.get("rstrip")), None):
        raise RequestError(
            f"--to gguf: the token {beside['content']} takes the spaces beside it, which a GGUF cannot say; "
            f"export with --to hf and use {SCRIPT} on that folder"
        )
    if model.get("type") == "BPE":
        if model.get("byte_fallback") and _is_gemmas(written.get("normalizer"), written.get("pre_tokenizer")):
            return "llama", "default"
        if not model.get("byte_fallback") and (name := split_name(written)):
            return "gpt2", name
    raise RequestError(
        f"--to gguf: the way in which this tokenizer splits text has no name here that llama.cpp knows; "
        f"export with --to hf and use {SCRIPT} on that folder"
    )


def _is_gemmas(normalizer: Any, split: Any) -> bool:
    replaced = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
    parted = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}
    return normalizer == replaced and split in (None, parted)


def _tokens(written: dict[str, Any], rows: int, kind: str) -> tuple[list[str], list[int]]:
    """Tokens by id and their types; rows of the embedding without a token get a name that no text makes."""
    by_id = {number: token for token, number in written["model"]["vocab"].items()}
    added = {t["id"]: t for t in written.get("added_tokens") or ()}
    by_id |= {number: t["content"] for number, t in added.items()}
    if by_id and max(by_id) >= rows:
        raise RequestError(f"--to gguf: the tokenizer has {max(by_id) + 1:,} tokens, the model only {rows:,}")
    unknown = written["model"].get("unk_token")
    tokens, types = [], []
    for number in range(rows):
        token = by_id.get(number)
        if token is None:
            token, what = f"[PAD{number}]", UNUSED
        elif kind == "llama" and token == unknown:
            what = UNKNOWN
        elif number in added:
            what = CONTROL if added[number].get("special") else USER_DEFINED
        elif kind == "llama" and len(token) == 6 and token.startswith("<0x") and token.endswith(">"):
            what = BYTE
        else:
            what = NORMAL
        tokens.append(token)
        types.append(what)
    return tokens, types


def _scores(model: dict[str, Any], tokens: list[str]) -> list[float]:
    """A score for each token, by which llama.cpp merges the likeliest pair first: minus the rank of its first merge.

    Merges that make the same token stand together in such a tokenizer, so their order is that of the tokens.
    """
    ranks: dict[str, int] = {}
    for rank, merge in enumerate(model["merges"]):
        ranks.setdefault("".join(merge.split(" ", 1) if isinstance(merge, str) else merge), rank)
    return [-float(ranks.get(token, 0)) for token in tokens]
