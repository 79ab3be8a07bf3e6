"""Whether the engine may be used for a model: its logits are compared with the model's own.

On a small copy in float32 (`heedful.models.layers`): rows with a common beginning and unequal lengths, their prompts
in two pieces, then some tokens alone, one at a time beside other rows, and a few at once as guesses are.
"""

from __future__ import annotations

from typing import Any

import torch

from heedful.backends.generation.cache import Cache
from heedful.backends.generation.engine import Engine
from heedful.backends.generation.forward import Forward, Part
from heedful.backends.generation.layout import is_laid_out, lay_out_for_reading
from heedful.backends.generation.plain import PlainGenerate
from heedful.backends.generation.reading import read
from heedful.models.adapters import plain_model
from heedful.models.layers import VOCABULARY, small_copy

CLOSE = 1e-4  # largest difference, as a share of the largest logit
ROWS = (
    (5, 9, 11, 3, 7, 8, 6, 2, 10, 4, 13, 1),
    (5, 9, 11, 3, 17, 4, 12, 19, 2, 2, 8, 15),
    (5, 9, 11, 3, 12, 13, 14, 15, 1, 20, 21, 7),
)
PREFIX = 4


def make_generator(model: Any, pad_id: int) -> tuple[Engine | PlainGenerate, str]:
    """The engine where it is equal to a model (perhaps with peft's adapters), else transformers' `generate`.

    With a sentence on which it is, and why.
    """
    inner: Any = plain_model(model)
    kind = type(inner).__name__
    try:
        engine = Engine(inner)
        found = largest_difference(inner)
    except (TypeError, AttributeError, KeyError, IndexError, RuntimeError, ValueError, NotImplementedError) as e:
        why = str(e).splitlines()[0][:200] if str(e) else type(e).__name__
    else:
        if found <= CLOSE:
            return engine, f"answers by the engine, compared with {kind}: equal"
        why = f"its logits would differ by {found:.1e}"
    return PlainGenerate(model, pad_id), f"answers by transformers' generate, which is slower ({kind}: {why})"


def largest_difference(model: Any) -> float:
    """The largest difference of the engine's logits from the model's, as a share of the model's largest."""
    small = small_copy(model)
    if is_laid_out(model):  # products of several weights at once are compared, too
        for parameter in small.parameters():
            parameter.data = parameter.data.contiguous()
        lay_out_for_reading(small)
    entries = min(VOCABULARY, len(small.get_input_embeddings().weight))
    rows = [[i % entries for i in row] for row in ROWS]
    device = small.get_input_embeddings().weight.device
    with torch.no_grad():
        ids = torch.tensor(rows, device=device)
        own = small(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits.float()
        found = _engine_logits(small, rows)
    worst = max(float((logits - own[b, t]).abs().max()) for (b, t), logits in found.items())
    return worst / max(float(own.abs().max()), 1e-12)


def _engine_logits(model: Any, rows: list[list[int]]) -> dict[tuple[int, int], torch.Tensor]:
    """The engine's logits by row and place, in the ways in which it computes them."""
    reading = read(model)
    length = len(rows[0])
    cache = Cache(len(reading.blocks), len(rows), reading.groups, length, reading.width, reading.dtype, reading.device)
    forward, found = Forward(reading, length), {}

    def step(*spans: tuple[int, int, int]) -> None:
        """Bring rows their tokens from one place to another."""
        parts = [Part(row, start, rows[row][start:end]) for row, start, end in spans]
        places = [(part.slot, at) for part in parts for at in range(part.start, part.end)]
        made = forward(cache, parts, range(len(places)))
        found.update(zip(places, made, strict=True))

    step((0, 0, PREFIX))
    cache.share(PREFIX)
    step((0, PREFIX, 6))  # the first row alone, then one token of it beside the prompts of others
    step((0, 6, 7), (1, PREFIX, 8), (2, PREFIX, 7))
    step((0, 7, 8), (1, 8, 9), (2, 7, 9))
    for at in (0, 1):
        step((0, 8 + at, 9 + at), (1, 9 + at, 10 + at), (2, 9 + at, 10 + at))
    step((2, 11, 12))
    step((1, 11, 12), (0, 10, 12))
    return found
