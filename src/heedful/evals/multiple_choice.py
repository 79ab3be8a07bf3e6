"""Rows of the owner's MultipleChoice: ``hf://hellaswag?split=validation`` and ``hf://hendrycks_test?name=...&split=...``.

The data is on the hub and not in the registry. In ``--data-dir`` it is a file, `hellaswag/validation.jsonl` or
`hendrycks_test/anatomy/validation.jsonl`, or a folder laid out as the hub's data set is, `hellaswag/` or
`hendrycks_test/`, which the package `datasets` reads. Without ``--data-dir`` the hub itself is asked, at a pinned
commit. Columns are the hub's: ctx, endings, label; question, choices, answer.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

from heedful.errors import DataError, HeedfulError, RequestError
from heedful.evals.samples import Row, read_file

_COLUMNS = {"hellaswag": ("ctx", "endings", "label"), "hendrycks_test": ("question", "choices", "answer")}
# Where the hub has them now, at a commit: their old names, which the registry has, lead there.
_HUB = {
    "hellaswag": ("Rowan/hellaswag", "218ec52e09a7e7462a5400043bb9a69a41d06b76"),
    "hendrycks_test": ("cais/mmlu", "c30699e8356da336a370243923dbaf21066bb9fe"),
}


@dataclass(frozen=True)
class Choices:
    """The rows, and the hash of what they were read from where that is no file that rows name."""

    rows: list[Row]
    hashes: Mapping[str, str | None] = field(default_factory=dict)


def find_choices(dataset: Any, data_dir: Path | None, task: str) -> Choices:
    """The rows of a data set. RequestError where it is not at hand."""
    url = urlparse(dataset if isinstance(dataset, str) else "")
    asked = {name: values[0] for name, values in parse_qs(url.query).items()}
    parts = [asked[n] for n in ("name", "split") if n in asked]
    simple = all(p.replace("_", "").replace("-", "").isalnum() for p in parts)
    if url.scheme != "hf" or url.netloc not in _COLUMNS or "split" not in asked or not simple:
        raise DataError(f"task {task}: data set '{dataset}' is unknown; name hf://hellaswag or hf://hendrycks_test")
    config, split = asked.get("name"), asked["split"]
    if data_dir is None:
        return _from_hub(*_HUB[url.netloc], config, split, task, dataset)
    file = data_dir / f"{'/'.join([url.netloc, *parts])}.jsonl"
    if file.is_file():
        return Choices(read_file(file))
    folders = [data_dir / url.netloc, data_dir / _HUB[url.netloc][0]]
    folder = next((f for f in folders if f.is_dir()), None)
    if folder is None:
        raise RequestError(
            f"task {task}: its data is on the hub ({dataset}), not in the registry, and neither {file} nor the folder "
            f"{folders[0]} is there; save the rows or the data set there"
        )
    return _from_folder(folder, config, split)


def _from_folder(folder: Path, config: str | None, split: str) -> Choices:
    """A copy of the hub's repository, whose README.md names its parts; without one a part is the folder of its name."""
    from heedful.data.hub import HubData, folder_sha256, hub_rows

    if config is not None and not (folder / "README.md").is_file():
        folder, config = folder / config, None
    data = HubData(str(folder.absolute()), config, None, split)
    if not folder.is_dir():
        raise RequestError(f"{folder}: no such folder; save this part of the data set there")
    return Choices([Row(row, where) for row, where in hub_rows(data)], {str(folder): folder_sha256(str(folder))})


def _from_hub(name: str, commit: str, config: str | None, split: str, task: str, dataset: str) -> Choices:
    from heedful.data.hub import HubData, hub_rows

    data = HubData(name, config, commit, split)
    try:
        return Choices([Row(row, where) for row, where in hub_rows(data)], {data.name: commit})
    except HeedfulError as e:
        raise RequestError(
            f"task {task}: its data is on the hub ({dataset}), no --data-dir was given, and {e}; or name a folder that "
            "holds it with --data-dir"
        ) from None


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
