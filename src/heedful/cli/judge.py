"""heedful judge ANSWERS... --judge M: a judge model's verdicts on answers, and what the judge itself is worth."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heedful.backends.server_options import ServerOptions
from heedful.cli.output import check_seed, print_json
from heedful.cli.server import USUAL, ServerField, asks_servers, check_server, server_fields
from heedful.errors import HeedfulError, Interrupted, RequestError

if TYPE_CHECKING:
    from heedful.backends.base import Backend
    from heedful.cli.judge_plan import Files
    from heedful.judge.items import Item
    from heedful.judge.judge import Judge
    from heedful.judge.judging import Judged

CHARACTERS_A_TOKEN = 4  # of English text, roughly
WIDTH = 80


@asks_servers
def judge(
    answers: Annotated[
        list[str], typer.Argument(metavar="ANSWERS...", help="A run, or one or two files that heedful respond wrote.")
    ],
    judge: Annotated[
        str,
        typer.Option(metavar="MODEL", help="Who judges: openai:NAME@URL, hf:, gguf:, pip:, run:DIR or scripted:FILE."),
    ],
    mode: Annotated[
        str | None, typer.Option(metavar="NAME", help="score, rubric or pairs; by default pairs where two sides are.")
    ] = None,
    prompt: Annotated[
        str | None, typer.Option(metavar="NAME", help="A packaged prompt or a file of your own; else the mode's.")
    ] = None,
    annotator: Annotated[
        str | None, typer.Option(metavar="NAME", help="AlpacaEval's: a name in an installed alpaca_eval, or a folder.")
    ] = None,
    rubric: Annotated[
        str | None, typer.Option(metavar="NAME", help="A packaged rubric or a file of your own; else answers.")
    ] = None,
    human: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="People's marks on these answers, as heedful review writes them."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where the scores go; by default into the run's scores folder.")
    ] = None,
    export: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Pairs: write AlpacaEval's annotations.json, too.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a judging that was begun.")] = False,
    from_text: Annotated[
        bool, typer.Option("--from-text", help="Read verdicts from the text even where there are log-probabilities.")
    ] = False,
    max_new_tokens: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="The judge's room for a verdict; by default the prompt's.")
    ] = None,
    template: Annotated[
        str, typer.Option(metavar="NAME", help="The judge's template; by default its own, else alpaca.")
    ] = "auto",
    batch_size: Annotated[int, typer.Option(metavar="N", min=1, help="Requests side by side in this process.")] = 64,
    precision: Annotated[str, typer.Option(metavar="NAME", help="auto, fp32 or bf16.")] = "auto",
    device: Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda, mps.")] = "auto",
    server: ServerOptions = USUAL,
    server_field: ServerField = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the judge, and of the codes in its prompt.")] = 0,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Judge the first so many pairs, or answers a side.")
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
    from heedful.cli.judge_plan import Asked, check_files, files_of, items_of, make_judge, open_judge
    from heedful.cli.live import Live
    from heedful.judge.agreement import read_marks
    from heedful.judge.items import read_answers
    from heedful.judge.summary import summarise

    check_seed(seed)
    check_server(server, [judge])
    given = read_answers(answers)
    fields = server_fields(server_field)
    asked = Asked(judge, mode, prompt, annotator, rubric, from_text, max_new_tokens, seed, batch_size, fields)
    plan = make_judge(asked, given)
    items, one_sided = items_of(plan, given, limit)
    marks = read_marks(human) if human is not None else None
    _check_export(export, plan, items)
    view = Live()
    loaded: list[Backend] = []
    try:
        plan, load = open_judge(
            plan,
            template=template,
            precision=precision,
            device=device,
            trust_remote_code=trust_remote_code,
            server=server,
            say=view.say,
        )
        if dry_run:
            _tell_plan(plan, items, (server.input_price, server.output_price), as_json)
            return
        files = files_of(plan, given, out)
        check_files(files, resume)
        view.phase("judging", f"Judging {_things(plan, len(items))}")
        judged = _judge(plan, items, lambda: _keep(loaded, load()), files, view.advance)
    finally:
        view.close()
        spent = next((found for b in loaded if (found := getattr(b, "spent", None)) is not None), None)
        if spent is not None:
            typer.echo(str(spent), err=True)
    summary = summarise(plan, given, judged, one_sided, marks)
    _tell(summary | ({"server": spent.as_json()} if spent is not None else {}), files, as_json)
    if export is not None:
        _export(export, judged)
    check_any(summary)


def _keep(kept: list[Backend], backend: Backend) -> Backend:
    """Remember what was loaded, to ask it afterwards what it took."""
    kept.append(backend)
    return backend


def _check_export(export: Path | None, plan: Judge, items: Sequence[Item]) -> None:
    """RequestError where the pairs could not be written in AlpacaEval's form: before anything is paid for."""
    if export is None:
        return
    if plan.prompt.mode != "pairs":
        raise RequestError(
            f"--export {export}: AlpacaEval's annotations are of pairs; add --mode pairs or leave it out"
        )
    if export.is_dir() or export.suffix != ".json":
        raise RequestError(f"--export {export}: name a file that ends in .json, such as annotations.json")
    from heedful.scorers.alpaca_eval.exchange import instruction_of

    for item in items:
        instruction_of(item.answers[0])


