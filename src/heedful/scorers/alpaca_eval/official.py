"""What `heedful score alpaca-eval` prints: the owner's keys on the owner's scale, and what did not count."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from heedful.scorers.alpaca_eval.annotations import Annotation, read_annotations
from heedful.scorers.alpaca_eval.figures import head_to_head, left_out
from heedful.scorers.alpaca_eval.length_control import LengthControlled, cannot_be_fitted, length_controlled
from heedful.scorers.alpaca_eval.tables import FILE, read_table


def score(references: Path, predictions: Path | None, tables: Path | None) -> dict[str, Any]:
    """The figures of a file of annotations. DataError, with the line, where a file cannot be read."""
    table = read_table(tables) if tables is not None else None
    annotations = read_annotations(references)
    preferences = [a.preference for a in annotations]
    if table is None:
        reason = cannot_be_fitted(annotations)
        published = LengthControlled(None, None, reason or f"it is fitted with {FILE}; name its folder with --tables")
    else:
        published = length_controlled(annotations, table)
    return {
        **head_to_head(preferences),
        "avg_length": _average_length(annotations),
        "length_controlled_winrate": published.win_rate,
        "lc_standard_error": published.standard_error,
        "length_controlled_reason": published.reason,
        "length_controlled_note": published.note,
        "n_annotations": len(annotations),
        **left_out(preferences),
        **{name: _only(annotations, name) for name in ("generator_1", "generator_2", "annotator")},
    }


def _average_length(annotations: Sequence[Annotation]) -> int | None:
    """The mean length of the model's answers in characters, cut to a whole number; None where one has no answer."""
    texts = [a.text("output_2") for a in annotations]
    lengths = [len(t) for t in texts if t is not None]
    return int(sum(lengths) / len(lengths)) if len(lengths) == len(texts) else None


def _only(annotations: Sequence[Annotation], name: str) -> str | None:
    """What all rows say in a field of text; None where they differ or say nothing."""
    found = {a.text(name) for a in annotations}
    return found.pop() if len(found) == 1 else None
