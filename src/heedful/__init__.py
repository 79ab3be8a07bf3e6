"""Heedful teaches a pretrained language model to follow instructions, and shows the evidence that it does.

The names below are the public Python interface; docs/api.md has an example of each. They are imported when they are
first used (PEP 562), so that ``import heedful`` takes no time and pulls in no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from heedful.backends.base import GenerationSettings
    from heedful.backends.transformers import Piece, TransformersBackend
    from heedful.batches import Batch, collate, make_loader, make_loaders
    from heedful.chat import Chat
    from heedful.data.load import load_examples, load_split, read_examples
    from heedful.data.packaged import starter_path
    from heedful.data.splits import parse_split, split_examples
    from heedful.errors import (
        DataError,
        HeedfulError,
        Interrupted,
        ModelError,
        RecipeError,
        RequestError,
        RunError,
        TemplateError,
        TrainingError,
    )
    from heedful.models.loading import LoadedModel, load_model
    from heedful.records import Example, Message, Response, Score, TokenExample
    from heedful.report import write_report
    from heedful.responses import respond
    from heedful.scorers import score_responses
    from heedful.store import RunFolder
    from heedful.train.recipe import Recipe, read_recipe
    from heedful.train.tune import fine_tune
    from heedful.train.verdict import judge_curves
    from heedful.workflow import resume_run, start_run

    __version__: str

# The module that each name comes from.
_HOMES = {
    "Batch": "batches",
    "Chat": "chat",
    "DataError": "errors",
    "Example": "records",
    "GenerationSettings": "backends.base",
    "HeedfulError": "errors",
    "Interrupted": "errors",
    "LoadedModel": "models.loading",
    "Message": "records",
    "ModelError": "errors",
    "Piece": "backends.transformers",
    "Recipe": "train.recipe",
    "RecipeError": "errors",
    "RequestError": "errors",
    "Response": "records",
    "RunError": "errors",
    "RunFolder": "store",
    "Score": "records",
    "TemplateError": "errors",
    "TokenExample": "records",
    "TrainingError": "errors",
    "TransformersBackend": "backends.transformers",
    "collate": "batches",
    "fine_tune": "train.tune",
    "judge_curves": "train.verdict",
    "load_examples": "data.load",
    "load_model": "models.loading",
    "load_split": "data.load",
    "make_loader": "batches",
    "make_loaders": "batches",
    "parse_split": "data.splits",
    "read_examples": "data.load",
    "read_recipe": "train.recipe",
    "respond": "responses",
    "resume_run": "workflow",
    "score_responses": "scorers",
    "split_examples": "data.splits",
    "start_run": "workflow",
    "starter_path": "data.packaged",
    "write_report": "report",
}

__all__ = [
    "Batch",
    "Chat",
    "DataError",
    "Example",
    "GenerationSettings",
    "HeedfulError",
    "Interrupted",
    "LoadedModel",
    "Message",
    "ModelError",
    "Piece",
    "Recipe",
    "RecipeError",
    "RequestError",
    "Response",
    "RunError",
    "RunFolder",
    "Score",
    "TemplateError",
    "TokenExample",
    "TrainingError",
    "TransformersBackend",
    "__version__",
    "collate",
    "fine_tune",
    "judge_curves",
    "load_examples",
    "load_model",
    "load_split",
    "make_loader",
    "make_loaders",
    "parse_split",
    "read_examples",
    "read_recipe",
    "respond",
    "resume_run",
    "score_responses",
    "split_examples",
    "start_run",
    "starter_path",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("heedful")
    elif name in _HOMES:
        value = getattr(importlib.import_module(f"heedful.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module 'heedful' has no attribute '{name}'")
    globals()[name] = value  # the next use finds it without this function
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
