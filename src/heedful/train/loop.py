"""The training loop, to be read from top to bottom.

    fit
      step 0     loss on the whole validation set, answers to the sample questions
      each step  forward and backward over micro-batches, clip, AdamW
      now and then, and at each epoch's end: evaluate, keep the best weights, write a checkpoint
      stop       when all steps are done or the validation loss has not fallen for `patience` evaluations

Gradients of a step are those of the mean loss over all its trained tokens, however it is cut into micro-batches or
spread over processes. On a CPU a run that was killed and resumed ends with the weights of one that was not, bit for
bit.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from accelerate import Accelerator

from heedful.batches import Batch, LengthBatches, by_length, collate
from heedful.errors import Interrupted, TrainingError
from heedful.models import checkpoints
from heedful.models.adapters import load_trainable_state, plain_model, trainable_state
from heedful.models.machine import resident_mb
from heedful.models.quiet import quiet_transformers
from heedful.records import TokenExample
from heedful.store import RunFolder, append_jsonl, read_jsonl
from heedful.train.objective import Objective
from heedful.train.progress import Progress, learning_rate_at
from heedful.train.recipe import Recipe
from heedful.train.signals import StopRequests
from heedful.train.verdict import Evaluation


class Watcher(Protocol):
    """Who is told of each line of metrics, for a live view."""

    def step(self, line: dict[str, Any], total_steps: int) -> None: ...
    def evaluating(self, step: int) -> None: ...
    def evaluated(self, line: dict[str, Any]) -> None: ...


@dataclass
class Training:
    """Everything that the loop works with. Make one with `prepare_training`."""

    recipe: Recipe
    run: RunFolder
    train: Sequence[TokenExample]
    val: Sequence[TokenExample]
    objective: Any
    optimizer: Any
    accelerator: Accelerator
    precision: str
    pad_id: int
    watcher: Watcher
    take_samples: Callable[[int, int], None]
    progress: Progress = field(default_factory=Progress)
    saved_step: int | None = None  # of the newest checkpoint

    @property
    def model(self) -> Any:
        """The model itself, without wrappers."""
        return self.accelerator.unwrap_model(self.objective).model

    @property
    def steps_per_epoch(self) -> int:
        return math.ceil(len(self.train) / self.recipe.batch_size)

    @property
    def total_steps(self) -> int:
        return min(self.steps_per_epoch * self.recipe.epochs, self.recipe.max_steps or 10**12)

    @property
    def eval_every(self) -> int:
        """Steps between evaluations; ``auto`` is a quarter of an epoch, and of the run where that is shorter."""
        if self.recipe.eval_every != "auto":
            return int(self.recipe.eval_every)
        return max(1, min(self.steps_per_epoch, self.total_steps) // 4)


def prepare_training(
    model: Any,
    train: Sequence[TokenExample],
    val: Sequence[TokenExample],
    recipe: Recipe,
    run: RunFolder,
    *,
    precision: str,
    device: torch.device,
    pad_id: int,
    watcher: Watcher,
    take_samples: Callable[[int, int], None] = lambda attempt, step: None,
) -> Training:
    """Wrap a model for training; `take_samples(attempt, step)` is called after each evaluation."""
    accelerator = Accelerator(cpu=device.type == "cpu", log_with=list(recipe.track) or None, project_dir=str(run.path))
    if recipe.gradient_checkpointing:
        with quiet_transformers():  # version 5 calls this name old and has no other in all of its releases
            plain_model(model).gradient_checkpointing_enable({"use_reentrant": False})
        plain_model(model).enable_input_require_grads()
    objective = Objective(model)
    objective.check_head()
    optimizer = make_optimizer(model, recipe)
    objective, optimizer = accelerator.prepare(objective, optimizer)
    if recipe.track:
        plain = {k: str(v) for k, v in recipe.to_json().items()}
        accelerator.init_trackers("heedful", config=plain)
    return Training(
        recipe, run, train, val, objective, optimizer, accelerator, precision, pad_id, watcher, take_samples
    )


def make_optimizer(model: Any, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101); matrices decay, norms and biases do not."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    fused = parameters[0].device.type in ("cpu", "cuda")
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=recipe.rate, fused=fused)


def fit(training: Training, resume: bool = False) -> Progress:
    """Train to the end (or until the validation loss stops falling) and leave the best weights in the model.

    Raises TrainingError if the loss is not a number, Interrupted (after writing a checkpoint) on Ctrl-C or SIGTERM.
    """
    t = training
    if resume:
        _resume(t)
    with StopRequests() as stop:
        if not t.progress.evaluations:
            _evaluate(t)
            _checkpoint(t)
        while t.progress.finished is None and not stop.requested:
            for rows in _rest_of_epoch(t):
                _train_step(t, rows)
                if (
                    t.progress.step % t.eval_every == 0
                    or t.progress.position == t.steps_per_epoch
                    or t.progress.step == t.total_steps
                ):
                    _evaluate(t)
                    _decide(t)
                    _checkpoint(t)
                if t.progress.finished or stop.requested:
                    break
        if stop.requested:
            _checkpoint(t)
    if stop.requested:
        raise Interrupted(
            f"stopped at step {t.progress.step} of {t.total_steps}; nothing is lost: go on with "
            f"`heedful train --resume --out {t.run.path}`"
        )
    _load_best(t)
    if t.recipe.track:
        t.accelerator.end_training()
    return t.progress


def _rest_of_epoch(t: Training) -> Iterator[list[int]]:
    """The batches of this epoch that are still to come; moves to the next epoch where none is left."""
    p = t.progress
    if p.position >= t.steps_per_epoch:
        p.epoch, p.position = p.epoch + 1, 0
    batches = list(LengthBatches([len(e.ids) for e in t.train], t.recipe.batch_size, t.recipe.seed, p.epoch))
    return iter(batches[p.position :])


def _train_step(t: Training, rows: list[int]) -> None:
    """One optimiser step on the rows with these numbers."""
    p, recipe, begin = t.progress, t.recipe, time.perf_counter()
    examples = [t.train[i] for i in rows]
    trained = sum(e.trained_tokens for e in examples)
    rate = learning_rate_at(p.step + 1, t.total_steps, recipe.rate, recipe.schedule, recipe.warmup_steps)
    for group in t.optimizer.param_groups:
        group["lr"] = rate
    t.objective.train()
    loss_sum = torch.zeros((), device=t.accelerator.device)
    batches = _micro_batches(t, examples)
    for number, batch in enumerate(batches):
        last = number == len(batches) - 1
        with contextlib.nullcontext() if last else t.accelerator.no_sync(t.objective):
            loss = _row_losses(t, batch).sum()
            # Data-parallel wrappers average gradients over processes; the sum is wanted.
            t.accelerator.backward(loss * (t.accelerator.num_processes / max(1, trained)))
        loss_sum += loss.detach()
    loss_value = float(t.accelerator.reduce(loss_sum, "sum")) / max(1, trained)  # type: ignore[arg-type]
    norm = t.accelerator.clip_grad_norm_(t.objective.parameters(), recipe.max_grad_norm)
    norm_value = float(norm) if norm is not None else float("nan")
    if not math.isfinite(loss_value) or not math.isfinite(norm_value):
        raise TrainingError(
            f"step {p.step + 1}: the loss or its gradient is not a number (loss {loss_value}, gradient norm {norm_value}); "
            f"the checkpoint before it is kept: lower learning_rate (now {recipe.rate:g}) or use precision: fp32"
        )
    t.optimizer.step()
    t.optimizer.zero_grad(set_to_none=True)
    seconds = time.perf_counter() - begin
    tokens = sum(len(e.ids) for e in examples)
    p.step, p.position = p.step + 1, p.position + 1
    p.examples, p.tokens, p.trained_tokens, p.seconds = (
        p.examples + len(rows),
        p.tokens + tokens,
        p.trained_tokens + trained,
        p.seconds + seconds,
    )
    line = _metrics_line(
        t, train_loss=loss_value, lr=rate, grad_norm=norm_value, tokens_per_s=round(tokens / seconds, 1)
    )
    _log(t, line)
    t.watcher.step(line, t.total_steps)


def _micro_batches(t: Training, examples: list[TokenExample]) -> list[Batch]:
    """This process's share of a step's rows, in micro-batches; each process has as many, some perhaps of masked rows."""
    world, rank = t.accelerator.num_processes, t.accelerator.process_index
    most = math.ceil(len(examples) / world)
    size = min(t.recipe.micro_batch_size or most, most)
    mine = examples[rank::world]
    while len(mine) < most:  # a row that trains nothing keeps the processes in step
        mine.append(TokenExample("none", examples[0].ids, (False,) * len(examples[0].ids)))
    return [collate(mine[i : i + size], t.pad_id).to(t.accelerator.device) for i in range(0, most, size)]


def _row_losses(t: Training, batch: Batch) -> torch.Tensor:
    with torch.autocast(t.accelerator.device.type, torch.bfloat16, enabled=t.precision == "bf16"):
        return t.objective(batch.input_ids, batch.attention_mask, batch.labels)


@torch.no_grad()
def measure_loss(t: Training, examples: Sequence[TokenExample], step: int) -> Evaluation:
    """The loss on rows, each row's sum apart; every process measures its share."""
    losses = torch.zeros(len(examples), device=t.accelerator.device)
    t.objective.eval()
    size = max(t.recipe.micro_batch_size or t.recipe.batch_size, 8)
    batches = by_length([len(e.ids) for e in examples], size)
    # Every process calls the model as often as the others, as FSDP demands; what it adds counts once.
    rounds = math.ceil(len(batches) / t.accelerator.num_processes)
    for number in range(rounds):
        place = number * t.accelerator.num_processes + t.accelerator.process_index
        rows = batches[place] if place < len(batches) else batches[0]
        values = _row_losses(t, collate([examples[i] for i in rows], t.pad_id).to(t.accelerator.device))
        if place < len(batches):
            losses[torch.tensor(rows, device=losses.device)] = values.float()
    total: Any = t.accelerator.reduce(losses, "sum")
    return Evaluation(step, tuple(total.tolist()), tuple(e.trained_tokens for e in examples))


