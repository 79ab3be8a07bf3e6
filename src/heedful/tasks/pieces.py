"""Where in a question stands what comes from the row, and not from the task: those places alone may be perturbed.

`heedful helm` asks a question again with other words, capitals or names in it. What the task puts around the row
("Passage:", the letters of the choices, "Answer:") has to stay as it is, or it would be another task.
"""

from __future__ import annotations

from string import Formatter

Span = tuple[int, int]
"""The first character of a piece, and the one after its last."""


def spans(question: str, *pieces: tuple[str, str]) -> tuple[Span, ...]:
    """The places of texts of a row, each right after the text that leads to it, in order. None at all where one of them
    is not there: half of a row is not to be perturbed.

    >>> spans("Sentence 1: 1\\nSentence 2: two\\nAnswer:", ("Sentence 1: ", "1"), ("\\nSentence 2: ", "two"))
    ((12, 13), (26, 29))
    """
    found, at = [], 0
    for before, text in pieces:
        place = question.find(before + text, at)
        if place < 0:
            return ()
        start = place + len(before)
        at = start + len(text)
        found.append((start, at))
    return tuple(found)


def template_spans(template: str, question: str, **texts: str) -> tuple[Span, ...]:
    """The places of the fields of a template that `question` was made from with ``str.format``.

    >>> template_spans("Q: {first}\\n{second}?", "Q: a\\nb?", first="a", second="b")
    ((3, 4), (5, 6))
    """
    found, at = [], 0
    for literal, name, _, _ in Formatter().parse(template):
        at += len(literal)
        if name is not None:
            found.append((at, at + len(texts[name])))
            at += len(texts[name])
    return tuple(found) if at == len(question) else ()


def between(question: str, before: str, after: str) -> tuple[Span, ...]:
    """The place between two texts of the task, for a text that the task has changed; none where one is absent."""
    start = question.find(before)
    end = question.rfind(after)
    return ((start + len(before), end),) if start >= 0 and end >= start + len(before) else ()
