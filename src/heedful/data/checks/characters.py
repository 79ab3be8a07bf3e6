"""Characters that should not be in a text, and text that was decoded wrongly."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_CONTROL_WIDE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
# Only characters beyond these are looked at one by one; LRM, RLM, ZWNJ and ZWJ are needed in scripts and emoji.
_ODD = re.compile("[\xad\u200b\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\ufffd\ud800-\udfff\ue000-\uf8ff]")
_ODD_WIDE = re.compile("[\U000e0001-\U000e007f\U000f0000-\U0010ffff]")
# A black flag spells its country in tag characters: the only use of them that is seen.
_FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007e]{2,8}\U000e007f")
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

# What the bytes 80 to BF, which go on a character in UTF-8, look like in cp1252 and Latin-1.
_MIDDLE = "\x80-\xbf" + "".join(bytes([b]).decode("cp1252", "ignore") for b in range(0x80, 0xA0))
_SEQUENCE = re.compile(f"[\xc2-\xdf][{_MIDDLE}]|[\xe0-\xef][{_MIDDLE}]{{2}}|[\xf0-\xf4][{_MIDDLE}]{{3}}")
_FROM_CP1252 = {bytes([b]).decode("cp1252"): b for b in range(0x80, 0xA0) if b not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)}
# Punctuation that may really stand after an accented letter: CAFÉ”, «È», café\xa0».
_PUNCTUATION = frozenset("\xa0«»“”‘’‚„…–—‹›°®™·•©")
# UTF-8 read as Shift_JIS is full of these three, which hardly any Japanese text has.
_UTF8_AS_SJIS = re.compile("[縺繧繝]")
_SJIS_AS_CP1252 = re.compile(f"(?:[‚ƒ][@-~{_MIDDLE}\xc0-\xfc]){{3,}}")
_UTF8_AS_CP1251 = re.compile(r"(?:[РСÐÑ][^\s\x00-\x7f]){4,}")
_NOT_BYTES = re.compile("锟斤拷|烫烫烫|屯屯屯|ï¿½")


def character_kinds(text: str, ascii_only: bool) -> list[str]:
    """The kinds of odd characters in a text; `ascii_only` says what ``text.isascii()`` says."""
    if ascii_only:
        return ["control_characters"] if _CONTROL.search(text) else []
    kinds = ["control_characters"] if _CONTROL_WIDE.search(text) else []
    if _ODD.search(text) or _ODD_WIDE.search(text):
        found = set(_ODD.findall(text)) | set(_ODD_WIDE.findall(_FLAG.sub("", text)))
        kinds += sorted({_kind_of(c) for c in found})
    if looks_decoded_wrongly(text):
        kinds.append("mojibake")
    return kinds


def _kind_of(c: str) -> str:
    if c in _BIDI:
        return "bidi_controls"
    if c == "\ufffd":
        return "replacement_characters"
    if "\ue000" <= c <= "\uf8ff" or "\ud800" <= c <= "\udfff" or c >= "\U000f0000":
        return "private_use"
    return "invisible_characters"


def looks_decoded_wrongly(text: str) -> bool:
    """Whether some of a text is UTF-8 or Shift_JIS that was read as another encoding.

    A sequence counts where its characters, as bytes of cp1252 or Latin-1, are one character of UTF-8. Real text has
    such sequences by chance, mostly a capital or an accented letter before a quotation mark, so those count only
    where there are several.

    >>> looks_decoded_wrongly("cafÃ©"), looks_decoded_wrongly("le «\xa0café\xa0»"), looks_decoded_wrongly("SÃO PAULO")
    (True, False, False)
    """
    doubtful = 0
    for m in _SEQUENCE.finditer(text):
        seen = m.group()
        if _utf8(seen) is None:
            continue
        before = text[m.start() - 1] if m.start() else " "
        if _certain(seen, before):
            return True
        doubtful += any(c not in _PUNCTUATION for c in seen[1:])
    if doubtful >= 3 or _NOT_BYTES.search(text):
        return True
    return _from_japanese(text) or _from_cyrillic(text)


def _utf8(seen: str) -> str | None:
    try:
        return bytes(_FROM_CP1252.get(c, ord(c)) for c in seen).decode("utf-8")
    except (UnicodeDecodeError, ValueError):
        return None


def _certain(seen: str, before: str) -> bool:
    """One sequence that hardly any real text has."""
    lead, rest = seen[0], seen[1:]
    if before.islower() and lead.isupper():  # ZdjÄ™cie: no capital stands within a word
        return True
    if len(seen) == 2:
        if lead not in "ÂÃ":
            return False
        return not (before.isupper() and rest in _PUNCTUATION)
    if seen.startswith(("â€", "ï»¿", "ðŸ")):
        return True
    return any(c not in _PUNCTUATION for c in rest) and (not before.isalpha() or len(seen) == 4)


def _from_japanese(text: str) -> bool:
    signs = len(_UTF8_AS_SJIS.findall(text))
    if signs >= 3 and signs * 12 >= len(text.split(None, 1)[0]) and signs * 30 >= len(text):
        return True
    for m in _SJIS_AS_CP1252.finditer(text):
        try:
            read = bytes(_FROM_CP1252.get(c, ord(c)) for c in m.group()).decode("shift_jis")
        except (UnicodeDecodeError, ValueError):
            continue
        if all("\u3040" <= c <= "\u30ff" for c in read):
            return True
    return False


def _from_cyrillic(text: str) -> bool:
    """UTF-8 read as cp1251: every second letter is Р or С."""
    for m in _UTF8_AS_CP1251.finditer(text):
        try:
            read = m.group().encode("cp1251").decode("utf-8")
        except UnicodeError:
            continue
        if all("\u0400" <= c <= "\u04ff" for c in read):
            return True
    return False
