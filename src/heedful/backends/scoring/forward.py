"""One part of the tree through the model: a stretch of the trunk, or families that hang from it, side by side.

All tokens of a part are one matrix (N, D) for everything but attention. There each token sees the trunk (`attend` over
all tokens at once, the heads of a group being more queries) and its own family (families of like length together), and
the two are joined. The last layer is finished, and the head applied, at the places alone where something is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from heedful.backends.generation.forward import rotate
from heedful.backends.generation.reading import Block, Reading
from heedful.backends.scoring.attention import attend, join
from heedful.backends.scoring.tree import Bundle, Node, Stretch, flatten

LOGITS = 8 << 20  # numbers at a time: 32 MB in float32, and as much again for their logarithms
LIKE = 0.75  # families at least this share of the longest one's length are padded to it


class Trunk:
    """Keys and values of the path that is being walked: for each layer (G, T, D), the first `length` places valid."""

    def __init__(self, reading: Reading):
        self.reading = reading
        self.length = 0
        shape = (reading.groups, 0, reading.width)
        self.keys = [torch.empty(shape, dtype=reading.dtype, device=reading.device) for _ in reading.blocks]
        self.values = [torch.empty(shape, dtype=reading.dtype, device=reading.device) for _ in reading.blocks]

    def make_room(self, places: int) -> None:
        """Hold at least so many places; what is there stays."""
        if self.keys[0].shape[1] >= places:
            return
        for tensors in (self.keys, self.values):
            for layer, old in enumerate(tensors):
                new = old.new_empty(old.shape[0], places + places // 2, old.shape[2])
                new[:, : self.length] = old[:, : self.length]
                tensors[layer] = new

    def write(self, layer: int, start: int, k: Tensor, v: Tensor) -> None:
        """Put keys and values (n, G, D) at `start` and after."""
        end = start + k.shape[0]
        self.keys[layer][:, start:end] = k.transpose(0, 1)
        self.values[layer][:, start:end] = v.transpose(0, 1)


@dataclass(frozen=True)
class Group:
    """Families of like length, padded at the end: `index` (F, L) into the part's tokens; `seen` (F, L, L) where a token
    may look, None where all are plain rows; `real` (F, L), None where nothing is padded."""

    index: Tensor
    seen: Tensor | None
    real: Tensor | None


@dataclass(frozen=True)
class Asked:
    """What is asked of a part: logits at `places`; for each (place's number, row, token) a value."""

    places: list[int]
    entries: list[tuple[int, int, int]]


@dataclass(frozen=True)
class Place:
    """A token where it stands: its log-probability, and the likeliest tokens in its place with theirs."""

    log_probability: float
    top: tuple[tuple[int, float], ...]


def places_of(logits: Tensor, tokens: Sequence[int], top: int) -> list[Place]:
    """Logits (W, V) in float32, and the token that stands at each place."""
    logs = logits.log_softmax(-1)
    values = logs.gather(1, torch.tensor(list(tokens), device=logs.device)[:, None])[:, 0].tolist()
    best, which = logs.topk(min(top, logs.shape[-1]), -1)
    tops = [tuple(zip(*pair, strict=True)) for pair in zip(which.tolist(), best.tolist(), strict=True)]
    return [Place(value, one) for value, one in zip(values, tops, strict=True)]


class Part:
    """The tokens of a stretch or a bundle, with their positions, their groups and what is asked of them."""

    def __init__(self, part: Stretch | Bundle, device: torch.device):
        self.trunk = part.start if isinstance(part, Stretch) else part.trunk
        self.stretch = isinstance(part, Stretch)
        self.device = device
        if isinstance(part, Bundle):
            families = part.families
        else:
            families = [Node(part.start, list(part.ids), [], list(part.asked), len(part.ids))]
        ids: list[int] = []
        at: list[int] = []
        entries: list[tuple[int, int, int]] = []  # (token, row, what it should be)
        spans: list[tuple[int, Node]] = []
        for family in families:
            spans.append((len(ids), family))
            for node, _ in flatten(family):
                entries += [(len(ids) + offset, row, token) for offset, row, token in node.asked]
                ids += node.ids
                at += range(node.start, node.end)
        self.ids = torch.tensor(ids, device=device)
        self.at = torch.tensor(at, device=device)
        self.first, self.last = min(at), max(at)
        places = sorted({place for place, _, _ in entries})
        number = {place: n for n, place in enumerate(places)}
        self.asked = Asked(places, [(number[place], row, token) for place, row, token in entries])
        self.groups = [*self._grouped([s for s in spans if not s[1].children], plain=True),
                       *self._grouped([s for s in spans if s[1].children], plain=False)]  # fmt: skip
        self._masks: dict[tuple[int, int], tuple[int, Tensor | None]] = {}

    def _grouped(self, spans: Sequence[tuple[int, Node]], plain: bool) -> list[Group]:
        made: list[Group] = []
        together: list[tuple[int, Node]] = []
        for span in sorted(spans, key=lambda s: -s[1].size):
            if together and span[1].size < LIKE * together[0][1].size:
                made.append(self._group(together, plain))
                together = []
            together.append(span)
        return [*made, self._group(together, plain)] if together else made

    def _group(self, spans: Sequence[tuple[int, Node]], plain: bool) -> Group:
        longest = max(node.size for _, node in spans)
        starts = np.array([start for start, _ in spans])[:, None]
        sizes = np.array([node.size for _, node in spans])[:, None]
        place = np.arange(longest)[None]
        real = place < sizes
        index = np.where(real, starts + place, starts)
        seen = None if plain else np.stack([_ancestry(node, longest) for _, node in spans])
        return Group(
            torch.from_numpy(index).to(self.device),
            None if seen is None else torch.from_numpy(seen).to(self.device),
            None if real.all() else torch.from_numpy(real).to(self.device),
        )

    def trunk_mask(self, window: int, trunk: int) -> tuple[int, Tensor | None]:
        """From which place on the trunk is seen, and a mask (1, 1, N, places) where not all tokens see all of it."""
        if not window or self.last - window + 1 <= 0:
            return 0, None
        first = max(0, self.first - window + 1)
        if first >= trunk:
            return trunk, None
        if self.last - window + 1 <= first:
            return first, None
        if (window, trunk) not in self._masks:
            seen = self.at[:, None] - torch.arange(first, trunk, device=self.device) < window
            self._masks[window, trunk] = (
                first,
                torch.zeros(seen.shape, dtype=torch.float32, device=self.device).masked_fill_(~seen, float("-inf"))[
                    None, None
                ],
            )
        return self._masks[window, trunk]


def _ancestry(family: Node, size: int) -> np.ndarray:
    """(L, L): a token sees itself and its ancestors; padding sees itself alone."""
    seen = np.eye(size, dtype=bool)
    ends: list[int] = []
    at = 0
    for node, parent in flatten(family):
        end = at + len(node.ids)
        if parent >= 0:
            seen[at:end] |= seen[ends[parent] - 1]
        seen[at:end, at:end] |= np.tri(end - at, dtype=bool)
        ends.append(end)
        at = end
    return seen


class ScoringForward:
    """A read model with its rotation tables, for rows of at most `places` tokens."""

    def __init__(self, reading: Reading, places: int):
        self.reading = reading
        self.angles = reading.angles(places)

    def __call__(self, part: Part, trunk: Trunk) -> Tensor | None:
        """The normed hidden states (W, D) at the places asked; None where nothing is asked. A stretch is kept."""
        r = self.reading
        if part.stretch:
            trunk.make_room(part.last + 1)
        at = part.at
        angles = {k: (cos.index_select(0, at), sin.index_select(0, at)) for k, (cos, sin) in self.angles.items()}
        keep = torch.tensor(part.asked.places, device=r.device, dtype=torch.long)
        x = r.embed(part.ids, part.at)
        for number, block in enumerate(r.blocks):
            h = x if block.before is None else block.before(x)
            both, v = block.project(h)
            if block.kind is not None:
                both = rotate(both, *angles[block.kind], r.turned)
            q, k = both[:, : r.heads], both[:, r.heads :]
            seen = None
            last = number == len(r.blocks) - 1
            if not last or len(keep):
                seen = self._seen(part, trunk, number, block, q, k, v).flatten(1)
            if part.stretch:
                trunk.write(number, part.trunk, k, v)
            if seen is None:
                break
            if last and len(keep) < len(seen):
                seen, x, h = seen.index_select(0, keep), x.index_select(0, keep), h.index_select(0, keep)
            x = _finish(block, seen, x, h, r.residual)
        if part.stretch:
            trunk.length = part.last + 1
        return r.norm(x) if len(keep) else None

    def _seen(self, part: Part, trunk: Trunk, layer: int, block: Block, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """What each token sees: q (N, H, D), k and v (N, G, D); returns (N, H, D)."""
        own, log_own = self._family(part, block, q, k, v)
        first, mask = part.trunk_mask(block.window, part.trunk)
        if first >= part.trunk:
            return own
        n, heads, width = q.shape
        groups = self.reading.groups
        folded = q.view(n, groups, heads // groups, width).permute(1, 2, 0, 3).reshape(1, groups, -1, width)
        if mask is not None:
            mask = mask.to(q.dtype).repeat(1, 1, heads // groups, 1)
        keys = trunk.keys[layer][None, :, first : part.trunk]
        values = trunk.values[layer][None, :, first : part.trunk]
        far, log_far = attend(folded, keys, values, block.scale, mask, cap=block.cap)
        far = far.view(groups, heads // groups, n, width).permute(2, 0, 1, 3).reshape(n, heads, width)
        log_far = log_far.view(groups, heads // groups, n).permute(2, 0, 1).reshape(n, heads)
        return join(own, log_own, far, log_far)

    def _family(self, part: Part, block: Block, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        n, heads, width = q.shape
        groups = self.reading.groups
        out, total = q.new_empty(n, heads, width), q.new_empty(n, heads, dtype=torch.float32)
        for group in part.groups:
            families, longest = group.index.shape
            flat = group.index.flatten()
            ask = q.index_select(0, flat).view(families, longest, heads, width).transpose(1, 2)
            keys, values = (
                t.index_select(0, flat)
                .view(families, longest, groups, 1, width)
                .expand(-1, -1, -1, heads // groups, -1)
                .reshape(families, longest, heads, width)
                .transpose(1, 2)
                for t in (k, v)
            )
            seen = _within(part, group, block.window)
            mask = None if seen is None else _added(seen, q.dtype)
            got, log = attend(ask, keys, values, block.scale, mask, causal=seen is None, cap=block.cap)
            got, log = got.transpose(1, 2).reshape(-1, heads, width), log.transpose(1, 2).reshape(-1, heads)
            if group.real is not None:
                kept = group.real.flatten()
                flat, got, log = flat[kept], got[kept], log[kept]
            out.index_copy_(0, flat, got)
            total.index_copy_(0, flat, log.float())
        return out, total

    def likeliest(self, states: Tensor, tokens: Sequence[int], top: int) -> list[Place]:
        """For each place (states (W, D), in order): its token's log-probability, and the `top` likeliest tokens'."""
        out: list[Place] = []
        step = 8  # until the size of the vocabulary is seen
        while len(out) < len(tokens):
            logits = self.reading.head(states[len(out) : len(out) + step])  # (w, V), float32
            out += places_of(logits, tokens[len(out) : len(out) + len(logits)], top)
            step = max(1, LOGITS // logits.shape[-1])
        return out

    def values(self, states: Tensor, asked: Asked) -> list[tuple[int, float, bool]]:
        """For each entry asked: its row, the log-probability of its token, and whether that is the likeliest one."""
        out: list[tuple[int, float, bool]] = []
        entries = sorted(asked.entries)
        at = begin = 0
        step = 8  # until the size of the vocabulary is seen
        while begin < len(asked.places):
            logits = self.reading.head(states[begin : begin + step])  # (w, V), float32
            here = []
            while at < len(entries) and entries[at][0] < begin + len(logits):
                here.append(entries[at])
                at += 1
            place = torch.tensor([e[0] - begin for e in here], device=logits.device)
            token = torch.tensor([e[2] for e in here], device=logits.device)
            # log_softmax as everyone takes it: over 49,000 entries it is 1.5e-5 off the truth, but the same for all.
            value = logits.log_softmax(-1)[place, token]
            greedy = logits.argmax(-1)[place] == token
            out += zip([e[1] for e in here], value.tolist(), greedy.tolist(), strict=True)
            begin += len(logits)
            step = max(1, LOGITS // logits.shape[-1])
        return out


def _finish(block: Block, seen: Tensor, x: Tensor, h: Tensor, residual: float) -> Tensor:
    """A layer's second half, from what attention gave; x (N, D) is changed."""
    o = block.out(seen)
    if block.after_attention is not None:
        o = block.after_attention(o)
    if block.parallel:
        return x.add_(o, alpha=residual).add_(block.mlp(h), alpha=residual)
    x = x.add_(o, alpha=residual)
    o = block.mlp(x if block.middle is None else block.middle(x))
    if block.after_mlp is not None:
        o = block.after_mlp(o)
    return x.add_(o, alpha=residual)


def _within(part: Part, group: Group, window: int) -> Tensor | None:
    """(F, L, L) where a token of a family may look; None where it is itself and all before it."""
    if not window or part.last - part.first < window:
        return group.seen
    at = part.at[group.index]  # (F, L)
    near = at[:, :, None] - at[:, None, :] < window
    seen = group.seen
    if seen is None:
        seen = torch.ones(near.shape[1:], dtype=torch.bool, device=near.device).tril_()[None]
    return seen & (near | torch.eye(near.shape[1], dtype=torch.bool, device=near.device))


def _added(seen: Tensor, dtype: torch.dtype) -> Tensor:
    """A mask to add to scores, (F, 1, L, L)."""
    return torch.zeros(seen.shape, dtype=dtype, device=seen.device).masked_fill_(~seen, float("-inf"))[:, None]
