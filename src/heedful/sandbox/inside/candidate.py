"""The side of the program under test: it loads the source and answers calls of one function with plain values.

Nothing here is trusted once the source runs, which can change every part of it. It needs no trust: this process knows
no test and no expected value, and what it can say is what its function returned.
"""

from __future__ import annotations

from heedful.sandbox.inside.channel import Channel, GoneError, error_message
from heedful.sandbox.inside.plain import decode, encode

TYPE_CHECKING = False  # as type checkers know it; the import of typing would cost each program its time
if TYPE_CHECKING:
    from typing import Any


def serve(source: str, entry_point: str, read: int, write: int) -> None:
    """Say hello, load, then answer calls until nobody asks any more."""
    channel = Channel(read, write)
    channel.send({"hello": True})
    names: dict[str, Any] = {}
    try:
        exec(source, names)  # in bare names, as HumanEval's own code does: __name__ is not "__main__"
        function = names.get(entry_point)
        if entry_point not in names:
            raise NameError(f"name '{entry_point}' is not defined")
    except BaseException as e:
        channel.send(error_message(e))
        return
    channel.send({"ready": True})
    while True:
        try:
            call = channel.receive()
        except GoneError:
            return
        try:
            answer = _answered(function, call)
        except BaseException as e:
            answer = error_message(e)
        channel.send(answer)


def _answered(function: Any, call: dict[str, Any]) -> dict[str, Any]:
    args = [decode(a) for a in call["args"]]
    kwargs = {k: decode(v) for k, v in call["kwargs"].items()}
    answer: dict[str, Any] = {"value": encode(function(*args, **kwargs))}
    # A function may change what it is given, and a test may look at that.
    given = zip(args, call["args"], strict=True)
    after = [encode(a) if isinstance(a, list | dict | set | bytearray) else sent for a, sent in given]
    if after != call["args"]:
        answer["args"] = after
    return answer
