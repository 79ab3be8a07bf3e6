"""What is kept of a training run: checkpoints, the best weights, and how a run goes on from them."""

from __future__ import annotations

import hashlib
from typing import Any

import torch

from heedful.errors import RunError, TrainingError
from heedful.models import checkpoints
from heedful.models.adapters import load_trainable_state, trainable_state
from heedful.store import read_jsonl
from heedful.train.processes import any_process, gathered_moments, gathered_weights, hand_out, is_sharded
from heedful.train.progress import Progress
from heedful.train.training import Training

LAST = (
    "last_step"  # the weights that training goes on from, beside AdamW's moments, where a checkpoint's are an average
)


def save(t: Training) -> None:
    """Write a checkpoint, and the best weights where this step's are; rotate the older ones."""
    t.accelerator.wait_for_everyone()
    p, folder = t.progress, t.run.checkpoints
    if t.saved_step == p.step:  # an evaluation and Ctrl-C at the same step
        return
    weights, moments = _whole_state(t)
    _need_numbers(t, weights)
    if t.average and t.average.values:  # what is loaded from a checkpoint is the model that was judged
        moments |= {f"{name}/{LAST}": value for name, value in weights.items()}
        weights = _average(t)
    t.saved_step = p.step
    if not t.accelerator.is_main_process:
        return
    best = p.best
    state = {
        "progress": p.to_json(),
        "tuning": t.recipe.tuning,
        "total_steps": t.total_steps,
        "best_step": best.step if best else None,
        "processes": t.accelerator.num_processes,
    }
    if best is not None and best.step == p.step:
        checkpoints.save_checkpoint(folder, "best", p.step, weights, {}, {"tuning": t.recipe.tuning})
    checkpoints.save_checkpoint(folder, "step", p.step, weights, moments, state)
    # The older ones go when both are written: a kill between the two must leave the best one that `state` names.
    checkpoints.rotate(folder, t.recipe.keep_checkpoints)


def _need_numbers(t: Training, weights: dict[str, torch.Tensor]) -> None:
    """TrainingError where a weight has overflowed: such a checkpoint must not take the place of a good one."""
    for name, tensor in weights.items():
        if not tensor.isfinite().all():
            raise TrainingError(f"step {t.progress.step}: {name} is no longer finite; {after_nan(t)}")


def after_nan(t: Training) -> str:
    """What to do after a loss or a weight that is not a number, as the latter half of a sentence."""
    change = f"lower learning_rate (now {t.recipe.rate:g}) or use precision: fp32"
    if t.saved_step is None:
        return f"no checkpoint was written yet: {change}"
    return (
        f"the checkpoint of step {t.saved_step} is kept: {change}, in a new run that may begin from it "
        f"(--model run:{t.run.path}@step={t.saved_step})"
    )


def _whole_state(t: Training) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """The trainable weights and AdamW's moments, by name; of a sharded model gathered from all processes."""
    optimizer = getattr(t.optimizer, "optimizer", t.optimizer)
    if is_sharded(t.accelerator):
        return gathered_weights(t.objective), gathered_moments(t.objective, optimizer)
    names = {id(parameter): name for name, parameter in t.model.named_parameters()}
    return trainable_state(t.model), checkpoints.optimizer_tensors(optimizer, names)


