"""The options of commands that may ask a model behind a server (openai:NAME@URL)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from typing import Annotated, Any

import typer

from heedful.backends.server_options import ServerOptions
from heedful.errors import RequestError
from heedful.models.names import parse_model_name

Concurrency = Annotated[int, typer.Option(metavar="N", help="Server: requests under way at the same time.")]
Timeout = Annotated[float, typer.Option(metavar="S", help="Server: seconds of silence until a request has failed.")]
Deadline = Annotated[float, typer.Option(metavar="S", help="Server: seconds for one question with all its retries.")]
Retries = Annotated[int, typer.Option(metavar="N", help="Server: how often a failed request is sent again.")]
ApiKeyEnv = Annotated[
    str | None, typer.Option(metavar="NAME", help="Server: the variable that holds the key; else OPENAI_API_KEY.")
]
InputPrice = Annotated[float | None, typer.Option(metavar="P", help="Server: price of a million tokens of questions.")]
OutputPrice = Annotated[float | None, typer.Option(metavar="P", help="Server: price of a million tokens of answers.")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Server: ask again what was answered before.")]
ServerField = Annotated[
    list[str] | None, typer.Option(metavar="NAME=VALUE", help="Server: a field of its own in each request.")
]


def server_options(
    models: Sequence[str],
    concurrency: int,
    timeout: float,
    deadline: float,
    retries: int,
    api_key_env: str | None,
    input_price: float | None,
    output_price: float | None,
    no_cache: bool,
) -> ServerOptions:
    """The options as one value; RequestError for one that makes no sense, or where no model is behind a server."""
    options = ServerOptions(
        concurrency=concurrency,
        timeout=timeout,
        deadline=deadline,
        retries=retries,
        api_key_env=api_key_env,
        input_price=input_price,
        output_price=output_price,
        cache=not no_cache,
    )
    options.check()
    if not any(parse_model_name(m).kind == "openai" for m in models):
        for f in fields(options):
            if getattr(options, f.name) != f.default:
                option = "no-cache" if f.name == "cache" else f.name.replace("_", "-")
                raise RequestError(f"--{option}: is for models behind a server, and {models[0]} is not; leave it out")
    return options


def server_fields(given: Sequence[str] | None) -> tuple[tuple[str, Any], ...]:
    """NAME=VALUE pairs; a value is JSON, or else the text as it stands. null takes a field of Heedful's own out.

    >>> server_fields(["top_k=20", "reasoning_effort=low"])
    (('top_k', 20), ('reasoning_effort', 'low'))
    """
    out: dict[str, Any] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name:
            raise RequestError(f"--server-field '{text}': write NAME=VALUE, such as top_k=20")
        if name in out:
            raise RequestError(f"--server-field {name}: is given twice; keep one of them")
        out[name] = _value(value)
    return tuple(out.items())


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=lambda word: word)
    except ValueError:
        return text
