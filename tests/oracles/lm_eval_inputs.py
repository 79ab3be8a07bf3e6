"""Rows of GLUE, SuperGLUE, SQuAD 2.0 and TriviaQA in the hub's form, drawn by seed: what lm_eval_record.py gave to
lm-evaluation-harness and test_lm_eval.py gives to our tasks. Texts have quotes, spaces at their ends, braces, accents.
"""

from __future__ import annotations

import random
from typing import Any

ROWS, TRAIN, SHOTS, SEED = 7, 9, 2, 1234
_WORDS = (
    "The", "cat's", "of", "a", "“Oslo”", 'said "no"', "{x}", "{{y}}", "(well )", "did n't", "naïve", "3.5", "it",
    "Rome,", "I", "he", "runs", "[blue]", "50%", "end .", "ÉCOLE", "x_y",
)  # fmt: skip
_ENDS = (".", "", " ", "?", " .", "..", ". ")


def text(drawn: random.Random, least: int = 2, most: int = 7) -> str:
    """A sentence, or nearly."""
    return " ".join(drawn.choice(_WORDS) for _ in range(drawn.randint(least, most))) + drawn.choice(_ENDS)


def log_likelihoods(task: str, number: int, choices: int) -> list[float]:
    """What a model might say: now and then two choices are equally likely."""
    drawn = random.Random(f"{task}/{number}/says")
    return [-float(drawn.randint(1, 9)) / 2 for _ in range(choices)]


def written(task: str, number: int, golds: list[str]) -> str:
    """What a model might write: a gold answer in another dress, or something else."""
    drawn = random.Random(f"{task}/{number}/writes")
    gold = drawn.choice([*golds, text(drawn)])
    return drawn.choice([f" {gold}", gold.upper(), f" {gold}!", f"  {gold} ", text(drawn)])


def rows(task: str, split: str) -> list[dict[str, Any]]:
    """The rows of a task of lm-evaluation-harness, named as there."""
    drawn = random.Random(f"{task}/{split}")
    count = TRAIN if split == "train" else ROWS
    return [MAKERS[task](drawn, number, split) for number in range(count)]


def _pair(first: str, second: str | None, classes: int) -> Any:
    def make(drawn: random.Random, number: int, split: str) -> dict[str, Any]:
        row: dict[str, Any] = {first: text(drawn)}
        if second is not None:
            row[second] = text(drawn)
        return row | {"label": drawn.randrange(classes), "idx": number}

    return make


def _copa(drawn: random.Random, number: int, split: str) -> dict[str, Any]:
    row = {key: text(drawn) for key in ("premise", "choice1", "choice2")}
    return row | {"question": drawn.choice(["cause", "effect"]), "idx": number, "label": drawn.randrange(2)}


def _multirc(drawn: random.Random, number: int, split: str) -> dict[str, Any]:
    idx = {"paragraph": number // 4, "question": number // 2, "answer": number}
    row = {"paragraph": text(random.Random(f"{split}/{number // 4}"), 8, 12)}
    row |= {"question": text(random.Random(f"{split}/{number // 2}q")), "answer": text(drawn, 1, 3)}
    return row | {"idx": idx, "label": drawn.randrange(2)}


def _record(drawn: random.Random, number: int, split: str) -> dict[str, Any]:
    passage = "\n@highlight\n".join(text(drawn, 5, 9) for _ in range(drawn.randint(1, 3)))
    entities = [" ".join(drawn.sample(("Ann", "Lee", "The", "a", "Oslo"), drawn.randint(1, 2))) for _ in range(4)]
    query = f"{drawn.choice(['', text(drawn)])} @placeholder {text(drawn)}".lstrip()
    return {
        "passage": passage + drawn.choice(["", "\n"]),
        "query": query,
        "entities": entities,
        "answers": [drawn.choice(entities) for _ in range(drawn.randint(1, 3))],
        "idx": {"passage": number // 2, "query": number},
    }


def _wic(drawn: random.Random, number: int, split: str) -> dict[str, Any]:
    before, word = text(drawn), drawn.choice(["bank", "runs", "stripe"])
    row = {"word": word.rstrip("s"), "sentence1": f"{before} {word} x.", "sentence2": f"{word} {text(drawn)}"}
    spans = {"start1": len(before) + 1, "end1": len(before) + 1 + len(word), "start2": 0, "end2": len(word)}
    return row | spans | {"idx": number, "label": drawn.randrange(2)}


def _wsc(drawn: random.Random, number: int, split: str) -> dict[str, Any]:
    words = text(drawn, 4, 6).split()
    at = drawn.randint(1, len(words))
    words.insert(at, "him")
    spans = {"span1_index": 0, "span1_text": words[0], "span2_index": at, "span2_text": "him"}
    return {"text": " ".join(words) + drawn.choice([" .", "."]), **spans, "idx": number, "label": drawn.randrange(2)}


def _squad(drawn: random.Random, number: int, split: str) -> dict[str, Any]:
    golds = [text(drawn, 1, 2).strip() for _ in range(drawn.randint(0, 2))]
    answers = {"text": golds, "answer_start": [0] * len(golds)}
    row = {"id": f"{split}{number}", "title": drawn.choice(["Oslo", "The_Sea"]), "context": text(drawn, 8, 12)}
    return row | {"question": text(drawn), "answers": answers}


def _trivia(drawn: random.Random, number: int, split: str) -> dict[str, Any]:
    names = [text(drawn, 1, 2) for _ in range(drawn.randint(1, 4))]
    answer = {"value": names[0], "aliases": names, "normalized_aliases": [n.lower() for n in names]}
    return {"question_id": f"{split}_{number}", "question": text(drawn), "answer": answer}


MAKERS: dict[str, Any] = {
    "cola": _pair("sentence", None, 2),
    "sst2": _pair("sentence", None, 2),
    "mrpc": _pair("sentence1", "sentence2", 2),
    "qqp": _pair("question1", "question2", 2),
    "mnli": _pair("premise", "hypothesis", 3),
    "mnli_mismatch": _pair("premise", "hypothesis", 3),
    "qnli": _pair("question", "sentence", 2),
    "rte": _pair("sentence1", "sentence2", 2),
    "wnli": _pair("sentence1", "sentence2", 2),
    "boolq": _pair("passage", "question", 2),
    "cb": _pair("premise", "hypothesis", 3),
    "copa": _copa,
    "multirc": _multirc,
    "record": _record,
    "sglue_rte": _pair("premise", "hypothesis", 2),
    "wic": _wic,
    "wsc": _wsc,
    "squadv2": _squad,
    "triviaqa": _trivia,
}
