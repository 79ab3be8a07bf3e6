"""The owner's classes by name: from a spec to questions, marks and a final report.

    evals.elsuite.basic.match:Match, includes:Includes, fuzzy_match:FuzzyMatch, json_match:JsonMatch,
    json_validator:JsonValidator, evals.elsuite.translate:Translate, evals.elsuite.multiple_choice:MultipleChoice,
    evals.elsuite.modelgraded.classify:ModelBasedClassify

All that can be wrong before a model is asked is wrong in `prepare`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from heedful.errors import DataError, RequestError
from heedful.evals import reports, verdicts
from heedful.evals.classify import Grading, make_grading
from heedful.evals.multiple_choice import find_choices, lettered
from heedful.evals.prompts import Prompt, check_prompt, scrub
from heedful.evals.registry import EvalSpec, Registry
from heedful.evals.reports import Report
from heedful.evals.samples import SEED, Row, in_order, read_rows, sample_rng
from heedful.evals.verdicts import Verdict

MOST_TOKENS = 500  # of an answer to an eval that leaves it to the server


@dataclass(frozen=True)
class Call:
    """A prompt to be answered. `number` tells apart answers that are drawn to the same prompt."""

    prompt: Prompt
    max_tokens: int
    temperature: float = 0.0
    number: int = 0


@dataclass(frozen=True)
class Question:
    """A sample as it is asked: the owner's id, the calls, what is right, and the fields that a judge's prompt takes."""

    id: str
    calls: tuple[Call, ...]
    gold: Any
    place: str
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    outputs: tuple[str, ...] = ()  # names of the model's answers in a judge's prompt


@dataclass(frozen=True)
class Prepared:
    """An eval that is ready to be asked. `mark` is for one without a judge; `grading` says how a judge is asked."""

    spec: EvalSpec
    questions: tuple[Question, ...]
    report: Report
    mark: Callable[[str, Any], Verdict]
    grading: Grading | None = None
    judged: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # of a judge: max_tokens, temperature
    answers: int = 1
    shots: int = 0
    seed: int = SEED
    limit: int | None = None
    file: str = ""
    hashes: Mapping[str, str | None] = dataclasses.field(default_factory=dict)  # of data that is in no file of samples

    @property
    def key(self) -> str:
        return self.spec.task

    def judge_call(self, question: Question, texts: Sequence[str]) -> Call:
        """What a judge is asked about the model's answers to a question."""
        assert self.grading is not None
        told: dict[str, Any] = {}
        for number, name in enumerate(question.outputs):
            own = list(texts[number * self.answers : (number + 1) * self.answers])
            told[name] = self.grading.joined(own) if self.answers > 1 else own[0]
        return Call(self.grading.question({**told, **question.values, "n": self.answers}), **self.judged)


def why_not(spec: EvalSpec) -> str | None:
    """Why an eval's class cannot be run here at all; None where it can."""
    return None if spec.cls in _KINDS else f"its class {spec.cls} is none of the basic evals"


def prepare(
    registry: Registry, spec: EvalSpec, limit: int | None, seed: int, shots: int | None, data_dir: Path | None
) -> Prepared:
    """The questions of an eval. RequestError or DataError where it cannot be run. `seed` is added to the owner's."""
    kind = _KINDS.get(spec.cls)
    if kind is None:
        known = ", ".join(sorted(c.rpartition(":")[2] for c in _KINDS))
        raise RequestError(f"task {spec.task}: {why_not(spec)} ({known}); name another eval")
    if len(spec.key.split(".")) < 2:
        raise RequestError(f"task {spec.task}: the owner names an eval base.split.version; rename it in the registry")
    args = dict(spec.args)
    if unknown := next((a for a in args if a not in kind.args), None):
        raise DataError(f"task {spec.task}: has an argument '{unknown}', which {spec.cls} does not take; remove it")
    if shots is not None:
        if not args.get("few_shot_jsonl"):
            raise RequestError(f"task {spec.task}: names no few_shot_jsonl to take examples from; leave --shots out")
        args["num_few_shot"] = shots
    spec = dataclasses.replace(spec, args=args)
    made = kind.make(_Asked(registry, spec, args, limit, SEED + seed, data_dir))
    if not made.questions:
        raise RequestError(f"task {spec.task} has no samples; look at {made.file}")
    return made


