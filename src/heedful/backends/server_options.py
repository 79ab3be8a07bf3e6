"""How a server is asked: how many requests at a time, how long they may take, what they cost, which key they bear."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from heedful.errors import ModelError, RequestError

DEFAULT_KEY = "OPENAI_API_KEY"
_ENDPOINT = "/chat/completions"
COMPLETIONS = "/completions"  # where a server goes on with plain texts


@dataclass(frozen=True)
class ServerOptions:
    """Times are in seconds, prices in the user's currency per million tokens."""

    concurrency: int = 8
    """Requests under way at the same time."""
    timeout: float = 300
    """Silence after which a request counts as failed."""
    deadline: float = 1200
    """For one question with all its retries."""
    retries: int = 5
    """Requests after the first one for the same question."""
    connect_timeout: float = 10.0
    backoff: float = 1.0
    """The first wait before a retry; each next one is twice as long, with jitter, and at most `longest_wait`."""
    longest_wait: float = 60.0
    api_key_env: str | None = None
    """The environment variable that holds the key; None for OPENAI_API_KEY where it is set."""
    input_price: float | None = None
    output_price: float | None = None
    cache: bool = True
    """Keep answers on disk and take them from there; see `cache`."""

    def check(self) -> None:
        """RequestError, in the command line's words, for a value that makes no sense."""
        if self.concurrency < 1:
            raise RequestError(f"--concurrency {self.concurrency}: name a whole number from 1, such as 8")
        if self.retries < 0:
            raise RequestError(f"--retries {self.retries}: name a whole number from 0, such as 5")
        for name, value in (("timeout", self.timeout), ("deadline", self.deadline)):
            if not 0 < value < math.inf:
                raise RequestError(f"--{name} {value:g}: name a number of seconds above 0")
        prices = {"input": self.input_price, "output": self.output_price}
        for name, price in prices.items():
            if price is not None and not 0 <= price < math.inf:
                raise RequestError(f"--{name}-price {price:g}: name a price per million tokens, 0 or more")
        if (self.input_price is None) != (self.output_price is None):
            given, missing = ("input", "output") if self.output_price is None else ("output", "input")
            raise RequestError(f"--{given}-price stands without --{missing}-price; give both, 0 for what costs nothing")


@dataclass(frozen=True)
class Server:
    """A server's address: `url` without a slash at its end, as the interface's other addresses begin with it."""

    url: str
    key: str | None = field(default=None, repr=False)
    """Sent as a bearer token to `url` and nowhere else; never written anywhere."""
    key_source: str | None = None
    key_held_back: bool = False
    """OPENAI_API_KEY is set and not sent, since the way to the server is not encrypted."""
    path: str = _ENDPOINT
    """What is asked, below `url`."""

    @property
    def endpoint(self) -> str:
        return self.url + self.path

    @property
    def loopback(self) -> bool:
        """Whether the server is on this machine, where a proxy is not in between."""
        return _is_loopback(urlsplit(self.url).hostname or "")


def find_server(name: str, url: str, options: ServerOptions) -> Server:
    """The server of a model's name, with its key from the environment.

    ModelError for an address that cannot be one, RequestError for a key that is not there. OPENAI_API_KEY goes, unless
    `api_key_env` names it, only where nobody can read it on the way: over https, or to this machine.
    """
    url = _checked(name, url)
    plain = urlsplit(url).scheme == "http" and not _is_loopback(urlsplit(url).hostname or "")
    variable = options.api_key_env or DEFAULT_KEY
    key = os.environ.get(variable, "").strip()
    if options.api_key_env is not None and not key:
        raise RequestError(f"--api-key-env {variable}: there is no such environment variable, or it is empty; set it")
    if not key:
        return Server(url)
    if not re.fullmatch(r"[\x21-\x7e]+", key):
        raise RequestError(f"the key in {variable} has characters that no key has (a space, a line break); set it anew")
    if options.api_key_env is None and plain:
        return Server(url, key_held_back=True)
    return Server(url, key, variable)


def _checked(name: str, url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as e:
        raise ModelError(
            f"model '{name}': {url} is no address ({e}); write one such as http://localhost:8000/v1"
        ) from e
    if parts.username is not None or parts.password is not None:
        shown = f"{parts.scheme}://...@{parts.hostname}"
        raise ModelError(f"model '...@{shown}': a password in an address would stand in every file; use --api-key-env")
    if parts.query or parts.fragment:
        raise ModelError(f"model '{name}': an address ends before '?' and '#'; leave out what follows")
    if not parts.hostname or port == 0 or re.search(r"[\s\x00-\x1f]", url):
        raise ModelError(f"model '{name}': {url} is no address; write one such as http://localhost:8000/v1")
    return url.rstrip("/").removesuffix(_ENDPOINT).removesuffix(COMPLETIONS).rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback or ip_address(host).is_unspecified
    except ValueError:
        return False
