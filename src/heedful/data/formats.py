"""What the columns of a row mean: each format turns a row into messages, or says why it cannot.

    alpaca    {"instruction": "Convert to metres.", "input": "45 km", "output": "45,000 m"}
              -> user "Convert to metres." with context "45 km", assistant "45,000 m"
    messages  {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi", "weight": 1}]}
    heedful   an Example as Heedful itself writes it: {"id", "messages", "source", "fields"}

A new format is one function from a row to messages and one entry in `FORMATS`. Rows are never mended: a row that
breaks a rule is dropped with a reason, and its text is otherwise kept to the letter.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from heedful.data.layouts import RowFault, alpaca, conversation, heedful, is_place
from heedful.data.sources import Row
from heedful.errors import DataError, RequestError, did_you_mean
from heedful.records import Example, Message

_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


@dataclass(frozen=True, slots=True)
class Drop:
    """A row that is left out: a short `reason` for machines, a `sentence` for people, and its place."""

    reason: str
    sentence: str
    source: str


@dataclass(frozen=True)
class Format:
    """A layout of rows.

    `shape` describes it in words; `columns` are those that it uses (others go to `Example.fields`); `fits` says
    whether a row has this layout; `messages` reads it, adds to the notes what it saw and did not use, and raises
    RowFault where the row breaks a rule.
    """

    name: str
    shape: str
    columns: frozenset[str]
    fits: Callable[[Mapping[str, Any]], bool]
    messages: Callable[[Mapping[str, Any], list[str]], list[Message]]


FORMATS: dict[str, Format] = {
    f.name: f
    for f in (
        Format(
            "heedful",
            "an Example as Heedful writes it (id, messages, source, fields)",
            frozenset({"messages", "source", "fields"}),
            lambda v: v.keys() <= {"id", "messages", "source", "fields"} and "id" in v and is_place(v.get("source")),
            heedful,
        ),
        Format(
            "messages",
            "a list of {role, content}",
            frozenset({"messages"}),
            lambda v: "messages" in v,
            conversation,
        ),
        Format(
            "alpaca",
            "instruction, output, perhaps input and system",
            frozenset({"instruction", "input", "output", "system"}),
            lambda v: "instruction" in v and ("output" in v or v.keys() <= {"id", "instruction", "input", "system"}),
            alpaca,
        ),
    )
}


def named_format(name: str) -> Format:
    """The format of that name; RequestError with the nearest name where there is none."""
    if name not in FORMATS:
        raise RequestError(f"--format: no format '{name}' ({', '.join(FORMATS)}){did_you_mean(name, FORMATS)}")
    return FORMATS[name]


def recognise(rows: Iterable[Row]) -> Format:
    """The format that most of `rows` have; of two that fit equally many, the one that stands first in `FORMATS`.

    Raises DataError, with the columns that were found, where no format fits at least half of the rows.
    """
    rows = list(rows)
    fitting = {name: sum(f.fits(row.value) for row in rows) for name, f in FORMATS.items()}
    best = max(fitting, key=lambda name: fitting[name], default="")
    if not rows or 2 * fitting[best] < len(rows):
        raise DataError(_unknown_layout(rows, fitting))
    return FORMATS[best]


def _unknown_layout(rows: list[Row], fitting: dict[str, int]) -> str:
    where = rows[0].source if rows else "no rows"
    layouts: dict[tuple[str, ...], str] = {}
    for row in rows:
        layouts.setdefault(tuple(row.value), row.source)
    found = "; ".join(", ".join(repr(c[:40]) for c in cols[:12]) or "none" for cols in list(layouts)[:3])
    known = " and ".join(f"{f.name} ({f.shape})" for f in FORMATS.values() if f.name != "heedful")
    some = [f"{n} of {len(rows)} rows are {name}" for name, n in fitting.items() if n]
    hint = f" ({', '.join(some)}, and half is needed: split the file)" if some else ""
    known_columns = ("instruction", "input", "output", "messages")
    near = {c: k for cols in layouts for c in cols for k in known_columns if c != k and c.strip().casefold() == k}
    mend = "rename " + (", ".join(f"{c!r} to {k!r}" for c, k in near.items()) or "the columns")
    return f"{where}: the columns are of no known format: found {found}{hint}; known are {known}: {mend}"


def to_example(
    row: Row, form: Format, default_id: str, notes: list[str] | None = None, answers: bool = True
) -> Example | Drop:
    """One row as an Example, or why it is dropped.

    The row's own ``id`` (text or a whole number) is taken where it has one, else `default_id`. `notes` gets a
    sentence for each thing that was seen and not used. With ``answers=False`` rows may end with a question.
    """
    notes = [] if notes is None else notes
    value = row.value
    try:
        _JSON.encode(value).encode()
    except UnicodeEncodeError:
        return Drop("broken_text", "the text holds half of a surrogate pair, which is no character", row.source)
    except (ValueError, TypeError):
        return Drop("not_json", "a value cannot be written as JSON (an infinite number?)", row.source)
    try:
        messages = form.messages(value, notes)
        check_turns(messages, answers)
        own = _own_id(value)
    except RowFault as e:
        return Drop(e.reason, e.sentence, row.source)
    source, fields = row.source, {k: v for k, v in value.items() if k not in form.columns and k != "id"}
    if form.name == "heedful":
        source, fields = value["source"] or row.source, dict(value.get("fields") or {})
    return Example(own or default_id, tuple(messages), source, fields)


def _own_id(value: Mapping[str, Any]) -> str:
    own = value.get("id")
    if own is None:
        return ""
    if isinstance(own, bool) or not isinstance(own, str | int):
        raise RowFault("bad_id", f"the id is neither text nor a whole number but {json.dumps(own, default=str)[:40]}")
    return str(own)


# What may follow what; None is the beginning.
_NEXT: dict[str | None, tuple[str, ...]] = {
    None: ("system", "user"),
    "system": ("user",),
    "user": ("assistant",),
    "assistant": ("user", "tool"),
    "tool": ("tool", "assistant"),
}


def check_turns(messages: list[Message], answers: bool = True) -> None:
    """Raise RowFault where turns are empty or in an order that no chat template can show.

    An optional system message, then user and assistant in turn (tool messages before an assistant's), ending with
    the assistant. With ``answers=False`` the end may be the user's.
    """
    last: str | None = None
    for number, message in enumerate(messages, 1):
        if message.role not in _NEXT[last]:
            after = f"after {last}" if last else "at the beginning"
            raise RowFault("wrong_turn_order", f"message {number} is the {message.role}'s {after}")
        if not message.content.strip() and message.role in ("user", "assistant"):
            if message.role == "user":
                raise RowFault("empty_instruction", "an instruction is empty")
            raise RowFault("empty_answer", "an answer is empty")
        last = message.role
    if last in (None, "system"):
        raise RowFault("missing_instruction", "there is no user's message")
    if answers and last != "assistant":
        raise RowFault("missing_answer", "there is no answer at the end")
    if (
        answers
        and all(m.train is False for m in messages if m.role == "assistant")
        and not any(m.train for m in messages)
    ):
        raise RowFault("nothing_trained", "every answer is flagged as not trained")
