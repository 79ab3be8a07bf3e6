"""Figures of one part of the data, row by row: characters, and tokens where there is a tokenizer.

Only numbers are kept, 4 bytes a row and figure, so that a million rows fit.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from heedful.data.checks.lengths import describe
from heedful.data.findings import several_bos, stop_is_trained
from heedful.records import Example, TokenExample


def _numbers() -> array[int]:
    return array("I")


def median(numbers: array[int]) -> float:
    """The median, 0 of nothing; the mean of the middle two where there are two."""
    if not numbers:
        return 0
    in_order, middle = sorted(numbers), len(numbers) // 2
    return in_order[middle] if len(in_order) % 2 else (in_order[middle - 1] + in_order[middle]) / 2


@dataclass
class CharacterFigures:
    """Counts the characters of prompts and answers."""

    answers: array[int] = field(default_factory=_numbers)
    rows: array[int] = field(default_factory=_numbers)

    def add(self, example: Example) -> None:
        answer = len(example.reference or "")
        self.answers.append(answer)
        self.rows.append(answer + sum(len(m.content) + len(m.context or "") for m in example.prompt))

    def to_json(self) -> dict[str, Any]:
        """rows, characters, answer_characters, median_answer_characters, longest_characters."""
        return {
            "rows": len(self.rows),
            "characters": sum(self.rows),
            "answer_characters": sum(self.answers),
            "median_answer_characters": median(self.answers),
            "longest_characters": max(self.rows, default=0),
        }


@dataclass
class TokenFigures:
    """Counts tokens, and says of each row what is wrong with its tokens.

    `stops` are the ids of stop tokens, `bos` that of the token which a tokenizer puts before a text, if it does.
    """

    stops: Collection[int]
    bos: int | None = None
    lengths: array[int] = field(default_factory=_numbers)
    trained: array[int] = field(default_factory=_numbers)
    truncated_tokens: int = 0
    bos_counts: Counter[int] = field(default_factory=Counter)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TOKEN_FAULTS, 0))

    def add(self, row: TokenExample) -> list[str]:
        """Count a row; returns its faults, keys of `TOKEN_FAULTS`."""
        stops, trained = set(self.stops), row.trained_tokens
        self.lengths.append(len(row.ids))
        self.trained.append(trained)
        self.truncated_tokens += row.truncated
        if self.bos is not None:
            self.bos_counts[row.ids.count(self.bos)] += 1
        faults = {
            "wholly_masked": not trained,
            "stop_not_trained": trained > 0 and not stop_is_trained(row, stops),
            "several_bos": self.bos is not None and several_bos(row.ids, self.bos, stops),
            "no_bos": self.bos is not None and self.bos not in row.ids,
            "truncated": row.truncated > 0,
        }
        found = [fault for fault, holds in faults.items() if holds]
        for fault in found:
            self.counts[fault] += 1
        return found

    def to_json(self) -> dict[str, Any]:
        """tokens, trained_tokens, longest and medians, and how many rows have each fault.

        `trained_a_row` describes the trained tokens of a row (see `describe`); `bos_counts` says how many rows hold
        how many BOS tokens, and is empty where the tokenizer puts none before a text.
        """
        return {
            "tokens": sum(self.lengths),
            "trained_tokens": sum(self.trained),
            "longest_tokens": max(self.lengths, default=0),
            "median_tokens": median(self.lengths),
            "median_answer_tokens": median(self.trained),
            "trained_a_row": describe(self.trained),
            "bos_counts": {str(n): self.bos_counts[n] for n in sorted(self.bos_counts)},
            "truncated_rows": self.counts["truncated"],
            "truncated_tokens": self.truncated_tokens,
            "wholly_masked_rows": self.counts["wholly_masked"],
            "stop_not_trained_rows": self.counts["stop_not_trained"],
            "several_bos_rows": self.counts["several_bos"],
            "no_bos_rows": self.counts["no_bos"],
        }


# Finding -> (severity, sentence).
TOKEN_FAULTS = {
    "wholly_masked": ("error", "rows that have no trained token: they teach nothing"),
    "stop_not_trained": ("error", "rows that do not train the stop token: the model does not learn to stop"),
    "several_bos": ("error", "rows that begin with, or hold, more than one BOS token"),
    "no_bos": ("warning", "rows without the BOS token that this tokenizer puts before a text"),
    "truncated": ("note", "rows that are cut to the length limit"),
}
