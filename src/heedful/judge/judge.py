"""Who judges, and how."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from heedful.backends.base import GenerationSettings
from heedful.judge.annotated import AnnotatorPrompt
from heedful.judge.prompt import JudgePrompt
from heedful.judge.rubric import Rubric

TOP_LOGPROBS = 20  # what most servers give at most


@dataclass(frozen=True)
class Judge:
    """Who judges and how: the model's name, the prompt, the rubric of a rubric prompt, and the settings.

    `from_text` says that verdicts are read from text even where log-probabilities could be had.
    """

    name: str
    prompt: JudgePrompt | AnnotatorPrompt
    settings: GenerationSettings
    rubric: Rubric | None = None
    from_text: bool = False

    @property
    def rater(self) -> str:
        return f"judge:{self.name}"

    @property
    def asked(self) -> dict[str, Any]:
        """What must be the same for two verdicts to stand in one file."""
        out = {"judge": self.name, "prompt_hash": self.prompt.hash, "settings": self.settings.hash}
        out |= {"from_text": self.from_text}
        return out | ({"rubric_hash": self.rubric.hash} if self.rubric else {})

    def with_logprobs(self, top: int) -> Judge:
        """The judge whose server is asked for so many likeliest tokens; `asked` stays the same."""
        return dataclasses.replace(self, settings=dataclasses.replace(self.settings, top_logprobs=top))
