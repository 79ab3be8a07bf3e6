"""Kinds that need the language of a text, which langdetect (Shuyo's language-detection, 55 languages) guesses.

langdetect draws n-grams of the text at random, seven times over, and the reference sets no seed: for a short text, one
in capitals or in several languages it answers now this, now that. A test here gives the share of draws in which the
reference would say yes, out of 101 by a fixed seed, so that the verdict is the same each time and is the one that the
reference most often gives. Language profiles and n-grams are langdetect's; only the drawing is done here, since its own
loop takes seconds for so many draws.

A text without anything to go by (digits, say) counts as followed, as in the reference.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heedful.errors import did_you_mean
from heedful.scorers.ifeval.arguments import Arguments, CannotVerify, text

DRAWS = 101
"""How often a text is drawn from; odd, so that there is a majority."""


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
    found = _languages(response)
    return 1.0 if found is None else found.count(code) / len(found)


@functools.lru_cache(maxsize=1024)
def _languages(response: str) -> tuple[str, ...] | None:
    """The likeliest language of a text in each draw; None where there is nothing to go by."""
    detector = _factory().create()
    detector.append(response)
    detector.cleaning_text()
    grams = detector._extract_ngrams()
    if not grams:
        return None
    kinds = sorted(set(grams))
    frequencies = np.array([detector.word_lang_prob_map[g] for g in kinds])  # (kinds, languages)
    place = {g: n for n, g in enumerate(kinds)}
    means = _draw(detector, frequencies, np.array([place[g] for g in grams]))
    return tuple(
        detector.langlist[n] if m[n] > detector.PROB_THRESHOLD else detector.UNKNOWN_LANG
        for m, n in zip(means, means.argmax(axis=1), strict=True)
    )


def _draw(detector: Any, frequencies: NDArray[np.float64], grams: NDArray[np.int64]) -> NDArray[np.float64]:
    """The mean probability of each language in each draw: (DRAWS, languages).

    As langdetect's own loop, all draws side by side: a round multiplies the frequencies of n-grams drawn from the text
    (grams: places in `frequencies`) until one language is as good as certain, or for 1,000 steps.
    """
    rng = np.random.default_rng(0)
    rounds, languages = DRAWS * detector.n_trial, frequencies.shape[1]
    alpha = rng.normal(detector.ALPHA_DEFAULT, detector.ALPHA_WIDTH, rounds)
    weight = (alpha / detector.BASE_FREQ)[:, None]
    ended = np.empty((rounds, languages))
    left = np.arange(rounds)
    chances = np.full((rounds, languages), 1 / languages)  # of the rounds that are left
    for step in range(detector.ITERATION_LIMIT + 1):
        chances *= weight[left] + frequencies[grams[rng.integers(len(grams), size=len(left))]]
        if step % 5 == 0:
            chances /= chances.sum(axis=1, keepdims=True)
            done = (chances.max(axis=1) > detector.CONV_THRESHOLD) | (step == detector.ITERATION_LIMIT)
            ended[left[done]] = chances[done]
            left, chances = left[~done], chances[~done]
            if not len(left):
                break
    return ended.reshape(DRAWS, detector.n_trial, languages).mean(axis=1)


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
