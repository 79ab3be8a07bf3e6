"""What a run of benchmarks is asked for, and who is told how it goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from heedful.bench.clean import Training
from heedful.bench.requests import How

if TYPE_CHECKING:
    from heedful.bench.harness import HarnessTask

SCHEMA = "heedful.bench/1"


class View(Protocol):
    """Who is told how the work goes: `heedful.cli.live` draws it."""

    def phase(self, name: str, title: str) -> None: ...
    def advance(self, done: int, total: int) -> None: ...


@dataclass(frozen=True)
class Bench:
    """What is asked for. `shots` and `limit` None: all, as the task has it. `training` has the rows that the model was
    trained on, to look for the items in."""

    model: str
    how: How = field(default_factory=How)
    seed: int = 0
    shots: int | None = None
    limit: int | None = None
    training: Training | None = None
    submission: bool = False
    harness: tuple[HarnessTask, ...] = ()  # of lm-evaluation-harness, after the others
    harness_files: bool = False  # with the harness's own files beside ours
