"""Whether the scoring engine may be used for a model: its values are compared with those of the model's own logits.

On a small copy in float32 (`heedful.models.layers`), with rows that branch at every depth, a trunk in several
stretches, families that hang from it, and rows longer than the sliding window, where there is one.
"""

from __future__ import annotations

from typing import Any

import torch

from heedful.backends.scoring.engine import ScoringEngine
from heedful.backends.scoring.plain import PlainScoring
from heedful.backends.scoring.tree import TokenRow
from heedful.models.adapters import plain_model
from heedful.models.layers import VOCABULARY, small_copy, windows_of

CLOSE = 1e-3  # largest difference of a continuation's log-likelihood
LONGEST = 1200  # tokens of a row of the comparison


def make_scorer(model: Any, pad_id: int) -> tuple[ScoringEngine | PlainScoring, str]:
    """The engine where it is equal to a model (perhaps with peft's adapters), else the model's own forward pass.

    With a sentence on which it is, and why.
    """
    inner: Any = plain_model(model)
    kind = type(inner).__name__
    try:
        engine = ScoringEngine(inner)
        found = largest_difference(inner, pad_id)
    except (TypeError, AttributeError, KeyError, IndexError, RuntimeError, ValueError, NotImplementedError) as e:
        why = str(e).splitlines()[0][:200] if str(e) else type(e).__name__
    else:
        if found <= CLOSE:
            return engine, f"scores by the engine, compared with {kind}: equal"
        why = f"its log-likelihoods would differ by {found:.1e}"
    return PlainScoring(model, pad_id), f"scores row by row, which is slower ({kind}: {why})"


def largest_difference(model: Any, pad_id: int = 0) -> float:
    """The largest difference of the engine's log-likelihoods from those of the model's own logits."""
    small = small_copy(model)
    entries = min(VOCABULARY, len(small.get_input_embeddings().weight))
    rows = _rows(entries, _length(small))
    own = {s.row: s.log_likelihood for s in PlainScoring(small, min(pad_id, entries - 1)).score(rows)}
    with torch.no_grad():
        # Small limits, so that short rows take every way through the engine.
        made = {s.row: s.log_likelihood for s in ScoringEngine(small, 24, 40, 7, 1).score(rows)}
    return max(abs(own[r] - made[r]) for r in range(len(rows)))


def _length(model: Any) -> int:
    """Tokens of the longest row: past the shortest window, where that is not too long to be tried."""
    layers = model.config.get_text_config().num_hidden_layers
    windows = [w for w in windows_of(model.config, layers) if w]
    positions = int(getattr(model.config, "max_position_embeddings", None) or LONGEST)
    wanted = min(windows) + 30 if windows else 40
    return min(wanted, positions, LONGEST)


def _rows(entries: int, longest: int) -> list[TokenRow]:
    generator = torch.Generator().manual_seed(0)

    def some(n: int) -> list[int]:
        return torch.randint(1, max(2, entries), (n,), generator=generator).tolist()

    trunk = some(max(2, longest - 12))
    first, second = trunk + some(3), trunk + some(5)
    return [
        TokenRow(first, some(1)), TokenRow(first, some(1)), TokenRow(first, [1, *some(3)]), TokenRow(second, some(2)),
        TokenRow(first, [2, *some(4)]), TokenRow(first, [2, 3, *some(2)]), TokenRow(first, [2, 1, *some(2)]),
        TokenRow(second[:-2], second[-2:]), TokenRow(trunk, some(6)), TokenRow(trunk[:5], some(3)),
        TokenRow(trunk[:9], some(1)), TokenRow(some(1), some(8)), TokenRow(some(30)[: longest - 3], some(2)),
    ]  # fmt: skip
