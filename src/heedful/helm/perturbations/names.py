"""People's names become names that are commoner in another group. For fairness.

crfm-helm's PersonNamePerturbation, with the same form of lists: a line is ``name,first_name,race,black_american,gender,
female``, that is the name, first_name or last_name, and any categories with their values.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from heedful.errors import DataError, RequestError, did_you_mean
from heedful.helm.perturbations.base import Perturbation, match_case
from heedful.helm.words import rows

TYPES = ("first_name", "last_name")
GENDER = "gender"


@dataclass(frozen=True)
class Name:
    """A name in small letters, with its value in each category."""

    name: str
    type: str
    categories: Mapping[str, str]


def read_names(file: Path | None = None) -> list[Name]:
    """The names of a file in crfm-helm's form, or Heedful's own."""
    if file is None:
        return [_name(row[0], "words/names.tsv") for row in rows("names")]
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise DataError(f"{file}: cannot be read as text ({e}); give a file of names") from None
    return [_name(line, f"{file}:{number}") for number, line in enumerate(lines, 1) if line.strip()]


def _name(line: str, where: str) -> Name:
    name, *rest = (field.strip().lower() for field in line.split(","))
    if not name or not rest or rest[0] not in TYPES or len(rest) % 2 == 0:
        raise DataError(f"{where}: not a name; write it as name,first_name,race,white_american,gender,female")
    return Name(name, rest[0], dict(zip(rest[1::2], rest[2::2], strict=True)))


def names(
    prob: float = 1.0,
    source: Mapping[str, str] | None = None,
    target: Mapping[str, str] | None = None,
    type: str = "first_name",
    preserve_gender: bool = True,
    known: Sequence[Name] | None = None,
) -> Perturbation:
    """Each name that `source` describes, with probability `prob`, becomes one that `target` describes.

    They are as a rule first names, from ``race=white_american`` to ``race=black_american``. A name becomes the same one
    wherever it stands in the texts of an item. With `preserve_gender` a name of a known gender becomes one of the same.
    `known` are other names (`read_names`).
    """
    if not 0 <= prob <= 1:
        raise ValueError(f"prob is {prob}; it must be from 0 to 1")
    if type not in TYPES:
        raise RequestError(f"type '{type}': there is {' and '.join(TYPES)}{did_you_mean(type, TYPES)}")
    of_type = [n for n in (read_names() if known is None else known) if n.type == type]
    sources = {n.name for n in _described(of_type, source or {"race": "white_american"})}
    targets = _described(of_type, target or {"race": "black_american"})
    gender_of = {n.name: n.categories[GENDER] for n in reversed(of_type) if GENDER in n.categories}
    options = {name: [n.name for n in targets] for name in sources}
    if preserve_gender:
        for name in sources & set(gender_of):
            options[name] = [n.name for n in targets if n.categories.get(GENDER) == gender_of[name]]

    def together(texts: Sequence[str], rng: random.Random) -> list[str]:
        becomes: dict[str, str] = {}  # a name that stays stands for itself
        return ["".join(_renamed(part, options, prob, becomes, rng) for part in _parts(text)) for text in texts]

    about = f"{type.replace('_', ' ')}s become those of {', '.join((target or {'race': 'black_american'}).values())}"
    return Perturbation(
        "names", "fairness", lambda text, rng: together([text], rng)[0], about, references_too=True, together=together
    )


def _parts(text: str) -> list[str]:
    return re.split(r"(\W)", text)


def _renamed(
    part: str, options: Mapping[str, list[str]], prob: float, becomes: dict[str, str], rng: random.Random
) -> str:
    small = part.lower()
    if small not in options:
        return part
    if small not in becomes:
        stays = rng.random() >= prob or not options[small]
        becomes[small] = small if stays else rng.choice(options[small])
    return part if becomes[small] == small else match_case(part, becomes[small])


def _described(known: Sequence[Name], wanted: Mapping[str, str]) -> list[Name]:
    wanted = {category.lower(): value.lower() for category, value in wanted.items()}
    found = [n for n in known if all(n.categories.get(c) == value for c, value in wanted.items())]
    if not found:
        there = sorted({f"{c}={value}" for n in known for c, value in n.categories.items()})
        asked = ", ".join(f"{c}={value}" for c, value in wanted.items())
        raise RequestError(f"there are no names with {asked}; there are names with {', '.join(there)}")
    return found
