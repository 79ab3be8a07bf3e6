"""Where the texts of a row stand in SuperGLUE's questions, in both profiles.

The ways to lead to a text are tried in order; the first that fits the question is of its profile. WSC's text is marked
in its question, so it is what stands between two texts of the task. A continuation of COPA and an entity of ReCoRD
are texts of the row; MultiRC's answer, which `lm-eval` has in its choices, stands there beside words of the task, so it
is left as it is.
"""

from __future__ import annotations

from heedful.tasks.pieces import Span, between, spans
from heedful.tasks.superglue_rows import Row

_WAYS: dict[str, tuple[tuple[tuple[str, str], ...], ...]] = {
    "boolq": (
        (("Passage: ", "passage"), ("\nQuestion: ", "question")),
        (("", "passage"), ("\nQuestion: ", "question")),
    ),
    "cb": (
        (("Premise: ", "premise"), ("\nHypothesis: ", "hypothesis")),
        (("", "premise"), ("\nQuestion: ", "hypothesis")),
    ),
    "multirc": (
        (("Passage: ", "paragraph"), ("\nQuestion: ", "question"), ("\nProposed answer: ", "answer")),
        (("", "paragraph"), ("\nQuestion: ", "question")),
    ),
    "wic": (
        (("Sentence 1: ", "sentence1"), ("\nSentence 2: ", "sentence2"), ('Does "', "word")),
        (("Sentence 1: ", "sentence1"), ("\nSentence 2: ", "sentence2")),
    ),
    "axb": ((("Premise: ", "sentence1"), ("\nHypothesis: ", "sentence2")),),
}
_WAYS |= {"rte": _WAYS["cb"], "axg": _WAYS["cb"]}


def inputs_of(task: str, row: Row, question: str) -> tuple[Span, ...]:
    """The places of the row's texts; none where no way fits."""
    if task == "copa":
        premise = row.value["premise"].strip()
        return spans(question, ("", premise.rstrip("."))) or spans(question, ("", premise[:-1]))
    if task == "record":  # all of it is the passage and the query, but for the dashes before its points
        return ((0, len(question)),)
    if task == "wsc":
        ours = between(question, "Passage: ", "\nQuestion: In this passage, does [")
        return ours or between(question, "Passage: ", '\nQuestion: In the passage above, does the pronoun "*')
    for way in _WAYS[task]:
        if found := spans(question, *((before, row.value[key]) for before, key in way)):
            return found
    return ()


def row_choices(task: str) -> bool:
    """Whether the choices of a task are texts of its rows."""
    return task in ("copa", "record")
