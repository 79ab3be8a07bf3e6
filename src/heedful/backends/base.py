"""The protocol of a backend: prompts in, answers out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

from heedful.records import FinishReason, Message, hash_of

SEED_MAX = 2**63 - 1  # torch takes no more than twice that, and JSON readers less
Tools = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class GenerationSettings:
    """How answers are made. Temperature 0 is greedy: the most likely token each time.

    `top_k` (0: all tokens), `min_p` (0: none left out) and `top_p` choose whom sampling may take, `repetition_penalty`
    divides the logits of what was said (1: not at all), and an answer ends before the first of the strings in `stop`.
    `top_logprobs` asks for that many likeliest tokens at each place. `server_fields` go to a server as they are.
    """

    max_new_tokens: int = 128
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    batch_size: int = 64
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    stop: tuple[str, ...] = ()
    top_logprobs: int = 0
    server_fields: tuple[tuple[str, Any], ...] = ()

    @property
    def hash(self) -> str:
        """The hash that a Response bears.

        What should not change an answer is left out: the batch size and `top_logprobs`. So are fields that came later
        and have their defaults, so that files of answers that were begun before can be gone on with.
        """
        later = {f.name: f.default for f in fields(self) if f.name not in _FIRST_FIELDS}
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("batch_size", "top_logprobs")}
        return hash_of({k: v for k, v in values.items() if k not in later or v != later[k]})


_FIRST_FIELDS = ("max_new_tokens", "temperature", "top_p", "seed", "batch_size")


@dataclass(frozen=True)
class Answer:
    """What a backend gives back for prompt number `index`. `tokens` counts the stop token where there is one.

    `top_logprobs` has, for each new token, the likeliest tokens as text with their log-probabilities, likeliest first;
    None where they were not asked for. It is for judges, and no part of a Response. `truncated` counts the tokens of a
    text's beginning that the model had no room for, where it goes on with a text (`complete`).
    """

    index: int
    text: str
    finish_reason: FinishReason
    prompt_tokens: int
    tokens: int
    seconds: float
    error: str | None = None
    top_logprobs: tuple[tuple[tuple[str, float], ...], ...] | None = None
    truncated: int = 0


@dataclass(frozen=True)
class Continuation:
    """A text, and one that may follow it. `plain` is False where a chat template made the context: it has all special
    tokens, and none is put before it.

    How the two become tokens is lm-evaluation-harness's rule: white space at the end of the context goes to the
    continuation, both are encoded as one text, and the context's share of it is as many tokens as it has by itself.
    """

    context: str
    continuation: str
    plain: bool = True


@dataclass(frozen=True)
class LogLikelihood:
    """How likely continuation number `index` is: the natural logarithm of its probability, summed over its tokens.

    `greedy` says whether each of its tokens is the likeliest one; `truncated` how many tokens of the context's
    beginning the model had no room for. `error` says why there is no number; then `log_likelihood` is NaN.
    """

    index: int
    log_likelihood: float
    greedy: bool
    tokens: int
    truncated: int = 0
    error: str | None = None


class ScoringBackend(Protocol):
    """Says how likely texts are, and goes on with them: what benchmarks of base models ask.

    Results come in whatever order is fastest. A backend that cannot tell log-likelihoods has `log_likelihoods` None.
    """

    name: str

    def log_likelihoods(self, rows: Sequence[Continuation]) -> Iterator[LogLikelihood]: ...

    def complete(self, prompts: Sequence[str], settings: GenerationSettings) -> Iterator[Answer]: ...


class Backend(Protocol):
    """Answers conversations, in whatever order is fastest; `index` says which one an answer belongs to.

    `tools` has, for each prompt, the functions that the model may call, or is empty where no prompt has any.
    """

    name: str

    def answer(
        self, prompts: Sequence[Sequence[Message]], settings: GenerationSettings, tools: Sequence[Tools] = ()
    ) -> Iterator[Answer]: ...
