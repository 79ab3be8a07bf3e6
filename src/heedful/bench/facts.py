"""What results.json tells besides figures: who was asked, on what, with which versions, and what was asked for."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from heedful.bench.requests import How

if TYPE_CHECKING:
    from heedful.bench.asked_for import Bench

PACKAGES = ("heedful", "torch", "transformers", "tokenizers", "numpy", "scipy")


def run_facts(bench: Bench, backend: Any) -> dict[str, Any]:
    """The facts of a run, as results.json has them at its top."""
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": bench.model,
        "model_facts": dict(getattr(backend, "about", None) or {"name": bench.model}),
        "precision": precision_of(backend),
        "seed": bench.seed,
        "asked": {"shots": bench.shots, "limit": bench.limit, "template": bench.how.template},
        "training_data": list(bench.training.files) if bench.training else None,
        "versions": versions(),
        "machine": _machine(backend),
    }


def template_facts(how: How, backend: Any) -> dict[str, Any]:
    """The template that questions were put in: its name and, where it is known, its hash."""
    if how.plain:
        return {"name": "none"}
    chat = getattr(backend, "chat", None)
    known = {"name": chat.name, "sha256": chat.sha256} if chat is not None else {"name": "the model's own"}
    return known | {"multiturn": how.multiturn}


def precision_of(backend: Any) -> str | None:
    """What a model in this process computes in; None for any other."""
    dtype = getattr(getattr(backend, "model", None), "dtype", None)
    name = str(dtype).removeprefix("torch.") if dtype is not None else None
    return {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}.get(name or "", name)


def versions() -> dict[str, str]:
    """Of Python and of the packages that numbers may depend on; those of torch only where it was used."""
    out = {"python": platform.python_version()}
    for name in PACKAGES:
        if name in sys.modules:
            try:
                out[name] = version(name)
            except PackageNotFoundError:  # run from its source
                continue
    return out


def _machine(backend: Any) -> dict[str, Any]:
    precision = precision_of(backend)
    if precision is not None:
        from heedful.models.machine import describe_machine

        return describe_machine(backend.model.device, precision)
    return {"cpu": platform.processor() or platform.machine(), "cores": os.cpu_count(), "system": platform.platform()}
