"""Columns named by --map: ``instruction=question,output=answer`` reads the column `question` as the instruction.

A mapping that leads with ``conversation`` joins rows of one turn each; reading those is in `turn_rows`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from heedful.data.layouts.base import Reading, Readings, RowFault, own_id
from heedful.data.layouts.completion import completion
from heedful.data.layouts.conversation import OPENAI, SHAREGPT, Keys, fits_sharegpt, read_turns, with_system
from heedful.data.layouts.pairs import alpaca
from heedful.data.layouts.tools import read_tools
from heedful.data.layouts.turn_rows import NEEDED, SPEAKERS, needed
from heedful.errors import RequestError, did_you_mean

# What leads a mapping, and what may stand beside it.
KINDS: dict[str, frozenset[str]] = {
    "instruction": frozenset({"instruction", "input", "output", "system"}),
    "prompt": frozenset({"prompt", "completion", "system", "tools"}),
    "messages": frozenset({"messages", "role", "content", "system", "tools"}),
    "conversation": frozenset({*NEEDED, *SPEAKERS}),
}
TARGETS = ("instruction", "input", "output", "system", "messages", "role", "content", "prompt", "completion", "tools")
TARGETS += ("conversation", "user", "assistant", "id", "group")
ANSWERS = frozenset({"output", "completion"})
_ALWAYS = frozenset({"id", "group"})
_INNER = frozenset({"role", "content"})  # keys of a turn, not columns


def parse_map(written: str) -> dict[str, str]:
    """``instruction=question,output=answer`` as {target: column}; RequestError where it is not of that form."""
    mapping: dict[str, str] = {}
    for part in written.split(","):
        target, equals, column = part.partition("=")
        target = target.strip()
        if not equals or not target or not column:
            raise RequestError(
                f"--map: {part!r} is not TARGET=COLUMN; write such as instruction=question,output=answer"
            )
        if target in mapping:
            raise RequestError(f"--map: {target!r} is given two columns; name one")
        mapping[target] = column
    check_map(mapping)
    return mapping


def check_map(mapping: Mapping[str, str]) -> str:
    """The leading target of a mapping; RequestError where targets are unknown, missing or do not go together."""
    for target in mapping:
        if target not in TARGETS:
            turned = f" (did you mean {mapping[target]}={target}?)" if mapping[target] in TARGETS else ""
            hint = turned or did_you_mean(target, TARGETS)
            raise RequestError(f"--map: no target {target!r}{hint}; write TARGET=COLUMN with {', '.join(TARGETS)}")
    leading = [kind for kind in KINDS if kind in mapping]
    if len(leading) != 1:
        said = f"both {' and '.join(leading)} are" if leading else f"neither {' nor '.join(KINDS)} is"
        raise RequestError(f"--map: {said} given a column; name the column of exactly one of them")
    strange = [t for t in mapping if t not in KINDS[leading[0]] | _ALWAYS]
    if strange:
        raise RequestError(f"--map: {strange[0]!r} does not go with {leading[0]!r}; leave one of them out")
    if leading[0] == "conversation" and (wanting := needed(mapping)):
        raise RequestError(
            f"--map: conversation joins rows that hold one turn each, and {wanting} has no column; "
            "write conversation=COLUMN,role=COLUMN,content=COLUMN"
        )
    columns = [mapping[t] for t in _columns(mapping)]
    twice = next((c for c in columns if columns.count(c) > 1), None)
    if twice:
        raise RequestError(f"--map: the column {twice!r} is named twice; a column is one thing")
    return leading[0]


def _columns(mapping: Mapping[str, str]) -> list[str]:
    """The targets whose value is a column of the file: not the keys of a turn inside a list, nor names of speakers."""
    others = SPEAKERS if "conversation" in mapping else _INNER
    return [target for target in mapping if target not in others]


def mapped_columns(mapping: Mapping[str, str]) -> frozenset[str]:
    return frozenset(mapping[target] for target in _columns(mapping))


def read_mapped(mapping: Mapping[str, str], value: Mapping[str, Any], notes: list[str]) -> Readings:
    """A row by its mapped columns alone. A column that is not in the row is noted, or a fault where it must be or
    where it is the answer's and the row has one of nearly that name."""
    leading = check_map(mapping)
    row = {target: value[column] for target, column in mapping.items() if column in value and target not in _INNER}
    for target, column in mapping.items():
        if target not in row and target not in _INNER:
            near = did_you_mean(column, (str(c) for c in value))
            if target == leading or (near and target in ANSWERS):  # a slip, which would cost every row its answer
                raise RowFault("missing_column", f"there is no column {column!r}{near}, which --map reads as {target}")
            notes.append(f"rows without the column {column[:40]!r}, which --map reads as {target}")
    own, group = own_id(row.get("id")), own_id(row.get("group"), "group")
    try:
        readings = _read(leading, mapping, row, notes)
    except RowFault as e:  # told with the user's own names
        sentence = e.sentence
        for target, column in mapping.items():
            sentence = sentence.replace(f"'{target}'", f"'{column}'")
        raise RowFault(e.reason, sentence) from None
    return [Reading(r.messages, r.tools, id=own, group=group or None) for r in readings if isinstance(r, Reading)]


def _read(leading: str, mapping: Mapping[str, str], row: Mapping[str, Any], notes: list[str]) -> Readings:
    if leading == "messages":
        turns = with_system(row, read_turns(row["messages"], notes, _keys(mapping, row), mapping["messages"]))
        return [Reading(turns, read_tools(row, notes))]
    return (completion if leading == "prompt" else alpaca)(row, notes)


def _keys(mapping: Mapping[str, str], row: Mapping[str, Any]) -> Keys:
    """The keys of a turn: those named, else from and value where the first turn has them."""
    base = SHAREGPT if fits_sharegpt({"messages": row["messages"]}) else OPENAI
    if not _INNER & mapping.keys():
        return base
    return Keys(mapping.get("role", base.role), mapping.get("content", base.content))
