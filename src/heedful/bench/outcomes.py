"""From the journal's lines to outcomes, marks, and the lines of samples/KEY.jsonl."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from heedful.bench.journal import Journal
from heedful.bench.requests import Asked, Request
from heedful.bench.tasks import Prepared
from heedful.errors import HeedfulError, RequestError
from heedful.records import hash_of, to_json
from heedful.tasks import Mark, Outcome, Sample

Answers = Mapping[str, Mapping[str, Any]]


def outcome_of(asked: Asked, answers: Answers) -> Outcome:
    """What the model made of an item; with an error where one of its requests has no answer."""
    lines = [answers.get(key, {"error": "it was not asked"}) for key in asked.keys]
    error = next((_error(line, bool(asked.choices)) for line in lines if _error(line, bool(asked.choices))), None)
    if error:
        return Outcome(asked.item, error=error)
    if asked.choices:
        return Outcome(
            asked.item,
            tuple(float(line["log_likelihood"]) for line in lines),
            tuple(bool(line["greedy"]) for line in lines),
            tuple(int(line["tokens"]) for line in lines),
        )
    return Outcome(asked.item, texts=tuple(str(line["text"]) for line in lines))


def _error(line: Mapping[str, Any], choice: bool) -> str | None:
    if line.get("error"):
        return str(line["error"])
    value = line.get("log_likelihood")
    if choice and not (isinstance(value, int | float) and math.isfinite(value)):
        return "the model gave no number"
    return None


def mark_of(prepared: Prepared, outcome: Outcome, journal: Journal) -> Mark:
    """An item's mark; of a task that runs code the one in the journal, where it is there."""
    item, task = outcome.item, prepared.task
    if task.runs_code and outcome.error is None:
        known = journal.marks.get(item.id)
        if known is not None and known.get("of") == hash_of(list(outcome.texts)):
            return Mark(known["answer"], known["scores"])
    try:
        mark = task.mark(outcome)
    except HeedfulError:
        raise
    except Exception as e:  # of a user's own task its error is what has to be told
        raise RequestError(
            f"task {prepared.key}: its mark fails on item '{item.id}' ({type(e).__name__}: {e}); mend the task and add "
            "--resume"
        ) from e
    if task.runs_code and outcome.error is None:
        journal.mark(item.id, mark.answer, mark.scores, outcome.texts)
    return mark


def sample_line(
    sample: Sample, asked: Asked, requests: Mapping[str, Request], answers: Answers, flagged: str | None
) -> dict[str, Any]:
    """One line of samples/KEY.jsonl. What does not apply is left out, but `answer`, `gold` and `score` never are."""
    item, outcome = sample.item, sample.outcome
    lines = [answers.get(key, {}) for key in asked.keys]
    scores = dict(sample.mark.scores)
    context = asked.context
    out: dict[str, Any] = {"id": item.id}
    out |= {"subset": item.subset} if item.subset else {}
    out |= {"group": item.group} if item.group is not None else {}
    out["prompt"] = context if isinstance(context, str) else [to_json(m) for m in context]
    if asked.choices:
        out["choices"] = [
            {"text": text, "log_likelihood": line.get("log_likelihood"), "greedy": line.get("greedy")}
            for text, line in zip(asked.choices, lines, strict=True)
        ]
    elif outcome.error is None:
        out["texts"] = list(outcome.texts)
        out["finish_reasons"] = [line.get("finish_reason") for line in lines]
    out |= {"answer": sample.mark.answer, "gold": item.gold}
    out["score"] = next(iter(scores.values())) if len(scores) == 1 else scores
    out["tokens"] = sum(int(line.get("tokens") or 0) for line in lines)
    truncated = max((int(line.get("truncated") or 0) for line in lines), default=0)
    out |= {"truncated": truncated} if truncated else {}
    out |= {"error": outcome.error} if outcome.error else {}
    out |= {"trained_on": flagged} if flagged else {}
    return out
