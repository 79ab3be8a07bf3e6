"""SuperGLUE's tasks on saved predictions (`heedful score superglue:TASK`).

Source: Wang et al. 2019, https://arxiv.org/abs/1905.00537; its toolkit https://github.com/nyu-mll/jiant-v1-legacy. The
leaderboard's own code is not public; the figures are those of the toolkit and of the metric `super_glue` of Hugging
Face's `evaluate`, under the latter's keys, from 0 to 1.

References are a task's val.jsonl (AX-b.jsonl and AX-g.jsonl for the diagnostics), predictions what the leaderboard
takes. A row of each, for most tasks, for MultiRC and for ReCoRD:

    {"premise": "It rained.", "hypothesis": "It was wet.", "label": "entailment", "idx": 0}
    {"idx": 0, "label": "entailment"}

    {"idx": 0, "passage": {"text": "...", "questions": [{"idx": 0, "answers": [{"idx": 0, "label": 1, "text": ...}]}]}}
    {"idx": 0, "passage": {"questions": [{"idx": 0, "answers": [{"idx": 0, "label": 1}]}]}}

    {"idx": 0, "passage": {...}, "qas": [{"idx": 0, "query": "...", "answers": [{"text": "Ann Lee"}]}]}
    {"idx": 0, "label": "Ann Lee"}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heedful.errors import DataError
from heedful.scorers.answers import exact_and_f1
from heedful.scorers.classes import BOOLEAN, accuracy, class_number, f1, macro_f1, matthews, no_class
from heedful.scorers.owners_files import join, note_of, one_each, read_lines, shown

_ENTAILMENT = ("entailment", "not_entailment")


@dataclass(frozen=True)
class Task:
    """`labels`: the classes, at the hub's numbers; empty where an answer is text. `figures`: what is computed."""

    labels: tuple[str, ...]
    figures: tuple[str, ...]


TASKS: dict[str, Task] = {
    "axb": Task(_ENTAILMENT, ("matthews_correlation",)),
    "axg": Task(_ENTAILMENT, ("accuracy", "gender_parity")),
    "boolq": Task(BOOLEAN, ("accuracy",)),
    "cb": Task(("entailment", "contradiction", "neutral"), ("accuracy", "f1")),
    "copa": Task(("0", "1"), ("accuracy",)),
    "multirc": Task(("0", "1"), ("exact_match", "f1_a", "f1_m")),
    "record": Task((), ("exact_match", "f1")),
    "rte": Task(_ENTAILMENT, ("accuracy",)),
    "wic": Task(BOOLEAN, ("accuracy",)),
    "wsc": Task(BOOLEAN, ("accuracy",)),
}
_FIGURES = {"accuracy": accuracy, "f1": macro_f1, "matthews_correlation": matthews}


def score(task: str, references: Path, predictions: Path | None) -> dict[str, Any]:
    """The task's figures and counts.

    Raises DataError for a row with two predictions, and for one without, except in ReCoRD, whose own script counts
    that as 0.
    """
    assert predictions is not None, "the kind is declared with predictions"
    if task == "record":
        return _record(references, predictions)
    if task == "multirc":
        return _multirc(references, predictions)
    labels = TASKS[task].labels
    rows = list(read_lines(references))
    wanted = one_each(((where, idx_of(row, where)) for where, row in rows), references)
    answers = ((idx_of(row, where), where, row.get("label")) for where, row in read_lines(predictions))
    found, extra = join(wanted, answers, predictions)
    gold = [class_of(row.get("label"), labels, where) for where, row in rows]
    predicted = [class_of(p.value, labels, p.where) for p in found.values()]
    figures: dict[str, Any] = {n: _FIGURES[n](gold, predicted) for n in TASKS[task].figures if n in _FIGURES}
    said = []
    if task == "axg":
        figures["gender_parity"] = _gender_parity(rows, predicted)
        if len(rows) % 2:
            said.append("the last row belongs to no pair and is not in gender_parity")
    return {**figures, "n": len(rows), "extra": extra, "note": note_of({"extra": extra}, said)}


def _gender_parity(rows: Sequence[tuple[str, dict[str, Any]]], predicted: Sequence[int]) -> float | None:
    """The share of pairs with the same prediction; a pair is two rows, one after the other, which differ in gender."""
    same = []
    for n in range(0, len(rows) - 1, 2):
        (here, first), (there, second) = rows[n : n + 2]
        if first.get("hypothesis") != second.get("hypothesis"):
            raise DataError(
                f"{there}: has another hypothesis than {here}; the two rows of a pair follow each other, as in the "
                "owner's AX-g.jsonl"
            )
        same.append(predicted[n] == predicted[n + 1])
    return sum(same) / len(same) if same else None


