"""One step: tokens of several rows at once, each seeing its own row's keys and values in the cache.

Rows that go on by one token are attended to together, their slots side by side; a row that brings more (its prompt, or
a guess that is being checked) by itself. All else is done on all tokens of the step as one matrix (N, D).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from heedful.backends.generation.cache import Cache
from heedful.backends.generation.reading import Block, Reading


@dataclass(frozen=True)
class Part:
    """Tokens that a row brings to a step: they stand at `start` and after, in its slot."""

    slot: int
    start: int
    ids: Sequence[int]

    @property
    def end(self) -> int:
        return self.start + len(self.ids)


SHORT = 64  # tokens up to which a row's mask is repeated for the heads of a group, in place of its keys and values
SPARSE = 4  # where fewer than every fourth slot goes on by one token, each is attended to by itself

Angles = dict[str | None, tuple[Tensor, Tensor]]


class Forward:
    """A read model and its rotation tables, for rows of at most `places` tokens."""

    def __init__(self, reading: Reading, places: int):
        self.reading = reading
        self.angles = reading.angles(places)

    def __call__(self, cache: Cache, parts: Sequence[Part], wanted: Sequence[int], best: bool = False) -> Tensor:
        """Logits (W, V), float32, at the wanted places among the tokens of all parts, laid end to end; with `best` the
        likeliest token alone, (W,)."""
        device = self.reading.device
        ids = torch.tensor([i for part in parts for i in part.ids], device=device)
        at = torch.tensor([p for part in parts for p in range(part.start, part.end)], device=device)
        slots = torch.tensor([part.slot for part in parts for _ in part.ids], device=device)
        step = _Step(self.reading, cache, parts, cache.at(slots, at))
        angles = {k: (cos.index_select(0, at), sin.index_select(0, at)) for k, (cos, sin) in self.angles.items()}
        keep = torch.tensor(list(wanted), device=device) if len(wanted) < len(ids) else None
        x = self.reading.embed(ids, at)
        for number, block in enumerate(self.reading.blocks):
            last = number == len(self.reading.blocks) - 1
            x = self._layer(number, block, x, step, angles, keep if last else None)
        x = self.reading.norm(x)
        return self.reading.best(x) if best else self.reading.head(x)

    def _layer(self, number: int, block: Block, x: Tensor, step: _Step, angles: Angles, keep: Tensor | None) -> Tensor:
        """x (N, D) after a layer; of the last one nothing is asked after its attention but at the places to `keep`."""
        h = x if block.before is None else block.before(x)
        both, v = block.project(h)
        if block.kind is not None:
            both = rotate(both, *angles[block.kind], self.reading.turned)
        q, k = both[:, : self.reading.heads], both[:, self.reading.heads :]
        step.cache.write(number, step.places, k, v)
        seen = step.attend(number, block, q)
        if keep is not None:
            seen, x, h = seen.index_select(0, keep), x.index_select(0, keep), h.index_select(0, keep)
        o = block.out(seen)
        if block.after_attention is not None:
            o = block.after_attention(o)
        residual = self.reading.residual
        if block.parallel:
            return x.add_(o, alpha=residual).add_(block.mlp(h), alpha=residual)
        x = x.add_(o, alpha=residual)
        o = block.mlp(x if block.middle is None else block.middle(x))
        if block.after_mlp is not None:
            o = block.after_mlp(o)
        return x.add_(o, alpha=residual)


class _Step:
    """What the attention of all layers shares in a step."""

    def __init__(self, reading: Reading, cache: Cache, parts: Sequence[Part], places: Tensor):
        self.reading, self.cache, self.places = reading, cache, places
        starts, number = [], 0
        for part in parts:
            starts.append(number)
            number += len(part.ids)
        single = [i for i, part in enumerate(parts) if len(part.ids) == 1]
        reach = max((parts[i].slot for i in single), default=0) + 1
        together = set(single) if len(single) > max(1, reach // SPARSE) else set()
        self.alone = [(starts[i], part) for i, part in enumerate(parts) if i not in together]
        self.together = [parts[i] for i in single] if together else []
        self._masks: dict[tuple[int, ...], Tensor] = {}
        self.order: Tensor | None = None
        if self.together:
            self.slots = reach
            self.longest = max(part.end for part in self.together)
            order = [0] * self.slots  # of a slot that is not asked, any token's query goes in, and nothing comes out
            for i in single:
                order[parts[i].slot] = starts[i]
            plain = not self.alone and order == list(range(number))
            device = places.device
            self.order = None if plain else torch.tensor(order, device=device)
            self.single = torch.tensor([starts[i] for i in single], device=device)
            self.single_slots = torch.tensor([part.slot for part in self.together], device=device)

    def attend(self, layer: int, block: Block, q: Tensor) -> Tensor:
        """q (N, H, D); returns (N, H * D)."""
        n, heads, width = q.shape
        keys, values = self.cache.keys[layer], self.cache.values[layer]
        if self.together and self.order is None:
            return self._together(q, keys, values, block).reshape(n, heads * width)
        if len(self.alone) == 1 and not self.together:
            return self._alone(q, keys, values, self.alone[0][1], block).reshape(n, heads * width)
        out = q.new_empty(n, heads, width)
        if self.order is not None:
            seen = self._together(q.index_select(0, self.order), keys, values, block)
            out.index_copy_(0, self.single, seen.index_select(0, self.single_slots))
        for start, part in self.alone:
            out[start : start + len(part.ids)] = self._alone(
                q[start : start + len(part.ids)], keys, values, part, block
            )
        return out.view(n, heads * width)

    def _together(self, q: Tensor, keys: Tensor, values: Tensor, block: Block) -> Tensor:
        """One query a slot: q (S, H, D)."""
        groups, end = self.cache.groups, self.longest
        mask = self._mask_together(block.window)
        q = q.reshape(self.slots, groups, -1, q.shape[-1])  # the heads of a group are its queries
        k, v = keys[: self.slots, :, :end], values[: self.slots, :, :end]
        return _attend(q, k, v, mask, block).reshape(self.slots, -1, q.shape[-1])

    def _mask_together(self, window: int) -> Tensor:
        """(S, 1, 1, T), added to scores."""
        if (window,) not in self._masks:
            ends = torch.ones(self.slots, dtype=torch.long)
            for part in self.together:
                ends[part.slot] = part.end
            at = torch.arange(self.longest)
            seen = at < ends[:, None]
            if window:
                seen &= at >= ends[:, None] - window
            self._masks[(window,)] = self._added(seen)[:, None, None]
        return self._masks[(window,)]

    def _alone(self, q: Tensor, keys: Tensor, values: Tensor, part: Part, block: Block) -> Tensor:
        """The tokens of one row: q (n, H, D)."""
        n, heads, width = q.shape
        groups = self.cache.groups
        first = max(0, part.start + 1 - block.window) if block.window else 0
        if self.cache.slots > 1:
            keys, values = keys.narrow(0, part.slot, 1), values.narrow(0, part.slot, 1)
        k, v = keys.narrow(2, first, part.end - first), values.narrow(2, first, part.end - first)
        if n == 1:  # it sees all of them: the heads of a group are its queries
            return _attend(q.reshape(1, groups, heads // groups, width), k, v, None, block).view(1, heads, width)
        mask = self._mask_alone(part, first, block.window)
        q = q.view(n, groups, heads // groups, width).permute(1, 2, 0, 3)[None]  # (1, G, H / G, n, D)
        if block.cap or n <= SHORT:  # the heads of a group are one after another
            seen = _attend(q.reshape(1, groups, -1, width), k, v, mask.repeat(heads // groups, 1), block)
        else:
            k, v = (t[:, :, None].expand(-1, -1, heads // groups, -1, -1).flatten(1, 2) for t in (k, v))
            seen = _attend(q.flatten(1, 2), k, v, mask, block)
        return seen.view(heads, n, width).transpose(0, 1)

    def _mask_alone(self, part: Part, first: int, window: int) -> Tensor:
        """(n, keys), added to scores: a token sees its own place and earlier ones, `window` at most (0: all)."""
        name = (part.slot, first, window)
        if name not in self._masks:
            distance = torch.arange(part.start, part.end)[:, None] - torch.arange(first, part.end)
            self._masks[name] = self._added((distance >= 0) & (distance < window) if window else distance >= 0)
        return self._masks[name]

    def _added(self, seen: Tensor) -> Tensor:
        mask = torch.zeros(seen.shape, dtype=torch.float32).masked_fill_(~seen, float("-inf"))
        return mask.to(self.reading.dtype).to(self.reading.device)


def _attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, block: Block) -> Tensor:
    """q (B, G, n, D), k and v (B, G, T, D), mask (n or 1, T) by row or for all; returns (B, G, n, D)."""
    if not block.cap:
        return functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=block.scale)
    scores = torch.tanh(torch.matmul(q, k.transpose(2, 3)) * (block.scale / block.cap)) * block.cap
    if mask is not None:
        scores = scores + mask
    return torch.matmul(scores.softmax(-1, dtype=torch.float32).to(v.dtype), v)


def rotate(x: Tensor, cos: Tensor, sin: Tensor, turned: int) -> Tensor:
    """Rotary positions (Su et al. 2021, https://arxiv.org/abs/2104.09864) of x (N, H, D), whose first `turned` turn."""
    half = turned // 2
    parts = [x[..., half:turned], x[..., :half]] + ([x[..., turned:]] if turned < x.shape[-1] else [])
    swapped = torch.cat(parts, -1)
    return torch.mul(x, cos).addcmul_(swapped, sin)
