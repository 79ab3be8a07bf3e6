"""What the answers of a server took: requests, tokens, and their cost at the user's prices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


def money(cost: float) -> str:
    """
    >>> money(0.502), money(1200.0)
    ('0.502', '1,200')
    """
    return f"{cost:,.6f}".rstrip("0").rstrip(".")


def about_tokens(text: str) -> int:
    """A guess at how many tokens a text is, before any tokenizer is asked: 4 characters of most scripts each, and one
    of those that are written without spaces (Japanese, Chinese, Thai and the like).

    >>> about_tokens("Where is it?"), about_tokens("いつ届きますか。")
    (3, 8)
    """
    alone = sum("\u0e00" <= c <= "\u0eff" or "\u2e80" <= c <= "\ud7ff" or c >= "\uf900" for c in text)
    return alone - (alone - len(text)) // 4


def cost_of(tokens_in: int, tokens_out: int, input_price: float | None, output_price: float | None) -> dict[str, float]:
    """`foreseen` for JSON: ``cost_at_most_about`` where there are prices."""
    cost = Spent(input_price, output_price, prompt_tokens=tokens_in, tokens=tokens_out).cost
    return {} if cost is None else {"cost_at_most_about": round(cost, 6)}


def foreseen(tokens_in: int, tokens_out: int, input_price: float | None, output_price: float | None) -> str:
    """Tokens before anything is asked, and what they would cost at most, where there are prices.

    >>> foreseen(2_000_000, 1000, 1.0, 2.0)
    'about 2,000,000 tokens in, at most 1,000 out; cost about 2.002 at most'
    """
    cost = Spent(input_price, output_price, prompt_tokens=tokens_in, tokens=tokens_out).cost
    priced = "" if cost is None else f"; cost about {money(cost)} at most"
    return f"about {tokens_in:,} tokens in, at most {tokens_out:,} out{priced}"


@dataclass
class Spent:
    """Counts of one run. Prices are per million tokens; what a server takes off for its own caches is not known.

    Requests that failed may have been billed and have no counts: `failed` tells how many there were. Answers for which
    the server told no tokens are in `uncounted`, and in no total.
    """

    input_price: float | None = None
    output_price: float | None = None
    requests: int = 0
    failed: int = 0
    from_cache: int = 0
    prompt_tokens: int = 0
    tokens: int = 0
    uncounted: int = 0

    def add(self, prompt_tokens: int | None, tokens: int | None) -> None:
        """Count an answer that the server gave."""
        if prompt_tokens is None or tokens is None:
            self.uncounted += 1
        self.prompt_tokens += prompt_tokens or 0
        self.tokens += tokens or 0

    @property
    def cost(self) -> float | None:
        """In the currency of the prices; None without prices."""
        if self.input_price is None or self.output_price is None:
            return None
        return (self.prompt_tokens * self.input_price + self.tokens * self.output_price) / 1e6

    def as_json(self) -> dict[str, Any]:
        """For the summary of a command; `cost` only where there are prices."""
        out: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("requests", "failed", "from_cache", "prompt_tokens", "tokens", "uncounted")
        }
        return out if self.cost is None else out | {"cost": round(self.cost, 6)}

    def __str__(self) -> str:
        """One sentence for the end of a command.

        >>> str(Spent(1.0, 2.0, requests=3, prompt_tokens=500_000, tokens=1000))
        '3 requests: 500,000 tokens in, 1,000 tokens out; cost 0.502'
        """
        requests = f"{self.requests:,} request{'s' * (self.requests != 1)}"
        failed = f" ({self.failed:,} failed)" if self.failed else ""
        text = f"{requests}{failed}: {self.prompt_tokens:,} tokens in, {self.tokens:,} tokens out"
        if self.uncounted:
            text += f" and {self.uncounted:,} answer{'s' * (self.uncounted != 1)} without counts"
        if self.cost is not None:
            text += f"; cost {money(self.cost)}" + (" without those" if self.uncounted else "")
        if self.from_cache:
            text += f"; {self.from_cache:,} answers from the cache"
        return text
