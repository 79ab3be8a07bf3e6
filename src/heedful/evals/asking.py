"""Calls put to a model through a completion function, in rounds: what an answer asks for next is asked with the others.

Talk(call, ...)                 -> its next request, and at the end its answer or why there is none
finish(talks, model, journal)   until no talk has a next request
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from heedful.backends.base import GenerationSettings
from heedful.bench.asking import ask
from heedful.bench.journal import Journal
from heedful.bench.requests import How, Request
from heedful.evals.completion import Ask, CompletionFn, ask_of
from heedful.evals.kinds import Call
from heedful.evals.prompts import as_text
from heedful.evals.verdicts import Event
from heedful.records import hash_of, to_json


class Talk:
    """One call under way. `request` is what is asked next, None at the end; then there is an `answer` or an `error`.
    `lines` are those of the journal so far, `events` the owner's."""

    def __init__(self, call: Call, how: How, fn: CompletionFn, model: str, tag: str = ""):
        self.call, self.how, self.model, self.tag = call, how, model, tag
        self.request: Request | None = None
        self.answer: str | None = None
        self.error: str | None = None
        self.lines: list[Mapping[str, Any]] = []
        self.events: list[Event] = []
        self._program = fn.program(ask_of(call.prompt), self.events)
        self._go(None)

    def hear(self, line: Mapping[str, Any]) -> None:
        """Take what the model made of the request."""
        assert self.request is not None
        self.lines.append(line)
        if error := line.get("error"):
            self.error, self.request = str(error), None
            self.events.append(("error", {"type": "RequestFailed", "message": self.error}))
            return
        context = self.request.context
        prompt = context if isinstance(context, str) else [{"role": m.role, "content": m.content} for m in context]
        self.events.append(("sampling", {"prompt": prompt, "sampled": [line["text"]], "model": self.model}))
        self._go(str(line["text"]))

    def _go(self, said: str | None) -> None:
        try:
            asked = next(self._program) if said is None else self._program.send(said)
        except StopIteration as e:
            self.request, self.answer = None, str(e.value)
            return
        self.request = _request(asked, self.call, self.how, self.tag)


def finish(
    talks: Sequence[Talk], backend: Any, journal: Journal, progress: Callable[[int, int], None]
) -> tuple[dict[str, Request], int]:
    """Ask until every talk has ended; all requests by key, and how many of them were not known before."""
    requests: dict[str, Request] = {}
    asked = 0
    while under := [(t, t.request) for t in talks if t.request is not None]:
        batch = {r.key: r for _, r in under}
        asked += ask(batch, backend, journal, progress)
        requests |= batch
        for talk, request in under:
            talk.hear(journal.answers[request.key])
    return requests, asked


def _request(asked: Ask, call: Call, how: How, tag: str) -> Request:
    context = as_text(asked.prompt) if how.plain else asked.turns
    drawn = call.number if call.temperature else 0  # a greedy answer is asked for once
    settings = GenerationSettings(
        max_new_tokens=call.max_tokens, temperature=call.temperature, seed=drawn, batch_size=how.batch_size
    )
    shown = context if isinstance(context, str) else [to_json(m) for m in context]
    return Request(hash_of([tag, shown, settings.hash], 32), None, context, settings)
