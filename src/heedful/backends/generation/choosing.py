"""Which token comes next: the likeliest, or one drawn by temperature, top-k, top-p and min-p, by a seed of its own.

    penalty      what a row has said, prompt included, has its logit divided (or, below 0, multiplied) by the penalty
                 (Keskar et al. 2019, https://arxiv.org/abs/1909.05858)
    temperature  logits are divided by it
    top_k        the k likeliest are left (Fan et al. 2018, https://arxiv.org/abs/1805.04833)
    top_p        the likeliest whose probabilities add up to p (Holtzman et al. 2020, https://arxiv.org/abs/1904.09751)
    min_p        those with p times the likeliest one's probability (Nguyen et al. 2024,
                 https://arxiv.org/abs/2407.01082)

in this order, as transformers has it. A draw takes one number between 0 and 1, made of the seed, the row's prompt and
the token's place alone, and the token at which the summed probabilities, in the vocabulary's order, pass it. So what
else is answered beside a row, and when, does not change the row's answer; the same prompt with the same seed has the
same answer.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from heedful.backends.base import GenerationSettings

LIKELIEST = 512  # tokens that top-p looks through before it sorts the whole vocabulary
REMOVED = float("-inf")


class Settings(Protocol):
    """What of the generation settings decides about a token."""

    @property
    def temperature(self) -> float: ...
    @property
    def top_k(self) -> int: ...
    @property
    def top_p(self) -> float: ...
    @property
    def min_p(self) -> float: ...
    @property
    def repetition_penalty(self) -> float: ...


def likeliest_alone(settings: GenerationSettings) -> bool:
    """Whether settings take the likeliest token and ask nothing else of the logits."""
    return settings.temperature <= 0 and settings.repetition_penalty == 1 and not settings.top_logprobs


def row_key(seed: int, prompt: Sequence[int]) -> bytes:
    """What all draws of a row come from: the seed and the prompt, wherever and whenever the row is answered."""
    return hashlib.blake2b(array("q", prompt).tobytes(), digest_size=16, key=str(seed).encode()[:64]).digest()


def uniform(key: bytes, place: int) -> float:
    """A number in [0, 1) for the new token at `place` of a row.

    >>> 0 <= uniform(row_key(0, [5, 9]), 0) < 1
    True
    >>> uniform(row_key(0, [5, 9]), 0) == uniform(row_key(1, [5, 9]), 0)
    False
    """
    made = hashlib.blake2b(place.to_bytes(8, "little"), digest_size=8, key=key).digest()
    return (int.from_bytes(made, "little") >> 11) * 2.0**-53


def choose(
    logits: Tensor, settings: Settings, said: Sequence[Sequence[int]], keys: Sequence[bytes], places: Sequence[int]
) -> list[int]:
    """The next token of each row: logits (R, V), float32; `said` is each row's prompt and answer so far."""
    if settings.repetition_penalty != 1:
        logits = penalise(logits, said, settings.repetition_penalty)
    if settings.temperature <= 0:
        return logits.argmax(-1).tolist()
    left = leave(logits / settings.temperature, settings.top_k, settings.top_p, settings.min_p)
    return [draw(row, uniform(key, place)) for row, key, place in zip(left, keys, places, strict=True)]


def penalise(logits: Tensor, said: Sequence[Sequence[int]], penalty: float) -> Tensor:
    """Logits (R, V) with those of each row's earlier tokens made less likely, once however often they were said."""
    out = logits.clone()
    for row, ids in zip(out, said, strict=True):
        seen = torch.tensor(sorted({i for i in ids if i < len(row)}), device=row.device)
        now = row[seen]
        row[seen] = torch.where(now < 0, now * penalty, now / penalty)
    return out


def leave(logits: Tensor, top_k: int, top_p: float, min_p: float) -> Tensor:
    """Logits (R, V) with -inf at what sampling may not take."""
    if top_k:
        least = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
        logits = logits.masked_fill(logits < least, REMOVED)
    if top_p < 1:
        logits = torch.stack([_top_p(row, top_p) for row in logits])
    if min_p > 0:
        p = logits.softmax(-1)
        logits = logits.masked_fill(p < min_p * p.amax(-1, keepdim=True), REMOVED)
    return logits


def _top_p(logits: Tensor, top_p: float) -> Tensor:
    """A token stays where those likelier than it have less than `top_p` together: logits (V,)."""
    p = logits.softmax(-1)
    for count in (min(LIKELIEST, len(p)), len(p)):
        most = p.topk(count)
        total = most.values.cumsum(0)
        if count == len(p) or float(total[-1]) >= top_p:
            break
    kept = most.indices[(total - most.values) < top_p]
    out = torch.full_like(logits, REMOVED)
    out[kept] = logits[kept]
    return out


def draw(logits: Tensor, number: float) -> int:
    """The token at which the summed probabilities of logits (V,) pass `number`, which is in [0, 1)."""
    p = logits.softmax(-1).double()
    total = p.cumsum(0)
    wanted = torch.tensor([number], dtype=torch.float64, device=p.device) * total[-1]
    at = int(torch.searchsorted(total, wanted, right=True))
    return at if at < len(p) else int(p.nonzero()[-1])


def likeliest(logits: Tensor, count: int) -> list[list[tuple[int, float]]]:
    """The likeliest tokens of each row of logits (R, V) with their log-probabilities, likeliest first."""
    most = logits.float().log_softmax(-1).topk(min(count, logits.shape[-1]))
    return [
        list(zip(ids, values, strict=True))
        for ids, values in zip(most.indices.tolist(), most.values.tolist(), strict=True)
    ]
