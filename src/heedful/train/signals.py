"""Ctrl-C and SIGTERM: held back until the loop has written a checkpoint, and the same thing elsewhere."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any

TOLD = b"\nstopping after this step and a checkpoint; Ctrl-C again stops at once\n"
CAUGHT = (signal.SIGINT, signal.SIGTERM)


class StopRequests:
    """While entered, the first Ctrl-C or SIGTERM only sets `requested`; a second Ctrl-C interrupts at once."""

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[int, Any] = {}

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.requested and number == signal.SIGINT:
            raise KeyboardInterrupt
        if not self.requested and sys.stderr.isatty() and os.environ.get("RANK", "0") == "0":
            os.write(2, TOLD)  # a step may take a minute; print is not for a signal's handler
        self.requested = True

    def __enter__(self) -> StopRequests:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._handle) for number in CAUGHT}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


class SigtermInterrupts:
    """While entered, SIGTERM does what Ctrl-C does, so that a run that a system stops says how to go on too."""

    def __enter__(self) -> None:
        self._before: Any = None
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._handle)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)
