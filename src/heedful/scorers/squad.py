"""SQuAD 1.1 and 2.0 on saved answers (`heedful score squad`, `heedful score squad2`).

Source: Rajpurkar et al. 2016, https://arxiv.org/abs/1606.05250, and 2018, https://arxiv.org/abs/1806.03822; their
scripts evaluate-v1.1.py and evaluate-v2.0.py, https://rajpurkar.github.io/SQuAD-explorer/. Figures are in percent.

A question of the references, deep in ``{"version": ..., "data": [{"paragraphs": [{"context": ..., "qas": [...]}]}]}``:

    {"id": "q1", "question": "Who wrote it?", "answers": [{"text": "Ann Lee", "answer_start": 4}]}

In 2.0 the answers of a question without one are ``[]``. Predictions are one object: ``{"q1": "Ann Lee", "q2": ""}``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from heedful.errors import DataError
from heedful.scorers.answers import exact_and_f1, normalised
from heedful.scorers.owners_files import belongs, count, note_of, read_answers, read_json, shown, total


class Question(NamedTuple):
    """A question with its gold answers; `text`, `passage` and `title` are what the model is asked, '' where absent."""

    where: str
    id: str
    golds: list[str]
    text: str = ""
    passage: str = ""
    title: str = ""


def score(references: Path, predictions: Path | None) -> dict[str, Any]:
    """`exact_match` and `f1` of SQuAD 1.1; a question without a prediction counts as 0, as in the owner's script."""
    assert predictions is not None, "the kind is declared with predictions"
    version, questions = read_questions(references)
    answers, repeated = read_answers(predictions)
    belongs(answers, (q.id for q in questions), predictions, references)
    exact, f1 = 0, 0.0
    for question in questions:
        if question.id in answers:
            if not question.golds:
                raise DataError(f"{question.where}: has no answer; such questions are SQuAD 2.0's: score squad2")
            em, best = exact_and_f1(answers[question.id], question.golds)
            exact += em
            f1 += best
    known = {q.id for q in questions}
    counts = {
        "total": len(questions),
        "missing": sum(q.id not in answers for q in questions),
        "extra": len(answers.keys() - known),
        "repeated": repeated,
    }
    note = note_of(counts, _other_version(version, "1.1"))
    return {"exact_match": 100.0 * exact / len(questions), "f1": 100.0 * f1 / len(questions), **counts, "note": note}


def score2(references: Path, predictions: Path | None) -> dict[str, Any]:
    """`exact`, `f1` and `total` of SQuAD 2.0, and the same of the questions that have an answer and that have none.

    Raises DataError for a question without a prediction, where the owner's script ends in a KeyError.
    """
    assert predictions is not None, "the kind is declared with predictions"
    version, questions = read_questions(references)
    answers, repeated = read_answers(predictions)
    belongs(answers, (q.id for q in questions), predictions, references)
    absent = [q for q in questions if q.id not in answers]
    if absent:
        raise DataError(
            f"{predictions}: no prediction for {count(len(absent), 'question')} of {len(questions)}, the first of "
            f'them {absent[0].id}; write "" for a question that has no answer'
        )
    # By id, as the owner does: of a question that stands twice the last counts.
    has_answer = {q.id: bool(q.golds) for q in questions}
    scores = {q.id: exact_and_f1_or_none(answers[q.id], q.golds) for q in questions}
    found = dict(_averages(list(scores.values()), ""))
    for prefix, wanted in (("HasAns_", True), ("NoAns_", False)):
        if chosen := [scores[key] for key, has in has_answer.items() if has is wanted]:
            found |= _averages(chosen, prefix)
    counts = {"extra": len(answers.keys() - scores.keys()), "repeated": repeated}
    return {**found, **counts, "note": note_of(counts, _other_version(version, "v2.0"))}


def exact_and_f1_or_none(answer: str, texts: list[str]) -> tuple[int, float]:
    """As in 1.1, but no answer, or one of articles and punctuation only, is right where there is none, else wrong."""
    golds = [t for t in texts if normalised(t)] or [""]
    exact, f1 = exact_and_f1(answer, golds)
    if not normalised(answer):
        f1 = int(golds == [""])
    return exact, f1


def _averages(scores: list[tuple[int, float]], prefix: str) -> Iterator[tuple[str, float]]:
    yield f"{prefix}exact", 100.0 * total(s[0] for s in scores) / len(scores)
    yield f"{prefix}f1", 100.0 * total(s[1] for s in scores) / len(scores)
    yield f"{prefix}total", len(scores)


def _other_version(found: Any, wanted: str) -> list[str]:
    """A sentence where the file says that it is another version's."""
    if str(found).removeprefix("v") == wanted.removeprefix("v"):
        return []
    return [f"the references say that they are version {shown(found)}, not {wanted}"]


def read_questions(path: Path) -> tuple[Any, list[Question]]:
    """The version and the questions of the owner's file. Raises DataError, with the place as a path of keys."""
    found = read_json(path)
    if not isinstance(found, dict) or not isinstance(found.get("data"), list):
        raise DataError(f'{path}: not a file of SQuAD, which is one object with a list under "data"')
    questions = []
    for a, article in enumerate(found["data"]):
        for p, paragraph in enumerate(_list(article, "paragraphs", f"{path}: data[{a}]")):
            place = f"{path}: data[{a}].paragraphs[{p}]"
            for n, qa in enumerate(_list(paragraph, "qas", place)):
                texts = _text(paragraph, "context"), _text(article, "title")
                questions.append(_question(qa, f"{place}.qas[{n}]", *texts))
    if not questions:
        raise DataError(f"{path}: has no questions; name the file that holds them")
    return found.get("version"), questions


def _question(qa: Any, where: str, passage: str, title: str) -> Question:
    answers = _list(qa, "answers", where)
    golds = [a["text"] for a in answers if isinstance(a, dict) and isinstance(a.get("text"), str)]
    if not isinstance(qa.get("id"), str) or len(golds) < len(answers):
        raise DataError(f'{where}: a question has an "id" and "answers", each of them with its "text"')
    return Question(where, qa["id"], golds, _text(qa, "question"), passage, title)


def _text(holder: dict[str, Any], key: str) -> str:
    """A text that scoring does not need, '' where there is none."""
    return holder[key] if isinstance(holder.get(key), str) else ""


def _list(holder: Any, key: str, where: str) -> list[Any]:
    if not isinstance(holder, dict) or not isinstance(holder.get(key), list):
        raise DataError(f'{where}: has no list under "{key}"; name the file as the owner publishes it')
    return holder[key]
