"""Rows to examples: a format says what the columns of a row mean, and every row gives examples or a reason.

    alpaca    {"instruction": "Convert to metres.", "input": "45 km", "output": "45,000 m"}
              -> user "Convert to metres." with context "45 km", assistant "45,000 m"
    messages  {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi", "weight": 1}]}
    heedful   an Example as Heedful itself writes it: {"id", "messages", "source", "fields", "group", "tools"}

The layouts themselves are in `heedful.data.layouts`. A new format is one function from a row to readings and one
entry in `FORMATS`. A row that breaks a rule is dropped with a reason, and its text is otherwise kept to the letter.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from heedful.data.layouts.base import Reading, RowFault, own_id
from heedful.data.layouts.mapped import parse_map
from heedful.data.layouts.recognition import Recognised, recognise
from heedful.data.layouts.registry import FORMATS, Format, mapped_format, named_format
from heedful.data.layouts.turns import check_turns, without_open_question
from heedful.data.sources import Row
from heedful.errors import DataError
from heedful.records import Example

__all__ = [
    "FORMATS",
    "Drop",
    "Format",
    "Recognised",
    "RowFault",
    "check_turns",
    "mapped_format",
    "named_format",
    "parse_map",
    "recognise",
    "to_example",
    "to_examples",
]

_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


@dataclass(frozen=True, slots=True)
class Drop:
    """A row (or one conversation of it) that is left out: a short `reason`, a `sentence` for people, and its place."""

    reason: str
    sentence: str
    source: str


def to_examples(
    row: Row, form: Format, default_id: str, notes: list[str] | None = None, answers: bool = True
) -> list[Example | Drop]:
    """A row's conversations, each as an Example or with the reason why it is dropped; never an empty list.

    The row's own ``id`` (text or a whole number) is taken where it has one, else `default_id`; conversations of one
    row get ``.1``, ``.2``, ... behind it and are of one group. `notes` gets a sentence for each thing that was seen
    and not used. With ``answers=False`` rows may end with a question.
    """
    notes = [] if notes is None else notes
    value = row.value
    try:
        _JSON.encode(value).encode()
    except UnicodeEncodeError:
        return [Drop("broken_text", "the text holds half of a surrogate pair, which is no character", row.source)]
    except RecursionError:
        return [Drop("too_deep", "its lists and objects are nested too deeply", row.source)]
    except (ValueError, TypeError):
        return [Drop("not_json", "a value cannot be written as JSON (an infinite number?)", row.source)]
    try:
        readings = form.read(value, notes)
        row_id = "" if form.name == "mapped" else own_id(value.get("id"))
    except RowFault as e:
        return [Drop(e.reason, e.sentence, row.source)]
    made: list[Example | Drop] = []
    for reading in readings:
        try:
            if isinstance(reading, RowFault):
                raise reading
            if answers:
                reading = dataclasses.replace(reading, messages=without_open_question(reading.messages, notes))
            check_turns(reading.messages, answers)
            made.append(_example(row, form, reading, reading.id or row_id, default_id))
        except RowFault as e:
            made.append(Drop(e.reason, e.sentence, row.source))
    return made


def _example(row: Row, form: Format, reading: Reading, own: str, default_id: str) -> Example:
    value: Mapping[str, Any] = row.value
    used = form.columns if reading.used is None else reading.used
    fields = {k: v for k, v in value.items() if k not in used and (k != "id" or form.name == "mapped")}
    base, source = own or default_id, row.source
    if form.name == "heedful":
        source = value["source"] or row.source
    return Example(
        base + reading.suffix,
        tuple(reading.messages),
        source,
        fields | dict(reading.fields),
        reading.group or (base if reading.suffix else None),
        tuple(reading.tools),
    )


def to_example(
    row: Row, form: Format, default_id: str, notes: list[str] | None = None, answers: bool = True
) -> Example | Drop:
    """`to_examples` for a row that gives one; DataError where it gives several."""
    made = to_examples(row, form, default_id, notes, answers)
    if len(made) > 1:
        raise DataError(f"{row.source}: the row holds {len(made)} conversations, and one is read here; use to_examples")
    return made[0]
