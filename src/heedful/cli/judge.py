"""heedful judge ANSWERS... --judge M: a judge model's verdicts on answers, and what the judge itself is worth."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heedful.cli.output import check_seed, print_json
from heedful.errors import HeedfulError, Interrupted, RequestError, did_you_mean

if TYPE_CHECKING:
    from heedful.backends.base import Backend
    from heedful.judge.agreement import Marks
    from heedful.judge.items import Answers, Item
    from heedful.judge.judging import Judge, Judged

CHARACTERS_A_TOKEN = 4  # of English text, roughly


def judge(
    answers: Annotated[
        list[str], typer.Argument(metavar="ANSWERS...", help="A run, or one or two files that heedful respond wrote.")
    ],
    judge: Annotated[
        str,
        typer.Option(metavar="MODEL", help="Who judges: openai:NAME@URL, hf:, gguf:, pip:, run:DIR, scripted:FILE."),
    ],
    mode: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="score, rubric or pairs; by default pairs where there are two sides."),
    ] = None,
    prompt: Annotated[
        str | None, typer.Option(metavar="NAME", help="A packaged prompt or a file of your own; by default the mode's.")
    ] = None,
    rubric: Annotated[
        str | None, typer.Option(metavar="NAME", help="A packaged rubric or a file of your own; by default answers.")
    ] = None,
    human: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="People's marks on the same answers (Scores, as heedful review writes)."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where the scores go; by default into the run's scores folder.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a judging that was begun.")] = False,
    from_text: Annotated[
        bool, typer.Option("--from-text", help="Read verdicts from the text even where there are log-probabilities.")
    ] = False,
    max_new_tokens: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="The judge's room for a verdict; by default the prompt's.")
    ] = None,
    template: Annotated[
        str, typer.Option(metavar="NAME", help="The judge's template; by default the model's own, else alpaca.")
    ] = "auto",
    batch_size: Annotated[int, typer.Option(metavar="N", min=1, help="Requests side by side in this process.")] = 16,
    precision: Annotated[str, typer.Option(metavar="NAME", help="auto, fp32 or bf16.")] = "auto",
    device: Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda, mps.")] = "auto",
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the judge, and of the codes in its prompt.")] = 0,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Judge the first so many answers a side, or pairs.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many requests and about how many tokens, and ask nothing.")
    ] = False,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Let the judge's repository run its own code.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON document.")] = False,
) -> None:
    """Let a model score answers or compare two, in both orders, and say what its verdicts are worth."""
    from heedful.cli.live import Live
    from heedful.judge.agreement import read_marks
    from heedful.judge.items import read_answers

    check_seed(seed)
    given = read_answers(answers)
    plan = _plan(judge, mode, prompt, rubric, from_text, max_new_tokens, seed, batch_size, given)
    items, one_sided = _items(plan, given, limit)
    marks = read_marks(human) if human is not None else None
    view = Live()
    try:
        load = _open(plan, template, precision, device, trust_remote_code, view.say)
        if dry_run:
            _tell_plan(plan, items, as_json)
            return
        files = _files(plan, given, out)
        _check_files(files, resume)
        view.phase("judging", f"Judging {_things(plan, len(items))}")
        judged = _judge(plan, items, load, files, view.advance)
    finally:
        view.close()
    _tell(plan, given, judged, one_sided, marks, files, as_json)


@dataclass(frozen=True)
class _Files:
    """The three files of a judging."""

    scores: Path

    @property
    def judgements(self) -> Path:
        return self.scores.with_name(f"{self.scores.stem}.judgements.jsonl")

    @property
    def summary(self) -> Path:
        return self.scores.with_name(f"{self.scores.stem}.summary.json")


def _plan(
    name: str,
    mode: str | None,
    prompt: str | None,
    rubric: str | None,
    from_text: bool,
    max_new_tokens: int | None,
    seed: int,
    batch_size: int,
    given: Answers,
) -> Judge:
    """Everything about the judge that can be checked before it is loaded."""
    from heedful.backends.base import GenerationSettings
    from heedful.judge.judging import TOP_LOGPROBS, Judge
    from heedful.judge.prompt import MODES, load_prompt
    from heedful.judge.rubric import load_rubric
    from heedful.models.names import parse_model_name

    if mode is not None and mode not in MODES:
        raise RequestError(f"--mode '{mode}'{did_you_mean(mode, MODES)}: choose {', '.join(MODES)}")
    known = load_prompt(prompt, mode) if prompt is not None else None
    mode = known.mode if known else mode or ("pairs" if len(given.sides) == 2 else "score")
    if mode == "pairs" and len(given.sides) != 2:
        raise RequestError("--mode pairs: needs two sides; name two files of answers, or a run with both of its own")
    if rubric is not None and mode != "rubric":
        raise RequestError(f"--rubric {rubric}: is for --mode rubric, not {mode}; add --mode rubric or leave it out")
    known = known or load_prompt(mode)
    # A server is asked for log-probabilities where a prompt can be read by them.
    by_odds = not from_text and known.verdict.kind != "criteria" and known.verdict.where == "whole"
    top = TOP_LOGPROBS if by_odds and parse_model_name(name).kind == "openai" else 0
    settings = GenerationSettings(
        max_new_tokens or known.max_new_tokens, seed=seed, batch_size=batch_size, top_logprobs=top
    )
    return Judge(name, known, settings, load_rubric(rubric or "answers") if mode == "rubric" else None, from_text)


def _items(plan: Judge, given: Answers, limit: int | None) -> tuple[list[Item], int]:
    from heedful.judge.items import pair_items, single_items

    if plan.prompt.mode == "pairs":
        return pair_items(*given.sides, limit)
    return [item for side in given.sides for item in single_items(side, limit)], 0


def _open(
    plan: Judge, template: str, precision: str, device: str, trust: bool, say: Callable[[str], None]
) -> Callable[[], Backend]:
    from heedful.backends.by_name import open_backend
    from heedful.cli.respond import PRECISIONS

    if precision not in PRECISIONS:
        near = did_you_mean(precision, PRECISIONS)
        raise RequestError(f"--precision '{precision}'{near}: choose auto, fp32 or bf16")
    return open_backend(
        plan.name, template=template, precision=precision, device=device, trust_remote_code=trust, say=say,
        settings=plan.settings,
    )  # fmt: skip


def _files(plan: Judge, given: Answers, out: Path | None) -> _Files:
    if out is not None:
        if out.is_dir():
            raise RequestError(f"--out {out}: is a folder; name a file for the scores")
        if out.suffix != ".jsonl":
            raise RequestError(f"--out {out}: scores are written as JSONL; name a file that ends in .jsonl")
        return _Files(out)
    if given.run is None:
        raise RequestError("--out: name a file for the scores, such as scores.jsonl (only a run has a place for them)")
    short = re.sub(r"[^\w.-]+", "-", plan.name.partition(":")[2].partition("@http")[0] or plan.name).strip("-.")
    return _Files(given.run.scores(f"judge-{short}-{plan.prompt.name}"))


def _check_files(files: _Files, resume: bool) -> None:
    for path in (files.scores, files.judgements):
        if path.is_dir():
            raise RequestError(f"{path}: is a folder; choose another --out")
        if path.exists() and not resume:
            raise RequestError(f"{path}: exists; add --resume to go on with it, or choose another --out")


def _judge(
    plan: Judge,
    items: Sequence[Item],
    load: Callable[[], Backend],
    files: _Files,
    progress: Callable[[int, int], None],
) -> list[Judged]:
    from heedful.judge.judgements import hold
    from heedful.judge.judging import judge_items

    try:
        with hold(files.judgements):
            return judge_items(plan, items, load, files.scores, files.judgements, progress)
    except KeyboardInterrupt:
        raise Interrupted("stopped; every verdict so far is kept: add --resume to go on") from None


def _things(plan: Judge, number: int) -> str:
    return f"{number:,} {'pair' if plan.prompt.mode == 'pairs' else 'answer'}{'s' * (number != 1)}"


def _tell_plan(plan: Judge, items: Sequence[Item], as_json: bool) -> None:
    """The size of the work."""
    from heedful.judge.judging import requests_for

    requests = requests_for(plan, items)
    inside = round(sum(r.characters for r in requests) / CHARACTERS_A_TOKEN)
    outside = len(requests) * plan.settings.max_new_tokens
    value: dict[str, Any] = {
        "judge": plan.name, "mode": plan.prompt.mode, **plan.prompt.describe(), "items": len(items),
        "requests": len(requests), "prompt_tokens_about": inside, "tokens_at_most": outside,
    }  # fmt: skip
    if as_json:
        print_json(value)
        return
    typer.echo(
        f"{_things(plan, len(items))} need {len(requests):,} requests to {plan.name}: about {inside:,} tokens in "
        f"(a token taken as {CHARACTERS_A_TOKEN} characters), at most {outside:,} out; nothing was asked"
    )


def _tell(
    plan: Judge,
    given: Answers,
    judged: Sequence[Judged],
    one_sided: int,
    marks: Marks | None,
    files: _Files,
    as_json: bool,
) -> None:
    """The summary, kept and shown; HeedfulError where nothing at all has a verdict."""
    from heedful.judge.summary import summarise
    from heedful.judge.summary_text import summary_lines
    from heedful.store import write_json

    summary = summarise(plan, given, judged, one_sided, marks)
    summary |= {"scores": str(files.scores), "judgements": str(files.judgements)}
    write_json(files.summary, summary)
    if as_json:
        print_json(summary)
    else:
        for line in summary_lines(summary):
            typer.echo(line)
        typer.echo(f"{'written':<12}{files.scores} (each verdict)")
        typer.echo(f"{'':<12}{files.judgements} (the judge's words)")
        typer.echo(f"{'':<12}{files.summary}")
    if judged and not summary["judged"]:
        first = (
            summary["first_failure"] or summary["first_unreadable"] or next(iter(summary["unasked"]), "nothing asked")
        )
        raise HeedfulError(f"nothing could be judged (the first reason: {first}); mend that and add --resume")
