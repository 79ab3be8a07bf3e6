"""A GGUF in llama.cpp itself, through llama-cpp-python in this Python or in another one that is named.

It runs in a process of its own (`llama_inside`): a crash in there is a sentence here, and its libraries stay out of
ours. Four things are held against the run's model: the ids of texts that tokenizers often split apart; each question's
prompt, made by the file's own template; logits; and the greedy answer, as ids and as the text that a chat shows.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from heedful.errors import HeedfulError, RequestError
from heedful.export.hard_texts import hard_texts
from heedful.export.source import Source
from heedful.export.verify import NEW_TOKENS, PLACES, Check, Copied, Limits, Reference, found

if TYPE_CHECKING:
    import torch

    from heedful.chat import Chat

PACKAGE = "llama_cpp"
VARIABLE = "HEEDFUL_LLAMA_PYTHON"
INSTALL = "pip install 'heedful[gguf-check]', which builds it and needs a C++ compiler"
SECONDS = 120  # for a Python to say whether it has the package
ROOM = 8  # tokens beside the longest question and its answer
BEGUN = "a"  # a text of which it is asked what a tokenizer puts before it
INSIDE = Path(__file__).with_name("llama_inside.py")


@dataclass(frozen=True)
class Runtime:
    """A Python that has llama-cpp-python."""

    python: str
    version: str

    def __str__(self) -> str:
        return f"llama.cpp (llama-cpp-python {self.version})"


def find_runtime(named: str | None) -> Runtime | None:
    """The Python that is named, else the one of the environment, else this one; None where this one has no llama.cpp.

    RequestError where a Python is named and cannot be used.
    """
    where, python = ("--llama-python", named) if named else (VARIABLE, os.environ.get(VARIABLE))
    if not python:
        if importlib.util.find_spec(PACKAGE) is None:
            return None
        where, python = f"this Python's {PACKAGE}", sys.executable
    code = f"import {PACKAGE}; print({PACKAGE}.__version__)"
    try:
        made = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired) as e:
        what = e.strerror if isinstance(e, OSError) else f"no answer in {SECONDS} seconds"
        raise RequestError(f"{where} {python}: does not run ({what}); name a Python's program file") from None
    if made.returncode:
        said = (made.stderr.strip().splitlines() or ["it said nothing"])[-1][:200]
        raise RequestError(f"{where} {python}: has no working llama-cpp-python ({said}); {INSTALL}")
    return Runtime(python, made.stdout.split()[-1])


def check_in(
    runtime: Runtime, gguf: Path, source: Source, reference: Reference, chat: Chat, name: str, limits: Limits
) -> Check:
    """Ask a GGUF the questions of the comparison in llama.cpp. `chat` is bound to the run's own tokenizer."""
    texts = hard_texts(chat.tokenizer)
    stop_ids = sorted(reference.stop_ids)
    asked = {
        "model": str(gguf), "threads": threads(), "places": PLACES, "texts": texts, "stop_ids": stop_ids,
        "begun": BEGUN, "context": max(map(len, reference.prompts)) + NEW_TOKENS + ROOM,
        "talks": _talks(source, reference, chat),
    }  # fmt: skip
    shown = 0
    with _asking(runtime, asked) as reading:
        whole = reading.line()
        if not all(whole["ends"]):
            missed = stop_ids[whole["ends"].index(False)]
            raise HeedfulError(f"{runtime} does not end an answer at the token {missed}; please report this")

        def copies() -> Iterator[Copied]:
            nonlocal shown
            for _ in reference.prompts:
                said = reading.line()
                shown += not _is_text(chat, reference.stop_ids, said["said"], said["text"])
                yield Copied(said["prompt"], said["answer"], reading.rows(said["places"], whole["vocabulary"]))

        made = found(reference, f"{runtime}, from the GGUF ({name})", copies(), limits)
    tokenizer: Any = chat.tokenizer
    wanted = [list(tokenizer.encode(text, add_special_tokens=False)) for text in texts]
    wanted.append(list(tokenizer.encode(BEGUN)))
    tried = zip([*texts, BEGUN], wanted, [*whole["texts"], whole["begun"]], strict=True)
    odd = [text for text, ours, theirs in tried if ours != theirs]
    return replace(
        made, texts=len(wanted), texts_differ=len(odd), odd_text=odd[0] if odd else "", shown_otherwise=shown
    )


def quantize_in(runtime: Runtime, source: Path, target: Path, quant: str) -> None:
    """Make a smaller file of the one in 16 bits by llama.cpp's own function."""
    asked = {"quantise": quant, "model": str(source), "target": str(target), "threads": threads()}
    with _asking(runtime, asked) as reading:
        reading.line()


def _talks(source: Source, reference: Reference, chat: Chat) -> list[dict[str, Any]]:
    """The questions as a client asks them, each with the ids whose logits are wanted."""
    return [
        {"messages": chat.as_dicts(e.prompt), "tools": [dict(t) for t in e.tools], "ids": [*p, *a], "most": most}
        for e, p, a, most in zip(
            source.questions, reference.prompts, reference.answers, reference.most, strict=True
        )
    ]  # fmt: skip


def _is_text(chat: Chat, stop_ids: frozenset[int], answer: list[int], text: str) -> bool:
    """Whether a chat shows what our tokenizer makes of the ids; half a character is left out by either."""
    ids = answer[:-1] if answer and answer[-1] in stop_ids else answer
    ours = chat.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return ours.replace("\ufffd", "") == text.replace("\ufffd", "")


def threads() -> int:
    """As many as torch takes, which was told how many there are."""
    import torch

    return torch.get_num_threads()


@dataclass(frozen=True)
class _Reading:
    """What the other process says, as it comes."""

    runtime: Runtime
    process: subprocess.Popen[bytes]
    errors: IO[bytes]

    def line(self) -> dict[str, Any]:
        return json.loads(self._whole(self._stdout.readline()))

    def rows(self, places: int, width: int) -> torch.Tensor:
        """Logits of so many places. Shape (places, width)."""
        import torch

        wanted = places * width * 4
        block = self._whole(self._stdout.read(wanted), wanted)
        return torch.frombuffer(bytearray(block), dtype=torch.float32).reshape(places, width)

    @property
    def _stdout(self) -> IO[bytes]:
        assert self.process.stdout is not None
        return self.process.stdout

    def _whole(self, block: bytes, length: int = 1) -> bytes:
        """The block; HeedfulError where the process ended before it was whole."""
        if len(block) >= length and (length > 1 or block.endswith(b"\n")):
            return block
        status = self.process.wait()
        self.errors.seek(0)
        said = self.errors.read()[-4000:].decode("utf-8", "replace").strip().splitlines()
        how = f"by signal {-status}" if status < 0 else f"with status {status}"
        what = f": {' '.join(said[-1].split())[:200]}" if said else ""
        raise HeedfulError(f"{self.runtime} ended {how} at the GGUF{what}; please report this")


@contextlib.contextmanager
def _asking(runtime: Runtime, asked: dict[str, Any]) -> Iterator[_Reading]:
    """The other process with its question; ended when the block ends."""
    with tempfile.TemporaryFile() as question, tempfile.TemporaryFile() as errors:
        question.write(json.dumps(asked).encode())
        question.seek(0)
        program = [runtime.python, "-c", INSIDE.read_text(encoding="utf-8")]
        with subprocess.Popen(program, stdin=question, stdout=subprocess.PIPE, stderr=errors) as process:
            try:
                yield _Reading(runtime, process, errors)
            finally:
                if process.poll() is None:
                    process.kill()
