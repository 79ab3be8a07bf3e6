"""The rows of SuperGLUE's tasks: the owner's lines in a folder, or the hub's copy.

The folders and keys are those of the owner's archives (https://super.gluebenchmark.com/tasks). MultiRC's answers and
ReCoRD's queries, which the owner keeps under their passages, are rows of their own, as on the hub. On the hub WSC is
``wsc.fixed``, where a span that its text does not have is written as the text has it; rows of a folder are mended in
the same way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from heedful.errors import DataError, RequestError
from heedful.scorers.owners_files import one_each, read_lines, shown
from heedful.scorers.superglue import TASKS, class_of, dicts_of, idx_of
from heedful.tasks.base import Source
from heedful.tasks.places import Places
from heedful.tasks.shots import train_file

SOURCE = Source(
    paper="https://arxiv.org/abs/1905.00537",
    hub="aps/super_glue",
    revision="3de24cf8022e94f4ee4b9d55a6f539891524d646",
    split="validation",
    shots_split="train",
    files="the owner's BoolQ/val.jsonl, CB/val.jsonl and so on, with train.jsonl for examples and test.jsonl for a "
    "submission",
    licence="the owners' of each task; research use",
)
FOLDERS = {
    "boolq": "BoolQ", "cb": "CB", "copa": "COPA", "multirc": "MultiRC", "record": "ReCoRD", "rte": "RTE",
    "wic": "WiC", "wsc": "WSC", "axb": "AX-b", "axg": "AX-g",
}  # fmt: skip
DIAGNOSTIC = ("axb", "axg")
_SPLITS = {"train": "train", "validation": "val", "test": "test"}
_TEXTS = {
    "boolq": ("passage", "question"),
    "cb": ("premise", "hypothesis"),
    "copa": ("premise", "choice1", "choice2", "question"),
    "multirc": ("paragraph", "question", "answer"),
    "record": ("passage", "query"),
    "rte": ("premise", "hypothesis"),
    "wic": ("word", "sentence1", "sentence2"),
    "wsc": ("text", "span1_text", "span2_text"),
    "axb": ("sentence1", "sentence2"),
    "axg": ("premise", "hypothesis"),
}
_NUMBERS = {"wic": ("start1", "end1"), "wsc": ("span1_index", "span2_index")}


@dataclass(frozen=True)
class Row:
    """A row: its texts and numbers by key, and its class; None in the test files. ReCoRD's answers are texts.

    `index` is what names it in a submission: a number, or MultiRC's three of passage, question and answer.
    """

    index: int | tuple[int, int, int]
    value: dict[str, Any]
    label: int | None = None
    answers: tuple[str, ...] | None = None
    passage: int | None = None


def names(task: str, split: str) -> list[str]:
    """The files that may hold a task's rows."""
    folder = FOLDERS[task]
    return [f"{folder}/{folder if task in DIAGNOSTIC else _SPLITS[split]}.jsonl"]


def read_rows(places: Places, task: str, split: str) -> list[Row]:
    """The rows of a split. RequestError where the file is absent, DataError for a row that cannot be read."""
    if split not in _SPLITS:
        raise RequestError(f"superglue has no split '{split}'; choose {', '.join(_SPLITS)}")
    raw = _from_hub(places, task, split) if places.folder is None else _from_file(places, task, split)
    rows = [(where, _checked(row, task, where)) for where, row in raw]
    one_each(((where, row.index) for where, row in rows), places.used[-1] if places.used else SOURCE.hub)
    return [row for _, row in rows]


def training_rows(places: Places, task: str) -> list[Row]:
    """The rows that examples are drawn from; the diagnostics have none of their own and take RTE's."""
    rows = read_rows(places, "rte" if task in DIAGNOSTIC else task, "train")
    return [row for row in rows if row.label is not None or row.answers]


def _from_file(places: Places, task: str, split: str) -> Iterable[tuple[str, dict[str, Any]]]:
    wanted = names(task, split)
    path = train_file(places, f"superglue:{task}", wanted) if split == "train" else places.need(SOURCE, *wanted)
    for where, row in read_lines(path):
        if task == "multirc":
            yield from ((where, found) for found in _multirc(row, where))
        elif task == "record":
            yield from ((where, found) for found in _record(row, where))
        else:
            yield where, row


def _from_hub(places: Places, task: str, split: str) -> Iterable[tuple[str, dict[str, Any]]]:
    config = "wsc.fixed" if task == "wsc" else task
    for row, where in places.hub_rows(SOURCE, config, "test" if task in DIAGNOSTIC else split):
        yield where, row


