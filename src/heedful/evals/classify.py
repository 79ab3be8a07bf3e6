"""Answers graded by a model: the owner's ModelBasedClassify (evals/elsuite/modelgraded/classify.py).

A spec of ``modelgraded/*.yaml`` has a `prompt` with places for a sample's fields and the model's answers, the
`choice_strings` among which the judge chooses, and perhaps what each is worth (`choice_scores`). `input_outputs` says
which field is put to the model and under which name its answer comes into the prompt.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from heedful.errors import DataError
from heedful.evals.prompts import Prompt, check_prompt, fill, is_chat
from heedful.evals.verdicts import Verdict

INVALID = "__invalid__"
# How a judge is asked to answer: part of the benchmark, so word for word the owner's (MIT licence, classify_utils.py).
ANSWERS = {
    "classify": (
        "Answer the question by printing only a single choice from {choices} (without quotes or punctuation) "
        "corresponding to the correct answer with no other text."
    ),
    "classify_cot": (
        "First, answer by printing a single choice from {choices} (without quotes or punctuation) corresponding to the "
        "correct answer. Then, from the next line, explain your reasonings step by step."
    ),
    "cot_classify": (
        "First, write out in a step by step manner your reasoning to be sure that your conclusion is correct. Avoid "
        "simply stating the correct answer at the outset. Then print only a single choice from {choices} (without "
        "quotes or punctuation) on its own line corresponding to the correct answer. At the end, repeat just the "
        "answer by itself on a new line.\n\nReasoning:"
    ),
    "cot_classify_jp": (
        "まず、一歩一歩あなたの推論を書き出してください。単に正しい答えを最初に述べることを避けてください。次に、"
        "{choices}（引用符や句読点なし）から正しい答えに対応する1つの選択肢を単独の行に書きだしてください。"
        "最後に、答えだけを新しい行に繰り返してください。\n\n推論："
    ),
}
MATCHES: dict[str, Callable[[str, str], bool]] = {
    "include": lambda line, choice: choice in line,
    "exact": lambda line, choice: line == choice,
    "endswith": lambda line, choice: line.endswith(choice),
    "starts_or_endswith": lambda line, choice: line.startswith(choice) or line.endswith(choice),
}
_PUNCTUATION = frozenset(string.punctuation)


@dataclass(frozen=True)
class Grading:
    """How answers are graded: the judge's `prompt` with what follows it, and how its answer is read."""

    prompt: Prompt
    choices: tuple[str, ...]
    scores: Mapping[str, float] | None
    inputs: Mapping[str, str]
    template: str | None
    read_as: str
    match: str
    where: str

    def question(self, values: Mapping[str, Any]) -> Prompt:
        """The judge's prompt with a sample's fields and the model's answers in it."""
        if isinstance(self.prompt, str):
            return [{"role": "user", "content": fill(self.prompt, values, self.where)}]
        return [{**m, "content": fill(m["content"], values, self.where)} for m in self.prompt]

    def joined(self, answers: list[str]) -> str:
        """Several answers as one text, each in the spec's `output_template`."""
        parts = []
        for number, text in enumerate(answers):
            values = {"i": number + 1, "output": text, "n": len(answers)}
            letters = {"i_abc": string.ascii_lowercase[number % 26], "i_ABC": string.ascii_uppercase[number % 26]}
            parts.append(fill(self.template or "", values | letters, self.where))
        return "".join(parts).strip()

    def verdict(self, said: str, right: str | None) -> Verdict:
        """The choice in a judge's answer, and what it is worth; `right` is what a person chose, for metaevals."""
        choice = self.choice(said)
        metrics: dict[str, Any] = {"choice": choice, "score": None}
        scores: dict[str, float] = {}
        if self.scores is not None:
            metrics["score"] = min(self.scores.values()) if choice == INVALID else self.scores[choice]
            scores["score"] = metrics["score"]
        if right is not None:
            metrics["metascore"] = choice == right
            scores["metascore"] = float(choice == right)
        scores["readable"] = float(choice != INVALID)  # which choice is better nobody says where none has a score
        return Verdict(choice, scores, (("metrics", metrics),))

    def choice(self, said: str) -> str:
        """The first line, or with a chain of thought the last, that names a choice; punctuation is not looked at."""
        lines = said.strip().split("\n")
        for line in reversed(lines) if self.read_as.startswith("cot_classify") else lines:
            bare = "".join(c for c in line.strip() if c not in _PUNCTUATION)
            found = next((c for c in self.choices if bare and MATCHES[self.match](bare, c)), None)
            if found is not None:
                return found
        return INVALID


