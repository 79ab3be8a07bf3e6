"""The training loop, to be read from top to bottom.

    fit
      step 0     loss on the whole validation set, answers to the sample questions
      each step  forward and backward over micro-batches, clip, AdamW, take the weights into their average
      now and then, and at each epoch's end: evaluate the average, keep the best weights, write a checkpoint
      stop       when all steps are done or the validation loss has not fallen for `patience` evaluations

Gradients of a step are those of the mean loss over all its trained tokens, however it is cut into micro-batches or
spread over processes. On a CPU a run that was killed and resumed ends with the weights of one that was not, bit for
bit.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from heedful.batches import Batch, LengthBatches, by_length, collate, micro_batches
from heedful.errors import Interrupted, TrainingError
from heedful.models.machine import resident_mb
from heedful.records import TokenExample
from heedful.store import append_jsonl
from heedful.train import keeping
from heedful.train.limits import positions_at_once
from heedful.train.processes import any_process, is_sharded
from heedful.train.progress import Progress, learning_rate_at
from heedful.train.signals import StopRequests
from heedful.train.training import Training
from heedful.train.verdict import Evaluation


def fit(training: Training, resume: bool = False) -> Progress:
    """Train to the end (or until the validation loss stops falling) and leave the best weights in the model.

    Raises TrainingError if the loss is not a number, Interrupted (after writing a checkpoint) on Ctrl-C or SIGTERM.
    """
    t = training
    if resume:
        keeping.restore(t)
    with StopRequests() as stop:
        if not t.progress.evaluations:
            _evaluate(t)
            keeping.save(t)
        stopping = any_process(t.accelerator, stop.requested)
        while t.progress.finished is None and not stopping:
            for rows in _rest_of_epoch(t):
                _train_step(t, rows)
                if (
                    t.progress.step % t.eval_every == 0
                    or t.progress.position == t.steps_per_epoch
                    or t.progress.step == t.total_steps
                ):
                    _evaluate(t)
                    _decide(t)
                    keeping.save(t)
                stopping = any_process(t.accelerator, stop.requested)
                if t.progress.finished or stopping:
                    break
        if stopping:
            keeping.save(t)
    if stopping:
        raise Interrupted(
            f"stopped at step {t.progress.step} of {t.total_steps}; nothing is lost: go on with "
            f"`heedful train --resume --out {t.run.path}`"
        )
    keeping.load_best(t)
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
    rate = learning_rate_at(p.step + 1, t.total_steps, recipe.rate, recipe.decay, recipe.warmup_steps)
    for group in t.optimizer.param_groups:
        group["lr"] = rate
    t.objective.train()
    keeping.seed_step(t)
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
            f"step {p.step + 1}: the loss or its gradient is not a number (loss {loss_value}, gradient norm "
            f"{norm_value}); {keeping.after_nan(t)}"
        )
    t.optimizer.step()
    t.optimizer.zero_grad(set_to_none=True)
    if t.average:
        t.average.update(p.step + 1)
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
    """This process's share of a step's rows, in micro-batches; each process has as many, some of masked rows."""
    world, rank = t.accelerator.num_processes, t.accelerator.process_index
    most = math.ceil(len(examples) / world)
    mine = examples[rank::world]
    while len(mine) < most:  # a row that trains nothing keeps the processes in step
        mine.append(TokenExample("none", examples[0].ids, (False,) * len(examples[0].ids)))
    options = {"packed": t.recipe.packing, "max_length": t.recipe.max_length}
    positions = positions_at_once(t.accelerator.device.type, world)
    parts = micro_batches([len(e.ids) - 1 for e in mine], t.recipe.micro_batch_size, positions)
    return [collate(mine[part], t.pad_id, **options).to(t.accelerator.device) for part in parts]


def _row_losses(t: Training, batch: Batch) -> torch.Tensor:
    with torch.autocast(t.accelerator.device.type, torch.bfloat16, enabled=t.precision == "bf16"):
        return t.objective(
            batch.input_ids, batch.attention_mask, batch.labels, batch.position_ids, batch.row_of, len(batch.rows)
        )


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
    with t.averaged():
        evaluation = measure_loss(t, t.val, p.step)
    if not math.isfinite(evaluation.loss):
        raise TrainingError(
            f"step {p.step}: the validation loss is not a number; {keeping.after_nan(t)}"
            if p.step
            else "step 0: the validation loss is not a number; the model is broken or precision is too low: "
            "use precision: fp32"
        )
    p.evaluations.append(evaluation)
    line = _metrics_line(t, val_loss=evaluation.loss)
    _log(t, line)
    if t.accelerator.is_main_process and not is_sharded(t.accelerator):  # a part of a model cannot answer alone
        with t.averaged():
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
