"""What differs where several processes train one model (`accelerate launch`): who writes, and how state is gathered.

Process 0 reads the data, answers, writes and reports; the others join it for training only. With FSDP
(Zhao et al. 2023, https://arxiv.org/abs/2304.11277) a process holds a part of each tensor, so weights and moments
are gathered whole before they are written, and handed out again after they are read.
"""

from __future__ import annotations

import datetime
import os
from typing import Any

import torch
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)

LONGEST_WAIT = datetime.timedelta(hours=12)  # process 0 may answer many questions before the others are needed


def process_index() -> int:
    """This process's number, from the environment that a launcher sets; 0 where there is no launcher."""
    return int(os.environ.get("RANK", "0"))


def process_count() -> int:
    """How many processes a launcher started; 1 where there is none."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def wait_for_everyone() -> None:
    """Wait until every process is here; at once where there is only one."""
    if process_count() > 1:
        from accelerate import PartialState
        from accelerate.utils import InitProcessGroupKwargs

        options = InitProcessGroupKwargs(timeout=LONGEST_WAIT).to_kwargs()
        PartialState(cpu=not torch.cuda.is_available(), **options).wait_for_everyone()


def is_sharded(accelerator: Any) -> bool:
    """Whether parameters are spread over processes (FSDP)."""
    return accelerator.distributed_type.value == "FSDP"


def any_process(accelerator: Any, flag: bool) -> bool:
    """Whether the flag is set in any process; every process must ask."""
    if accelerator.num_processes == 1:
        return flag
    votes: Any = accelerator.reduce(torch.tensor(float(flag), device=accelerator.device), "sum")
    return float(votes) > 0


_WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)
_HANDED_OUT = StateDictOptions(
    full_state_dict=True, cpu_offload=True, ignore_frozen_params=True, broadcast_from_rank0=True, strict=False
)
_PREFIX = "model."  # the name under which Objective holds the model


def gathered_weights(objective: Any) -> dict[str, torch.Tensor]:
    """The trainable tensors of a sharded model, whole, by their names in one process; empty but in process 0."""
    # torch leaves out a frozen tensor under one of its names only, so a tied head stays in; and names it twice.
    trained = {name for name, parameter in objective.named_parameters() if parameter.requires_grad}
    whole: dict[str, Any] = get_model_state_dict(objective, options=_WHOLE)
    return {name.removeprefix(_PREFIX): value for name, value in whole.items() if name in trained}


def gathered_moments(objective: Any, optimizer: Any) -> dict[str, torch.Tensor]:
    """AdamW's state of a sharded model, whole, as ``name/exp_avg``; empty before a step, and but in process 0."""
    if not optimizer.state:  # torch would make one by a step of zeros, which the step counters then count
        return {}
    state: dict[str, Any] = get_optimizer_state_dict(objective, optimizer, options=_WHOLE).get("state", {})  # type: ignore[assignment]
    return {
        f"{name.removeprefix(_PREFIX)}/{key}": value if torch.is_tensor(value) else torch.tensor(float(value))
        for name, values in state.items()
        for key, value in values.items()
    }


def hand_out(
    objective: Any, optimizer: Any, weights: dict[str, torch.Tensor], moments: dict[str, torch.Tensor] | None
) -> None:
    """Put whole tensors, as process 0 read them, into a sharded model and, unless `moments` is None, its optimiser."""
    first = process_index() == 0
    set_model_state_dict(objective, {_PREFIX + n: v for n, v in weights.items()} if first else {}, options=_HANDED_OUT)
    if moments is None:
        return
    state: dict[str, dict[str, torch.Tensor]] = {}
    for key, value in moments.items():
        name, _, field = key.rpartition("/")
        state.setdefault(_PREFIX + name, {})[field] = value
    groups = get_optimizer_state_dict(objective, optimizer, options=_WHOLE).get("param_groups", [])
    value = {"state": state, "param_groups": groups} if first else {}
    set_optimizer_state_dict(objective, optimizer, value, options=_HANDED_OUT)  # type: ignore[arg-type]
    for values in optimizer.state.values():  # torch hands one and the same step counter to every parameter
        values["step"] = values["step"].clone()