@dataclass(frozen=True)
class _Asked:
    registry: Registry
    spec: EvalSpec
    args: Mapping[str, Any]
    limit: int | None
    seed: int
    data_dir: Path | None

    def rows(self) -> list[tuple[str, Row]]:
        """The samples with their ids, in the owner's order."""
        name = self.args.get("samples_jsonl")
        return self.named(read_rows(self.registry.folder, name, f"task {self.spec.task}: samples_jsonl"))

    def named(self, rows: Sequence[Row]) -> list[tuple[str, Row]]:
        base, split = self.spec.key.split(".")[:2]
        return [(f"{base}.{split}.{n}", row) for n, row in in_order(rows, self.limit)]

    def number(self, name: str, default: int) -> int:
        value = self.args.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise DataError(f"task {self.spec.task}: '{name}' is no whole number; mend it in the registry")
        return value

    def made(self, questions: Iterable[Question], report: Report, mark: Callable[[str, Any], Verdict], **more: Any):
        file = str(self.args.get("samples_jsonl") or self.args.get("dataset") or "")
        return Prepared(self.spec, tuple(questions), report, mark, seed=self.seed, limit=self.limit, file=file, **more)


@dataclass(frozen=True)
class _Kind:
    args: tuple[str, ...]
    make: Callable[[_Asked], Prepared]


def _field(row: Row, name: str) -> Any:
    if name not in row.values:
        raise DataError(f"{row.place}: a sample needs '{name}'; add it")
    return row.values[name]


def _ideal(row: Row, empty: bool = False) -> Any:
    ideal = _field(row, "ideal")
    if not all(isinstance(i, str) for i in verdicts.as_list(ideal)) or not (ideal or empty or isinstance(ideal, str)):
        raise DataError(f"{row.place}: 'ideal' is neither a text nor a list of texts; mend it")
    return ideal


def _basic(report: Report, mark: Callable[[str, Any], Verdict], tokens: int, ideal: Callable[[Row], Any] = _ideal):
    def make(asked: _Asked) -> Prepared:
        most = asked.number("max_tokens", tokens)
        examples = _examples(asked)
        says = partial(_includes, ignore_case=True) if asked.args.get("ignore_case") else mark
        questions = []
        for sample_id, row in asked.rows():
            prompt = _with_examples(check_prompt(_field(row, "input"), row.place), examples, row.place)
            questions.append(Question(sample_id, (Call(prompt, most),), ideal(row), row.place))
        return asked.made(questions, report, says, shots=len(examples))

    return make


def _examples(asked: _Asked) -> list[list[dict[str, Any]]]:
    """The first examples of the few-shot file, each one or more messages."""
    wanted = asked.number("num_few_shot", 0)
    if not wanted:
        return []
    rows = read_rows(asked.registry.folder, asked.args.get("few_shot_jsonl"), f"task {asked.spec.task}: few_shot_jsonl")
    found = []
    for row in rows[:wanted]:
        sample = check_prompt(_field(row, "sample"), row.place, "sample")
        if isinstance(sample, str):
            raise DataError(f"{row.place}: 'sample' is a list of messages; mend it")
        found.append(sample)
    return found


def _with_examples(prompt: Prompt, examples: list[list[dict[str, Any]]], place: str) -> Prompt:
    """Examples stand before the last message."""
    if not examples:
        return prompt
    if isinstance(prompt, str):
        raise DataError(f"{place}: examples need an 'input' that is a list of messages; leave num_few_shot out")
    return [*prompt[:-1], *(m for example in examples for m in example), prompt[-1]]


def _json_ideal(row: Row) -> Any:
    ideal = _ideal(row)
    for text in verdicts.as_list(ideal):
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            raise DataError(f"{row.place}: 'ideal' is not JSON; mend it") from None
    return ideal


def _choose(asked: _Asked) -> Prepared:
    questions = []
    found = find_choices(asked.args.get("dataset"), asked.data_dir, asked.spec.task)
    for sample_id, row in asked.named(found.rows):
        instructions = str(asked.args.get("instructions") or "")
        prompt, letter = lettered(row, instructions, sample_rng(sample_id, asked.seed))
        questions.append(Question(sample_id, (Call(prompt, 1),), letter, row.place))
    return asked.made(questions, reports.accuracy, verdicts.match, hashes=found.hashes)


