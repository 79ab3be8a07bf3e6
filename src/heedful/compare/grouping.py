"""Which cluster each example is in: a passage, a subject, a conversation that it shares with others."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from heedful.compare.data import Side
from heedful.errors import DataError, RequestError, did_you_mean

NONE, AUTO = "none", "auto"
GROUP = "group"


def clusters_of(
    ids: Sequence[str], a: Side, b: Side, data: Mapping[str, Mapping[str, Any]], choice: str
) -> tuple[list[Hashable] | None, str | None, tuple[str, ...]]:
    """The cluster of each example (None: alone), the field that they come from, and what there is to tell.

    `data` has fields of examples from files that the user named. By ``auto`` it is the examples' own group, where two
    or more examples share one. RequestError where no example has the field, DataError where two places disagree.
    """
    if choice == NONE:
        return None, None, ()
    places = [(where, fields) for where, fields in (("--data", data), (a.name, a.fields), (b.name, b.fields)) if fields]
    field = GROUP if choice == AUTO else choice
    found: list[Hashable] = [_cluster(i, field, places) for i in ids]
    known = [c for c in found if c is not None]
    if choice == AUTO:
        if len(set(known)) == len(known):
            return None, None, ()
    elif not known:
        names = list(dict.fromkeys(name for _, fields in places for i in ids for name in fields.get(i, ())))
        has = f"there are {', '.join(names[:12])}" if names else "name a file of the questions with --data"
        raise RequestError(f"--cluster '{field}'{did_you_mean(field, names)}: no example has this field; {has}")
    alone = len(found) - len(known)
    what = "1 example has" if alone == 1 else f"{alone:,} examples have"
    return found, field, (f"{what} no {field}: a cluster of its own.",) if alone else ()


def _cluster(example_id: str, field: str, places: Sequence[tuple[str, Mapping[str, Mapping[str, Any]]]]) -> str | None:
    values = {}
    for where, fields in places:
        value = fields.get(example_id, {}).get(field)
        if value is not None and value != "":
            values.setdefault(json.dumps(value, sort_keys=True, ensure_ascii=False), where)
    if len(values) > 1:
        (one, first), (two, second) = list(values.items())[:2]
        raise DataError(
            f"example '{example_id}': its {field} is {one[:40]} in {first} but {two[:40]} in {second}; mend one, or "
            "leave clusters out with --cluster none"
        )
    return next(iter(values), None)