def _evaluate(t: Training) -> None:
    p = t.progress
    t.watcher.evaluating(p.step)
    evaluation = measure_loss(t, t.val, p.step)
    if not math.isfinite(evaluation.loss):
        raise TrainingError(
            f"step {p.step}: the validation loss is not a number; the model is broken or precision is too low: use precision: fp32"
        )
    p.evaluations.append(evaluation)
    line = _metrics_line(t, val_loss=evaluation.loss)
    _log(t, line)
    if t.accelerator.is_main_process:
        t.take_samples(p.attempt, p.step)
    t.watcher.evaluated(line)


def _decide(t: Training) -> None:
    """Whether training is over: all steps done, or no better loss for `patience` evaluations."""
    p = t.progress
    p.bad_evaluations = 0 if p.best is p.evaluations[-1] else p.bad_evaluations + 1
    if p.step >= t.total_steps:
        p.finished = "all steps done"
    elif t.recipe.patience and p.bad_evaluations >= t.recipe.patience:
        p.finished = "stopped early"


def _metrics_line(t: Training, **values: float) -> dict[str, Any]:
    p = t.progress
    return {
        "attempt": p.attempt,
        "step": p.step,
        "epoch": round(p.step / t.steps_per_epoch, 4),
        "examples": p.examples,
        "tokens": p.tokens,
        "trained_tokens": p.trained_tokens,
        **values,
        "rss_mb": round(resident_mb(), 1),
        "seconds": round(p.seconds, 3),
    }


