"""heedful bench M --task T --out DIR: benchmarks, by their owners' rules, with errors and every answer kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heedful.backends.server_options import ServerOptions
from heedful.cli.output import FILES, check_seed, print_json
from heedful.cli.server import USUAL, asks_servers, check_server
from heedful.errors import Interrupted, RequestError, did_you_mean

if TYPE_CHECKING:
    from heedful.bench import Bench, Prepared
    from heedful.cli.bench_plan import Target

FORMATS = ("heedful", "lm-eval")
PRECISIONS = ("auto", "fp32", "bf16")


@asks_servers
def bench(
    model: Annotated[
        str | None,
        typer.Argument(metavar="[MODEL]", help="hf:, gguf:, pip:, run:DIR, openai:NAME@URL or scripted:FILE."),
    ] = None,
    task: Annotated[
        list[str] | None,
        typer.Option(metavar="T[,T...]", help="name[@profile][:subset], FILE.py, lm-eval:NAME; see --list."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where results go; by default RUN/bench, before and after tuning."),
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The owners' files; without it the hub is asked.")
    ] = None,
    registry: Annotated[
        Path | None, typer.Option(metavar="DIR", help="For evals:NAME: a registry of OpenAI Evals.")
    ] = None,
    judge: Annotated[
        str | None, typer.Option(metavar="M", help="For evals:NAME: the model that grades; else the model itself.")
    ] = None,
    completion_fn: Annotated[
        str | None,
        typer.Option(
            "--completion-fn", metavar="NAME", help="For evals:NAME: a function of the registry, such as cot."
        ),
    ] = None,
    split: Annotated[
        str, typer.Option(metavar="NAME", help="Another split than the task's own, where it has a choice.")
    ] = "",
    shots: Annotated[int | None, typer.Option(metavar="N", min=0, help="Examples before each question.")] = None,
    template: Annotated[
        str, typer.Option(metavar="NAME", help="none for plain text; auto, model or a chat template's name.")
    ] = "none",
    multiturn: Annotated[
        bool, typer.Option("--multiturn", help="With a template: each example is a turn of its own.")
    ] = False,
    training_data: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help=f"Rows to look for the items in. {FILES}")
    ] = None,
    allow_code_execution: Annotated[
        bool, typer.Option("--allow-code-execution", help="Let tasks run, in a sandbox, what the model wrote.")
    ] = False,
    format: Annotated[
        str, typer.Option(metavar="NAME", help="heedful, or lm-eval for its readers' files, too.")
    ] = "heedful",
    submission: Annotated[
        bool, typer.Option("--submission", help="Write the files that leaderboards take, too.")
    ] = False,
    list_tasks: Annotated[
        bool, typer.Option("--list", help="Every task: what it needs, where it looked, found or not.")
    ] = False,
    batch_size: Annotated[int, typer.Option(metavar="N", min=1, help="Answers written side by side.")] = 64,
    precision: Annotated[str, typer.Option(metavar="NAME", help="auto, fp32 or bf16.")] = "auto",
    device: Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda, mps.")] = "auto",
    server: ServerOptions = USUAL,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of drawn examples and of sampled answers.")] = 0,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="The first so many items of each part.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a folder, or add tasks to it.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many requests, and ask nothing.")] = False,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Let the model's repository run its own code.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print results.json on stdout.")] = False,
) -> None:
    """Put benchmarks to a model by their owners' rules, and keep every answer with its score."""
    from heedful.bench import Bench, How
    from heedful.bench.harness import harness_tasks
    from heedful.bench.tasks import name_tasks
    from heedful.cli.bench_evals import Asked, bench_evals, evals_named, refuse_others
    from heedful.cli.bench_plan import check_submission, check_targets, read_tasks, targets_of, tell_plan

    check_seed(seed)
    for option, given, known in (("--format", format, FORMATS), ("--precision", precision, PRECISIONS)):
        if given not in known:
            raise RequestError(f"{option} '{given}'{did_you_mean(given, known)}: choose {' or '.join(known)}")
    if list_tasks:
        _list(data_dir, as_json)
        return
    if model is None:
        raise RequestError("no model was named; write heedful bench MODEL --task T, or --list to see the tasks")
    if multiturn and template == "none":
        raise RequestError("--multiturn: is for a chat template; add --template auto, or leave it out")
    check_server(server, [m for m in (model, judge) if m])

    def load(name: str, say: Callable[[str], None], chat: str = template) -> Callable[[], Any]:
        from heedful.backends.by_name import open_backend

        return open_backend(
            name,
            template="auto" if chat == "none" else chat,
            precision=precision,
            device=device,
            trust_remote_code=trust_remote_code,
            say=say,
            server=server,
            scoring=True,
        )

    if evals := evals_named(task or (), registry, judge, completion_fn):
        given = {
            "--split": split,
            "--training-data": training_data,
            "--submission": submission,
            "--multiturn": multiturn,
        }
        refuse_others(given | {"--format lm-eval": format != "heedful"})
        targets = targets_of(model, out)
        check_targets(targets, resume or dry_run)
        asked = Asked(
            registry, judge, completion_fn, data_dir, template, batch_size, shots, seed, limit, dry_run, as_json
        )
        bench_evals(evals, asked, targets, load)
        return
    harness, others = harness_tasks(task or (), data_dir)
    named = name_tasks(others) if others or not harness else []
    targets = targets_of(model, out)
    check_targets(targets, resume or dry_run)
    prepared, training = read_tasks(
        named, data_dir, split, shots, seed, limit, targets, training_data or (), allow_code_execution
    )
    if submission:
        check_submission(prepared, [h.key for h in harness])
    how = How(template, multiturn, batch_size)
    if dry_run:
        tell_plan(prepared, how, targets, as_json)
        for one in harness:
            typer.echo(f"{one.key}: its items are read by lm-evaluation-harness when it runs", err=True)
        return
    files = format == "lm-eval"
    plans = [Bench(t.model, how, seed, shots, limit, training, submission, tuple(harness), files) for t in targets]
    done = _run(plans, prepared, load, targets)
    _tell(done, prepared, [h.key for h in harness], targets, format, as_json)


