"""What the training loop works with, and how it is put together."""

from __future__ import annotations

import contextlib
import importlib.util
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from accelerate import Accelerator
from accelerate.utils import InitProcessGroupKwargs

from heedful.errors import RequestError
from heedful.models.adapters import plain_model
from heedful.models.quiet import quiet_transformers
from heedful.records import TokenExample
from heedful.store import RunFolder
from heedful.train.averaging import Average
from heedful.train.objective import Objective
from heedful.train.processes import LONGEST_WAIT, process_count
from heedful.train.progress import Progress
from heedful.train.recipe import Recipe


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
    average: Average | None = None  # of the weights; None where the last step's are taken

    def averaged(self) -> contextlib.AbstractContextManager[None]:
        """The model as it is judged and kept: with the average of its weights where there is one."""
        return self.average.in_place() if self.average else contextlib.nullcontext()

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
    need_trackers(recipe)
    waiting: list[Any] | None = [InitProcessGroupKwargs(timeout=LONGEST_WAIT)] if process_count() > 1 else None
    accelerator = Accelerator(
        cpu=device.type == "cpu",
        log_with=list(recipe.track) or None,
        project_dir=str(run.path),
        kwargs_handlers=waiting,
    )
    if recipe.gradient_checkpointing:
        with quiet_transformers():  # version 5 calls this name old and has no other in all of its releases
            plain_model(model).gradient_checkpointing_enable({"use_reentrant": False})
        plain_model(model).enable_input_require_grads()
    objective = Objective(model)
    objective.check_head()
    objective.engine_note = choose_engine(objective, recipe, accelerator, precision)
    if recipe.packing and objective.engine is None:  # an engine lays rows apart itself
        objective.need_packing()
    if accelerator.is_main_process:
        run.update_manifest(engine=objective.engine_note)
    optimizer = make_optimizer(model, recipe)
    objective, optimizer = accelerator.prepare(objective, optimizer)
    if recipe.track:
        plain = {k: str(v) for k, v in recipe.to_json().items()}
        accelerator.init_trackers("heedful", config=plain)
    return Training(
        recipe, run, train, val, objective, optimizer, accelerator, precision, pad_id, watcher, take_samples,
        average=Average(objective) if recipe.averages else None,
    )  # fmt: skip


def choose_engine(objective: Objective, recipe: Recipe, accelerator: Accelerator, precision: str) -> str:
    """Take Heedful's own forward and backward pass where it fits; returns a sentence on whether and why."""
    if recipe.engine == "plain":
        return "plain: asked for"
    if accelerator.num_processes > 1:
        return "plain: several processes train"
    if accelerator.device.type != "cpu":
        return f"plain: the engine is for CPUs and this is {accelerator.device.type}"
    if recipe.gradient_checkpointing:
        return "plain: gradient_checkpointing"
    note = objective.use_engine(precision)
    return f"{'plain' if objective.engine is None else 'fast'}: {note}"


def need_trackers(recipe: Recipe) -> None:
    """RequestError where metrics are to go to a tracker that is not installed, which accelerate would pass over."""
    for name in recipe.track:
        if importlib.util.find_spec(name) is None:
            raise RequestError(f"track {name}: it is not installed; run pip install 'heedful[{name}]', or take it away")


def make_optimizer(model: Any, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101); matrices decay, norms and biases do not."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    fused = parameters[0].device.type in ("cpu", "cuda")
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=recipe.rate, fused=fused)
