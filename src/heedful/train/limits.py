"""What a model and a machine cannot do, told in one sentence before or instead of a traceback."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from heedful.errors import RequestError, TrainingError
from heedful.records import TokenExample

ON_A_CPU = 2048  # positions of a forward pass: larger matrices are no faster there, and need more memory


def positions_at_once(device: str, processes: int) -> int | None:
    """Positions that a forward pass takes where `micro_batch_size` is not set; None for all of a step.

    Several processes must take as many passes as each other, so their rows are not cut by length.
    """
    return ON_A_CPU if device == "cpu" and processes == 1 else None


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
