"""What has been served since the start, as Prometheus reads it.

https://prometheus.io/docs/instrumenting/exposition_formats/. One thread writes and reads: the event loop's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

EDGES = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)


@dataclass
class Seconds:
    """How long something took, by how often: counts up to each edge."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(EDGES) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        self.counts[next((i for i, edge in enumerate(EDGES) if seconds <= edge), len(EDGES))] += 1
        self.total += seconds

    def lines(self, name: str) -> Iterator[str]:
        sofar = 0
        for edge, count in zip((*map(str, EDGES), "+Inf"), self.counts, strict=True):
            sofar += count
            yield f'{name}_bucket{{le="{edge}"}} {sofar}'
        yield f"{name}_sum {self.total:.6f}"
        yield f"{name}_count {sofar}"


@dataclass
class Figures:
    """Counts since the start. `requests` are by route and status; status 499 is a client that left."""

    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    prompt_tokens: int = 0
    reused_tokens: int = 0
    tokens: int = 0
    seconds: Seconds = field(default_factory=Seconds)
    first: Seconds = field(default_factory=Seconds)

    def text(self, running: int, waiting: int) -> str:
        """The page that Prometheus fetches."""
        out = ["# HELP heedful_requests_total Requests that have ended, by route and status.",
               "# TYPE heedful_requests_total counter"]  # fmt: skip
        for (route, status), count in sorted(self.requests.items()):
            out.append(f'heedful_requests_total{{route="{route}",status="{status}"}} {count}')
        single = (
            ("prompt_tokens_total", "counter", "Tokens of questions.", self.prompt_tokens),
            ("prompt_tokens_reused_total", "counter", "Of these, tokens that were known already.", self.reused_tokens),
            ("completion_tokens_total", "counter", "Tokens of answers.", self.tokens),
            ("running", "gauge", "Answers under way.", running),
            ("waiting", "gauge", "Answers that wait for a place.", waiting),
        )
        for name, kind, meaning, value in single:
            out += [f"# HELP heedful_{name} {meaning}", f"# TYPE heedful_{name} {kind}", f"heedful_{name} {value}"]
        for name, meaning, values in (
            ("heedful_request_seconds", "Seconds until an answer was whole.", self.seconds),
            ("heedful_first_token_seconds", "Seconds until an answer began.", self.first),
        ):
            out += [f"# HELP {name} {meaning}", f"# TYPE {name} histogram", *values.lines(name)]
        return "\n".join(out) + "\n"
