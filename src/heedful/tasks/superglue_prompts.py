"""How SuperGLUE's tasks are asked: SuperGLUE has no prompts of its own, so a profile is a set of functions.

`HEEDFUL` is ours. `LM_EVAL` makes the texts of lm-evaluation-harness 0.4's tasks (tag super-glue-lm-eval-v1, their
files under ``lm_eval/tasks/super_glue``), letter by letter, their oddities with them, or figures would not be equal:
COPA's and ReCoRD's continuations begin with the space that joins them and their own; MultiRC's "yes" is choice 0 where
label 0 means wrong, so a model that judges well has an accuracy below one half there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from heedful.tasks.glue_prompts import NO_YES, YES_NO
from heedful.tasks.superglue_rows import Row

Asked = tuple[str, tuple[str, ...]]  # the question, and its choices by the number of their class
_FOLLOWS = "Premise: {0}\nHypothesis: {1}\nQuestion: Does the hypothesis follow from the premise{2}?\nAnswer:"


def _follows(first: str, second: str) -> Callable[[Row], Asked]:
    """Does one sentence follow from the other? `first` and `second` are their keys."""
    return lambda row: (_FOLLOWS.format(row.value[first], row.value[second], ""), YES_NO)


def _cb(row: Row) -> Asked:
    asked = _FOLLOWS.format(row.value["premise"], row.value["hypothesis"], ", yes, no or maybe")
    return asked, (" yes", " no", " maybe")


def _boolq(row: Row) -> Asked:
    return f"Passage: {row.value['passage']}\nQuestion: {row.value['question']}?\nAnswer (yes or no):", NO_YES


def _copa(row: Row) -> Asked:
    """The premise goes on with its cause or its effect."""
    value = row.value
    joined = value["premise"].strip().rstrip(".") + (" because" if value["question"] == "cause" else ", so")
    return joined, (f" {_in_sentence(value['choice1'])}", f" {_in_sentence(value['choice2'])}")


def _in_sentence(text: str) -> str:
    """A sentence as it stands within another: with a small letter, but for "I"."""
    text = text.strip()
    return text if re.match(r"I\b", text) else text[:1].lower() + text[1:]


def _multirc(row: Row) -> Asked:
    value = row.value
    return (
        f"Passage: {value['paragraph']}\nQuestion: {value['question']}\nProposed answer: {value['answer']}\n"
        "Is the proposed answer right?\nAnswer:",
        NO_YES,
    )


def _record(row: Row) -> Asked:
    """The passage and the query up to its gap; a choice is an entity and the rest of the query."""
    text, *points = row.value["passage"].strip().split("\n@highlight\n")
    before, _, after = row.value["query"].partition("@placeholder")
    gap = before[len(before.rstrip()) :]
    asked = "\n".join([text, *(f"- {point}" for point in points)]) + f"\n\n{before.rstrip()}"
    return asked, tuple(f"{gap}{entity}{after.replace('@placeholder', entity)}" for entity in row.value["entities"])


def _wic(row: Row) -> Asked:
    value = row.value
    return (
        f"Sentence 1: {value['sentence1']}\nSentence 2: {value['sentence2']}\n"
        f'Question: Does "{value["word"]}" mean the same in the two sentences?\nAnswer:',
        NO_YES,
    )


def _wsc(row: Row) -> Asked:
    value, words = row.value, row.value["text"].split()
    at = value["span2_index"]
    if at < len(words):
        words[at] = f"[{words[at]}]"
    return (
        f"Passage: {' '.join(words)}\n"
        f'Question: In this passage, does [{value["span2_text"]}] stand for "{value["span1_text"]}"?\nAnswer:',
        NO_YES,
    )


def _lm_boolq(row: Row) -> Asked:
    return f"{row.value['passage']}\nQuestion: {row.value['question']}?\nAnswer:", NO_YES


def _lm_cb(row: Row) -> Asked:
    asked = f"{row.value['premise']}\nQuestion: {row.value['hypothesis']}. True, False, or Neither?\nAnswer:"
    return asked, (" True", " False", " Neither")


def _lm_copa(row: Row) -> Asked:
    value = row.value
    joined = f"{value['premise'].strip()[:-1]} {'because' if value['question'] == 'cause' else 'therefore'}"
    return joined, tuple(f"  {c[:1].lower()}{c[1:]}" for c in (value["choice1"], value["choice2"]))


def _lm_multirc(row: Row) -> Asked:
    value = row.value
    return f"{value['paragraph']}\nQuestion: {value['question']}\nAnswer:", tuple(
        f" {value['answer']}\nIs the answer correct? {word}" for word in ("yes", "no")
    )


def _lm_record(row: Row) -> Asked:
    text, *points = row.value["passage"].strip().split("\n@highlight\n")
    query = row.value["query"]
    return f"{text}\n\n" + "".join(f"  - {point}.\n" for point in points), tuple(
        f"   - {query}".replace("@placeholder", entity) for entity in row.value["entities"]
    )


def _lm_rte(row: Row) -> Asked:
    return f"{row.value['premise']}\nQuestion: {row.value['hypothesis']} True or False?\nAnswer:", (" True", " False")


def _lm_wic(row: Row) -> Asked:
    value: dict[str, Any] = row.value
    word = value["sentence1"][value["start1"] : value["end1"]]
    return (
        f"Sentence 1: {value['sentence1']}\nSentence 2: {value['sentence2']}\n"
        f"Question: Is the word '{word}' used in the same way in the two sentences above?\nAnswer:",
        NO_YES,
    )


def _lm_wsc(row: Row) -> Asked:
    """The pronoun between asterisks, then the spaces taken out that a tokenizer once put before marks."""
    value = row.value
    before = " ".join(value["text"].split()[: value["span2_index"]])
    rest = value["text"][len(before) + len(value["span2_text"]) + 1 :]
    passage = f"{before} *{value['span2_text']}*{rest}"
    for spaced, joined in ((" n't", "n't"), (" )", ")"), ("( ", "("), ('" ', '"'), (' "', '"')):
        passage = passage.replace(spaced, joined)
    passage = re.sub(r" (['.,])", r"\1", passage)
    return (
        f'Passage: {passage}\nQuestion: In the passage above, does the pronoun "*{value["span2_text"]}*" refer to '
        f'"*{value["span1_text"]}*"?\nAnswer:',
        NO_YES,
    )


HEEDFUL: dict[str, Callable[[Row], Asked]] = {
    "boolq": _boolq,
    "cb": _cb,
    "copa": _copa,
    "multirc": _multirc,
    "record": _record,
    "rte": _follows("premise", "hypothesis"),
    "wic": _wic,
    "wsc": _wsc,
    "axb": _follows("sentence1", "sentence2"),
    "axg": _follows("premise", "hypothesis"),
}
LM_EVAL: dict[str, Callable[[Row], Asked]] = {
    "boolq": _lm_boolq,
    "cb": _lm_cb,
    "copa": _lm_copa,
    "multirc": _lm_multirc,
    "record": _lm_record,
    "rte": _lm_rte,
    "wic": _lm_wic,
    "wsc": _lm_wsc,
}
