"""Rows of the owner's MultipleChoice: ``hf://hellaswag?split=validation`` and ``hf://hendrycks_test?name=...&split=...``.

The data is on the hub and not in the registry. Its rows are read from ``--data-dir``: `hellaswag/validation.jsonl` or
`hendrycks_test/anatomy/validation.jsonl`, with the columns of the hub: ctx, endings, label; question, choices, answer.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

from heedful.errors import DataError, RequestError
from heedful.evals.samples import Row, read_file

_COLUMNS = {"hellaswag": ("ctx", "endings", "label"), "hendrycks_test": ("question", "choices", "answer")}


def choice_rows(dataset: Any, data_dir: Path | None, task: str) -> list[Row]:
    """The rows of a data set. RequestError where it is not at hand."""
    url = urlparse(dataset if isinstance(dataset, str) else "")
    asked = {name: values[0] for name, values in parse_qs(url.query).items()}
    parts = [asked[n] for n in ("name", "split") if n in asked]
    simple = all(p.replace("_", "").replace("-", "").isalnum() for p in parts)
    if url.scheme != "hf" or url.netloc not in _COLUMNS or "split" not in asked or not simple:
        raise DataError(f"task {task}: data set '{dataset}' is unknown; name hf://hellaswag or hf://hendrycks_test")
    name = "/".join([url.netloc, *parts])
    path = None if data_dir is None else data_dir / f"{name}.jsonl"
    if path is None or not path.is_file():
        where = f"{path} is not there" if path is not None else "no --data-dir was given"
        raise RequestError(
            f"task {task}: its data is on the hub ({dataset}), not in the registry, and {where}; save the rows as "
            f"{name}.jsonl in a folder and name that with --data-dir"
        )
    return read_file(path)


def lettered(row: Row, instructions: str, rng: random.Random) -> tuple[str, str]:
    """The prompt with its options in an order drawn by `rng`, and the right letter.

    The sentence before the question is part of the benchmark, so it is the owner's word for word.
    """
    columns = next((c for c in _COLUMNS.values() if set(c) <= row.values.keys()), None)
    values = [row.values[c] for c in columns] if columns else []
    try:
        question, answers, right = str(values[0]), [str(a) for a in values[1]], int(values[2])
        order = list(range(len(answers)))
        rng.shuffle(order)
        letter = chr(ord("A") + order.index(right))
    except (IndexError, TypeError, ValueError):
        raise DataError(
            f"{row.place}: needs question, choices and answer, or ctx, endings and label; mend it"
        ) from None
    options = "\n".join(f"{chr(ord('A') + place)}) {answers[number]}" for place, number in enumerate(order))
    return f"{instructions}\nPlease answer with the letter of the correct answer.\n\n{question}\n{options}", letter