def _log(t: Training, line: dict[str, Any]) -> None:
    if t.accelerator.is_main_process:
        append_jsonl(t.run.metrics, line)
    if t.recipe.track:
        t.accelerator.log({k: v for k, v in line.items() if k not in ("attempt", "step")}, step=line["step"])


def _checkpoint(t: Training) -> None:
    """Write a checkpoint, and the best weights where this step's are; rotate the older ones."""
    t.accelerator.wait_for_everyone()
    if not t.accelerator.is_main_process:
        return
    p, folder, model = t.progress, t.run.checkpoints, t.model
    if t.saved_step == p.step:  # an evaluation and Ctrl-C at the same step
        return
    weights = trainable_state(model)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    moments = checkpoints.optimizer_tensors(getattr(t.optimizer, "optimizer", t.optimizer), names)
    state = {"progress": p.to_json(), "rng": torch.get_rng_state().numpy().tobytes().hex(), "tuning": t.recipe.tuning}
    best = p.best
    if best is not None and best.step == p.step:
        checkpoints.save_checkpoint(folder, "best", p.step, weights, {}, {"tuning": t.recipe.tuning})
    checkpoints.save_checkpoint(folder, "step", p.step, weights, moments, state)
    # The older ones go when both are written: a kill between the two must leave the best one that `state` names.
    checkpoints.rotate(folder, "best", 1)
    checkpoints.rotate(folder, "step", t.recipe.keep_checkpoints)
    t.saved_step = p.step


def _resume(t: Training) -> None:
    """Go on from the newest checkpoint, if there is one; what was done after it counts as an undone attempt."""
    attempts = [int(line["attempt"]) for line in read_jsonl(t.run.metrics)]
    t.progress.attempt = max(attempts, default=0) + 1
    found = checkpoints.list_checkpoints(t.run.checkpoints, "step")
    saved = checkpoints.read_checkpoint(found[0]) if found else None
    checkpoints.remove_after(t.run.checkpoints, "best", saved.step if saved else -1)
    if saved is None:
        return
    model = t.model
    load_trainable_state(model, saved.weights)
    named = dict(model.named_parameters())
    checkpoints.load_optimizer_tensors(getattr(t.optimizer, "optimizer", t.optimizer), named, saved.optimizer)
    torch.set_rng_state(torch.frombuffer(bytearray.fromhex(saved.state["rng"]), dtype=torch.uint8).clone())
    attempt, t.progress = t.progress.attempt, Progress.from_json(saved.state["progress"])
    t.saved_step = saved.step
    if t.progress.finished is None:
        t.progress.attempt = attempt


def _load_best(t: Training) -> None:
    best = t.progress.best
    if best is None or best.step == t.progress.step:
        return
    load_trainable_state(t.model, checkpoints.read_checkpoint(t.run.checkpoints / f"best-{best.step:06d}").weights)
