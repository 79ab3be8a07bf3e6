"""What is asked of a model: each item's continuations, or the texts that it shall go on with.

Identical requests have one key and are asked once: two items with the same question, a choice that stands twice, two
tasks that ask alike. The key is a hash of all that may change the answer but the model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from heedful.backends.base import Continuation, GenerationSettings
from heedful.bench.tasks import Prepared
from heedful.records import Message, hash_of, to_json
from heedful.tasks import Generation, Item

Context = str | tuple[Message, ...]  # a text to go on with, or a conversation to answer
Render = Callable[[Sequence[Message]], str]


@dataclass(frozen=True)
class How:
    """How questions are put: `template` is ``none`` for plain text, else a chat template's name, and then `multiturn`
    makes each example a turn of its own. `batch_size` is how many answers are written side by side."""

    template: str = "none"
    multiturn: bool = False
    batch_size: int = 64

    @property
    def plain(self) -> bool:
        return self.template == "none"


@dataclass(frozen=True)
class Request:
    """One question to a model: a continuation whose likelihood is asked, or a context to be gone on with."""

    key: str
    continuation: Continuation | None = None
    context: Context = ""
    settings: GenerationSettings | None = None


@dataclass(frozen=True)
class Asked:
    """An item's `context` as it is asked, the `choices` as they follow it, and the keys of its requests in order."""

    item: Item
    context: Context
    choices: tuple[str, ...]
    keys: tuple[str, ...]


def requests_of(prepared: Prepared, how: How, render: Render | None) -> tuple[list[Asked], dict[str, Request]]:
    """The requests of a task, by key, and the items that they belong to. `render` is the model's, for a template."""
    asked, requests = [], {}
    for item in prepared.items:
        context = _context(item, how, bool(item.choices), render)
        made = _choices(item, context, how) if item.choices else _texts(prepared, context, how)
        choices = tuple(r.continuation.continuation for r in made if r.continuation is not None)
        asked.append(Asked(item, context, choices, tuple(r.key for r in made)))
        for request in made:
            requests.setdefault(request.key, request)
    return asked, requests


def _context(item: Item, how: How, choices: bool, render: Render | None) -> Context:
    if how.plain:
        return item.prompt.text()
    messages = item.prompt.messages(how.multiturn)
    return render(messages) if choices and render is not None else messages


def _choices(item: Item, context: Context, how: How) -> list[Request]:
    """After a template's text an answer has no space before it, as in lm-evaluation-harness (0.4.13, task.py)."""
    text = context if isinstance(context, str) else "\n".join(m.content for m in context)
    rows = [Continuation(text, c if how.plain else c.removeprefix(" "), how.plain) for c in item.choices]
    return [Request(hash_of(["choice", r.context, r.continuation, r.plain], 32), r) for r in rows]


def _texts(prepared: Prepared, context: Context, how: How) -> list[Request]:
    generation = prepared.task.generation or Generation()
    shown = context if isinstance(context, str) else [to_json(m) for m in context]
    made = []
    for number in range(generation.tries):
        settings = settings_of(generation, prepared.plan.seed, number, how.batch_size)
        key = hash_of(["text", shown, settings.hash, 0 if generation.temperature else number], 32)
        made.append(Request(key, None, context, settings))
    return made


def settings_of(generation: Generation, seed: int, number: int = 0, batch_size: int = 64) -> GenerationSettings:
    """The settings of a try: what is sampled has a seed of its own each time."""
    return GenerationSettings(
        max_new_tokens=generation.max_new_tokens,
        temperature=generation.temperature,
        top_p=generation.top_p,
        seed=seed + number if generation.temperature else 0,
        stop=generation.stop,
        batch_size=batch_size,
    )


def characters(requests: dict[str, Request]) -> int:
    """About how much text is asked: each context once for all its continuations."""
    contexts = {_text_of(r) for r in requests.values()}
    return sum(map(len, contexts)) + sum(len(r.continuation.continuation) for r in requests.values() if r.continuation)


def _text_of(request: Request) -> str:
    if request.continuation is not None:
        return request.continuation.context
    context = request.context
    return context if isinstance(context, str) else "\n".join(m.content for m in context)
