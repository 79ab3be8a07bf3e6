"""heedful convert CONFIG: a configuration of Axolotl, LLaMA-Factory or TRL as a recipe."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Annotated

import typer

from heedful.cli.output import print_json
from heedful.errors import RequestError, did_you_mean, printable


def convert(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="A YAML or JSON file of one of the three.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where the recipe goes, a new file; without it, to stdout.")
    ] = None,
    program: Annotated[
        str | None,
        typer.Option("--from", metavar="NAME", help="axolotl, llama-factory or trl; by default told by the keys."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the recipe and what became of each field as one JSON document.")
    ] = False,
) -> None:
    """Make a recipe of another program's configuration, and name each field that could not be carried over."""
    from heedful.convert import PROGRAMS, convert_file, recipe_text
    from heedful.store import write_text

    if program is not None and program not in PROGRAMS:
        raise RequestError(f"--from '{program}'{did_you_mean(program, PROGRAMS)}: choose {', '.join(PROGRAMS)}")
    if out is not None and (out.exists() or out.is_symlink()):
        raise RequestError(f"--out {out}: it is there already; choose another file, or take it away yourself")
    found = convert_file(config, program)
    if out is not None:
        write_text(out, recipe_text(found))
    if as_json:
        print_json(found.to_json())
    elif out is None:
        typer.echo(printable(recipe_text(found)), nl=False)
    told = [f"{found.program}: {config.name}"]
    for kind, words in (("changed", "carried over, with another meaning"), ("left", "left")):
        told += [f"  {words}: {x.theirs}: {x.note}" for x in found.of(kind)]
    told += [f"  note: {w}" for w in found.warnings]
    counts = {kind: len(found.of(kind)) for kind in ("carried", "changed", "needless", "left")}
    told.append(
        f"{counts['carried']} fields carried over, {counts['changed']} with another meaning, "
        f"{counts['needless']} not needed, {counts['left']} left" + (f"; written: {out}" if out else "")
    )
    typer.echo(printable("\n".join(line for text in told for line in _wrapped(text))), err=True)


def _wrapped(text: str) -> list[str]:
    """A line as lines of at most 80 columns, what goes on further in."""
    return textwrap.wrap(text, 80, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
