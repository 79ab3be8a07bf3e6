"""How a server is asked: how many requests at a time, how long they may take, what they cost, which key they bear."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ServerOptions:
    """Times are in seconds, prices in the user's currency per million tokens."""

    concurrency: int = 8
    """Requests under way at the same time."""
    timeout: float = 300.0
    """Silence after which a request counts as failed."""
    deadline: float = 1200.0
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
