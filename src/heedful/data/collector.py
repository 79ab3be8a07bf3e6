"""Python's cycle collector, while rows are read: it looks at all objects anew whenever there are so many more.

Rows stay, so nearly all of that looking finds nothing: it took a third of the time to read a file.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

OBJECTS = (100_000, 50, 100)  # new objects, then young collections, between two; Python's own: 700, 10, 10


@contextlib.contextmanager
def seldom_collected() -> Iterator[None]:
    """Have the collector come seldom, and afterwards as before."""
    before = gc.get_threshold()
    if before[0]:  # 0: somebody has switched it off
        gc.set_threshold(*map(max, before, OBJECTS))
    try:
        yield
    finally:
        gc.set_threshold(*before)
