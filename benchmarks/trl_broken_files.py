# ruff: noqa: E501 - a table of files reads better in long lines
"""The broken files of `trl_broken.py`: small files with one defect each, and what must be told of it.

Every file has twelve short questions and answers that are sound but for the one defect. `DEFECTS` names, beside each
file, the chat template that both sides get, the settings that TRL is run with, texts to look for among the tokens that
reach training, and the evidence that Heedful must give.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FACTS = (
    ("How many legs does a spider have?", "A spider has eight legs."),
    ("Which planet lies nearest to the sun?", "Mercury lies nearest to the sun."),
    ("What do bees make from nectar?", "Bees make honey from nectar."),
    ("What colour is a ripe lemon?", "A ripe lemon is yellow."),
    ("How many days are in a leap year?", "A leap year has 366 days."),
    ("Which metal is liquid in a warm room?", "Mercury is a liquid metal."),
    ("What is frozen water called?", "Frozen water is called ice."),
    ("Which bird lays the largest egg?", "The ostrich lays the largest egg."),
    ("How many strings does a violin have?", "A violin has four strings."),
    ("What gas do green plants take in?", "Green plants take in carbon dioxide."),
    ("Which ocean is the widest?", "The Pacific is the widest ocean."),
    ("What tool measures warmth?", "A thermometer measures warmth."),
    ("Where do penguins live in the wild?", "Penguins live in the southern half of the world."),
    ("What is the square root of 81?", "The square root of 81 is nine."),
    ("Which season follows the autumn?", "Winter follows the autumn."),
    ("What do we call a young sheep?", "A young sheep is a lamb."),
)
ASKED = "{% for m in messages %}{% if m['role'] == 'assistant' %}{{ '<|im_start|>assistant\n' }}"
OTHERS = "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endif %}{% endfor %}"
PROMPT = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
ANSWER = "{% generation %}{{ m['content'] + '<|im_end|>' }}{% endgeneration %}{{ '\n' }}"
CHATML = ASKED + ANSWER + "{% else %}" + OTHERS + PROMPT
# Templates by name, each as models on the hub have them. Those of `generation` marks are what assistant_only_loss needs.
TEMPLATES = {
    "chatml": CHATML,
    "own-roles": ASKED + ANSWER + "{% elif m['role'] in ('user', 'system') %}" + OTHERS + PROMPT,  # as Phi-3's
    "trim": CHATML.replace("m['content']", "(m['content'] | trim)"),  # as Llama 3's
    "no-stop": "{% for m in messages %}{% if m['role'] == 'assistant' %}{{ 'assistant: ' }}{% generation %}"
    "{{ m['content'] }}{% endgeneration %}{{ '\n' }}{% else %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}",
    "stop-outside": CHATML.replace(" + '<|im_end|>' }}{% endgeneration %}{{ '\n' }}", " }}{% endgeneration %}{{ '<|im_end|>\n' }}"),
    "no-marks": CHATML.replace("{% generation %}", "").replace("{% endgeneration %}", ""),
    "bos": "{{ bos_token }}" + CHATML,
    "pad-is-eos": CHATML,
}  # fmt: skip
SETTINGS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "answers": {"assistant_only_loss": True},
    "converted": {"assistant_only_loss": True},  # after TRL's maybe_convert_to_chatml
}


@dataclass(frozen=True)
class Defect:
    """One broken file.

    `see`: the kind of evidence (error, drop, finding, warning, overlap, kept) and a regular expression that its name or
    sentence matches; `reads` is `kept` where besides the same tokens are trained as of the sound file. `harmless`: nothing is lost as long as all
    rows reach training with one stop token each. `marks`: what it would mean that a text is among the tokens.
    """

    name: str
    what: str
    files: Mapping[str, str]
    see: tuple[str, str]
    settings: tuple[str, ...] = ("answers",)
    template: str = "chatml"
    max_length: int = 256
    marks: Mapping[str, str] = field(default_factory=dict)
    harmless: bool = False
    rows: int = 12

    @property
    def train(self) -> str:
        """The name of the training file."""
        return next(iter(self.files))

    @property
    def fingerprint(self) -> str:
        """A hash of all that TRL is given, so that a record of other files is noticed."""
        given = [dict(self.files), self.settings, TEMPLATES[self.template], self.max_length, dict(self.marks)]
        return hashlib.sha256(json.dumps(given).encode()).hexdigest()


def talk(question: Any, answer: Any, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer, **more}]}


def pair(question: Any, answer: Any) -> dict[str, Any]:
    return {"prompt": question, "completion": answer}


def lines(rows: list[Any]) -> str:
    return "".join((r if isinstance(r, str) else json.dumps(r, ensure_ascii=False)) + "\n" for r in rows)


def made(
    row: Callable[..., Any] = talk, change: Mapping[int, Any] | None = None, start: int = 0, count: int = 12
) -> str:
    """JSON lines of sound rows; `change` puts others (a row, or a function of question and answer) in their places."""
    out = []
    for k, (question, answer) in enumerate(FACTS[start : start + count]):
        other = (change or {}).get(k)
        out.append(other(question, answer) if callable(other) else other or row(question, answer))
    return lines(out)


def jsonl(*texts: str) -> dict[str, str]:
    return dict(zip(("train.jsonl", "test.jsonl"), texts, strict=False))


def sharegpt(question: str, answer: str, names: tuple[str, str] = ("human", "gpt")) -> dict[str, Any]:
    return {"conversations": [{"from": names[0], "value": question}, {"from": names[1], "value": answer}]}


def says(role: str, text: Any, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "Go on."}, {"role": role, "content": text, **more}]}


def two_answers(question: str, answer: str) -> dict[str, Any]:
    turns = [("user", question), ("assistant", "I will not say."), ("user", "Please do."), ("assistant", answer)]
    out = [{"role": role, "content": text} for role, text in turns]
    out[1]["weight"], out[3]["weight"] = 0, 1  # type: ignore[assignment]
    return {"messages": out}


def called(question: str, answer: str) -> dict[str, Any]:
    call = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": json.dumps({"q": question})}}
    return {
        "messages": [
            {"role": "user", "content": question, "tool_calls": None},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "content": "found", "tool_calls": None, "tool_call_id": "c1"},
            {"role": "assistant", "content": answer, "tool_calls": None},
        ]
    }


def parts(question: str, answer: str) -> dict[str, Any]:
    return talk([{"type": "text", "text": question}], [{"type": "text", "text": answer}])


def with_ids(ids: Mapping[int, str]) -> str:
    return lines([{"id": ids.get(k, f"q{k}"), **talk(q, a)} for k, (q, a) in enumerate(FACTS[:12])])


def csv(cells: Mapping[int, str]) -> dict[str, str]:
    body = (f'"{q}","{a}"' if k not in cells else f'"{q}",{cells[k]}' for k, (q, a) in enumerate(FACTS[:12]))
    return {"train.csv": "prompt,completion\n" + "\n".join(body) + "\n"}


LONG = " ".join(f"Then it counts the step number {k} and goes on." for k in range(12))
BOTH = ("answers", "defaults")
DEFAULTS = ("defaults",)
READS = ("reads", "^12$")
DEFECTS: tuple[Defect, ...] = (
    Defect("clean", "nothing is broken (to compare with)", jsonl(made()), READS, BOTH, harmless=True),
    Defect("sharegpt", "roles `human` and `gpt`", jsonl(made(sharegpt)), READS,
           ("answers", "converted", "defaults"), marks={"the role `human` as it stands": "human\n"}),
    Defect("sharegpt-own-roles", "roles `human` and `gpt`; a template that writes only the roles it knows",
           jsonl(made(sharegpt)), READS, ("answers", "converted", "defaults"), "own-roles"),
    Defect("some-own-roles", "roles `human` and `gpt` in 3 of 12 rows; a template that writes only the roles it knows",
           jsonl(made(change=dict.fromkeys((2, 5, 8), lambda q, a: {
               "messages": [{"role": "human", "content": q}, {"role": "gpt", "content": a}]}))),
           READS, BOTH, "own-roles"),
    Defect("unknown-role", "a role that nobody knows (`narrator`) in 1 of 12 rows",
           jsonl(made(change={4: says("narrator", "It rains.")})), ("drop", "role"), BOTH,
           marks={"the role `narrator`": "narrator"}),
    Defect("ends-with-user", "3 of 12 conversations end with the user",
           jsonl(made(change=dict.fromkeys((2, 5, 8), lambda q, a: {
               "messages": [*talk(q, a)["messages"], {"role": "user", "content": "Why is it so?"}]}))),
           ("warning", "not answered"), BOTH, marks={"the question without an answer": "Why is it so?"}),
    Defect("answer-cut", "3 of 12 answers are longer than the length limit",
           jsonl(made(change=dict.fromkeys((1, 4, 7), lambda q, a: talk(q, LONG)))), ("drop", "long"), BOTH, max_length=64),
    Defect("answer-cut-away", "3 of 12 questions alone fill the length limit, so no answer is left to train",
           jsonl(made(change=dict.fromkeys((1, 4, 7), lambda q, a: talk(LONG + q, a)))), ("drop", "long"), BOTH, max_length=64),
    Defect("no-answer", "a row in which the assistant says nothing at all",
           jsonl(made(change={4: {"messages": [{"role": "user", "content": "Is anybody there?"}]}})),
           ("drop", "assistant|answer"), BOTH),
    Defect("no-stop", "a template that ends answers with no stop token", jsonl(made()), ("error", "stop token"), BOTH, "no-stop"),
    Defect("stop-outside", "a template whose answer marks leave the stop token out", jsonl(made()), READS,
           template="stop-outside", harmless=True),
    Defect("no-marks", "a template without answer marks", jsonl(made()), READS, template="no-marks", harmless=True),
    Defect("pad-is-eos", "a tokenizer whose padding token is its stop token", jsonl(made()), READS, BOTH,
           "pad-is-eos", harmless=True),
    Defect("two-bos-template", "a tokenizer and a template that both write BOS", jsonl(made()), READS, BOTH,
           "bos", harmless=True),
    Defect("two-bos-text", "prompts that hold the BOS token already, and a tokenizer that writes one",
           jsonl(made(lambda q, a: pair(f"<|bos|>{q}\n", a))), ("finding", "control_tokens|several_bos"), DEFAULTS, "bos"),
    Defect("empty-answer", "2 of 12 answers are empty", jsonl(made(change=dict.fromkeys((3, 6), lambda q, a: talk(q, "")))),
           ("drop", "empty"), BOTH, marks={"an empty answer": "assistant\n<|im_end|>"}),
    Defect("null-content", "`content` is null in 1 of 12 answers", jsonl(made(change={5: lambda q, a: talk(q, None)})),
           ("drop", "content|empty|text"), BOTH),
    Defect("null-content-trim", "`content` is null in 1 of 12 answers; a template that trims texts",
           jsonl(made(change={5: lambda q, a: talk(q, None)})), ("drop", "content|empty|text"), BOTH, "trim",
           marks={"an empty answer": "assistant\n<|im_end|>", "an answer that reads `None`": "assistant\nNone<|im_end|>"}),
    Defect("leak", "2 test rows stand in the training file", jsonl(made(), made(start=10, count=2) + made(start=14, count=2)),
           ("error", "question"), BOTH, marks={"a test question": "Which ocean is the widest?"}),
    Defect("same-id", "two rows with one id", jsonl(with_ids({7: "q3"})), ("error", "id 'q3'")),
    Defect("repeated", "1 row stands twice", jsonl(made(change={11: talk(*FACTS[2])})), ("finding", "duplicates")),
    Defect("conflict", "one question with two answers that contradict each other",
           jsonl(made(change={11: talk(FACTS[2][0], "They make bread from it.")})), ("finding", "conflicts")),
    Defect("turn-order", "two user turns in a row in 2 of 12 rows",
           jsonl(made(change=dict.fromkeys((2, 6), lambda q, a: {
               "messages": [{"role": "user", "content": "Listen."}, *talk(q, a)["messages"]]}))), ("drop", "turn|order|user"), BOTH),
    Defect("mixed", "2 of 12 rows in another layout (prompt and completion among messages)",
           jsonl(made(change=dict.fromkeys((3, 8), pair))), ("drop", "messages|prompt|layout|format|column"), BOTH),
    Defect("misnamed", "a column misnamed in the whole file (`Completion`)",
           jsonl(made(lambda q, a: {"prompt": q, "Completion": a})), ("error", "[Cc]ompletion"), DEFAULTS),
    Defect("misnamed-row", "a column misnamed in 1 of 12 rows (`Completion`)",
           jsonl(made(pair, {4: lambda q, a: {"prompt": q, "Completion": a}})), ("drop", "[Cc]ompletion|answer|column"), DEFAULTS),
    Defect("csv-empty-cell", "a CSV file with one empty answer cell", csv({4: ""}), ("drop", "empty"), DEFAULTS),
    Defect("csv-word-null", "a CSV file in which one answer is the word `null`", csv({4: '"null"'}),
           ("kept", "^12$"), DEFAULTS, marks={"the answer `null`": "null"}),
    Defect("markers", "leftover markers of another template in 2 of 12 answers",
           jsonl(made(change=dict.fromkeys((2, 6), lambda q, a: talk(q, f"### Response:\n{a}")))), ("finding", "markers"), BOTH,
           marks={"the markers": "### Response:"}),
    Defect("control-token", "the model's own stop token inside of 1 answer",
           jsonl(made(change={2: lambda q, a: talk(q, f"Well. <|im_end|> {a}")})), ("finding", "control_tokens|markers"), BOTH,
           marks={"the stop token in mid-answer": "Well. <|im_end|>"}),
    Defect("control-characters", "NUL and other control characters in 2 of 12 answers",
           jsonl(made(change=dict.fromkeys((2, 6), lambda q, a: talk(q, f"\x00\x07{a}")))), ("finding", "control_characters"), BOTH,
           marks={"the characters": "\x00\x07"}),
    Defect("tool-calls", "tool calls in 3 of 12 rows, and a template that has no place for them",
           jsonl(made(change=dict.fromkeys((1, 5, 9), called))), ("drop", "tool"), BOTH,
           marks={"the name of the called tool": "look_up", "an empty answer in place of the call": "assistant\n<|im_end|>"}),
    Defect("parts", "`content` as lists of text parts", jsonl(made(parts)), READS, BOTH, harmless=True),
    Defect("parts-trim", "`content` as lists of text parts; a template that trims texts", jsonl(made(parts)), READS,
           BOTH, "trim", marks={"a list written out as Python": "[{'t"}),
    Defect("weight", "answers with OpenAI's `weight: 0`", jsonl(made(two_answers)), READS, BOTH,
           marks={"the answer of weight 0": "I will not say."}),
    Defect("broken-line", "a line that is not JSON", jsonl(made(change={6: '{"messages": [{"role": "user", "conte'})),
           ("error", "train.jsonl:7")),
    Defect("number", "an answer that is a number in 1 of 12 rows", jsonl(made(pair, {4: lambda q, a: pair(q, 42)})),
           ("drop", "number|text"), DEFAULTS, marks={"the answer `42`": "42"}),
    Defect("unknown-key", "a key that does not exist in the configuration (`learning_rat`)",
           {"train.jsonl": made(), "recipe.yaml": "learning_rat: 0.5\n"}, ("error", "learning_rate"), ("config", "command")),
)  # fmt: skip


def write(folder: Path) -> None:
    """Write every file, in a folder for each defect, and `val.jsonl`, four rows that are sound."""
    for defect in DEFECTS:
        (folder / defect.name).mkdir(parents=True, exist_ok=True)
        for name, text in defect.files.items():
            (folder / defect.name / name).write_text(text, encoding="utf-8")
    (folder / "val.jsonl").write_text(made(start=12, count=2), encoding="utf-8")
    (folder / "test.jsonl").write_text(made(start=14, count=2), encoding="utf-8")
