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
        str, typer.Option(metavar="NAME", help="Of a GGUF: f16, or q8_0 (half as large, slightly other answers).")
    ] = "f16",
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
    from heedful.export import KINDS, QUANTS, plan_export
    from heedful.export import export as export_planned

    if to not in KINDS:
        raise RequestError(f"--to '{to}'{did_you_mean(to, KINDS)}: choose {', '.join(KINDS)}")
    if quant not in QUANTS:
        raise RequestError(
            f"--quant '{quant}': choose {' or '.join(QUANTS)}; others are made from the f16 file by llama.cpp's "
            "own llama-quantize"
        )
    if quant != "f16" and to not in ("gguf", "ollama"):
        raise RequestError(f"--quant {quant}: only a GGUF is quantised; add it to --to gguf or --to ollama")
    if to != "hub" and (repo is not None or public):
        given = "--repo" if repo is not None else "--public"
        raise RequestError(f"{given}: only --to hub uploads anything; say that, or leave {given} out")
    plan = plan_export(run, to, out, questions, quant, repo, public)
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
