"""Requests put to a backend: those alone that the journal has no good answer to, each answer journalled as it comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from heedful.backends.base import GenerationSettings
from heedful.bench.journal import Journal
from heedful.bench.requests import Request


def ask(requests: Mapping[str, Request], backend: Any, journal: Journal, progress: Callable[[int, int], None]) -> int:
    """Ask what the journal has no good answer to; how many requests that were."""
    todo = [r for r in requests.values() if journal.answers.get(r.key, {"error": "unasked"}).get("error")]
    done = len(requests) - len(todo)
    progress(done, len(requests))
    rows = [r for r in todo if r.continuation is not None]
    if rows:
        for number, said in enumerate(backend.log_likelihoods([r.continuation for r in rows])):
            if not number:
                journal.scored(getattr(backend, "scored_by", None))
            line: dict[str, Any] = {"error": said.error}
            if not said.error:
                line = {"log_likelihood": said.log_likelihood, "greedy": said.greedy, "tokens": said.tokens}
                line |= {"truncated": said.truncated} if said.truncated else {}
            journal.answer(rows[said.index].key, line)
            done += 1
            progress(done, len(requests))
    groups: dict[tuple[GenerationSettings, bool], list[Request]] = {}
    for r in todo:
        if r.settings is not None:
            groups.setdefault((r.settings, isinstance(r.context, str)), []).append(r)
    for (settings, plain), group in groups.items():
        put = backend.complete if plain else backend.answer
        for answer in put([r.context for r in group], settings):
            journal.answer(group[answer.index].key, _text_line(answer))
            done += 1
            progress(done, len(requests))
    return len(todo)


def _text_line(answer: Any) -> dict[str, Any]:
    if answer.finish_reason == "error":
        return {"error": answer.error or "the request failed"}
    text = answer.text.encode("utf-8", "replace").decode()  # half a character has no place in a file
    line = {"text": text, "finish_reason": answer.finish_reason}
    line |= {"prompt_tokens": answer.prompt_tokens, "tokens": answer.tokens}
    return line | ({"truncated": answer.truncated} if answer.truncated else {})
