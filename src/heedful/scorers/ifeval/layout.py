"""Kinds that look at the form of a text: lists, sections, quotes, JSON, beginnings and ends.

Each function reads arguments and gives a test of a text. What they take for a bullet, a section or a paragraph is what
the reference takes for one, oddities too, since its figures are published.
"""

from __future__ import annotations

import json
import re

from heedful.scorers.ifeval.arguments import Arguments, CannotVerify, number, pattern, text
from heedful.scorers.ifeval.words import Test

ANSWERS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
"""The options of detectable_format:constrained_response."""

_PLACEHOLDER = re.compile(r"\[.*?\]")
_STAR_BULLET = re.compile(r"^\s*\*[^*].*$", re.MULTILINE)
_DASH_BULLET = re.compile(r"^\s*-.*$", re.MULTILINE)
_HIGHLIGHT = re.compile(r"\*[^\n*]*\*")
_DOUBLE_HIGHLIGHT = re.compile(r"\*\*[^\n*]*\*\*")
_DIVIDER = re.compile(r"\s?\*\*\*\s?")
_TITLE = re.compile(r"<<[^\n]+>>")
_POSTSCRIPTS = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}
_FENCES = ("```json", "```Json", "```JSON", "```")


def placeholders(arguments: Arguments) -> Test:
    """At least so many [placeholders], each on one line."""
    wanted = number(arguments, "num_placeholders")
    return lambda response: len(_PLACEHOLDER.findall(response)) >= wanted


def postscript(arguments: Arguments) -> Test:
    """The marker stands somewhere, whatever its case; a marker other than P.S. and P.P.S is a regular expression."""
    marker = text(arguments, "postscript_marker", empty=True).strip()
    found = pattern(_POSTSCRIPTS.get(marker, marker.lower()), re.MULTILINE)
    return lambda response: found.search(response.lower()) is not None


def bullets(arguments: Arguments) -> Test:
    """Exactly so many lines that begin with '-' or with one '*'."""
    wanted = number(arguments, "num_bullets")
    return lambda response: len(_STAR_BULLET.findall(response)) + len(_DASH_BULLET.findall(response)) == wanted


def constrained(arguments: Arguments) -> Test:
    """One of the three answers stands somewhere in the text."""
    return lambda response: any(answer in response for answer in ANSWERS)


def highlights(arguments: Arguments) -> Test:
    """At least so many *highlighted* parts; one between double stars counts as it is found, once or twice."""
    wanted = number(arguments, "num_highlights")

    def test(response: str) -> bool:
        single = sum(bool(h.strip("*").strip()) for h in _HIGHLIGHT.findall(response))
        double = sum(bool(h[2:-2].strip()) for h in _DOUBLE_HIGHLIGHT.findall(response))
        return single + double >= wanted

    return test


def sections(arguments: Arguments) -> Test:
    """At least so many headings: the word (a regular expression) and a number."""
    heading = pattern(rf"\s?{text(arguments, 'section_spliter', empty=True).strip()}\s?\d+\s?")
    wanted = number(arguments, "num_sections")
    return lambda response: len(heading.split(response)) - 1 >= wanted


def json_format(arguments: Arguments) -> Test:
    """The whole text is JSON; a fence around it may stand."""

    def test(response: str) -> bool:
        body = response.strip()
        for fence in _FENCES:  # one after the other: two different fences in a row both go, as in the reference
            body = body.removeprefix(fence)
        try:
            json.loads(body.removesuffix("```").strip())
        except ValueError:
            return False
        except RecursionError:
            raise CannotVerify("the JSON is nested too deep to be read") from None
        return True

    return test


def title(arguments: Arguments) -> Test:
    """Somewhere stands a <<title>> on one line."""
    return lambda response: any(t.lstrip("<").rstrip(">").strip() for t in _TITLE.findall(response))


def paragraphs(arguments: Arguments) -> Test:
    """Exactly so many paragraphs between dividers of three stars; none but the first and last part may be empty."""
    wanted = number(arguments, "num_paragraphs")

    def test(response: str) -> bool:
        parts = [p.strip() for p in _DIVIDER.split(response)]
        return all(parts[1:-1]) and sum(map(bool, parts)) == wanted

    return test


def first_word_of_paragraph(arguments: Arguments) -> Test:
    """So many paragraphs between blank lines, of which the nth begins with a word.

    As in the reference, empty paragraphs do not count, but the nth is found among all of them.
    """
    wanted = number(arguments, "num_paragraphs")
    nth = number(arguments, "nth_paragraph")
    if not 1 <= nth <= wanted:
        raise CannotVerify(f"nth_paragraph is {nth} and must be from 1 to num_paragraphs ({wanted})")
    word = text(arguments, "first_word", empty=True).lower()

    def test(response: str) -> bool:
        parts = [p.strip() for p in response.split("\n\n")]
        count = sum(map(bool, parts))
        if nth > count or not parts[nth - 1]:
            return False
        first = parts[nth - 1].split()[0].lstrip("'").lstrip('"')
        first = re.split("[.,?!'\"]", first, maxsplit=1)[0]
        return count == wanted and "".join(c.lower() for c in first) == word

    return test


def two_responses(arguments: Arguments) -> Test:
    """Two different parts around six stars, and none else but empty ones at the ends."""

    def test(response: str) -> bool:
        parts = [p.strip() for p in response.split("******")]
        given = [p for p in parts if p]
        return all(parts[1:-1]) and len(given) == 2 and given[0] != given[1]

    return test


def repeat_prompt(arguments: Arguments) -> Test:
    """The text begins with the prompt, whatever its case."""
    prompt = text(arguments, "prompt_to_repeat").strip().lower()
    return lambda response: response.strip().lower().startswith(prompt)


def end(arguments: Arguments) -> Test:
    """The text ends with a phrase, whatever its case; quotes after it may stand."""
    phrase = text(arguments, "end_phrase", empty=True).strip().lower()
    return lambda response: response.strip().strip('"').lower().endswith(phrase)


def quotation(arguments: Arguments) -> Test:
    """The whole text stands between straight double quotes."""

    def test(response: str) -> bool:
        response = response.strip()
        return len(response) > 1 and response[0] == response[-1] == '"'

    return test
