"""Checkpoints: written whole or not at all, verified when read, rotated. Only safetensors and JSON are read back.

    checkpoints/step-000120/  weights.safetensors  optimizer.safetensors  state.json
    checkpoints/best-000090/  weights.safetensors  state.json

`state.json` bears the SHA-256 of the other files and of itself. A folder is filled under another name and renamed,
and renamed again before it is removed, so a folder with the right name is complete, whenever a kill came.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from heedful.errors import DataError, RunError
from heedful.records import hash_of
from heedful.store import disk_errors, read_json, write_json

WEIGHTS = "weights.safetensors"
OPTIMIZER = "optimizer.safetensors"
STATE = "state.json"


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds. `optimizer` is empty in a best one, which is never trained on from."""

    step: int
    weights: dict[str, torch.Tensor]
    optimizer: dict[str, torch.Tensor]
    state: dict[str, Any]


def save_checkpoint(
    folder: Path,
    kind: str,
    step: int,
    weights: dict[str, torch.Tensor],
    optimizer: dict[str, torch.Tensor],
    state: dict[str, Any],
) -> Path:
    """Write ``folder/kind-STEP``; HeedfulError in one sentence where the disk is full."""
    target = folder / f"{kind}-{step:06d}"
    with disk_errors(target):
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder)
        temporary = Path(tempfile.mkdtemp(dir=folder, prefix=".writing-"))
        try:
            files = {WEIGHTS: weights, **({OPTIMIZER: optimizer} if optimizer else {})}
            hashes = {}
            for name, tensors in files.items():
                _save_tensors(temporary / name, tensors)
                hashes[name] = _sha256(temporary / name)
            value = {"schema": "heedful.checkpoint/1", "step": step, "sha256": hashes, **state}
            write_json(temporary / STATE, {**value, "self": hash_of(value, 64)})
            _remove(target)
            temporary.replace(target)
            _sync(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return target


def _save_tensors(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, path)
    with path.open("rb") as f:
        os.fsync(f.fileno())


def rotate(folder: Path, kind: str, keep: int) -> None:
    """Remove all but the newest `keep` checkpoints of a kind."""
    for path in list_checkpoints(folder, kind)[keep:]:
        _remove(path)


def remove_after(folder: Path, kind: str, step: int) -> None:
    """Remove the checkpoints of a kind past a step: a run that goes on from that step has undone them."""
    for path in list_checkpoints(folder, kind):
        if _step_of(path) > step:
            _remove(path)


def _remove(path: Path) -> None:
    """Remove a checkpoint; a kill half-way leaves no half of it under its name."""
    if path.exists():
        away = Path(tempfile.mkdtemp(dir=path.parent, prefix=".writing-"))
        path.replace(away)
        shutil.rmtree(away, ignore_errors=True)


def _step_of(path: Path) -> int:
    return int(path.name.rpartition("-")[2])


def list_checkpoints(folder: Path, kind: str) -> list[Path]:
    """The checkpoints of a kind, newest first."""
    found = [p for p in folder.glob(f"{kind}-*") if p.name.removeprefix(f"{kind}-").isdigit()]
    return sorted(found, key=_step_of, reverse=True)


def remove_leftovers(folder: Path) -> None:
    """Take away what writes that were killed left behind."""
    for path in folder.glob(".writing-*"):
        shutil.rmtree(path, ignore_errors=True)


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint and verify its hashes; RunError if it is incomplete or was changed."""
    state = _read_state(path)
    for name, expected in state["sha256"].items():
        file = path / name
        if not file.is_file() or _sha256(file) != expected:
            raise _damaged(file)
    weights = load_file(path / WEIGHTS)
    optimizer = load_file(path / OPTIMIZER) if OPTIMIZER in state["sha256"] else {}
    return Checkpoint(int(state["step"]), weights, optimizer, state)


def _read_state(path: Path) -> dict[str, Any]:
    try:
        state = read_json(path / STATE)
    except DataError:
        raise _damaged(path / STATE) from None
    expected = state.pop("self", None) if isinstance(state, dict) else None
    if expected is None or hash_of(state, 64) != expected:
        raise _damaged(path / STATE)
    return state


def _damaged(file: Path) -> RunError:
    return RunError(
        f"{file}: damaged (its SHA-256 is not the one that was written); delete {file.parent} "
        "to go on from the checkpoint before it, or from the start where there is none"
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def optimizer_tensors(optimizer: torch.optim.Optimizer, names: dict[int, str]) -> dict[str, torch.Tensor]:
    """AdamW's moments and step counts as named tensors: ``model.layer.weight/exp_avg``. `names` maps id(parameter)."""
    out = {}
    for parameter, values in optimizer.state.items():
        for key, value in values.items():
            out[f"{names[id(parameter)]}/{key}"] = value if torch.is_tensor(value) else torch.tensor(float(value))
    return out


def load_optimizer_tensors(
    optimizer: torch.optim.Optimizer, named: dict[str, torch.nn.Parameter], tensors: dict[str, torch.Tensor]
) -> None:
    """Put back what `optimizer_tensors` took."""
    for key, value in tensors.items():
        name, _, field = key.rpartition("/")
        parameter = named[name]
        # A fused AdamW keeps its step counts beside the parameters, the plain one keeps them on the CPU.
        on = "cpu" if field == "step" and not optimizer.defaults.get("fused") else parameter.device
        optimizer.state[parameter][field] = value.to(on)
