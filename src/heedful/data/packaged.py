"""Data that the package brings."""

from __future__ import annotations

from pathlib import Path

from heedful.errors import DataError


def starter_path() -> Path:
    """The starter rows: JSONL with id, kind, instruction, input and output. DataError where they are missing."""
    path = Path(__file__).parent / "starter" / "rows.jsonl"
    if not path.is_file():
        raise DataError(f"{path}: the packaged starter data is missing; install heedful again")
    return path
