"""A batch that has no end: rows join between any two steps, each with settings of its own, and leave when they like.

For a server and a conversation. It differs from the engine's own batches in this:

    room        keys and values grow with what the rows have said, and not with what they may say. Where the budget
                ends, the row that joined last waits again; its tokens are kept, and read again when there is room
    slots       a row that is done leaves its keys and values where they are, until another needs the slot
    beginnings  what a new row begins with and any slot holds already is copied, not computed: the turns of a
                conversation before the last one, a system prompt, the same question several times
    prompts     a long one is read in smaller pieces while others are being answered, so that these do not stand still

An answer is that of the engine: it follows from the prompt, the settings and the seed.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import torch

from heedful.backends.base import GenerationSettings
from heedful.backends.generation.cache import BUDGET, Cache, slots_for
from heedful.backends.generation.choosing import choose, likeliest_alone, row_key
from heedful.backends.generation.engine import SHORTEST_PREFIX, _Batch
from heedful.backends.generation.forward import Forward
from heedful.backends.generation.guessing import MOST
from heedful.backends.generation.reading import read
from heedful.backends.generation.rows import Request, Row

PROMPT_BESIDE = 256  # tokens of prompts in a step in which others go on with their answers
SPARE = 64  # places beyond what the rows need now, so that the cache does not grow at every step


@dataclass
class Joined(Row):
    """A row with settings of its own. Where it is `scored`, each place of `likeliest` begins with the chosen token."""

    settings: GenerationSettings = field(default_factory=GenerationSettings)
    scored: bool = False
    reused: int = 0  # tokens of its prompt that were copied


class OpenBatch(_Batch):
    """Rows on their way, at most `size` side by side. One thread at a time may use it.

    The model must stay as it is; make another batch when its weights have changed.
    """

    def __init__(self, model: Any, stop_ids: Set[int], size: int, budget: int = BUDGET):
        # Not the engine's own beginning, which allocates for rows that are all known.
        self.stop_ids, self.size, self.budget = stop_ids, size, budget
        self.waiting, self.active, self.guesses, self.prefix = deque[Joined](), [], {}, 0
        self.trained = any(p.requires_grad for p in model.parameters())
        with self._no_gradients():
            self.reading = read(model)
            r = self.reading
            self.shape = (len(r.blocks), r.groups, r.width, r.dtype)
            self.cache = Cache(len(r.blocks), 1, r.groups, SPARE, r.width, r.dtype, r.device)
            self.turned, self.forward = SPARE, Forward(r, SPARE)
        self.held: list[list[int]] = [[]]  # by slot: the ids whose keys and values it has, once its row has left
        self.joined = 0

    def join(self, request: Request, settings: GenerationSettings, scored: bool = False) -> Joined:
        """A new row, which goes on at the next steps that have room for it, in order of joining."""
        self.joined += 1
        numbered = Request(self.joined, request.prompt, request.limit, request.ends)
        key = row_key(settings.seed, request.prompt)
        row = Joined(numbered, list(request.prompt), key, settings=settings, scored=scored)
        self.waiting.append(row)
        return row

    def leave(self, row: Joined) -> None:
        """Give up a row, wherever it is."""
        if row in self.waiting:
            self.waiting.remove(row)
        elif row in self.active:
            self._leave(row)

    def step(self) -> list[tuple[Row, list[int]]]:
        """Rows that went on, each with its new tokens; the finished ones have left by then. Empty where none is there,
        or all are still reading their prompts."""
        began = time.perf_counter()
        with self._no_gradients():
            self._make_room()
            self._let_in()
            if not self.active:
                return []
            advanced = self._step()
        share = (time.perf_counter() - began) / len(self.active)
        for row in self.active:
            row.seconds += share
        for row, _ in advanced:
            if row.finish:
                self._leave(row)
        return advanced

    def _leave(self, row: Row) -> None:
        self.active.remove(row)
        self.guesses.pop(row.request.index, None)
        if row.slot >= 0:
            self.held[row.slot] = row.ids[: row.cached]
            row.slot = -1

    def _make_room(self) -> None:
        """Let the cache grow with its rows; where there is no room for all, those that joined last wait again."""
        while self.active:
            places = max(map(_places, self.active))
            if len(self.active) <= max(1, self._slots(places)):
                if places > self.cache.places:
                    self._resize(len(self.active), places)
                return
            last = max(self.active, key=lambda row: row.request.index)
            self._leave(last)
            last.cached = 0
            self.waiting.appendleft(last)  # type: ignore[arg-type]

    def _let_in(self) -> None:
        while self.waiting and len(self.active) < self.size:
            row = self.waiting[0]
            places = max([_places(row) + SPARE, *map(_places, self.active)])
            if self.active and (len(self.active) + 1 > self._slots(places) or self._soon_shared(row)):
                return
            self.waiting.popleft()
            if places > self.cache.places or len(self.active) + 1 > self.cache.slots:
                self._resize(len(self.active) + 1, places)
            self._enter(row)

    def _enter(self, row: Row) -> None:
        """Take a free slot, the one that holds most of the row's beginning already, and copy what another has more."""
        busy = {other.slot: other.ids[: other.cached] for other in self.active}
        free = [slot for slot in range(self.cache.slots) if slot not in busy]
        shared = {slot: _shared(busy.get(slot, self.held[slot]), row.ids) for slot in range(self.cache.slots)}
        source = max(shared, key=lambda slot: (shared[slot], -slot))
        count = shared[source] if shared[source] >= SHORTEST_PREFIX else 0
        # Of the free slots the one whose contents are not worth much: those of others may be asked for again.
        row.slot = source if count and source in free else min(free, key=lambda slot: (len(self.held[slot]), slot))
        if count and row.slot != source:
            self.cache.move(source, row.slot, 0, count)
        row.cached = count
        if isinstance(row, Joined):
            row.reused = min(count, row.prompt_tokens)
        self.held[row.slot] = []
        self.active.append(row)

    def _soon_shared(self, row: Row) -> bool:
        """Whether an active row is reading what this one begins with: then it is copied when that is done."""
        reading = [other for other in self.active if other.cached < len(other.ids) - 1]
        return any(_shared(o.ids, row.ids) >= max(SPARE, _shared(o.ids[: o.cached], row.ids) + 1) for o in reading)

    def _slots(self, places: int) -> int:
        """How many rows of so many places the budget allows."""
        return slots_for(self.size, places, *self.shape, self.budget)

    def _resize(self, slots: int, places: int) -> None:
        """A cache of at least so many slots and places; of more where the budget has room, so that it grows seldom."""
        now = self.cache
        for wider in (max(places + places // 2, now.places), max(places, now.places)):
            if self._slots(wider) >= slots:
                places = wider
                break
        most = max(slots, self._slots(places))
        slots = min(most, max(slots, 2 * now.slots) if slots > now.slots else now.slots)
        taken = [row.slot for row in self.active]
        by_worth = sorted(range(now.slots), key=lambda slot: -len(self.held[slot]))
        kept = (taken + [slot for slot in by_worth if slot not in taken])[:slots]
        now.resize(kept, slots, places)
        held = [self.held[slot][:places] for slot in kept]
        self.held = held + [[] for _ in range(slots - len(held))]
        for number, row in enumerate(self.active):
            row.slot = number
        if places > self.turned:
            self.turned, self.forward = places, Forward(self.reading, places)

    def _prompt_room(self) -> int:
        """Less than the engine's where somebody waits for the next token of an answer that has begun."""
        answering = any(row.cached >= len(row.ids) - 1 for row in self.active)
        return min(PROMPT_BESIDE, super()._prompt_room()) if answering else super()._prompt_room()

    def _likeliest_alone(self) -> bool:
        """Whether nothing is asked of a step's logits but which is the largest, by any row."""
        return not any(isinstance(row, Joined) and row.scored for row in self.active) and all(
            likeliest_alone(_settings(row)) for row in self.active
        )

    def _choose(
        self, asked: list[tuple[Row, list[int]]], logits: torch.Tensor
    ) -> tuple[list[int], list[list[tuple[int, float]]]]:
        """Each place by the settings of its row; rows with the same ones are chosen for together."""
        if logits.ndim == 1:  # the tokens themselves
            return logits.tolist(), []
        rows = [row for row, guessed in asked for _ in range(len(guessed) + 1)]
        said = [[*row.ids, *guessed[:k]] for row, guessed in asked for k in range(len(guessed) + 1)]
        places = [len(ids) - row.prompt_tokens for ids, row in zip(said, rows, strict=True)]
        alike: dict[tuple[float, ...], list[int]] = {}
        for at, row in enumerate(rows):
            alike.setdefault(_taste(row), []).append(at)
        chosen = [0] * len(rows)
        for some in alike.values():
            settings = _settings(rows[some[0]])
            part = logits if len(some) == len(rows) else logits[some]
            picked = choose(part, settings, [said[i] for i in some], [rows[i].key for i in some],
                            [places[i] for i in some])  # fmt: skip
            for at, token in zip(some, picked, strict=True):
                chosen[at] = token
        return chosen, _scores(rows, chosen, logits)


def _scores(rows: Sequence[Row], chosen: Sequence[int], logits: torch.Tensor) -> list[list[tuple[int, float]]]:
    """Of each place the chosen token's log-probability and the likeliest ones', as far as its row wants them."""
    wanted = [at for at, row in enumerate(rows) if isinstance(row, Joined) and row.scored]
    if not wanted:
        return []
    out: list[list[tuple[int, float]]] = [[] for _ in rows]
    values = logits[wanted].float().log_softmax(-1)
    for line, at in zip(values, wanted, strict=True):
        top = line.topk(min(_settings(rows[at]).top_logprobs, len(line)))
        others = list(zip(top.indices.tolist(), top.values.tolist(), strict=True))
        out[at] = [(chosen[at], float(line[chosen[at]])), *others]
    return out


def _settings(row: Row) -> GenerationSettings:
    return row.settings if isinstance(row, Joined) else GenerationSettings()


def _taste(row: Row) -> tuple[float, ...]:
    """What of a row's settings decides about a token; its seed is in its key."""
    s = _settings(row)
    return (s.temperature, s.top_k, s.top_p, s.min_p, s.repetition_penalty)


def _places(row: Row) -> int:
    """How many places a row may write to at its next step: what it has, and guesses at what follows."""
    return min(len(row.ids) + MOST, row.prompt_tokens + row.request.limit)


def _shared(held: Sequence[int], ids: Sequence[int]) -> int:
    """How many ids both begin with, leaving the row one of its own to compute."""
    most = min(len(held), len(ids) - 1)
    if list(held[:most]) == list(ids[:most]):
        return most
    return next(i for i, (a, b) in enumerate(zip(held, ids, strict=False)) if a != b)