def make_grading(spec: Mapping[str, Any], args: Mapping[str, Any], answers: int) -> Grading:
    """A model-graded spec with an eval's arguments. DataError, with the file, where one of them cannot be."""
    where = f"{spec['_where']}: {spec['_name']}"
    for name in ("prompt", "choice_strings", "input_outputs"):
        if not spec.get(name):
            raise DataError(f"{where} has no '{name}'; add it")
    choices = _choices(spec["choice_strings"], answers, where)
    asked = args.get("eval_type")
    read_as = spec.get("eval_type") or asked
    rule = args.get("match_fn") or "starts_or_endswith"
    if asked is not None and asked not in ANSWERS:
        raise DataError(f"{where}: eval_type '{asked}' is unknown; name one of {', '.join(ANSWERS)}")
    if not isinstance(read_as, str):
        raise DataError(f"{where}: neither the spec nor the eval has an 'eval_type'; name one of {', '.join(ANSWERS)}")
    if rule not in MATCHES:
        raise DataError(f"{where}: match_fn '{rule}' is unknown; name one of {', '.join(MATCHES)}")
    inputs = spec["input_outputs"]
    if not isinstance(inputs, dict) or not all(isinstance(v, str) for kv in inputs.items() for v in kv):
        raise DataError(f"{where}: 'input_outputs' maps fields to names of answers; mend it")
    template = spec.get("output_template")
    if answers > 1 and not isinstance(template, str):
        raise DataError(f"{where} has no 'output_template', which {answers} answers need; add it")
    prompt = check_prompt(spec["prompt"], where, "prompt")
    if asked:
        prompt = _followed(prompt, fill(ANSWERS[asked], {"choices": " or ".join(f'"{c}"' for c in choices)}, where))
    scores = _scores(spec.get("choice_scores"), choices, where)
    return Grading(prompt, choices, scores, inputs, template, read_as, rule, where)


def _followed(prompt: Prompt, text: str) -> Prompt:
    if is_chat(prompt) and not isinstance(prompt, str):
        return [*prompt[:-1], {**prompt[-1], "content": f"{prompt[-1]['content']}\n\n{text}"}]
    return f"{prompt}\n\n{text}"


def _choices(value: Any, answers: int, where: str) -> tuple[str, ...]:
    """The spec's choices: a list, the letters of a text, or one for each answer."""
    made = {
        "from_n": [str(n + 1) for n in range(answers)],
        "from_n_abc": [string.ascii_lowercase[n % 26] for n in range(answers)],
        "from_n_ABC": [string.ascii_uppercase[n % 26] for n in range(answers)],
    }
    found = made.get(value, list(value)) if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(c, str) for c in found):
        raise DataError(f"{where}: 'choice_strings' are a list of texts; put quotes around Yes and No")
    if wrong := next((c for c in found if _PUNCTUATION & set(c)), None):
        raise DataError(f"{where}: choice '{wrong}' has punctuation in it, which is never looked at; reword it")
    return tuple(found)


def _scores(value: Any, choices: tuple[str, ...], where: str) -> dict[str, float] | None:
    if value is None:
        return None
    try:
        found = {c: float(c) for c in choices} if value == "from_strings" else {k: float(v) for k, v in value.items()}
    except (ValueError, TypeError, AttributeError):
        raise DataError(f"{where}: 'choice_scores' are a number for each choice, or from_strings; mend it") from None
    if missing := next((c for c in choices if c not in found), None):
        raise DataError(f"{where}: 'choice_scores' has none for '{missing}'; add it")
    return found
