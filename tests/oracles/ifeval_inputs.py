"""Responses and instructions that we made to try the reference of IFEval with; the standard library alone is needed.

Half are written by hand at the edges of the 25 kinds; the others are drawn from pieces: abbreviations, marks, quotes of
all sorts, Markdown, odd white space, other scripts.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

PROMPT = "Write two lines about rain. Be kind."

BATTERY: list[tuple[str, dict[str, Any]]] = [
    ("keywords:existence", {"keywords": ["rain", "Café"]}),
    ("keywords:existence", {"keywords": ["a.c", "no"]}),
    ("keywords:frequency", {"keyword": "rain ", "frequency": 2, "relation": "at least"}),
    ("keywords:frequency", {"keyword": "o", "frequency": 3, "relation": "less than"}),
    ("keywords:forbidden_words", {"forbidden_words": ["rain", "it"]}),
    ("keywords:forbidden_words", {"forbidden_words": ["ж", "don't"]}),
    ("keywords:letter_frequency", {"letter": "E", "let_frequency": 4, "let_relation": "at least"}),
    ("keywords:letter_frequency", {"letter": "t", "let_frequency": 3, "let_relation": "less than"}),
    ("length_constraints:number_sentences", {"num_sentences": 3, "relation": "at least"}),
    ("length_constraints:number_sentences", {"num_sentences": 2, "relation": "less than"}),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 1}),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 3}),
    ("length_constraints:number_words", {"num_words": 12, "relation": "at least"}),
    ("length_constraints:number_words", {"num_words": 6, "relation": "less than"}),
    ("length_constraints:nth_paragraph_first_word", {"num_paragraphs": 1, "nth_paragraph": 1, "first_word": "Rain"}),
    ("length_constraints:nth_paragraph_first_word", {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "it"}),
    ("length_constraints:nth_paragraph_first_word", {"num_paragraphs": 3, "nth_paragraph": 1, "first_word": "rain"}),
    ("detectable_content:number_placeholders", {"num_placeholders": 1}),
    ("detectable_content:number_placeholders", {"num_placeholders": 3}),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}),
    ("detectable_content:postscript", {"postscript_marker": "P.P.S"}),
    ("detectable_content:postscript", {"postscript_marker": "Note:"}),
    ("detectable_format:number_bullet_lists", {"num_bullets": 0}),
    ("detectable_format:number_bullet_lists", {"num_bullets": 1}),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}),
    ("detectable_format:number_bullet_lists", {"num_bullets": 3}),
    ("detectable_format:constrained_response", {}),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 1}),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 2}),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 4}),
    ("detectable_format:multiple_sections", {"section_spliter": "Section", "num_sections": 1}),
    ("detectable_format:multiple_sections", {"section_spliter": " (PART) ", "num_sections": 3}),
    ("detectable_format:json_format", {}),
    ("detectable_format:title", {}),
    ("combination:two_responses", {}),
    ("combination:repeat_prompt", {"prompt_to_repeat": PROMPT}),
    ("startend:end_checker", {"end_phrase": "Any other questions?"}),
    ("startend:end_checker", {"end_phrase": "rain."}),
    ("startend:quotation", {}),
    ("change_case:capital_word_frequency", {"capital_frequency": 3, "capital_relation": "at least"}),
    ("change_case:capital_word_frequency", {"capital_frequency": 1, "capital_relation": "less than"}),
    ("punctuation:no_comma", {}),
]
"""Instructions that every response is tried with: 22 kinds, several with counts on both sides of what is usual."""

LANGUAGES: list[tuple[str, dict[str, Any]]] = [
    ("language:response_language", {"language": "en"}),
    ("language:response_language", {"language": "de"}),
    ("change_case:english_capital", {}),
    ("change_case:english_lowercase", {}),
]
"""The three kinds of which the reference's own verdict is random."""

