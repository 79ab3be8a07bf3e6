"""Rows that hold a question and its answer in columns: alpaca, dolly, qa, and self-instruct's list of instances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from heedful.data.layouts.base import (
    SYSTEM,
    Reading,
    Readings,
    RowFault,
    as_list,
    context_of,
    missing,
    shown,
    system_of,
    text,
)
from heedful.records import Message

# The columns of a question, each with those of its answer: the first that is there is taken.
QUESTIONS: dict[str, tuple[str, ...]] = {
    "question": ("answer", "response", "solution"),
    "query": ("response", "answer", "solution"),
    "problem": ("solution", "answer", "response"),
    "input": ("output",),
}


def texts(value: Mapping[str, Any], *columns: str) -> bool:
    """Whether each of the columns is there and holds text or null."""
    return all(c in value and (value[c] is None or isinstance(value[c], str)) for c in columns)


def only(value: Mapping[str, Any], question: str, *others: str) -> bool:
    """Whether a row is a question without an answer: nothing but that column, an id, a system message and `others`."""
    return texts(value, question) and value.keys() <= {"id", question, *SYSTEM, *others}


def fits_alpaca(value: Mapping[str, Any]) -> bool:
    return texts(value, "instruction", "output") or only(value, "instruction", "input")


def fits_dolly(value: Mapping[str, Any]) -> bool:
    return texts(value, "instruction", "response")


def fits_self_instruct(value: Mapping[str, Any]) -> bool:
    return texts(value, "instruction") and as_list(value.get("instances")) is not None


def fits_qa(value: Mapping[str, Any]) -> bool:
    if only(value, "question", "context", "choices") or only(value, "query") or only(value, "problem"):
        return True
    return any(
        texts(value, question, answer)
        for question, answers in QUESTIONS.items()
        for answer in answers
        if question != "input" or "instruction" not in value
    )


def alpaca(value: Mapping[str, Any], notes: list[str]) -> Readings:
    """instruction, output; optional input, system, and history: earlier turns as [question, answer] pairs."""
    out = system_of(value) + _history(value.get("history"))
    return [Reading(out + _asked(value, "instruction", "input", "output", notes))]


def dolly(value: Mapping[str, Any], notes: list[str]) -> Readings:
    """instruction, response; optional context and system."""
    return [Reading(system_of(value) + _asked(value, "instruction", "context", "response", notes))]


def self_instruct(value: Mapping[str, Any], notes: list[str]) -> Readings:
    """instruction and instances, a list of {input, output}: a conversation each, all of one group."""
    if value.get("instruction") is None:
        raise missing("missing_instruction", "instruction", value)
    instances = as_list(value.get("instances"))
    if not instances:
        raise RowFault("missing_instances", "'instances' is empty or no list")
    made: Readings = []
    for number, instance in enumerate(instances, 1):
        try:
            if not isinstance(instance, Mapping):
                raise RowFault("not_an_instance", f"it is not an object with input and output but {shown(instance)}")
            row = {**instance, "instruction": value["instruction"]}
            turns = system_of(value) + _asked(row, "instruction", "input", "output", notes)
            extra = {k: v for k, v in instance.items() if k not in ("input", "output")}
            made.append(Reading(turns, fields=extra, suffix=f".{number}"))
        except RowFault as e:
            made.append(RowFault(e.reason, f"instance {number}: {e.sentence}"))
    return made


def qa(value: Mapping[str, Any], notes: list[str]) -> Readings:
    """question and answer (or query and response, problem and solution, ...); optional context, choices and system."""
    question = next((q for q in QUESTIONS if q in value), None)
    if question is None:
        raise missing("missing_instruction", "question", value)
    there = [a for a in QUESTIONS[question] if a in value]
    answer = there[0] if there else QUESTIONS[question][0]
    if len(there) > 1:
        notes.append(f"rows that have {' and '.join(map(repr, there))}: {answer!r} was taken as the answer")
    context = context_of(value, "context", notes)
    choices = value.get("choices")
    if choices:
        context = (context + "\n\n" if context else "") + _choices(choices)
    out = system_of(value) + _asked({**value, "context": context}, question, "context", answer, notes)
    return [Reading(out, used=frozenset({question, answer, "context", "choices", *SYSTEM}))]


def _asked(value: Mapping[str, Any], question: str, context: str, answer: str, notes: list[str]) -> list[Message]:
    """The user's message and, unless the answer is missing, the assistant's."""
    if value.get(question) is None:
        raise missing("missing_instruction", question, value)
    out = [Message("user", text(value[question], question), context=context_of(value, context, notes))]
    if value.get(answer) is not None:
        out.append(Message("assistant", text(value[answer], answer)))
    return out


def _history(value: Any) -> list[Message]:
    if value is None or value == "" or value == []:
        return []
    pairs = as_list(value)
    if pairs is None:
        raise RowFault("bad_history", f"'history' is not a list of [question, answer] but {shown(value)}")
    out = []
    for number, pair in enumerate(pairs, 1):
        if not isinstance(pair, list) or len(pair) != 2:
            raise RowFault("bad_history", f"turn {number} of 'history' is not [question, answer] but {shown(pair)}")
        out.append(Message("user", text(pair[0], f"question {number} of history")))
        out.append(Message("assistant", text(pair[1], f"answer {number} of history")))
    return out


def _choices(value: Any) -> str:
    """Choices as lines ``A. first``."""
    found = as_list(value)
    if found is None or not all(isinstance(c, str) for c in found) or len(found) > 26:
        raise RowFault("bad_choices", f"'choices' is not a list of at most 26 texts but {shown(value)}")
    return "\n".join(f"{chr(ord('A') + k)}. {choice}" for k, choice in enumerate(found))
