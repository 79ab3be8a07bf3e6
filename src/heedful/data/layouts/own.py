"""Examples as Heedful itself writes them: {id, messages, source} and perhaps fields, group and tools."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from heedful.data.layouts.base import Reading, Readings, RowFault
from heedful.errors import DataError
from heedful.records import Example, from_json

COLUMNS = frozenset({"id", "messages", "source", "fields", "group", "tools"})


def is_place(source: Any) -> bool:
    """Whether a source is a place in a file (``train.jsonl:17``), and not a column of the user's own."""
    return isinstance(source, str) and re.search(r".:(\d+| row \d+)$", source) is not None


def fits_heedful(value: Mapping[str, Any]) -> bool:
    return value.keys() <= COLUMNS and "id" in value and "messages" in value and is_place(value.get("source"))


def heedful(value: Mapping[str, Any], notes: list[str]) -> Readings:
    try:
        made = from_json(Example, value, "row")
    except DataError as e:
        raise RowFault("not_an_example", str(e).removeprefix("row: ")) from None
    return [Reading(list(made.messages), made.tools, COLUMNS, made.fields, group=made.group)]
