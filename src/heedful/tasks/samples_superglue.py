"""Two rows of each of SuperGLUE's files, in the owner's form; we wrote them."""

from __future__ import annotations

import json
from typing import Any


def _lines(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


_RAIN = {"premise": "It rained all day.", "hypothesis": "It was wet."}
_SUN = {"premise": "It rained all day.", "hypothesis": "It was dry."}
_STORY = "Ann Lee ran from Oslo to Rome.\n@highlight\nAnn Lee ran far\n@highlight\nShe left Oslo in May"


def _answer(number: int, text: str, label: int) -> dict[str, Any]:
    return {"idx": number, "text": text, "label": label}


_VALIDATION: dict[str, str] = {
    "BoolQ/{}.jsonl": _lines(
        {"question": "is the sea salt", "passage": "Sea -- The sea is salt.", "idx": 0, "label": True},
        {"question": "is the sea dry", "passage": "Sea -- The sea is salt.", "idx": 1, "label": False},
    ),
    "CB/{}.jsonl": _lines(
        {**_RAIN, "label": "entailment", "idx": 0},
        {**_SUN, "label": "contradiction", "idx": 1},
        {"premise": "Did it rain?", "hypothesis": "it rained", "label": "neutral", "idx": 2},
    ),
    "COPA/{}.jsonl": _lines(
        {
            "premise": "The glass fell.",
            "choice1": "It broke.",
            "choice2": "It sang.",
            "question": "effect",
            "label": 0,
            "idx": 0,
        },
        {
            "premise": "The street was wet.",
            "choice1": "The moon rose.",
            "choice2": "I washed it.",
            "question": "cause",
            "label": 1,
            "idx": 1,
        },
    ),
    "MultiRC/{}.jsonl": _lines(
        {
            "idx": 0,
            "passage": {
                "text": "Ann has a cat. Bo has a dog.",
                "questions": [
                    {
                        "idx": 0,
                        "question": "Who has a pet?",
                        "answers": [_answer(0, "Ann", 1), _answer(1, "Bo", 1), _answer(2, "Cy", 0)],
                    },
                    {
                        "idx": 1,
                        "question": "What has Bo?",
                        "answers": [_answer(3, "A cat", 0), _answer(4, 'A "dog"', 1)],
                    },
                ],
            },
        },
        {
            "idx": 1,
            "passage": {
                "text": "The shop shuts at six.",
                "questions": [
                    {"idx": 2, "question": "When does it shut?", "answers": [_answer(5, "At six", 1)]},
                ],
            },
        },
    ),
    "ReCoRD/{}.jsonl": _lines(
        {
            "idx": 0,
            "passage": {
                "text": _STORY,
                "entities": [
                    {"start": 0, "end": 6},
                    {"start": 17, "end": 20},
                    {"start": 25, "end": 28},
                    {"start": 42, "end": 48},
                ],
            },
            "qas": [
                {
                    "idx": 0,
                    "query": "In the end @placeholder was tired.",
                    "answers": [{"text": "Ann Lee", "start": 0, "end": 6}],
                },
                {
                    "idx": 1,
                    "query": "@placeholder is where she arrived.",
                    "answers": [{"text": "Rome", "start": 25, "end": 28}],
                },
            ],
        },
    ),
    "RTE/{}.jsonl": _lines({**_RAIN, "label": "entailment", "idx": 0}, {**_SUN, "label": "not_entailment", "idx": 1}),
    "WiC/{}.jsonl": _lines(
        {
            "word": "bank",
            "sentence1": "The bank shut.",
            "sentence2": "A bank of sand.",
            "start1": 4,
            "end1": 8,
            "start2": 2,
            "end2": 6,
            "label": False,
            "idx": 0,
        },
        {
            "word": "run",
            "sentence1": "We ran home.",
            "sentence2": "They run fast.",
            "start1": 3,
            "end1": 6,
            "start2": 5,
            "end2": 8,
            "label": True,
            "idx": 1,
        },
    ),
    "WSC/{}.jsonl": _lines(
        {
            "text": "Ann thanked Bea , who had helped her .",
            "idx": 0,
            "label": True,
            "target": {"span1_index": 0, "span1_text": "Ann", "span2_index": 7, "span2_text": "her"},
        },
        {
            "text": "The cup (a big one ) did n't fit the box as it was small.",
            "idx": 1,
            "label": False,
            "target": {"span1_index": 0, "span1_text": "the cup.", "span2_index": 12, "span2_text": "it"},
        },
    ),
}
SAMPLE: dict[str, str] = {
    **{name.format("val"): text for name, text in _VALIDATION.items()},
    **{name.format("train"): text for name, text in _VALIDATION.items()},
    "AX-b/AX-b.jsonl": _lines(
        {"sentence1": "All cats sleep.", "sentence2": "Some cats sleep.", "label": "entailment", "idx": 0},
        {"sentence1": "Some cats sleep.", "sentence2": "No cats sleep.", "label": "not_entailment", "idx": 1},
    ),
    "AX-g/AX-g.jsonl": _lines(
        {"premise": "The nurse called her.", "hypothesis": "The nurse called.", "label": "entailment", "idx": 0},
        {"premise": "The nurse called him.", "hypothesis": "The nurse called.", "label": "entailment", "idx": 1},
    ),
}