BY_HAND = [
    "",
    " ",
    "\n\n",
    "\n*\n",
    "Rain.",
    "rain",
    "Rain, rain, go away.",
    "It rained，twice、or so.",
    f"{PROMPT}\nSoft rain on the roof.\nIt sings, and so do I.",
    f"  {PROMPT.upper()}\nRAIN.",
    f"Sure!\n{PROMPT}\nRain.",
    "My answer is yes.",
    "  My answer is maybe. I am not sure.",
    "my answer is no.",
    '"Rain falls on the café."',
    "“Rain falls on the café.”",
    '"',
    '""',
    ' "Rain." \n',
    "<<Rain>>",
    "<<>>",
    "<< >>\n<<a>>",
    "<<Rain\nfall>>",
    "<<<>>>",
    "<<a>> and <<b>>",
    "# <<Title>>\n\ntext",
    "Dear [name], your [thing] is at [place].",
    "[a][b] [c",
    "[a\nb] [c]",
    "[[nested] twice]",
    "* one\n* two\n",
    "- one\n- two\n- three",
    "  * one\n\n\n- two",
    "** bold **\n* one",
    "*\n* two",
    "---\n* one\n***",
    "*a*",
    "**a**",
    "*a* **b** *c*",
    "* a *\n* b *",
    "****",
    "** **",
    "***a***",
    "*a\nb*",
    "*one**two*",
    "Here is it:\n*rain*\nAny other questions?",
    "Section 1\nrain\nSection 2\nmore",
    "Section1 Section2",
    "Section one\nSection  3",
    "PART 1 a PART 2 b",
    "PART 1",
    "Subsection 12 of Section",
    "rain\n***\nit",
    "rain *** it *** more",
    "***\nrain\n***",
    "*** *** rain",
    "rain\n******\nit",
    "rain******rain",
    "rain******it******",
    "******rain******it",
    "rain****** ******it",
    "a******b******c",
    "Rain.\n\nIt falls.",
    "'Rain' falls.\n\n\"It\" sings.",
    "Rain\n\n\n\nit falls",
    "\n\nRain falls.\n\nIt sings.\n\n",
    "Rain's\n\nIt's",
    "rain!\n\nit?",
    "RAIN ONE\n\n\nIT two",
    "Rain ß\n\nİT",
    '{"rain": [1, 2, {"it": null}]}',
    '```json\n{"a": 1}\n```',
    '```Json\n{"a": 1}```',
    '```JSON\n["a"]\n```',
    "```\n[1, 2]\n```",
    '```json```json\n{"a": 1}\n```',
    '```JSON```json\n{"a": 1}\n```',
    '```python\n{"a": 1}\n```',
    "{'a': 1}",
    '{"a": 1,}',
    "[NaN, Infinity]",
    '"text"',
    "17",
    "true",
    "\ufeff{}",
    "Here you are:\n{}\nDone.",
    '{"a": 1}\n\nP.S. rain',
    "P.S. one",
    "p. s. one",
    "Bye.\nP.P.S two",
    "P. P. S. three",
    "P.S one",
    "P.\tS. one",
    "note: rain",
    "Any other questions?",
    'Rain. "Any other questions?"',
    "Rain. Any other questions? Bye.",
    "any OTHER questions?\n\n",
    "It's rain.",
    "Rain rain raining RAIN.",
    "I can't. I CAN'T. I'LL GO. IT'S JOHN'S CAR.",
    "CANNOT GONNA GOTTA LEMME GIMME WANNA D'YE MORE'N 'TIS 'TWAS",
    "WANNA.\nI WANNA GO",
    "O'B said 'A' and 'Q.' to 'M'",
    "A, B,C: D;E F#G A@B $A %B &C A*B A-B A--B A_B",
    "(A) [B] {C} <D> A/B A\\B A.B. A.B.C",
    'SHE SAID "NO" AND "YES". «OUI» ‘NON’ “JA”',
    "``A'' ''B`` `C`",
    "U.S.A. AND U.K. NASA'S F.B.I.",
    "A…B A...B A..B A . . . B",
    "WHO?! ME!? YES!!! NO...",
    "ÀÉÎ ŠŽ ДА НЕТ ΑΒΓ ǅ Ǆ Ⓐ Ⅷ ª º",
    "A\u00a0B A\u2003B A\u200bB A\u2028B A\x1cB A\x0bB",
    "Dr. Smith met Mr. J. Bach at 5 p.m. It was fine. He left at 6 p.m. for home.",
    "The U.S. The country. The U.S. is big. In the U.S. Many people.",
    "No. 5 is alive. See fig. 3. See Fig. 4. Vol. II. pp. 3-5.",
    "It cost 3.50. Then 4. Then five. In 1999. The end. 5. item six. 7. Item.",
    "e.g. this, i.e. that, etc. And so on, etc. and so forth.",
    "He said “Stop.” Then he left. She said ‘No.’ Fine. «Oui.» Bien.",
    'He said "Stop." Then he left. (Really.) Yes. [Ok.] Fine.} Now.\' So.',
    "Wait... what? Well... Yes. And ... no. Hmm. . . maybe. . . . Yes",
    "One.Two.Three. Four.five",
    "Hello!World?Yes.No",
    "Really?!?! Yes!!! (No?) -- maybe.-- so.--",
    "A. B. C. Smith. Q. Who? A. Me.",
    "vs. Jones, Inc. said. Co. Ltd. The firm. Corp. It grew.",
    "1. One\n2. Two\n3. Three",
    "Line one.\n\nLine two\nline three.\r\nLine four.",
    "   .   .   ",
    ". . .",
    "...",
    "?",
    "!a",
    "a.\n\n\n",
    "a.\u00a0B. C.\u2003D. E.\u2028F. G.\x1cH.",
    "你好。我很好！谢谢？",
    "Да. Нет. Г. Иванов. т.е. так.",
    "Έλα. Πάμε; Ναι.",
    "a.m. P.M. 10 a.m. Sunday. 10 a.m. sunday.",
    "ph.d. Then. Ph.D. The. St. Louis. st. louis. Sept. 5. Sept. The.",
    "well-known co. It. non-u.s. It. x-mr. It",
    "# Title\n\n## Part\n\n- a\n- b\n\n1. c\n",
    "😀 rain 😀. 😀 It? 🇩🇪! e\u0301a.",
    "x" * 300 + ". " + "y" * 10,
    "!" * 50 + " a",
    "a. " * 40,
    "don't do it, ж!",
    "Abc? No.",
]

