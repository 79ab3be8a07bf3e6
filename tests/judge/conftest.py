"""Judges that do as they are told, and answers whose quality is known.

An answer's quality is the number in its text ("quality 7"); its length is made by filler and has nothing to do with it.
A judge is a function of what it is shown: for pairs of the two texts, for one answer of its text.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from heedful.backends.base import Answer, GenerationSettings
from heedful.judge.items import Answers, Item, Side
from heedful.judge.judge import Judge
from heedful.judge.prompt import load_prompt
from heedful.judge.rubric import load_rubric
from heedful.records import Message, Response, to_json
from heedful.store import append_jsonl


def texts_in(messages: Sequence[Message]) -> dict[str, str]:
    """The texts of a request by the name of their place, as the fences mark them."""
    found = re.findall(r"<<<([a-z-]+) ([0-9a-f]{8})\n(.*?)\n\2 \1>>>", messages[-1].content, re.DOTALL)
    return {name: text for name, _, text in found}


def quality(text: str) -> int:
    return int(re.search(r"quality (\d+)", text)[1])  # type: ignore[index]


class JudgeBackend:
    """Answers each request by a function of its texts; what the function gives may be a text or (text, log-probs).

    An exception of the function is a failed request. `asked` keeps what was asked; `stop_after` breaks off.
    """

    def __init__(self, function: Callable[..., Any], stop_after: int | None = None, finish: str = "stop"):
        self.name = "told"
        self.function = function
        self.stop_after = stop_after
        self.finish: Any = finish
        self.asked: list[dict[str, str]] = []

    def answer(self, prompts: Any, settings: GenerationSettings, tools: Any = ()) -> Iterator[Answer]:
        for index in reversed(range(len(prompts))):  # in no order that one could rely on
            if self.stop_after is not None and len(self.asked) >= self.stop_after:
                raise KeyboardInterrupt
            texts = texts_in(prompts[index])
            self.asked.append(texts)
            shown = [texts["answer"]] if "answer" in texts else [texts["answer-a"], texts["answer-b"]]
            try:
                said = self.function(*shown)
            except RuntimeError as e:
                yield Answer(index, "", "error", 9, 0, 0.0, str(e))
                continue
            text, odds = said if isinstance(said, tuple) else (said, None)
            yield Answer(index, text, self.finish, 9, 2, 0.5, top_logprobs=odds)


def honest(a: str, b: str) -> str:
    return "C" if quality(a) == quality(b) else "A" if quality(a) > quality(b) else "B"


def first(a: str, b: str) -> str:
    return "A"


def longer(a: str, b: str) -> str:
    return "A" if len(a) > len(b) else "B"


def wrong(a: str, b: str) -> str:
    return {"A": "B", "B": "A", "C": "C"}[honest(a, b)]


def response(example: int, model: str, text: str, reference: str | None = "The expected one.") -> Response:
    question = (Message("user", f"Question {example}?"),)
    return Response(f"{model}-{example}", f"e{example}", model, "s", question, reference, text, "stop", 4, 2, 0.1)


def make_answers(count: int, model: str, qualities: Sequence[int], seed: int) -> list[Response]:
    draw = random.Random(seed)
    return [
        response(i, model, f"quality {qualities[i]} " + "word " * draw.randint(1, 30) + model) for i in range(count)
    ]


class Told:
    """What tests of a judge need, in one fixture."""

    Backend = JudgeBackend
    honest, first, longer, wrong = staticmethod(honest), staticmethod(first), staticmethod(longer), staticmethod(wrong)
    quality = staticmethod(quality)
    response = staticmethod(response)
    texts_in = staticmethod(texts_in)

    @staticmethod
    def judge(prompt: str = "pairs", name: str = "told", **settings: Any) -> Judge:
        known = load_prompt(prompt)
        rubric = load_rubric("answers") if known.mode == "rubric" else None
        return Judge(name, known, GenerationSettings(known.max_new_tokens, **settings), rubric)

    @staticmethod
    def sides(count: int = 40, seed: int = 1, better: float = 0.7) -> Answers:
        """Two sides; the second is better in about the share `better` of the examples, never equal."""
        from pathlib import Path

        draw = random.Random(seed)
        one, two = [], []
        for _ in range(count):
            low, high = sorted(draw.sample(range(10), 2))
            up = draw.random() < better
            one.append(low if up else high)
            two.append(high if up else low)
        a, b = make_answers(count, "before", one, seed + 1), make_answers(count, "after", two, seed + 2)
        return Answers((Side(Path("a.jsonl"), "before", tuple(a)), Side(Path("b.jsonl"), "after", tuple(b))))

    @staticmethod
    def pairs(answers: Answers) -> list[Item]:
        from heedful.judge.items import pair_items

        return pair_items(*answers.sides)[0]

    @staticmethod
    def write(path: Any, responses: Sequence[Response]) -> Any:
        append_jsonl(path, *(to_json(r) for r in responses))
        return path


@pytest.fixture
def told() -> type[Told]:
    return Told


@pytest.fixture(scope="session")
def told_once() -> type[Told]:
    """The same, for fixtures that are made once."""
    return Told
