"""The 25 kinds of instruction, by the ids of the reference, with the arguments that each takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from heedful.errors import did_you_mean
from heedful.scorers.ifeval import language, layout, sentences, words
from heedful.scorers.ifeval.arguments import Arguments, CannotVerify, known

Share = Callable[[str], float]
"""A test of a text: False (0) or True (1), or between them where the reference's own verdict is random."""


@dataclass(frozen=True)
class Kind:
    """One kind: its arguments by name, and the function that reads them and gives the test of a text."""

    arguments: tuple[str, ...]
    make: Callable[[Arguments], Share]


KINDS: dict[str, Kind] = {
    "keywords:existence": Kind(("keywords",), words.existence),
    "keywords:frequency": Kind(("keyword", "frequency", "relation"), words.frequency),
    "keywords:forbidden_words": Kind(("forbidden_words",), words.forbidden),
    "keywords:letter_frequency": Kind(("letter", "let_frequency", "let_relation"), words.letter_frequency),
    "language:response_language": Kind(("language",), language.response_language),
    "length_constraints:number_sentences": Kind(("num_sentences", "relation"), sentences.number_of_sentences),
    "length_constraints:number_paragraphs": Kind(("num_paragraphs",), layout.paragraphs),
    "length_constraints:number_words": Kind(("num_words", "relation"), words.number_of_words),
    "length_constraints:nth_paragraph_first_word": Kind(
        ("num_paragraphs", "nth_paragraph", "first_word"), layout.first_word_of_paragraph
    ),
    "detectable_content:number_placeholders": Kind(("num_placeholders",), layout.placeholders),
    "detectable_content:postscript": Kind(("postscript_marker",), layout.postscript),
    "detectable_format:number_bullet_lists": Kind(("num_bullets",), layout.bullets),
    "detectable_format:constrained_response": Kind((), layout.constrained),
    "detectable_format:number_highlighted_sections": Kind(("num_highlights",), layout.highlights),
    "detectable_format:multiple_sections": Kind(("section_spliter", "num_sections"), layout.sections),
    "detectable_format:json_format": Kind((), layout.json_format),
    "detectable_format:title": Kind((), layout.title),
    "combination:two_responses": Kind((), layout.two_responses),
    "combination:repeat_prompt": Kind(("prompt_to_repeat",), layout.repeat_prompt),
    "startend:end_checker": Kind(("end_phrase",), layout.end),
    "startend:quotation": Kind((), layout.quotation),
    "change_case:capital_word_frequency": Kind(("capital_frequency", "capital_relation"), sentences.capital_words),
    "change_case:english_capital": Kind((), language.english_capital),
    "change_case:english_lowercase": Kind((), language.english_lowercase),
    "punctuation:no_comma": Kind((), words.no_comma),
}


def make_test(kind: str, arguments: Arguments) -> Share:
    """The test of an instruction. CannotVerify for a kind or an argument that does not exist or makes no sense."""
    if kind not in KINDS:
        raise CannotVerify(f"there is no kind '{kind}'{did_you_mean(kind, KINDS)}")
    return KINDS[kind].make(known(arguments, KINDS[kind].arguments))
