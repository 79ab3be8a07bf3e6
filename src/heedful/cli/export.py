"""heedful export RUN --to hf|adapter|gguf|ollama|hub --out DIR: take the model along, compared first."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from heedful.cli.output import print_json
from heedful.errors import RequestError, did_you_mean


def export(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A folder that heedful train wrote.")],
    to: Annotated[
        str,
        typer.Option(
            metavar="FORM",
            help="hf (transformers, vLLM), adapter (LoRA alone), gguf (llama.cpp), ollama (with a Modelfile) or hub "
            "(as hf, then uploaded).",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="A folder that is not there yet.")],
    quant: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Of a GGUF: f16, q8_0 (half as large), or by llama.cpp q6_k, q5_k_m, q5_k_s, q4_k_m, q4_k_s, "
            "q4_0, q3_k_m.",
        ),
    ] = "f16",
    llama_python: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A Python that has llama-cpp-python, which then compares a GGUF."),
    ] = None,
    llama_quantize: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="llama.cpp's program; by default the one on PATH, else llama-cpp-python."),
    ] = None,
    repo: Annotated[
        str | None, typer.Option(metavar="OWNER/NAME", help="Of --to hub: a repository that is not there yet.")
    ] = None,
    public: Annotated[
        bool, typer.Option("--public", help="Of --to hub: everybody may see it; without this it is private.")
    ] = False,
    questions: Annotated[
        int, typer.Option(metavar="N", min=1, max=1000, help="Test questions on which the copy is compared.")
    ] = 8,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything that needs no model, and write nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was exported as one JSON document.")] = False,
) -> None:
    """Export a run's model for other programs; the copy is loaded again and must answer as the model does."""
    from heedful.export import export as export_planned
    from heedful.export import plan_export

    _check(to, quant, repo, public, llama_python, llama_quantize)
    plan = plan_export(run, to, out, questions, quant, repo, public, llama_python, llama_quantize)
    if dry_run:
        if as_json:
            print_json({"run": plan.source.name, "to": to, "out": str(out), "bytes_at_most": plan.needed, "repo": repo})
        else:
            where = f", then to {repo} ({'public' if public else 'private'})" if repo else ""
            size = f"{plan.needed / 2**20:,.1f} MiB at most"
            typer.echo(f"{plan.source.name} would go to {out} ({to}, {size}){where}; nothing is written or sent")
        return
    done = export_planned(plan, say=lambda line: typer.echo(line, err=True))
    if as_json:
        print_json(done.to_json())
        return
    for name, facts in done.files.items():
        typer.echo(f"{facts['bytes'] / 2**20:9.1f} MiB  {name}")
    for note in done.notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(f"exported: {out}" + (f"; uploaded: {done.url}" if done.url else ""))


def _check(
    to: str, quant: str, repo: str | None, public: bool, llama_python: str | None, llama_quantize: str | None
) -> None:
    """RequestError for options that are unknown or do not go together."""
    from heedful.export import BY_LLAMA_CPP, GGUF_KINDS, KINDS, QUANTS

    if to not in KINDS:
        raise RequestError(f"--to '{to}'{did_you_mean(to, KINDS)}: choose {', '.join(KINDS)}")
    quants = (*QUANTS, *BY_LLAMA_CPP)
    if quant not in quants:
        raise RequestError(f"--quant '{quant}'{did_you_mean(quant.lower(), quants)}: choose {', '.join(quants)}")
    of_a_gguf = {"--quant": quant != "f16", "--llama-python": llama_python, "--llama-quantize": llama_quantize}
    if to not in GGUF_KINDS and (given := next((name for name, value in of_a_gguf.items() if value), None)):
        raise RequestError(f"{given}: is for a GGUF; add it to --to gguf or --to ollama, or leave it out")
    if llama_quantize is not None and quant not in BY_LLAMA_CPP:
        raise RequestError(f"--llama-quantize: {quant} is made without it; name another --quant, or leave it out")
    if to != "hub" and (repo is not None or public):
        given = "--repo" if repo is not None else "--public"
        raise RequestError(f"{given}: only --to hub uploads anything; say that, or leave {given} out")