def _multirc(references: Path, predictions: Path) -> dict[str, Any]:
    """`f1_a`: over all answers; `exact_match`: questions with all answers right; `f1_m`: the mean of macro F1."""
    labels = TASKS["multirc"].labels
    rows = list(_answers(references))
    wanted = one_each(((where, key) for key, where, _ in rows), references)
    found, extra = join(wanted, _answers(predictions), predictions)
    gold = [class_of(label, labels, where) for _, where, label in rows]
    predicted = [class_of(p.value, labels, p.where) for p in found.values()]
    questions: dict[Any, list[tuple[int, int]]] = {}
    for key, pair in zip(wanted, zip(gold, predicted, strict=True), strict=True):
        questions.setdefault(key[:2], []).append(pair)
    counts = {"n": len(gold), "questions": len(questions), "extra": extra, "note": note_of({"extra": extra})}
    return {**multirc_figures(list(questions.values())), **counts}


def multirc_figures(questions: Sequence[Sequence[tuple[int, int]]]) -> dict[str, float]:
    """MultiRC's figures of questions, each a list with (gold, predicted) of its answers."""
    exact, macro = 0, 0.0
    for pairs in questions:
        exact += all(g == p for g, p in pairs)
        macro += macro_f1([g for g, _ in pairs], [p for _, p in pairs])
    flat = [pair for pairs in questions for pair in pairs]
    return {
        "exact_match": exact / len(questions),
        "f1_a": f1([g for g, _ in flat], [p for _, p in flat]),
        "f1_m": macro / len(questions),
    }


def _answers(path: Path) -> Iterator[tuple[tuple[int, int, int], str, Any]]:
    """The numbers of passage, question and answer, the place, and the label."""
    for where, row in read_lines(path):
        passage = row.get("passage")
        for question in dicts_of(passage.get("questions") if isinstance(passage, dict) else None, "questions", where):
            for answer in dicts_of(question.get("answers"), "answers", where):
                yield (idx_of(row, where), idx_of(question, where), idx_of(answer, where)), where, answer.get("label")


def _record(references: Path, predictions: Path) -> dict[str, Any]:
    golds: dict[int, list[str]] = {}
    queries = [(where, qa) for where, row in read_lines(references) for qa in dicts_of(row.get("qas"), "qas", where)]
    one_each(((where, idx_of(qa, where)) for where, qa in queries), references)
    for where, qa in queries:
        found = list(dicts_of(qa.get("answers"), "answers", where))
        texts = [a["text"] for a in found if isinstance(a.get("text"), str)]
        if not texts or len(texts) < len(found):
            raise DataError(f'{where}: query {idx_of(qa, where)} has no answers with a "text" to compare with')
        golds[idx_of(qa, where)] = texts
    answers: dict[int, str] = {}
    repeated = 0
    for where, row in read_lines(predictions):
        if not isinstance(row.get("label"), str):
            raise DataError(f'{where}: the "label" of a query is {shown(row.get("label"))}; write the answer as text')
        repeated += idx_of(row, where) in answers
        answers[idx_of(row, where)] = row["label"]
    if not answers.keys() & golds.keys():
        raise DataError(f"{predictions}: no idx belongs to a query of {references}; name the file of these queries")
    exact, total = 0, 0.0
    for key, texts in golds.items():
        if key in answers:
            em, best = exact_and_f1(answers[key], texts)
            exact += em
            total += best
    counts = {
        "n": len(golds),
        "missing": len(golds.keys() - answers.keys()),
        "extra": len(answers.keys() - golds.keys()),
        "repeated": repeated,
    }
    return {"exact_match": exact / len(golds), "f1": total / len(golds), **counts, "note": note_of(counts)}


def idx_of(row: dict[str, Any], where: str) -> int:
    """The number that the owner gave a row, a question or an answer."""
    number = row.get("idx")
    if isinstance(number, bool) or not isinstance(number, int):
        raise DataError(f'{where}: "idx" is {shown(number)}; it is the whole number that the owner gave')
    return number


def dicts_of(value: Any, key: str, where: str) -> Iterable[dict[str, Any]]:
    """The objects of a list that stood under the key."""
    if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
        raise DataError(f'{where}: has no list of objects under "{key}"; write the lines as the owner does')
    return value


def class_of(value: Any, labels: Sequence[str], where: str) -> int:
    """The number of a class, given by its name or its number."""
    number = class_number(value, labels)
    if number is None:
        raise DataError(f"{where}: {no_class(value, labels)}")
    return number
