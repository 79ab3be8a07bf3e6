"""Failures that befall every question, as one sentence with the mend: the key, the model's name, the address."""

from __future__ import annotations

import asyncio
import os
import ssl
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

import httpx2

from heedful.backends.server_options import DEFAULT_KEY, Server
from heedful.backends.server_reply import Denied, NotFound
from heedful.errors import HeedfulError, ModelError, RequestError, did_you_mean, printable

_LOOK = 10.0  # seconds for the list of models
_LISTED = 5
_NO_LIST = (httpx2.HTTPError, TimeoutError, ValueError, KeyError, TypeError)


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
    return _wrong(server, model, await _models(client, server), failure)


def not_found_now(client: httpx2.Client, server: Server, model: str, failure: NotFound) -> HeedfulError:
    """`not_found` for one who waits."""
    try:
        names = _names(client.get(f"{server.url}/models", timeout=_LOOK))
    except _NO_LIST:
        names = []
    return _wrong(server, model, names, failure)


def _wrong(server: Server, model: str, names: list[str], failure: NotFound) -> HeedfulError:
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
            return _names(await client.get(f"{server.url}/models"))
    except _NO_LIST:
        return []


def _names(response: httpx2.Response) -> list[str]:
    return [printable(entry["id"]) for entry in response.json()["data"] if isinstance(entry["id"], str)]


def _no_model(server: Server, model: str, names: list[str]) -> ModelError:
    has = ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")
    return ModelError(f"{server.url} has no model '{model}'{did_you_mean(model, names)}; it has {has}")


def certificates(server: Server) -> ssl.SSLContext | bool:
    """What a server's certificate is checked with: the machine's authorities, or those that SSL_CERT_FILE names.

    Without TLS on this machine there is nothing to check, and to load them takes longer than a short answer.
    RequestError where they cannot be read.
    """
    if server.loopback and server.url.startswith("http:"):
        return False
    try:
        return httpx2.create_ssl_context()
    except OSError as e:
        named = next((name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)), "SSL_CERT_FILE")
        raise RequestError(f"{named}: no certificates can be read there ({reason(e)}); mend it") from None


def unreachable(server: Server, why: str) -> ModelError:
    """What to do about a server that never said anything: its certificate, the proxy before it, or the server."""
    mend = "start it, or mend the address"
    if "CERTIFICATE_VERIFY_FAILED" in why:
        why = why.rpartition("failed: ")[2].partition(" (_ssl")[0]
        mend = "name the file of the authority that signed its certificate in the variable SSL_CERT_FILE"
        if "mismatch" in why:
            mend = "write the address by a name that its certificate has"
    elif "WRONG_VERSION_NUMBER" in why or "RECORD_LAYER" in why:
        mend = f"it seems not to speak TLS: try http://{server.url.partition('://')[2]}"
    elif (proxy := _proxy(server)) is not None:
        mend = f"it is asked through the proxy in {proxy}: mend that, or add the server to NO_PROXY"
    return ModelError(f"no server can be reached at {server.url} ({why}); {mend}")


def _proxy(server: Server) -> str | None:
    """The variable whose proxy stands between; None where there is none."""
    parts = urlsplit(server.url)
    if server.loopback or proxy_bypass(parts.hostname or ""):
        return None
    names = (f"{parts.scheme.upper()}_PROXY", "ALL_PROXY")
    return next((name for name in names if os.environ.get(name) or os.environ.get(name.lower())), None)


def reason(error: Exception) -> str:
    """A connection's failure in a few words: the deepest cause tells most ("Connection refused")."""
    deepest: BaseException = error
    while deepest.__cause__ or deepest.__context__:
        deepest = deepest.__cause__ or deepest.__context__ or deepest
    words = str(deepest) or str(error) or type(error).__name__
    if isinstance(deepest, ConnectionError) and deepest.errno:  # asyncio's own words give the address again
        words = os.strerror(deepest.errno)
    return " ".join(words.split())[:200]
