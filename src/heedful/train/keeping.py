"""What is kept of a training run: checkpoints, the best weights, and how a run goes on from them."""

from __future__ import annotations

import torch

from heedful.models import checkpoints
from heedful.models.adapters import load_trainable_state, trainable_state
from heedful.store import read_jsonl
from heedful.train.processes import gathered_moments, gathered_weights, hand_out, is_sharded
from heedful.train.progress import Progress
from heedful.train.training import Training


def save(t: Training) -> None:
    """Write a checkpoint, and the best weights where this step's are; rotate the older ones."""
    t.accelerator.wait_for_everyone()
    p, folder = t.progress, t.run.checkpoints
    if t.saved_step == p.step:  # an evaluation and Ctrl-C at the same step
        return
    t.saved_step = p.step
    weights, moments = _whole_state(t)
    if not t.accelerator.is_main_process:
        return
    state = {"progress": p.to_json(), "rng": torch.get_rng_state().numpy().tobytes().hex(), "tuning": t.recipe.tuning}
    best = p.best
    if best is not None and best.step == p.step:
        checkpoints.save_checkpoint(folder, "best", p.step, weights, {}, {"tuning": t.recipe.tuning})
    checkpoints.save_checkpoint(folder, "step", p.step, weights, moments, state)
    # The older ones go when both are written: a kill between the two must leave the best one that `state` names.
    checkpoints.rotate(folder, "best", 1)
    checkpoints.rotate(folder, "step", t.recipe.keep_checkpoints)


def _whole_state(t: Training) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """The trainable weights and AdamW's moments, by name; of a sharded model gathered from all processes."""
    optimizer = getattr(t.optimizer, "optimizer", t.optimizer)
    if is_sharded(t.accelerator):
        return gathered_weights(t.objective), gathered_moments(t.objective, optimizer)
    names = {id(parameter): name for name, parameter in t.model.named_parameters()}
    return trainable_state(t.model), checkpoints.optimizer_tensors(optimizer, names)


def _put_state(t: Training, weights: dict[str, torch.Tensor], moments: dict[str, torch.Tensor] | None) -> None:
    """Put back what `_whole_state` took."""
    optimizer = getattr(t.optimizer, "optimizer", t.optimizer)
    if is_sharded(t.accelerator):
        hand_out(t.objective, optimizer, weights, moments)
        return
    load_trainable_state(t.model, weights)
    if moments is not None:
        checkpoints.load_optimizer_tensors(optimizer, dict(t.model.named_parameters()), moments)


def restore(t: Training) -> None:
    """Go on from the newest checkpoint, if there is one; what was done after it counts as an undone attempt."""
    attempts = [int(line["attempt"]) for line in read_jsonl(t.run.metrics)]
    t.progress.attempt = max(attempts, default=0) + 1
    found = checkpoints.list_checkpoints(t.run.checkpoints, "step")
    saved = checkpoints.read_checkpoint(found[0]) if found else None
    t.accelerator.wait_for_everyone()
    if t.accelerator.is_main_process:
        checkpoints.remove_after(t.run.checkpoints, "best", saved.step if saved else -1)
    if saved is None:
        return
    _put_state(t, saved.weights, saved.optimizer)
    torch.set_rng_state(torch.frombuffer(bytearray.fromhex(saved.state["rng"]), dtype=torch.uint8).clone())
    attempt, t.progress = t.progress.attempt, Progress.from_json(saved.state["progress"])
    t.saved_step = saved.step
    if t.progress.finished is None:
        t.progress.attempt = attempt


def load_best(t: Training) -> None:
    best = t.progress.best
    if best is None or best.step == t.progress.step:
        return
    t.accelerator.wait_for_everyone()
    _put_state(t, checkpoints.read_checkpoint(t.run.checkpoints / f"best-{best.step:06d}").weights, None)
