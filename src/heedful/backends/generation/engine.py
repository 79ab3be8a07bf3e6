"""The engine: many prompts in, tokens out, in continuous batches; or one prompt, token by token.

    waiting   rows by length, the longest first
    active    rows side by side, each with a slot of the cache; at a step each brings its prompt or its last token
    finished  a row that stops leaves its slot to the next that waits, in the same step

What all prompts begin with is computed once. The head is applied to the last token of each row alone.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence, Set
from typing import Any

import torch

from heedful.backends.base import GenerationSettings
from heedful.backends.generation.cache import BUDGET, Cache, slots_for
from heedful.backends.generation.choosing import choose, likeliest, likeliest_alone
from heedful.backends.generation.forward import Forward, Part
from heedful.backends.generation.guessing import MOST, Guesses
from heedful.backends.generation.reading import Reading, read
from heedful.backends.generation.rows import Request, Row, begin

PROMPT_TOKENS = 1024  # of prompts in one step, so that long ones need no more memory than short ones
SHORTEST_PREFIX = 4  # below this sharing costs more than it saves


class Engine:
    """Answers of a transformers causal model that can be read (`reading`); TypeError or AttributeError for others.

    Whether what it computes equals the model's own is for `check` to say. It reads the model anew for every call and
    copies no weights, so a model in training is answered with as it is.
    """

    name = "the engine"

    def __init__(self, model: Any, budget: int = BUDGET):
        read(model)
        self.model, self.budget = model, budget

    def run(self, requests: Sequence[Request], settings: GenerationSettings, stop_ids: Set[int]) -> Iterator[Row]:
        """The rows of all requests, as they finish. At most `settings.batch_size` side by side, fewer where the cache
        would need more than its budget of bytes."""
        for group in _of_like_length(requests):
            rows = [begin(r, settings.seed) for r in group]
            for advanced in _Batch(self.model, rows, settings, stop_ids, self.budget).steps():
                yield from (row for row, _ in advanced if row.finish)

    def stream(self, request: Request, settings: GenerationSettings, stop_ids: Set[int]) -> Iterator[tuple[Row, int]]:
        """The tokens of one answer as they are made, each with its row, which says by `finish` when it is the last."""
        batch = _Batch(self.model, [begin(request, settings.seed)], settings, stop_ids, self.budget)
        for advanced in batch.steps():
            for row, tokens in advanced:
                yield from ((row, token) for token in tokens)


def _of_like_length(requests: Sequence[Request]) -> Iterator[list[Request]]:
    """Groups whose longest row has room for twice the tokens of its shortest at most, so that few places are unused."""
    left = deque(sorted(requests, key=lambda r: -(len(r.prompt) + r.limit)))
    while left:
        longest = len(left[0].prompt) + left[0].limit
        group = []
        while left and 2 * (len(left[0].prompt) + left[0].limit) >= longest:
            group.append(left.popleft())
        yield group


def common_prefix(prompts: Sequence[list[int]]) -> int:
    """How many tokens all prompts begin with, leaving each a token of its own; 0 where so few that it does not matter.

    >>> common_prefix([[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5]]), common_prefix([[1, 2, 3], [1, 2, 4]])
    (4, 0)
    """
    if len(prompts) < 2:
        return 0
    first, last = min(prompts), max(prompts)  # all others lie between them, so they share what these two share
    most = min(len(p) for p in prompts) - 1
    same = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    shared = min(same, most)
    return shared if shared >= SHORTEST_PREFIX else 0


class _Batch:
    """Rows of like length on their way through a cache."""

    def __init__(self, model: Any, rows: list[Row], settings: GenerationSettings, stop_ids: Set[int], budget: int):
        self.settings, self.stop_ids = settings, stop_ids
        self.waiting, self.active = deque(rows), list[Row]()
        self.trained = any(p.requires_grad for p in model.parameters())
        with self._no_gradients():
            self.reading: Reading = read(model)
            r = self.reading
            # The last token of an answer is never read, so it needs no place.
            places = max(row.prompt_tokens + row.request.limit for row in rows)
            shape = (len(r.blocks), r.groups, r.width, r.dtype)
            slots = slots_for(min(settings.batch_size, len(rows)), places, *shape, budget)
            self.cache = Cache(len(r.blocks), slots, r.groups, places, r.width, r.dtype, r.device)
            self.forward = Forward(r, places)
        self.prefix = common_prefix([row.ids for row in rows])
        self.guesses: dict[int, Guesses] = {}

    def steps(self) -> Iterator[list[tuple[Row, list[int]]]]:
        """Rows that went on at a step, each with its new tokens; the finished ones have left the batch by then."""
        if self.prefix:
            with self._no_gradients():
                for start in range(0, self.prefix, PROMPT_TOKENS):
                    ids = self.waiting[0].ids[start : min(start + PROMPT_TOKENS, self.prefix)]
                    self.forward(self.cache, [Part(0, start, ids)], [0])
                self.cache.share(self.prefix)
        while self.waiting or self.active:
            began = time.perf_counter()
            while self.waiting and len(self.active) < self.cache.slots:
                self._enter(self.waiting.popleft())
            with self._no_gradients():
                advanced = self._step()
            share = (time.perf_counter() - began) / len(self.active)
            for row in self.active:
                row.seconds += share
            with self._no_gradients():
                for row, _ in advanced:
                    if row.finish:
                        self._leave(row)
            yield advanced

    def _enter(self, row: Row) -> None:
        row.slot, row.cached = len(self.active), self.prefix
        self.active.append(row)

    def _leave(self, row: Row) -> None:
        """The last of the active rows takes the slot that becomes free, or one that waits does."""
        last = self.active[-1]
        if self.waiting:
            new = self.waiting.popleft()
            new.slot, new.cached = row.slot, self.prefix
            self.active[row.slot] = new
            return
        self.active.pop()
        if last is not row:
            self.cache.move(last.slot, row.slot, self.prefix, last.cached)
            last.slot = row.slot
            self.active[row.slot] = last

    def _step(self) -> list[tuple[Row, list[int]]]:
        parts, asked, room = [], list[tuple[Row, list[int]]](), self._prompt_room()
        wanted, number = list[int](), 0
        for row in self.active:
            todo = row.ids[row.cached :]
            guessed: list[int] = []
            if len(todo) > 1:
                todo = todo[:room]
                room -= len(todo)
                if not todo:
                    continue
            else:
                guessed = self._guess(row)
            parts.append(Part(row.slot, row.cached, [*todo, *guessed]))
            number += len(todo)
            row.cached += len(todo)
            if row.cached == len(row.ids):
                wanted.extend(range(number - 1, number + len(guessed)))
                asked.append((row, guessed))
            number += len(guessed)
        if not wanted:  # prompts so long that none is read to its end yet
            self.forward(self.cache, parts, [0])
            return []
        return self._take(asked, self.forward(self.cache, parts, wanted, self._likeliest_alone()))

    def _prompt_room(self) -> int:
        """How many tokens of prompts a step takes."""
        return PROMPT_TOKENS

    def _likeliest_alone(self) -> bool:
        """Whether nothing is asked of a step's logits but which is the largest."""
        return likeliest_alone(self.settings)

    def _guess(self, row: Row) -> list[int]:
        guesses = self.guesses.setdefault(row.request.index, Guesses(row.ids))
        left = row.request.limit - (len(row.ids) - row.prompt_tokens)
        return guesses.next(min(MOST, left - 1), len(self.active))

    def _take(self, asked: list[tuple[Row, list[int]]], logits: torch.Tensor) -> list[tuple[Row, list[int]]]:
        """Choose each row's next token, and the ones after it as long as the guesses are right."""
        chosen, known = self._choose(asked, logits)
        out, at = [], 0
        for row, guessed in asked:
            tokens: list[int] = []
            for k, guess in enumerate([*guessed, -1]):
                tokens.append(chosen[at + k])
                if known:
                    row.likeliest.append(known[at + k])
                if row.add(tokens[-1], self.stop_ids) or tokens[-1] != guess:
                    break
            if guessed:
                row.cached += len(tokens) - 1  # right guesses have their keys and values already
            at += len(guessed) + 1
            out.append((row, tokens))
        return out

    def _choose(
        self, asked: list[tuple[Row, list[int]]], logits: torch.Tensor
    ) -> tuple[list[int], list[list[tuple[int, float]]]]:
        """The token at each place of the logits (W, V), or of likeliest tokens (W,), and the likeliest ones there; of
        those none where they are not asked for."""
        if logits.ndim == 1:  # the tokens themselves
            return logits.tolist(), []
        said, keys, places = [], [], []
        for row, guessed in asked:
            for k in range(len(guessed) + 1):
                said.append(row.ids + guessed[:k] if self.settings.repetition_penalty != 1 else ())
                keys.append(row.key)
                places.append(len(row.ids) - row.prompt_tokens + k)
        chosen = choose(logits, self.settings, said, keys, places)
        count = self.settings.top_logprobs
        return chosen, likeliest(logits, count) if count else []

    def _no_gradients(self) -> torch.inference_mode | torch.no_grad:
        """Inference mode, or less where the model is in training: what it keeps for itself must be usable there."""
        return torch.no_grad() if self.trained else torch.inference_mode()
