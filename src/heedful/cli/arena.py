"""heedful arena M M [M...]: a page on which people compare models blind, and a leaderboard."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heedful.backends.server_options import ServerOptions
from heedful.cli.output import check_seed, print_json, show_address
from heedful.cli.server import ApiKeyEnv, ServerField, Timeout, check_server, server_fields
from heedful.errors import RequestError, did_you_mean, printable

if TYPE_CHECKING:
    from heedful.arena.arena import Setup
    from heedful.arena.entrants import Entrants
    from heedful.arena.journal import Journal
    from heedful.arena.saved import Saved

PORT = 8708
_LABEL = re.compile(r"([\w.\-]{1,60})=(.+)", re.DOTALL)


def arena(
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME=]MODEL", help="Two models or more; NAME= names one for the page and the votes."),
    ] = None,
    answers: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Saved answers in place of models.")
    ] = None,
    votes: Annotated[Path, typer.Option(metavar="FILE", help="The SQLite file with the votes.")] = Path("arena.sqlite"),
    export: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the votes as .jsonl, .json or .csv, and end.")
    ] = None,
    conversations: Annotated[
        bool, typer.Option("--conversations", help="With --export: what was asked and said, too.")
    ] = False,
    all_votes: Annotated[
        bool, typer.Option("--all-votes", help="With --export: also where a model named itself.")
    ] = False,
    import_: Annotated[
        Path | None, typer.Option("--import", metavar="FILE", help="Add votes of the published form, and end.")
    ] = None,
    pairs: Annotated[
        str, typer.Option(metavar="NAME", help="learn: the pair whose vote tells most; random: any.")
    ] = "learn",
    system: Annotated[str | None, typer.Option(metavar="TEXT", help="A system prompt for all models.")] = None,
    max_new_tokens: Annotated[int, typer.Option(metavar="N", help="New tokens an answer, at most.")] = 512,
    temperature: Annotated[float, typer.Option(metavar="T", help="0 takes the most likely token each time.")] = 0.7,
    top_p: Annotated[
        float, typer.Option(metavar="P", help="Sample among the likeliest tokens of this total probability.")
    ] = 1.0,
    in_memory: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Models kept in memory at once; by default all.")
    ] = None,
    precision: Annotated[str, typer.Option(metavar="NAME", help="auto, fp32 or bf16.")] = "auto",
    device: Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda, mps.")] = "auto",
    timeout: Timeout = 300,
    api_key_env: ApiKeyEnv = None,
    server_field: ServerField = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen; any but this machine's own needs a token.")
    ] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(metavar="N", min=0, max=65535, help=f"By default {PORT}, or a free one.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Draws pairs, sides and the seeds of answers; by default anew.")
    ] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Let a model's repository run its own code.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what happened as one JSON document.")] = False,
) -> None:
    """Compare models blind on a page: two hidden answers, a vote, the names, a leaderboard."""
    from heedful.arena.journal import Journal
    from heedful.arena.ledger import FORM

    if seed is not None:
        check_seed(seed)
    _check_jobs(models, answers, export, import_, conversations or all_votes, pairs)
    if import_ and not import_.is_file():
        raise RequestError(f"--import {import_}: no such file")
    if export and not votes.exists():
        raise RequestError(f"{votes}: no votes are kept there; name the file with --votes")
    if export or import_:
        journal = Journal(votes, FORM)
        try:
            if import_:
                _import(journal, import_, as_json)
            elif export:
                _export(journal, export, conversations, all_votes, as_json)
        finally:
            journal.close()
        return
    from heedful.arena.arena import Setup
    from heedful.backends.base import GenerationSettings

    settings = GenerationSettings(max_new_tokens, temperature, top_p, server_fields=server_fields(server_field))
    named = _named(models or [])
    source: Saved | Entrants
    if answers:
        source = _saved(answers)
    else:
        server = ServerOptions(timeout=timeout, api_key_env=api_key_env)
        check_server(server, [*named.values()])
        options = {"precision": precision, "device": device, "trust_remote_code": trust_remote_code, "server": server}
        source = _entrants(named, settings, options, in_memory)
    setup = Setup(settings, system, pairs, seed, named)
    journal = Journal(votes, FORM)
    try:
        _serve(journal, source, setup, host, port, as_json)
        _tell_end(journal, as_json)
    finally:
        journal.close()


def _check_jobs(
    models: list[str] | None,
    answers: list[Path] | None,
    export: Path | None,
    import_: Path | None,
    more: bool,
    pairs: str,
) -> None:
    from heedful.arena.pairs import KINDS

    if pairs not in KINDS:
        raise RequestError(f"--pairs '{pairs}'{did_you_mean(pairs, KINDS)}: choose {' or '.join(KINDS)}")
    if more and not export:
        raise RequestError("--conversations and --all-votes say what --export writes; name a file with --export")
    if export or import_:
        if export and import_:
            raise RequestError("--export and --import are two jobs; ask for one at a time")
        if models or answers:
            raise RequestError("--export and --import work on the file of votes alone; leave the models out")
        return
    if models and answers:
        raise RequestError("models are asked, or answers are read; leave out one of the two")
    if not answers and len(models or []) < 2:
        raise RequestError(
            f"{'one model' if models else 'no model'}: an arena needs two; name another, such as "
            "run:my-run and run:my-run@base, or saved answers with --answers"
        )


def _named(models: list[str]) -> dict[str, str]:
    """The models by the names that the votes give them."""
    out: dict[str, str] = {}
    for text in models:
        found = _LABEL.fullmatch(text)
        name, model = (found[1], found[2]) if found else (text, text)
        if name in out:
            raise RequestError(f"{name}: is named twice; give one another name, such as second={model}")
        if len(name) > 200 or not name.isprintable():
            raise RequestError(f"{printable(name[:60])}: this name is too long or cannot be printed; write NAME=MODEL")
        out[name] = model
    return out


def _saved(answers: list[Path]) -> Saved:
    from heedful.arena.saved import read_saved

    found = read_saved(answers)
    if found.failed:
        typer.echo(f"{found.failed:,} answers are not shown, since their requests had failed", err=True)
    return found


def _entrants(named: dict[str, str], settings: Any, options: dict[str, Any], keep: int | None) -> Entrants:
    """Everything that can be checked without weights is checked now; weights are loaded when first asked for."""
    from heedful.arena.entrants import Entrants
    from heedful.backends.by_name import open_backend
    from heedful.backends.speaking import Speaker, speaker_of
    from heedful.models.names import parse_model_name

    def opener(name: str, model: str) -> Callable[[], Speaker]:
        def say(text: str) -> None:
            typer.echo(f"{name}: {text}", err=True)

        ours = parse_model_name(model).kind not in ("openai", "scripted")
        own = options if ours else {"server": options["server"]}
        backend = open_backend(model, settings=settings, say=say, **own)
        return lambda: speaker_of(backend(), size=8, waiting=120)

    return Entrants({name: opener(name, model) for name, model in named.items()}, keep)


def _serve(
    journal: Journal, source: Entrants | Saved, setup: Setup, host: str, port: int | None, as_json: bool
) -> None:
    """Serve the pages until Ctrl-C. The address goes to stdout, or to stderr where a JSON document goes there."""
    from heedful.arena.app import arena_app
    from heedful.arena.arena import Arena
    from heedful.web.limits import Buckets
    from heedful.web.server import Address, choose_token, is_loopback, listen, rules_for, serve

    token = choose_token(host)
    ears = listen(host, PORT if port is None else port, fallback=port is None)
    with ears:
        address = Address(host, ears.getsockname()[1], token)
        # Everybody behind a tunnel has one address; who asks too much is told by their browser's secret, too.
        rules = rules_for(address, requests=Buckets(rate=1000, burst=2000))
        found = Arena(journal, source, setup)

        def ready() -> None:
            what = f"{len(found.saved.questions):,} questions with saved answers of " if found.saved else ""
            typer.echo(f"{what}{len(found.models):,} models; votes in {journal.path}", err=True)
            if not is_loopback(host):
                typer.echo("not encrypted: whoever can read this network's traffic can read the pages", err=True)
            show_address(address.url, not is_loopback(host), err=as_json)

        try:
            serve(arena_app(found, f"heedful-arena-{address.port}"), ears, rules, ready)
        finally:
            found.close()


def _tell_end(journal: Journal, as_json: bool) -> None:
    from heedful.arena import ledger

    with journal.reading() as db:
        counts = ledger.counts(db)
    if as_json:
        kinds = {"counted": counts.hidden, "gave_away": counts.gave_away, "named": counts.named}
        print_json({"votes": str(journal.path), "all": counts.votes, **kinds, "imported": counts.imported})
        return
    left = [f"{counts.gave_away:,} in which a model named itself"] if counts.gave_away else []
    left += [f"{counts.named:,} with names shown"] if counts.named else []
    more = f" ({', '.join(left)})" if left else ""
    typer.echo(f"{counts.hidden:,} of {counts.votes:,} votes count{more}; heedful arena --export writes them")


def _export(journal: Journal, path: Path, conversations: bool, everything: bool, as_json: bool) -> None:
    from heedful.arena.exchange import export_votes

    count = export_votes(journal, path, conversations, everything)
    if as_json:
        print_json({"written": str(path), "votes": count})
    else:
        typer.echo(f"{path}: {count:,} votes; heedful rate {path} makes ratings of them")


def _import(journal: Journal, path: Path, as_json: bool) -> None:
    from heedful.arena.exchange import import_votes

    got = import_votes(journal, path)
    if as_json:
        print_json({"file": str(path), "new": got.new, "known": got.known, "votes": str(journal.path)})
    else:
        typer.echo(f"{path}: {got.new:,} new votes, {got.known:,} known from before")
