"""Which language a question is in, by a simple rule that says nothing where it does not know.

A script that one language has in practice tells it (Unicode names its letters by script); Latin letters are told by
common small words: two at least, and half again as many as of any other language here. Cyrillic, Arabic and Devanagari
have several large languages, so they are left open.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

SCRIPTS = {
    "HIRAGANA": "Japanese", "KATAKANA": "Japanese", "HANGUL": "Korean", "CJK": "Chinese", "GREEK": "Greek",
    "HEBREW": "Hebrew", "THAI": "Thai", "ARMENIAN": "Armenian", "GEORGIAN": "Georgian",
}  # fmt: skip
SMALL_WORDS = {
    "English": "the and is are what how of to in that this for with you why which does can please write explain who",
    "German": "der die das und ist sind was wie nicht ein eine mit für auf warum welche bitte schreibe kann ich den",
    "French": "le la les de et est sont que quoi comment un une des pour avec pourquoi quel quelle dans vous je du",
    "Spanish": "el la los las y es son qué cómo un una de para con por que cuál quién en puedes escribe del",
    "Italian": "il lo la gli e è sono che cosa come un una di per con perché quale chi nel puoi scrivi della",
    "Portuguese": "o a os as e é são que como um uma de para com por qual quem em você não escreva do",
    "Dutch": "de het een en is zijn wat hoe niet van voor met waarom welke kan ik op schrijf naar dat wie",
}
_WORDS = {language: frozenset(words.split()) for language, words in SMALL_WORDS.items()}
_WORD = re.compile(r"[^\W\d_]+")
MOST = 4_000  # characters that are looked at


def language_of(text: str) -> str | None:
    """The language's English name, None where the rule does not tell.

    >>> asked = ("What is the capital of France?", "猫は何歳まで生きますか", "ok", "Was ist das für ein Tier?")
    >>> [language_of(text) for text in asked]
    ['English', 'Japanese', None, 'German']
    """
    text = text[:MOST]
    scripts = Counter(unicodedata.name(c, "?").split(" ")[0].split("-")[0] for c in text if c.isalpha())
    letters = sum(scripts.values())
    if not letters:
        return None
    told = Counter({SCRIPTS[s]: n for s, n in scripts.items() if s in SCRIPTS and s not in ("HIRAGANA", "KATAKANA")})
    kana = scripts["HIRAGANA"] + scripts["KATAKANA"]
    if kana and kana * 10 >= letters:  # Japanese is written with Chinese characters too
        return "Japanese" if (kana + scripts["CJK"]) * 2 > letters else None
    if told and told.most_common(1)[0][1] * 2 > letters:
        return told.most_common(1)[0][0]
    if scripts["LATIN"] * 2 <= letters:
        return None
    words = [w.casefold() for w in _WORD.findall(text)]
    hits = Counter({language: sum(w in known for w in words) for language, known in _WORDS.items()})
    (first, most), (_, second) = hits.most_common(2)
    return first if most >= 2 and 2 * most >= 3 * second else None
