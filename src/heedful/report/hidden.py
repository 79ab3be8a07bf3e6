"""A report that can be passed on: which texts seem to hold personal data, and the same report without any text.

The verdict, the metrics and what became of each question stay; questions, expected answers, answers and samples do
not. The ledger and the recipe have no texts of rows in any report, only places and names of files.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from heedful.data.checks.personal import account_kinds, personal_kinds
from heedful.records import Message
from heedful.report.data import Answer, Question, ReportData

HIDDEN = "(left out)"
_MESSAGE = (Message("user", HIDDEN),)


def with_warning(data: ReportData) -> ReportData:
    """The report with a sentence for its readers where its questions or answers seem to hold personal data."""
    found = sum(any(personal_kinds(text) or account_kinds(text) for text in _texts(q)) for q in data.questions)
    if not found:
        return data
    said = (
        f"{found:,} of {len(data.questions):,} questions seem to hold personal data, such as an e-mail address, "
        "in their text or an answer; before you pass this page on: heedful report RUN --without-texts."
    )
    return dataclasses.replace(data, missing=(*data.missing, said))


def without_texts(data: ReportData) -> ReportData:
    """The report with `HIDDEN` in the place of every question, answer and sample."""
    said = "Questions and answers are left out of this page (--without-texts)."
    return dataclasses.replace(
        data,
        questions=tuple(_hidden(q, number) for number, q in enumerate(data.questions, 1)),
        samples=(),
        missing=(*data.missing, said),
    )


def _hidden(question: Question, number: int) -> Question:
    return dataclasses.replace(
        question,
        example_id=f"question {number}",  # a row's own id may be a customer's number
        messages=_MESSAGE,
        reference=None if question.reference is None else HIDDEN,
        before=_silent(question.before),
        after=_silent(question.after),
    )


def _silent(answer: Answer | None) -> Answer | None:
    """The answer without its text; an error may quote it, too."""
    return answer and dataclasses.replace(answer, text=HIDDEN, error=HIDDEN if answer.error else None)


def _texts(question: Question) -> Iterator[str]:
    for message in question.messages:
        yield message.content
        yield message.context or ""
    yield question.reference or ""
    yield from (answer.text for answer in (question.before, question.after) if answer)
