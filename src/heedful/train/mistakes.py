"""The mistakes of a recipe, from pydantic's words to ours: one sentence each, with where it stands and the mend."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from heedful.errors import did_you_mean

_WORDS = {
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be text",
    "tuple_type": "must be a name or a list of names",
    "dict_type": "must be written as {{target: column}}",
    "greater_than_equal": "must be {ge} or more",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be {le} or less",
    "less_than": "must be less than {lt}",
}


def sentences(errors: Sequence[Mapping[str, Any]], known: Iterable[str], where: Mapping[str, str]) -> list[str]:
    """A sentence for each of pydantic's errors; `where` has what a key was given by, such as ``recipe.yaml:3``.

    >>> error = {"type": "int_parsing", "loc": ("epochs",), "input": "two", "msg": ""}
    >>> sentences([error], ["epochs"], {"epochs": "recipe.yaml:3"})
    ["recipe.yaml:3: epochs: 'two' must be a whole number"]
    """
    known, order = list(known), {key: place for place, key in enumerate(where)}
    out = []
    # In the order of the recipe's lines, what is known of no line last.
    for error in sorted(errors, key=lambda e: order.get(str(e["loc"][0]) if e["loc"] else "", len(order))):
        place = error["loc"]
        # A value that is neither a number nor 'auto' comes as two errors; the number's bears the sentence.
        if len(place) > 1 and str(place[1]).startswith("literal"):
            continue
        sentence = _sentence(error, known)
        given_by = where.get(str(place[0]) if place else sentence.split(maxsplit=1)[0])
        if given_by and given_by.startswith("--"):  # an option says its name itself
            sentence = sentence.removeprefix(f"{place[0]}: " if place else "")
        out.append(f"{given_by}: {sentence}" if given_by else sentence)
    return out


def _sentence(error: Mapping[str, Any], known: Sequence[str]) -> str:
    place = error["loc"]
    kind, given, context = error["type"], _shown(error.get("input")), error.get("ctx", {})
    if kind == "extra_forbidden":
        near = did_you_mean(str(place[0]), known) or "; heedful train --print-recipe writes those that there are"
        return f"unknown key '{place[0]}'{near}"
    if kind == "value_error":
        reason = str(context.get("error", error["msg"]))
        if not place:
            return reason
        return f"{place[0]}: {reason}" if reason.startswith("'") else f"{place[0]}: {given} {reason}"
    if len(place) > 1 and place[1] in ("int", "float"):
        return f"{place[0]}: {given} is neither {'a whole number' if place[1] == 'int' else 'a number'} nor 'auto'"
    if kind == "literal_error":
        names = str(context.get("expected"))
        near = did_you_mean(str(error.get("input")), names.replace(" or ", ", ").replace("'", "").split(", "))
        return f"{place[0]}: {given} is not one of {names}{near}"
    words = _WORDS.get(kind)
    if words is None:  # a kind that no field has today
        return f"{place[0]}: {given}: {error['msg']}"
    return f"{place[0]}: {given} {words.format(**context)}"


def _shown(value: Any) -> str:
    """A value as it would stand in YAML."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return repr(value)
