"""heedful respond M --data F --out responses.jsonl: a model's answers to the questions of a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heedful.errors import RequestError

if TYPE_CHECKING:
    from heedful.backends.base import Backend
    from heedful.cli.live import Live


def respond(
    model: Annotated[str, typer.Argument(help="hf:, gguf:, pip:, run:DIR (also @base, @step=N) or scripted:FILE.")],
    data: Annotated[list[str], typer.Option(help="A file with questions; answers in it are kept as references.")],
    out: Annotated[str, typer.Option(help="Where the answers go, a line each; a file that was begun is gone on with.")],
    template: Annotated[str, typer.Option(help="A template; by default the model's own, else alpaca.")] = "auto",
    max_new_tokens: Annotated[int, typer.Option(min=1, help="New tokens an answer, at most.")] = 128,
    temperature: Annotated[float, typer.Option(min=0, help="0 takes the most likely token each time.")] = 0.0,
    top_p: Annotated[
        float, typer.Option(min=0.01, max=1, help="Sample among the likeliest tokens of this total probability.")
    ] = 1.0,
    batch_size: Annotated[int, typer.Option(min=1, help="Questions answered side by side.")] = 16,
    precision: Annotated[str, typer.Option(help="auto, fp32 or bf16.")] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps.")] = "auto",
    seed: Annotated[int, typer.Option(help="Seed of sampling.")] = 0,
    limit: Annotated[int | None, typer.Option(min=1, help="Answer the first so many rows.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a file of answers that was begun.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check everything but answer nothing.")] = False,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Let the model's repository run its own code.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as one JSON document.")] = False,
) -> None:
    """Answer the questions of a file, greedily unless told otherwise, in batches of rows of like length."""
    from heedful.backends.base import GenerationSettings
    from heedful.cli.live import Live
    from heedful.data import load_examples
    from heedful.responses import respond_to_file

    if precision not in ("auto", "fp32", "bf16"):
        raise RequestError(f"--precision '{precision}': choose auto, fp32 or bf16")
    if Path(out).is_dir():
        raise RequestError(f"{out}: is a folder; name a file for the answers")
    if Path(out).exists() and not resume:
        raise RequestError(f"{out}: exists; add --resume to go on with it, or choose another --out")
    examples, ledger = load_examples(data, limit=limit, answers=False)
    settings = GenerationSettings(max_new_tokens, temperature, top_p, seed, batch_size)
    for drop in ledger.drops[:5]:
        typer.echo(f"{drop.source}: left out: {drop.sentence}", err=True)
    if dry_run:
        typer.echo(f"{len(examples):,} questions would be answered by {model} into {out}")
        return
    view = Live()
    try:
        backend = _backend(model, template, precision, device, trust_remote_code, view)
        view.phase("answers", f"Answering {len(examples):,} questions")
        done = respond_to_file(out, backend, examples, settings, model, view.advance)
    finally:
        view.close()
    stopped = sum(r.finish_reason == "stop" for r in done)
    failed = sum(r.finish_reason == "error" for r in done)
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "out": out,
                    "model": model,
                    "answers": len(done),
                    "stopped": stopped,
                    "errors": failed,
                    "settings": settings.hash,
                }
            )
        )
    else:
        typer.echo(f"{len(done):,} answers in {out}: {stopped:,} stopped by themselves, {failed:,} failed")


def _backend(model: str, template: str, precision: str, device: str, trust: bool, view: Live) -> Backend:
    from heedful.models.names import parse_model_name

    parsed = parse_model_name(model)
    if parsed.kind == "scripted":
        from heedful.backends.scripted import ScriptedBackend

        return ScriptedBackend(parsed.target)
    if parsed.kind == "openai":
        raise RequestError(
            f"model '{model}': models behind a server are not built yet; name one with hf:, gguf:, pip: or run:"
        )
    from heedful.backends.load import local_backend

    return local_backend(model, template, precision, device, trust, view.say)
