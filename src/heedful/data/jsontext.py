"""JSON as rows, with the line of each row and of each mistake.

Python's own ``json.load`` gives the values without their places. Here the decoder is called once per row
(`raw_decode`), so that the line at which a row begins is known and a file of 50 MB still takes about a second.
Stricter than Python: a key that stands twice in one object and NaN are refused, since readers differ on both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_SPACE = re.compile(r"[ \t\n\r]*")
# Keys under which one object may hold all the rows of a file: {"data": [{...}, {...}]}.
CONTAINERS = ("data", "train", "rows", "examples", "samples", "items", "records")


class BrokenJson(Exception):
    """A place in a text that is not JSON: the character `pos` and a sentence with the mend."""

    def __init__(self, sentence: str, pos: int):
        super().__init__(sentence)
        self.sentence = sentence
        self.pos = pos


class _Refused(ValueError):
    """Legal for Python's decoder, refused here; it does not know the place."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _Refused(f"the key {key!r} stands twice in one object; keep one of the two")
            seen.add(key)
    return value


def _constant(name: str) -> Any:
    raise _Refused(f"{name} is not JSON; write null or a number")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)


def skip_space(text: str, pos: int) -> int:
    """The position of the first character at or after `pos` that is not white space (or the end)."""
    match = _SPACE.match(text, pos)
    return match.end() if match else pos


def decode_at(text: str, pos: int) -> tuple[Any, int]:
    """The JSON value that begins at `pos` and the position after it; BrokenJson where there is none."""
    try:
        return _DECODER.raw_decode(text, pos)
    except json.JSONDecodeError as e:
        raise BrokenJson(_mend(e, text), e.pos) from None
    except _Refused as e:
        raise BrokenJson(str(e), pos) from None
    except RecursionError:
        raise BrokenJson("the value is nested too deep to be a row; make it flat", pos) from None
    except ValueError:  # int() refuses numbers of more than 4,300 digits
        raise BrokenJson("a number has thousands of digits; write it as text", pos) from None


def _mend(e: json.JSONDecodeError, text: str) -> str:
    """What to do about the mistakes that people make most."""
    here = text[e.pos : e.pos + 1]
    if e.pos >= len(text.rstrip()):
        mend = "the text ends in the middle of a value, so the file may be cut short: copy it again"
    elif here == "'":
        mend = "JSON needs double quotes"
    elif e.msg.startswith(("Expecting property name", "Illegal trailing comma")):
        mend = "take away the comma that has nothing after it, or put the key in double quotes"
    elif e.msg.startswith("Expecting ',' delimiter"):
        mend = 'a comma is missing, or a quote inside text is not written \\"'
    elif e.msg.startswith("Invalid control character"):
        mend = "a line break or a tab inside text is written \\n or \\t"
    elif e.msg.startswith("Invalid \\"):
        mend = "a backslash inside text is written \\\\"
    elif e.msg.startswith("Unterminated string"):
        mend = "a closing quote is missing, or the file is cut short"
    else:
        mend = "mend the line"
    return f"broken JSON ({e.msg[0].lower()}{e.msg[1:]}, column {e.colno}); {mend}"


def elements(text: str, pos: int) -> Iterator[tuple[int, Any]]:
    """The position and the value of each element of the array that begins at `pos`; then (end, END)."""
    pos = skip_space(text, pos + 1)
    if text[pos : pos + 1] == "]":
        yield pos + 1, END
        return
    while True:
        value, end = decode_at(text, pos)
        yield pos, value
        end = skip_space(text, end)
        mark = text[end : end + 1]
        if mark == "]":
            yield end + 1, END
            return
        if mark != ",":
            raise BrokenJson(_missing(text, end, "a comma is missing between two rows, or a ']' after the last"), end)
        pos = skip_space(text, end + 1)
        if text[pos : pos + 1] == "]":
            raise BrokenJson("broken JSON (a comma after the last row); take the comma away", end)


END = object()


def _missing(text: str, pos: int, mend: str) -> str:
    if pos >= len(text):
        return "broken JSON (the text ends before the list does), so the file may be cut short: copy it again"
    return f"broken JSON (unexpected {text[pos]!r}); {mend}"


def rows_of(text: str) -> Iterator[tuple[int, Any]]:
    """The position and the value of each row of a JSON text: an array, or an object that holds one under a key
    of `CONTAINERS`. BrokenJson where it is neither, broken, or holds several."""
    pos = skip_space(text, 0)
    first = text[pos : pos + 1]
    if first == "[":
        end = pos
        for end, value in elements(text, pos):
            if value is not END:
                yield end, value
        _nothing_after(text, end)
    elif first == "{":
        yield from _contained(text, pos)
    else:
        _, end = decode_at(text, pos)
        raise BrokenJson("not a list of rows; write an array of objects, or one object a line (.jsonl)", pos)


def _nothing_after(text: str, pos: int) -> None:
    pos = skip_space(text, pos)
    if pos < len(text):
        raise BrokenJson(
            "something stands after the end of the JSON value; write one array, or one object a line (.jsonl)", pos
        )


def _contained(text: str, start: int) -> Iterator[tuple[int, Any]]:
    """The rows of the only list of objects in the object that begins at `start`."""
    lists: dict[str, list[tuple[int, Any]]] = {}
    keys: list[str] = []
    pos = skip_space(text, start + 1)
    while text[pos : pos + 1] != "}":
        key, pos = decode_at(text, pos)
        if not isinstance(key, str):
            raise BrokenJson("broken JSON (a key is not text); put it in double quotes", pos)
        pos = skip_space(text, pos)
        if text[pos : pos + 1] != ":":
            raise BrokenJson(_missing(text, pos, "a ':' is missing after a key"), pos)
        pos = skip_space(text, pos + 1)
        if key in keys:
            raise BrokenJson(f"the key {key!r} stands twice in one object; keep one of the two", pos)
        keys.append(key)
        if text[pos : pos + 1] == "[":
            found = list(elements(text, pos))
            pos = found.pop()[0]
            if found and all(isinstance(v, dict) for _, v in found):
                lists[key] = found
        else:
            _, pos = decode_at(text, pos)
        pos = skip_space(text, pos)
        if text[pos : pos + 1] == ",":
            pos = skip_space(text, pos + 1)
        elif text[pos : pos + 1] != "}":
            raise BrokenJson(_missing(text, pos, "a comma is missing between two keys"), pos)
    _nothing_after(text, pos + 1)
    if len(lists) > 1:
        named = ", ".join(repr(k) for k in lists)
        raise BrokenJson(f"several lists of objects ({named}); write each into a file of its own", start)
    if len(lists) == 1 and next(iter(lists)) in CONTAINERS:
        yield from next(iter(lists.values()))
        return
    named = ", ".join(repr(k[:40]) for k in keys[:8]) or "none"
    raise BrokenJson(f"one object (its keys: {named}), not a list of rows; put the rows in [ ] or one a line", start)
