"""A model behind a server that goes on with plain texts (OpenAI's /completions), and tells how likely texts are.

Log-likelihoods come from ``echo``: the server repeats the prompt with a log-probability for each of its tokens, as
vLLM and llama-cpp-python do (https://platform.openai.com/docs/api-reference/completions, "echo" and "logprobs"). Many
servers leave the wish out in silence, so one short text is asked for first, and what comes back is checked.

Where a continuation begins is read from ``text_offset``. A token that holds the end of the context and the beginning
of the continuation is an error: its probability belongs to neither.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from heedful.backends.asking import Question
from heedful.backends.base import Answer, Continuation, GenerationSettings, LogLikelihood
from heedful.backends.cache import cache_key
from heedful.backends.openai import OpenAIBackend
from heedful.backends.server_faults import NoSuchAddress
from heedful.backends.server_options import COMPLETIONS
from heedful.backends.server_reply import Reply, TryAgain, make_reply, read_choice
from heedful.backends.server_request import check_settings
from heedful.errors import RequestError

PROBE = "The grass is green and the sky is blue."
_SPECIAL = 2  # tokens that a server may put before a text


@dataclass(frozen=True)
class Echo:
    """A prompt's tokens as a server gives them back, without what it added: text, place, log-probability of each, and
    the likeliest token's at its place; None where there is none (the first token follows nothing)."""

    tokens: tuple[str, ...]
    offsets: tuple[int, ...]
    logprobs: tuple[float | None, ...]
    best: tuple[float | None, ...]


class CompletionsBackend(OpenAIBackend):
    """`OpenAIBackend` with `complete` and `log_likelihoods`; both are cached as answers are."""

    scored_by = "the server"

    def complete(self, prompts: Sequence[str], settings: GenerationSettings) -> Iterator[Answer]:
        """Go on with texts, as `answer` answers conversations."""
        check_settings(settings)
        bodies = [_body(self.model, prompt, settings) for prompt in prompts]
        yield from self._other(read_completion).put(self._questions(bodies))

    def log_likelihoods(self, rows: Sequence[Continuation]) -> Iterator[LogLikelihood]:
        """How likely continuations are; RequestError for a context that a template made, which a server has itself."""
        if any(not row.plain for row in rows):
            raise RequestError(f"{self.name} puts templates around texts itself; score plain texts (--template none)")
        bodies = [_echo_body(self.model, row.context + row.continuation) for row in rows]
        for answer in self._other(read_echo).put(self._questions(bodies)):
            if answer.finish_reason == "error":
                yield LogLikelihood(answer.index, math.nan, False, 0, error=answer.error)
            else:
                yield _likelihood(answer.index, rows[answer.index], _echo(answer.text))

    def why_no_log_likelihoods(self) -> str | None:
        """Ask for those of a short text: None where they come, else why they cannot be had.

        ModelError where there is no server or no such model at all.
        """
        asked = self._other(read_echo)
        asked.cache = None
        try:
            (answer,) = asked.put(self._questions([_echo_body(self.model, PROBE)]))
        except NoSuchAddress as e:
            return str(e)
        if answer.finish_reason == "error":
            return answer.error
        echo = _prompt(_echo(answer.text), PROBE)
        if "".join(echo.tokens) != PROBE:
            return "it does not give the prompt back when it is asked to (echo)"
        if any(p is None or not p <= 0 for p in echo.logprobs[1:]) or not any(echo.logprobs):
            return "it gives the prompt back without log-probabilities"
        if any(p is None for p in echo.best[1:]):
            return "it does not tell the likeliest tokens (top_logprobs)"
        return None

    def _other(self, read: Any) -> CompletionsBackend:
        """This backend with another address and way of reading; counts and cache are shared."""
        other = copy.copy(self)
        other.server = replace(self.server, path=COMPLETIONS)
        other.read = read
        return other

    def _questions(self, bodies: Sequence[dict[str, Any]]) -> list[Question]:
        url = self.server.url + COMPLETIONS
        return [Question(n, body, cache_key(url, body)) for n, body in enumerate(bodies)]


def _body(model: str, prompt: str, settings: GenerationSettings) -> dict[str, Any]:
    body: dict[str, Any] = {"model": model, "prompt": prompt, "max_tokens": settings.max_new_tokens}
    body["temperature"] = settings.temperature
    if settings.temperature > 0:
        body |= {"seed": settings.seed} | ({"top_p": settings.top_p} if settings.top_p < 1 else {})
    return body | ({"stop": list(settings.stop)} if settings.stop else {})


