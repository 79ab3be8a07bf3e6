"""The rows of GLUE's tasks: the owner's tables in a folder, or the hub's copy.

The folders and columns are those of the owner's archives (https://gluebenchmark.com/tasks). A few of QQP's rows are cut
off in the owner's files; they are left out, as in the hub's copy.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from heedful.errors import DataError, RequestError
from heedful.scorers.glue import INDEX, TASKS, index_of, value_of
from heedful.scorers.owners_files import column, one_each, read_table, shown
from heedful.tasks.base import Source
from heedful.tasks.places import Places
from heedful.tasks.shots import train_file

SOURCE = Source(
    paper="https://arxiv.org/abs/1804.07461",
    hub="nyu-mll/glue",
    revision="bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c",
    split="validation",
    shots_split="train",
    files="the owner's CoLA/dev.tsv, RTE/dev.tsv and so on, with train.tsv for examples and test.tsv for a submission",
    licence="the owners' of each task; research use",
)
SPLITS = {"train": "train", "validation": "dev", "test": "test"}
_FIRST, _SECOND = ("sentence1",), ("sentence2",)


@dataclass(frozen=True)
class Part:
    """A part of GLUE: `task` is its key among the scorer's, `folder` the owner's name of it, `first` and `second` the
    columns of its sentences by their names in the owner's files and on the hub."""

    task: str
    folder: str
    first: tuple[str, ...] = _FIRST
    second: tuple[str, ...] = _SECOND
    half: str = ""


PARTS: dict[str, Part] = {
    "cola": Part("cola", "CoLA", ("sentence",), ()),
    "sst2": Part("sst2", "SST-2", ("sentence",), ()),
    "mrpc": Part("mrpc", "MRPC", ("#1 String", "sentence1"), ("#2 String", "sentence2")),
    "stsb": Part("stsb", "STS-B"),
    "qqp": Part("qqp", "QQP", ("question1",), ("question2",)),
    "mnli_matched": Part("mnli", "MNLI", ("sentence1", "premise"), ("sentence2", "hypothesis"), "_matched"),
    "mnli_mismatched": Part("mnli", "MNLI", ("sentence1", "premise"), ("sentence2", "hypothesis"), "_mismatched"),
    "qnli": Part("qnli", "QNLI", ("question",), ("sentence",)),
    "rte": Part("rte", "RTE"),
    "wnli": Part("wnli", "WNLI"),
    "ax": Part("ax", "AX", ("sentence1", "Premise", "premise"), ("sentence2", "Hypothesis", "hypothesis")),
}


@dataclass(frozen=True)
class Row:
    """A row: its one or two sentences, and its class or score (None in the test files)."""

    index: int
    first: str
    second: str
    label: float | None


def names(part: str, split: str) -> list[str]:
    """The files that may hold a part's rows, the owner's archive's own first."""
    entry = PARTS[part]
    if part == "ax":
        return ["AX/diagnostic-full.tsv", "AX/diagnostic.tsv", "diagnostic/diagnostic-full.tsv",
                "diagnostic/diagnostic.tsv", "AX/test.tsv"]  # fmt: skip
    found = [f"{entry.folder}/{SPLITS[split]}{entry.half if split != 'train' else ''}.tsv"]
    if part == "mrpc":  # the archive has none of MRPC's files: it is made from the original corpus
        found.append(f"MRPC/msr_paraphrase_{'train' if split == 'train' else 'test'}.txt")
    return found


def read_rows(places: Places, part: str, split: str) -> list[Row]:
    """The rows of a split. RequestError where the file is absent, DataError for a row that cannot be read."""
    if split not in SPLITS:
        raise RequestError(f"glue has no split '{split}'; choose {', '.join(SPLITS)}")
    rows = list(_from_hub(places, part, split) if places.folder is None else _from_files(places, part, split))
    one_each(((where, row.index) for where, row in rows), places.used[-1] if places.used else SOURCE.hub)
    return [row for _, row in rows]


def training_rows(places: Places, part: str) -> list[Row]:
    """The rows that examples are drawn from; AX has none of its own and takes MNLI's."""
    return [r for r in read_rows(places, "mnli_matched" if part == "ax" else part, "train") if r.label is not None]


def _from_files(places: Places, part: str, split: str) -> Iterable[tuple[str, Row]]:
    entry = PARTS[part]
    wanted = names(part, split)
    path = train_file(places, f"glue:{part}", wanted) if split == "train" else places.need(SOURCE, *wanted)
    task = TASKS[entry.task]
    headless = task.headless if split != "test" else None
    for number, (where, row) in enumerate(read_table(path, headless, cut_rows=part == "qqp")):
        yield where, _row(row, part, number, where)


def _from_hub(places: Places, part: str, split: str) -> Iterable[tuple[str, Row]]:
    entry = PARTS[part]
    of_hub = "test" if part == "ax" else split + (entry.half if split != "train" else "")
    for number, (row, where) in enumerate(places.hub_rows(SOURCE, entry.task, of_hub)):
        yield where, _row(row, part, number, where)


def _row(row: dict[str, Any], part: str, number: int, where: str) -> Row:
    entry = PARTS[part]
    task = TASKS[entry.task]
    index = next((row[name] for name in INDEX if name in row), number)
    said = next((row[name] for name in task.gold if name in row), None)
    label = None if said in (None, -1, "-1") else value_of(said, task, where)
    texts = [column(row, columns, where) if columns else "" for columns in (entry.first, entry.second)]
    for text in texts:
        if not isinstance(text, str):
            raise DataError(f"{where}: {shown(text)} is no sentence; use the owner's file")
    return Row(index_of(str(index), where), texts[0], texts[1], label)
