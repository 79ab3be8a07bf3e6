"""A conversation: what was said, what a model sees of it, and a file that keeps it.

    conversation = Conversation(system="Be brief.")
    conversation.ask("Where is Oslo?")
    seen = conversation.seen(count, room)     # without the oldest turns, where all are too long
    conversation.answered("In Norway.")

The file is one that `heedful data` and training read: ``[{"messages": [...], ...}]``.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from heedful.errors import DataError, RequestError
from heedful.records import Message, from_json, to_json
from heedful.store import write_text

Count = Callable[[Sequence[Message]], int]
LARGEST = 16 * 2**20  # bytes of a file of a conversation


@dataclass(frozen=True)
class Seen:
    """What the model is asked: `left_out` messages at the beginning had no room."""

    messages: tuple[Message, ...]
    left_out: int = 0


@dataclass
class Conversation:
    """Turns of a user and an assistant, the user first, and perhaps a system prompt before them."""

    system: str | None = None
    turns: list[Message] = field(default_factory=list)

    @property
    def messages(self) -> tuple[Message, ...]:
        """All of it."""
        return (*self._head, *self.turns)

    @property
    def _head(self) -> tuple[Message, ...]:
        return () if self.system is None else (Message("system", self.system),)

    @property
    def question(self) -> str | None:
        """The last question, answered or not."""
        return next((m.content for m in reversed(self.turns) if m.role == "user"), None)

    @property
    def answer(self) -> str | None:
        """The answer to the last question, where there is one."""
        return self.turns[-1].content if self.turns and self.turns[-1].role == "assistant" else None

    def ask(self, text: str) -> None:
        self.turns.append(Message("user", text))

    def answered(self, text: str) -> None:
        self.turns.append(Message("assistant", text))

    def undo(self) -> str | None:
        """Take the last question and its answer away; the question, or None where there is none."""
        question = self.question
        self.drop_answer()
        if self.turns:
            self.turns.pop()
        return question

    def drop_answer(self) -> None:
        """Take the last answer away, so that its question waits again."""
        if self.answer is not None:
            self.turns.pop()

    def asked(self) -> tuple[Message, ...]:
        """The conversation up to its last question."""
        turns = self.turns[:-1] if self.answer is not None else self.turns
        return (*self._head, *turns)

    def seen(self, count: Count, places: int, answer: int) -> Seen:
        """The last question with as much before it as the model has places for, oldest turns left out first.

        `answer` is the places to keep free. RequestError where the last question alone is too long.
        """
        messages, head = self.asked(), len(self._head)
        turns = messages[head:]
        for left_out in range(0, len(turns), 2):
            some = (*messages[:head], *turns[left_out:])
            if (tokens := count(some)) + answer <= places:
                return Seen(some, left_out)
        raise RequestError(
            f"the question has {tokens:,} tokens with its template, and the model has room for {places:,}, of which "
            f"{answer:,} are for the answer; ask something shorter"
        )


def save_conversation(path: Path, conversation: Conversation, facts: Mapping[str, Any], mine: bool) -> None:
    """Write a conversation with facts about it. `mine`: the file is known to hold an earlier state of it.

    RequestError where there is nothing to write, or the file exists and is not ours.
    """
    if not conversation.turns:
        raise RequestError("nothing has been said yet, so nothing is saved")
    if path.is_dir():
        raise RequestError(f"{path}: is a folder; name a file")
    if path.exists() and not mine:
        raise RequestError(f"{path}: exists and is not from this conversation; name another file")
    value = {"messages": [to_json(m) for m in conversation.messages], **facts}
    line = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()
    write_text(path, f"{line}\n" if path.suffix == ".jsonl" else f"[{line}]\n")


def load_conversation(path: Path) -> Conversation:
    """A conversation from a file with one row; DataError where it holds none."""
    if not path.is_file():
        raise DataError(f"{path}: no such file; name one that /save wrote")
    if path.stat().st_size > LARGEST:
        raise DataError(f"{path}: is larger than {LARGEST // 2**20} MiB; that is no conversation")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        raise DataError(f"{path}: is not one JSON document; name a file that /save wrote") from None
    row = value[0] if isinstance(value, list) and len(value) == 1 else value
    listed = row.get("messages") if isinstance(row, dict) else None
    if not isinstance(listed, list) or not listed:
        raise DataError(f"{path}: has no 'messages'; name a file that /save wrote")
    messages = [from_json(Message, m, f"{path}: message {k}") for k, m in enumerate(listed, 1)]
    head, turns = (messages[:1], messages[1:]) if messages[0].role == "system" else ([], messages)
    for k, message in enumerate(turns):
        wanted = ("user", "assistant")[k % 2]
        if message.role != wanted:
            where = len(head) + k + 1
            raise DataError(f"{path}: message {where} is from '{message.role}', and '{wanted}' was to come; mend it")
    plain = [dataclasses.replace(m, train=None) for m in turns]
    return Conversation(head[0].content if head else None, plain)
