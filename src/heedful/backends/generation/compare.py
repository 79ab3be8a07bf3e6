"""The engine's greedy answers beside those of transformers' `generate`, token by token, and what becomes of each row.

Two ways of adding up the same float32 numbers differ in the last places, so where the two best logits are as good as
equal either token is right, and the answers differ from there on. Such rows are counted; any other difference is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any

import torch

from heedful.backends.base import GenerationSettings
from heedful.backends.generation.rows import Request

TIE = 1e-4  # the two best logits are this near where a difference is allowed


@dataclass(frozen=True)
class Difference:
    """Where two answers part: the row, the place among its new tokens, and how far apart the two best logits are."""

    row: int
    place: int
    gap: float

    @property
    def allowed(self) -> bool:
        return self.gap <= TIE


@dataclass(frozen=True)
class Comparison:
    """How many rows were compared, and those that differ."""

    rows: int
    differences: tuple[Difference, ...]

    @property
    def wrong(self) -> tuple[Difference, ...]:
        return tuple(d for d in self.differences if not d.allowed)

    def __str__(self) -> str:
        ties = len(self.differences) - len(self.wrong)
        return (
            f"{self.rows:,} rows: {self.rows - len(self.differences):,} equal, {ties:,} part where the two best logits "
            f"are within {TIE:g}, {len(self.wrong):,} wrong"
        )


def compare(
    model: Any, prompts: Sequence[Sequence[int]], ours: Sequence[Sequence[int]], theirs: Sequence[Sequence[int]]
) -> Comparison:
    """Compare new tokens, stop token included; `model` says how far the best logits are apart where they differ."""
    found = []
    for row, (prompt, a, b) in enumerate(zip(prompts, ours, theirs, strict=True)):
        if list(a) == list(b):
            continue
        shorter = min(len(a), len(b))
        place = next((i for i in range(shorter) if a[i] != b[i]), shorter)
        found.append(Difference(row, place, _gap(model, [*prompt, *a[:place]])))
    return Comparison(len(prompts), tuple(found))


def generate(
    model: Any, prompts: Sequence[Sequence[int]], limit: int, stop_ids: Set[int], pad_id: int
) -> list[list[int]]:
    """New tokens of each prompt by transformers' greedy `generate` in one batch padded on the left: the reference."""
    width = max(map(len, prompts))
    ids = torch.full((len(prompts), width), pad_id)
    mask = torch.zeros_like(ids)
    for b, prompt in enumerate(prompts):
        ids[b, width - len(prompt) :] = torch.tensor(prompt)
        mask[b, width - len(prompt) :] = 1
    device = next(model.parameters()).device
    made = model.generate(
        ids.to(device), attention_mask=mask.to(device), max_new_tokens=limit, do_sample=False,
        eos_token_id=sorted(stop_ids), pad_token_id=pad_id,
    )[:, width:].tolist()  # fmt: skip
    ends = [next((i + 1 for i, token in enumerate(row) if token in stop_ids), len(row)) for row in made]
    return [row[:end] for row, end in zip(made, ends, strict=True)]


def answer_all(
    generator: Any, prompts: Sequence[Sequence[int]], settings: GenerationSettings, stop_ids: Set[int]
) -> list[list[int]]:
    """New tokens of each prompt by the engine (or what stands in for it), in the order of the prompts."""
    requests = [Request(i, prompt, settings.max_new_tokens) for i, prompt in enumerate(prompts)]
    made = {row.request.index: row.new for row in generator.run(requests, settings, stop_ids)}
    return [made[i] for i in range(len(prompts))]


@torch.no_grad()
def _gap(model: Any, ids: list[int]) -> float:
    logits = model(input_ids=torch.tensor([ids], device=next(model.parameters()).device)).logits[0, -1].float()
    first, second = logits.topk(2).values.tolist()
    return first - second
