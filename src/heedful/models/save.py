"""Saving a trained model in the hub's layout, with its template and stop tokens inside."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from heedful.chat import Chat
from heedful.models.quiet import quiet_transformers
from heedful.store import disk_errors, set_usual_modes


def save_model(model: Any, tokenizer: Any, chat: Chat, folder: Path) -> None:
    """Write a plain model and its tokenizer so that transformers and servers that use it ask and stop as trained.

    The folder appears whole or not at all.
    """
    chat.install(tokenizer, model.generation_config)
    with _whole_folder(folder) as temporary, quiet_transformers():
        model.save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)


def save_adapter(model: Any, folder: Path) -> None:
    """Write the adapter of a peft model alone, in peft's layout."""
    with _whole_folder(folder) as temporary, quiet_transformers():
        model.save_pretrained(temporary)


@contextmanager
def _whole_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder that takes the place of `folder` when the block ends well."""
    with disk_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        for left in folder.parent.glob(f".{folder.name}-*"):
            shutil.rmtree(left, ignore_errors=True)
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
        try:
            yield temporary
            set_usual_modes(temporary)
            shutil.rmtree(folder, ignore_errors=True)
            temporary.replace(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
