"""A model of any kind, by its name, as a backend. All that needs no weights is checked before they are loaded."""

from __future__ import annotations

from collections.abc import Callable

from heedful.backends.base import Backend, GenerationSettings
from heedful.backends.server_options import DEFAULT_KEY, ServerOptions, find_server
from heedful.errors import RequestError
from heedful.models.names import parse_model_name
from heedful.store import cache_folder


def open_backend(
    name: str,
    *,
    template: str = "auto",
    precision: str = "auto",
    device: str = "auto",
    trust_remote_code: bool = False,
    say: Callable[[str], None] = lambda _: None,
    settings: GenerationSettings | None = None,
    server: ServerOptions | None = None,
    scoring: bool = False,
) -> Callable[[], Backend]:
    """Check all that is cheap to check; what is given back loads the model.

    `settings`, where given, are checked against what the kind of model can do. `server` is for models behind a server
    (how many requests at a time, time-outs, prices, cache) and ignored by the others. With `scoring` what is loaded is
    a `ScoringBackend`, too. RequestError, or one of its kinds, where the model cannot be had in this way.

    >>> backend = open_backend("scripted:answers.jsonl")()               # doctest: +SKIP
    """
    parsed = parse_model_name(name)
    if parsed.kind == "scripted":
        from heedful.backends.scripted import ScriptedBackend

        script = ScriptedBackend(parsed.target)
        return lambda: script
    if parsed.kind == "openai":
        for option, value in (("template", template), ("precision", precision), ("device", device)):
            if value != "auto":
                raise RequestError(
                    f"--{option} {value}: is for models in this process; the server of {name} has its own"
                )
        return _server(name, parsed.target, parsed.detail or "", settings, server or ServerOptions(), say, scoring)
    if settings is not None:
        _check_local(settings, name)
    from heedful.backends.load import local_backend
    from heedful.chat import Chat
    from heedful.models.loading import load_tokenizer
    from heedful.models.machine import choose_device

    choose_device(device)
    Chat.bind(template, load_tokenizer(name, trust_remote_code, say))
    return lambda: local_backend(name, template, precision, device, trust_remote_code, say)


def _server(
    name: str,
    model: str,
    url: str,
    settings: GenerationSettings | None,
    options: ServerOptions,
    say: Callable[[str], None],
    scoring: bool,
) -> Callable[[], Backend]:
    """Check the request; the server is asked nothing yet, since the cache may know every answer."""
    from heedful.backends.cache import AnswerCache
    from heedful.backends.completions import CompletionsBackend
    from heedful.backends.openai import OpenAIBackend
    from heedful.backends.server_request import check_settings

    options.check()
    found = find_server(name, url, options)
    if settings is not None:
        check_settings(settings)
    if found.key_source:
        say(f"the key in {found.key_source} is sent to {found.url}")
    if found.key_held_back:
        say(
            f"the key in {DEFAULT_KEY} is not sent to {found.url}, which is not encrypted; "
            f"--api-key-env {DEFAULT_KEY} sends it all the same"
        )

    backend = (CompletionsBackend if scoring else OpenAIBackend)(name, model, found, options, say=say)

    def load() -> Backend:
        backend.cache = AnswerCache(cache_folder()) if options.cache else None
        return backend

    return load


def _check_local(settings: GenerationSettings, name: str) -> None:
    """RequestError for what only a server can do."""
    if settings.server_fields:
        field = settings.server_fields[0][0]
        raise RequestError(f"--server-field {field}: is for models behind a server, and {name} is not; leave it out")
