"""Checkpoints: written whole or not at all, verified when read, rotated. Only safetensors and JSON are read back.

    checkpoints/step-000120/  weights.safetensors  optimizer.safetensors  state.json
    checkpoints/best-000090/  weights.safetensors  state.json

`state.json` is written last and bears the SHA-256 of the other files and of itself. A folder is filled under another
name and renamed, and renamed again before it is removed, so a folder with the right name is complete, whenever a kill
came. Files that `state.json` does not name are never read.
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
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from heedful.errors import DataError, RunError
from heedful.records import hash_of
from heedful.store import disk_errors, read_json, set_usual_modes, write_json

WEIGHTS = "weights.safetensors"
OPTIMIZER = "optimizer.safetensors"
STATE = "state.json"
MEND = "; restore it from a copy or take another checkpoint"


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
            set_usual_modes(temporary)
            _sync(temporary)
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


def rotate(folder: Path, keep: int) -> None:
    """Remove all but the newest `keep` checkpoints, and the best weights that none of those names."""
    listed = list_checkpoints(folder, "step")
    kept = listed[:keep]
    for path in listed[keep:]:
        _remove(path)
    named = {best for path in kept if (best := _named_best(path)) is not None}
    for path in list_checkpoints(folder, "best")[1:]:
        if step_of(path) not in named:
            _remove(path)


def _named_best(path: Path) -> int | None:
    """The step whose best weights belong to a checkpoint; None where it is damaged or its own weights are the best."""
    try:
        return _read_state(path).get("best_step")
    except RunError:
        return None


def remove_after(folder: Path, kind: str, step: int) -> None:
    """Remove the checkpoints of a kind past a step: a run that goes on from that step has undone them."""
    for path in list_checkpoints(folder, kind):
        if step_of(path) > step:
            _remove(path)


def _remove(path: Path) -> None:
    """Remove a checkpoint; a kill half-way leaves no half of it under its name."""
    if path.exists():
        away = Path(tempfile.mkdtemp(dir=path.parent, prefix=".writing-"))
        path.replace(away)
        shutil.rmtree(away, ignore_errors=True)


def step_of(path: Path) -> int:
    """The step in a checkpoint's name."""
    return int(path.name.rpartition("-")[2])


def list_checkpoints(folder: Path, kind: str) -> list[Path]:
    """The checkpoints of a kind, newest first."""
    found = [p for p in folder.glob(f"{kind}-*") if p.name.removeprefix(f"{kind}-").isdigit()]
    return sorted(found, key=step_of, reverse=True)


def remove_leftovers(folder: Path) -> None:
    """Take away what writes that were killed left behind."""
    for path in folder.glob(".writing-*"):
        shutil.rmtree(path, ignore_errors=True)


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint after `verify` has found it whole."""
    state = verify(path)
    weights = _load_tensors(path / WEIGHTS)
    optimizer = _load_tensors(path / OPTIMIZER) if OPTIMIZER in state["sha256"] else {}
    return Checkpoint(int(state["step"]), weights, optimizer, state)


def _load_tensors(file: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(file)
    except SafetensorError:
        raise _damaged(file, "not a safetensors file") from None


def verify(path: Path) -> dict[str, Any]:
    """The state of a checkpoint, every file of which has the hash that it was written with.

    Raises RunError, which names the file, where one is missing or was changed.
    """
    state = _read_state(path)
    for name in (WEIGHTS, *(n for n in (OPTIMIZER,) if n in state["sha256"])):
        file = path / name
        if not file.is_file():
            raise _damaged(file, "missing")
        if _sha256(file) != state["sha256"].get(name):
            raise _damaged(file)
    return state


def newest_good(folder: Path) -> tuple[Checkpoint | None, list[tuple[Path, str]]]:
    """The newest checkpoint to go on from, and those after it that cannot serve, each with the reason.

    One whose best weights are damaged cannot serve: the run would end without them. Raises RunError where there are
    checkpoints and none can serve; None where there are none.
    """
    passed: list[tuple[Path, str]] = []
    for path in list_checkpoints(folder, "step"):
        try:
            found = read_checkpoint(path)
            best = found.state.get("best_step")
            if best not in (None, found.step):
                verify(folder / f"best-{best:06d}")
            return found, passed
        except RunError as e:
            passed.append((path, str(e).removesuffix(MEND)))
    if passed:
        also = "" if len(passed) == 1 else ", and no checkpoint before it is whole"
        raise RunError(f"{passed[0][1]}{also}; delete {folder} to begin again from the start")
    return None, []


def put_aside(path: Path) -> Path:
    """Rename a checkpoint that cannot serve, so that it is neither rotated nor taken; gives the new path."""
    aside = path.with_name(f"damaged-{path.name}")
    _remove(aside)
    return path.rename(aside)


def _read_state(path: Path) -> dict[str, Any]:
    file = path / STATE
    if not file.is_file():
        raise _damaged(file, "missing")
    try:
        state = read_json(file)
    except DataError:
        raise _damaged(file) from None
    expected = state.pop("self", None) if isinstance(state, dict) else None
    if expected is None or hash_of(state, 64) != expected:
        raise _damaged(file)
    return state


def _damaged(file: Path, how: str = "damaged (its SHA-256 is not the one that was written)") -> RunError:
    return RunError(f"{file}: {how}{MEND}")


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
