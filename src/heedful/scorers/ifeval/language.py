"""Kinds that need the language of a text, which langdetect (Shuyo's language-detection, 55 languages) guesses.

langdetect draws n-grams of the text at random, seven times over, and the reference sets no seed: for a short text, one
in capitals or in several languages it answers now this, now that. A test here gives the share of draws in which the
reference would say yes, by fixed seeds, so that the verdict is the same on every machine and is the one that the
reference most often gives. Where all seven rounds of the first draw agree, no more are made.

A text without anything to go by (digits, say) counts as followed, as in the reference.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from heedful.errors import did_you_mean
from heedful.scorers.ifeval.arguments import Arguments, CannotVerify, text

DRAWS = 15
"""Draws of a text that langdetect is not sure of; odd, so that there is a majority."""
SURE = 0.999
"""The mean of the seven rounds above which all of them found the same."""


def response_language(arguments: Arguments) -> Callable[[str], float]:
    """The text is in a language, named by langdetect's code (ISO 639-1; zh-cn and zh-tw)."""
    code = text(arguments, "language")
    known = _factory().get_lang_list()
    if code not in known:
        raise CannotVerify(f"langdetect does not know the language '{code}'{did_you_mean(code, known)}")
    return lambda response: _share(response, code)


def english_capital(arguments: Arguments) -> Callable[[str], float]:
    """The text is English, and all its letters are capitals."""
    _factory()
    return lambda response: _share(response, "en") if response.isupper() else 0.0


def english_lowercase(arguments: Arguments) -> Callable[[str], float]:
    """The text is English, and none of its letters is a capital."""
    _factory()
    return lambda response: _share(response, "en") if response.islower() else 0.0


@functools.lru_cache(maxsize=1024)  # strict and loose, and several instructions, ask for the same texts
def _share(response: str, code: str) -> float:
    """The share of draws that find a language in a text."""
    first = _draw(response, 0)
    if first is None:
        return 1.0
    language, probability = first
    if probability > SURE:
        return float(language == code)
    found = [language] + [drawn[0] for seed in range(1, DRAWS) if (drawn := _draw(response, seed))]
    return found.count(code) / len(found)


def _draw(response: str, seed: int) -> tuple[str, float] | None:
    """The likeliest language of a text and its probability, or None where langdetect finds nothing to go by."""
    from langdetect.lang_detect_exception import LangDetectException

    detector = _factory().create()
    detector.seed = seed
    detector.append(response)
    try:
        found = detector.get_probabilities()
    except LangDetectException:
        return None
    return (found[0].lang, found[0].prob) if found else ("unknown", 0.0)


@functools.cache
def _factory() -> Any:
    """langdetect's profiles, in the order of their names: a folder's own order differs between machines."""
    try:
        from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory
    except ImportError:
        raise CannotVerify("languages need the package langdetect: install it by pip") from None
    factory = DetectorFactory()
    profiles = sorted(p for p in Path(PROFILES_DIRECTORY).iterdir() if p.is_file() and not p.name.startswith("."))
    factory.load_json_profile([p.read_text(encoding="utf-8") for p in profiles])
    return factory