def _echo_body(model: str, text: str) -> dict[str, Any]:
    """One new token, since many servers refuse to make none; it is left out when the echo is read."""
    return {"model": model, "prompt": text, "max_tokens": 1, "temperature": 0.0, "echo": True, "logprobs": 1}


def read_completion(status: int, headers: Mapping[str, str], content: bytes, limit: int, url: str) -> Reply:
    """What a text goes on with."""
    value, choice = read_choice(status, headers, content, url)
    if not isinstance(choice.get("text"), str):
        raise TryAgain("the answer has no 'choices' with a text")
    return make_reply(value, choice, choice["text"], limit, None)


def read_echo(status: int, headers: Mapping[str, str], content: bytes, limit: int, url: str) -> Reply:
    """The prompt's tokens and log-probabilities, as JSON in the reply's text: so they are cached like an answer."""
    value, choice = read_choice(status, headers, content, url)
    found = choice.get("logprobs")
    told = found if isinstance(found, dict) else {}
    names = ("tokens", "text_offset", "token_logprobs", "top_logprobs")
    kept = {name: told[name] if isinstance(told.get(name), list) else [] for name in names}
    return make_reply(value, {**choice, "finish_reason": "length"}, json.dumps(kept), limit, ())


def _echo(text: str) -> Echo:
    """The prompt's tokens of a reply: as many as have all that is needed, in the server's order."""
    kept = json.loads(text)
    tokens = [t if isinstance(t, str) else "" for t in kept["tokens"]]
    offsets = [o if isinstance(o, int) else -1 for o in kept["text_offset"]]
    logprobs = [_number(p) for p in kept["token_logprobs"]]
    best = [_best(top) for top in kept["top_logprobs"]]
    count = min(len(tokens), len(offsets), len(logprobs))
    best += [None] * (count - len(best))
    return Echo(tuple(tokens[:count]), tuple(offsets[:count]), tuple(logprobs[:count]), tuple(best[:count]))


def _prompt(echo: Echo, text: str) -> Echo:
    """The tokens of the text alone, placed in it: without what a server puts before it and goes on with after it."""
    first = ((o, t) for t, o in zip(echo.tokens[: _SPECIAL + 1], echo.offsets, strict=False))
    shift = next((o for o, t in first if t and text.startswith(t)), 0)
    kept = [n for n, o in enumerate(echo.offsets) if 0 <= o - shift < len(text)]
    return Echo(
        tuple(echo.tokens[n] for n in kept),
        tuple(echo.offsets[n] - shift for n in kept),
        tuple(echo.logprobs[n] for n in kept),
        tuple(echo.best[n] for n in kept),
    )


def _best(top: Any) -> float | None:
    values = [p for p in (_number(v) for v in top.values()) if p is not None] if isinstance(top, dict) else []
    return max(values, default=None)


def _number(value: Any) -> float | None:
    """A log-probability; servers write 0 or null for the first token, and some a number below any probability."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _likelihood(index: int, row: Continuation, echo: Echo) -> LogLikelihood:
    """The sum over the tokens from where the continuation begins to where the prompt ends."""
    text = row.context + row.continuation
    begin = len(row.context.rstrip())

    def wrong(why: str) -> LogLikelihood:
        return LogLikelihood(index, math.nan, False, 0, error=f"the server's tokens cannot be used: {why}")

    echo = _prompt(echo, text)
    chosen = [n for n, place in enumerate(echo.offsets) if place >= begin]
    if not chosen or echo.offsets[chosen[0]] != begin or list(echo.offsets) != sorted(echo.offsets):
        return wrong("none begins where the answer begins")
    said = "".join(echo.tokens[n] for n in chosen)
    if said != text[begin:] and "\ufffd" not in said and "bytes:" not in said:
        return wrong("they do not make up the answer")
    values = [echo.logprobs[n] for n in chosen]
    if any(v is None or not math.isfinite(v) for v in values):
        return wrong("one has no log-probability")
    best = [echo.best[n] for n in chosen]
    greedy = all(b is not None and (v or 0.0) >= b for v, b in zip(values, best, strict=True))
    return LogLikelihood(index, math.fsum(v or 0.0 for v in values), greedy, len(chosen))
