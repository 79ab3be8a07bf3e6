"""An arena of fake models on loopback."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_spec = importlib.util.spec_from_file_location("arena_world", Path(__file__).parent / "arena_world.py")
assert _spec
assert _spec.loader
arena_world = sys.modules.setdefault("arena_world", importlib.util.module_from_spec(_spec))
if not hasattr(arena_world, "World"):
    _spec.loader.exec_module(arena_world)


@pytest.fixture
def fake() -> Any:
    return arena_world.Fake


@pytest.fixture
def until() -> Any:
    return arena_world.until


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Any]:
    """`world(*fakes, **setup)`: an arena on loopback; two models `north` and `south` by default."""
    stack = contextlib.ExitStack()
    path = tmp_path / "arena.sqlite"
    yield lambda *fakes, **setup: arena_world.World(stack, path, fakes or arena_world.two(), **setup)
    stack.close()
