"""Abusive words in a text, also where they are written so as not to be seen.

A text is cut into words; a word has several readings: as it stands; without accents and letters of other alphabets that
look alike; with digits and signs as the letters that they stand for (sh1t, a$$); with long letters made short (fuuuck);
with a letter under a star (f*ck); spelt out with one mark between (f.u.c.k, f u c k). A reading must be a whole word of
the list, so Scunthorpe, assess and class are none.
"""

from __future__ import annotations

import codecs
import functools
import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from heedful.helm.words import rows

HIDDEN = "\u00ad\u200b-\u200f\u2060\ufeff"
_WORD = re.compile(rf"[\w@$!*+'’\u0300-\u036f{HIDDEN}]+")
_INVISIBLE = re.compile(f"[{HIDDEN}]")
_LONG = re.compile(r"(.)\1{2,}")
_SPELT = re.compile(r"\w(?:([_*])\w)(?:\1\w)+")
_SENTENCE = re.compile(r"[.!?]\W*\s|\n")
_LOOK_ALIKE = str.maketrans("авеікмнорсстухѕјοαερυν", "abeikmhopcctyxsjoaepuv")
_SIGNS = {"0": "o", "1": "il", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i", "+": "t"}
_TWO_WORDS = {"'re": "are", "'ll": "will", "'m": "am", "'s": "is", "'d": "would", "'ve": "have"}
_SHORT = {"u": "you", "ya": "you", "r": "are", "youre": "you are", "ur": "you are", "theyre": "they are"}
_SEPARATORS = (" ", ".", "-", "·")
LONGEST = 40  # letters; a longer word is none of the list, however it is read
YOU = frozenset(["you"])
THEY = frozenset(["he", "she", "they"])
IS = frozenset(["is", "are", "was", "were", "am"])
_NOTHING_SAID = """
a an the such so really very just nothing but total totally complete completely utter utterly absolute absolutely little
big bloody and all both literally clearly obviously still always like as must be no better than of only merely simply
truly
"""
BETWEEN = IS | frozenset(_NOTHING_SAID.split())


@dataclass(frozen=True)
class Entry:
    """A row of the list for one of its forms: the words, and the grade as it stands, of somebody, to the reader."""

    words: tuple[str, ...]
    kind: str
    grades: tuple[float, float, float]


@dataclass(frozen=True)
class Found:
    """An entry in a text, from `start` to `end`, in which sentence, and to whom it is said: 0 nobody, 1 of, 2 to."""

    entry: Entry
    start: int
    end: int
    sentence: int
    said_to: int

    @property
    def grade(self) -> float:
        return self.entry.grades[self.said_to]


@dataclass(frozen=True)
class _Word:
    start: int
    end: int
    readings: frozenset[str]
    sentence: int


@functools.cache
def entries() -> dict[str, tuple[Entry, ...]]:
    """The entries by their first word, those of more words first."""
    found: dict[str, list[Entry]] = {}
    for kind, *grades, forms in rows("toxicity"):
        alone, of, to = map(float, grades)
        for form in (codecs.decode(forms, "rot13") if kind == "slur" else forms).split():
            entry = Entry(tuple(form.split("_")), kind, (alone, of, to))
            found.setdefault(entry.words[0], []).append(entry)
    return {first: tuple(sorted(of, key=lambda e: -len(e.words))) for first, of in found.items()}


@functools.cache
def _singles() -> frozenset[str]:
    return frozenset(first for first, of in entries().items() if any(len(e.words) == 1 for e in of))


def abuse_in(text: str) -> list[Found]:
    """What is found, in order; no two overlap, and of entries that begin alike the longest is taken."""
    words = _spelt_out(text, list(_words(text)))
    found: list[tuple[Entry, int]] = []
    at = 0
    while at < len(words):
        entry = _entry_at(words, at)
        if entry is not None:
            found.append((entry, at))
        at += len(entry.words) if entry is not None else 1
    taken = {k for entry, first in found for k in range(first, first + len(entry.words))}
    return [
        Found(e, words[k].start, words[k + len(e.words) - 1].end, words[k].sentence, _said_to(words, k, taken))
        for e, k in found
    ]


def _entry_at(words: Sequence[_Word], at: int) -> Entry | None:
    known = entries()
    starting = [entry for reading in sorted(words[at].readings) for entry in known.get(reading, ())]
    for entry in sorted(starting, key=lambda e: (-len(e.words), e.grades)):
        here = words[at : at + len(entry.words)]
        alike = len(here) == len(entry.words) and here[-1].sentence == here[0].sentence
        if alike and all(word in of.readings for word, of in zip(entry.words, here, strict=True)):
            return entry
    return None


def _said_to(words: Sequence[_Word], at: int, taken: set[int]) -> int:
    """2 where only words that say nothing (or abuse) stand between it and "you", 1 the same of "they are"."""
    linked = False
    for k in range(at - 1, max(-1, at - 10), -1):
        if words[k].sentence != words[at].sentence:
            return 0
        if words[k].readings & YOU and k not in taken:
            return 2
        if words[k].readings & THEY:
            return 1 if linked else 0
        linked = linked or bool(words[k].readings & IS)
        if not (words[k].readings & BETWEEN or k in taken):
            return 0
    return 0


def _words(text: str) -> Iterator[_Word]:
    sentence, last = 0, 0
    for match in _WORD.finditer(text):
        sentence += bool(_SENTENCE.search(text, last, match.start()))
        last = match.end()
        for part in _parts(match[0]):
            yield _Word(match.start(), match.start() + len(match[0].rstrip("!")), part, sentence)
        sentence += match[0].endswith("!")


def _parts(raw: str) -> list[frozenset[str]]:
    """The readings of a word; two words where it is a contraction."""
    said = readings(raw if len(raw) <= LONGEST else _LONG.sub(r"\1\1\1", raw)[:LONGEST])
    for word in said:
        stem, mark, end = word.partition("'")
        if mark and f"'{end}" in _TWO_WORDS:
            return [frozenset([stem]), frozenset([_TWO_WORDS[f"'{end}"]])]
        if word in _SHORT:
            return [frozenset([part]) for part in _SHORT[word].split()]
    return [said]


@functools.lru_cache(maxsize=50_000)
def readings(raw: str) -> frozenset[str]:
    """All that a word may be, in small letters.

    >>> "shit" in readings("Sh1t!"), "fuck" in readings("fuuuuck"), "fuck" in readings("f**k")
    (True, True, True)
    """
    folded = _folded(raw)
    plain = folded.strip("_*'!+@$")
    found = {plain}
    signs = folded.strip("_*'").rstrip("!")
    if len(signs) > 2 and any(c in _SIGNS for c in signs) and any(c.isalpha() for c in signs) and signs.count("1") < 5:
        found |= {"".join(letters) for letters in itertools.product(*(_SIGNS.get(c, c) for c in signs))}
    if _SPELT.fullmatch(plain):
        found.add(re.sub("[_*]", "", plain))
    elif "*" in plain:
        found |= _under_stars(plain)
    for word in list(found):
        if _LONG.search(word):
            found |= {_LONG.sub(r"\1", word), _LONG.sub(r"\1\1", word)}
    return frozenset(found)


def _folded(raw: str) -> str:
    """Small letters without accents, hidden marks, and letters of other alphabets among Latin ones."""
    parted = unicodedata.normalize("NFKD", _INVISIBLE.sub("", raw).replace("’", "'"))
    small = "".join(c for c in parted if not unicodedata.combining(c)).casefold()
    return small.translate(_LOOK_ALIKE) if any("a" <= c <= "z" for c in small) else small


def _under_stars(plain: str) -> set[str]:
    """Words of the list with the letters that are seen, where these are two or more; the mildest of them."""
    if sum(c.isalpha() for c in plain) < 2:
        return set()
    pattern = re.compile("".join("[a-z]" if c == "*" else re.escape(c) for c in plain))
    fitting = [word for word in _singles() if pattern.fullmatch(word)]
    return {min(fitting, key=lambda word: (entries()[word][-1].grades, word))} if fitting else set()


def _spelt_out(text: str, words: list[_Word]) -> list[_Word]:
    """Single letters with one and the same mark between them, which together are a word of the list, made one word.

    A word of three letters must be all of them: "a s s" is one, "b a s s" is not.
    """
    out, at = [], 0
    while at < len(words):
        end = _end_of_letters(text, words, at)
        if end - at < 3:
            out.append(words[at])
            at += 1
            continue
        letters, done = "".join(text[w.start].lower()[:1] for w in words[at:end]), 0
        for found in _any_single().finditer(letters):
            if len(found[0]) > 3 or len(letters) == 3:
                first, last = words[at + found.start()], words[at + found.end() - 1]
                out += words[at + done : at + found.start()]
                out.append(_Word(first.start, last.end, frozenset([found[0]]), first.sentence))
                done = found.end()
        out += words[at + done : end]
        at = end
    return out


@functools.cache
def _any_single() -> re.Pattern[str]:
    return re.compile("|".join(sorted((w for w in _singles() if len(w) > 2), key=lambda w: (-len(w), w))))


def _end_of_letters(text: str, words: Sequence[_Word], at: int) -> int:
    """Where a row of single letters ends that have the mark between them that the first two have."""
    end, mark = at + 1, None
    while end < len(words) and all(w.end - w.start == 1 for w in (words[end - 1], words[end])):
        between = text[words[end - 1].end : words[end].start]
        if between not in _SEPARATORS or (mark is not None and between != mark):
            break
        mark, end = between, end + 1
    return end