_PIECES = (  # noqa: SIM905
    "rain It the They However and Café naïve CAPS NASA I A x 3 3.5 1,000 4. -5 .5 No. Mr. Dr. J. U.S. p.m. e.g. etc. "
    "Inc. Ph.D. St. vs. Co. ... .. . ? ! ?! !!! , ; : - -- — … ( ) [ ] { } < > << >> * ** *** ****** # ## ` `` ``` "
    "\" ' '' “ ” ‘ ’ « » „ can't CAN'T I'LL John's JOHN'S 'tis 'T GONNA cannot D'YE O'B [name] [x *rain* **it** "
    '<<Rain>> Section PART P.S. P.P.S Note: end. end? stop." stop.) stop.” “Go.” (ok.) he said. said.He '
    "Ж. ж да. 你好。 م. 😀 "
    "a.b a.b.c B.C. www.x.com x@y.z http://a.b/c?d=e. - * • 1. 2) a) \\ / | ~ ^ _ __ = + & % $ @ ß İ ſ ǅ Ⅷ"
).split(" ")
_SPACES = (" ",) * 12 + ("", "", "\n", "\n", "\n\n", "  ", "\t", "\u00a0", "\r\n", "\u2003", "\u2028", "\x0b", "\x1c")
_SPACES += ("\n \n",)


def responses() -> list[str]:
    """Those written by hand, then 400 drawn ones."""
    return BY_HAND + list(_drawn(random.Random(25), 400))


def _drawn(rng: random.Random, count: int) -> Iterator[str]:
    for _ in range(count):
        parts: list[str] = []
        if rng.random() < 0.05:
            parts.append(PROMPT + "\n")
        for _ in range(rng.randint(1, 45)):
            parts += [rng.choice(_PIECES), rng.choice(_SPACES)]
        if rng.random() < 0.1:
            parts.append(rng.choice(["Any other questions?", "rain.", '"', "```"]))
        yield "".join(parts)


SPOKEN = [
    "The rain falls softly on the roof tonight.",
    "THE RAIN FALLS SOFTLY ON THE ROOF TONIGHT AND I AM GLAD.",
    "the rain falls softly on the roof tonight, and i am glad.",
    "Der Regen fällt heute Nacht leise auf das Dach, und ich bin froh.",
    "der regen fällt heute nacht leise auf das dach.",
    "DER REGEN FÄLLT HEUTE NACHT LEISE AUF DAS DACH.",
    "La pluie tombe doucement sur le toit cette nuit.",
    "El perro corre por la calle y no vuelve.",
    "Сегодня ночью дождь тихо падает на крышу.",
    "雨が静かに屋根に降っています。",
    "Rain. Regen. Pluie.",
    "Sure! Here it is:\nDer Regen fällt leise auf das Dach, und ich bin froh.\nAny other questions?",
    "Here you are:\nthe rain falls softly on the roof tonight, and i am glad.",
    "**the rain falls softly on the roof**",
    "123 456",
    "!!! ???",
    "OK",
    "ok",
    "HELLO",
    "hello",
    "I",
    "A B C",
    "HI 123",
    "rain 7 {}",
    "HTTP://A.B/C",
    "no no no no",
    "NO NO NO NO",
    "ja ja ja",
    "the hund is on the strasse and der cat is in the haus",
    "https://example.com/the/rain mail@example.com",
    "😀😀😀",
    "ǅ",
    "taxi hotel radio",
    "Radio Hotel Taxi.\nRADIO HOTEL TAXI.",
]
"""Responses in languages, and in none, for the kinds that guess it."""
