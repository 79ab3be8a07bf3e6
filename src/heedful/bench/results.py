"""A task's part of results.json: its figures by part and metric, and the facts that a reader needs to repeat them."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from heedful.bench.clean import Training
from heedful.bench.requests import Asked
from heedful.bench.tasks import Prepared, task_sha256
from heedful.errors import HeedfulError, RequestError
from heedful.records import hash_of, to_json
from heedful.tasks import Figure, Sample
from heedful.tasks.figures import chance

_CHUNK = 1 << 20


def task_results(
    prepared: Prepared,
    samples: Sequence[Sample],
    asked: Sequence[Asked],
    flagged: Mapping[str, str],
    training: Training | None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """``results`` of the task and its parts by name, and the task's entry in ``tasks``."""
    figures = figures_of(prepared, samples)
    clean = figures_of(prepared, [s for s in samples if s.item.id not in flagged]) if flagged else []
    without = {(f.part, f.metric): f for f in clean}
    results: dict[str, Any] = {}
    for figure in figures:
        name = f"{prepared.key}:{figure.part}" if figure.part else prepared.key
        entry = _entry(figure) | _guess(figure, samples)
        if flagged:
            other = without.get((figure.part, figure.metric))
            entry["clean"] = _entry(other, unscored=False) if other else {"value": None, "stderr": None, "n": 0}
        of = results.setdefault(name, {"profile": prepared.task.profile})
        of[figure.metric] = entry
        if figure.main:
            of["main"] = figure.metric
    results.setdefault(prepared.key, {"profile": prepared.task.profile})
    return results, _facts(prepared, samples, asked, flagged, training, figures)


def figures_of(prepared: Prepared, samples: Sequence[Sample]) -> list[Figure]:
    """The task's figures; none of nothing. RequestError where a user's own task fails."""
    if not samples:
        return []
    try:
        return list(prepared.task.figures(samples))
    except HeedfulError:
        raise
    except Exception as e:  # of a user's own task its error is what has to be told
        raise RequestError(
            f"task {prepared.key}: its figures fail ({type(e).__name__}: {e}); mend the task and add --resume"
        ) from e


def _entry(figure: Figure, unscored: bool = True) -> dict[str, Any]:
    out: dict[str, Any] = {"value": _number(figure.value), "stderr": _number(figure.stderr), "n": figure.n}
    return out | ({"unscored": figure.unscored} if unscored else {})


def _number(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _guess(figure: Figure, samples: Sequence[Sample]) -> dict[str, float]:
    """What chance gives: the figure's own, or an accuracy's over items with choices that are right or wrong."""
    of = [s for s in samples if not figure.part or s.item.subset == figure.part]
    guess = figure.guess if figure.guess is not None or figure.metric != "accuracy" else chance(of)
    return {} if guess is None else {"guess": round(guess, 6)}


def _facts(
    prepared: Prepared,
    samples: Sequence[Sample],
    asked: Sequence[Asked],
    flagged: Mapping[str, str],
    training: Training | None,
    figures: Sequence[Figure],
) -> dict[str, Any]:
    errors = [s.outcome.error for s in samples if s.outcome.error]
    scored = sum(any(v is not None for v in s.mark.scores.values()) for s in samples)
    return {
        "task": prepared.task.name,
        "profile": prepared.task.profile,
        "subset": prepared.plan.subset or None,
        "shots": prepared.shots,
        "split": prepared.plan.split or prepared.task.source.split,
        "limit": prepared.plan.limit,
        "seed": prepared.plan.seed,
        "items": len(samples),
        "scored": scored,
        "failed": len(errors),
        "first_error": errors[0] if errors else None,
        "trained_on": len(flagged) if training is not None else None,
        "parts": list(dict.fromkeys(f.part for f in figures if f.part)),
        "source": dataclasses.asdict(prepared.task.source),
        "hashes": {
            "data": {str(p): _sha256(p) for p in prepared.places.used},
            "prompts": prompts_sha256(asked),
            "task": task_sha256(prepared.task),
        },
    }


def prompts_sha256(asked: Sequence[Asked]) -> str:
    """The hash over all that was asked, in order: two runs with the same one asked the same."""
    total = hashlib.sha256()
    for one in asked:
        context = one.context if isinstance(one.context, str) else [to_json(m) for m in one.context]
        total.update(hash_of([one.item.id, context, one.choices], 64).encode())
    return total.hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()