def _run(
    plans: list[Bench], prepared: list[Prepared], load: Callable[..., Callable[[], Any]], targets: list[Target]
) -> list[dict[str, Any]]:
    """One model after the other; all names are checked before the first is loaded."""
    from heedful.bench import run_bench
    from heedful.cli.live import Live

    view = Live(thing="request")
    kept: list[Any] = []
    try:
        loads = [load(plan.model, view.say) for plan in plans]
        out = []
        for plan, open_model, target in zip(plans, loads, targets, strict=True):
            out.append(run_bench(plan, prepared, lambda o=open_model: _keep(kept, o()), target.folder, view))
            del kept[:-1]
        return out
    except KeyboardInterrupt:
        raise Interrupted("stopped; every answer so far is kept: add --resume to go on") from None
    finally:
        view.close()
        spent = next((found for b in kept if (found := getattr(b, "spent", None)) is not None), None)
        if spent is not None:
            typer.echo(str(spent), err=True)


def _keep(kept: list[Any], backend: Any) -> Any:
    """Remember what was loaded, to ask it afterwards what it took."""
    kept.append(backend)
    return backend


def _tell(
    done: list[dict[str, Any]],
    prepared: list[Prepared],
    harness: list[str],
    targets: list[Target],
    format: str,
    as_json: bool,
) -> None:
    """Tables, further files, and, of a run, the comparison and the report."""
    from heedful.cli.bench_table import bench_lines

    if format == "lm-eval":
        from heedful.bench.lm_eval import write_lm_eval

        for results, target in zip(done, targets, strict=True):
            where = write_lm_eval(target.folder, results, prepared) if prepared else target.folder.path / "lm-eval"
            typer.echo(f"written: {where}", err=True)
    keys = [*(p.key for p in prepared), *harness]
    if as_json:
        print_json(done[0] if len(done) == 1 else {t.which: results for t, results in zip(targets, done, strict=True)})
    else:
        for number, (results, target) in enumerate(zip(done, targets, strict=True)):
            for line in [*([""] if number else []), *bench_lines(results, keys, target.folder)]:
                typer.echo(line)
    if len(targets) == 2:
        from heedful.cli.bench_sides import compare_sides

        compare_sides(targets, as_json)


def _list(data_dir: Path | None, as_json: bool) -> None:
    from heedful.bench.listing import list_tasks, listing_lines

    found = list_tasks(data_dir)
    if as_json:
        print_json({"schema": "heedful.tasks/1", "tasks": found})
        return
    for line in listing_lines(found, data_dir):
        typer.echo(line)
