"""LoRA adapters by peft: adding one, taking its weights, merging it."""

from __future__ import annotations

from typing import Any

import torch

from heedful.errors import ModelError, did_you_mean
from heedful.models.quiet import quiet_transformers


def check_targets(model: Any, targets: str) -> None:
    """ModelError where one of `targets` names no linear layer; peft is content if any of them does."""
    if targets == "all-linear":
        return
    linear = [
        name
        for name, module in model.named_modules()
        if getattr(getattr(module, "weight", None), "ndim", 0) == 2 and not isinstance(module, torch.nn.Embedding)
    ]
    known = list(dict.fromkeys(name.rpartition(".")[2] for name in linear))
    for target in _names(targets):
        if not any(name == target or name.endswith(f".{target}") for name in linear):
            raise ModelError(
                f"lora_targets '{target}': no such linear layer in {type(model).__name__}"
                f"{did_you_mean(target, known)}; name all-linear or some of {', '.join(known)}"
            )


def _names(targets: str) -> list[str]:
    return [t.strip() for t in targets.split(",")]


def add_lora(model: Any, rank: int, alpha: float, dropout: float, targets: str) -> Any:
    """Wrap a model with LoRA factors on its linear layers (Hu et al. 2021, https://arxiv.org/abs/2106.09685).

    `targets` is ``all-linear`` (all but the output head) or module names separated by commas. The factors are
    float32 whatever the model's type. Raises ModelError where a name matches nothing.
    """
    from peft import LoraConfig, get_peft_model

    check_targets(model, targets)
    names: str | list[str] = targets if targets == "all-linear" else _names(targets)
    scale: Any = alpha  # peft declares a whole number and takes any
    config = LoraConfig(r=rank, lora_alpha=scale, lora_dropout=dropout, target_modules=names, task_type="CAUSAL_LM")
    try:
        with quiet_transformers():  # peft asks transformers what is deprecated, and tells of GPT-2's turned matrices
            wrapped: Any = get_peft_model(model, config)
    except ValueError as e:
        raise ModelError(
            f"lora_targets '{targets}': peft has no adapter for such a layer ({str(e).split('.')[0]}); "
            "name linear layers, or all-linear"
        ) from e
    for parameter in wrapped.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return wrapped


def is_adapted(model: Any) -> bool:
    """Whether a model bears a peft adapter."""
    return hasattr(model, "peft_config")


def plain_model(model: Any) -> Any:
    """The transformers model inside a peft wrapper, or the model itself. Its LoRA layers stay active."""
    return model.get_base_model() if is_adapted(model) else model


def trainable_state(model: Any) -> dict[str, torch.Tensor]:
    """The tensors that training changes, by name; each shared storage once."""
    seen: dict[int, str] = {}
    out = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and id(parameter) not in seen:
            seen[id(parameter)] = name
            out[name] = parameter.detach()
    return out


def load_trainable_state(model: Any, state: dict[str, torch.Tensor]) -> None:
    """Copy tensors back that `trainable_state` took; ModelError if the names or shapes are not the same."""
    now = trainable_state(model)
    if now.keys() != state.keys():
        other = sorted(now.keys() ^ state.keys())[0]
        raise ModelError(f"the checkpoint does not fit the model: {other} is in only one of them")
    for name, tensor in state.items():
        if now[name].shape != tensor.shape:
            raise ModelError(
                f"the checkpoint does not fit the model: {name} is {tuple(tensor.shape)} in the one and "
                f"{tuple(now[name].shape)} in the other"
            )
    for name, tensor in state.items():
        now[name].copy_(tensor)


def merge(model: Any) -> Any:
    """The plain model with its adapter merged into its weights. Changes the model in place."""
    return model.merge_and_unload() if is_adapted(model) else model
