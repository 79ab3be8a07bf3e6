"""JSON lines over two pipes, and exceptions that cross them by name and text.

What arrives is not trusted: a line has a greatest length, must be JSON, and says nothing but data.
"""

from __future__ import annotations

import builtins
import json
import os

TYPE_CHECKING = False  # as type checkers know it; the import of typing would cost each program its time
if TYPE_CHECKING:
    from typing import Any

SEALED = b"heedful: sealed\n"  # the first word on stderr of every process inside
LONGEST = 1 << 26  # bytes of a line
_MESSAGE = 2_000  # characters of an exception's text that are kept


class GoneError(Exception):
    """The other side has ended."""


class Channel:
    """One side of a conversation."""

    def __init__(self, read: int, write: int):
        self._from = os.fdopen(read, "rb")
        self._to = write

    def send(self, message: dict[str, Any]) -> None:
        """Send one message. GoneError where nobody reads any more."""
        data = memoryview(json.dumps(message).encode("ascii") + b"\n")
        try:
            while data:
                data = data[os.write(self._to, data) :]
        except OSError as e:
            raise GoneError from e

    def receive(self) -> dict[str, Any]:
        """The next message. GoneError where there is none, ValueError where it is not one."""
        line = self._from.readline(LONGEST + 1)
        if not line:
            raise GoneError
        if len(line) > LONGEST:
            raise ValueError(f"an answer of more than {LONGEST >> 20} MiB")
        message = json.loads(line)
        if not isinstance(message, dict):
            raise ValueError("an answer that is no object")
        return message


def error_message(error: BaseException) -> dict[str, Any]:
    """An exception as a message: the names of its classes, the nearest first, and its text."""
    try:
        text = str(error)
    except BaseException:
        text = ""
    return {"error": [c.__name__ for c in type(error).__mro__], "text": text[:_MESSAGE]}


def remote_error(message: dict[str, Any]) -> BaseException:
    """An exception of the same name, of the same built-in class or its nearest, and with the same text."""
    names, text = message.get("error"), str(message.get("text", ""))[:_MESSAGE]
    names = [n for n in names if isinstance(n, str)] if isinstance(names, list) else []
    for name in names:
        base = getattr(builtins, name, None)
        if isinstance(base, type) and issubclass(base, BaseException) and base.__name__ == name:
            # Some built-in classes take several arguments and make their text from them: both are put aside.
            kept = {"__init__": lambda self, *_: None, "__str__": lambda self: text}
            return type(names[0][:100], (base,), kept)(text)
    return Exception(text)
