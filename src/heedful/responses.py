"""Answering the prompts of examples with a backend, and keeping the answers as Responses, one line at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from heedful.backends.base import Backend, GenerationSettings
from heedful.errors import DataError
from heedful.records import Example, Response, from_json, hash_of, to_json
from heedful.store import append_jsonl, read_jsonl


def respond(
    backend: Backend, examples: Sequence[Example], settings: GenerationSettings, model: str | None = None
) -> Iterator[Response]:
    """Answer examples, in the order in which the backend finishes them.

    >>> from heedful.backends.scripted import ScriptedBackend           # doctest: +SKIP
    >>> next(respond(ScriptedBackend("answers.jsonl"), examples, GenerationSettings())).text   # doctest: +SKIP
    'Paris.'
    """
    name = model or backend.name
    tools = [e.tools for e in examples] if any(e.tools for e in examples) else ()
    for answer in backend.answer([e.prompt for e in examples], settings, tools):
        example = examples[answer.index]
        yield Response(
            id=response_id(example.id, name, settings),
            example_id=example.id,
            model=name,
            settings=settings.hash,
            messages=example.prompt,
            reference=example.reference,
            text=answer.text,
            finish_reason=answer.finish_reason,
            prompt_tokens=answer.prompt_tokens,
            tokens=answer.tokens,
            seconds=answer.seconds,
            error=answer.error,
        )


def response_id(example_id: str, model: str, settings: GenerationSettings) -> str:
    """The id of the answer of a model, under settings, to an example: the same each time it is asked."""
    return hash_of([example_id, model, settings.hash])


def respond_to_file(
    path: str | Path,
    backend: Backend,
    examples: Sequence[Example],
    settings: GenerationSettings,
    model: str | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Response]:
    """Answer the examples that `path` has no answer to yet, appending as they come; return all, in the examples' order.

    A file that was cut short is gone on with. DataError if it holds answers of another model or other settings, or
    is no file of answers at all: then it is left as it is.
    """
    check_answers_file(path)
    name = model or backend.name
    wanted = {response_id(e.id, name, settings): e for e in examples}
    done: dict[str, Response] = {}
    for response in read_responses(path):
        if response.id not in wanted:
            raise DataError(
                f"{path}: holds answers of {response.model} to other questions or with other settings; "
                "choose another --out"
            )
        if response.messages != wanted[response.id].prompt:
            raise DataError(
                f"{path}: its answer to {response.example_id} is to another question of that id; choose another --out"
            )
        done[response.id] = response
    todo = [e for i, e in wanted.items() if i not in done or done[i].finish_reason == "error"]
    progress(len(wanted) - len(todo), len(wanted))
    for number, response in enumerate(respond(backend, todo, settings, name), 1):
        append_jsonl(path, to_json(response))
        done[response.id] = response
        progress(len(wanted) - len(todo) + number, len(wanted))
    return [done[i] for i in wanted if i in done]


def check_answers_file(path: str | Path) -> None:
    """DataError where a file of one line without a line break is not the beginning of an answer.

    The torn line that a kill leaves is taken away before the next one is appended. Of another file on one line, such as
    a JSON file with data, that would be everything. Longer files are read, and refused by that, before.
    """
    path = Path(path)
    if not path.is_file() or b"\n" in (text := path.read_bytes()):
        return
    try:
        torn = "example_id" in json.loads(text)
    except (ValueError, TypeError):
        torn = text[: len(_BEGIN)] == _BEGIN[: len(text)]
    if not torn:
        raise DataError(f"{path}: is not a file of answers, so nothing is appended to it; choose another --out")


_BEGIN = b'{"id": "'  # of every line that `to_json` of a Response gives


def read_responses(path: str | Path) -> list[Response]:
    """The Responses of a file; of a question answered twice (an error, then again) the last."""
    out: dict[str, Response] = {}
    for number, value in enumerate(read_jsonl(path), 1):
        response = from_json(Response, value, f"{path}:{number}")
        out[response.id] = response
    return list(out.values())
