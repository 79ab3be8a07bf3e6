"""An AlpacaEval annotator in the place of a prompt: its messages, its order, its way of reading.

A pair is asked about once, in the order that alpaca_eval draws, and the value of its Score is the preference less 1:
the probability that the second answer is better, where the annotator weighs, else 0, 0.5 or 1. Order and consistency
are then not known. Answers stand in the prompt as published, without fences.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from heedful.backends.base import Answer
from heedful.judge.annotators import Annotator
from heedful.judge.rubric import Rubric
from heedful.judge.verdicts import Reading, Verdict
from heedful.records import Message

_QUESTION = "question"
_CHOICE = Verdict("choice")


@dataclass(frozen=True)
class AnnotatorPrompt:
    """What `JudgePrompt` is, by a configuration of AlpacaEval."""

    annotator: Annotator
    mode: Literal["pairs"] = "pairs"
    version: str = "alpaca_eval"
    verdict: Verdict = _CHOICE
    fence: bool = False
    one_order: bool = True

    @property
    def name(self) -> str:
        return self.annotator.name

    @property
    def hash(self) -> str:
        return self.annotator.hash

    @property
    def places(self) -> frozenset[str]:
        return frozenset({_QUESTION, "answer_a", "answer_b"})

    def describe(self) -> dict[str, Any]:
        """What a Score and a summary say of the prompt."""
        own = {"prompt": self.name, "prompt_version": self.version, "prompt_hash": self.hash}
        return own | self.annotator.describe() | {"annotator_model": self.annotator.model}

    def is_turned(self, question: str) -> bool:
        """Whether the second answer is shown first."""
        return self.annotator.is_switched(question)

    def messages_for(self, texts: Mapping[str, str], seed: int = 0) -> tuple[Message, ...]:
        """The messages of one request. `texts` has the answers as they are shown; the order is alpaca_eval's draw."""
        question = texts[_QUESTION]
        shown = texts["answer_a"], texts["answer_b"]
        one, two = reversed(shown) if self.is_turned(question) else shown
        return self.annotator.prompt(question, one, two)

    def read(
        self, answer: Answer, rubric: Rubric | None = None, from_text: bool = False, question: str = ""
    ) -> Reading:
        """The verdict: how probable it is that the answer shown second is better."""
        found = self.annotator.preference(question, answer.text, answer.top_logprobs)
        if found.value is None:
            return Reading(None, why=found.why or "the annotator's parser found no preference")
        second = found.value - 1  # the item's second answer
        value = 1 - second if self.is_turned(question) else second
        by = "log-probabilities" if self.annotator.parser.kind == "logprob" else "text"
        return Reading(value, by, choice="tie" if value == 0.5 else "second" if value > 0.5 else "first")
