"""heedful serve MODEL: a model for clients of OpenAI's interface."""

from __future__ import annotations

import math
import os
import re
import socket
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heedful.cli.output import print_json
from heedful.errors import RequestError, did_you_mean
from heedful.models.names import parse_model_name

if TYPE_CHECKING:
    from heedful.serve.gate import Gate

PORT = 8000
MAX_TOKENS, BATCH_SIZE, WAITING = 1024, 16, 64
TIMEOUT, GRACE = 600.0, 30.0
LARGEST_BODY = 4 << 20
KEY_VARIABLE = "HEEDFUL_API_KEY"
BACKENDS = ("heedful", "vllm", "transformers")
PRECISIONS = ("auto", "fp32", "bf16")


def serve(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="hf:, gguf:, pip: or run:DIR (also @base, @step=N, @latest).")
    ],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What clients call the model; by default as MODEL names it.")
    ] = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen; any but this machine's own needs a key.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="0 for a free one.")] = PORT,
    api_key: Annotated[
        str | None, typer.Option(metavar="KEY", help=f"What clients must send; better in {KEY_VARIABLE}.")
    ] = None,
    allow_origin: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="Let web pages of this origin ask.")
    ] = None,
    template: Annotated[
        str, typer.Option(metavar="NAME", help="A template; by default the model's own, else alpaca.")
    ] = "auto",
    temperature: Annotated[
        float, typer.Option(metavar="T", min=0, help="Where a request names none; OpenAI's own is 1.")
    ] = 1.0,
    max_tokens: Annotated[
        int, typer.Option(metavar="N", min=1, help="New tokens an answer, at most, and where a request names none.")
    ] = MAX_TOKENS,
    context: Annotated[
        int | None, typer.Option(metavar="N", min=2, help="Tokens of question and answer; by default the model's.")
    ] = None,
    batch_size: Annotated[int, typer.Option(metavar="N", min=1, help="Answers made side by side.")] = BATCH_SIZE,
    waiting: Annotated[
        int, typer.Option(metavar="N", min=0, help="Answers that may wait for that; more are sent away with 429.")
    ] = WAITING,
    timeout: Annotated[float, typer.Option(metavar="S", help="Seconds for a request, waiting included.")] = TIMEOUT,
    grace: Annotated[float, typer.Option(metavar="S", help="Seconds that answers have to end after a stop.")] = GRACE,
    largest_body: Annotated[int, typer.Option(metavar="BYTES", min=1024, help="Of a request.")] = LARGEST_BODY,
    precision: Annotated[str, typer.Option(metavar="NAME", help="auto, fp32 or bf16.")] = "auto",
    device: Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda, mps.")] = "auto",
    backend: Annotated[
        str, typer.Option(metavar="NAME", help="heedful, or another server where installed: vllm, transformers.")
    ] = "heedful",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything but load and serve nothing.")] = False,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Let the model's repository run its own code.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the address and settings as one JSON document.")
    ] = False,
) -> None:
    """Answer clients of OpenAI's interface: chat completions and completions, many at a time."""
    _check(model, precision, temperature, timeout, grace, backend)
    key = _key(api_key)
    gate = _gate(host, port, key, allow_origin or [], largest_body)
    if backend != "heedful":
        usual = {
            "template": (template, "auto"), "allow-origin": (allow_origin or None, None),
            "temperature": (temperature, 1.0), "max-tokens": (max_tokens, MAX_TOKENS),
            "batch-size": (batch_size, BATCH_SIZE), "waiting": (waiting, WAITING), "timeout": (timeout, TIMEOUT),
            "grace": (grace, GRACE), "largest-body": (largest_body, LARGEST_BODY),
            "precision": (precision, "auto"), "device": (device, "auto"),
            "trust-remote-code": (trust_remote_code, False), "json": (as_json, False),
        }  # fmt: skip
        _check_other(backend, usual)
        _serve_other(backend, model, name, host, port, key, context, dry_run)
        return
    from heedful.backends.by_name import open_backend
    from heedful.web.server import listen

    load = open_backend(
        model, template=template, precision=precision, device=device, trust_remote_code=trust_remote_code, say=_say
    )
    ears = listen(host, port)
    with ears:
        if dry_run:
            _tell(model, name, host, ears, as_json, {"dry_run": True}, f"{model} would be served")
            return
        _serve(load(), ears, gate, grace, as_json, {
            "model": model, "name": name, "host": host, "max_tokens": max_tokens, "temperature": temperature,
            "context": context, "batch_size": batch_size, "waiting": waiting, "timeout": timeout,
        })  # fmt: skip


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _check(model: str, precision: str, temperature: float, timeout: float, grace: float, backend: str) -> None:
    """RequestError for what makes no sense, before anything is loaded."""
    kind = parse_model_name(model).kind
    if kind in ("openai", "scripted"):
        what = "is served already; name that server to your client" if kind == "openai" else "is no model"
        raise RequestError(f"model '{model}': {what}; serve one with hf:, gguf:, pip: or run:")
    for option, given, known in (("--precision", precision, PRECISIONS), ("--backend", backend, BACKENDS)):
        if given not in known:
            raise RequestError(f"{option} '{given}'{did_you_mean(given, known)}: choose {', '.join(known)}")
    if not math.isfinite(temperature):
        raise RequestError(f"--temperature {temperature}: name a number, such as 0.7")
    if not 0 < timeout < math.inf:
        raise RequestError(f"--timeout {timeout:g}: name a number of seconds above 0")
    if not 0 <= grace <= 3600:
        raise RequestError(f"--grace {grace:g}: name a number of seconds from 0 to 3600")


