"""The model that lm-evaluation-harness is given: a backend answers each request, once, and the journal keeps it."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping
from typing import Any

from heedful.backends.base import Continuation, GenerationSettings
from heedful.bench.asking import ask
from heedful.bench.journal import Journal
from heedful.bench.requests import How, Request
from heedful.errors import RequestError
from heedful.records import Message, hash_of

MOST_TOKENS = 256  # of an answer where a task sets no limit, as the harness has it


def make_lm(backend: Any, journal: Journal, how: How, progress: Callable[[int, int], None]) -> Any:
    """A model of the harness that has a backend answer its requests."""
    base: Any = importlib.import_module("lm_eval.api.model").LM

    class HeedfulLM(base):
        """Its three kinds of requests, each asked once and journalled."""

        def __init__(self) -> None:
            super().__init__()
            self.failed, self.truncated, self.requests, self.asked = 0, 0, 0, 0
            self.first_error: str | None = None

        @property
        def tokenizer_name(self) -> str:
            return str(backend.name)

        def chat_template(self, chat_template: bool | str = False) -> str:
            return str(backend.chat.text) if chat_template else ""

        def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
            turns = [Message(_role(t["role"]), t["content"]) for t in chat_history]
            if add_generation_prompt or not turns or turns[-1].role != "assistant":
                return backend.render(turns)
            return backend.render(turns[:-1]) + turns[-1].content

        def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
            rows = [Continuation(*r.args, plain=how.plain) for r in requests]
            keys = [hash_of(["choice", r.context, r.continuation, r.plain], 32) for r in rows]
            asked = {key: Request(key, row) for key, row in zip(keys, rows, strict=True)}
            found = self._ask(asked)
            return [
                (float(found[k].get("log_likelihood", math.nan)), bool(found[k].get("greedy", False))) for k in keys
            ]

        def loglikelihood_rolling(self, requests: list[Any], disable_tqdm: bool = False) -> list[float]:
            if not hasattr(backend, "rolling"):
                raise RequestError(
                    f"{backend.name} cannot tell how likely whole texts are, which a perplexity task asks; "
                    "take a model in this process"
                )
            keys = [hash_of(["rolling", r.args[0]], 32) for r in requests]
            todo = {k: r.args[0] for k, r in zip(keys, requests, strict=True) if k not in journal.answers}
            for done, said in enumerate(backend.rolling(list(todo.values())), 1):
                journal.answer([*todo][said.index], {"log_likelihood": said.log_likelihood, "tokens": said.tokens})
                progress(len(requests) - len(todo) + done, len(requests))
            return [float(journal.answers[k]["log_likelihood"]) for k in keys]

        def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
            made = [_generation(r.args, how) for r in requests]
            found = self._ask({r.key: r for r in made})
            return [str(found[r.key].get("text", "")) for r in made]

        def _ask(self, asked: Mapping[str, Request]) -> Mapping[str, Mapping[str, Any]]:
            if getattr(backend, "log_likelihoods", None) is None and any(r.continuation for r in asked.values()):
                raise RequestError(
                    f"{backend.name} does not tell log-likelihoods, which this task asks; take a model in this process"
                )
            self.requests += len(asked)
            self.asked += ask(asked, backend, journal, progress)
            for key in asked:
                error = journal.answers[key].get("error")
                self.failed += bool(error)
                self.first_error = self.first_error or error
                self.truncated += bool(journal.answers[key].get("truncated"))
            return journal.answers

    return HeedfulLM()


def _role(role: str) -> Any:
    return role if role in ("system", "user", "assistant") else "user"


def _generation(arguments: tuple[str, Mapping[str, Any]], how: How) -> Request:
    """A request to write: the harness's ``until``, ``max_gen_toks`` and sampling, a template's text among them."""
    context, given = arguments
    until = given.get("until") or ()
    sampled = bool(given.get("do_sample")) and float(given.get("temperature") or 0) > 0
    settings = GenerationSettings(
        max_new_tokens=int(given.get("max_gen_toks") or given.get("max_new_tokens") or MOST_TOKENS),
        temperature=float(given["temperature"]) if sampled else 0.0,
        top_p=float(given.get("top_p") or 1.0) if sampled else 1.0,
        stop=tuple(s for s in ([until] if isinstance(until, str) else until) if s),
        batch_size=how.batch_size,
    )
    return Request(hash_of(["text", context, settings.hash, how.plain], 32), None, context, settings)
