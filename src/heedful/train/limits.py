"""What a model and a machine cannot do, told in one sentence before or instead of a traceback."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from heedful.errors import RequestError, TrainingError
from heedful.records import TokenExample


def check_lengths(model: Any, parts: Mapping[str, Sequence[TokenExample]]) -> None:
    """RequestError if a row fills more positions than the model has: some fail beyond them, others talk nonsense."""
    most = getattr(model.config, "max_position_embeddings", None)
    longest = max((row for rows in parts.values() for row in rows), key=lambda r: len(r.ids), default=None)
    if most and longest is not None and len(longest.ids) > most:
        raise RequestError(
            f"row {longest.id} has {len(longest.ids):,} tokens but the model has positions for {most:,}; "
            f"set max_length to {most} or less"
        )


@contextlib.contextmanager
def memory_errors() -> Iterator[None]:
    """Turn too little memory, of a GPU or of the machine, into one sentence."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as e:
        if (
            isinstance(e, RuntimeError)
            and not isinstance(e, torch.OutOfMemoryError)
            and "allocate memory" not in str(e)
        ):
            raise
        raise TrainingError(
            "out of memory; set a smaller micro_batch_size or max_length, or gradient_checkpointing: true, "
            "and for answers a smaller response_batch_size, in a new run"
        ) from e
