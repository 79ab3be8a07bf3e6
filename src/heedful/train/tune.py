"""Fine-tuning from Python, step by step, without answers or a report; `workflow.start_run` does the whole job."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from heedful.errors import Interrupted, RunError
from heedful.models.adapters import add_lora, is_adapted
from heedful.models.loading import LoadedModel
from heedful.models.machine import choose_precision
from heedful.records import TokenExample
from heedful.store import RunFolder, read_metrics
from heedful.train.loop import fit
from heedful.train.recipe import Recipe
from heedful.train.training import prepare_training
from heedful.train.verdict import Evaluation, Verdict, judge_curves


@dataclass(frozen=True)
class Tuned:
    """What `fine_tune` gives back: `model` has the best weights; `metrics` are the lines of metrics.jsonl.

    `ended` is ``all steps done`` or ``stopped early``; `best_step` is the step with the lowest validation loss.
    """

    model: Any
    evaluations: tuple[Evaluation, ...]
    metrics: tuple[dict[str, Any], ...]
    ended: str
    best_step: int
    verdict: Verdict


class _Follower:
    """A watcher of the loop that hands on each line of metrics."""

    def __init__(self, follow: Callable[[dict[str, Any]], None]):
        self.follow = follow

    def step(self, line: dict[str, Any], total_steps: int) -> None:
        self.follow(line)

    def evaluating(self, step: int) -> None: ...

    def evaluated(self, line: dict[str, Any]) -> None:
        self.follow(line)


def fine_tune(
    loaded: LoadedModel,
    train: Sequence[TokenExample],
    val: Sequence[TokenExample],
    recipe: Recipe,
    folder: str | Path,
    follow: Callable[[dict[str, Any]], None] = lambda line: None,
) -> Tuned:
    """Train a loaded model on token rows until its steps are done or its validation loss no longer falls.

    Of the recipe only the fields on tuning, the optimiser and the evaluations count. Writes ``metrics.jsonl`` and
    ``checkpoints/`` into `folder`; `follow` gets each line of metrics: with ``train_loss`` after a step, with
    ``val_loss`` after an evaluation. Changes the model in place; with LoRA the result is its peft wrapper.

    Raises RunError if `folder` is not empty, TrainingError if the loss is not a number, Interrupted on Ctrl-C.
    """
    run = RunFolder(folder)
    if run.path.exists() and (not run.path.is_dir() or any(run.path.iterdir())):
        raise RunError(f"{run.path}: exists and is not empty; choose another folder")
    torch.manual_seed(recipe.seed)
    model = loaded.model
    if recipe.tuning == "lora" and not is_adapted(model):
        model = add_lora(model, recipe.lora_rank, recipe.lora_alpha, recipe.lora_dropout, recipe.lora_targets)
    device = next(model.parameters()).device
    training = prepare_training(
        model, train, val, recipe, run,
        precision=choose_precision(recipe.precision, device), device=device,
        pad_id=loaded.tokenizer.pad_token_id, watcher=_Follower(follow),
    )  # fmt: skip
    try:
        progress = fit(training)
    except Interrupted:
        raise Interrupted(
            f"stopped at step {training.progress.step} of {training.total_steps}; "
            f"the last checkpoint and the metrics are in {run.path}"
        ) from None
    best = progress.best
    assert best is not None  # there is an evaluation at step 0
    metrics = tuple(read_metrics(run.metrics))
    losses = [(int(m["step"]), float(m["train_loss"])) for m in metrics if m.get("train_loss") is not None]
    return Tuned(
        model.eval(),
        tuple(progress.evaluations),
        metrics,
        progress.finished or "",
        best.step,
        judge_curves(progress.evaluations, losses),
    )
