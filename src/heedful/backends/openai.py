"""Answers from a server that speaks OpenAI's chat completions: vLLM, Ollama, llama.cpp, a cloud.

    answer()        in the caller's thread: what the cache knows first, then answers as they come
      Asking        (`asking`) a thread with an event loop: so many requests at a time, retries, time-outs, a deadline
        read_reply  (`server_reply`) what came back

A good answer is on disk before it is given out, so that what was paid for is not lost to a kill. Failures that may pass
are tried again and then become an answer with an error; those that would befall every question stop the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import httpx2

from heedful.backends.asking import Asking, Question
from heedful.backends.base import Answer, GenerationSettings, Tools
from heedful.backends.cache import AnswerCache, cache_key
from heedful.backends.server_options import Server, ServerOptions
from heedful.backends.server_reply import Reply, read_reply
from heedful.backends.server_request import check_settings, request_body
from heedful.backends.spent import Spent
from heedful.errors import ModelError
from heedful.records import Message

_KEPT = ("text", "finish_reason", "prompt_tokens", "tokens", "seconds", "top_logprobs")


class OpenAIBackend:
    """A model behind a server. `spent` counts requests, tokens and cost; `say` is told what the user should know."""

    def __init__(
        self,
        name: str,
        model: str,
        server: Server,
        options: ServerOptions,
        cache: AnswerCache | None = None,
        say: Callable[[str], None] = lambda _: None,
    ):
        self.name = name
        self.model = model
        self.server = server
        self.options = options
        self.cache = cache
        self.say = say
        self.spent = Spent(options.input_price, options.output_price)
        self.limit_name = "max_tokens"
        self.read: Callable[..., Reply] = read_reply
        self.calls_itself = model
        try:
            httpx2.URL(server.endpoint)
        except (httpx2.InvalidURL, ValueError) as e:
            raise ModelError(f"model '{name}': {server.url} is no address ({e})") from None

    def answer(
        self, prompts: Sequence[Sequence[Message]], settings: GenerationSettings, tools: Sequence[Tools] = ()
    ) -> Iterator[Answer]:
        """Answer every prompt, those that the cache knows first.

        RequestError for settings that a server cannot be asked for; HeedfulError, ModelError or RequestError where no
        question at all would be answered. Closing the iterator ends the open requests.
        """
        check_settings(settings)
        questions = []
        for index, prompt in enumerate(prompts):
            body = request_body(self.model, prompt, settings, tools[index] if tools else ())
            questions.append(Question(index, body, cache_key(self.server.url, body)))
        yield from self.put(questions)

    def put(self, questions: Sequence[Question]) -> Iterator[Answer]:
        """Ask the server, but for what the cache knows."""
        known = self.cache.get([q.key for q in questions]) if self.cache else {}
        hits = [q for q in questions if q.key in known]
        if hits:
            self.spent.from_cache += len(hits)
            self.say(f"{len(hits):,} of {len(questions):,} answers are from the cache (--no-cache asks again)")
        for question in hits:
            yield _from_cache(question, known[question.key])
        if len(hits) < len(questions):
            yield from self._ask([q for q in questions if q.key not in known])

    def _ask(self, questions: Sequence[Question]) -> Iterator[Answer]:
        asking = Asking(self, questions)
        asking.start()
        try:
            while (item := asking.results.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                if isinstance(item, str):
                    self.say(item)
                else:
                    yield item
        except KeyboardInterrupt:
            asking.stop()
            yield from asking.finished()  # what had come already
            raise
        finally:
            asking.stop()

    def keep(self, question: Question, answer: Answer) -> None:
        """Put a good answer into the cache; RequestError where it cannot be written."""
        if self.cache is not None and answer.finish_reason != "error":
            values = {name: getattr(answer, name) for name in _KEPT}
            self.cache.put(question.key, {k: v for k, v in values.items() if v is not None})

    def without_key(self, text: str) -> str:
        """A server's words without the key, should it repeat it."""
        return text.replace(self.server.key, "[the key]") if self.server.key else text


def _from_cache(question: Question, value: dict[str, Any]) -> Answer:
    logprobs = value.get("top_logprobs")
    top = None if logprobs is None else tuple(tuple((text, p) for text, p in place) for place in logprobs)
    return Answer(question.index, **{**value, "top_logprobs": top})
