"""The side of the tests: it runs them here, in a process that the program under test cannot reach, and asks the program
for the value of each call. The verdict is made of those values alone.

The names that tests use besides the function (helpers that a prompt defines, its imports) are taken from the prompt,
not from the program.
"""

from __future__ import annotations

import functools
import json
import os
import signal

from heedful.sandbox.inside.channel import Channel, GoneError, remote_error
from heedful.sandbox.inside.plain import NotPlainError, decode, encode

TYPE_CHECKING = False  # as type checkers know it; the import of typing would cost each program its time
if TYPE_CHECKING:
    from typing import Any


class LateError(BaseException):
    """The time is over. Not an Exception, so that tests that catch those let it pass."""


class _Candidate:
    """What the tests call: each call is asked of the program."""

    def __init__(self, channel: Channel):
        self.channel = channel
        self.unfit = ""  # what the test did that cannot be done here
        self.fault = ""  # how the program broke off the conversation, which no test may take for an answer

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            sent = {"args": [encode(a, True) for a in args], "kwargs": {k: encode(v, True) for k, v in kwargs.items()}}
        except NotPlainError as e:
            self.unfit = f"hands {e} to the program"
            raise
        answer = self.ask(sent)
        if "error" in answer:
            raise remote_error(answer)
        try:
            for given, after in zip(args, answer.get("args") or (), strict=False):
                _change(given, decode(after))
            return decode(answer.get("value"))
        except (ValueError, TypeError, RecursionError, MemoryError) as e:
            self.fault = f"the program's answer cannot be read ({e})"
            raise

    def ask(self, message: dict[str, Any] | None) -> dict[str, Any]:
        """Send a message, if there is one, and take the next."""
        try:
            if message is not None:
                self.channel.send(message)
            return self.channel.receive()
        except GoneError:
            self.fault = "the program ended before its tests did"
            raise
        except (ValueError, RecursionError, MemoryError) as e:
            self.fault = f"the program's answer cannot be read ({e})"
            raise


def _change(given: Any, after: Any) -> None:
    """Make a value that the test still holds equal to what the program made of it."""
    if type(given) is not type(after):
        return
    if isinstance(given, list | bytearray):
        given[:] = after
    elif isinstance(given, dict | set):
        given.clear()
        given.update(after)


def check(task: dict[str, Any], read: int, write: int, verdicts: int) -> None:
    """Run a task's `test` on the program at the other end: ``{"started": true}``, then one verdict, as JSON lines."""
    names, broken = _prompt_names(task["prompt"])
    channel = Channel(read, write)
    try:
        channel.receive()
    except (GoneError, ValueError):
        return
    os.write(verdicts, b'{"started": true}\n')
    candidate = _Candidate(channel)
    late = False

    def over(signum: int, frame: Any) -> None:
        nonlocal late
        late = True
        raise LateError

    signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, task["seconds"])
    try:
        verdict = _verdict(task, names, broken, candidate)
        signal.setitimer(signal.ITIMER_REAL, 0)
    except LateError:
        verdict = "timed out"
    if late:
        verdict = "timed out"
    elif candidate.fault:
        verdict = f"failed: {candidate.fault}"
    said = {"verdict": verdict, "unfit": candidate.unfit}
    os.write(verdicts, json.dumps(said).encode() + b"\n")


def _verdict(task: dict[str, Any], names: dict[str, Any], broken: BaseException | None, candidate: _Candidate) -> str:
    try:
        loaded = candidate.ask(None)
        if "error" in loaded:
            raise remote_error(loaded)
        if broken is not None:
            raise broken
        function = functools.wraps(candidate.__call__)(lambda *a, **k: candidate(*a, **k))
        function.__name__ = function.__qualname__ = task["entry_point"]
        names[task["entry_point"]] = function
        exec(task["test"] + f"\ncheck({task['entry_point']})", names)
    except LateError:
        raise
    except BaseException as e:
        return f"failed: {_text(e)}"
    return "passed"


def _text(error: BaseException) -> str:
    try:
        return str(error)[:2_000]
    except Exception:
        return type(error).__name__


def _prompt_names(prompt: str) -> tuple[dict[str, Any], BaseException | None]:
    """What a prompt defines, and the exception where it does not run. It may end where a function's body is to come."""
    names: dict[str, Any] = {}
    for source in (prompt, prompt + "\n    pass\n"):
        try:
            code = compile(source, "<prompt>", "exec")
        except SyntaxError:
            continue
        try:
            exec(code, names)
        except BaseException as e:
            return names, e
        break
    return names, None
