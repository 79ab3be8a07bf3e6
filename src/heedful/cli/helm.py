"""heedful helm M [M...] --scenario T: the whole picture of models, scenarios by metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heedful.backends.server_options import ServerOptions
from heedful.cli.output import check_seed, print_json
from heedful.cli.server import USUAL, asks_servers, check_server
from heedful.errors import Interrupted, RequestError, did_you_mean

if TYPE_CHECKING:
    from heedful.helm.folder import HelmFolder
    from heedful.helm.run import Helm
    from heedful.helm.scenarios import Scenario

PRECISIONS = ("auto", "fp32", "bf16")


@asks_servers
def helm(
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL...]", help="hf:, gguf:, pip:, run:DIR, openai:NAME@URL or scripted:FILE."),
    ] = None,
    scenario: Annotated[
        list[str] | None,
        typer.Option(metavar="T[,T...]", help="A task of heedful bench, or prompts; see --list."),
    ] = None,
    prompts: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Your own beginnings, one a line (.txt, or .jsonl with prompt).")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where results go, a folder for each model.")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The owners' files; without it the hub is asked.")
    ] = None,
    perturbation: Annotated[
        list[str] | None, typer.Option(metavar="NAME[,NAME...]", help="Ask again so: names, all, or none; see --list.")
    ] = None,
    shots: Annotated[int | None, typer.Option(metavar="N", min=0, help="Examples before each question.")] = None,
    template: Annotated[
        str, typer.Option(metavar="NAME", help="none for plain text; auto, model or a chat template's name.")
    ] = "none",
    watts: Annotated[
        float | None,
        typer.Option(metavar="W", min=0, help="What the machine draws; else the processor's is estimated."),
    ] = None,
    list_scenarios: Annotated[
        bool, typer.Option("--list", help="Columns, perturbations and scenarios, found or not.")
    ] = False,
    batch_size: Annotated[int, typer.Option(metavar="N", min=1, help="Answers written side by side.")] = 64,
    precision: Annotated[str, typer.Option(metavar="NAME", help="auto, fp32 or bf16.")] = "auto",
    device: Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda, mps.")] = "auto",
    server: ServerOptions = USUAL,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of drawn examples and of perturbations.")] = 0,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="The first so many items of each part.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a folder, or let it grow.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many requests, and ask nothing.")] = False,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Let the model's repository run its own code.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print helm.json on stdout.")] = False,
) -> None:
    """The whole picture: is it right, does it know when, does it stay right, and what does it say of people?"""
    from heedful.bench import How
    from heedful.cli.helm_plan import helm_list, tell_plan
    from heedful.helm.run import Helm
    from heedful.helm.scenarios import name_perturbations, name_scenarios, prepare_scenario
    from heedful.tasks import Plan

    check_seed(seed)
    if precision not in PRECISIONS:
        near = did_you_mean(precision, PRECISIONS)
        raise RequestError(f"--precision '{precision}'{near}: choose {' or '.join(PRECISIONS)}")
    if list_scenarios:
        helm_list(data_dir, as_json)
        return
    names = _named(models or ())
    check_server(server, names)
    named = name_scenarios(scenario or (), prompts)
    perturbations = name_perturbations(perturbation or ())
    folder = _folder(out, names, resume, dry_run)
    plan = Plan(shots=shots, seed=seed, limit=limit)
    scenarios = [prepare_scenario(n, plan, data_dir, perturbations) for n in named]
    asked = Helm(tuple(names), How(template, False, batch_size), seed, shots, limit, perturbations, watts)
    if dry_run:
        tell_plan(asked, scenarios, as_json)
        return

    def load(name: str, say: Callable[[str], None]) -> Callable[[], Any]:
        from heedful.backends.by_name import open_backend

        return open_backend(
            name,
            template="auto" if template == "none" else template,
            precision=precision,
            device=device,
            trust_remote_code=trust_remote_code,
            say=say,
            server=server,
            scoring=True,
        )

    results = _run(asked, scenarios, load, folder)
    if as_json:
        print_json(results)
        return
    from heedful.cli.helm_table import helm_lines
    from heedful.errors import printable

    for line in helm_lines(results):
        typer.echo(printable(line))
    typer.echo(f"written: {printable(str(folder.results))}, {folder.page.name}, and a folder for each model")


def _named(models: Sequence[str]) -> list[str]:
    """The models; RequestError for none, one of no known form, or one that is named twice."""
    from heedful.models.names import parse_model_name

    if not models:
        raise RequestError("no model was named; write heedful helm MODEL [MODEL...] --scenario T, or --list")
    for name, count in Counter(str(parse_model_name(m)) for m in models).items():
        if count > 1:
            raise RequestError(
                f"{name} is named {count} times, and a model differs in nothing from itself; name it once"
            )
    return list(models)


def _folder(out: Path | None, models: Sequence[str], resume: bool, dry_run: bool) -> HelmFolder:
    from heedful.helm.folder import HelmFolder

    if out is None and not dry_run:
        raise RequestError("--out: name a folder for the results, such as --out helm")
    if out is not None and str(out) in ("", "."):
        raise RequestError(f"--out '{out}': name a folder of its own for the results, such as helm")
    folder = HelmFolder(out or "helm")
    if out is not None:
        folder.check(models, resume or dry_run)
    return folder


def _run(
    asked: Helm,
    scenarios: Sequence[Scenario],
    load: Callable[[str, Callable[[str], None]], Callable[[], Any]],
    folder: HelmFolder,
) -> dict[str, Any]:
    """All names are checked before the first model is loaded."""
    from heedful.cli.live import Live
    from heedful.helm.run import run_helm

    view = Live(thing="request")
    kept: list[Any] = []

    def keep(open_model: Callable[[], Any]) -> Any:
        backend = open_model()
        if getattr(backend, "spent", None) is not None:  # of a server, to say afterwards what it took
            kept.append(backend)
        return backend

    try:
        loads = {name: load(name, view.say) for name in asked.models}
        return run_helm(asked, scenarios, {n: lambda o=o: keep(o) for n, o in loads.items()}, folder, view)
    except KeyboardInterrupt:
        raise Interrupted("stopped; every answer so far is kept: add --resume to go on") from None
    finally:
        view.close()
        for backend in kept:
            typer.echo(str(backend.spent), err=True)