def _multirc(row: dict[str, Any], where: str) -> Iterable[dict[str, Any]]:
    passage = _passage(row, where)
    for question in dicts_of(passage.get("questions"), "questions", where):
        for answer in dicts_of(question.get("answers"), "answers", where):
            yield {
                "paragraph": passage.get("text"),
                "question": question.get("question"),
                "answer": answer.get("text"),
                "idx": {
                    "paragraph": idx_of(row, where),
                    "question": idx_of(question, where),
                    "answer": idx_of(answer, where),
                },
                "label": answer.get("label"),
            }


def _record(row: dict[str, Any], where: str) -> Iterable[dict[str, Any]]:
    passage = _passage(row, where)
    text = passage.get("text")
    spans = [(e.get("start"), e.get("end")) for e in dicts_of(passage.get("entities"), "entities", where)]
    marked = [text[a : b + 1] for a, b in spans if isinstance(text, str) and isinstance(a, int) and isinstance(b, int)]
    if not isinstance(text, str) or len(marked) != len(spans):
        raise DataError(f'{where}: a passage has a "text" and "entities" with "start" and "end"; use the owner\'s file')
    for query in dicts_of(row.get("qas"), "qas", where):
        answers = dicts_of(query["answers"], "answers", where) if "answers" in query else None
        yield {
            "passage": text,
            "query": query.get("query"),
            "entities": marked,
            "answers": None if answers is None else [a.get("text") for a in answers],
            "idx": {"passage": idx_of(row, where), "query": idx_of(query, where)},
        }


def _passage(row: dict[str, Any], where: str) -> dict[str, Any]:
    if not isinstance(row.get("passage"), dict):
        raise DataError(f'{where}: has no object under "passage"; use the owner\'s file')
    return row["passage"]


def _checked(row: dict[str, Any], task: str, where: str) -> Row:
    if task == "wsc" and isinstance(row.get("target"), dict):  # the owner's files; on the hub the spans stand beside
        row = row | row["target"]
    value = {key: _of(row, key, str, where) for key in _TEXTS[task]}
    value |= {key: _of(row, key, int, where) for key in _NUMBERS.get(task, ())}
    index, passage = _index(row, where)
    if task == "record":
        value["entities"] = _texts(row, "entities", where)
        answers = _texts(row, "answers", where) if row.get("answers") else None
        if "@placeholder" not in value["query"] or not value["entities"]:
            raise DataError(f'{where}: a query has a "@placeholder", and its passage entities to put there')
        return Row(index, value, answers=None if answers is None else tuple(answers), passage=passage)
    if task == "copa" and value["question"] not in ("cause", "effect"):
        raise DataError(f'{where}: "question" is {shown(value["question"])}; it is cause or effect')
    if task == "wsc":
        value = _mended(value)
    said = row.get("label")
    label = None if said is None or said == -1 else class_of(said, TASKS[task].labels, where)
    return Row(index, value, label, passage=passage)


def _index(row: dict[str, Any], where: str) -> tuple[int | tuple[int, int, int], int | None]:
    """What names the row, and the number of its passage where several rows share one."""
    idx = row.get("idx")
    if not isinstance(idx, dict):
        return idx_of(row, where), None
    keys = ("paragraph", "question", "answer") if "paragraph" in idx else ("passage", "query")
    numbers = [idx_of({"idx": idx.get(key)}, where) for key in keys]
    return (numbers[0], numbers[1], numbers[2]) if len(numbers) == 3 else numbers[1], numbers[0]


def _of(row: dict[str, Any], key: str, kind: type, where: str) -> Any:
    value = row.get(key)
    if not isinstance(value, kind) or isinstance(value, bool):
        what = "text" if kind is str else "whole number"
        raise DataError(f'{where}: "{key}" is {shown(value)}; it is a {what} in the owner\'s file')
    return value


def _texts(row: dict[str, Any], key: str, where: str) -> list[str]:
    found = row.get(key)
    if not isinstance(found, list) or not all(isinstance(t, str) for t in found):
        raise DataError(f'{where}: has no list of texts under "{key}"; use the owner\'s file')
    return sorted(set(found))


def _mended(value: dict[str, Any]) -> dict[str, Any]:
    """A row of WSC whose spans are written as its text has them: another capital, no full stop, no line break."""
    words = value["text"].split()
    for span in ("span1", "span2"):
        text, at = value[f"{span}_text"], value[f"{span}_index"]
        if text and text not in value["text"] and at < len(words):
            first = text[0].lower() if words[at][0].islower() else text[0].upper()
            mended = (first + text[1:]).rstrip(".").replace("\n", " ")
            if mended in value["text"]:
                value = value | {f"{span}_text": mended}
    return value
