"""A registry of OpenAI Evals that we made, and a model whose answers are right, wrong, nearly right and malformed.

Both the owner's code (evals_record.py) and Heedful's (test_evals.py) read what `write_registry` writes and ask
`answer`.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


def _chat(question: str, system: str = "Answer briefly.") -> list[dict[str, str]]:
    return [{"role": "system", "content": system}, {"role": "user", "content": question}]


# Question, what is right, what the model says.
MATCH = [
    (_chat("Capital of France?"), "Paris", "Paris"),
    (_chat("Capital of Italy?"), ["Rome", "Roma"], "Roma, of course"),
    (_chat("Capital of Spain?"), "Madrid", "It is Madrid."),
    ("Capital of Japan? {curly}", "Tokyo", "tokyo"),
    ([{"role": "system", "content": "Capital of Peru?"}], "Lima", ""),
    (_chat("Capital of Cuba?"), ["Havana"], "Havana\nis the capital"),
    (_chat("Capital of Chad?"), "N'Djamena", "N’Djamena"),
]
FUZZY = [
    (_chat("Who wrote Faust?"), "Johann Wolfgang von Goethe", "Goethe"),
    (_chat("Who wrote Ulysses?"), ["James Joyce", "Joyce"], "The author was James Joyce!"),
    (_chat("Who wrote Emma?"), "Jane Austen", "Charlotte Bronte"),
    (_chat("Who wrote Dracula?"), "Bram Stoker", "the a an"),
    (_chat("Who wrote the Iliad?"), "The", "..."),
    (_chat("Who wrote Walden?"), "Henry David Thoreau", "thoreau, henry"),
]
JSON = [
    (_chat("JSON of a?"), '{"a": 1, "b": [1, 2]}', ' {"b": [1, 2.0], "a": 1}\n'),
    (_chat("JSON of b?"), ['{"a": 1}', '{"a": true}'], '{"a": true}'),
    (_chat("JSON of c?"), '{"a": null}', '{"a": null}'),
    (_chat("JSON of d?"), '{"a": 1}', '```json\n{"a": 1}\n```'),
    (_chat("JSON of e?"), '"x"', "x"),
    (_chat("JSON of f?"), "[1, 2]", "[1, 2, 3]"),
    (_chat("JSON of g?"), "NaN", "NaN"),
]
TRANSLATE = [
    (_chat("Translate: le chat dort sur le lit."), "The cat sleeps on the bed.", "The cat sleeps on the bed."),
    (_chat("Translate: il pleut depuis hier soir."), "It has been raining since last night.", "It rains since night."),
    (_chat("Translate: merci beaucoup mon ami."), ["Thank you very much, my friend."], "Danke sehr"),
    (_chat("Translate: la porte est ouverte."), "The door is open.", "The door is open now"),
]
GRADED = [
    ("Tell a joke about {cats}.", "A cat walks in.", "Why do cats purr? {Because}"),
    (_chat("Tell a joke about dogs."), "A dog sits.", "No."),
    (_chat("Tell a joke about fish."), "A fish swims.", "Fish & chips"),
    (_chat("Tell a joke about owls."), "An owl hoots.", "Who?"),
    (_chat("Tell a joke about bees."), "A bee hums.", ""),
]
META = [("Is it a joke? one", "Ha.", "Yes"), ("Is it a joke? two", "Hm.", "No"), ("Is it a joke? three", "Oh.", "Yes")]
CHOICES = [
    {"question": "Which is a fruit?", "choices": ["stone", "apple", "iron", "sand"], "answer": 1},
    {"question": "Which is a metal?", "choices": ["iron", "wood", "salt", "milk"], "answer": 0},
    {"question": "Which is a bird?", "choices": ["cow", "pike", "bee", "owl"], "answer": 3},
]
SHOTS = [
    {"sample": [{"role": "system", "name": n, "content": c} for n, c in pair]}
    for pair in (
        (("example_user", "Capital of Norway?"), ("example_assistant", "Oslo")),
        (("example_user", "Capital of Kenya?"), ("example_assistant", "Nairobi")),
        (("example_user", "Capital of Fiji?"), ("example_assistant", "Suva")),
    )
]
JUDGED = (
    "Yes",
    "No, never",
    "First I thought so.\nNo",
    "Reasoning: it is fine.\n\nYes.\nYes",
    "Perhaps!",
    "",
    "(Maybe)",
    "2",
    "The first.\n1",
)
GENERIC = ("A", "B", "(C)", "D) the last", "Yes", "No\nsince it is so", "...", "I think\nY", "N", "3", "", '{"a": [')

EVALS: dict[str, tuple[str, dict[str, Any]]] = {
    "match": ("basic.match:Match", {"samples_jsonl": "capitals/match.jsonl"}),
    "match-shots": (
        "basic.match:Match",
        {"samples_jsonl": "capitals/chats.jsonl", "num_few_shot": 2, "few_shot_jsonl": "capitals/shots.jsonl"},
    ),
    "includes": ("basic.includes:Includes", {"samples_jsonl": "capitals/match.jsonl"}),
    "includes-any-case": (
        "basic.includes:Includes",
        {"samples_jsonl": "capitals/match.jsonl", "ignore_case": True},
    ),
    "fuzzy": ("basic.fuzzy_match:FuzzyMatch", {"samples_jsonl": "authors.jsonl", "max_tokens": 20}),
    "json-match": ("basic.json_match:JsonMatch", {"samples_jsonl": "json.jsonl"}),
    "json-valid": ("basic.json_validator:JsonValidator", {"samples_jsonl": "json.jsonl"}),
    "translate": ("translate:Translate", {"samples_jsonl": "french"}),
    "choices": ("multiple_choice:MultipleChoice", {"dataset": "hf://hendrycks_test?name=things&split=validation"}),
    "joke": (
        "modelgraded.classify:ModelBasedClassify",
        {"samples_jsonl": "jokes.jsonl", "modelgraded_spec": "funny", "eval_type": "cot_classify"},
    ),
    "joke-first": (
        "modelgraded.classify:ModelBasedClassify",
        {"samples_jsonl": "jokes.jsonl", "modelgraded_spec": "funny", "eval_type": "classify_cot", "match_fn": "exact"},
    ),
    "joke-plain": (
        "modelgraded.classify:ModelBasedClassify",
        {
            "samples_jsonl": "jokes.jsonl",
            "modelgraded_spec": "scale",
            "eval_type": "classify",
            "modelgraded_spec_args": {"criterion": "wit"},
        },
    ),
    "joke-best": (
        "modelgraded.classify:ModelBasedClassify",
        {"samples_jsonl": "jokes.jsonl", "modelgraded_spec": "best", "eval_type": "cot_classify", "multicomp_n": 3},
    ),
    "joke-meta": (
        "modelgraded.classify:ModelBasedClassify",
        {"samples_jsonl": "meta.jsonl", "modelgraded_spec": "funny", "eval_type": "cot_classify", "metaeval": True},
    ),
}
GRADING = {
    "funny": {
        "prompt": "GRADING. Asked: {input}\nSaid: {completion}\nIs {{this}} funny, beside {ideal}?",
        "choice_strings": ["Yes", "No", "Maybe"],
        "choice_scores": {"Yes": 1.0, "No": 0.0, "Maybe": 0.5},
        "input_outputs": {"input": "completion"},
    },
    "scale": {
        "prompt": "GRADING {criterion}. Asked: {input}\nSaid: {completion}",
        "choice_strings": "0123",
        "choice_scores": "from_strings",
        "input_outputs": {"input": "completion"},
    },
    "best": {
        "prompt": "GRADING. Which of the {n} is best?\n{completion}\nAsked: {input}",
        "choice_strings": "from_n",
        "input_outputs": {"input": "completion"},
        "output_template": "{i}. ({i_abc}) {output}\n",
    },
}
# Completion functions, and which evals are asked through which.
FUNCTIONS = {
    "cot": {
        "class": "evals.completion_fns.cot:ChainOfThoughtCompletionFn",
        "args": {"cot_completion_fn": "gpt-3.5-turbo"},
    },
    "cot/short": {"id": "short"},
    "short": {
        "class": "evals.completion_fns.cot:ChainOfThoughtCompletionFn",
        "args": {"cot_completion_fn": "cot", "extract_completion_fn": "gpt-3.5-turbo",
                 "cot_template": "Think.", "extract_answer_template": "Say {it}:"},
    },
}  # fmt: skip
THROUGH = (("match-shots", "cot"), ("match", "cot/short"), ("choices", "cot"), ("joke-best", "short"))
THROUGH_SAMPLES = 3


def _question(prompt: Any) -> str:
    return prompt if isinstance(prompt, str) else prompt[-1]["content"]


SAID = {_question(q): said for group in (MATCH, FUZZY, JSON, TRANSLATE, GRADED) for q, _, said in group}


def answer(text: str) -> str:
    """What the model says to a text: what stands above for the question that comes last in it, else by the hash."""
    number = int(hashlib.sha256(text.encode()).hexdigest(), 16)
    if "GRADING" in text:
        return JUDGED[number % len(JUDGED)]
    known = [q for q in SAID if q in text]
    return SAID[max(known, key=text.rfind)] if known else GENERIC[number % len(GENERIC)]


def table_answer(text: str, table: dict[str, str]) -> str:
    """What the model says where answers were made for a whole registry; a judge's are by the hash."""
    number = int(hashlib.sha256(text.encode()).hexdigest(), 16)
    return table[text] if text in table else GENERIC[number % len(GENERIC)]


