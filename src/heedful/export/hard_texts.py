"""Texts on which tokenizers part: spaces, ends of lines, digits, scripts, signs of several code points, control tokens.

llama.cpp splits text by rules of its own that are made after each tokenizer's; these find out whether they are the
same. A tokenizer that composes characters first (NFC, as Qwen's) gets them composed: llama.cpp does not compose.
"""

from __future__ import annotations

import unicodedata
from typing import Any, Literal

from heedful.control_tokens import control_texts

FORMS: tuple[Literal["NFC", "NFD", "NFKC", "NFKD"], ...] = ("NFC", "NFD", "NFKC", "NFKD")
CONTROL = 8  # control tokens that are tried as text

PLAIN = (
    "",
    " ",
    "  ",
    "   x",
    "a b",
    "a  b   c    d",
    " leading",
    "trailing ",
    "trailing  ",
    "\n",
    "\n\n",
    "\n\n\n\n\nx",
    "a\nb\n\nc\n \n  d",
    "line one\r\nline two\r\n\r\n",
    "\r",
    "tab\tbetween\t\ttabs\n\t\tindented",
    " \n \n",
    "x \n",
    "\u00a0no\u00a0break\u2003em\u3000wide",
    "zero\u200bwidth\u200djoin\ufeff",
    "It's we'll I'M YOU'RE they'd 'tis don\u2019t",
    "0 1 12 123 1234 12345 123456 1234567890",
    "3.14159 -2e10 1,000,000.50 0xFF 1/2 50%",
    "١٢٣ १२ Ⅷ ½ ²",
    "def f(x):\n    return {'a': [x ** 2, \"b\"], **y}  # note\n",
    "<div class=\"a\">&amp;</div> https://example.com/a_b-c?d=1&e=%20#f",
    "!!! ??? ... --- ___ *** ((()))[[[]]]{{}} ~~~ ``` @#$%^&*",
    "CamelCaseWord snake_case_word SHOUTING iPhone McDonald",
    "a" * 100,
    "ab" * 60,
    " " * 40 + "x",
    "\n" * 20,
    "=" * 70,
    "café naïve Über straße Łódź İstanbul",
    "cafe\u0301 n\u0303 a\u0308\u0323",
    "你好，世界。这是一个测试！",
    "日本語のテキストです。カタカナ、ｶﾅ",
    "한국어 문장입니다. ㄱㄴㄷ",
    "Русский текст, Ελληνικά",
    "العربية و\u064eالل\u0651\u064fغ\u064eة עברית",
    "ह\u093fन\u094dद\u0940 व\u093eक\u094dय ภาษาไทย",
    "😀 👍🏽 👨\u200d👩\u200d👧 🇯🇵 ❤\ufe0f 1\ufe0f\u20e3",
    "mixed😀text你good 42年",
    "▁▁ ▁x",
    "<0x0A> <unk> <s> </s> [INST] [PAD7] <|unknown|>",
    "∑∫∂ ∀x∈ℝ: x² ≥ 0 → €£¥",
    "𝓐𝕒 𠀀 \u2028line\u2029paragraph\u0085next",
    "\x07\x1b[31mred\x7f",
)  # fmt: skip


def hard_texts(tokenizer: Any) -> list[str]:
    """The texts above, and such with the tokenizer's own control tokens in them; composed where it composes."""
    texts = list(PLAIN)
    for token in list(control_texts(tokenizer))[:CONTROL]:
        texts += [token, f"a{token}b", f" {token} \n{token}{token}x"]
    form = composes(tokenizer)
    return [unicodedata.normalize(form, t) for t in texts] if form else texts


def composes(tokenizer: Any) -> Literal["NFC", "NFD", "NFKC", "NFKD"] | None:
    """NFC or another form that the tokenizer brings text into; None where it leaves characters as they are."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    named = type(getattr(backend, "normalizer", None)).__name__
    return next((form for form in FORMS if form == named), None)
