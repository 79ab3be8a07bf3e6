"""Contractions: "it is" becomes "it's", or the other way round. For robustness.

Which words are contracted, and how, is as in crfm-helm's ContractionPerturbation and ExpansionPerturbation; here it is
written as stems and endings. As there, a contraction needs a space behind it, so that none is made at the end of a
sentence ("I know where it is."), only straight apostrophes are known, and of two readings the commoner is taken
("he's" is "he is", never "he has").
"""

from __future__ import annotations

import random
import re

from heedful.helm.perturbations.base import Perturbation, match_case

# ending, what it stands for, and the words that it stands behind
_ENDINGS = (
    ("n't", " not", "is are could did does do had has have might must need ought should was were would"),
    ("'m", " am", "I i"),
    ("'re", " are", "they we what you"),
    ("'s", " is", "he how it she that there what when where who why"),
    ("'ll", " will", "he how I i it she they we who you"),
    ("'d", " would", "he I i it she that there they we you"),
    ("'d", " did", "how where"),
    ("'ve", " have", "could might must should would I i they we where who you"),
    ("'d've", " would have", "he you"),
)
_OTHERS = {
    "can't": "cannot",
    "shan't": "shall not",
    "won't": "will not",
    "can't've": "cannot have",
    "how'd'y": "how do you",
    "ma'am": "madam",
}
CONTRACTED = {f"{stem}{end}": stem + full for end, full, stems in _ENDINGS for stem in stems.split()} | _OTHERS
EXPANDED = {full: short for short, full in CONTRACTED.items()}
SHORT_FORMS = CONTRACTED | {"ain't": "is not"}  # which is never made, only undone

# Shorter ones come first, so "he would have" becomes "he'd have", and of "he'd've" only "he'd" is undone.
_FULL = re.compile(rf"\b({'|'.join(sorted(EXPANDED, key=len))})\b ", re.IGNORECASE)
_SHORT = re.compile(rf"\b({'|'.join(sorted(SHORT_FORMS, key=len))})\b", re.IGNORECASE)


def _in_case(found: str, table: dict[str, str]) -> str:
    return match_case(found, table[found] if found in table else table[found.lower()])


def contractions() -> Perturbation:
    """Contracts what can be."""

    def apply(text: str, rng: random.Random) -> str:
        return _FULL.sub(lambda m: _in_case(m[1], EXPANDED) + " ", text)

    return Perturbation("contractions", "robustness", apply, '"it is" becomes "it\'s"')


def expansions() -> Perturbation:
    """Undoes contractions."""

    def apply(text: str, rng: random.Random) -> str:
        return _SHORT.sub(lambda m: _in_case(m[0], SHORT_FORMS), text)

    return Perturbation("expansions", "robustness", apply, '"it\'s" becomes "it is"')
