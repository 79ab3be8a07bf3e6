"""TriviaQA on saved answers (`heedful score triviaqa`).

Source: Joshi et al. 2017, https://arxiv.org/abs/1705.03551; its script evaluation/triviaqa_evaluation.py,
https://github.com/mandarjoshi90/triviaqa. Figures are in percent. Two forms of references:

- the owner's (``wikipedia-dev.json``, ``web-dev.json``): ``{"Domain": "Web", "VerifiedEval": false, "Data": [...]}``. A
  question is answered once (domain Wikipedia) or once for each of its documents (any other): the predictions' keys are
  ``tc_33`` there and ``tc_33--Andrew_Lloyd_Webber.txt`` here;
- a mirror's JSONL: ``{"id": "test_1", "question": ..., "golden_answers": ["Ann Lee", ...]}``. It has no documents, and
  its answers are not yet normalised; they are compared in the same way.

>>> normalised("The “Who’s_Who”-book")
'“who s who” book'
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from heedful.errors import DataError
from heedful.scorers.answers import ARTICLES, token_f1
from heedful.scorers.owners_files import belongs, note_of, one_each, read_answers, read_json, read_lines

# A space in the place of each: where SQuAD joins "well-known" to one word, this makes two.
_SPACED = str.maketrans(dict.fromkeys(string.punctuation + "‘’´`", " "))


def normalised(text: str) -> str:
    """The text as it is compared."""
    return " ".join(ARTICLES.sub(" ", text.replace("_", " ").lower().translate(_SPACED)).split())


def exact_and_f1(predicted: str, golds: Sequence[str]) -> tuple[int, float]:
    """Exact match and F1 with the nearest of the gold answers, of which there is at least one."""
    words = normalised(predicted).split()
    pairs = [normalised(gold).split() for gold in golds]
    return int(words in pairs), max(token_f1(words, gold) for gold in pairs)


def score(references: Path, predictions: Path | None) -> dict[str, Any]:
    """The owner's six keys; a question without a prediction counts as 0, as in the owner's script.

    `common`: questions with a prediction; `denominator`: those that the figures are divided by; `pred_len` and
    `gold_len`: entries of the two files.
    """
    assert predictions is not None, "the kind is declared with predictions"
    golds, sentences = _read(references)
    answers, repeated = read_answers(predictions)
    belongs(answers, golds, predictions, references)
    exact, f1, common = 0, 0.0, 0
    for key, texts in golds.items():
        if key in answers:
            common += 1
            same, near = exact_and_f1(answers[key], texts)
            exact += same
            f1 += near
    counts = {"missing": len(golds) - common, "extra": len(answers) - common, "repeated": repeated}
    return {
        "exact_match": 100.0 * exact / len(golds),
        "f1": 100.0 * f1 / len(golds),
        "common": common,
        "denominator": len(golds),
        "pred_len": len(answers),
        "gold_len": len(golds),
        **counts,
        "note": note_of(counts, sentences),
    }


def _read(path: Path) -> tuple[dict[str, list[str]], list[str]]:
    """The gold answers by key, and what is to be said of the file."""
    if is_mirrors(path):
        return {row["id"]: row["golden_answers"] for _, row in mirror_rows(path)}, []
    return _owners(path)


def is_mirrors(path: Path) -> bool:
    """Whether the file is a mirror's lines; else it is the owner's, or broken."""
    try:
        _, first = next(read_lines(path))
    except DataError:  # the owner's file is spread over lines, or it is broken: reading it as a whole will tell
        return False
    return "golden_answers" in first


def _owners(path: Path) -> tuple[dict[str, list[str]], list[str]]:
    found, rows = owners_rows(path)
    golds: dict[str, list[str]] = {}
    for where, row in rows:
        if found["Domain"] == "Wikipedia":
            keys = [str(row["QuestionId"])]
        else:
            verified = bool(found.get("VerifiedEval")) and found["Domain"] == "Web"
            keys = [f"{row['QuestionId']}--{name}" for name in documents_of(row, verified, where)]
        texts = aliases_of(row, where) if keys else []
        golds |= dict.fromkeys(keys, texts)
    if not golds:
        raise DataError(f"{path}: has no question to be answered; name the file that holds them")
    said = [] if found.get("Version") == 1.0 else [f"the references say version {found.get('Version')}, not 1.0"]
    return golds, said


def owners_rows(path: Path) -> tuple[dict[str, Any], list[tuple[str, dict[str, Any]]]]:
    """The owner's file and its questions with their places; of a verified file those that are verified."""
    found = read_json(path)
    if not isinstance(found, dict) or not isinstance(found.get("Data"), list) or "Domain" not in found:
        raise DataError(
            f'{path}: not a file of TriviaQA, which is one object with "Domain" and "Data", or lines with '
            '"id" and "golden_answers"'
        )
    rows = []
    for number, row in enumerate(found["Data"]):
        where = f"{path}: Data[{number}]"
        if not isinstance(row, dict) or "QuestionId" not in row:
            raise DataError(f'{where}: has no "QuestionId"; name the file as the owner publishes it')
        if not found.get("VerifiedEval") or row.get("QuestionPartOfVerifiedEval"):
            rows.append((where, row))
    return found, rows


def documents_of(row: dict[str, Any], verified: bool, where: str) -> list[str]:
    """The file names of a question's documents."""
    names = []
    for page in [*row.get("EntityPages", []), *row.get("SearchResults", [])]:
        if not isinstance(page, dict) or not isinstance(page.get("Filename"), str):
            raise DataError(f'{where}: a document has no "Filename"; name the file as the owner publishes it')
        if not verified or page.get("DocPartOfVerifiedEval"):
            names.append(page["Filename"])
    return names


def aliases_of(row: dict[str, Any], where: str) -> list[str]:
    """The answers that the owner's script compares with."""
    answer = row.get("Answer")
    texts = [*answer.get("NormalizedAliases", []), *answer.get("HumanAnswers", [])] if isinstance(answer, dict) else []
    if not texts or not all(isinstance(t, str) for t in texts):
        raise DataError(f"{where}: has no answers under Answer.NormalizedAliases; a test set has none to compare with")
    return texts


def mirror_rows(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """The lines of a mirror's file with their places, checked."""
    rows = list(read_lines(path))
    for where, row in rows:
        golds = row.get("golden_answers")
        if not isinstance(row.get("id"), str) or not isinstance(golds, list) or not golds:
            raise DataError(f'{where}: a line has an "id" and a list of "golden_answers"')
        if not all(isinstance(g, str) for g in golds):
            raise DataError(f"{where}: a golden answer is no text; write it in double quotes")
    one_each(((where, row["id"]) for where, row in rows), path)
    return rows
