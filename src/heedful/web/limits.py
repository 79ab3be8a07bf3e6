"""How often somebody may ask: a token bucket for each client, and a bounded number of clients."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable


class Buckets:
    """A bucket for each key: it holds `burst` and gains `rate` a second.

    Only the `keys` that asked last are remembered. One that was forgotten begins with a full bucket, so a flood of
    addresses costs no memory.

    >>> clock = iter([0.0, 0.0, 0.0, 1.0]).__next__
    >>> buckets = Buckets(rate=1, burst=2, clock=clock)
    >>> [buckets.wait("ann") for _ in range(4)]
    [0.0, 0.0, 1.0, 0.0]
    """

    def __init__(self, rate: float, burst: int, keys: int = 1024, clock: Callable[[], float] = time.monotonic):
        self.rate, self.burst, self.keys, self.clock = rate, burst, keys, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # what is in it, and when that was

    def wait(self, key: str) -> float:
        """Take one; 0 where there was one, else the seconds until there is."""
        now = self.clock()
        held, then = self._left.pop(key, (float(self.burst), now))
        held = min(float(self.burst), held + (now - then) * self.rate)
        allowed = held >= 1
        self._left[key] = (held - 1 if allowed else held, now)
        if len(self._left) > self.keys:
            self._left.popitem(last=False)
        return 0.0 if allowed else (1 - held) / self.rate
