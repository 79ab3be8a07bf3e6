"""AlpacaEval's two files, written from Heedful's records and read back.

    Responses                    <-> model_outputs.json   instruction, output, generator
    Scores of pairs + Responses  <-> annotations.json     instruction, output_1/2, generator_1/2, preference

Rows that Heedful writes bear its ids too (`example_id`, `response_id`), which alpaca_eval hands on; so a file that went
through it comes back with the ids that it left with. Other programs' rows get ids made from their texts.

A value of a Score is the share by which the second answer is better, from 0 to 1; a preference is one more. None and
null are the same: the verdict could not be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heedful.data.sources import read_rows
from heedful.errors import DataError
from heedful.records import Message, Response, Score, conversation_id, hash_of
from heedful.scorers.alpaca_eval.annotations import Annotation, read_annotations
from heedful.scorers.alpaca_eval.figures import DRAW

DATASET = "heedful"
SETTINGS = "imported"
"""The `settings` of a Response that was read from a file that does not tell them."""


@dataclass(frozen=True)
class Annotations:
    """What a file of annotations holds: a Score for each row, and the Responses that the Scores name."""

    scores: tuple[Score, ...]
    responses: tuple[Response, ...]


def to_model_outputs(responses: Iterable[Response]) -> list[dict[str, Any]]:
    """The rows of model_outputs.json, one a response, in order.

    Failed requests are no answers: their rows are left out here, since alpaca_eval would judge whatever stood there.
    It says itself how many instructions then have no answer. DataError where a conversation is more than one question.
    """
    return [
        {
            "dataset": DATASET,
            "instruction": instruction_of(r),
            "output": r.text,
            "generator": r.model,
            "example_id": r.example_id,
            "response_id": r.id,
        }
        for r in responses
        if r.finish_reason != "error"
    ]


def from_model_outputs(path: str | Path) -> list[Response]:
    """The Responses in a model_outputs.json. DataError, with the line, where a row is none.

    The file does not tell how an answer ended nor its tokens: `finish_reason` is ``stop``, and counts and times are 0.
    """
    return [_response(row.value, row.source, "output", "generator", "response_id") for row in read_rows(path)]


def to_annotations(scores: Iterable[Score], responses: Iterable[Response]) -> list[dict[str, Any]]:
    """The rows of annotations.json, one a Score of a pair, in order; `output_1` is the pair's first answer.

    DataError where a Score is of one answer, names a response that is not there, or has a value outside of 0 to 1.
    """
    known = {r.id: r for r in responses}
    return [_annotation(score, *_pair(score, known)) for score in scores]


def from_annotations(path: str | Path) -> Annotations:
    """The Scores of pairs in an annotations.json, with their Responses. DataError, with the line, where a row is none.

    A draw that is written as 0 becomes 0.5. A preference outside of 1 to 2 is no verdict: its Score has no value, and
    the explanation says why.
    """
    scores, responses = [], {}
    for a in read_annotations(path):
        first = _response(a.row, a.where, "output_1", "generator_1", "response_id_1")
        second = _response(a.row, a.where, "output_2", "generator_2", "response_id_2")
        responses |= {first.id: first, second.id: second}
        scores.append(_score(a, first, second))
    return Annotations(tuple(scores), tuple(responses.values()))


def instruction_of(response: Response) -> str:
    """The one question of a response as text: its content and, after a blank line, its context.

    >>> instruction_of(Response("r", "e", "m", "s", (Message("user", "Add.", context="2 and 3"),), None, "5", "stop",
    ...     3, 1, 0.1))
    'Add.\\n\\n2 and 3'
    """
    if [m.role for m in response.messages] != ["user"]:
        roles = ", ".join(m.role for m in response.messages) or "nothing"
        raise DataError(
            f"response {response.id}: AlpacaEval's files hold one question a row, and this conversation has {roles}; "
            "leave it out"
        )
    message = response.messages[0]
    return f"{message.content}\n\n{message.context}" if message.context else message.content


def _pair(score: Score, known: Mapping[str, Response]) -> tuple[Response, Response]:
    if len(score.responses) != 2:
        raise DataError(f"score {score.id}: is of one answer, not of a pair; pass on the scores of pairs alone")
    for name in score.responses:
        if name not in known:
            raise DataError(f"score {score.id}: its response {name} is not among those given; add the file that has it")
    return known[score.responses[0]], known[score.responses[1]]


def _annotation(score: Score, first: Response, second: Response) -> dict[str, Any]:
    if score.value is not None and not 0 <= score.value <= 1:
        raise DataError(f"score {score.id}: the value {score.value:g} of a pair is outside of 0 to 1; mend the score")
    instruction = instruction_of(first)
    if instruction_of(second) != instruction:
        raise DataError(f"score {score.id}: its two answers are to different questions; mend the score")
    row: dict[str, Any] = {
        "dataset": DATASET,
        "instruction": instruction,
        "output_1": first.text,
        "generator_1": first.model,
        "output_2": second.text,
        "generator_2": second.model,
        "annotator": score.rater.removeprefix("judge:"),
        "preference": None if score.value is None else 1 + score.value,
        "example_id": score.example_id,
        "response_id_1": first.id,
        "response_id_2": second.id,
        "score_id": score.id,
        "scorer": score.scorer,
    }
    return row | ({} if score.explanation is None else {"explanation": score.explanation})


def _response(row: Mapping[str, Any], where: str, output: str, generator: str, own_id: str) -> Response:
    for name in ("instruction", output, generator):
        if not isinstance(row.get(name), str):
            wrong = "has no" if row.get(name) is None else "has another value than text as"
            raise DataError(
                f"{where}: the row {wrong} {name}; an AlpacaEval row needs instruction, {output}, {generator}"
            )
    messages = (Message("user", row["instruction"]),)
    example_id = _text(row, "example_id") or conversation_id(messages)
    return Response(
        id=_text(row, own_id) or hash_of([example_id, row[generator], row[output]]),
        example_id=example_id,
        model=row[generator],
        settings=SETTINGS,
        messages=messages,
        reference=None,
        text=row[output],
        finish_reason="stop",
        prompt_tokens=0,
        tokens=0,
        seconds=0.0,
    )


def _score(a: Annotation, first: Response, second: Response) -> Score:
    annotator = a.text("annotator") or "unknown"
    preference = DRAW if a.preference == 0 else a.preference
    sound = preference is not None and 1 <= preference <= 2
    why = a.text("explanation")
    if preference is None:
        why = why or "the annotation has no preference"
    elif not sound:
        why = f"the preference {preference:g} is outside of 1 to 2"
    return Score(
        id=_text(a.row, "score_id") or hash_of([annotator, first.id, second.id]),
        example_id=first.example_id,
        responses=(first.id, second.id),
        scorer=_text(a.row, "scorer") or "alpaca-eval",
        rater=annotator if ":" in annotator else f"judge:{annotator}",
        value=preference - 1 if preference is not None and sound else None,
        explanation=why,
    )


def _text(row: Mapping[str, Any], name: str) -> str | None:
    value = row.get(name)
    return value if isinstance(value, str) and value else None
