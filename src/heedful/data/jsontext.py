"""JSON as rows, with the line of each row and of each mistake.

Python's own ``json.load`` gives the values without their places and needs the whole text. Here the decoder is called
once per row (`raw_decode`) on a window of the text, so that the line at which a row begins is known and memory does
not grow with the file. Stricter than Python: a key that stands twice in one object and NaN are refused, since readers
differ on both.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Generator, Iterator
from typing import Any, NoReturn

_SPACE = re.compile(r"[ \t\n\r]*")
# Keys under which one object may hold all the rows of a file: {"data": [{...}, {...}]}.
CONTAINERS = ("data", "train", "rows", "examples", "samples", "items", "records")
_MOST_KEYS = 10_000  # of an object that may be a container: more are rows by id, and would be kept in memory
VALUE_LIMIT = 256 << 20  # characters of the longest value that is decoded at once
_TOKEN = 16  # characters: no word or escape of JSON is longer, so a fault nearer to the end may be due to the cut


class BrokenJson(Exception):
    """A place in a text that is not JSON: a sentence with the mend, the character `pos`, and the `line` where the
    text was read in windows. `cut`: the reason may be only that the text ends there."""

    def __init__(self, sentence: str, pos: int, cut: bool = False, line: int = 0):
        super().__init__(sentence)
        self.sentence = sentence
        self.pos = pos
        self.cut = cut
        self.line = line


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


def decode_at(text: str, pos: int, before: int = 0) -> tuple[Any, int]:
    """The JSON value that begins at `pos` and the position after it; BrokenJson where there is none.

    `before`: characters of the text's first line that stand before the text, for the column in the sentence.
    """
    try:
        return _DECODER.raw_decode(text, pos)
    except json.JSONDecodeError as e:
        cut = e.pos >= len(text) - _TOKEN or e.msg.startswith("Unterminated string")
        raise BrokenJson(_mend(e, text, before), e.pos, cut) from None
    except _Refused as e:
        raise BrokenJson(str(e), pos) from None
    except RecursionError:
        raise BrokenJson("the value is nested too deep to be a row; make it flat", pos) from None
    except ValueError:  # int() refuses numbers of more than 4,300 digits
        raise BrokenJson("a number has thousands of digits; write it as text", pos, cut=True) from None


def _mend(e: json.JSONDecodeError, text: str, before: int) -> str:
    """What to do about the mistakes that people make most."""
    here = text[e.pos : e.pos + 1]
    if skip_space(text, e.pos) == len(text):
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
    column = e.colno + (before if e.lineno == 1 else 0)
    return f"broken JSON ({e.msg[0].lower()}{e.msg[1:]}, column {column}); {mend}"


class _Window:
    """A text that comes in pieces, and a position in it; what stands before the position is forgotten."""

    def __init__(self, pieces: Iterator[str]):
        self.text, self.pos = "", 0
        self._pieces, self._ended = pieces, False
        self._line, self._counted = 1, 0  # the line of text[_counted]; each line break is counted once
        self._before = 0  # characters of the first line that were forgotten

    def line(self) -> int:
        self._line += self.text.count("\n", self._counted, self.pos)
        self._counted = self.pos
        return self._line

    def _more(self) -> None:
        """At least twice as much text from the position on (so that long values take linear time), or the end."""
        self.line()
        last = self.text.rfind("\n", 0, self.pos)
        self._before = self.pos - last - 1 if last >= 0 else self._before + self.pos
        kept = [self.text[self.pos :]]
        self.pos = self._counted = 0
        wanted, size = min(len(kept[0]), max(VALUE_LIMIT - len(kept[0]), 0)), 0
        while size <= wanted and not self._ended:
            piece = next(self._pieces, None)
            if piece is None:
                self._ended = True
            else:
                kept.append(piece)
                size += len(piece)
        self.text = "".join(kept)

    def next(self) -> str:
        """The next character that is not white space, to which the position moves; empty at the end."""
        self.pos = skip_space(self.text, self.pos)
        while self.pos == len(self.text) and not self._ended:
            self._more()
            self.pos = skip_space(self.text, self.pos)
        return self.text[self.pos : self.pos + 1]

    def step(self) -> str:
        """`next` after the character at the position."""
        self.pos += 1
        return self.next()

    def decode(self) -> Any:
        """The value at the position, which moves behind it."""
        while True:
            try:
                value, end = decode_at(self.text, self.pos, self._before)
                # A number or a word may go on behind the cut: 1.|5 is read as 1 and a point.
                if self._ended or isinstance(value, dict | list | str) or end + _TOKEN < len(self.text):
                    self.pos = end
                    return value
            except BrokenJson as e:
                if self._ended or not e.cut:
                    self.fail(e.sentence, e.pos)
            if len(self.text) - self.pos > VALUE_LIMIT:
                self.fail(f"a value of more than {VALUE_LIMIT >> 20} MiB; divide it into rows", self.pos)
            self._more()

    def fail(self, sentence: str, pos: int | None = None) -> NoReturn:
        pos = self.pos if pos is None else pos
        raise BrokenJson(sentence, pos, line=self.line() + self.text.count("\n", self.pos, pos))

    def missing(self, mend: str) -> NoReturn:
        if self.pos >= len(self.text):
            self.fail("broken JSON (the text ends before the list does), so the file may be cut short: copy it again")
        self.fail(f"broken JSON (unexpected {self.text[self.pos]!r}); {mend}")


def rows_of(pieces: Callable[[], Generator[str]]) -> Iterator[tuple[int, Any]]:
    """The line and the value of each row of a JSON text: an array, or an object that holds one under a key of
    `CONTAINERS`. `pieces` gives the text from its beginning on; it is called again for an object, which is read once
    to see that it holds one list of objects and no other, and once for the rows.

    Raises BrokenJson, with its line, where the text is neither, broken, or holds several lists.
    """
    with contextlib.closing(pieces()) as text:
        window = _Window(text)
        first = window.next()
        if first == "[":
            yield from _elements(window)
            _nothing_after(window)
            return
        line = window.line()
        if first != "{":
            window.decode()
            raise BrokenJson(
                "not a list of rows; write an array of objects, or one object a line (.jsonl)", 0, False, line
            )
        name = _container(window)
    with contextlib.closing(pieces()) as text:
        window = _Window(text)
        window.next()
        for key in _members(window):
            if key == name:
                yield from _elements(window)
                return
            _pass_over(window)


def _elements(window: _Window) -> Iterator[tuple[int, Any]]:
    """The line and the value of each element of the array at the window's position, which moves behind it."""
    if window.step() == "]":
        window.pos += 1
        return
    while True:
        line = window.line()
        yield line, window.decode()
        mark = window.next()
        if mark == "]":
            window.pos += 1
            return
        if mark != ",":
            window.missing("a comma is missing between two rows, or a ']' after the last")
        line = window.line()
        if window.step() == "]":
            raise BrokenJson("broken JSON (a comma after the last row); take the comma away", 0, line=line)


