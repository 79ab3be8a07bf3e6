"""The protocol of a backend: prompts in, answers out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from heedful.records import FinishReason, Message, hash_of

SEED_MAX = 2**63 - 1  # torch takes no more than twice that, and JSON readers less
Tools = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class GenerationSettings:
    """How answers are made. Temperature 0 is greedy: the most likely token each time."""

    max_new_tokens: int = 128
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    batch_size: int = 16

    @property
    def hash(self) -> str:
        """The hash that a Response bears; the batch size is left out, since it should not change an answer."""
        return hash_of({k: v for k, v in asdict(self).items() if k != "batch_size"})


@dataclass(frozen=True)
class Answer:
    """What a backend gives back for prompt number `index`. `tokens` counts the stop token where there is one."""

    index: int
    text: str
    finish_reason: FinishReason
    prompt_tokens: int
    tokens: int
    seconds: float
    error: str | None = None


class Backend(Protocol):
    """Answers conversations, in whatever order is fastest; `index` says which one an answer belongs to.

    `tools` has, for each prompt, the functions that the model may call, or is empty where no prompt has any.
    """

    name: str

    def answer(
        self, prompts: Sequence[Sequence[Message]], settings: GenerationSettings, tools: Sequence[Tools] = ()
    ) -> Iterator[Answer]: ...
