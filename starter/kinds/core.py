"""The row type and the two small helpers that most kinds of row are built with."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """One example: what is asked, the text it is asked about (may be empty), and the answer."""

    kind: str
    instruction: str
    input: str
    output: str


def from_pairs(kind: str, instructions: Sequence[str], pairs: Iterable[tuple[str, str]]) -> list[Row]:
    """Rows whose input is the first text of a pair and whose answer is the second; the instructions take turns."""
    return [
        Row(kind, instructions[turn % len(instructions)], before, after) for turn, (before, after) in enumerate(pairs)
    ]


def from_facts(
    kind: str, questions: Sequence[tuple[str, str]], answer: str, facts: Iterable[tuple[str, ...]]
) -> list[Row]:
    """Rows from (instruction, input) templates that take turns; {0}, {1}, ... stand for the parts of a fact."""
    rows = []
    for turn, fact in enumerate(facts):
        instruction, given = questions[turn % len(questions)]
        rows.append(Row(kind, instruction.format(*fact), given.format(*fact), answer.format(*fact)))
    return rows


def from_answers(kind: str, answers: Iterable[tuple[str, str]]) -> list[Row]:
    """Rows without input, from (instruction, answer) pairs that are written out in full."""
    return [Row(kind, instruction, "", answer) for instruction, answer in answers]