def _members(window: _Window) -> Iterator[str]:
    """The keys of the object at the window's position, each when the position is at its value; whoever takes a key
    moves the position behind the value."""
    mark = window.step()
    while mark != "}":
        key = window.decode()
        if not isinstance(key, str):
            window.fail("broken JSON (a key is not text); put it in double quotes")
        if window.next() != ":":
            window.missing("a ':' is missing after a key")
        window.step()
        yield key
        mark = window.next()
        if mark == ",":
            mark = window.step()
            if mark == "}":
                window.fail("broken JSON (a comma after the last key); take the comma away")
        elif mark != "}":
            window.missing("a comma is missing between two keys")
    window.pos += 1


def _nothing_after(window: _Window) -> None:
    if window.next():
        window.fail("something stands after the end of the JSON value; write one array, or one object a line (.jsonl)")


def _pass_over(window: _Window) -> bool:
    """Move behind the value at the position; true where it is a list of one or more objects and nothing else."""
    if window.text[window.pos : window.pos + 1] != "[":
        window.decode()
        return False
    kinds = {isinstance(value, dict) for _, value in _elements(window)}
    return kinds == {True}


def _container(window: _Window) -> str:
    """The key of the only list of objects in the object at the window's position."""
    start = window.line()
    keys: dict[str, bool] = {}  # whether each holds a list of objects
    for key in _members(window):
        if key in keys:
            window.fail(f"the key {key!r} stands twice in one object; keep one of the two")
        keys[key] = _pass_over(window)
        if len(keys) > _MOST_KEYS:
            break
    else:
        _nothing_after(window)
    lists = [key for key, holds in keys.items() if holds]
    if len(lists) > 1:
        named = ", ".join(repr(k) for k in lists)
        raise BrokenJson(f"several lists of objects ({named}); write each into a file of its own", 0, line=start)
    if len(lists) == 1 and lists[0] in CONTAINERS and len(keys) <= _MOST_KEYS:
        return lists[0]
    named = ", ".join(repr(k[:40]) for k in list(keys)[:8]) or "none"
    raise BrokenJson(
        f"one object (its keys: {named}), not a list of rows; put the rows in [ ] or one a line", 0, line=start
    )
