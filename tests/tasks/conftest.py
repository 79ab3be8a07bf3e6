"""A task's rows on disk, in the hub's place, and answered by a model that draws its answers."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from heedful.tasks import Item, Outcome, Places, Sample, Source, Task


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Places]:
    """Writes files by name and gives the places of a task in their folder."""

    def made(task: str, files: Mapping[str, str]) -> Places:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        return Places(task, tmp_path)

    return made


class Hub(Places):
    """Places without a folder, whose hub has the rows given: (config, split) -> rows."""

    rows: Mapping[tuple[str | None, str], Sequence[dict[str, Any]]]

    def hub_rows(self, source: Source, config: str | None, split: str) -> Iterator[tuple[dict[str, Any], str]]:
        for number, row in enumerate(self.rows[config, split], 1):
            yield row, f"hub:{source.hub}/{config}:{split}: row {number}"


@pytest.fixture
def hub() -> Callable[..., Places]:
    """Places whose hub has the rows given."""

    def made(task: str, rows: Mapping[tuple[str | None, str], Sequence[dict[str, Any]]]) -> Places:
        places = Hub(task)
        places.rows = rows
        return places

    return made


@pytest.fixture
def drawn() -> Callable[..., list[Sample]]:
    """Samples of a model that draws its answers."""
    return _drawn


def _drawn(task: Task, items: Sequence[Item], seed: int = 0) -> list[Sample]:
    """Likelihoods that are drawn, or as a text a gold answer, half of one, or something else."""
    said = random.Random(seed)
    samples = []
    for item in items:
        if item.choices:
            outcome = Outcome(item, tuple(said.gauss(-3, 1) for _ in item.choices))
        else:
            gold = said.choice([*(item.gold or ("",)), "unanswerable", "the 2 of them"])
            outcome = Outcome(item, texts=(said.choice([f" {gold}", gold[: len(gold) // 2], f"{gold}, too\nmore"]),))
        samples.append(Sample(outcome, task.mark(outcome)))
    return samples
