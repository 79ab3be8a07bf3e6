"""A row that is being answered: its prompt, what was said, and why it ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from typing import Literal

from heedful.backends.generation.choosing import row_key


@dataclass(frozen=True)
class Request:
    """A prompt to be answered with at most `limit` new tokens; `index` is the caller's.

    `ends` is told of every new token and says whether the answer is over by it (a stop string is complete).
    """

    index: int
    prompt: Sequence[int]
    limit: int
    ends: Callable[[int], bool] | None = None


@dataclass
class Row:
    """A request on its way. `ids` is its prompt and what was said, of which `cached` have keys and values."""

    request: Request
    ids: list[int]
    key: bytes
    cached: int = 0
    slot: int = -1
    seconds: float = 0.0  # its share of the steps that it took part in
    finish: Literal["", "stop", "length"] = ""
    likeliest: list[list[tuple[int, float]]] = field(default_factory=list)

    @property
    def prompt_tokens(self) -> int:
        return len(self.request.prompt)

    @property
    def new(self) -> list[int]:
        """What was said, the stop token included."""
        return self.ids[self.prompt_tokens :]

    def add(self, token: int, stop_ids: Set[int]) -> bool:
        """Take a new token; whether the answer is over."""
        self.ids.append(token)
        ended = self.request.ends is not None and self.request.ends(token)
        if token in stop_ids or ended:
            self.finish = "stop"
        elif len(self.ids) - self.prompt_tokens >= self.request.limit:
            self.finish = "length"
        return bool(self.finish)


def begin(request: Request, seed: int) -> Row:
    """A row at its beginning."""
    return Row(request, list(request.prompt), row_key(seed, request.prompt))
