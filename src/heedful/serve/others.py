"""vLLM's and transformers' own servers, where they are installed: started as a second process with the right options.

They answer then, not Heedful: its gate, limits and figures are not in between. https://docs.vllm.ai/en/latest/cli/serve,
https://huggingface.co/docs/transformers/main/serving.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from heedful.errors import HeedfulError, RequestError
from heedful.models.names import parse_model_name
from heedful.store import RunFolder
from heedful.web.server import is_loopback

OTHERS = ("vllm", "transformers")
_TRANSFORMERS = "from transformers.cli.transformers import main; main()"


@dataclass(frozen=True)
class Command:
    """What is started, and what it needs in its environment beyond ours."""

    words: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()


def command_for(
    backend: str, model: str, name: str | None, host: str, port: int, key: str | None, context: int | None
) -> Command:
    """The command that serves a model. RequestError where the server is not installed, or cannot have this model."""
    folder = _folder(backend, model)
    if backend == "vllm":
        _need(backend, "vllm", "pip install vllm, on a machine with a GPU that it knows")
        words = ["-m", "vllm.entrypoints.cli.main", "serve", folder, "--host", host, "--port", str(port)]
        words += ["--served-model-name", name or model]
        words += ["--max-model-len", str(context)] if context else []
        return Command((sys.executable, *words), (("VLLM_API_KEY", key),) if key else ())
    for package in ("fastapi", "uvicorn", "openai"):
        _need(backend, package, "pip install 'transformers[serving]'")
    if key or not is_loopback(host):
        raise RequestError("--backend transformers: its server knows no key, so it is served on this machine alone")
    for option, given in (("--name", name), ("--context", context)):
        if given:
            raise RequestError(f"{option}: transformers' server has no such option; leave it out")
    words = ["-c", _TRANSFORMERS, "serve", folder, "--host", host, "--port", str(port)]
    return Command((sys.executable, *words))


def _need(backend: str, package: str, mend: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise RequestError(f"--backend {backend}: {package} is not installed here ({mend}); or leave --backend out")


def _folder(backend: str, model: str) -> str:
    """The folder or hub id that another server can read."""
    parsed = parse_model_name(model)
    if parsed.kind == "hf":
        return parsed.target
    if parsed.kind == "run" and not parsed.detail:
        folder = RunFolder(parsed.target).model
        if not (folder / "config.json").is_file():
            raise RequestError(f"{folder}: the run has no model yet; finish it with `heedful train --resume`")
        return str(folder)
    if parsed.kind == "pip":
        from heedful.models.packaged import packaged_folder

        return str(packaged_folder(parsed.target))
    raise RequestError(f"--backend {backend}: reads folders and hub ids, and {model} is neither; leave --backend out")


def run_other(command: Command, say: Callable[[str], None]) -> None:
    """Start it and wait for its end; signals are handed on. HeedfulError where it ends with a status other than 0."""
    say("starts: " + " ".join(_shown(word) for word in command.words))
    asked = False

    def hand_on(number: int, _: object) -> None:
        nonlocal asked
        asked = True
        if child.poll() is None:
            child.send_signal(number)

    child = subprocess.Popen(command.words, env={**os.environ, **dict(command.environment)}, start_new_session=True)
    before = {number: signal.signal(number, hand_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        status = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if status and not asked:
        raise HeedfulError(f"the server ended with status {status}; its own words stand above")


def _shown(word: str) -> str:
    return Path(word).name if word == sys.executable else f"'{word}'" if " " in word else word
