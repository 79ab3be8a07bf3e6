"""A model whose answers stand in a JSONL file, for tests and examples. A line says one of these:

{"question": ..., "answer": ...}                           the answer to the last user's text, or what follows a text
{"context": ..., "continuation": ..., "log_likelihood": -1.5}    how likely the one is after the other; also `greedy`
                                                           (false if left out) and `tokens` (else its words)
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from heedful.backends.base import Answer, Continuation, GenerationSettings, LogLikelihood, Tools
from heedful.errors import DataError
from heedful.records import Message
from heedful.store import read_jsonl

_CHOICE = {"context", "continuation", "log_likelihood"}


class ScriptedBackend:
    """Looks questions and continuations up; for one that is not in the file there is an error.

    Its chat template, for `render`, is ``<|user|>TEXT`` a line and ``<|assistant|>`` at the end.
    """

    scored_by = "the script"

    def __init__(self, path: str | Path):
        if not Path(path).is_file():
            raise DataError(f"scripted:{path}: no such file")
        self.name = f"scripted:{path}"
        self.answers: dict[str, str] = {}
        self.known: dict[tuple[str, str], Mapping[str, Any]] = {}
        for number, line in enumerate(read_jsonl(path), 1):
            if isinstance(line, dict) and {"question", "answer"} <= line.keys():
                self.answers[line["question"]] = line["answer"]
            elif isinstance(line, dict) and line.keys() >= _CHOICE and _is_number(line["log_likelihood"]):
                self.known[line["context"], line["continuation"]] = line
            else:
                raise DataError(
                    f"{path}:{number}: a line needs 'question' and 'answer', or 'context', 'continuation' and a number "
                    "as 'log_likelihood'"
                )

    def answer(
        self, prompts: Sequence[Sequence[Message]], settings: GenerationSettings, tools: Sequence[Tools] = ()
    ) -> Iterator[Answer]:
        """The answers to the last user's texts."""
        for index, messages in enumerate(prompts):
            question = next((m for m in reversed(messages) if m.role == "user"), None)
            asked = (
                "" if question is None else question.content + (f"\n\n{question.context}" if question.context else "")
            )
            yield self._answer(index, asked, "the script has no answer to this question")

    def complete(self, prompts: Sequence[str], settings: GenerationSettings) -> Iterator[Answer]:
        """What follows plain texts."""
        for index, prompt in enumerate(prompts):
            yield self._answer(index, prompt, "the script does not go on with this text")

    def log_likelihoods(self, rows: Sequence[Continuation]) -> Iterator[LogLikelihood]:
        """How likely continuations are."""
        for index, row in enumerate(rows):
            line = self.known.get((row.context, row.continuation))
            if line is None:
                yield LogLikelihood(index, math.nan, False, 0, error="the script does not know this continuation")
                continue
            tokens = int(line.get("tokens", len(row.continuation.split())))
            yield LogLikelihood(index, float(line["log_likelihood"]), bool(line.get("greedy", False)), tokens)

    def render(self, messages: Sequence[Message]) -> str:
        """A conversation as a text that the assistant goes on with."""
        return "".join(f"<|{m.role}|>{m.content}\n" for m in messages) + "<|assistant|>"

    def _answer(self, index: int, asked: str, unknown: str) -> Answer:
        text = self.answers.get(asked)
        if text is None:
            return Answer(index, "", "error", len(asked.split()), 0, 0.0, unknown)
        return Answer(index, text, "stop", len(asked.split()), len(text.split()), 0.0)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
