"""Perturbations of letters and spaces, for robustness. Nothing is looked up in a list of words."""

from __future__ import annotations

import random
import re

from heedful.helm.perturbations.base import Perturbation

LETTERS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def lowercase() -> Perturbation:
    """All letters small; crfm-helm's LowerCasePerturbation."""
    return Perturbation("lowercase", "robustness", lambda text, rng: text.lower(), "all letters small")


def extra_spaces(count: int = 2) -> Perturbation:
    """Each space `count` times; crfm-helm's ExtraSpacePerturbation."""
    if count < 0:
        raise ValueError(f"count is {count}; it must be 0 or more")
    about = f"{count} spaces for each"
    return Perturbation("extra_spaces", "robustness", lambda text, rng: text.replace(" ", " " * count), about)


def spaces(most: int = 3) -> Perturbation:
    """One to `most` spaces, drawn at random, for each stretch of spaces; crfm-helm's SpacePerturbation."""
    if most < 1:
        raise ValueError(f"most is {most}; it must be 1 or more")

    def apply(text: str, rng: random.Random) -> str:
        return re.sub(" +", lambda _: " " * rng.randint(1, most), text)

    return Perturbation("spaces", "robustness", apply, f"1 to {most} spaces between words")


def typos(prob: float = 0.1) -> Perturbation:
    """Each letter a to z, with probability `prob`, becomes one beside it on an American keyboard, its case kept.

    crfm-helm's TyposPerturbation: with the same generator the same letters change, each to one of the same neighbours,
    but not always to the same one, since the neighbours stand in another order here.
    """
    _check(prob)

    def apply(text: str, rng: random.Random) -> str:
        return "".join(_mistyped(letter, prob, rng) for letter in text)

    return Perturbation("typos", "robustness", apply, f"{prob:.0%} of the letters mistyped")


def _mistyped(letter: str, prob: float, rng: random.Random) -> str:
    small = letter.lower()
    near = NEIGHBOURS.get(small)
    if near is None or rng.random() >= prob:
        return letter
    typed = rng.choice(near)
    return typed if letter == small else typed.upper()


def _neighbours() -> dict[str, str]:
    """The keys beside each key. A row stands half a key to the right of the one above it, so a key touches two keys of
    each other row; below the upper row a third is counted."""
    found = {}
    for r, row in enumerate(LETTERS):
        for c, key in enumerate(row):
            places = [(r - 1, c), (r - 1, c + 1), (r, c - 1), (r, c + 1), (r + 1, c - 1), (r + 1, c)]
            places += [(r + 1, c + 1)] if r == 0 else []
            there = [(y, x) for y, x in places if 0 <= y < len(LETTERS) and 0 <= x < len(LETTERS[y])]
            found[key] = "".join(LETTERS[y][x] for y, x in there)
    return found


NEIGHBOURS = _neighbours()


def _check(prob: float) -> None:
    if not 0 <= prob <= 1:
        raise ValueError(f"prob is {prob}; it must be from 0 to 1")
