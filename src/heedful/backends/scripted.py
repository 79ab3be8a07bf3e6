"""Answers from a JSONL file, for tests and examples: ``{"question": ..., "answer": ...}`` a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from heedful.backends.base import Answer, GenerationSettings, Tools
from heedful.errors import DataError
from heedful.records import Message
from heedful.store import read_jsonl


class ScriptedBackend:
    """Looks the last user's text up; a question that is not in the file gets an answer with an error."""

    def __init__(self, path: str | Path):
        if not Path(path).is_file():
            raise DataError(f"scripted:{path}: no such file")
        self.name = f"scripted:{path}"
        self.answers: dict[str, str] = {}
        for number, line in enumerate(read_jsonl(path), 1):
            if not isinstance(line, dict) or not {"question", "answer"} <= line.keys():
                raise DataError(f"{path}:{number}: a line needs 'question' and 'answer'")
            self.answers[line["question"]] = line["answer"]

    def answer(
        self, prompts: Sequence[Sequence[Message]], settings: GenerationSettings, tools: Sequence[Tools] = ()
    ) -> Iterator[Answer]:
        for index, messages in enumerate(prompts):
            question = next((m for m in reversed(messages) if m.role == "user"), None)
            asked = (
                "" if question is None else question.content + (f"\n\n{question.context}" if question.context else "")
            )
            text = self.answers.get(asked)
            words = len((text or "").split())
            if text is None:
                yield Answer(
                    index, "", "error", len(asked.split()), 0, 0.0, "the script has no answer to this question"
                )
            else:
                yield Answer(index, text, "stop", len(asked.split()), words, 0.0)
