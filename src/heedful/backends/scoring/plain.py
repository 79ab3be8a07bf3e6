"""Log-likelihoods by a model's own forward pass, for models that the engine cannot read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from heedful.backends.scoring.engine import Scored
from heedful.backends.scoring.forward import Place, places_of
from heedful.backends.scoring.tree import TokenRow

TOKENS = 2048  # of a batch, padding among them


class PlainScoring:
    """The same call as the engine's, for any transformers causal model: rows of like length, padded, computed whole."""

    name = "the model's own forward pass"

    def __init__(self, model: Any, pad_id: int):
        self.model, self.pad_id = model, pad_id

    def score(self, rows: Sequence[TokenRow]) -> Iterator[Scored]:
        """Each row's value, batch by batch."""
        order = sorted(range(len(rows)), key=lambda r: -(len(rows[r].context) + len(rows[r].continuation)))
        while order:
            longest = len(rows[order[0]].context) + len(rows[order[0]].continuation) - 1
            size = max(1, TOKENS // longest)
            batch, order = order[:size], order[size:]
            yield from self._batch([(r, rows[r]) for r in batch], longest)

    def places(self, ids: Sequence[int], top: int = 0) -> list[Place]:
        """As the engine's."""
        if len(ids) < 2:
            return []
        device = self.model.get_input_embeddings().weight.device
        with torch.no_grad():
            logits: Tensor = self.model(input_ids=torch.tensor([list(ids[:-1])], device=device), use_cache=False).logits
            return places_of(logits[0].float(), ids[1:], top)

    def _batch(self, rows: Sequence[tuple[int, TokenRow]], longest: int) -> Iterator[Scored]:
        device = self.model.get_input_embeddings().weight.device
        paths = [[int(i) for i in (*row.context, *row.continuation[:-1])] for _, row in rows]
        ids = torch.tensor([path + [self.pad_id] * (longest - len(path)) for path in paths], device=device)
        mask = torch.tensor([[1] * len(path) + [0] * (longest - len(path)) for path in paths], device=device)
        with torch.no_grad():
            logits: Tensor = self.model(input_ids=ids, attention_mask=mask, use_cache=False).logits
        for b, (number, row) in enumerate(rows):
            at = slice(len(row.context) - 1, len(paths[b]))
            mine = logits[b, at].float().log_softmax(-1)  # (n, V)
            token = torch.tensor(list(row.continuation), device=device)
            value = mine.gather(1, token[:, None]).sum()
            yield Scored(number, float(value), bool((mine.argmax(-1) == token).all()))