def _key(given: str | None) -> str | None:
    """The key of the command line, else of the environment."""
    where = "--api-key" if given is not None else KEY_VARIABLE
    key = os.environ.get(KEY_VARIABLE) or None if given is None else given
    if key is not None and not re.fullmatch(r"[\x21-\x7e]{16,200}", key):
        raise RequestError(f"{where}: a key has 16 to 200 characters, without spaces; choose another one")
    return key


def _gate(host: str, port: int, key: str | None, origins: list[str], largest_body: int) -> Gate:
    """Whom the server answers. RequestError where others could ask without a key, or for what is no origin."""
    from heedful.serve.gate import Gate
    from heedful.web.server import Address, is_loopback, rules_for

    if key is None and not is_loopback(host):
        raise RequestError(
            f"--host {host}: others can reach this address, so a key is needed; set {KEY_VARIABLE}, or use 127.0.0.1"
        )
    for origin in origins:
        if not re.fullmatch(r"https?://[a-z0-9.\-\[\]:]+", origin):
            raise RequestError(
                f"--allow-origin '{origin}': write an origin such as https://app.example, without a path"
            )
    return Gate(rules_for(Address(host, port), largest_body=largest_body), key, frozenset(origins))


def _serve(backend: Any, ears: socket.socket, gate: Gate, grace: float, as_json: bool, asked: dict[str, Any]) -> None:
    """Serve a loaded model until Ctrl-C or SIGTERM."""
    from heedful.backends.worker import Worker
    from heedful.serve.answering import Service
    from heedful.serve.asked import Defaults
    from heedful.serve.running import serve as run

    if asked["context"] is not None:
        backend.positions = min(backend.positions, asked["context"])
    if backend.positions >= 1 << 60:
        raise RequestError("the model does not say how long its text may be; name a length with --context")
    worker = Worker(backend, asked["batch_size"], asked["waiting"])
    name = asked["name"] or asked["model"]
    service = Service(worker, Defaults(name, asked["max_tokens"], asked["temperature"]), asked["timeout"])
    typer.echo(backend.note, err=True)

    def ready() -> None:
        more = {"context": backend.positions, "engine": worker.together, "stop_token": backend.chat.stop_token,
                "template": backend.chat.name}  # fmt: skip
        _tell(asked["model"], asked["name"], asked["host"], ears, as_json, more, f"{name} is served")

    run(service, gate, ears, grace, ready)
    figures = service.figures
    answered = sum(n for (_, status), n in figures.requests.items() if status == 200)
    requests = f"{answered:,} request{'s' * (answered != 1)}"
    typer.echo(f"{requests} answered, {figures.tokens:,} tokens said", err=True)


def _tell(
    model: str, name: str | None, host: str, ears: socket.socket, as_json: bool, more: dict[str, Any], said: str
) -> None:
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{ears.getsockname()[1]}/v1"
    if as_json:
        print_json({"url": url, "model": name or model, **more})
    else:
        typer.echo(f"{said} at {url}" + ("" if "dry_run" in more else "   (Ctrl-C ends)"))


def _check_other(backend: str, usual: dict[str, tuple[Any, Any]]) -> None:
    """RequestError for an option that would be left aside: each with its value and its default."""
    for option, (value, default) in usual.items():
        if value != default:
            raise RequestError(f"--{option}: is for Heedful's own server, not for that of {backend}; leave it out")


def _serve_other(
    backend: str, model: str, name: str | None, host: str, port: int, key: str | None, context: int | None,
    dry_run: bool,
) -> None:  # fmt: skip
    from heedful.serve.others import COPY, command_for, run_other, served_folder

    command_for(backend, model, COPY.format(model), name, host, port, key, context)  # mistakes before any copying
    with served_folder(model, _say, dry_run) as folder:
        command = command_for(backend, model, folder, name, host, port, key, context)
        whose = "vLLM's" if backend == "vllm" else "transformers'"
        _say(f"{whose} own server answers; Heedful's limits, figures and checks of who asks are not in between")
        if dry_run:
            typer.echo(" ".join(command.words))
            return
        run_other(command, _say)
