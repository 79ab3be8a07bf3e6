"""A prompt given back with the place and the log-probability of each of its tokens.

https://platform.openai.com/docs/api-reference/completions/create, `echo`: what harnesses ask for to learn how likely a
text is. What the tokenizer puts before a text (a beginning-of-text token) stands first, and moves the places of the
others by its length, as vLLM has it; the first token follows nothing and has no log-probability.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Spell = Callable[[int], str]


@dataclass(frozen=True)
class Echo:
    """A prompt: `text`, and of each token its text, where it begins, its log-probability and the likeliest ones'."""

    text: str
    tokens: tuple[str, ...] = ()
    offsets: tuple[int, ...] = ()
    logprobs: tuple[float | None, ...] = ()
    top: tuple[dict[str, float] | None, ...] = ()
    end: int = 0  # where what follows begins


def echo_of(
    tokenizer: Any, prompt: str | Sequence[int], ids: Sequence[int], places: Sequence[Any], spell: Spell
) -> Echo:
    """The echo of a prompt that was read as `ids`; `places` has what the model says of all of them but the first."""
    text = prompt if isinstance(prompt, str) else str(tokenizer.decode(list(ids)))
    tokens, offsets, end = _placed(tokenizer, text, ids, spell)
    # Of tokens that read alike, as parts of characters do, the likeliest stands for all.
    top = [{spell(i): value for i, value in reversed(place.top)} for place in places]
    return Echo(
        text, tuple(tokens), tuple(offsets), (None, *(place.log_probability for place in places)), (None, *top), end
    )


def _placed(tokenizer: Any, text: str, ids: Sequence[int], spell: Spell) -> tuple[list[str], list[int], int]:
    """The tokens' texts and places, and where the text ends."""
    for special in (True, False) if getattr(tokenizer, "is_fast", False) else ():
        made = tokenizer(text, add_special_tokens=special, return_offsets_mapping=True)
        if list(made["input_ids"]) == list(ids):
            return _by_spans(text, made["offset_mapping"], ids, spell)
    tokens = [spell(i) for i in ids]
    offsets = [sum(map(len, tokens[:n])) for n in range(len(tokens))]
    return tokens, offsets, sum(map(len, tokens))


def _by_spans(
    text: str, spans: Sequence[tuple[int, int]], ids: Sequence[int], spell: Spell
) -> tuple[list[str], list[int], int]:
    tokens: list[str] = []
    offsets: list[int] = []
    lead = 0
    for n, (start, end) in enumerate(spans):
        # Of a character that is several tokens each has the whole character's place.
        parts = (start, end) in (spans[n - 1] if n else None, spans[n + 1] if n + 1 < len(spans) else None)
        tokens.append(spell(ids[n]) if start == end or parts else text[start:end])
        offsets.append(lead + start)
        if start == end == 0:
            lead += len(tokens[-1])
    return tokens, offsets, lead + len(text)
