"""What `heedful judge` is to do, checked before anything is loaded or asked: who judges, what, and into which files."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heedful.backends.base import Backend, GenerationSettings
from heedful.backends.server_options import ServerOptions
from heedful.cli.respond import PRECISIONS
from heedful.errors import RequestError, did_you_mean
from heedful.judge.annotated import AnnotatorPrompt
from heedful.judge.annotators import load_annotator
from heedful.judge.items import Answers, Item, pair_items, single_items
from heedful.judge.judge import TOP_LOGPROBS, Judge
from heedful.judge.prompt import MODES, load_prompt
from heedful.judge.rubric import load_rubric


@dataclass(frozen=True)
class Asked:
    """What the command line says of the judge."""

    judge: str
    mode: str | None
    prompt: str | None
    annotator: str | None
    rubric: str | None
    from_text: bool
    max_new_tokens: int | None
    seed: int
    batch_size: int
    server_fields: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Files:
    """The three files of a judging."""

    scores: Path

    @property
    def judgements(self) -> Path:
        return self.scores.with_name(f"{self.scores.stem}.judgements.jsonl")

    @property
    def summary(self) -> Path:
        return self.scores.with_name(f"{self.scores.stem}.summary.json")


def make_judge(asked: Asked, answers: Answers) -> Judge:
    """The judge with its prompt. RequestError where what was asked for does not go together."""
    if asked.annotator is not None:
        return _annotating(asked, asked.annotator, answers)
    mode = asked.mode
    if mode is not None and mode not in MODES:
        raise RequestError(f"--mode '{mode}'{did_you_mean(mode, MODES)}: choose {', '.join(MODES)}")
    own = load_prompt(asked.prompt, mode) if asked.prompt is not None else None
    mode = own.mode if own else mode or ("pairs" if len(answers.sides) == 2 else "score")
    if mode == "pairs" and len(answers.sides) != 2:
        raise RequestError("--mode pairs: needs two sides; name two files of answers, or a run with both of its own")
    if asked.rubric is not None and mode != "rubric":
        raise RequestError(f"--rubric {asked.rubric}: is for --mode rubric, not {mode}; add that or leave it out")
    prompt = own or load_prompt(mode)
    settings = GenerationSettings(
        max_new_tokens=asked.max_new_tokens or prompt.max_new_tokens,
        seed=asked.seed,
        batch_size=asked.batch_size,
        server_fields=asked.server_fields,
    )
    rubric = load_rubric(asked.rubric or "answers") if mode == "rubric" else None
    return Judge(asked.judge, prompt, settings, rubric, asked.from_text)


def _annotating(asked: Asked, name: str, answers: Answers) -> Judge:
    """A judge by a configuration of AlpacaEval, which settles everything but the model."""
    if len(answers.sides) != 2:
        raise RequestError(f"--annotator {name}: needs two sides; name two files of answers, the baseline's first")
    given = {"prompt": asked.prompt, "rubric": asked.rubric, "max-new-tokens": asked.max_new_tokens}
    given |= {"from-text": asked.from_text or None, "mode": asked.mode if asked.mode != "pairs" else None}
    for option, value in given.items():
        if value is not None:
            raise RequestError(f"--{option}: the annotator {name} settles that; leave it out")
    annotator = load_annotator(name)
    settings = dataclasses.replace(annotator.settings, batch_size=asked.batch_size, server_fields=asked.server_fields)
    return Judge(asked.judge, AnnotatorPrompt(annotator), settings)


def open_judge(
    judge: Judge,
    *,
    template: str,
    precision: str,
    device: str,
    trust_remote_code: bool,
    server: ServerOptions,
    say: Callable[[str], None],
) -> tuple[Judge, Callable[[], Backend]]:
    """The judge as it is to be asked (for log-probabilities, too, where the prompt can be read by them), and what loads
    it.
    """
    from heedful.backends.by_name import open_backend

    if precision not in PRECISIONS:
        near = did_you_mean(precision, PRECISIONS)
        raise RequestError(f"--precision '{precision}'{near}: choose auto, fp32 or bf16")
    verdict = judge.prompt.verdict
    by_odds = not judge.from_text and verdict.kind != "criteria" and verdict.where == "whole"
    if by_odds and not judge.prompt.one_order:
        judge = judge.with_logprobs(TOP_LOGPROBS)
    load = open_backend(
        judge.name,
        template=template,
        precision=precision,
        device=device,
        trust_remote_code=trust_remote_code,
        say=say,
        settings=judge.settings,
        server=server,
    )
    return judge, load


def items_of(judge: Judge, answers: Answers, limit: int | None) -> tuple[list[Item], int]:
    """What is judged, and how many examples have an answer on one side only."""
    if judge.prompt.mode == "pairs":
        first, second = answers.sides
        return pair_items(first, second, limit)
    return [item for side in answers.sides for item in single_items(side, limit)], 0


def files_of(judge: Judge, answers: Answers, out: Path | None) -> Files:
    """Where everything goes. RequestError where that is no place for it."""
    if out is not None:
        if out.is_dir():
            raise RequestError(f"--out {out}: is a folder; name a file for the scores")
        if out.suffix != ".jsonl":
            raise RequestError(f"--out {out}: scores are written as JSONL; name a file that ends in .jsonl")
        return Files(out)
    if answers.run is None:
        raise RequestError("--out: name a file for the scores, such as scores.jsonl (only a run has a place for them)")
    short = judge.name.partition(":")[2].partition("@http")[0] or judge.name
    short = re.sub(r"[^\w.-]+", "-", short).strip("-.")
    return Files(answers.run.scores(f"judge-{short}-{judge.prompt.name}"))


def check_files(files: Files, resume: bool) -> None:
    """RequestError where a file is there and `--resume` is not."""
    for path in (files.scores, files.judgements):
        if path.is_dir():
            raise RequestError(f"{path}: is a folder; choose another --out")
        if path.exists() and path.stat().st_size and not resume:
            raise RequestError(f"{path}: exists; add --resume to go on with it, or choose another --out")
