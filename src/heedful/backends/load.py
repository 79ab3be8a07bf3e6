"""A model by name as a backend that answers in this process."""

from __future__ import annotations

from collections.abc import Callable

import torch

from heedful.backends.transformers import TransformersBackend
from heedful.chat import Chat
from heedful.models.loading import load_model
from heedful.models.machine import choose_device, choose_precision


def local_backend(
    name: str,
    template: str = "auto",
    precision: str = "auto",
    device: str = "auto",
    trust_remote_code: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> TransformersBackend:
    """Load a model and bind the template that belongs to it: the one asked for, else its own, else alpaca."""
    where = choose_device(device)
    dtype = torch.bfloat16 if choose_precision(precision, where) == "bf16" else torch.float32
    loaded = load_model(name, dtype, where, trust_remote_code=trust_remote_code, say=say)
    chat = Chat.bind(template, loaded.tokenizer)
    backend = TransformersBackend(name, loaded.model, chat, say, only_asked=True)
    backend.about = loaded.describe()
    return backend
