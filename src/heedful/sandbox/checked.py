"""Tests run against a program of which nothing is believed but the values that its function returns.

Two sandboxes, each with a Python of its own. In one the program is loaded; in the other the tests run, with a stand-in
for the function that asks the first one for each value over a pipe. The program never sees the tests, and the verdict
never passes through a process in which it ran: exit codes, forged output, changed built-ins, traced frames, searched
memory and objects that are equal to everything have nothing to act on.
"""

from __future__ import annotations

import json
import os
import select
import threading
import time
from dataclasses import dataclass

from heedful.errors import DataError, HeedfulError, Interrupted
from heedful.sandbox.inside.channel import SEALED
from heedful.sandbox.isolation import isolation
from heedful.sandbox.means import Isolation
from heedful.sandbox.process import START, Limits, Running, pipes, refuse_unsealed, start

_GRACE = 10.0  # seconds beyond the limit after which the checker itself, which keeps the time, is taken to hang
_LOOK = 0.2  # seconds between looks at whether all is to stop
_MOST = 1 << 16  # bytes of a verdict


@dataclass(frozen=True)
class Task:
    """A program and its tests, as in HumanEval (Chen et al. 2021, section 2.2).

    `prompt` and `completion` make the program. `test` defines ``check(candidate)``. `entry_point` names the function.
    `where`: where the tests come from, for messages.
    """

    prompt: str
    completion: str
    test: str
    entry_point: str
    where: str = ""


def checked(
    task: Task,
    limits: Limits = Limits(),
    means: Isolation | None = None,
    stopped: threading.Event | None = None,
) -> str:
    """``passed``, ``timed out`` or ``failed: ...``, with the text of the exception that ended the tests.

    Raises HeedfulError where the machine gives no isolation or a sandbox does not stand, DataError for tests that hand
    the function what is not plain. Where another thread sets `stopped`, both sandboxes are ended and Interrupted is
    raised.
    """
    means = means or isolation()
    source = task.prompt + task.completion + "\n"
    with pipes(2) as ((calls, calling), (answers, answering)):
        program = start(
            means,
            "candidate",
            {"source": source, "entry_point": task.entry_point},
            limits,
            {"read": calls, "write": answering},
            shown=False,
        )
        try:
            test = {
                "prompt": task.prompt,
                "test": task.test,
                "entry_point": task.entry_point,
                "seconds": limits.seconds,
            }
            checker = start(means, "checker", test, limits, {"read": answers, "write": calling})
        except BaseException:
            program.end()
            raise
    with program, checker:
        return _verdict(task, (checker, program), limits, stopped or threading.Event())


def _verdict(task: Task, sides: tuple[Running, Running], limits: Limits, stopped: threading.Event) -> str:
    checker, _ = sides
    assert checker.started.stdout is not None
    heard = _lines(checker.started.stdout.fileno(), START, stopped)
    if not heard:  # the checker says a first word once the program has said one
        for side in sides:
            refuse_unsealed(_stderr(side))
        raise HeedfulError(
            f"a sandbox was not ready after {START:.0f} seconds: the machine has too much else to do; "
            "go on with fewer --workers"
        )
    heard += _lines(checker.started.stdout.fileno(), limits.seconds + _GRACE, stopped)
    if len(heard) < 2:
        # Only the checker's own end or hanging leads here: out of memory, or tests that let no signal through.
        ended = checker.started.poll() is not None
        return "failed: the tests ended without a verdict" if ended else "timed out"
    if heard[1]["unfit"]:
        raise DataError(
            f"{task.where or 'a task'}: its test {heard[1]['unfit']}; only plain values can be handed over "
            "(docs/sandbox.md)"
        )
    return heard[1]["verdict"]


def _lines(handle: int, seconds: float, stopped: threading.Event) -> list[dict[str, str]]:
    """The next line of JSON, or none where the other side ends or the time does."""
    text, until = b"", time.monotonic() + seconds
    while not text.endswith(b"\n") and len(text) < _MOST:
        left = until - time.monotonic()
        if stopped.is_set():
            raise Interrupted("stopped while programs ran")
        if not select.select([handle], [], [], max(0.0, min(left, _LOOK)))[0]:
            if left <= 0:
                break
            continue
        byte = os.read(handle, 1)  # no more than the line: the next call wants the next
        if not byte:
            break
        text += byte
    return [json.loads(text)] if text.endswith(b"\n") else []


def _stderr(side: Running) -> bytes:
    """What the start of a side said, as far as it is there."""
    assert side.started.stderr is not None
    handle, text = side.started.stderr.fileno(), b""
    while len(text) < _MOST and select.select([handle], [], [], 0 if SEALED in text else 1.0)[0]:
        block = os.read(handle, _MOST)
        if not block:
            break
        text += block
    return text
