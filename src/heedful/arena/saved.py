"""Answers from files: questions that two models or more have answered, with no model in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from heedful.arena.pairs import Pair
from heedful.errors import RequestError
from heedful.records import Response, hash_of
from heedful.report.text import instruction_text
from heedful.responses import read_responses


@dataclass(frozen=True)
class Question:
    """A question as text, and the answers by model."""

    id: str
    text: str
    answers: dict[str, Response]


@dataclass(frozen=True)
class Saved:
    """The questions by id, the models in the order of the files, and how many answers had failed."""

    questions: dict[str, Question]
    models: tuple[str, ...]
    failed: int

    def shared(self) -> dict[Pair, list[str]]:
        """The ids of the questions that two models have answered, for each two, in the order of `models`."""
        out: dict[Pair, list[str]] = {}
        for question in self.questions.values():
            have = [m for m in self.models if m in question.answers]
            for k, one in enumerate(have):
                for other in have[k + 1 :]:
                    out.setdefault((one, other), []).append(question.id)
        return out


def read_saved(files: Sequence[str | Path]) -> Saved:
    """Join the answers of files on the question's id and text. Of two answers of a model to one the later counts.

    RequestError where no question has answers of two models.
    """
    questions: dict[str, Question] = {}
    models: dict[str, None] = {}
    failed = 0
    for file in files:
        for r in read_responses(file):
            models[r.model] = None
            if r.finish_reason == "error":
                failed += 1
                continue
            text = instruction_text(r.messages)
            name = hash_of([r.example_id, text])
            questions.setdefault(name, Question(name, text, {})).answers[r.model] = r
    found = {name: q for name, q in questions.items() if len(q.answers) > 1}
    if not found:
        named = ", ".join(list(models)[:3]) or "none"
        raise RequestError(
            f"--answers {', '.join(str(f) for f in files)}: no question has answers of two models "
            f"(there are answers of {named}); name files with answers of different models to the same questions"
        )
    return Saved(found, tuple(m for m in models if any(m in q.answers for q in found.values())), failed)
