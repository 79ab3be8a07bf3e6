"""`heedful score ifeval`: the benchmark's prompts and a model's responses -> four figures, counts and every verdict.

A row of the references, Google's input_data.jsonl:

    {"key": 7, "prompt": "Name a month. No commas.", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}

and of the predictions, which are joined by the exact text of the prompt:

    {"prompt": "Name a month. No commas.", "response": "June"}

A line that `heedful respond` wrote is a prediction, too.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heedful.errors import DataError
from heedful.scorers.ifeval.kinds import KINDS
from heedful.scorers.ifeval.verdicts import Instruction, Verdict, check, instructions_of

WAYS = ("strict", "loose")


@dataclass(frozen=True)
class _Prompt:
    key: Any
    text: str
    instructions: tuple[Instruction, ...]


@dataclass(frozen=True)
class _Judged:
    """A prompt with its verdicts; none where it has no response."""

    prompt: _Prompt
    verdicts: tuple[Verdict, ...]
    answered: bool

    def follow(self, way: str) -> list[bool | None]:
        if not self.answered:
            return [None] * len(self.prompt.instructions)
        return [v.strict if way == "strict" else v.loose for v in self.verdicts]

    def follow_all(self, way: str) -> bool | None:
        found = self.follow(way)
        return None if None in found or not self.answered else all(found)


def score(references: Path, predictions: Path | None) -> dict[str, Any]:
    """The four figures, the counts behind them, shares by kind, and the verdicts of every prompt.

    A prompt without a response and one with an instruction that cannot be verified have no verdict: they are counted
    (`no_response`, `refused_instructions`) and are in none of the figures. A figure is None where nothing was scored.
    Raises DataError for what cannot be read, and where no response belongs to a prompt.
    """
    assert predictions is not None, "the kind is declared with predictions"
    prompts = list(_read_prompts(references))
    lines = list(_read_responses(predictions))
    texts = {p.text for p in prompts}
    responses = dict(lines)  # of several the last, as in the reference
    if not texts & responses.keys():
        raise DataError(
            f"{predictions}: no response belongs to a prompt of {references}; prompts must be the same to the letter"
        )
    judged = [_judge(p, responses.get(p.text)) for p in prompts]
    figures: dict[str, Any] = {}
    for way in WAYS:
        figures[f"prompt_{way}"] = _share(j.follow_all(way) for j in judged)
        figures[f"instruction_{way}"] = _share(f for j in judged for f in j.follow(way))
    seen = Counter(prompt for prompt, _ in lines)
    return {
        **figures,
        "prompts": len(prompts),
        "instructions": sum(len(p.instructions) for p in prompts),
        "no_response": sum(not j.answered for j in judged),
        "refused_instructions": sum(v.reason is not None for j in judged for v in j.verdicts),
        "unsteady_verdicts": sum(len(v.unsteady) for j in judged for v in j.verdicts),
        "repeated_responses": sum(count - 1 for count in seen.values()),
        "unknown_prompts": sum(prompt not in texts for prompt in seen),
        "by_kind": _by_kind(judged),
        "verdicts": [_row(j) for j in judged],
    }


def _judge(prompt: _Prompt, response: str | None) -> _Judged:
    if response is None:
        return _Judged(prompt, (), False)
    return _Judged(prompt, check(prompt.instructions, response), True)


def _share(followed: Iterator[bool | None]) -> float | None:
    scored = [f for f in followed if f is not None]
    return sum(scored) / len(scored) if scored else None


def _by_kind(judged: Sequence[_Judged]) -> dict[str, dict[str, Any]]:
    """The number of verdicts of each kind and the share that was followed; in the order of `KINDS`, then unknown."""
    found: dict[str, list[Verdict]] = {}
    for verdict in (v for j in judged for v in j.verdicts):
        found.setdefault(verdict.kind, []).append(verdict)
    order = [*(k for k in KINDS if k in found), *(k for k in found if k not in KINDS)]
    return {
        kind: {
            "instructions": len(found[kind]),
            "strict": _share(v.strict for v in found[kind]),
            "loose": _share(v.loose for v in found[kind]),
        }
        for kind in order
    }


def _row(judged: _Judged) -> dict[str, Any]:
    row: dict[str, Any] = {
        "key": judged.prompt.key,
        "prompt": judged.prompt.text,
        "instruction_id_list": [i.kind for i in judged.prompt.instructions],
    }
    for way in WAYS:
        row[way] = {
            "follow_all_instructions": judged.follow_all(way),
            "follow_instruction_list": judged.follow(way),
        }
    if not judged.answered:
        row["reason"] = "no response"
    elif refused := [f"{v.kind}: {v.reason}" for v in judged.verdicts if v.reason]:
        row["reason"] = "; ".join(refused)
    if unsteady := [f"{v.kind} ({', '.join(v.unsteady)})" for v in judged.verdicts if v.unsteady]:
        row["unsteady"] = unsteady
    return row


def _read_prompts(path: Path) -> Iterator[_Prompt]:
    for where, row in _rows(path):
        if not isinstance(row.get("prompt"), str):
            raise DataError(
                f"{where}: has no prompt; a line of IFEval's input_data.jsonl has key, prompt, "
                "instruction_id_list and kwargs"
            )
        try:
            json.dumps(row, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise DataError(f"{where}: holds half of a surrogate pair, which is no text; mend the escape") from None
        yield _Prompt(row.get("key"), row["prompt"], instructions_of(row, where))


def _read_responses(path: Path) -> Iterator[tuple[str, str | None]]:
    """Prompts and responses; None for a request that failed."""
    for where, row in _rows(path):
        if str(row.get("schema", "")).startswith("heedful.response/"):
            yield _from_heedful(row, where)
            continue
        for name in ("prompt", "response"):
            if name not in row:
                raise DataError(f"{where}: has no {name}; a line of responses has prompt and response")
        if not isinstance(row["prompt"], str) or not isinstance(row["response"], str | None):
            raise DataError(f"{where}: prompt and response must be texts (a response may be null: the request failed)")
        yield row["prompt"], row["response"]


def _from_heedful(row: Mapping[str, Any], where: str) -> tuple[str, str | None]:
    from heedful.records import Response, from_json

    response = from_json(Response, row, where)
    asked = [m.content for m in response.messages if m.role == "user"]
    if len(asked) != 1:
        raise DataError(f"{where}: has {len(asked)} turns of a user; a prompt of IFEval is one turn")
    return asked[0], None if response.finish_reason == "error" else response.text


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The objects of a JSONL file, each with its place; blank lines are passed over."""
    empty = True
    try:
        lines = path.read_bytes().decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as e:
        raise DataError(f"{path}: not UTF-8 text at byte {e.start}; save it as UTF-8") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            row = json.loads(line)
        except json.JSONDecodeError as e:
            raise DataError(f"{where}: broken JSON ({e.msg}); each line is one object") from None
        except RecursionError:
            raise DataError(f"{where}: nested too deep; each line is one flat object") from None
        if not isinstance(row, dict):
            raise DataError(f"{where}: not an object; each line is one object in braces")
        empty = False
        yield where, row
    if empty:
        raise DataError(f"{path}: is empty; each line is one object")
