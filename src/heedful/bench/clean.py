"""Items that the model was trained on: found in the training rows, marked, and left out of a second set of figures.

An item was trained on where a line of its question, or the question as a whole, stands in a training row by the rule
of `heedful.data.contamination` (70% of its 8-grams of words). Short lines, and lines that stand in more than five
items or passages, say nothing and are not looked for. What is not found may have been trained on all the same: in
other words, in another language, or in the pretraining.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from heedful.data import load_examples
from heedful.data.contamination import WORDING, index_of, words
from heedful.records import Example, from_json
from heedful.store import read_jsonl
from heedful.tasks import Item


@dataclass(frozen=True)
class Training:
    """The training rows: each row's place and its text; `files` as the user named them. `dropped` rows could not be
    read, so that nobody knows what stands in them."""

    files: tuple[str, ...]
    rows: tuple[tuple[str, str], ...]
    dropped: int = 0


def read_training(files: Sequence[str]) -> Training:
    """The rows of data files, as `heedful train` would read them. DataError where one cannot be read."""
    examples, ledger = load_examples(files, answers=False)
    return replace(_training(tuple(files), examples), dropped=len(ledger.drops))


def run_training(split: Path) -> Training:
    """The rows of a run's own training split."""
    examples = [from_json(Example, v, f"{split}:{n}") for n, v in enumerate(read_jsonl(split), 1)]
    return _training((str(split),), examples)


def _training(files: tuple[str, ...], examples: Sequence[Example]) -> Training:
    def text(example: Example) -> str:
        return "\n".join(t for m in example.messages for t in (m.content, m.context) if t)

    return Training(files, tuple((e.source, text(e)) for e in examples))


def flagged_items(training: Training | None, items: Sequence[Item]) -> dict[str, str]:
    """For each item that stands in a training row, by id, the place of the first such row."""
    if training is None:
        return {}
    owners: dict[tuple[str, ...], tuple[str, dict[str, object]]] = {}
    for item in items:
        question = item.prompt.question
        for text in dict.fromkeys((question.strip(), *(line.strip() for line in question.splitlines()))):
            if found := tuple(words(text)):
                owners.setdefault(found, (text, {}))[1][item.id] = item.group or item.id
    told = [(text, ids) for text, ids in owners.values() if len(set(ids.values())) <= WORDING]
    index = index_of(((text, str(number)) for number, (text, _) in enumerate(told)), "items")
    out: dict[str, str] = {}
    for place, text in training.rows if len(index) else ():
        for hit in index.check(text):
            for item_id in told[int(hit.item)][1]:
                out.setdefault(item_id, place)
    return out
