"""Who is told how a run goes, and the clock of its phases."""

from __future__ import annotations

import time
from typing import Any, Protocol

from heedful.store import RunFolder


class View(Protocol):
    """Who shows how the work goes. `heedful.cli.live` draws it; `Silent` shows nothing."""

    def phase(self, name: str, title: str) -> None: ...
    def say(self, sentence: str) -> None: ...
    def advance(self, done: int, total: int) -> None: ...
    def ledger(self, ledger: dict[str, Any]) -> None: ...
    def step(self, line: dict[str, Any], total_steps: int) -> None: ...
    def evaluating(self, step: int) -> None: ...
    def evaluated(self, line: dict[str, Any]) -> None: ...


class Silent:
    """A view that shows nothing."""

    def phase(self, name: str, title: str) -> None: ...
    def say(self, sentence: str) -> None: ...
    def advance(self, done: int, total: int) -> None: ...
    def ledger(self, ledger: dict[str, Any]) -> None: ...
    def step(self, line: dict[str, Any], total_steps: int) -> None: ...
    def evaluating(self, step: int) -> None: ...
    def evaluated(self, line: dict[str, Any]) -> None: ...


class Timed:
    """A phase: tells the view, and adds its seconds to the manifest's timings, over all attempts."""

    def __init__(self, run: RunFolder, view: View, name: str, title: str):
        self.run, self.view, self.name, self.title = run, view, name, title

    def __enter__(self) -> None:
        self.view.phase(self.name, self.title)
        self.begin = time.perf_counter()

    def __exit__(self, *error: object) -> None:
        if error[0] is not None:
            return
        spent = self.run.read_manifest().get("timings", {}).get(self.name, 0.0) + time.perf_counter() - self.begin
        self.run.update_manifest(timings={self.name: round(spent, 2)})
