"""The models of an arena: opened when first asked, as many in memory as may be, one worker each.

Loading and leaving are the work of whoever needs a model: who comes while it is being loaded waits. Where `keep` models
are in memory, the one that has been idle longest leaves first; where none is idle, it is waited for.
"""

from __future__ import annotations

import contextlib
import gc
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping

from heedful.backends.speaking import Speaker

Opener = Callable[[], Speaker]


class Entrants:
    """Models by the names that the votes give them."""

    def __init__(self, openers: Mapping[str, Opener], keep: int | None = None):
        self.openers, self.keep = dict(openers), keep or len(openers)
        self._loaded: OrderedDict[str, Speaker] = OrderedDict()  # the one used last at the end
        self._users: Counter[str] = Counter()
        self._loading: set[str] = set()
        self._changed = threading.Condition()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.openers)

    @contextlib.contextmanager
    def speaker(self, name: str) -> Iterator[Speaker]:
        """A model to ask, loaded if it is not; it stays while the block lasts."""
        found = self._take(name)
        try:
            yield found
        finally:
            with self._changed:
                self._users[name] -= 1
                self._changed.notify_all()

    def _take(self, name: str) -> Speaker:
        with self._changed:
            while name in self._loading or (name not in self._loaded and not self._room()):
                self._changed.wait()
            if name in self._loaded:
                self._loaded.move_to_end(name)
                self._users[name] += 1
                return self._loaded[name]
            self._loading.add(name)
        speaker = None
        try:
            speaker = self.openers[name]()
            return speaker
        finally:
            with self._changed:
                self._loading.discard(name)
                if speaker is not None:
                    self._loaded[name] = speaker
                    self._users[name] += 1
                self._changed.notify_all()

    def _room(self) -> bool:
        """Whether one more may be loaded; the longest idle one leaves for it."""
        if len(self._loaded) + len(self._loading) < self.keep:
            return True
        idle = next((n for n in self._loaded if not self._users[n]), None)
        if idle is None:
            return False
        self._loaded.pop(idle).close()
        gc.collect()  # a model is a web of references; its memory is needed now
        return True

    def close(self) -> None:
        """Let go of all."""
        with self._changed:
            for speaker in self._loaded.values():
                speaker.close()
            self._loaded.clear()
