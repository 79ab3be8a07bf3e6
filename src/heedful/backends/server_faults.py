"""Failures that befall every question, as one sentence with the mend: the key, the model's name, the address."""

from __future__ import annotations

import asyncio
import os

import httpx2

from heedful.backends.server_options import DEFAULT_KEY, Server
from heedful.backends.server_reply import Denied, NotFound
from heedful.errors import HeedfulError, ModelError, RequestError, did_you_mean, printable

_LOOK = 10.0  # seconds for the list of models
_LISTED = 5


class NoSuchAddress(ModelError):
    """The server is there and has nothing at this address of OpenAI's interface."""


def denied(server: Server, failure: Denied) -> HeedfulError:
    """What to do about the key."""
    if server.key:
        mend = f"check the key in {server.key_source}"
    elif server.key_held_back:
        mend = f"no key was sent, since the way there is not encrypted; --api-key-env {DEFAULT_KEY} sends it"
    else:
        mend = f"no key was sent; set {DEFAULT_KEY}, or name a variable with --api-key-env"
    return RequestError(f"{server.url} lets nobody in ({failure}); {mend}")


async def not_found(client: httpx2.AsyncClient, server: Server, model: str, failure: NotFound) -> HeedfulError:
    """Whether it is the model that the server does not have, or the address that is wrong."""
    names = await _models(client, server)
    if names and model not in names:
        return _no_model(server, model, names)
    if names or "model" in str(failure).lower():
        mend = "check the model's name"
    else:
        mend = "check the address" if server.url.endswith("/v1") else f"most servers want {server.url}/v1"
    return NoSuchAddress(f"{server.endpoint} is not found ({failure}); {mend}")


async def unlisted(client: httpx2.AsyncClient, server: Server, model: str) -> HeedfulError | None:
    """For a server that refused a question: an error where its list of models lacks the one that was asked for.

    Only then: some servers answer to names that they do not list, and others have no list.
    """
    names = await _models(client, server)
    return _no_model(server, model, names) if names and model not in names else None


async def _models(client: httpx2.AsyncClient, server: Server) -> list[str]:
    """The names in the server's list of models; none where it has no such list."""
    try:
        async with asyncio.timeout(_LOOK):
            listed = (await client.get(f"{server.url}/models")).json()["data"]
        return [printable(entry["id"]) for entry in listed if isinstance(entry["id"], str)]
    except (httpx2.HTTPError, TimeoutError, ValueError, KeyError, TypeError):
        return []


def _no_model(server: Server, model: str, names: list[str]) -> ModelError:
    has = ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")
    return ModelError(f"{server.url} has no model '{model}'{did_you_mean(model, names)}; it has {has}")


def reason(error: Exception) -> str:
    """A connection's failure in a few words: the deepest cause tells most ("Connection refused")."""
    deepest: BaseException = error
    while deepest.__cause__ or deepest.__context__:
        deepest = deepest.__cause__ or deepest.__context__ or deepest
    words = str(deepest) or str(error) or type(error).__name__
    if isinstance(deepest, ConnectionError) and deepest.errno:  # asyncio's own words give the address again
        words = os.strerror(deepest.errno)
    return " ".join(words.split())[:200]