def made_answer(text: str, right: str) -> str:
    """An answer to a question: right, wrong, nearly right or malformed, by its hash."""
    kinds = (
        right,
        f"{right}.",
        f"The answer is {right}",
        right.lower(),
        right[: len(right) // 2],
        "no idea",
        "",
        '{"a',
    )
    return kinds[hashlib.sha256(text.encode()).digest()[0] % len(kinds)]


def write_registry(folder: Path) -> None:
    """The registry's files, and the rows of the data set that MultipleChoice loads under ``hub/``."""
    import yaml

    files = {
        "capitals/match.jsonl": [{"input": q, "ideal": i} for q, i, _ in MATCH],
        "capitals/chats.jsonl": [{"input": q, "ideal": i} for q, i, _ in MATCH if not isinstance(q, str)],
        "capitals/shots.jsonl": SHOTS,
        "authors.jsonl": [{"input": q, "ideal": i} for q, i, _ in FUZZY],
        "json.jsonl": [{"input": q, "ideal": i} for q, i, _ in JSON],
        "french/only.jsonl": [{"input": q, "ideal": i} for q, i, _ in TRANSLATE],
        "jokes.jsonl": [{"input": q, "ideal": i} for q, i, _ in GRADED],
        "meta.jsonl": [{"input": q, "ideal": "-", "completion": c, "choice": v} for q, c, v in META],
    }
    for name, rows in files.items():
        path = folder / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    rows = folder / "hub" / "hendrycks_test" / "things" / "validation.jsonl"
    rows.parent.mkdir(parents=True, exist_ok=True)
    rows.write_text("".join(json.dumps(r) + "\n" for r in CHOICES), encoding="utf-8")
    evals: dict[str, Any] = {}
    for name, (cls, args) in EVALS.items():
        evals[name] = {"id": f"{name}.dev.v0", "metrics": ["accuracy"]}
        evals[f"{name}.dev.v0"] = {"class": f"evals.elsuite.{cls}", "args": args}
    sets = {"all-jokes": {"evals": ["joke*"]}, "capitals": {"evals": ["match", "includes", "match.dev.*"]}}
    made = {"evals": evals, "modelgraded": GRADING, "eval_sets": sets, "completion_fns": FUNCTIONS}
    for name, value in ((f"{kind}/ours", of) for kind, of in made.items()):
        path = folder / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(value), encoding="utf-8")
