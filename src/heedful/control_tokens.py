"""A tokenizer's control tokens, and which of them ends an answer.

`Tokenizer` is what Heedful needs of a tokenizer; `encode_texts` asks it for many texts at once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Protocol

from heedful import templates
from heedful.errors import TemplateError

# A text that no template changes and no tokenizer treats as special, to see what a template puts around an answer.
PROBE = "Qx7answerZk9"


class Tokenizer(Protocol):
    """What Heedful needs of a tokenizer: a small part of transformers' `PreTrainedTokenizerBase`."""

    chat_template: Any

    @property
    def bos_token(self) -> str | None: ...
    @property
    def eos_token(self) -> str | None: ...
    @property
    def special_tokens_map(self) -> dict[str, Any]: ...
    @property
    def added_tokens_decoder(self) -> dict[int, Any]: ...
    @property
    def all_special_ids(self) -> list[int]: ...

    def encode(self, text: str, *, add_special_tokens: bool = True) -> list[int]: ...
    def decode(self, token_ids: Any, **options: Any) -> Any: ...
    def convert_tokens_to_ids(self, tokens: str) -> Any: ...


def encode_texts(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """The ids of each text, control tokens in it read as such and none added; by all cores where it is a fast one."""
    fast = getattr(tokenizer, "backend_tokenizer", None)
    if fast is None or not texts:
        return [list(tokenizer.encode(text, add_special_tokens=False)) for text in texts]
    tokenizer.encode("", add_special_tokens=False)  # transformers takes back what a file says of truncation, padding
    return [made.ids for made in fast.encode_batch_fast(list(texts), add_special_tokens=False)]


def adds_bos(tokenizer: Tokenizer) -> bool:
    """Whether the tokenizer by itself begins a text with its beginning-of-text token."""
    if not tokenizer.bos_token:
        return False
    ids = tokenizer.encode("a", add_special_tokens=True)
    return bool(ids) and ids[0] == tokenizer.convert_tokens_to_ids(tokenizer.bos_token)


def special_ids(tokenizer: Tokenizer) -> frozenset[int]:
    """The ids of all control tokens: those with a name (eos, ...) and the added ones marked special."""
    added = {i for i, token in tokenizer.added_tokens_decoder.items() if getattr(token, "special", False)}
    return frozenset(added | set(tokenizer.all_special_ids))


def control_texts(tokenizer: Tokenizer) -> dict[str, int]:
    """The text of each control token and its id: a text that a tokenizer reads as one token wherever it stands."""
    added = tokenizer.added_tokens_decoder
    return {str(added[i]) if i in added else str(tokenizer.decode([i])): i for i in sorted(special_ids(tokenizer))}


def special_tokens(tokenizer: Tokenizer) -> dict[str, str]:
    return {k: str(v) for k, v in tokenizer.special_tokens_map.items() if not isinstance(v, list | tuple)}


def has_token(tokenizer: Tokenizer, token: str) -> bool:
    ids = tokenizer.encode(token, add_special_tokens=False)
    return len(ids) == 1 and str(tokenizer.decode(ids)).strip() == token  # an unknown token is one id too


def find_stop(template: str, text: str, tokenizer: Tokenizer) -> dict[str, Any]:
    """What a template puts around an answer, and the token that ends it, as the fields of `Chat`."""
    tokens = special_tokens(tokenizer)
    asked = [{"role": "user", "content": "Hello"}]
    prompt = templates.render(text, asked, True, tokens)
    whole = templates.render(text, [*asked, {"role": "assistant", "content": PROBE}], False, tokens)
    name = f"template '{template}'"
    if not whole.startswith(prompt):
        raise TemplateError(
            f"{name}: what it renders for a question with add_generation_prompt is not how the answered conversation "
            "begins, so a model would be asked in a form it was not trained on; mend the template"
        )
    before, found, after = whole[len(prompt) :].partition(PROBE)
    if not found:
        raise TemplateError(f"{name}: it does not render the assistant's answer; mend the template")
    stop = _first_control(after, tokenizer)
    if stop is None:
        raise TemplateError(
            f"{name}: an answer does not end in a stop token, so the model would never learn to stop; "
            "let the template write eos_token (or the end-of-turn token) after the assistant's content"
        )
    token, stop_id, end = stop
    return {"stop_id": stop_id, "stop_token": token, "before": before, "after": after[:end], "tail": after[end:]}


def _first_control(after: str, tokenizer: Tokenizer) -> tuple[str, int, int] | None:
    """The first control token in what follows an answer: its text, its id, and where it ends.

    Only where there is none, an added token that looks like one (``<|im_end|>``): some models forget the mark.
    """
    looks = {
        str(token): i
        for i, token in tokenizer.added_tokens_decoder.items()
        if re.fullmatch(r"[<\[]\S+[>\]]", str(token))
    }
    ids = set(tokenizer.encode(PROBE + after, add_special_tokens=False))
    for texts in (control_texts(tokenizer), looks):
        found = [(after.index(t), -len(t), t) for t, i in texts.items() if t and t in after and i in ids]
        if found:
            start, _, token = min(found)
            return token, texts[token], start + len(token)
    return None
