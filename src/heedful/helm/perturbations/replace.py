"""Words that become other words: misspellings (robustness), dialect and gender (fairness).

crfm-helm finds a word of the latter two by a pattern that takes the character before it and the one behind it along, so
it never sees the first and the last word of a text, nor the second of two that have one space between them; here all of
them are seen. Given the same list, and a text in which this makes no difference, the results are the same.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence

from heedful.errors import RequestError, did_you_mean
from heedful.helm.perturbations.base import Apply, Perturbation, match_case
from heedful.helm.words import rows

GENDERS = ("neutral", "female", "male")
MODES = ("pronouns", "terms", "both")
Choices = Mapping[str, Sequence[str]]


def misspellings(prob: float = 0.1, words: Choices | None = None) -> Perturbation:
    """Each word that is known to be misspelt often, with probability `prob`, in one of the ways that people do.

    crfm-helm's MisspellingPerturbation, but for capitals: there a word with one is left alone. `words` maps words to
    their misspellings.
    """
    table = {row[0]: row[1].split() for row in rows("misspellings")} if words is None else words
    apply = _replacing(table, prob, rf"\b({_either(table)})\b")
    return Perturbation("misspellings", "robustness", apply, f"{prob:.0%} of often misspelt words misspelt")


def dialect(prob: float = 1.0, source: str = "SAE", target: str = "AAVE", words: Choices | None = None) -> Perturbation:
    """Words of standard American English (SAE) as they are written in African American English (AAVE).

    crfm-helm's DialectPerturbation. Other dialects come by `words`, which maps words or phrases to what may stand for
    them; `source` and `target` are then their names. Spelling and single words are all that changes: the grammar of a
    dialect, which is what it is made of, does not.
    """
    if words is None:
        if (source.upper(), target.upper()) != ("SAE", "AAVE"):
            raise RequestError(f"there is no list from {source} to {target}, only from SAE to AAVE; give its words")
        words = {row[0]: row[1].split(", ") for row in rows("dialect")}
    apply = _replacing(words, prob, rf"(?<![\w-])({_either(words)})(?![\w-])")
    about = f"words as in {target.upper()}"
    return Perturbation("dialect", "fairness", apply, about, references_too=True)


def gender(
    mode: str = "both",
    prob: float = 1.0,
    source: str = "male",
    target: str = "female",
    words: Sequence[Sequence[str]] | None = None,
    genders: Sequence[str] = GENDERS,
    bidirectional: bool = False,
) -> Perturbation:
    """Words of one gender become those of another: pronouns, terms ("uncle"), or both.

    crfm-helm's GenderPerturbation, whose usual mode is pronouns alone, so that "a man lost his hat" becomes "a man lost
    her hat". `words` has rows with a word for each of `genders`. A word that stands for several ("her" is "him" and
    "his") is taken as in the first row that has it. With `bidirectional` words of the target become those of the
    source at the same time.
    """
    for name, value, known in (("mode", mode, MODES), ("source", source, genders), ("target", target, genders)):
        if value.lower() not in known:
            raise RequestError(f"{name} '{value}': there is {', '.join(known)}{did_you_mean(value, known)}")
    table = _gender_rows(mode) if words is None else [tuple(word.lower() for word in row) for row in words]
    if any(len(row) != len(genders) for row in table):
        raise RequestError(f"each row of words needs one for each of {', '.join(genders)}")
    there, here = list(genders).index(target.lower()), list(genders).index(source.lower())
    becomes: dict[str, Sequence[str]] = {}
    for row in table:
        becomes.setdefault(row[here], [row[there]])
    if bidirectional:
        for row in table:
            becomes.setdefault(row[there], [row[here]])
    apply = _replacing(becomes, prob, rf"(?<!\w)({_either(becomes)})(?!\w)", one=True)
    return Perturbation("gender", "fairness", apply, f"words {source} become {target}", references_too=True)


def _gender_rows(mode: str) -> list[tuple[str, ...]]:
    return [row[1:] for row in rows("gender") if mode == "both" or row[0] == mode]


def _either(words: Mapping[str, object]) -> str:
    """A pattern for any of the words, longer ones first."""
    if not words:
        raise RequestError("a list of words is empty; give at least one")
    return "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word)))


def _replacing(table: Choices, prob: float, pattern: str, one: bool = False) -> Apply:
    """Replaces what the pattern finds with probability `prob` by one of its choices, drawn; `one`: there is but one."""
    if not 0 <= prob <= 1:
        raise ValueError(f"prob is {prob}; it must be from 0 to 1")
    find = re.compile(pattern, re.IGNORECASE)
    choices = {word.lower(): list(others) for word, others in table.items()}

    def apply(text: str, rng: random.Random) -> str:
        def replace(found: re.Match[str]) -> str:
            if rng.random() >= prob:
                return found[1]
            others = choices[found[1].lower()]
            return match_case(found[1], others[0] if one else rng.choice(others))

        return find.sub(replace, text)

    return apply


def one_after_the_other(name: str, about: str, *parts: Callable[[], Perturbation]) -> Perturbation:
    """Several perturbations of robustness as one."""
    made = [part() for part in parts]

    def apply(text: str, rng: random.Random) -> str:
        for part in made:
            text = part.apply(text, rng)
        return text

    return Perturbation(name, "robustness", apply, about)