def _average(t: Training) -> dict[str, torch.Tensor]:
    """The average of the trainable weights, by name; of a sharded model gathered from all processes."""
    assert t.average is not None
    if is_sharded(t.accelerator):
        with t.average.in_place():
            return gathered_weights(t.objective)
    by_id = {id(p): value for p, value in zip(t.average.parameters, t.average.values, strict=True)}
    return {name: by_id[id(p)] for name, p in t.model.named_parameters() if id(p) in by_id}


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
    """Go on from the newest checkpoint that is whole, if there is one; what was done after it is an undone attempt.

    Raises RunError where there are checkpoints and none is whole, and where a run with dropout was begun by another
    number of processes.
    """
    attempts = [int(line["attempt"]) for line in read_jsonl(t.run.metrics)]
    t.progress.attempt = max(attempts, default=0) + 1
    saved, passed = checkpoints.newest_good(t.run.checkpoints)
    t.accelerator.wait_for_everyone()
    if t.accelerator.is_main_process:
        checkpoints.remove_leftovers(t.run.checkpoints)
        for path, fault in passed:
            aside = checkpoints.put_aside(path)
            _say(t, f"{fault}; it was renamed to {aside.name}, and the run goes on from the checkpoint before it")
        checkpoints.remove_after(t.run.checkpoints, "best", saved.step if saved else -1)
    if saved is None:
        return
    _need_same_draws(t, saved)
    last = {k.removesuffix(f"/{LAST}"): v for k, v in saved.optimizer.items() if k.endswith(f"/{LAST}")}
    moments = {k: v for k, v in saved.optimizer.items() if not k.endswith(f"/{LAST}")}  # of step 0 there are none
    if t.average and (any_process(t.accelerator, bool(last))):
        _put_state(t, saved.weights, None)
        t.average.begin_from_weights()
    _put_state(t, last or saved.weights, moments or None)
    attempt, t.progress = t.progress.attempt, Progress.from_json(saved.state["progress"])
    t.saved_step = saved.step
    p = t.progress
    known = p.step if p.finished == "all steps done" else t.total_steps  # of a run of the first version
    if p.finished and t.total_steps > saved.state.get("total_steps", known):  # it was given more to do
        p.finished, p.bad_evaluations = None, 0
    if p.finished is None:
        p.attempt = attempt


def _say(t: Training, sentence: str) -> None:
    """Tell who follows the run, where that is a view, and keep it in the manifest, where there is one."""
    say: Any = getattr(t.watcher, "say", None)
    if say is not None:
        say(sentence)
    if t.run.manifest.is_file():
        t.run.update_manifest(told=[*(t.run.read_manifest().get("told") or []), sentence])


def _need_same_draws(t: Training, saved: checkpoints.Checkpoint) -> None:
    """RunError where other processes than before would draw other numbers for dropout: another run, not the same."""
    before, now = saved.state.get("processes", 1), t.accelerator.num_processes
    if before != now and has_dropout(t.model):
        raise RunError(
            f"{t.run.path}: has dropout and was trained by {before} process{'es' * (before > 1)}; {now} would draw "
            f"other random numbers, so go on with {before}, or start a new run"
        )


def has_dropout(model: Any) -> bool:
    """Whether any layer drops at random in training; some keep the share in the model's settings only."""
    layers = any(isinstance(m, torch.nn.Dropout) and m.p > 0 for m in model.modules())
    settings = getattr(model, "config", None)
    shares = settings.to_dict() if settings is not None else {}
    return layers or any(
        isinstance(v, float) and v > 0 for k, v in shares.items() if "drop" in k and "classifier" not in k
    )


def seed_step(t: Training) -> None:
    """Draw dropout of a step from the seed, the step and the process alone: a resumed run then draws the same."""
    text = f"{t.recipe.seed}:{t.progress.step}:{t.accelerator.process_index}"
    seed = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1
    if t.accelerator.device.type == "cpu":
        torch.default_generator.manual_seed(seed)  # torch.manual_seed also notes the stack for each kind of GPU
    else:
        torch.manual_seed(seed)


def load_best(t: Training) -> None:
    """Leave the best weights in the model; from here on nothing is averaged."""
    best, average = t.progress.best, t.average
    t.average = None
    if best is None or best.step == t.progress.step:
        if average:
            average.put_in_place()
        return
    t.accelerator.wait_for_everyone()
    _put_state(t, checkpoints.read_checkpoint(t.run.checkpoints / f"best-{best.step:06d}").weights, None)
