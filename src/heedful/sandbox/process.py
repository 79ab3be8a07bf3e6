"""Processes in a sandbox: started, heard, and ended with all that they left behind."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from heedful.errors import HeedfulError
from heedful.sandbox.inside.channel import SEALED
from heedful.sandbox.means import Isolation
from heedful.sandbox.visible import MODULES, visible

START = 60.0  # seconds that a sandbox may take to stand, on a machine that has much else to do
_END = 30.0  # seconds that a killed one may take to be gone
_BLOCK = 1 << 16


@dataclass(frozen=True)
class Limits:
    """What a program may use.

    `seconds`: of the clock, from the moment at which it starts. `memory`: bytes of address space of a process.
    `processes`: how many at once; with 1, none can be started. `output`: bytes on stdout and stderr together.
    """

    seconds: float = 3.0
    memory: int = 1 << 30
    processes: int = 1
    output: int = 1 << 16


@dataclass(frozen=True)
class Outcome:
    """How a program ended. `status`: as of subprocess, None where it was stopped. `output`: stdout and stderr."""

    end: Literal["ended", "timed out", "too much output"]
    status: int | None
    output: str


class Running:
    """A process in a sandbox. `end` it: whatever it started ends with it."""

    def __init__(self, started: subprocess.Popen[bytes], first: int | None):
        self.started = started
        self._first = first  # a pidfd of the first process of the sandbox, None where it was gone at once

    def end(self) -> None:
        """Kill the sandbox and wait until no process of it is left. HeedfulError where one stays."""
        self.started.kill()
        self.started.wait()
        for stream in (self.started.stdout, self.started.stderr):
            if stream is not None:
                stream.close()
        if self._first is None:
            return
        try:
            # The first process dies with its parent, and is gone when all that it started are (pid_namespaces(7)).
            if not select.select([self._first], [], [], _END)[0]:
                signal.pidfd_send_signal(self._first, signal.SIGKILL)
                if not select.select([self._first], [], [], _END)[0]:
                    raise HeedfulError("a process in the sandbox could not be ended; look for it with ps and end it")
        finally:
            os.close(self._first)
            self._first = None

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *exc: object) -> None:
        self.end()


def start(
    isolation: Isolation,
    role: str,
    task: Mapping[str, Any],
    limits: Limits,
    pipes: Mapping[str, int] | None = None,
    shown: bool = True,
) -> Running:
    """Start a process that becomes `role` (inside/start.py) with `task`, which it reads from stdin.

    `pipes`: ends of pipes that it gets, by the names under which it is told their numbers. `shown`: its stdout is a
    pipe, else nothing. Raises HeedfulError where the sandbox does not stand.
    """
    with contextlib.ExitStack() as closing:
        try:
            # Not a pipe: a task of any length is there whole, whenever it is read.
            given = closing.enter_context(os.fdopen(os.memfd_create("task"), "w+b"))
            null = closing.enter_context(open(os.devnull, "r+b", buffering=0))  # noqa: PTH123
            said, says = os.pipe()
            info = closing.enter_context(os.fdopen(said, "rb"))
            saying = closing.enter_context(os.fdopen(says, "wb"))
            given.write(json.dumps(task).encode("ascii"))
            given.seek(0)
            keep = {"null": null.fileno(), **(pipes or {})}
            started = subprocess.Popen(
                isolation.command(_inner(role, limits, keep), says, list(keep.values())),
                env={},
                cwd="/",
                stdin=given,
                stdout=subprocess.PIPE if shown else null,
                stderr=subprocess.PIPE,
                pass_fds=[says, *keep.values()],
                start_new_session=True,
            )
        except OSError as e:
            raise HeedfulError(f"the sandbox did not start ({e.strerror}); see docs/sandbox.md") from None
        saying.close()
        return Running(started, _pidfd(_until_closed(info.fileno())))


def _inner(role: str, limits: Limits, keep: Mapping[str, int]) -> list[str]:
    """The command inside."""
    seen = visible()
    told = {"role": role, "memory": limits.memory, "processes": limits.processes, "modules": MODULES}
    told |= {"packages": seen.packages, **keep}
    code = f"import sys; sys.path.insert(0, {MODULES!r}); from heedful.sandbox.inside.start import main; main()"
    return [seen.interpreter, "-I", "-S", "-B", "-c", code, json.dumps(told)]


def _until_closed(handle: int) -> bytes:
    text, until = b"", time.monotonic() + START
    while select.select([handle], [], [], max(0.0, until - time.monotonic()))[0]:
        block = os.read(handle, _BLOCK)
        if not block:
            break
        text += block
    return text


def _pidfd(said: bytes) -> int | None:
    """A handle of the process whose PID was said; None where none was, or where it has ended already."""
    try:
        return os.pidfd_open(json.loads(said)["child-pid"])
    except (ValueError, KeyError, ProcessLookupError):
        return None


def run_in(isolation: Isolation, source: str, limits: Limits) -> Outcome:
    """Run a Python program in a sandbox and show what it wrote."""
    with start(isolation, "program", {"source": source}, limits) as running:
        assert running.started.stdout is not None
        assert running.started.stderr is not None
        output, seen_by, until, sealed = {1: b"", 2: b""}, "ended", time.monotonic() + START, False
        streams = {running.started.stdout.fileno(): 1, running.started.stderr.fileno(): 2}
        while streams:
            ready = select.select(list(streams), [], [], max(0.0, until - time.monotonic()))[0]
            if not ready:
                seen_by = "timed out"
                break
            for handle in ready:
                block = os.read(handle, _BLOCK)
                output[streams[handle]] += block
                if not block:
                    del streams[handle]
            if not sealed and SEALED in output[2]:
                sealed, until = True, time.monotonic() + limits.seconds
            if sum(map(len, output.values())) > limits.output + len(SEALED):
                seen_by = "too much output"
                break
        refuse_unsealed(output[2])
        status = running.started.wait() if seen_by == "ended" else None
    text = output[1] + output[2].removeprefix(SEALED)
    return Outcome(seen_by, status, text[: limits.output].decode(errors="replace"))


def refuse_unsealed(stderr: bytes) -> None:
    """HeedfulError where a process was not sealed: then nothing of the program ran."""
    if not stderr.startswith(SEALED):
        said = " ".join(stderr.decode(errors="replace").split()[-40:])
        raise HeedfulError(f"the sandbox did not stand ({said or 'it said nothing'}); see docs/sandbox.md")


@contextlib.contextmanager
def pipes(count: int) -> Iterator[list[tuple[int, int]]]:
    """Pipes, as pairs of a reading and a writing end, that are closed here in the end."""
    made = [os.pipe() for _ in range(count)]
    try:
        yield made
    finally:
        for pair in made:
            for handle in pair:
                os.close(handle)
