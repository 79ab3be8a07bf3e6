"""The script of a text by its code points, and its language by its script, its letters and its common words.

For a distribution over many rows, not for a verdict on one: a text without enough evidence has no language. Word
lists and letters are our own. Ranges are Unicode's blocks (unicode.org/Public/UNIDATA/Blocks.txt).
"""

from __future__ import annotations

import functools
import re
from typing import Any

LOOKED_AT = 600  # characters at the head of a text
_LEAST = 8  # letters for a script to be named

_BLOCKS: tuple[tuple[int, int, str], ...] = (
    (0x41, 0x5A, "Latin"), (0x61, 0x7A, "Latin"), (0xC0, 0x24F, "Latin"), (0x1E00, 0x1EFF, "Latin"),
    (0xFF21, 0xFF3A, "Latin"), (0xFF41, 0xFF5A, "Latin"),
    (0x370, 0x3FF, "Greek"), (0x1F00, 0x1FFF, "Greek"), (0x400, 0x52F, "Cyrillic"), (0x530, 0x58F, "Armenian"),
    (0x590, 0x5FF, "Hebrew"), (0x600, 0x6FF, "Arabic"), (0x750, 0x77F, "Arabic"), (0xFB50, 0xFDFF, "Arabic"),
    (0xFE70, 0xFEFE, "Arabic"), (0x900, 0x97F, "Devanagari"), (0x980, 0x9FF, "Bengali"), (0xA00, 0xA7F, "Gurmukhi"),
    (0xA80, 0xAFF, "Gujarati"), (0xB80, 0xBFF, "Tamil"), (0xC00, 0xC7F, "Telugu"), (0xC80, 0xCFF, "Kannada"),
    (0xD00, 0xD7F, "Malayalam"), (0xD80, 0xDFF, "Sinhala"), (0xE00, 0xE7F, "Thai"), (0xE80, 0xEFF, "Lao"),
    (0x1000, 0x109F, "Myanmar"), (0x10A0, 0x10FF, "Georgian"), (0x1200, 0x137F, "Ethiopic"), (0x1780, 0x17FF, "Khmer"),
    (0x3041, 0x30FF, "Kana"), (0x31F0, 0x31FF, "Kana"), (0xFF66, 0xFF9F, "Kana"), (0x1100, 0x11FF, "Hangul"),
    (0xAC00, 0xD7AF, "Hangul"), (0x3400, 0x4DBF, "Han"), (0x4E00, 0x9FFF, "Han"), (0xF900, 0xFAFF, "Han"),
    (0x20000, 0x323AF, "Han"),
)  # fmt: skip
_NAMES = ("", *dict.fromkeys(name for _, _, name in _BLOCKS))

# Scripts that (nearly) one language is written in.
_OF_SCRIPT = {
    "Greek": "el", "Armenian": "hy", "Hebrew": "he", "Bengali": "bn", "Gurmukhi": "pa", "Gujarati": "gu", "Tamil":
    "ta", "Telugu": "te", "Kannada": "kn", "Malayalam": "ml", "Sinhala": "si", "Thai": "th", "Lao": "lo", "Myanmar":
    "my", "Georgian": "ka", "Ethiopic": "am", "Khmer": "km", "Hangul": "ko", "Japanese": "ja", "Han": "zh",
    "Devanagari": "hi",
}  # fmt: skip

# Common words that tell languages in Latin letters apart; a word may stand for several.
_WORDS = """
en: the of and to is that it for was with as this are be have from which you not what they an by or at your can how
  his were their has but if one would will who when there my
de: der die das und ist nicht ein eine zu den von mit dem für auf im sich des auch als wird sie es an werden aus bei
  oder wie nach wir ich einer einen sind kann aber mein wenn noch
fr: le la les des est et une un dans que qui pour pas sur du ce il au sont avec par plus vous je nous elle ne se
  cette être mais ou comme ces fait leur quelle aux
es: el la los las de que y en un una es por con para del se no su al lo como más pero sus este son está cuando muy
  sin sobre también hay qué ser entre desde
it: il di che la è un una per non con del si da sono della le dei nel alla come più anche gli ma questo lo degli
  nella essere delle ha dal quale cosa se perché
pt: o a de que e do da em um uma para não com os no se na por mais as dos como mas ao ele das à seu sua ou quando
  muito são também está pelo isso você foi
nl: de het een van en is dat niet op te in voor met zijn die er aan ook als om bij maar naar door wordt worden deze
  uit kan nog heeft over je ik wat hij of dit
sv: och att det är en som på för av med den till inte har de ett om var jag så men kan från eller vi när du där ska
  också efter hur skulle vad mycket
da: og at det er en som på for af med den til ikke har de et om var jeg så men kan fra eller vi når du der skal også
  efter hvordan skulle hvad meget blev være
no: og å det er en som på for av med den til ikke har de et om var jeg så men kan fra eller vi når du der skal også
  etter hvordan skulle hva mye ble være
fi: ja on ei se että oli ovat mutta kun niin myös tai joka hän sen ole kuin mitä voi tämä ne minä olla sitä jos
  kanssa hyvin nyt miten siitä jotka
pl: i w nie na się że z do to jest o jak ale co po tak od za przez jego dla są czy który przy może być ich tym oraz
  już tylko gdy jej które
cs: a je se v na že to s z do o jako ale pro jsem za by po jak který od nebo jeho byl tak co jsou při může být ve
  která už jen když
ro: și în de la cu nu este o pe un că care din ce mai pentru sunt se ca fi ale lui fost prin dar sau această acest
  după are fie cum ei
hu: a az és hogy nem is egy ez van volt meg csak de ha mint már azt lehet vagy még el kell mert ami sem ki nagyon
  aki lesz hogyan
tr: ve bir bu da de için ile çok ne olarak gibi daha olan var kadar ama sonra en olduğu ki her mi nasıl değil ya
  veya şey ben o
id: yang dan di dengan untuk tidak dari ini itu adalah pada dalam akan oleh juga atau saya ke ada bisa karena anda
  mereka telah sebagai dapat lebih
vi: và của là không có được cho một trong những các với người này đã khi để về từ như tôi đến ra cũng nhưng bạn làm
  theo
sw: na ya wa kwa ni katika za la hii kuwa kama lakini au watu hiyo yake pia sana hivyo ili wao wake cha nini
"""
_ASCII_LETTER = re.compile("[A-Za-z]")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_TRANSLATION = re.compile(
    r"translat|language|english|french|german|spanish|italian|portuguese|dutch|japanese|chinese|mandarin|korean|russian|"
    r"arabic|hindi|latin|greek|hebrew|thai|turkish|polish|swedish|vietnamese|kanji|hiragana|katakana|pinyin|cyrillic|"
    r"pronounc|bilingual|übersetz|auf deutsch|englisch|französisch|spanisch|tradui[rst]|traduction|anglais|français|"
    r"traduc|traduz|inglés|inglês|inglese|翻訳|英訳|和訳|日本語|英語|中国語|訳し|翻译|英文|中文|英语|日语|译|번역|영어|"
    r"перевед|перевод|английск|code|script|program|python|regex|emoji|function|sql|コード|代码"
)


