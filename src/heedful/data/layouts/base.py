"""What every layout is made of: a conversation that was read, a fault that drops a row, checks of single values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from heedful.records import Message


class RowFault(Exception):
    """A row breaks a rule: a short `reason` for machines and a `sentence` for people; becomes a Drop."""

    def __init__(self, reason: str, sentence: str):
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Reading:
    """One conversation of a row.

    `used` are the columns that went into it where they differ from the format's; `fields` is kept beside the row's
    other columns. `id` and `group` are the row's own where the layout knows them. A row that holds several
    conversations tells them apart by `suffix`, and they are of one group.
    """

    messages: list[Message]
    tools: tuple[Mapping[str, Any], ...] = ()
    used: frozenset[str] | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""
    group: str | None = None
    suffix: str = ""


Readings = list[Reading | RowFault]


def text(value: Any, name: str) -> str:
    """The value to the letter where it is text; else RowFault."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        raise RowFault("not_text", f"'{name}' is a list, and text is read")
    raise RowFault("not_text", f"'{name}' is not text but {shown(value)}")


def text_or_none(value: Mapping[str, Any], name: str) -> str:
    """A column that may be missing: null and "" mean that there is none, and "" is given."""
    found = value.get(name)
    return "" if found is None else text(found, name)


def context_of(value: Mapping[str, Any], name: str, notes: list[str]) -> str | None:
    """A column that goes into `Message.context`; white space alone is taken as none, and noted."""
    context = text_or_none(value, name)
    if context and not context.strip():
        notes.append(f"rows whose {name} is white space alone, taken as none")
        return None
    return context or None


SYSTEM = ("system", "system_prompt")


def system_of(value: Mapping[str, Any]) -> list[Message]:
    """The system message of a `system` or `system_prompt` column, as a list of none or one."""
    found = {name: content for name in SYSTEM if (content := text_or_none(value, name))}
    if len(set(found.values())) > 1:
        raise RowFault("two_systems", "'system' and 'system_prompt' say different things; keep one of them")
    return [Message("system", content) for content in found.values()][:1]


def own_id(value: Any, name: str = "id") -> str:
    """A row's own id or group (text or a whole number) as text; "" where it has none."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise RowFault(f"bad_{name}", f"the {name} is neither text nor a whole number but {shown(value)}")
    return str(value)


def as_list(value: Any) -> list[Any] | None:
    """A list, also one that is written as JSON text (a CSV file has no other way); None where it is neither."""
    if isinstance(value, str) and value.lstrip()[:1] == "[":
        try:
            value = json.loads(value, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, list) else None


def as_object(value: Any) -> Mapping[str, Any] | None:
    """An object, also one that is written as JSON text; None where it is neither."""
    if isinstance(value, str) and value.lstrip()[:1] == "{":
        try:
            value = json.loads(value, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, Mapping) else None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def shown(value: Any) -> str:
    """A value as a sentence can show it."""
    return json.dumps(value, default=str, ensure_ascii=False)[:40]


def names(columns: Iterable[Any], most: int = 8) -> str:
    """Columns as a sentence can name them: ``'a', 'b'`` and how many more."""
    found = [repr(str(c)[:40]) for c in columns]
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return (", ".join(found[:most]) or "none") + more


def missing(reason: str, column: str, value: Mapping[str, Any]) -> RowFault:
    """The fault of a row without a column that it needs, or with null there."""
    if column in value:
        return RowFault(reason, f"'{column}' is null")
    return RowFault(reason, f"there is no '{column}' among the columns {names(value)}")
