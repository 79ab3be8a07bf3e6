"""The files that leaderboards take, made from samples: GLUE's tables and SuperGLUE's lines.

Their forms are those of the owners' toolkit, https://github.com/nyu-mll/jiant-v1-legacy, src ``evaluate.py``:

    index   prediction          {"idx": 0, "label": "entailment"}
    0       entailment

SuperGLUE's labels are texts, but for COPA's and MultiRC's numbers; BoolQ's and WiC's are ``true``, WSC's ``True``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from heedful.errors import HeedfulError
from heedful.scorers.glue import TASKS as GLUE
from heedful.scorers.owners_files import count
from heedful.scorers.superglue import TASKS as SUPERGLUE
from heedful.tasks.base import Sample
from heedful.tasks.figures import by_subset
from heedful.tasks.glue_rows import PARTS

_GLUE_NAMES = {
    "cola": "CoLA", "sst2": "SST-2", "mrpc": "MRPC", "stsb": "STS-B", "qqp": "QQP", "mnli_matched": "MNLI-m",
    "mnli_mismatched": "MNLI-mm", "qnli": "QNLI", "rte": "RTE", "wnli": "WNLI", "ax": "AX",
}  # fmt: skip
_SUPERGLUE_NAMES = {
    "boolq": "BoolQ", "cb": "CB", "copa": "COPA", "multirc": "MultiRC", "record": "ReCoRD", "rte": "RTE",
    "wic": "WiC", "wsc": "WSC", "axb": "AX-b", "axg": "AX-g",
}  # fmt: skip


def answered(samples: Sequence[Sample], what: str) -> None:
    """HeedfulError where a sample has no answer: a leaderboard takes no file with gaps."""
    gaps = [s for s in samples if s.mark.answer is None]
    if gaps:
        raise HeedfulError(
            f"{what}: {count(len(gaps), 'item')} of {len(samples)} have no answer, the first of them "
            f"{gaps[0].item.id}; ask them again with --resume before a submission is written"
        )


def glue_files(samples: Sequence[Sample]) -> dict[str, str]:
    """A table for each of GLUE's parts there are, ``CoLA.tsv`` and so on."""
    files = {}
    for part, of in by_subset(samples).items():
        answered(of, f"glue:{part}")
        labels = GLUE[PARTS[part].task].labels
        lines = [
            f"{s.item.fields['index']}\t{labels[s.mark.answer] if labels else format(s.mark.answer, '.3f')}\n"
            for s in of
        ]
        files[f"{_GLUE_NAMES[part]}.tsv"] = "index\tprediction\n" + "".join(lines)
    return files


def superglue_files(samples: Sequence[Sample]) -> dict[str, str]:
    """Lines for each of SuperGLUE's tasks there are, ``BoolQ.jsonl`` and so on."""
    files = {}
    for task, of in by_subset(samples).items():
        answered(of, f"superglue:{task}")
        make: Callable[[str, Sequence[Sample]], list[Any]] = _multirc if task == "multirc" else _labels
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in make(task, of))
        files[f"{_SUPERGLUE_NAMES[task]}.jsonl"] = "".join(lines)
    return files


def _labels(task: str, samples: Sequence[Sample]) -> list[Any]:
    return [{"idx": s.item.fields["index"], "label": _label(task, s.mark.answer)} for s in samples]


def _label(task: str, answer: Any) -> Any:
    if task in ("copa", "record"):  # a number, and a text
        return answer
    label = SUPERGLUE[task].labels[answer]
    return label.capitalize() if task == "wsc" else label


def _multirc(_: str, samples: Sequence[Sample]) -> list[Any]:
    passages: dict[int, dict[int, list[dict[str, int]]]] = {}
    for s in samples:
        passage, question, answer = s.item.fields["index"]
        of = passages.setdefault(passage, {}).setdefault(question, [])
        of.append({"idx": answer, "label": s.mark.answer})
    return [
        {"idx": passage, "passage": {"questions": [{"idx": q, "answers": a} for q, a in questions.items()]}}
        for passage, questions in passages.items()
    ]
