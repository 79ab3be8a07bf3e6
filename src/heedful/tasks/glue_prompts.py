"""How GLUE's tasks are asked: GLUE has no prompts of its own, so a profile is a table of them.

`HEEDFUL` is ours: the sentences under their names, one plain question, a word or two to choose from. `LM_EVAL` are the
texts of lm-evaluation-harness 0.4's tasks (their yaml files under ``lm_eval/tasks/glue``), letter by letter, or figures
would not be equal. STS-B and AX are not among them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from heedful.tasks.glue_rows import Row
from heedful.tasks.pieces import Span, template_spans


def _as_is(text: str) -> str:
    return text


@dataclass(frozen=True)
class Ask:
    """A question with places for ``{first}`` and ``{second}``, and for each class, by its number, the answer to it."""

    template: str
    choices: tuple[str, ...]
    second: Callable[[str], str] = _as_is

    def text(self, row: Row) -> str:
        """The question about a row."""
        return self.template.format(first=row.first, second=self.second(row.second))

    def spans(self, row: Row) -> tuple[Span, ...]:
        """Where the row's sentences stand in the question."""
        return template_spans(self.template, self.text(row), first=row.first, second=self.second(row.second))


NO_YES = (" no", " yes")
YES_NO = (" yes", " no")
_FOLLOWS = (
    "Premise: {first}\nHypothesis: {second}\nQuestion: Does the hypothesis follow from the premise{or_not}?\nAnswer:"
)
_TWO_WAYS = _FOLLOWS.replace("{or_not}", "")
_THREE_WAYS = Ask(_FOLLOWS.replace("{or_not}", ", yes, maybe or no"), (" yes", " maybe", " no"))

HEEDFUL: dict[str, Ask] = {
    "cola": Ask("Sentence: {first}\nQuestion: Is this sentence good English grammar?\nAnswer:", NO_YES),
    "sst2": Ask("Review: {first}\nQuestion: Is this review positive or negative?\nAnswer:", (" negative", " positive")),
    "mrpc": Ask(
        "Sentence 1: {first}\nSentence 2: {second}\nQuestion: Do the two sentences say the same?\nAnswer:", NO_YES
    ),
    "stsb": Ask(
        "Sentence 1: {first}\nSentence 2: {second}\nQuestion: How alike in meaning are the two sentences, from 0 (not "
        "at all) to 5 (the same)?\nAnswer:",
        tuple(f" {score}" for score in range(6)),
    ),
    "qqp": Ask(
        "Question 1: {first}\nQuestion 2: {second}\nQuestion: Would one answer do for the two questions?\nAnswer:",
        NO_YES,
    ),
    "mnli_matched": _THREE_WAYS,
    "mnli_mismatched": _THREE_WAYS,
    "qnli": Ask(
        "Question: {first}\nSentence: {second}\nDoes the sentence hold the answer to the question?\nAnswer:", YES_NO
    ),
    "rte": Ask(_TWO_WAYS, YES_NO),
    "wnli": Ask(_TWO_WAYS, NO_YES),
    "ax": _THREE_WAYS,
}


def _ended(text: str) -> str:
    """MNLI's hypotheses end with a full stop."""
    text = text.strip()
    return text if text.endswith(".") else text + "."


_LM_MNLI = Ask("{first}\nQuestion: {second} True, False or Neither?\nAnswer:", (" True", " Neither", " False"), _ended)
_LM_NLI = "{first}\nQuestion: {second} True or False?\nAnswer:"

LM_EVAL: dict[str, Ask] = {
    "cola": Ask("{first}\nQuestion: Does this sentence make sense?\nAnswer:", NO_YES),
    "sst2": Ask("{first}\nQuestion: Is this sentence positive or negative?\nAnswer:", (" negative", " positive")),
    "mrpc": Ask(
        "Sentence 1: {first}\nSentence 2: {second}\nQuestion: Do both sentences mean the same thing?\nAnswer:", NO_YES
    ),
    "qqp": Ask(
        "Question 1: {first}\nQuestion 2: {second}\nQuestion: Do both questions ask the same thing?\nAnswer:", NO_YES
    ),
    "mnli_matched": _LM_MNLI,
    "mnli_mismatched": _LM_MNLI,
    "qnli": Ask("{first}\n{second}\nQuestion: Does this response answer the question?\nAnswer:", YES_NO),
    "rte": Ask(_LM_NLI, (" True", " False")),
    "wnli": Ask(_LM_NLI, (" False", " True")),
}