def _export(export: Path, judged: Sequence[Judged]) -> None:
    from heedful.scorers.alpaca_eval import to_annotations
    from heedful.store import write_json

    answers = [a for j in judged for a in j.item.answers]
    write_json(export, to_annotations((s for j in judged for s in j.scores), answers))
    typer.echo(f"written: {export}", err=True)


def _judge(
    plan: Judge,
    items: Sequence[Item],
    load: Callable[[], Backend],
    files: Files,
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


def _tell_plan(plan: Judge, items: Sequence[Item], prices: tuple[float | None, float | None], as_json: bool) -> None:
    """The size of the work, and with prices what it would cost at most."""
    from heedful.backends.spent import cost_of, foreseen
    from heedful.judge.judging import requests_for

    requests = requests_for(plan, items)
    inside = round(sum(r.characters for r in requests) / CHARACTERS_A_TOKEN)
    outside = len(requests) * plan.settings.max_new_tokens
    if as_json:
        print_json(
            {
                "judge": plan.name,
                "mode": plan.prompt.mode,
                **plan.prompt.describe(),
                "items": len(items),
                "requests": len(requests),
                "prompt_tokens_about": inside,
                "tokens_at_most": outside,
                **cost_of(inside, outside, *prices),
            }
        )
        return
    text = (
        f"{_things(plan, len(items))}, {len(requests):,} requests to {plan.name}: "
        f"{foreseen(inside, outside, *prices)}; nothing was asked"
    )
    for line in textwrap.wrap(text, WIDTH, break_on_hyphens=False, break_long_words=False):
        typer.echo(line)


def _tell(summary: dict[str, Any], files: Files, as_json: bool) -> None:
    """Keep the summary and show it."""
    from heedful.judge.summary_text import summary_lines
    from heedful.store import write_json

    summary = summary | {"scores": str(files.scores), "judgements": str(files.judgements)}
    write_json(files.summary, summary)
    if as_json:
        print_json(summary)
        return
    for line in summary_lines(summary):
        typer.echo(line)
    typer.echo(f"{'written':<12}{files.scores} (each verdict)")
    typer.echo(f"{'':<12}{files.judgements} (the judge's words)")
    typer.echo(f"{'':<12}{files.summary}")


def check_any(summary: dict[str, Any]) -> None:
    """HeedfulError where nothing at all has a verdict."""
    if summary["items"] and not summary["judged"]:
        unreadable = None if summary["first_failure"] else summary["first_unreadable"]
        why = summary["first_failure"] or unreadable or next(iter(summary["unasked"]), "nothing asked")
        # Unreadable verdicts are not asked for again: the same judge would write the same.
        other = "take another judge, or a --prompt of your own, and another --out"
        mend = other if unreadable else "mend that and add --resume"
        raise HeedfulError(f"nothing could be judged (the first reason: {why}); {mend}")
