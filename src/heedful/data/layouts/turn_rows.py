"""Rows that hold one turn each, as ticket systems export them: joined to conversations by a column that names them.

    --map conversation=TicketNr,role=From,content=Text,user=Customer,assistant=Support

    TicketNr;From;Text                 -> user "Where is my parcel?", assistant "It left today."
    7;Customer;Where is my parcel?
    7;Support;It left today.

Turns stand in file order, and those of a conversation need not be neighbours. `user` and `assistant` say how the role
column calls the two; where only one is given, everyone else is the other (each clerk by their own name, say).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from heedful.data.layouts.base import Reading, Readings, RowFault, names, own_id, shown, text
from heedful.data.layouts.conversation import SHAREGPT, read_turns
from heedful.data.layouts.roles import role_of
from heedful.data.sources import Row
from heedful.errors import did_you_mean

NEEDED = ("conversation", "role", "content")
SPEAKERS = frozenset({"user", "assistant"})  # values of the role column, not columns
TURNS = " turns"  # where a joined row keeps them: a name that no header cell keeps, since it begins with a space


def join_turns(mapping: Mapping[str, str], rows: Iterator[Row]) -> Iterator[Row]:
    """The rows of each conversation as one, with the other columns of its first row, in the order of the first rows.

    They are held in memory until the file ends. A row that names no conversation goes through as it is, at the end:
    reading it tells why.
    """
    column = mapping["conversation"]
    joined: dict[str, Row] = {}
    others: list[Row] = []
    for row in rows:
        name = row.value.get(column)
        if isinstance(name, bool) or not isinstance(name, str | int) or not str(name).strip():
            others.append(row)
        elif str(name) in joined:
            joined[str(name)].value[TURNS].append(row)
        else:
            joined[str(name)] = Row({**row.value, TURNS: [row]}, row.source)
    for name in list(joined):
        row = joined.pop(name)
        turns = [{"value": dict(turn.value), "source": turn.source} for turn in row.value[TURNS]]
        yield Row({**row.value, TURNS: turns}, row.source)
    yield from others


def read_joined(mapping: Mapping[str, str], value: Mapping[str, Any], notes: list[str]) -> Readings:
    """The conversation of a row of `join_turns`. Raises RowFault where one of its turns breaks a rule."""
    column = mapping["conversation"]
    if TURNS not in value:
        raise _unnamed(column, value)
    rows = value[TURNS]
    turns: list[dict[str, str]] = []
    for number, row in enumerate(rows, 1):
        role, content = _turn(mapping, row["value"], number, row["source"])
        if not content.strip():
            notes.append("conversations with a row whose text is empty, left out")
        elif turns and turns[-1]["from"] == role:
            notes.append("conversations in which one side speaks in several rows in turn, joined by a blank line")
            turns[-1]["value"] += "\n\n" + content
        else:
            turns.append({"from": role, "value": content})
    if len(rows) > 1:
        notes.append(f"conversations of several rows, joined by {column!r}")
    group = own_id(value.get(mapping["group"]), "group") if "group" in mapping else ""
    own = own_id(value.get(mapping.get("id", column)))
    used = frozenset({TURNS, mapping["role"], mapping["content"]})
    return [Reading(read_turns(turns, notes, SHAREGPT, column), (), used, id=own, group=group or None)]


def _unnamed(column: str, value: Mapping[str, Any]) -> RowFault:
    if column not in value:
        near = did_you_mean(column, (str(c) for c in value))
        return RowFault("missing_column", f"there is no column {column!r}{near}, which --map reads as conversation")
    found = value[column]
    if isinstance(found, list):
        return RowFault("not_text", f"{column!r} is a list of turns and not a conversation's name; --map messages=...")
    return RowFault("missing_conversation", f"{column!r}, which names the conversation, is {shown(found)}")


def _turn(mapping: Mapping[str, str], row: Mapping[str, Any], number: int, source: str) -> tuple[str, str]:
    for target in ("role", "content"):
        if mapping[target] not in row:
            near = did_you_mean(mapping[target], (str(c) for c in row))
            raise RowFault(
                "missing_column", f"there is no column {mapping[target]!r}{near}, which --map reads as {target}"
            )
    who, content = row[mapping["role"]], row[mapping["content"]]
    return _role(mapping, who, number, source), "" if content is None else text(content, mapping["content"])


def _role(mapping: Mapping[str, str], who: Any, number: int, source: str) -> str:
    """The role by the names that --map gives, else by those in use everywhere."""
    given = {mapping[role].strip().casefold(): role for role in ("user", "assistant") if role in mapping}
    said = who.strip().casefold() if isinstance(who, str) else None
    if said in given:
        return given[said]
    if said and len(given) == 1:
        return "assistant" if "user" in mapping else "user"
    try:
        return str(role_of(who, number))
    except RowFault as e:
        mend = "say in --map who they are, such as user=Customer,assistant=Support"
        raise RowFault(e.reason, f"{e.sentence} ({source}); {mend}") from None


def role_column(rows: list[Mapping[str, Any]]) -> str | None:
    """A column whose cells say who speaks, in every row and of both sides; None where there is none."""
    for column in rows[0] if rows else ():
        try:
            found = {role_of(row.get(column), 1) for row in rows}
        except RowFault:
            continue
        if {"user", "assistant"} <= found:
            return column
    return None


def needed(mapping: Mapping[str, str]) -> str | None:
    """What a mapping that leads with `conversation` lacks, for a sentence; None where it is whole."""
    wanting = [target for target in NEEDED if target not in mapping]
    return names(wanting) if wanting else None
