"""The samples of an eval: JSONL below the registry's ``data``, in the order in which the owner asks them.

{"input": [{"role": "system", "content": "Add."}, {"role": "user", "content": "1+1"}], "ideal": "2"}
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heedful.errors import DataError

SHUFFLE_SEED = 123  # evals/eval.py, SHUFFLE_SEED
SEED = 20220722  # evals/cli/oaieval.py, --seed
_POINTER = b"version https://git-lfs"


@dataclass(frozen=True)
class Row:
    """One line: its values and its place, ``samples.jsonl:3``."""

    values: dict[str, Any]
    place: str


def read_rows(registry: Path, name: Any, option: str) -> list[Row]:
    """The lines of a file, or of all JSONL files in a folder, below the registry's ``data``. DataError where it is not
    there, leads elsewhere, is a Git-LFS pointer, or has a broken line."""
    path = data_file(registry, name, option)
    files = sorted(path.rglob("*.jsonl")) if path.is_dir() else [path]
    return [row for file in files for row in read_file(file)]


def data_file(registry: Path, name: Any, option: str) -> Path:
    """The path of an eval's data file."""
    if not isinstance(name, str) or not name.strip():
        raise DataError(f"{option}: names no file; write its path below the registry's folder 'data'")
    root = (registry / "data").resolve()
    path = root / name
    if not path.resolve().is_relative_to(root):
        raise DataError(f"{option} '{name}': leads out of {registry / 'data'}; keep the file inside")
    if not path.exists():
        raise DataError(f"{registry / 'data' / name}: no such file, so the eval's data is missing; fetch it")
    return path


def read_file(path: Path) -> list[Row]:
    """The lines of one file."""
    with path.open("rb") as f:
        if f.read(len(_POINTER)) == _POINTER:
            raise DataError(f"{path}: a Git-LFS pointer, the data itself is missing; fetch it with: git lfs pull")
    rows = []
    try:
        with path.open(encoding="utf-8") as f:
            for number, line in enumerate(f, 1):
                try:
                    value = json.loads(line)
                    if "\\u" in line:  # an escape may be half a character
                        json.dumps(value, ensure_ascii=False).encode()
                except UnicodeEncodeError:
                    raise DataError(f"{path}:{number}: has half a character in it; mend the line") from None
                except (ValueError, RecursionError) as e:
                    why = getattr(e, "msg", None) or "too deep"
                    raise DataError(f"{path}:{number}: not JSON ({why}); mend or remove the line") from None
                if not isinstance(value, dict):
                    raise DataError(f"{path}:{number}: a sample is an object with fields; mend the line")
                rows.append(Row(value, f"{path}:{number}"))
    except UnicodeDecodeError as e:
        raise DataError(f"{path}: not UTF-8 text at byte {e.start}; save it as UTF-8") from None
    return rows


def in_order(rows: Sequence[Row], limit: int | None) -> list[tuple[int, Row]]:
    """The rows with their numbers, shuffled as the owner does it; `limit` keeps the first so many of those."""
    numbers = list(range(len(rows)))
    random.Random(SHUFFLE_SEED).shuffle(numbers)
    return [(n, rows[n]) for n in numbers[:limit]]


def sample_rng(sample_id: str, seed: int) -> random.Random:
    """The random numbers that the owner hands to a sample."""
    return random.Random(f"{sample_id}:{seed}".encode())
