"""heedful respond M --data F --out responses.jsonl: a model's answers to the questions of a file."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heedful.backends.server_options import ServerOptions
from heedful.cli.output import check_seed, print_json
from heedful.cli.server import USUAL, ServerField, asks_servers, check_server, server_fields
from heedful.errors import HeedfulError, RequestError, did_you_mean

if TYPE_CHECKING:
    from heedful.records import Example, Response

WIDTH = 80
PRECISIONS = ("auto", "fp32", "bf16")


@asks_servers
def respond(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="hf:, gguf:, pip:, run:DIR (also @base, @step=N), openai:NAME@URL or scripted:FILE."
        ),
    ],
    data: Annotated[
        list[str], typer.Option(metavar="FILE", help="A file with questions; answers in it are kept as references.")
    ],
    out: Annotated[
        str, typer.Option(metavar="FILE", help="Where the answers go, a line each: a new file, or one to --resume.")
    ],
    columns: Annotated[
        str | None, typer.Option("--map", metavar="NAMES", help="Name the columns: instruction=question,output=answer.")
    ] = None,
    template: Annotated[
        str, typer.Option(metavar="NAME", help="A template; by default the model's own, else alpaca.")
    ] = "auto",
    max_new_tokens: Annotated[int, typer.Option(metavar="N", min=1, help="New tokens an answer, at most.")] = 128,
    temperature: Annotated[
        float, typer.Option(metavar="T", min=0, help="0 takes the most likely token each time.")
    ] = 0.0,
    top_p: Annotated[
        float,
        typer.Option(metavar="P", min=0.01, max=1, help="Sample among the likeliest tokens of this total probability."),
    ] = 1.0,
    top_k: Annotated[int, typer.Option(metavar="K", min=0, help="Sample among the K likeliest tokens; 0 for all.")] = 0,
    min_p: Annotated[
        float, typer.Option(metavar="P", min=0, max=1, help="Leave out tokens under this share of the likeliest one's.")
    ] = 0.0,
    repetition_penalty: Annotated[
        float, typer.Option(metavar="X", help="Above 1, what was said already becomes less likely.")
    ] = 1.0,
    stop: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="End an answer before this text.")] = None,
    batch_size: Annotated[int, typer.Option(metavar="N", min=1, help="Questions answered side by side.")] = 64,
    precision: Annotated[str, typer.Option(metavar="NAME", help="auto, fp32 or bf16.")] = "auto",
    device: Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda, mps.")] = "auto",
    server: ServerOptions = USUAL,
    server_field: ServerField = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of sampling.")] = 0,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="Answer the first so many rows.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a file of answers that was begun.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check everything but answer nothing.")] = False,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Let the model's repository run its own code.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as one JSON document.")] = False,
) -> None:
    """Answer the questions of a file, greedily unless told otherwise; a row that ends makes room for the next."""
    from heedful.backends.base import GenerationSettings
    from heedful.backends.by_name import open_backend
    from heedful.cli.live import Live
    from heedful.data.formats import parse_map
    from heedful.data.load import load
    from heedful.responses import respond_to_file

    check_seed(seed)
    if precision not in PRECISIONS:
        near = did_you_mean(precision, PRECISIONS)
        raise RequestError(f"--precision '{precision}'{near}: choose auto, fp32 or bf16")
    if not math.isfinite(temperature):
        raise RequestError(f"--temperature {temperature}: name a number, such as 0.7")
    if not 0 < repetition_penalty < math.inf:
        raise RequestError(f"--repetition-penalty {repetition_penalty}: name a number above 0, such as 1.1; 1 is none")
    if "" in (stop or ()):
        raise RequestError("--stop '': the text is empty, and every answer would end before it; name some text")
    check_server(server, [model])
    fields = server_fields(server_field)
    _check_out(out, resume)
    loaded = load(data, limit=limit, answers=False, columns=None if columns is None else parse_map(columns))
    examples, ledger = loaded.examples, loaded.builder
    settings = GenerationSettings(
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        top_p=top_p,
        seed=seed,
        batch_size=batch_size,
        top_k=top_k,
        min_p=min_p,
        repetition_penalty=repetition_penalty,
        stop=tuple(stop or ()),
        server_fields=fields,
    )
    for drop in ledger.drops[:5]:
        typer.echo(f"{drop.source}: left out: {drop.sentence}", err=True)
    if open_ones := sum(e.reference is None for e in examples):
        typer.echo(f"no expected answer in the file for {open_ones:,} of {_count(len(examples), 'question')}", err=True)
    summary = {"out": out, "model": model, "questions": len(examples), "settings": settings.hash}
    view = Live()
    backend = None
    try:
        load = open_backend(
            model,
            template=template,
            precision=precision,
            device=device,
            trust_remote_code=trust_remote_code,
            say=view.say,
            settings=settings,
            server=server,
        )
        if not dry_run:
            view.phase("answers", f"Answering {_count(len(examples), 'question')}")
            backend = load()
            done = respond_to_file(out, backend, examples, settings, model, view.advance)
    finally:
        view.close()
        spent = getattr(backend, "spent", None)  # of a server
        if spent is not None:
            typer.echo(str(spent), err=True)
    if dry_run:
        _tell_plan(summary, examples, server, max_new_tokens, as_json)
        return
    if spent is not None:
        summary["server"] = spent.as_json()
    _tell(done, out, summary if as_json else None)


def _check_out(out: str, resume: bool) -> None:
    """RequestError where the file cannot be begun or gone on with: before a model is loaded."""
    if not out:
        raise RequestError("--out '': the name is empty; name a file for the answers")
    if Path(out).is_dir():
        raise RequestError(f"{out}: is a folder; name a file for the answers")
    if Path(out).exists() and not resume:
        raise RequestError(f"{out}: exists; add --resume to go on with it, or choose another --out")
    if resume:
        from heedful.responses import check_answers_file, read_responses

        check_answers_file(out)
        read_responses(out)


def _tell_plan(
    summary: dict[str, object], examples: Sequence[Example], options: ServerOptions, most: int, as_json: bool
) -> None:
    """What would be done; of a model behind a server also the tokens, and with prices what they would cost at most."""
    from heedful.backends.spent import about_tokens, cost_of, foreseen

    text = f"{_count(len(examples), 'question')} would be answered by {summary['model']} into {summary['out']}"
    if str(summary["model"]).startswith("openai:"):
        asked = sum(about_tokens(m.content + (m.context or "")) for e in examples for m in e.prompt)
        prices = (options.input_price, options.output_price)
        tokens = (asked, len(examples) * most)
        text += f": {foreseen(*tokens, *prices)} (less what the cache knows); nothing was asked"
        summary |= {"prompt_tokens_about": asked, "tokens_at_most": tokens[1]} | cost_of(*tokens, *prices)
    if as_json:
        print_json(summary)
    else:
        for line in textwrap.wrap(text, WIDTH, break_on_hyphens=False, break_long_words=False):
            typer.echo(line)


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'s' * (number != 1)}"


def _tell(done: Sequence[Response], out: str, summary: dict[str, object] | None) -> None:
    """The end of the command; HeedfulError where not one question could be answered."""
    stopped = sum(r.finish_reason == "stop" for r in done)
    failed = [r for r in done if r.finish_reason == "error"]
    if summary is not None:
        print_json({**summary, "answers": len(done), "stopped": stopped, "errors": len(failed)})
    else:
        typer.echo(f"{_count(len(done), 'answer')} in {out}: {stopped:,} stopped by themselves, {len(failed):,} failed")
        for line in _odd(done):
            typer.echo(line, err=True)
    if not failed:
        return
    first = f"{failed[0].example_id}: {failed[0].error}"
    if len(failed) == len(done):
        raise HeedfulError(f"no question could be answered (the first, {first}); mend that and add --resume")
    typer.echo(f"the first that failed, {first}; the same command with --resume asks again", err=True)


def _odd(done: Sequence[Response]) -> Iterator[str]:
    """What is odd about answers that did not fail, and what to do."""
    cut = sum(r.finish_reason == "length" for r in done)
    if cut:
        yield f"{_count(cut, 'answer')} cut off at the limit: raise --max-new-tokens"
    empty = sum(not r.text.strip() and r.finish_reason != "error" for r in done)
    if empty:
        yield f"{_count(empty, 'answer')} without any text"
    thought = sum(r.text.lstrip().startswith("<think>") for r in done)
    if thought:
        yield (
            f"{_count(thought, 'answer')} with thoughts in the text (<think>), which metrics and judges would read:\n"
            "  have the server take them out (vLLM: --reasoning-parser)"
        )
