"""Every format by name, in the order in which one is taken where two fit."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from heedful.data.layouts.base import SYSTEM, Readings
from heedful.data.layouts.completion import ANSWERS, completion, fits_completion
from heedful.data.layouts.conversation import LISTS, fits_messages, fits_sharegpt, messages, sharegpt
from heedful.data.layouts.mapped import check_map, mapped_columns, read_mapped
from heedful.data.layouts.oasst import fits_oasst, gather, oasst
from heedful.data.layouts.own import COLUMNS, fits_heedful, heedful
from heedful.data.layouts.pairs import (
    QUESTIONS,
    alpaca,
    dolly,
    fits_alpaca,
    fits_dolly,
    fits_qa,
    fits_self_instruct,
    qa,
    self_instruct,
)
from heedful.data.layouts.turn_rows import join_turns, read_joined
from heedful.data.sources import Row
from heedful.errors import RequestError, did_you_mean


@dataclass(frozen=True)
class Format:
    """A layout of rows.

    `shape` describes it in words; `columns` are those that it uses (others go to `Example.fields`); `fits` says
    whether a row has this layout, by columns and the types in them; `read` gives the row's conversations, adds to the
    notes what it saw and did not use, and raises RowFault where the row breaks a rule. `because` says why it is taken
    where a later format fits too. `gather` joins rows that belong together, before they are read.
    """

    name: str
    shape: str
    columns: frozenset[str]
    fits: Callable[[Mapping[str, Any]], bool]
    read: Callable[[Mapping[str, Any], list[str]], Readings]
    because: str = ""
    gather: Callable[[Iterator[Row]], Iterator[Row]] | None = None


_LIST = "a list of turns says who said what"
_TALK = frozenset({"tools", "functions", *SYSTEM, *LISTS})
FORMATS: dict[str, Format] = {
    f.name: f
    for f in (
        Format(
            "heedful", "an Example as Heedful writes it (id, messages, source, fields)", COLUMNS, fits_heedful, heedful
        ),
        Format(
            "messages",
            "a list of {role, content}",
            _TALK,
            lambda v: fits_messages(v) and not fits_heedful(v),
            messages,
            _LIST,
        ),
        Format("sharegpt", "conversations: a list of {from, value}", _TALK, fits_sharegpt, sharegpt, _LIST),
        Format(
            "oasst",
            "OpenAssistant's trees or messages",
            frozenset({"prompt", "message_tree_id"}),
            fits_oasst,
            oasst,
            "its parent and reply fields join messages into trees",
            gather,
        ),
        Format(
            "self-instruct",
            "instruction and instances, a list of {input, output}",
            frozenset({"instruction", "instances", *SYSTEM}),
            fits_self_instruct,
            self_instruct,
            "its list of instances holds the answers",
        ),
        Format(
            "alpaca",
            "instruction, output, perhaps input, system and history",
            frozenset({"instruction", "input", "output", "history", *SYSTEM}),
            fits_alpaca,
            alpaca,
            "instruction and output belong together",
        ),
        Format(
            "dolly",
            "instruction, response, perhaps context",
            frozenset({"instruction", "context", "response", *SYSTEM}),
            fits_dolly,
            dolly,
            "instruction and response belong together",
        ),
        Format(
            "prompt-completion",
            "prompt and completion or response, each a text or a list of messages",
            frozenset({"prompt", "tools", "functions", *ANSWERS, *SYSTEM}),
            fits_completion,
            completion,
            "prompt and completion belong together",
        ),
        Format(
            "qa",
            "question and answer, query and response, or problem and solution",
            frozenset({*QUESTIONS, "answer", "response", "solution", "output", "context", "choices", *SYSTEM}),
            fits_qa,
            qa,
        ),
    )
}


def named_format(name: str) -> Format:
    """The format of that name; RequestError with the nearest name where there is none."""
    if name not in FORMATS:
        raise RequestError(f"--format: no format '{name}'{did_you_mean(name, FORMATS)}; choose {', '.join(FORMATS)}")
    return FORMATS[name]


def mapped_format(mapping: Mapping[str, str]) -> Format:
    """A format that reads named columns: ``{"instruction": "question", "output": "answer"}``.

    Targets: instruction (with input, output, system), or prompt (with completion, system, tools), or messages (with
    system, tools, and role and content for the keys of a turn), or conversation (with role and content, where a row is
    one turn, and user and assistant for who they are); id and group with each. Raises RequestError where
    targets are unknown or do not go together.
    """
    leading = check_map(mapping)
    mapping = dict(mapping)
    joining = leading == "conversation"
    said = ", ".join(f"{target}={column}" for target, column in mapping.items())
    return Format(
        "mapped",
        f"columns by --map ({said})",
        mapped_columns(mapping),
        lambda value: mapping[leading] in value,
        functools.partial(read_joined if joining else read_mapped, mapping),
        gather=functools.partial(join_turns, mapping) if joining else None,
    )
