"""Which turns may follow which, so that every chat template can show them and something is trained."""

from __future__ import annotations

from collections.abc import Sequence

from heedful.data.layouts.base import RowFault
from heedful.records import Message

# What may follow what; None is the beginning.
_NEXT: dict[str | None, tuple[str, ...]] = {
    None: ("system", "user"),
    "system": ("user",),
    "user": ("assistant",),
    "assistant": ("user", "tool"),
    "tool": ("tool", "assistant"),
}


def check_turns(messages: Sequence[Message], answers: bool = True) -> None:
    """Raise RowFault where turns are empty or in an order that no chat template can show.

    An optional system message, then user and assistant in turn, ending with the assistant. The assistant's turn may
    be followed by tools' results and its next turn; one with tool calls must be, unless it is the last. Calls that
    have ids are answered by results with the same ids. With ``answers=False`` the end may be the user's or a tool's.
    """
    last: Message | None = None
    for number, message in enumerate(messages, 1):
        _check_place(last, message, number)
        if not message.content.strip():
            if message.role == "user":
                raise RowFault("empty_instruction", "an instruction is empty")
            if message.role == "assistant" and not message.tool_calls:
                raise RowFault("empty_answer", "an answer is empty")
        last = message
    _check_ids(messages)
    if last is None or last.role == "system":
        raise RowFault("missing_instruction", "there is no user's message")
    if answers and last.role != "assistant":
        raise RowFault("missing_answer", "there is no answer at the end")
    if answers and not any(m.train or (m.train is None and m.role == "assistant") for m in messages):
        raise RowFault("nothing_trained", "every answer is flagged as not trained")


def without_open_question(messages: Sequence[Message], notes: list[str]) -> list[Message]:
    """A conversation up to its last answer. A question after it that nobody answers would cost all the answers before
    it; it is left out, and this is noted."""
    last = max((k for k, m in enumerate(messages) if m.role == "assistant"), default=None)
    if last is None or [m.role for m in messages[last + 1 :]] != ["user"]:
        return list(messages)
    notes.append("rows that end with a question that is not answered, which is left out")
    return list(messages[: last + 1])


def _check_place(last: Message | None, message: Message, number: int) -> None:
    if message.role not in _NEXT[last.role if last else None]:
        after = f"after {last.role}" if last else "at the beginning"
        raise RowFault("wrong_turn_order", f"message {number} is the {message.role}'s {after}")
    if last and last.tool_calls and message.role != "tool":
        raise RowFault(
            "wrong_turn_order", f"message {number} is the {message.role}'s after a tool call without a result"
        )


def _check_ids(messages: Sequence[Message]) -> None:
    """Where every call of a turn and every result after it has an id, the two must be the same ids."""
    k = 0
    while k < len(messages):
        calls, k = messages[k].tool_calls, k + 1
        start = k
        while k < len(messages) and messages[k].role == "tool":
            k += 1
        asked = [str(call["id"]) for call in calls if call.get("id")]
        given = [m.tool_call_id for m in messages[start:k] if m.tool_call_id]
        named = asked and len(asked) == len(calls) and given and len(given) == k - start
        if named and sorted(asked) != sorted(given):
            raise RowFault(
                "tool_call_ids",
                f"the results after message {start} are for the calls {', '.join(given)}, "
                f"and {', '.join(asked)} were made",
            )
