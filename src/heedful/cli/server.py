"""The options of commands that may ask a model behind a server (openai:NAME@URL)."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Annotated, Any

import typer

from heedful.backends.server_options import ServerOptions
from heedful.errors import RequestError
from heedful.models.names import parse_model_name

Timeout = Annotated[float, typer.Option(metavar="S", help="Server: seconds of silence until a request has failed.")]
ApiKeyEnv = Annotated[
    str | None, typer.Option(metavar="NAME", help="Server: the variable that holds the key; else OPENAI_API_KEY.")
]
ServerField = Annotated[
    list[str] | None, typer.Option(metavar="NAME=VALUE", help="Server: a field of its own in each request.")
]
USUAL = ServerOptions()
# The fields of ServerOptions that have an option, in the order in which --help shows them.
_OPTIONS: dict[str, Any] = {
    "concurrency": Annotated[int, typer.Option(metavar="N", help="Server: requests under way at the same time.")],
    "timeout": Timeout,
    "deadline": Annotated[
        float, typer.Option(metavar="S", help="Server: seconds for one question with all its retries.")
    ],
    "retries": Annotated[int, typer.Option(metavar="N", help="Server: how often a failed request is sent again.")],
    "api_key_env": ApiKeyEnv,
    "input_price": Annotated[
        float | None, typer.Option(metavar="P", help="Server: price of a million tokens of questions.")
    ],
    "output_price": Annotated[
        float | None, typer.Option(metavar="P", help="Server: price of a million tokens of answers.")
    ],
}
_NO_CACHE = Annotated[bool, typer.Option("--no-cache", help="Server: ask again what was answered before.")]


def asks_servers(command: Callable[..., None]) -> Callable[..., None]:
    """A command that has the options of `ServerOptions` in the place of its parameter `server`."""
    own = inspect.signature(command, eval_str=True)
    keyword = inspect.Parameter.KEYWORD_ONLY
    options = [
        inspect.Parameter(name, keyword, default=getattr(USUAL, name), annotation=kind)
        for name, kind in _OPTIONS.items()
    ]
    options.append(inspect.Parameter("no_cache", keyword, default=False, annotation=_NO_CACHE))

    @functools.wraps(command)
    def asked(**given: Any) -> None:
        values = {name: given.pop(name) for name in _OPTIONS}
        command(server=ServerOptions(**values, cache=not given.pop("no_cache")), **given)

    parameters = [q for p in own.parameters.values() for q in (options if p.name == "server" else [p])]
    parameters = [p.replace(kind=keyword) for p in parameters]
    asked.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    asked.__annotations__ = {p.name: p.annotation for p in parameters}
    return asked


def check_server(options: ServerOptions, models: Sequence[str]) -> None:
    """RequestError for an option that makes no sense, or is given where no model is behind a server."""
    options.check()
    if not any(parse_model_name(m).kind == "openai" for m in models):
        for f in fields(options):
            if getattr(options, f.name) != f.default:
                option = "no-cache" if f.name == "cache" else f.name.replace("_", "-")
                raise RequestError(f"--{option}: is for models behind a server, and {models[0]} is not; leave it out")


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