def _graded(asked: _Asked) -> Prepared:
    args, task = asked.args, asked.spec.task
    answers = args.get("multicomp_n", 1)
    if answers == "from_models":
        raise RequestError(
            f"task {task}: compares several models' answers (multicomp_n: from_models); use heedful arena"
        )
    if not isinstance(answers, int) or isinstance(answers, bool) or answers < 1:
        raise DataError(f"task {task}: 'multicomp_n' is no whole number above 0; mend it in the registry")
    grading = make_grading(asked.registry.grading(args.get("modelgraded_spec")), args, answers)
    sampling, judged = (_settings(args.get(n) or {}, f"task {task}: {n}") for n in ("sample_kwargs", "eval_kwargs"))
    more = args.get("modelgraded_spec_args") or {}
    if not isinstance(more, dict):
        raise DataError(f"task {task}: 'modelgraded_spec_args' is no mapping; mend it in the registry")
    questions = []
    for sample_id, row in asked.rows():
        values, calls, outputs = dict(row.values), [], []
        for name, output in grading.inputs.items():
            prompt = check_prompt(_field(row, name), row.place, name)
            values[name] = scrub(prompt)
            if output not in row.values:
                outputs.append(output)
                calls.extend(Call(prompt, **sampling, number=n) for n in range(answers))
        right = _field(row, "choice") if args.get("metaeval") else None
        question = Question(sample_id, tuple(calls), right, row.place, values | more, tuple(outputs))
        grading.question({**dict.fromkeys(outputs, ""), **question.values, "n": answers})
        questions.append(question)
    return asked.made(questions, reports.counted, grading.verdict, grading=grading, judged=judged, answers=answers)


def _settings(given: Any, where: str) -> dict[str, Any]:
    known = {"max_tokens": 1024, "temperature": 0.0}
    if not isinstance(given, dict) or (unknown := next((n for n in given if n not in known), None)):
        what = "is no mapping" if not isinstance(given, dict) else f"has '{unknown}', which cannot be set here"
        raise DataError(f"{where} {what}; max_tokens and temperature can be set")
    if not all(isinstance(v, int | float) and v >= 0 for v in given.values()):
        raise DataError(f"{where}: max_tokens and temperature are numbers, not below 0; mend them")
    return known | given


def _includes(said: str, gold: Any, ignore_case: bool = False) -> Verdict:
    return verdicts.includes(said, gold, ignore_case)


_SHOTS = ("samples_jsonl", "max_tokens", "num_few_shot", "few_shot_jsonl")
_GRADED = ("modelgraded_spec", "modelgraded_spec_args", "sample_kwargs", "eval_kwargs", "multicomp_n", "eval_type")
_KINDS = {
    f"evals.elsuite.{name}": kind
    for name, kind in {
        "basic.match:Match": _Kind(
            _SHOTS, _basic(reports.accuracy_std, verdicts.match, MOST_TOKENS, lambda row: _ideal(row, True))
        ),
        "basic.includes:Includes": _Kind(
            ("samples_jsonl", "ignore_case"),
            _basic(reports.accuracy_std, _includes, MOST_TOKENS, lambda row: _ideal(row, True)),
        ),
        "basic.fuzzy_match:FuzzyMatch": _Kind(
            ("samples_jsonl", "max_tokens"), _basic(reports.mean_of("accuracy", "f1_score"), verdicts.fuzzy_match, 100)
        ),
        "basic.json_match:JsonMatch": _Kind(
            ("samples_jsonl", "max_tokens"), _basic(reports.mean_of("accuracy"), verdicts.json_match, 512, _json_ideal)
        ),
        "basic.json_validator:JsonValidator": _Kind(
            ("samples_jsonl",),
            _basic(reports.accuracy_std, lambda said, _: verdicts.json_valid(said), MOST_TOKENS, lambda row: None),
        ),
        "translate:Translate": _Kind(_SHOTS, _basic(reports.translations, verdicts.translated, 500)),
        "multiple_choice:MultipleChoice": _Kind(("dataset", "instructions"), _choose),
        "modelgraded.classify:ModelBasedClassify": _Kind((*_GRADED, "samples_jsonl", "match_fn", "metaeval"), _graded),
    }.items()
}
