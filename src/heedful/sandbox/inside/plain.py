"""Plain values as JSON and back: all that passes between a program and what checks it.

Numbers, text, bytes, lists, tuples, sets, dicts, ranges, iterators (as what they yield), fractions, decimals, and
NumPy's numbers and arrays. What is read back is made anew from data, of Python's own types: an object with an `__eq__`
that always says yes cannot come through. Subclasses come as their base; anything else comes as `Opaque`, equal to
nothing.

>>> decode(encode((1, [2.5, None], {"a": {3}})))
(1, [2.5, None], {'a': {3}})
"""

from __future__ import annotations

import re
import sys
from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from itertools import islice

TYPE_CHECKING = False  # as type checkers know it; the import of typing would cost each program its time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MOST = 1_000_000  # what an iterator may yield
_DIGITS = 10**1000  # whole numbers beyond are written in base 16: Python converts no more than 4,300 decimal digits
_NUMPY = re.compile(r"[<>|=][biufcUS]\d+")


class NotPlainError(TypeError):
    """A value that has no plain form, where one is needed."""


class Opaque:
    """Stands for a value that is not plain: it is equal to nothing else, and shows the name of its type."""

    def __init__(self, name: str):
        self._name = name

    def __repr__(self) -> str:
        return f"<a value of type {self._name}, which is not plain>"


def encode(value: Any, strict: bool = False) -> Any:
    """A value as JSON can write it. NotPlainError, where `strict`, for one that is not plain.

    What can go wrong in a value's own methods (an iterator that raises) goes wrong here.
    """
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray | numpy.generic):
        return _numpy(numpy, value, strict)
    fractions, decimal = sys.modules.get("fractions"), sys.modules.get("decimal")
    if fractions is not None and isinstance(value, fractions.Fraction):
        return ["fraction", *_each((value.numerator, value.denominator), strict)]
    if decimal is not None and isinstance(value, decimal.Decimal):
        return ["decimal", str(value)]
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        whole = int.__index__(value)
        return whole if -_DIGITS < whole < _DIGITS else ["int", hex(whole)]
    if isinstance(value, float):
        return float.__float__(value)
    for kind, name, parts in _PARTS:
        if isinstance(value, kind):
            return [name, *parts(value, strict)]
    if isinstance(value, Iterator):
        yielded = list(islice(value, MOST + 1))
        if len(yielded) <= MOST:
            return ["iterator", *_each(yielded, strict)]
    if strict:
        raise NotPlainError(f"a value of type {type(value).__name__}")
    return ["opaque", type(value).__name__[:100]]


def _each(values: Any, strict: bool) -> list[Any]:
    return [encode(v, strict) for v in values]


def _pairs(values: dict[Any, Any], strict: bool) -> list[Any]:
    return [[encode(k, strict), encode(v, strict)] for k, v in dict.items(values)]


def _numpy(numpy: Any, value: Any, strict: bool) -> Any:
    array = numpy.asarray(value)
    if not _NUMPY.fullmatch(array.dtype.str):
        if strict:
            raise NotPlainError(f"an array of {array.dtype}")
        return ["opaque", type(value).__name__]
    shape = list(array.shape) if isinstance(value, numpy.ndarray) else None
    return ["numpy", array.dtype.str, shape, array.tobytes().hex()]


# In the order in which they are tried.
_PARTS: tuple[tuple[Any, str, Callable[[Any, bool], list[Any]]], ...] = (
    (list, "list", lambda v, s: _each(list.__iter__(v), s)),
    (tuple, "tuple", lambda v, s: _each(tuple.__iter__(v), s)),
    (dict, "dict", _pairs),
    (set, "set", lambda v, s: _each(set.__iter__(v), s)),
    (frozenset, "frozenset", lambda v, s: _each(frozenset.__iter__(v), s)),
    (complex, "complex", lambda v, s: [v.real, v.imag]),
    (bytes, "bytes", lambda v, s: [v.hex()]),
    (bytearray, "bytearray", lambda v, s: [v.hex()]),
    (range, "range", lambda v, s: _each((v.start, v.stop, v.step), s)),
    (KeysView, "keys", _each),
    (ValuesView, "values", _each),
    (ItemsView, "items", _each),
)


def decode(value: Any) -> Any:
    """The value that `encode` was given. ValueError for what it never writes."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if not isinstance(value, list) or not value or not isinstance(value[0], str) or value[0] not in _MADE:
        raise ValueError("not a plain value")
    try:
        return _MADE[value[0]](value[1:])
    except (TypeError, IndexError, ArithmeticError, AttributeError):
        raise ValueError(f"not a plain value of the kind {value[0]}") from None


def _all(parts: list[Any]) -> list[Any]:
    return [decode(p) for p in parts]


def _fraction(parts: list[Any]) -> Any:
    from fractions import Fraction

    return Fraction(*_all(parts))


def _decimal(parts: list[Any]) -> Any:
    from decimal import Decimal

    return Decimal(parts[0])


def _from_numpy(parts: list[Any]) -> Any:
    dtype, shape, data = parts
    if not _NUMPY.fullmatch(dtype):
        raise ValueError("not an array of numbers")
    import numpy

    array = numpy.frombuffer(bytes.fromhex(data), dtype)
    return array[0] if shape is None else array.reshape(shape).copy()


_MADE: dict[str, Callable[[list[Any]], Any]] = {
    "int": lambda p: int(p[0], 16),
    "list": _all,
    "tuple": lambda p: tuple(_all(p)),
    "dict": lambda p: {decode(k): decode(v) for k, v in p},
    "set": lambda p: set(_all(p)),
    "frozenset": lambda p: frozenset(_all(p)),
    "complex": lambda p: complex(p[0], p[1]),
    "bytes": lambda p: bytes.fromhex(p[0]),
    "bytearray": lambda p: bytearray.fromhex(p[0]),
    "range": lambda p: range(*_all(p)),
    "fraction": _fraction,
    "decimal": _decimal,
    "keys": lambda p: dict.fromkeys(_all(p)).keys(),
    "values": lambda p: dict(enumerate(_all(p))).values(),
    "items": lambda p: dict(_all(p)).items(),
    "iterator": lambda p: iter(_all(p)),
    "numpy": _from_numpy,
    "opaque": lambda p: Opaque(str(p[0])),
}