@functools.cache
def _table() -> Any:
    """The number of each code point's script."""
    import numpy as np

    table = np.zeros(0x110000, np.uint8)
    for first, last, name in _BLOCKS:
        table[first : last + 1] = _NAMES.index(name)
    table[[0xD7, 0xF7]] = 0  # signs for times and divided by
    return table


def scripts_of(text: str) -> dict[str, int]:
    """Letters by script in the head of a text; in an ASCII text all of it counts, where there is a letter."""
    head = text[:LOOKED_AT]
    if head.isascii():
        return {"Latin": len(head)} if _ASCII_LETTER.search(head) else {}
    import numpy as np

    codes = np.frombuffer(head.encode("utf-32-le", "surrogatepass"), np.uint32)
    counts = np.bincount(_table()[codes])
    return {_NAMES[i]: int(n) for i, n in enumerate(counts) if n and i}


def script_of(text: str) -> str:
    """The script that most letters of a text are in; "none" with few letters. Any kana makes it "Japanese".

    >>> script_of("ひらがなと漢字を書く"), script_of("Привет, мир"), script_of("1 + 1 = 2")
    ('Japanese', 'Cyrillic', 'none')
    """
    counts = scripts_of(text)
    han = counts.get("Han", 0) + counts.get("Kana", 0)
    if counts.get("Kana", 0) * 8 >= han > 0:
        counts["Japanese"] = han
        counts.pop("Kana")
        counts.pop("Han", None)
    if not counts:
        return "none"
    script, letters = max(counts.items(), key=lambda item: item[1])
    least = 4 if script in ("Japanese", "Han", "Hangul") else 1 if text.isascii() else _LEAST  # they have short words
    return script if letters >= least else "none"


@functools.cache
def _word_table() -> tuple[dict[str, tuple[str, ...]], frozenset[str]]:
    table: dict[str, list[str]] = {}
    language = ""
    for word in _WORDS.split():
        if word.endswith(":"):
            language = word[:-1]
        else:
            table.setdefault(word, []).append(language)
    return {w: tuple(names) for w, names in table.items()}, frozenset(table)


SURE = 4.0  # votes of common words for a language that is held against another


def language_of(text: str, script: str) -> tuple[str | None, bool]:
    """The language (ISO 639-1) of a text in a script, and whether it is sure; None where the evidence is too thin.

    >>> language_of("Wie heißt die Hauptstadt von Frankreich und wo liegt sie?", "Latin")
    ('de', True)
    """
    if script == "Latin":
        return _latin(text)
    if script == "Cyrillic":
        return _cyrillic(text[:LOOKED_AT].lower()), False
    if script == "Arabic":
        head = text[:LOOKED_AT]
        if any(c in head for c in "ٹڈڑےں"):
            return "ur", False
        return ("fa" if any(c in head for c in "پچژگ") else "ar"), False
    return _OF_SCRIPT.get(script), False


def _latin(text: str) -> tuple[str | None, bool]:
    """By common words: each is worth one vote, shared among its languages; the first must lead clearly."""
    table, known = _word_table()
    head = text[:LOOKED_AT].lower()
    words = set(head.split() if head.isascii() else _WORD.findall(head))
    votes: dict[str, float] = {}
    for word in words & known:
        names = table[word]
        share = 1 / len(names)
        for name in names:
            votes[name] = votes.get(name, 0.0) + share
    if not votes:
        return None, False
    best = max(votes, key=votes.__getitem__)
    most = votes.pop(best)
    second = max(votes.values(), default=0.0)
    if most < 2 or most < 1.3 * second or most * 12 < min(len(words), 40):
        return None, False
    return best, most >= SURE and most >= 2 * second


def _cyrillic(text: str) -> str | None:
    if any(c in text for c in "іїєґ"):
        return "be" if "ў" in text else "uk"
    if any(c in text for c in "ђћјљњџ"):
        return "sr"
    if any(c in text for c in "ыэё"):
        return "ru"
    return "bg" if text.count("ъ") >= 2 else "ru" if len(text) < 40 and "ъ" not in text else None


def asks_for_another(question: str) -> bool:
    """Whether a question, in small letters, speaks of a language, a translation or code: then any script may answer."""
    return _TRANSLATION.search(question) is not None
