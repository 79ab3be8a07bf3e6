"""One way to name a model, everywhere.

hf:ID-or-folder              a hub id or a folder in the hub's layout; a bare name is taken for this
gguf:FILE                    a GGUF file
pip:gemma3-270m              weights that a package on the index brings (see `packaged`)
run:DIR                      a run's best model; run:DIR@step=400 a checkpoint, run:DIR@latest the newest one (of a
                             run that is still training, too); run:DIR@base what it began with
openai:NAME@URL              a model behind an OpenAI-compatible server
scripted:FILE                answers from a file
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from heedful.errors import ModelError, did_you_mean
from heedful.store import is_run

KINDS = ("hf", "gguf", "pip", "run", "openai", "scripted")


@dataclass(frozen=True)
class ModelName:
    """A parsed name: `kind`, `target` (id, path or model name) and `detail` (``base``, ``latest``, a URL)."""

    kind: str
    target: str
    detail: str | None = None

    def __str__(self) -> str:
        return f"{self.kind}:{self.target}" + (f"@{self.detail}" if self.detail else "")


def parse_model_name(name: str) -> ModelName:
    """Parse a model's name; ModelError if it has no such form.

    >>> parse_model_name("run:out@step=400")
    ModelName(kind='run', target='out', detail='step=400')
    """
    if not name.strip():
        raise ModelError("model '': the name is empty; write hf:ID-or-folder, gguf:FILE, pip:NAME or run:DIR")
    kind, colon, rest = name.partition(":")
    windows_drive = len(kind) == 1 and kind.isalpha()
    if not colon or windows_drive:
        return ModelName("run" if is_run(name) else "hf", name)
    if kind not in KINDS:
        if Path(name).exists():
            return ModelName("hf", name)
        if kind in ("http", "https") and rest.startswith("//"):
            raise ModelError("a model behind a server is named openai:NAME@URL, and an address alone has no NAME")
        raise ModelError(
            f"model '{name}': there is no kind '{kind}'{did_you_mean(kind, KINDS)}; "
            f"use {', '.join(k + ':' for k in KINDS)}"
        )
    if not rest:
        raise ModelError(f"model '{name}': nothing after '{kind}:'; see `heedful train --help` for the forms")
    if kind == "run":
        return _parse_run(name, rest)
    if kind == "openai":
        found = re.fullmatch(r"(.+?)@(https?://.*)", rest)  # a model's name may have an '@' itself
        if not found:
            raise ModelError(f"model '{name}': write openai:NAME@URL, with a URL that begins with http:// or https://")
        return ModelName(kind, found[1], found[2])
    return ModelName(kind, rest)


def _parse_run(name: str, rest: str) -> ModelName:
    target, at, detail = rest.rpartition("@")
    if not at or Path(rest).is_dir():
        target, detail = rest, ""
    if detail and detail not in ("base", "latest") and not re.fullmatch(r"step=\d+", detail):
        raise ModelError(f"model '{name}': after '@' comes 'base', 'latest' or 'step=NUMBER', not '{detail}'")
    if not is_run(target):
        raise ModelError(
            f"model '{name}': {target} is not a run (it has no manifest.json); name a folder that `heedful train` wrote"
        )
    return ModelName("run", target, detail or None)
