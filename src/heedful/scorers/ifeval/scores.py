"""Scores of Responses to one's own prompts: two for each, strict and loose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from heedful.records import Response, Score, hash_of
from heedful.scorers.ifeval.verdicts import Instruction, Verdict, check


def score_responses(responses: Iterable[Response], instructions: Mapping[str, Sequence[Instruction]]) -> list[Score]:
    """Whether each response follows all its instructions: scorers ``ifeval_strict`` and ``ifeval_loose``, 1.0 or 0.0.

    `instructions` are by example id; `instructions_of(example.fields)` reads them from rows with `instruction_id_list`
    and `kwargs`. The value is None where the request failed, the example has no instructions, or one of them cannot be
    verified; the explanation says why. The verdict of each instruction is in the metadata.
    """
    return [score for r in responses for score in _scores(r, instructions.get(r.example_id, ()))]


def _scores(response: Response, instructions: Sequence[Instruction]) -> list[Score]:
    why, verdicts = None, ()
    if response.finish_reason == "error":
        why = "the request failed"
    elif not instructions:
        why = "the example has no instructions"
    else:
        verdicts = check(instructions, response.text)
        why = "; ".join(f"{v.kind}: {v.reason}" for v in verdicts if v.reason) or None
    return [_score(response, way, verdicts, why) for way in ("strict", "loose")]


def _score(response: Response, way: str, verdicts: Sequence[Verdict], why: str | None) -> Score:
    followed = [v.strict if way == "strict" else v.loose for v in verdicts]
    return Score(
        id=hash_of([response.id, "metric", f"ifeval_{way}"]),
        example_id=response.example_id,
        responses=(response.id,),
        scorer=f"ifeval_{way}",
        rater="metric",
        value=None if why else float(all(followed)),
        explanation=why,
        metadata={"instruction_id_list": [v.kind for v in verdicts], "follow_instruction_list": followed}
        if verdicts
        else {},
    )
