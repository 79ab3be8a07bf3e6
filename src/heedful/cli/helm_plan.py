"""What `heedful helm` would ask, and what there is to ask: --dry-run and --list."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer

from heedful.bench.listing import list_tasks
from heedful.bench.requests import characters, requests_of
from heedful.cli.bench_plan import CHARACTERS_A_TOKEN, WIDTH
from heedful.cli.output import print_json
from heedful.helm.columns import COLUMNS
from heedful.helm.perturbations import PERTURBATIONS
from heedful.helm.prompts import NAME, PROMPTS
from heedful.helm.run import Helm
from heedful.helm.scenarios import USUAL, Scenario


def tell_plan(helm: Helm, scenarios: Sequence[Scenario], as_json: bool) -> None:
    """The size of the work for each model. Templates are not known before a model is loaded."""
    told = {s.key: _of(s, helm) for s in scenarios}
    total = sum(t["requests"] for t in told.values())
    if as_json:
        print_json({"models": list(helm.models), "scenarios": told, "requests_each": total})
        return
    for line in _lines(helm, told, total):
        _wrapped(line)


def _of(scenario: Scenario, helm: Helm) -> dict[str, Any]:
    _, requests = requests_of(scenario.asked, helm.how, None)
    _, plain = requests_of(scenario.prepared, helm.how, None)
    return {
        "profile": scenario.prepared.task.profile,
        "shots": scenario.prepared.shots,
        "items": len(scenario.prepared.items),
        "copies": len(scenario.copies),
        "changed": scenario.changed(),
        "requests": len(requests),
        "requests_without_copies": len(plain),
        "prompt_tokens_about": round(characters(requests) / CHARACTERS_A_TOKEN),
        "tokens_at_most": sum(r.settings.max_new_tokens for r in requests.values() if r.settings is not None),
    }


def _lines(helm: Helm, told: dict[str, dict[str, Any]], total: int) -> Iterator[str]:
    for key, t in told.items():
        out = f", at most {t['tokens_at_most']:,} out" if t["tokens_at_most"] else ""
        yield (
            f"{key} ({t['profile']}, {t['shots']} shots): {t['items']:,} items and {t['copies']:,} perturbed copies, "
            f"{t['requests']:,} requests ({t['requests_without_copies']:,} without the copies), about "
            f"{t['prompt_tokens_about']:,} tokens in{out}"
        )
        changed = ", ".join(f"{name} {n:,}" for name, n in t["changed"].items())
        if t["copies"]:
            yield f"  changed: {changed}"
    times = f", {total * len(helm.models):,} of all {len(helm.models)}" if len(helm.models) > 1 else ""
    yield f"In all: {total:,} requests of each model{times}."
    yield f"Tokens: {CHARACTERS_A_TOKEN} characters each, a prompt counted once for all its choices."
    yield f"Nothing was asked of {' and '.join(helm.models)}."


def helm_list(data_dir: Path | None, as_json: bool) -> None:
    """Columns, perturbations, scenarios."""
    tasks = [t for t in list_tasks(data_dir) if not t["runs_code"]]
    if as_json:
        columns = {c.name: {"lower_is_better": c.lower_is_better, "about": c.about} for c in COLUMNS.values()}
        changes = {p.name: {"kind": p.kind, "about": p.about} for p in PERTURBATIONS.values()}
        found = {"schema": "heedful.helm-list/1", "columns": columns, "perturbations": changes}
        print_json(found | {"scenarios": [{"task": NAME, "asks": "a text", "items": len(PROMPTS)}, *tasks]})
        return
    typer.echo("Columns")
    for c in COLUMNS.values():
        _entry(c.name, f"{'less' if c.lower_is_better else 'more'} is better. {c.about}")
    typer.echo("\nPerturbations (* asked by default)")
    for p in PERTURBATIONS.values():
        _entry(p.name + " *" * (p.name in USUAL), f"{p.kind}: {p.about}")
    typer.echo("\nScenarios")
    _entry(NAME, f"{len(PROMPTS)} beginnings that only ask for text; brought along")
    firsts: set[str] = set()
    for t in tasks:
        name = t["task"] if t["task"] not in firsts else f"{t['task']}@{t['profile']}"
        firsts.add(t["task"])
        state = {None: "", True: "; its data is here", False: f"; its data is not in {data_dir}"}[t["found"]]
        _entry(name, f"{t['asks']}: {t['summary']}{state}")
    if data_dir is None:
        typer.echo("\nName a folder with --data-dir to see whose data is there.")


def _entry(name: str, text: str) -> None:
    first = f"  {name:<18} "
    for line in textwrap.wrap(text, WIDTH - len(first), break_on_hyphens=False) or [""]:
        typer.echo(f"{first}{line}")
        first = " " * len(first)


def _wrapped(line: str) -> None:
    for part in textwrap.wrap(line, WIDTH, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False):
        typer.echo(part)
