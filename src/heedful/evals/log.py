"""evals/KEY.jsonl: what happened, in the owner's event format (evals/record.py), so that its readers read it.

    {"spec": {"completion_fns": [...], "eval_name": ..., "run_config": {...}, "run_id": ..., ...}}
    {"run_id": ..., "event_id": 0, "sample_id": "test-match.s1.2", "type": "sampling", "data": {"prompt": ...}, ...}
    {"run_id": ..., "event_id": 1, "sample_id": "test-match.s1.2", "type": "match", "data": {"correct": true, ...}, ...}
    {"final_report": {"accuracy": 1.0, "boostrap_std": 0.0}, "run_id": ...}

Samples stand in the order in which they were asked, and a number that is none is null.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from heedful.evals.kinds import Prepared
from heedful.evals.verdicts import Event


def log_lines(
    prepared: Prepared,
    registry: str,
    models: Sequence[str],
    events: Sequence[tuple[str, Event]],
    report: Mapping[str, Any],
    command: str = "",
) -> Iterator[dict[str, Any]]:
    """The lines of the file: the spec, each event with its sample's id, the final report."""
    now = datetime.now(UTC)
    run_id = now.strftime("%y%m%d%H%M%S") + base64.b32encode(os.urandom(5)).decode()
    spec = prepared.spec
    parts = spec.key.split(".")
    config = {
        "completion_fns": list(models),
        "eval_spec": {
            "cls": spec.cls,
            "registry_path": registry,
            "args": dict(spec.args),
            "key": spec.key,
            "group": spec.group,
        },
        "seed": prepared.seed,
        "max_samples": prepared.limit,
        "command": command,
        "initial_settings": {"visible": prepared.limit is None},
    }
    yield {
        "spec": {
            "completion_fns": list(models),
            "eval_name": spec.key,
            "base_eval": parts[0],
            "split": parts[1],
            "run_config": config,
            "created_by": "",
            "run_id": run_id,
            "created_at": str(now.replace(tzinfo=None)),
        }
    }
    for number, (sample, (kind, data)) in enumerate(events):
        head = {"run_id": run_id, "event_id": number, "sample_id": sample, "type": kind, "data": data}
        yield head | {"created_by": "", "created_at": str(now)}
    yield {"final_report": dict(report), "run_id": run_id}
