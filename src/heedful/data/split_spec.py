"""How a split is named, and reading such a name.

85/5/10                             train, validation, test in percent or fractions; by seed, leak-safe
order:train=935,test=110,val=55     rows in file order; one of the sizes may be "rest"
train=a.jsonl,val=b.jsonl           files by name
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from heedful.errors import RequestError, did_you_mean
from heedful.store import PARTS

_FORMS = "write 85/5/10, order:train=935,test=110,val=55 or train=FILE,val=FILE,test=FILE"
_ALIASES = {"validation": "val", "valid": "val", "dev": "val", "eval": "val", "training": "train", "testing": "test"}


@dataclass(frozen=True)
class RatioSplit:
    """Shares of the rows, which sum to 1. A test share of 0 means that there is no test part."""

    train: Fraction
    val: Fraction
    test: Fraction


@dataclass(frozen=True)
class OrderSplit:
    """Numbers of rows in file order, in the order named; None means the rest."""

    sizes: tuple[tuple[str, int | None], ...]


@dataclass(frozen=True)
class FileSplit:
    """A file for each part named."""

    files: tuple[tuple[str, str], ...]


SplitSpec = RatioSplit | OrderSplit | FileSplit


def parse_split(spec: str) -> SplitSpec:
    """Read a split as it stands in a recipe or after --split; RequestError where it cannot be meant."""
    spec = spec.strip()
    if spec.startswith("order:"):
        return _parse_order(spec)
    if re.match(r"\w+=", spec):
        pairs = _pairs(re.split(r",\s*(?=\w+=)", spec), spec)
        for part, file in pairs:
            if not file:
                raise RequestError(f"split '{spec}': no file for {part}; {_FORMS}")
        _need_train_and_val([p for p, _ in pairs], spec)
        return FileSplit(tuple(pairs))
    if "/" in spec and re.fullmatch(r"[-+\d./%\s]+", spec):
        return _parse_ratio(spec)
    raise RequestError(f"split '{spec}': not understood; {_FORMS}")


def _pairs(items: list[str], spec: str) -> list[tuple[str, str]]:
    out: list[tuple[str, str]] = []
    for item in items:
        part, _, value = (s.strip() for s in item.partition("="))
        if part not in PARTS:
            near = f" (did you mean '{_ALIASES[part]}'?)" if part in _ALIASES else did_you_mean(part, PARTS)
            raise RequestError(f"split '{spec}': no part '{part}' (the parts are train, val, test){near}")
        if part in [p for p, _ in out]:
            raise RequestError(f"split '{spec}': {part} stands twice; name each part once")
        out.append((part, value))
    return out


def _need_train_and_val(parts: list[str], spec: str) -> None:
    for part in ("train", "val"):
        if part not in parts:
            raise RequestError(f"split '{spec}': no {part} part; training needs train and val (test may be left out)")


def _parse_order(spec: str) -> OrderSplit:
    sizes: list[tuple[str, int | None]] = []
    for part, value in _pairs(spec.removeprefix("order:").split(","), spec):
        if value == "rest":
            sizes.append((part, None))
            continue
        if not re.fullmatch(r"[-+]?\d+", value):
            raise RequestError(f"split '{spec}': '{value}' is no number of rows; write a whole number or rest")
        size = int(value)
        if size < 0 or (size == 0 and part != "test"):
            raise RequestError(f"split '{spec}': {part}={size} rows; train and val need at least 1")
        sizes.append((part, size))
    _need_train_and_val([p for p, _ in sizes], spec)
    if sum(size is None for _, size in sizes) > 1:
        raise RequestError(f"split '{spec}': more than one part is the rest; give a number to all but one")
    return OrderSplit(tuple(sizes))


def _parse_ratio(spec: str) -> RatioSplit:
    items = [item.strip().removesuffix("%") for item in spec.split("/")]
    if len(items) not in (2, 3):
        raise RequestError(f"split '{spec}': {len(items)} shares; write train/validation/test, such as 85/5/10")
    try:
        shares = [Fraction(item) for item in items]
    except (ValueError, ZeroDivisionError):
        raise RequestError(f"split '{spec}': not numbers; {_FORMS}") from None
    total = sum(shares)
    whole = 1 if abs(total - 1) < Fraction(1, 10**6) else 100
    if abs(total - whole) >= Fraction(whole, 10**6):
        raise RequestError(f"split '{spec}': the shares sum to {float(total):g}, not to 100 (or 1); mend one of them")
    train, val, test = [share / total for share in [*shares, Fraction(0)][:3]]
    if min(train, val, test) < 0 or not train or not val:
        raise RequestError(f"split '{spec}': train and validation need a share above 0, and none may be negative")
    return RatioSplit(train, val, test)
