"""Models that the engine does not know: transformers' own `generate`, with our choice of tokens and our stops.

Seeds, penalties and stop strings are then those of the engine. What a model's own ``generation_config.json`` asks for
beyond that (a penalty, say) is left aside: an answer is made by the settings that it is recorded with.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Sequence, Set
from typing import Any

import torch
from torch import Tensor

from heedful.backends.base import GenerationSettings
from heedful.backends.generation.cache import BUDGET, slots_for
from heedful.backends.generation.choosing import choose, likeliest
from heedful.backends.generation.rows import Request, Row, begin
from heedful.batches import by_length
from heedful.models.quiet import quiet_transformers


class PlainGenerate:
    """The same calls as the engine's, for any transformers causal model: batches that last as long as their slowest."""

    name = "transformers' generate"

    def __init__(self, model: Any, pad_id: int):
        self.model, self.pad_id = model, pad_id

    def run(self, requests: Sequence[Request], settings: GenerationSettings, stop_ids: Set[int]) -> Iterator[Row]:
        """The rows of all requests, batch by batch."""
        for limit in sorted({r.limit for r in requests}):  # a row with less room is not to go on beside the others
            group = [r for r in requests if r.limit == limit]
            size = self._rows(settings.batch_size, max(len(r.prompt) for r in group) + limit)
            for batch in by_length([len(r.prompt) for r in group], size):
                rows = [begin(group[b], settings.seed) for b in batch]
                began = time.perf_counter()
                self._generate(_Watch(rows, settings, stop_ids))
                for row in rows:
                    row.seconds = (time.perf_counter() - began) / len(rows)
                    yield row

    def stream(self, request: Request, settings: GenerationSettings, stop_ids: Set[int]) -> Iterator[tuple[Row, int]]:
        """The tokens of one answer as they are made by `generate` in a thread of its own."""
        row = begin(request, settings.seed)
        made: queue.Queue[int | BaseException | None] = queue.Queue()
        watch = _Watch([row], settings, stop_ids, made)

        def work() -> None:
            try:
                self._generate(watch)
                made.put(None)
            except BaseException as e:  # told to the one who waits for the tokens
                made.put(e)

        thread = threading.Thread(target=work, daemon=True)
        began = time.perf_counter()
        thread.start()
        try:
            while (token := made.get()) is not None:
                if isinstance(token, BaseException):
                    raise token
                row.seconds = time.perf_counter() - began
                yield row, token
        finally:
            watch.stopped = True
            thread.join()

    def _rows(self, wanted: int, places: int) -> int:
        """How many rows side by side keep keys and values within the engine's budget, where the model tells of them."""
        config: Any = getattr(self.model, "config", None)
        config = config.get_text_config() if hasattr(config, "get_text_config") else config
        layers, heads, hidden = (
            getattr(config, name, None) for name in ("num_hidden_layers", "num_attention_heads", "hidden_size")
        )
        if not layers or not heads or not hidden:
            return wanted
        groups = getattr(config, "num_key_value_heads", None) or heads
        width = getattr(config, "head_dim", None) or hidden // heads
        return slots_for(wanted, places, layers, groups, width, next(self.model.parameters()).dtype, BUDGET)

    @torch.no_grad()
    def _generate(self, watch: _Watch) -> None:
        from transformers import GenerationConfig

        rows = watch.rows
        device = next(self.model.parameters()).device
        width = max(row.prompt_tokens for row in rows)
        input_ids = torch.full((len(rows), width), self.pad_id, dtype=torch.long)  # (B, T), padded on the left
        attention = torch.zeros_like(input_ids)
        for b, row in enumerate(rows):
            input_ids[b, width - row.prompt_tokens :] = torch.tensor(row.ids)
            attention[b, width - row.prompt_tokens :] = 1
        config = GenerationConfig(
            max_new_tokens=max(row.request.limit for row in rows), do_sample=False, use_cache=True,
            eos_token_id=sorted(watch.stop_ids), pad_token_id=self.pad_id,
        )  # fmt: skip
        own = getattr(self.model, "generation_config", None)
        watch.width = width
        try:
            if own is not None:  # else generate would fill in what is not said here from it
                self.model.generation_config = GenerationConfig(eos_token_id=config.eos_token_id)
            with quiet_transformers():
                output = self.model.generate(
                    input_ids=input_ids.to(device), attention_mask=attention.to(device), generation_config=config,
                    logits_processor=[watch.choose], stopping_criteria=[watch.stop],
                )  # fmt: skip
        finally:
            if own is not None:
                self.model.generation_config = own
        watch.feed(output)


class _Watch:
    """What `generate` calls at every token: chooses it, and sees which rows are over."""

    def __init__(
        self, rows: list[Row], settings: GenerationSettings, stop_ids: Set[int],
        made: queue.Queue[int | BaseException | None] | None = None,
    ):  # fmt: skip
        self.rows, self.settings, self.stop_ids, self.made = rows, settings, stop_ids, made
        self.width = 0
        self.stopped = False

    def choose(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Scores that leave one token: logits (B, V)."""
        going = [b for b, row in enumerate(self.rows) if not row.finish]
        rows = [self.rows[b] for b in going]
        out = torch.full_like(scores, float("-inf"))
        out[:, self._pad(scores)] = 0
        if going:
            logits = scores[going].float()
            places = [len(row.ids) - row.prompt_tokens for row in rows]
            chosen = choose(logits, self.settings, [row.ids for row in rows], [row.key for row in rows], places)
            out[going] = float("-inf")
            out[going, chosen] = 0
            if self.settings.top_logprobs:
                for row, known in zip(rows, likeliest(logits, self.settings.top_logprobs), strict=True):
                    row.likeliest.append(known)
        return out

    def stop(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:
        """Which rows are over, (B,)."""
        self.feed(input_ids)
        over = [bool(row.finish) or self.stopped for row in self.rows]
        return torch.tensor(over, device=input_ids.device)

    def feed(self, ids: Tensor) -> None:
        """Give each row the tokens that it has not had yet: ids (B, width + new)."""
        for row, line in zip(self.rows, ids[:, self.width :].tolist(), strict=True):
            for token in line[len(row.ids) - row.prompt_tokens :]:
                if row.finish:
                    break
                row.add(token, self.stop_ids)
                if self.made is not None:
                    self.made.put(token)

    def _pad(self, scores: Tensor) -> int:
        return min(self.stop_ids, default=0) % scores.shape[-1]
